# quiz-lookup.gnuplot - quiz-lookup.png: what new answers are, by how many invented answers a question had in training, and by
# how many questions there were
picture = 'quiz-lookup.png'
wide = 1200
high = 500
load 'pipelines/lib/picture.gnuplot'
set multiplot layout 1,2 margins 0.06,0.985,0.19,0.90 spacing 0.08,0
nonces = out.'/nonces.tsv'
questions = out.'/questions.tsv'
set yrange [0:103]
set ytics 0,20,100
set ylabel 'answers (%)' offset 1
set key at screen 0.985, screen 0.975 right top maxrows 1 samplen 3
hue(i) = word('#0072b2 #d55e00 #888888', i)
shape(i) = int(word('7 5 9', i))
dash(i) = int(word('1 2 3', i))
name(i) = i == 1 ? 'looked up in the fact, trained questions' : i == 2 ? 'looked up, held-out questions' : 'by heart: an answer of the training'
# a little aside of each other, because they are often equal
at(i) = $0 + 0.05 * (i - 2)
label(x) = x eq '0' ? 'always new' : x
stats nonces using 2 name 'nonces' nooutput
set xrange [-0.4:nonces_records - 0.6]
set xtics scale 0
set xlabel 'invented answers that a question had in training'
plot nonces using 0:(NaN):xtic(label(strcol(1))) with points notitle, \
     for [i = 1:3] nonces using (at(i)):(100 * column(3 * i - 1)) with lines lw 2 dt dash(i) lc rgb hue(i) notitle, \
     for [i = 1:3] nonces using (at(i)):(100 * column(3 * i)):(0):(100 * (column(3 * i + 1) - column(3 * i))) with @interval notitle, \
     for [i = 1:3] nonces using (at(i)):(100 * column(3 * i - 1)) with points pt shape(i) ps 1.2 lc rgb hue(i) notitle, \
     for [i = 1:3] NaN with linespoints lw 2 dt dash(i) pt shape(i) ps 1.2 lc rgb hue(i) title name(i)
unset key
stats questions using 2 name 'questions' nooutput
set xrange [-0.4:questions_records - 0.6]
set xlabel 'questions in training, with a new answer each time'
plot questions using 0:(NaN):xtic(1) with points notitle, \
     for [i = 1:3] questions using (at(i)):(100 * column(3 * i - 1)) with lines lw 2 dt dash(i) lc rgb hue(i) notitle, \
     for [i = 1:3] questions using (at(i)):(100 * column(3 * i)):(0):(100 * (column(3 * i + 1) - column(3 * i))) with @interval notitle, \
     for [i = 1:3] questions using (at(i)):(100 * column(3 * i - 1)) with points pt shape(i) ps 1.2 lc rgb hue(i) notitle
