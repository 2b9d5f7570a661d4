# memory-or-context.gnuplot - memory-or-context.png: two maps over the number of people and the rows: what conflicts follow,
# with the line on which book and directory change places, and closed-book accuracy. Variables: people, rows, lists;
# seen, how often each person was seen, "-" if that is not the same in each row; on_average, " on average" or nothing; row_label.
picture = 'memory-or-context.png'
wide = 1240
columns = words(people)
lines = words(rows)
high = 150 + 78 * lines
load 'pipelines/lib/picture.gnuplot'
unset colorbox
unset grid
set tics scale 0
set border lc rgb '#888888'
set xrange [-0.5:columns - 0.5]
set yrange [lines - 0.5:-0.5]
set xtics ()
do for [i = 1:columns] {
	set xtics add (word(people, i).(word(seen, i) eq '-' ? '' : "\n".word(seen, i).'×') i - 1)
}
set ytics ()
do for [i = 1:lines] { set ytics add (word(rows, i) i - 1) }
set xlabel 'people in the directory'.(strstrt(seen, '-') ? '' : ', and how many times each was seen'.(on_average eq '' ? ' in training' : on_average)) offset 0, -1
set tmargin at screen 1 - 56.0 / high
set bmargin at screen 82.0 / high
share(x) = sprintf('%.0f%%', 100 * x)
white(x) = abs(x) > 0.55 ? 0xffffff : 0x333333
# a map may have one row only, which an image cannot
cell = 'boxxyerror fillstyle solid noborder linecolor palette'
set multiplot
set lmargin at screen 0.06
set rmargin at screen 0.515
set ylabel row_label offset 1
set palette defined (-1 "#d55e00", 0 "#ffffff", 1 "#0072b2")
set cbrange [-1:1]
set title "If book and directory disagree, whose number is the answer? (The rest: neither)\n{/*0.85 ●: where a network goes over to the book; line: their mean, with its 95% interval}"
unset key
plot out.'/map.tsv' using 1:2:($1 - 0.5):($1 + 0.5):($2 - 0.5):($2 + 0.5):3 with @cell notitle, \
	out.'/switch-line.tsv' using 1:2 with lines lw 2.5 lc rgb '#000000' notitle, \
	out.'/map.tsv' using 1:($2 - 0.25):('book '.share($4)):(white($3)) with labels tc rgb variable font 'DejaVu Sans,10' notitle, \
	'' using 1:($2 + 0.25):('directory '.share($5)):(white($3)) with labels tc rgb variable font 'DejaVu Sans,10' notitle, \
	out.'/switch-line.tsv' using 3:2:($4 - $3):(0) with @interval lw 2 notitle, \
	out.'/switch-points.tsv' using 1:2 with points pt 7 ps 1 lc rgb '#000000' notitle
set lmargin at screen 0.565
set rmargin at screen 0.99
unset ylabel
set palette defined (0 "#ffffff", 0.1 "#e8f1fa", 0.4 "#9dc9e8", 0.75 "#3d8bc9", 1 "#0b4a94")
set cbrange [0:1]
set title "Closed-book accuracy\n{/*0.85 closed records: how many numbers are right?}"
plot out.'/map.tsv' using 1:2:($1 - 0.5):($1 + 0.5):($2 - 0.5):($2 + 0.5):6 with @cell notitle, \
	'' using 1:2:(share($6)):(white($6)) with labels tc rgb variable notitle
unset multiplot
