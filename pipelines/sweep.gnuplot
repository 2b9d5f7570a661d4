# sweep.gnuplot - sweep.png: the metric over one option, a line for each series. Variables: metric, x, the names; labels, of
# the series, a line each; ticks, a line each with a place and a word for it; range,
# the first place and the last; logarithmic, 1 or 0; flat, the value if there is one alone
picture = 'sweep.png'
wide = 1100
high = 520
load 'pipelines/lib/picture.gnuplot'
set termoption noenhanced
curves = out.'/curves.tsv'
hue(i) = word('#0072b2 #d55e00 #009e73 #cc79a7 #56b4e9 #e69f00', (i - 1) % 6 + 1)
shape(i) = int(word('7 5 9 13 11 15', (i - 1) % 6 + 1))
set xlabel x
set ylabel metric offset 1
# There is room beside the points, and curves stand a little side by side.
low = real(word(range, 1))
high = real(word(range, 2))
if (logarithmic eq '1') {
	set logscale x
	room = (high / low) ** 0.07
	set xrange [low / room:high * room]
} else {
	room = high > low ? 0.07 * (high - low) : 1
	set xrange [low - room:high + room]
}
aside(i) = count > 1 ? 0.4 * (i - 1) / (count - 1) - 0.2 : 0
at(i, x) = logarithmic eq '1' ? x * room ** aside(i) : x + room * aside(i)
if (flat ne '') { set yrange [real(flat) - 0.5:real(flat) + 0.5] }
set offsets 0, 0, graph 0.05, graph 0.05
set key outside right center Left reverse
set xtics ()
rest = ticks
while (strlen(rest) > 0) {
	end = strstrt(rest, "\n")
	line = end ? rest[1:end - 1] : rest
	rest = end ? rest[end + 1:*] : ''
	tab = strstrt(line, "\t")
	word = line[tab + 1:*]
	set xtics add (word real(line[1:tab - 1]))
}
count = 0
rest = labels
array name[64]
while (strlen(rest) > 0 && count < 64) {
	end = strstrt(rest, "\n")
	count = count + 1
	name[count] = end ? rest[1:end - 1] : rest
	rest = end ? rest[end + 1:*] : ''
}
count = count > 0 ? count : 1
one(i, y) = column(1) == i ? y : NaN
label(i) = name[i]
dashes(i) = (i - 1) / 6 + 1
plot for [i = 1:count] curves using (one(i, at(i, $2))):4:(0):($5 - $4) with @interval notitle, \
     for [i = 1:count] curves using (one(i, at(i, $2))):3 with linespoints lw 2 dt dashes(i) pt shape(i) ps 1.3 lc rgb hue(i) \
     title label(i)
