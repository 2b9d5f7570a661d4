# heads.gnuplot - heads.png: scores and attention of each head, and right answers without it. Variables:
# count, of heads
picture = 'heads.png'
wide = 1200
high = 190 + 30 * count
load 'pipelines/lib/picture.gnuplot'
table = out.'/table.tsv'
scores = out.'/scores.matrix'
set multiplot layout 1,2 margins 0.08,0.98,95.0 / high,1 - 80.0 / high spacing 0.07,0
set label 1 'kind of head (head-score)' at 1.5, -0.85 center
set label 2 'attention of the answer to' at 5, -0.85 center
set title 'Scores of each head, from 0 to 1' offset 0, 1.4
set ylabel 'head (layer.number, both from 0)' offset -0.5
set yrange [count - 0.5:-0.5]
set xrange [-0.5:6.5]
set cbrange [0:1]
unset colorbox
unset grid
set palette defined (0 "#ffffff", 0.1 "#e8f1fa", 0.3 "#9dc9e8", 0.6 "#3d8bc9", 1 "#0b4a94")
set tics scale 0
set xtics ("previous" 0, "duplicate" 1, "induction" 2, "copying" 3, "question" 4, "1st digit,\nbefore it" 5, "next\ncharacter" 6)
plot scores matrix with image notitle, \
     table using (NaN):0:ytic(1) with points notitle, \
     for [c = 0:6] table using (c):0:(sprintf('%.2f', column(c + 2))):(column(c + 2) > 0.5 ? 0xffffff : 0x333333) \
     with labels tc rgb variable font 'DejaVu Sans,11' notitle
unset label
unset ylabel
set title 'Right answers without it'
set xrange [0:100]
set xtics 20
set xlabel 'share of answers (%)'
set grid xtics noytics lc rgb '#dddddd' lt 1 lw 0.6
set style fill solid 1 noborder
plot table using (0):0:(0):(100 * $9):($0 - 0.32):($0 + 0.32):ytic(1) with boxxyerror lc rgb colour(6) notitle, \
     '' using (100 * $10):0:(100 * ($11 - $10)):(0) with @interval notitle
