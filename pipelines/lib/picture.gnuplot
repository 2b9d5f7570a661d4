# picture.gnuplot - begins a picture in the look of the house. Set before: picture, the file below
# the folder `out`; wide and high, in pixels.
set terminal pngcairo size wide,high font 'DejaVu Sans,11' background '#ffffff'
set output out.'/'.picture
set datafile separator tab
colour(i) = word('#56b4e9 #009e73 #e69f00 #d55e00 #cc79a7 #0072b2', i)
set border 3 lc rgb '#555555'
set tics nomirror out textcolor rgb '#333333'
set grid ytics lc rgb '#dddddd' lt 1 lw 0.6
set key spacing 1.15 samplen 2.5
# an interval without a point, as a vector between its ends: gnuplot's error bars clear a disc in the middle
interval = "vectors heads size screen 0.003,90 lc rgb '#333333'"
