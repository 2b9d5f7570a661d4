# counterfactual.gnuplot - answers.png: what is answered to changed books, and how likely a changed
# digit is
picture = 'answers.png'
wide = 1250
high = 520
load 'pipelines/lib/picture.gnuplot'
set multiplot layout 1,2 margins 0.23,0.985,0.115,0.91 spacing 0.075,0
set title 'What is answered to a changed book'
set xrange [0:100]
set yrange [9.1:-0.6] # below the bars is room for the key
set ytics scale 0
set xlabel 'share of answers (%)'
set grid xtics noytics lc rgb '#dddddd' lt 1 lw 0.6
set key bottom left Left reverse
set style fill solid 1 noborder
plot out.'/answers.tsv' using (0):($0 - 0.17):(0):(100 * $3):($0 - 0.32):($0 - 0.02):ytic(2) \
          with boxxyerror lc rgb colour(6) title 'right by the changed book', \
     '' using (0):($0 + 0.17):(0):(100 * $6):($0 + 0.02):($0 + 0.32) \
          with boxxyerror lc rgb colour(3) title 'right by the book as it was', \
     '' using (100 * $4):($0 - 0.17):(100 * ($5 - $4)):(0) with @interval notitle, \
     '' using (100 * $7):($0 + 0.17):(100 * ($8 - $7)):(0) with @interval notitle
set title 'A digit of the number asked for is changed'
set key at graph 0.5, graph 0.75 center
set xrange [0.5:10.5]
set yrange [*:1]
set xtics 1
set ytics scale 1
set xlabel 'digit of the number'
set ylabel 'ln of its probability, mean over books' offset 1
set grid noxtics ytics lc rgb '#dddddd' lt 1 lw 0.6
# side by side, because they are equal if the answer follows the book
plot out.'/places.tsv' using ($1 - 0.15):2:3:4 with yerrorbars pt 7 lc rgb colour(6) title 'new digit, after the change', \
     '' using ($1 + 0.15):11:12:13 with yerrorbars pt 5 lc rgb colour(3) title 'old digit, before it', \
     '' using ($1 - 0.15):8:9:10 with yerrorbars pt 6 lw 1.5 lc rgb colour(6) title 'new digit, before it', \
     '' using ($1 + 0.15):5:6:7 with yerrorbars pt 4 lw 1.5 lc rgb colour(3) title 'old digit, after the change'
