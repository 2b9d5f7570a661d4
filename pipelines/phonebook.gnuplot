# phonebook.gnuplot - loss.png: loss and its floor over the training, of all characters and by kind of
# span. Variables: kinds, their words
picture = 'loss.png'
wide = 1200
high = 520
load 'pipelines/lib/picture.gnuplot'
train = out.'/train.tsv'
val = out.'/val.tsv'
stats val using 5 name 'floor' nooutput
stats val using 4 name 'loss' nooutput
stats val using ($2/1e6) name 'tokens' nooutput
set multiplot layout 1,2 margins 0.065,0.985,0.115,0.90 spacing 0.085,0
set xlabel 'tokens trained on (millions)'
set xrange [0:tokens_max]
set ylabel 'loss (nats per character)' offset 1
set key top right
set title 'All characters'
set yrange [floor_min * 0.9:floor_min + 1.1]
plot train using ($2/1e6):4 with points pt 7 ps 0.4 lc rgb '#999999' title 'training batch', \
     val using ($2/1e6):4 with lines lw 2.5 lc rgb '#0072b2' title 'held-out records', \
     val using ($2/1e6):5 with lines lw 1.5 dt 2 lc rgb '#333333' title 'entropy floor'
# points of different shapes tell curves apart that lie on each other
shape(i) = int(word('4 6 8 10 12 14', i))
# a dark line in each dash shows a floor that its curve has come to
floor_of(i) = column(5 + 2 * i) > 0 ? column(5 + 2 * i) : NaN
set title 'By kind of span (dashed: its floor, unless it is 0)'
set ylabel 'loss (nats per character, logarithmic)' offset 1
set logscale y
set format y '%g'
set yrange [*:6]
set key bottom left
plot for [i = 1:words(kinds)] val using ($2/1e6):(column(4 + 2 * i)) \
     with linespoints lw 2.5 pt shape(i) ps 0.9 pointinterval 4 lc rgb colour(i) title word(kinds, i), \
     for [i = 1:words(kinds)] val using ($2/1e6):(floor_of(i)) with lines lw 3 dt (20,15) lc rgb colour(i) notitle, \
     for [i = 1:words(kinds)] val using ($2/1e6):(floor_of(i)) with lines lw 1 dt (60,45) lc rgb '#333333' notitle
