# heads.training.gnuplot - training.png: loss and accuracy over the training, and what the heads do
# meanwhile. Variables: val, the curve of the training; list, the heads; carriers, heads of a colour of
# their own; chance, induction by chance
picture = 'training.png'
wide = 1000
high = 820
load 'pipelines/lib/picture.gnuplot'
steps = out.'/steps.tsv'
is_carrier(i) = strstrt(' '.carriers.' ', ' '.word(list, i).' ') > 0
number(name) = sum [j = 1:words(carriers)] (word(carriers, j) eq name ? j : 0)
# the strong colours first
carrier_colour(i) = colour(7 - i)
set lmargin at screen 0.1
set rmargin at screen 0.9
set multiplot
set xrange [0:*]
stats steps using 1 name 'step' nooutput
set xrange [0:step_max]
set tmargin at screen 0.95
set bmargin at screen 0.68
set format x ''
set ylabel 'right answers (%)' offset 1
set yrange [0:102]
set y2range [0:*]
set y2tics textcolor rgb '#333333'
set y2label "loss of the answer\n(nats per character)" offset -1
set title 'Loss and accuracy, and what the heads do meanwhile'
set key center right
plot steps using 1:(100 * $2) with linespoints lw 2.5 pt 7 ps 0.6 lc rgb colour(6) title 'right answers', \
     val using 1:12 axes x1y2 with lines lw 2 lc rgb colour(3) title 'loss (scale on the right)'
unset title
unset y2tics
unset y2label
set tmargin at screen 0.64
set bmargin at screen 0.37
set ylabel "attention to the\nnext character"
set yrange [0:1]
set key top left
plot for [i = 1:words(list)] steps using 1:(column(2 * i + 2)) with lines lw (is_carrier(i) ? 2.5 : 1) \
     lc rgb (is_carrier(i) ? carrier_colour(number(word(list, i))) : '#aaaaaa') \
     title (is_carrier(i) ? 'head '.word(list, i).' (layer.head)' : ''), \
     NaN with lines lw 1 lc rgb '#999999' title 'other heads'
set tmargin at screen 0.33
set bmargin at screen 0.07
set format x '%g'
set xlabel 'step'
set ylabel "induction score,\nover the books"
set yrange [0:*]
set key top left
plot for [i = 1:words(list)] steps using 1:(column(2 * i + 3)) with lines lw (is_carrier(i) ? 2.5 : 1) \
     lc rgb (is_carrier(i) ? carrier_colour(number(word(list, i))) : '#aaaaaa') notitle, \
     real(chance) with lines lw 1.5 dt 2 lc rgb '#333333' title 'by chance'
