# phonebook-63m.gnuplot - both.png: loss on both tasks, beside their floors. Variables: article_loss
picture = 'both.png'
wide = 1200
high = 480
load 'pipelines/lib/picture.gnuplot'
published = out.'/published/val.tsv'
fixed = out.'/fixed/val.tsv'
set xlabel 'tokens trained on (millions)'
set xrange [0:*]
set ylabel 'loss (nats per character)' offset 1
set key top right
plot published using ($2/1e6):4 with lines lw 2.5 lc rgb colour(4) title 'published task', \
     published using ($2/1e6):5 with lines lw 2 dt 2 lc rgb '#333333' title 'its floor', \
     fixed using ($2/1e6):4 with lines lw 2.5 lc rgb colour(6) title 'fixed task', \
     fixed using ($2/1e6):5 with lines lw 2 dt 4 lc rgb '#999999' title 'its floor', \
     real(article_loss) with lines lw 2 dt 3 lc rgb '#009e73' title "the article's ".article_loss
