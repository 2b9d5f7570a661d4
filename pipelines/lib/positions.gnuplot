# positions.gnuplot - positions.png: the mean effect of each row of the residual stream before each layer, and
# after the last one, if it alone is the partner's. Variables: list, names of maps, one below the other.
picture = 'positions.png'
wide = 1250
most = 0
rows_most = 0
do for [i = 1:words(list)] {
	load out.'/'.word(list, i).'.gp'
	unset label
	unset arrow
	most = columns > most ? columns : most
	rows_most = rows > rows_most ? rows : rows_most
}
cell = 1080.0 / most > 24 ? 24.0 : 1080.0 / most # pixels
panel = 20.0 * rows_most + 110
high = panel * words(list) + 10
load 'pipelines/lib/picture.gnuplot'
set palette defined (0 "#ffffff", 0.02 "#e8f1fa", 0.1 "#9dc9e8", 0.3 "#3d8bc9", 0.6 "#0b4a94", 1 "#2a0845")
set cbrange [0:*]
unset grid
set tics scale 0
set border lc rgb '#888888'
set multiplot
do for [i = 1:words(list)] {
	name = out.'/'.word(list, i)
	unset label
	unset arrow
	load name.'.gp'
	set xtics font 'DejaVu Sans Mono,9' offset 0, 0.4 norotate
	set ytics font 'DejaVu Sans,10'
	set lmargin at screen 60.0 / wide
	set rmargin at screen (60 + cell * columns) / wide
	set tmargin at screen 1 - (panel * (i - 1) + 60) / high
	set bmargin at screen 1 - (panel * (i - 1) + 60 + 20.0 * rows) / high
	set xrange [-0.5:columns - 0.5]
	set yrange [rows - 0.5:-0.5]
	set label title at graph 0, graph 1 offset 0, 2 left
	set xlabel 'row of this token' offset 0, 0.4
	set ylabel 'before layer' offset 0.5
	set colorbox user origin screen (60 + cell * columns + 18) / wide, screen 1 - (panel * (i - 1) + 60 + 20.0 * rows) / high size screen 12.0 / wide, screen 20.0 * rows / high
	set cblabel 'effect' offset 0.5
	set cbtics font 'DejaVu Sans,9'
	if (rows < 4) { set cbtics 0.1 } else { set cbtics autofreq }
	plot name.'.tsv' using 1:2:3 with image notitle
}
unset multiplot
