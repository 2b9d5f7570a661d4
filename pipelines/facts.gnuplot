# facts.gnuplot - facts.png: what answers to wrong facts follow, and how that changes in training
picture = 'facts.png'
wide = 1200
high = 480
load 'pipelines/lib/picture.gnuplot'
set multiplot layout 1,2 margins 0.06,0.985,0.17,0.91 spacing 0.09,0
set title 'What answers to wrong facts follow (questions trained on)'
set style fill solid 1 noborder
set boxwidth 0.24
set xrange [-0.5:3.5]
set yrange [0:120]
set ytics 0,20,100
set ylabel 'answers (%)' offset 1
set xtics scale 0
set key top center maxrows 1
follows = out.'/follows.tsv'
word_of(i) = word('fact weights neither', i)
hue(i) = word('#0072b2 #e69f00 #bbbbbb', i)
set xtics ("words" 0, "numbers" 1, "words" 2, "numbers" 3)
set label 1 'trained always with facts' at 0.5, graph -0.13 center
set label 2 'trained also without' at 2.5, graph -0.13 center
plot for [i = 1:3] follows using ($0 + 0.26 * (i - 2)):(100 * column(3 * i - 1)) with boxes lc rgb hue(i) title (i < 3 ? 'the ' : '').word_of(i), \
     for [i = 1:3] follows using ($0 + 0.26 * (i - 2)):(100 * column(3 * i)):(0):(100 * (column(3 * i + 1) - column(3 * i))) \
     with @interval notitle
unset label
set title 'On the way: trained always with facts'
set xrange [0:*]
set xtics auto scale 1
set xlabel 'step'
set yrange [0:150]
set key top left Left reverse maxrows 3
course = out.'/course.tsv'
plot for [i = 1:3] course using 1:(100 * column(i + 1)) with linespoints lw 2 pt int(word('7 5 9', i)) ps 0.9 lc rgb hue(i) title 'wrong fact: '.word_of(i), \
     course using 1:(100 * $5) with linespoints lw 2 pt 4 lc rgb '#009e73' title 'own fact: right', \
     course using 1:(100 * $6) with linespoints lw 2 dt 2 pt 6 lc rgb '#d55e00' title 'own fact, held out'
