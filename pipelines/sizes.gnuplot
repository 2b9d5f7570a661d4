# sizes.gnuplot - sizes.png: the loss of each network over the training, and that of the article.
# Variables: presets, the networks; articles, the article's losses; epochs, those of a step
picture = 'sizes.png'
wide = 1200
high = 560
load 'pipelines/lib/picture.gnuplot'
set xlabel 'epochs'
set ylabel 'loss (nats per character)' offset 1
set key outside right center Left reverse
set title 'Loss of three networks on questions'
hue(i) = word('#0072b2 #009e73 #d55e00 #cc79a7 #56b4e9', i)
epoch(step) = step * epochs
file(i) = out.'/'.word(presets, i).'/curve.tsv'
set yrange [0:*]
# three curves for each network, one network after the other
curves = ''
do for [i = 1:words(presets)] {
	curves = curves.sprintf("file(%d) using (epoch($1)):2 with lines lw 2.5 lc rgb hue(%d) title '%s, held-out questions', ", \
		i, i, word(presets, i))
	curves = curves.sprintf("file(%d) using (epoch($1)):3 with lines lw 2 dt 2 lc rgb hue(%d) title '%s, trained on', ", \
		i, i, word(presets, i))
	curves = curves.sprintf("real(word(articles, %d)) with lines lw 2.5 dt 3 lc rgb hue(%d) title '%s, the article'%s", \
		i, i, word(presets, i), i < words(presets) ? ', ' : '')
}
eval 'plot '.curves
