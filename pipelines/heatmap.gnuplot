# heatmap.gnuplot - layer-L-head-H.png: one head, 12 pixels for each character. Variables: name, "L-H";
# picture, the file
load out.'/data/'.name.'.gp'
load 'pipelines/heatmap.look.gnuplot'
wide = 12.0 * columns + 150 < 640 ? 640.0 : 12.0 * columns + 150
high = 12.0 * rows + 120 < 240 ? 240.0 : 12.0 * rows + 120
set terminal pngcairo size wide, high font 'DejaVu Sans Mono,9' noenhanced background '#ffffff'
set output out.'/'.picture
set lmargin at screen 40 / wide
set rmargin at screen 1 - 110 / wide
set tmargin at screen 1 - 75 / high
set bmargin at screen 45 / high
set tics scale 0 textcolor rgb '#000000' norotate
set colorbox user origin screen 1 - 70 / wide, screen 45 / high size screen 16 / wide, screen (high < 420 ? high - 120 : 300) / high
set xrange [-0.5:columns - 0.5]
set x2range [-0.5:columns - 0.5]
set yrange [rows - 0.5:-0.5]
set y2range [rows - 0.5:-0.5]
set label sprintf('layer %d, head %d: what each character read (row) attends to (column)', layer, head) at screen 12 / wide, screen 1 - 20 / high font 'DejaVu Sans,12'
set cbtics 0.2
plot out.'/data/'.name.'.tsv' matrix with image
