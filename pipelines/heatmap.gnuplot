# heatmap.gnuplot - layer-L-head-H.png: one head, at most some 1,000 pixels wide and high if the text has
# at most 800 characters. Variables: name, "L-H"; picture, the file
load out.'/data/'.name.'.gp'
load 'pipelines/heatmap.look.gnuplot'
left = y_stretches ? 200.0 : 70.0
bottom = x_stretches ? 205.0 : 70.0
inner = 1.0 * x_pixels * columns > 480 ? 1.0 * x_pixels * columns : 480.0
tall = 1.0 * y_pixels * rows > 60 ? 1.0 * y_pixels * rows : 60.0
wide = left + inner + 110
high = 50 + (tall < 200 ? 200 : tall) + bottom
set terminal pngcairo size wide, high font 'DejaVu Sans Mono,9' noenhanced background '#ffffff'
set output out.'/'.picture
set lmargin at screen left / wide
set rmargin at screen (left + inner) / wide
set tmargin at screen 1 - 50 / high
set bmargin at screen 1 - (50 + tall) / high
set tics scale 0 textcolor rgb '#000000' norotate
if (x_stretches) { set xtics rotate by 90 right }
set xrange [-0.5:columns - 0.5]
set yrange [rows - 0.5:-0.5]
set label 1 sprintf('Head %d.%d (layer %d, head %d, both from 0)', layer, head, layer, head) at screen 0.5, screen 1 - 24 / high center font 'DejaVu Sans,13'
set label 2 'the model attends to (column)' at screen (left + inner / 2) / wide, screen 1 - (50 + tall + bottom - 20) / high center font 'DejaVu Sans,11'
set label 3 'the model has just read (row)' at screen 16 / wide, screen 1 - (50 + (tall < 200 ? 200 : tall) / 2) / high center rotate by 90 font 'DejaVu Sans,11'
set colorbox user origin screen (left + inner + 24) / wide, screen 1 - (50 + (tall < 200 ? 200 : tall < 400 ? tall : 400)) / high size screen 16 / wide, screen (tall < 200 ? 200 : tall < 400 ? tall : 400) / high
set cblabel 'attention (a row adds up to 1)' font 'DejaVu Sans,11' offset 1
set cbtics 0.2 font 'DejaVu Sans,10'
plot out.'/data/'.name.'.tsv' matrix with image
