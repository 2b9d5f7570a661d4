# capacity.gnuplot - capacity.png: what networks of three sizes keep of a directory. Variables: widths, of the networks;
# parameters, how many they have; exposures, the most; most, the same for people
picture = 'capacity.png'
wide = 1200
high = 560
load 'pipelines/lib/picture.gnuplot'
points = out.'/points.tsv'
peaks = out.'/peaks.tsv'
hue(i) = word('#0072b2 #d55e00 #009e73 #cc79a7 #56b4e9 #e69f00', (i - 1) % 6 + 1)
shape(i) = int(word('7 5 9 13 11 15', (i - 1) % 6 + 1))
width(i) = real(word(widths, i))
# x if a line of points.tsv is of network i after the most exposures, or if one of peaks.tsv is of network i
here(i, x) = column(1) == width(i) && column(2) == real(exposures) ? x : NaN
of(i, x) = column(1) == width(i) ? x : NaN
set multiplot layout 1,2 margins 0.06,0.985,0.12,0.90 spacing 0.085,0
set title sprintf('Directories of all sizes, after %s exposures', most)
set xlabel 'information of all numbers (bits for each parameter)'
set ylabel 'remembered (bits for each parameter)' offset 1
set xrange [0:*]
set yrange [0:2.8]
set key top left Left reverse
set label 1 'Allen-Zhu and Li: 2 bits' at graph 0.02, first 2 offset 0, 0.6 textcolor rgb '#333333'
set label 2 'everything' at first 1.2, 1.2 right offset -1, 0.5 textcolor rgb '#333333'
plot 2 with lines lw 1.5 dt 2 lc rgb '#333333' notitle, \
     x <= 2.3 ? x : NaN with lines lw 1.5 dt 3 lc rgb '#333333' notitle, \
     NaN with lines lw 2.5 lc rgb '#777777' title 'all that is remembered', \
     NaN with lines lw 2 dt (8,5) lc rgb '#777777' title 'in numbers that are right to the last digit', \
     for [i = 1:words(widths)] points using (here(i, $4)):10 with lines lw 2 dt (8,5) lc rgb hue(i) notitle, \
     for [i = 1:words(widths)] points using (here(i, $4)):10 with points pt shape(i) - 1 ps 1.1 lw 1.5 lc rgb hue(i) notitle, \
     for [i = 1:words(widths)] points using (here(i, $4)):8:(0):($9 - $8) with @interval notitle, \
     for [i = 1:words(widths)] points using (here(i, $4)):7 with linespoints lw 2.5 pt shape(i) ps 1.2 lc rgb hue(i) notitle
unset label
set title 'The directory of which most is remembered'
set xlabel 'exposures of each person'
set logscale x
set xrange [0.7:1600]
set yrange [-1:2.8]
set key top left Left reverse
set label 1 'values below -1 are in the table' at graph 0.98, graph 0.03 right textcolor rgb '#777777'
plot '+' using (1000):(2) every ::0::0 with points pt 3 ps 2.5 lw 2 lc rgb '#333333' title 'Allen-Zhu and Li, 1M to 0.5B parameters', \
     '+' using (100):(1) every ::0::0 with points pt 3 ps 2.5 lw 2 lc rgb '#333333' notitle, \
     for [i = 1:words(widths)] peaks using (of(i, $2)):4:(0):($5 - $4) with @interval notitle, \
     for [i = 1:words(widths)] peaks using (of(i, $2)):3 with linespoints lw 2.5 pt shape(i) ps 1.2 lc rgb hue(i) \
     title word(parameters, i).' parameters'
