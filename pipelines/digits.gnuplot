# digits.gnuplot - digits.png: right digits on both tasks, and over the training. Variables: steps, those
# of the models on the way
picture = 'digits.png'
wide = 1200
high = 470
load 'pipelines/lib/picture.gnuplot'
set multiplot layout 1,3 margins 0.06,0.925,0.13,0.91 spacing 0.065,0
set xrange [0.5:10.5]
set yrange [0:102]
set xtics 1
set xlabel 'digit of the number'
set ylabel 'right (%)' offset 1
set key at graph 0.98, graph 0.38 right
set title 'Fixed task'
data = out.'/digits.tsv'
plot data using 1:(100 * $8) with lines lw 2 lc rgb colour(6) notitle, \
     '' using 1:(100 * $8):(100 * $9):(100 * $10) with yerrorbars pt 7 lc rgb colour(6) title 'trained', \
     '' using 1:(100 * $2) with lines lw 2 dt 2 lc rgb colour(3) notitle, \
     '' using 1:(100 * $2):(100 * $3):(100 * $4) with yerrorbars pt 4 lc rgb colour(3) title 'half-trained, after right digits', \
     '' using 1:(100 * $5) with lines lw 2 lc rgb colour(3) notitle, \
     '' using 1:(100 * $5):(100 * $6):(100 * $7) with yerrorbars pt 5 lc rgb colour(3) title 'half-trained', \
     '' using 1:(100 * $17) with lines lw 2 dt 3 lc rgb '#333333' title 'by chance'
set title 'Published task'
set key at graph 0.98, graph 0.9 right
plot data using ($1 - 0.12):(100 * $14) with lines lw 2 lc rgb colour(6) notitle, \
     '' using ($1 - 0.12):(100 * $14):(100 * $15):(100 * $16) with yerrorbars pt 7 lc rgb colour(6) title 'trained', \
     '' using ($1 + 0.12):(100 * $11) with lines lw 2 lc rgb colour(3) notitle, \
     '' using ($1 + 0.12):(100 * $11):(100 * $12):(100 * $13) with yerrorbars pt 5 lc rgb colour(3) title 'half-trained', \
     '' using 1:(100 * $18) with lines lw 2 dt 3 lc rgb '#333333' title 'by chance'
set title 'Fixed task, over the training'
set autoscale
set xrange [-0.5:9.5]
set yrange [-0.5:words(steps) - 0.5]
set xtics ("1" 0, "2" 1, "3" 2, "4" 3, "5" 4, "6" 5, "7" 6, "8" 7, "9" 8, "10" 9)
# some 11 of the steps, evenly
every = int((words(steps) + 10) / 11)
set ytics ()
do for [i = every:words(steps):every] {
	set ytics add (word(steps, i) i - 1)
}
set ylabel 'step' offset -0.5
set cblabel 'right (%)' offset -0.5
set cbrange [0:100]
unset grid
set palette defined (0 "#ffffff", 0.1 "#e8f1fa", 0.3 "#9dc9e8", 0.6 "#3d8bc9", 1 "#0b4a94")
plot out.'/steps.matrix' matrix using 1:2:(100 * $3) with image notitle
