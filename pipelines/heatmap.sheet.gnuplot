# heatmap.sheet.gnuplot - heads.png: all heads in one picture, a row for each layer. Variables: list, the
# names "L-H" in order; heads, of a layer
heads = int(heads)
layers = words(list) / heads
load out.'/data/'.word(list, 1).'.gp'
unset arrow
wide = columns > 280 ? columns + 20.0 : 300.0
high = rows < columns / 2 ? (rows > 110 ? rows + 20.0 : 130.0) : wide
load 'pipelines/heatmap.look.gnuplot'
set terminal pngcairo size wide * heads + 20, (high + 24) * layers + 20 font 'DejaVu Sans,10' noenhanced background '#ffffff'
set output out.'/heads.png'
unset tics
unset colorbox
set xrange [-0.5:columns - 0.5]
set yrange [rows - 0.5:-0.5]
set multiplot layout layers,heads margins 0.01,0.99,0.01,1 - 24.0 / ((high + 24) * layers + 20) spacing 0.008,28.0 / ((high + 24) * layers + 20)
do for [i = 1:words(list)] {
	name = word(list, i)
	set title 'layer '.name[1:strstrt(name, '-') - 1].', head '.name[strstrt(name, '-') + 1:*] offset 0, -0.7
	plot out.'/data/'.name.'.tsv' matrix with image
}
unset multiplot
