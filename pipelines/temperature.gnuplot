# temperature.gnuplot - temperature.png: repetition, right answers and different answers by
# temperature. Variables: highest, the last temperature; samples, the texts to a question
picture = 'temperature.png'
wide = 1200
high = 480
load 'pipelines/lib/picture.gnuplot'
set multiplot layout 1,3 margins 0.06,0.985,0.13,0.91 spacing 0.065,0
early = out.'/early.tsv'
half = out.'/half.tsv'
trained = out.'/trained.tsv'
file(i) = i == 1 ? early : i == 2 ? half : trained
hue(i) = word('#d55e00 #e69f00 #0072b2', i)
name(i) = word('early half-trained trained', i)
set xrange [-0.04 * highest:highest * 1.04]
# a little aside of each other, because they may be nearly equal
at(i, t) = t + 0.013 * highest * (i - 2)
shape(i) = int(word('7 5 9', i))
set xlabel 'temperature'
set title 'Text without a fact: what it repeats'
set ylabel '4-grams that stood before (%)' offset 1
set yrange [0:*]
set key top right
plot for [i = 1:3] file(i) using (at(i, $1)):(100 * $2) with lines lw 2 lc rgb hue(i) notitle, \
     for [i = 1:3] file(i) using (at(i, $1)):(100 * $2):(100 * $3):(100 * $4) with yerrorbars pt shape(i) lc rgb hue(i) title name(i), \
     for [i = 1:3] file(i) using (at(i, $1)):(100 * ($2 - $5)) with lines lw 1.5 dt 2 lc rgb hue(i) notitle, \
     NaN with lines lw 1.5 dt 2 lc rgb '#333333' title 'people, in texts as long'
set title 'Asked with the fact: right answers'
set ylabel 'right answers (%)' offset 1
set yrange [0:102]
set key at graph 0.98, graph 0.75 right
plot for [i = 1:3] file(i) using (at(i, $1)):(100 * $8) with lines lw 2 lc rgb hue(i) notitle, \
     for [i = 1:3] file(i) using (at(i, $1)):(100 * $8):(100 * $9):(100 * $10) with yerrorbars pt shape(i) lc rgb hue(i) title name(i), \
     for [i = 1:3] file(i) using (at(i, $1)):(100 * $11) with lines lw 1.5 dt 2 lc rgb hue(i) notitle, \
     NaN with lines lw 1.5 dt 2 lc rgb '#333333' title 'one of '.samples.' right'
set title 'Different answers of '.samples
set ylabel 'different answers' offset 1
set yrange [0:samples * 1.04]
set key at graph 0.98, graph 0.52 right
plot for [i = 1:3] file(i) using (at(i, $1)):14 with lines lw 2 lc rgb hue(i) notitle, \
     for [i = 1:3] file(i) using (at(i, $1)):14:15:16 with yerrorbars pt shape(i) lc rgb hue(i) title name(i).', without a fact', \
     for [i = 1:3] file(i) using (at(i, $1)):17 with lines lw 1.5 dt 2 lc rgb hue(i) notitle, \
     NaN with lines lw 1.5 dt 2 lc rgb '#333333' title 'with the fact'
