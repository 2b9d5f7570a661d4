# heatmap.sheet.gnuplot - heads.png: all heads in one picture, a row for each layer. Variables: list, the
# names "L-H" in order; heads, of a layer
heads = int(heads)
layers = words(list) / heads
load out.'/data/'.word(list, 1).'.gp'
unset arrow
wide = columns > 280 ? columns + 20.0 : 300.0
high = rows < columns / 2 ? (rows > 110 ? rows + 20.0 : 130.0) : wide
full = (high + 24) * layers + 100.0
across = wide * heads + 20 > 640 ? wide * heads + 20 : 640.0
load 'pipelines/heatmap.look.gnuplot'
set terminal pngcairo size across, full font 'DejaVu Sans,12' noenhanced background '#ffffff'
set output out.'/heads.png'
unset tics
unset colorbox
set xrange [-0.5:columns - 0.5]
set yrange [rows - 0.5:-0.5]
set multiplot layout layers,heads margins 0.01,0.99,70.0 / full,1 - 36.0 / full spacing 0.008,28.0 / full
set label 1 'A row is a character that was read, from top to bottom; a column is what it attends to, from left to right.' \
	at screen 0.01, screen 52.0 / full front font 'DejaVu Sans,11'
do for [i = 1:words(list)] {
	name = word(list, i)
	l = name[1:strstrt(name, '-') - 1]
	h = name[strstrt(name, '-') + 1:*]
	if (i == words(list)) {
		set colorbox horizontal user origin screen 0.01, screen 28.0 / full size screen 260.0 / across, screen 12.0 / full
		set cbtics 0.2 scale 0 offset 0,0.4 textcolor rgb '#000000' font 'DejaVu Sans,11'
		set label 2 'attention (a row adds up to 1)' at screen 290.0 / across, screen 33.0 / full font 'DejaVu Sans,11'
	}
	set title 'head '.l.'.'.h.' (layer '.l.', head '.h.')' offset 0, -0.7
	plot out.'/data/'.name.'.tsv' matrix with image
	unset label
}
unset multiplot
