# which-heads.gnuplot - which-heads.png: effects of each part on both numbers, and what becomes of answers if parts are
# taken away. Variables: rows, of bars for a kind of training; kinds, what is said of each, with ; between
picture = 'which-heads.png'
wide = 1250
high = 680
load 'pipelines/lib/picture.gnuplot'
points = out.'/points.tsv'
bars = out.'/bars.tsv'
hue(i) = word('#0072b2 #d55e00 #e69f00 #009e73', i)
role(i) = i == 1 ? 'heads that look up' : i == 2 ? 'other heads of layer 0' : i == 3 ? 'other heads of later layers' : 'feed-forward parts'
first = kinds[:strstrt(kinds, ';') - 1]
second = kinds[strstrt(kinds, ';') + 1:]
set multiplot

# ---- left: what each part carries ----
set lmargin at screen 0.06
set rmargin at screen 0.42
set tmargin at screen 0.90
set bmargin at screen 0.245
set title 'What each part carries, in each network' offset 0, 0.6
set xlabel "effect on the book's number\n(other numbers in the book)"
set ylabel "effect on the directory's number (another person asked for)" offset 1
set xrange [-0.05:1.1]
set yrange [-0.05:1.1]
set xtics 0.2
set ytics 0.2
set grid xtics ytics lc rgb '#dddddd' lt 1 lw 0.6
set key at screen 0.01, screen 0.125 left top Left reverse maxrows 3 samplen 1 width -5 font ',10'
marker(k, p) = k == 1 ? p : NaN
plot for [r = 1:4] points using ($1 == 1 && $2 == r ? $3 : -9):4 with points pt 7 ps 1.5 lc rgb hue(r) title role(r), \
     for [r = 1:4] points using ($1 == 2 && $2 == r ? $3 : -9):4 with points pt 8 ps 1.7 lw 1.8 lc rgb hue(r) notitle, \
     NaN with points pt 7 ps 1.5 lc rgb '#555555' title first, \
     NaN with points pt 8 ps 1.7 lw 1.8 lc rgb '#555555' title second

# ---- right: what becomes of the answers ----
set lmargin at screen 0.62
set rmargin at screen 0.985
unset ylabel
set title 'What is answered if parts are taken away: conflicts (bars), closed records (diamonds)' offset -9, 0.6
set xlabel 'share of answers (%)'
set xrange [0:100]
set xtics 20
gap = 1.4
of_book = "the book's number"
of_directory = "the directory's number"
y(i) = int(i) + (int(i) >= rows ? gap : 0)
set yrange [2 * rows + gap - 0.4:-1.4]
set ytics scale 0
unset grid
set grid xtics lc rgb '#dddddd' lt 1 lw 0.6
set label 1 first at graph 0, first -0.9 left font 'DejaVu Sans Bold,11'
set label 2 second at graph 0, first rows + gap - 0.9 left font 'DejaVu Sans Bold,11'
set key at screen 0.985, screen 0.125 right top maxrows 3 Left reverse samplen 1.5 width -4 font ',10'
set style fill solid 1 noborder
plot bars using (0):(y($0)):(0):(100 * $3):(y($0) - 0.36):(y($0) + 0.36):ytic(2) with boxxyerror lc rgb '#0072b2' title of_book, \
     '' using (0):(y($0)):(100 * $3):(100 * ($3 + $4)):(y($0) - 0.36):(y($0) + 0.36) with boxxyerror lc rgb '#d55e00' title of_directory, \
     '' using (0):(y($0)):(100 * ($3 + $4)):(100 * ($3 + $4 + $5)):(y($0) - 0.36):(y($0) + 0.36) with boxxyerror lc rgb '#cc79a7' title 'stitched of both', \
     '' using (0):(y($0)):(100 * ($3 + $4 + $5)):(100 * ($3 + $4 + $5 + $6)):(y($0) - 0.36):(y($0) + 0.36) with boxxyerror lc rgb '#d9d9d9' title 'neither', \
     '' using (100 * $8):(y($0)):(100 * ($9 - $8)):(0) with @interval notitle, \
     '' using (100 * $7):(y($0)) with points pt 13 ps 1.9 lc rgb '#000000' title 'closed answers that are right'
unset multiplot
