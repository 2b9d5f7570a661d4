# certainty.gnuplot - certainty.png: names that are certain, and the entropy at each letter and digit
picture = 'certainty.png'
wide = 1200
high = 480
load 'pipelines/lib/picture.gnuplot'
set multiplot layout 1,3 margins 0.055,0.985,0.13,0.91 spacing 0.06,0
set title 'Names that are certain (key: as in the middle)'
set xrange [-0.2:8.2]
set yrange [0:102]
set xtics 1
set xlabel 'letters read'
set ylabel 'share of names (%)' offset 1
unset key
data = out.'/within.tsv'
plot data using 1:(100 * $2):(100 * $3):(100 * $4) with yerrorbars pt 7 lc rgb colour(3) notitle, \
     '' using 1:(100 * $2) with lines lw 2 lc rgb colour(3) title 'first name: the model', \
     '' using 1:(100 * $5) with lines lw 2 dt 2 lc rgb colour(3) title 'first name: by the list', \
     '' using 1:(100 * $8):(100 * $9):(100 * $10) with yerrorbars pt 5 lc rgb colour(6) notitle, \
     '' using 1:(100 * $8) with lines lw 2 lc rgb colour(6) title 'name asked for: the model', \
     '' using 1:(100 * $11) with lines lw 2 dt 2 lc rgb colour(6) title 'name asked for: by the book'
set title 'Entropy at each letter'
set xrange [0.5:12.5]
set yrange [0:*]
set xlabel 'letter of the name'
set ylabel 'entropy (nats)'
set key on top right
data = out.'/entropy.tsv'
plot data using 1:2:3:4 with yerrorbars pt 7 ps 0.8 lc rgb colour(3) notitle, \
     '' using 1:2 with lines lw 2 lc rgb colour(3) title 'first name: the model', \
     '' using 1:5 with lines lw 2 dt 2 lc rgb colour(3) title 'first name: by the list', \
     '' using 1:8:9:10 with yerrorbars pt 5 ps 0.8 lc rgb colour(6) notitle, \
     '' using 1:8 with lines lw 2 lc rgb colour(6) title 'name asked for: the model', \
     '' using 1:11 with lines lw 2 dt 2 lc rgb colour(6) title 'name asked for: by the book'
set title 'Entropy at each digit'
set xrange [0.5:10.5]
set yrange [-0.05:2.6]
set xlabel 'digit of the number'
set key on center right
data = out.'/digits.tsv'
plot data using 1:2:3:4 with yerrorbars pt 7 ps 0.8 lc rgb colour(3) notitle, \
     '' using 1:2 with lines lw 2 lc rgb colour(3) title 'number in a line: the model', \
     out.'/floors.tsv' using 1:2 with lines lw 2 dt 2 lc rgb '#333333' title 'by the rules of numbers', \
     data using 1:5:6:7 with yerrorbars pt 5 ps 0.8 lc rgb colour(6) notitle, \
     '' using 1:5 with lines lw 2 lc rgb colour(6) title 'answer: the model'
