# probes.gnuplot - probes.png: right answers by lines of the book and by temperature, and where answers to
# a name that is not there come from
picture = 'probes.png'
wide = 1200
high = 480
load 'pipelines/lib/picture.gnuplot'
set multiplot layout 1,3 margins 0.055,0.98,0.13,0.91 spacing 0.06,0
# a little aside of each other, because they are nearly equal
set title 'Books of 1 to 8 lines'
set xrange [0.5:8.5]
set yrange [0:102]
set xtics 1
set xlabel 'lines of the book'
set ylabel 'right answers (%)' offset 1
set key bottom left Left reverse
plot out.'/lines.tsv' using ($1 - 0.12):(100 * $2) with lines lw 2 lc rgb colour(6) notitle, \
     '' using ($1 - 0.12):(100 * $2):(100 * $3):(100 * $4) with yerrorbars pt 7 lc rgb colour(6) title 'all names', \
     '' using ($1 + 0.12):(100 * $5) with lines lw 2 dt 2 lc rgb colour(3) notitle, \
     '' using ($1 + 0.12):(100 * $5):(100 * $6):(100 * $7) with yerrorbars pt 5 lc rgb colour(3) title 'names of at most 4 letters'
set title 'Temperature'
set xrange [-0.05:1.55]
set xtics 0.25
set xlabel 'temperature'
set ylabel 'share (%)'
plot out.'/temperatures.tsv' using ($1 - 0.02):(100 * $2) with lines lw 2 lc rgb colour(6) notitle, \
     '' using ($1 - 0.02):(100 * $2):(100 * $3):(100 * $4) with yerrorbars pt 7 lc rgb colour(6) title 'number right, name given', \
     '' using 1:(100 * $8) with lines lw 2 dt 3 lc rgb colour(2) notitle, \
     '' using 1:(100 * $8):(100 * $9):(100 * $10) with yerrorbars pt 9 lc rgb colour(2) title 'number right, its own name', \
     '' using ($1 + 0.02):(100 * $5) with lines lw 2 dt 2 lc rgb colour(3) notitle, \
     '' using ($1 + 0.02):(100 * $5):(100 * $6):(100 * $7) with yerrorbars pt 5 lc rgb colour(3) title 'its own name is in the book'
set title 'A name not in the book'
set lmargin at screen 0.81
set xrange [0:100]
set yrange [4.6:-0.6]
unset ylabel
set xtics 20
set ytics scale 0
set xlabel 'share of answers (%)'
set grid xtics noytics lc rgb '#dddddd' lt 1 lw 0.6
set key at graph 1, graph 0.24 right Left reverse samplen 1.5
set style fill solid 1 noborder
plot out.'/origins.tsv' using (0):($0 - 0.17):(0):(100 * $2):($0 - 0.32):($0 - 0.02):ytic(1) \
          with boxxyerror lc rgb colour(6) title 'share of answers', \
     '' using (0):($0 + 0.17):(0):(100 * $5):($0 + 0.02):($0 + 0.32) \
          with boxxyerror lc rgb '#bbbbbb' title 'by chance', \
     '' using (100 * $3):($0 - 0.17):(100 * ($4 - $3)):(0) with @interval notitle
