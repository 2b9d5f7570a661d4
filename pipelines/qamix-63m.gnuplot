# qamix-63m.gnuplot - loss.png: loss in training and on held-out items. Variables: epochs, those of a
# step; article_loss
picture = 'loss.png'
wide = 1000
high = 480
load 'pipelines/lib/picture.gnuplot'
set title 'Loss in training and on held-out items'
set xlabel 'epochs'
set ylabel 'loss (nats per character)' offset 1
set xrange [0:*]
set yrange [0:*]
set key top right
epoch(step) = step * epochs
plot out.'/trained/curve.tsv' using (epoch($1)):3 with lines lw 2 dt 2 lc rgb colour(3) title 'what is trained on', \
     '' using (epoch($1)):2 with lines lw 2.5 lc rgb colour(6) title 'held-out items', \
     real(article_loss) with lines lw 2 dt 3 lc rgb '#333333' title "the article's ".article_loss
