# circuit.parts.gnuplot - parts.png: the mean effect of each head and each feed-forward part, if its output alone, in one
# kind of span, is the partner's. Variables: list, names of maps, side by side.
picture = 'parts.png'
wide = 1250
rows_most = 0
columns_all = 0
do for [i = 1:words(list)] {
	load out.'/'.word(list, i).'.gp'
	rows_most = rows > rows_most ? rows : rows_most
	columns_all = columns_all + columns
}
cell = (1180.0 - 160 * words(list)) / columns_all > 150 ? 150.0 : (1180.0 - 160 * words(list)) / columns_all # pixels
high = 120 + 22 * rows_most
load 'pipelines/lib/picture.gnuplot'
set palette defined (0 "#ffffff", 0.02 "#e8f1fa", 0.1 "#9dc9e8", 0.3 "#3d8bc9", 0.6 "#0b4a94", 1 "#2a0845")
set cbrange [0:1]
unset colorbox
unset grid
set tics scale 0
set border lc rgb '#888888'
left = 0.0
set multiplot
do for [i = 1:words(list)] {
	name = out.'/'.word(list, i)
	load name.'.gp'
	set lmargin at screen (left + 160) / wide
	set rmargin at screen (left + 160 + cell * columns) / wide
	left = left + 160 + cell * columns
	set tmargin at screen 1 - 40.0 / high
	set bmargin at screen 1 - (40 + 22.0 * rows) / high
	set xrange [-0.5:columns - 0.5]
	set yrange [rows - 0.5:-0.5]
	set title title
	set xlabel 'rows of these tokens' offset 0, -1
	if (i == 1) { set ylabel 'head (layer.number), feed-forward part' offset 0.5 } else { unset ylabel }
	plot name.'.tsv' using 1:2:3 with image notitle, \
	     '' using 1:2:(abs($3) < 0.005 ? '' : sprintf('%.2f', $3)):($3 > 0.5 ? 0xffffff : 0x333333) with labels tc rgb variable font 'DejaVu Sans,10' notitle
}
unset multiplot
