# heatmap.look.gnuplot - what the pictures of pipelines/heatmap share. Attention is from 0 to 1, and
# small shares must show.
set palette defined (0 "#ffffff", 0.02 "#e8f1fa", 0.1 "#9dc9e8", 0.3 "#3d8bc9", 0.6 "#0b4a94", 1 "#2a0845")
set cbrange [0:1]
set border lc rgb "#888888"
unset key
