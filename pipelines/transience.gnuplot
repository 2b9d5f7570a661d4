# transience.gnuplot - transience.png: for each directory, over the training: of which number the digits of conflicts are,
# and what the strongest head attends to; what whole answers to conflicts follow; and what is answered right. Variables:
# list, the directories as PEOPLE:DECAY; batch, records of a step
picture = 'transience.png'
wide = 1200
high = 960
load 'pipelines/lib/picture.gnuplot'
curves = out.'/curves.tsv'
people(i) = word(list, i)[1:strstrt(word(list, i), ':') - 1]
decay(i) = word(list, i)[strstrt(word(list, i), ':') + 1:]
# columns of curves: 6 open, 7 closed, 8 fresh, 9 book, 10 directory, 11 stitched, 12 neither, 13 and 14 digits, 15 attention
of_network(i, k) = column(1) == i && column(4) > 0 ? 100 * column(k) : NaN
of_mean(i, k) = column(1) == i && column(4) == 0 ? 100 * column(k) : NaN
n = words(list)
left(i) = 0.06 + (i - 1) * 0.935 / n
right(i) = left(i) + 0.935 / n - 0.03
stats curves using 5 name 'step' nooutput
blue = '#0072b2'
orange = '#d55e00'
grey = '#999999'
green = '#009e73'
set multiplot

# the keys, in panels as wide as the picture
set lmargin at screen 0.05
set rmargin at screen 0.98
unset tics
unset border
set xrange [0:1]
set yrange [0:1]
set key horizontal center center samplen 2.5
set tmargin at screen 0.995
set bmargin at screen 0.965
plot NaN with lines lw 3.5 lc rgb blue title 'digits of the book', NaN with lines lw 3.5 lc rgb orange title 'digits of the directory', \
     NaN with lines lw 3.5 dt 2 lc rgb green title 'attention to the next character'
set tmargin at screen 0.625
set bmargin at screen 0.595
plot NaN with lines lw 3.5 lc rgb blue title "the book's number", NaN with lines lw 3.5 lc rgb orange title "the directory's number", \
     NaN with lines lw 3.5 lc rgb grey title 'neither'
set tmargin at screen 0.34
set bmargin at screen 0.31
plot NaN with lines lw 3.5 lc rgb '#56b4e9' title 'the book agrees with the directory', \
     NaN with lines lw 3.5 dt 4 lc rgb '#e69f00' title 'no book', \
     NaN with lines lw 3.5 lc rgb '#cc79a7' title 'new people, whom only the book knows'
unset key

set border 3 lc rgb '#555555'
set ytics nomirror out textcolor rgb '#333333'
set grid ytics lc rgb '#dddddd' lt 1 lw 0.6
set xrange [0:step_max]
set yrange [0:102]
set xtics step_max / 2 nomirror out textcolor rgb '#333333'
do for [i = 1:n] {
	set lmargin at screen left(i)
	set rmargin at screen right(i)
	if (i > 1) { unset ylabel; set format y '' }
	if (i == 1) { set ylabel 'digits, attention (%)' offset 1.5 }
	set tmargin at screen 0.865
	set bmargin at screen 0.645
	set format x ''
	unset xlabel
	set label 1 sprintf('%s people, decay %s', people(i), decay(i)) at graph 0.5, graph 1 center offset 0, 3.9
	top = step_max * real(batch) / real(people(i))
	between = top > 100 ? 50 * ceil(top / 200) : top > 20 ? 10 * ceil(top / 40) : 5
	set x2range [0:top]
	set x2tics between nomirror out textcolor rgb '#333333' offset 0, -0.3
	set x2label 'times each was asked for' offset 0, -0.7
	plot curves using 5:(of_network(i, 13)) with lines lw 0.8 lc rgb blue, \
	     curves using 5:(of_network(i, 14)) with lines lw 0.8 lc rgb orange, \
	     curves using 5:(of_network(i, 15)) with lines lw 0.8 lc rgb green, \
	     curves using 5:(of_mean(i, 13)) with lines lw 3.5 lc rgb blue, \
	     curves using 5:(of_mean(i, 14)) with lines lw 3.5 lc rgb orange, \
	     curves using 5:(of_mean(i, 15)) with lines lw 3.5 dt 2 lc rgb green
	unset label 1
	unset x2tics
	unset x2label
	if (i == 1) { set ylabel 'answers to conflicts (%)' offset 1.5 }
	set tmargin at screen 0.59
	set bmargin at screen 0.37
	plot curves using 5:(of_network(i, 9)) with lines lw 0.8 lc rgb blue, \
	     curves using 5:(of_network(i, 10)) with lines lw 0.8 lc rgb orange, \
	     curves using 5:(of_network(i, 12)) with lines lw 0.8 lc rgb grey, \
	     curves using 5:(of_mean(i, 9)) with lines lw 3.5 lc rgb blue, \
	     curves using 5:(of_mean(i, 10)) with lines lw 3.5 lc rgb orange, \
	     curves using 5:(of_mean(i, 12)) with lines lw 3.5 lc rgb grey
	if (i == 1) { set ylabel 'right answers (%)' offset 1.5 }
	set tmargin at screen 0.305
	set bmargin at screen 0.065
	set format x '%g'
	set xlabel 'step'
	plot curves using 5:(of_network(i, 6)) with lines lw 0.8 lc rgb '#56b4e9', \
	     curves using 5:(of_network(i, 7)) with lines lw 0.8 lc rgb '#e69f00', \
	     curves using 5:(of_network(i, 8)) with lines lw 0.8 lc rgb '#cc79a7', \
	     curves using 5:(of_mean(i, 6)) with lines lw 3.5 lc rgb '#56b4e9', \
	     curves using 5:(of_mean(i, 7)) with lines lw 3.5 dt 4 lc rgb '#e69f00', \
	     curves using 5:(of_mean(i, 8)) with lines lw 3.5 lc rgb '#cc79a7'
}
