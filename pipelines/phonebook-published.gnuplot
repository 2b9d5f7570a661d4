# phonebook-published.gnuplot - answer.png: loss on the published and on the fixed task. Variables:
# fixed, the curve of the fixed task; article_loss
picture = 'answer.png'
wide = 1200
high = 480
load 'pipelines/lib/picture.gnuplot'
published = out.'/val.tsv'
# floors are in grey, because curves that reach them lie on them
set multiplot layout 1,2 margins 0.06,0.985,0.125,0.91 spacing 0.075,0
set xlabel 'tokens trained on (millions)'
set xrange [0:*]
set ylabel 'loss (nats per character)' offset 1
set key top right
set title 'All characters of a record'
set yrange [0.9:2.2]
plot published using ($2/1e6):4 with lines lw 2.5 lc rgb colour(4) title 'published task', \
     published using ($2/1e6):5 with lines lw 2 dt 2 lc rgb '#333333' title 'its floor', \
     fixed using ($2/1e6):4 with lines lw 2.5 lc rgb colour(6) title 'fixed task', \
     fixed using ($2/1e6):5 with lines lw 2 dt 4 lc rgb '#999999' title 'its floor', \
     real(article_loss) with lines lw 2 dt 3 lc rgb '#009e73' title "the article's ".article_loss
set title 'The answer alone'
set yrange [-0.1:3.5]
plot published using ($2/1e6):12 with lines lw 2.5 lc rgb colour(4) title 'published task', \
     published using ($2/1e6):13 with lines lw 2 dt 2 lc rgb '#333333' title 'its floor', \
     fixed using ($2/1e6):12 with lines lw 2.5 lc rgb colour(6) title 'fixed task', \
     fixed using ($2/1e6):13 with lines lw 2 dt 4 lc rgb '#999999' title 'its floor'
