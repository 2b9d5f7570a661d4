#!/bin/bash
# pictures.sh - what a machine can check of the pictures: they fit on a screen, axes and colour bars have
# names, curves that may lie on each other differ in more than colour.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT/pipelines" || exit 1

for picture in *.png; do
	read -r wide _ <<<"$(png_size "$picture")"
	[ "${wide:-9999}" -le 1250 ] && [ "$(stat -c %s "$picture")" -le 300000 ]
	ok $? "$picture: at most 1250 pixels wide, and small"
done

for script in *.gnuplot; do
	grep -q '^\(plot\|	*plot\|eval .plot\)' "$script" || continue
	wide=$(sed -n 's/^wide = \([0-9]*\)$/\1/p' "$script")
	[ "${wide:-0}" -le 1250 ]
	ok $? "$script: at most 1250 pixels wide"
	# a picture of numbers in colours says what they are: beside a bar, or in each cell
	! grep -q 'with image' "$script" || grep -q "set cblabel\|set label . 'attention (" "$script" || grep -q 'with labels' "$script"
	ok $? "$script: a colour bar has a name"
	! grep -q 'errorbars pt 0' "$script"
	ok $? "$script: an error bar without a point is @interval, in which gnuplot clears no disc"
	! grep -q 'with dots' "$script"
	ok $? "$script: no dots, which nobody sees"
	case $script in
	heatmap*) ;;
	*)
		grep -q 'set xlabel' "$script" && grep -q 'set ylabel\|ytic(' "$script"
		ok $? "$script: axes have names"
		;;
	esac
done

# The colours of Okabe and Ito, which people tell apart who do not see red or green; and greys.
is "$(grep -ohiE '#[0-9a-f]{6}\>' -- *.gnuplot lib/*.gnuplot | tr 'A-F' 'a-f' | sort -u | grep -vxE \
	'#(56b4e9|009e73|e69f00|d55e00|cc79a7|0072b2|f0e442|([0-9a-f]{2})\2\2)' |
	grep -vxE '#(e8f1fa|9dc9e8|3d8bc9|0b4a94|2a0845)' | paste -sd ' ')" "" "colours: one palette, and the blues of heat maps"

for script in counterfactual probes; do
	is "$(grep -oE 'with yerrorbars .*pt [0-9]+' $script.gnuplot | grep -oE 'pt [0-9]+' | sort | uniq -c | awk '$1 > 2' | wc -l)" 0 \
		"$script: points of different shapes"
	# shellcheck disable=SC2016
	grep -qE '\$1 [-+] 0\.[0-9]+\)' $script.gnuplot
	ok $? "$script: which stand side by side"
done
grep -q 'shape(i)' phonebook.gnuplot
ok $? "phonebook: so do its curves"
! grep -rnE "to what is|to be written" -- *.gnuplot *.report.md
ok $? "the character that comes next is called so"
done_testing
