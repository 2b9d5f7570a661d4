# capacity.report.sh - what pipelines/capacity concludes, and the tables and pictures of its report.
# shellcheck shell=bash disable=SC2154,SC2153 # pipelines/capacity sets the variables

# exposures: those of GRID, a line each, the fewest first
exposures() {
	# shellcheck disable=SC2086 # GRID is a list of words
	printf '%s\n' $GRID | cut -d : -f 1 | sort -nu
}

# widths: those of WIDTHS, a line each, the smallest first
widths() {
	# shellcheck disable=SC2086 # WIDTHS is a list of words
	printf '%s\n' $WIDTHS | sort -nu
}

# listed: the lines on stdin, as "a, b and c"
listed() {
	paste -sd '|' | sed -E 's/\|/, /g; s/(.*), /\1 and /'
}

# thousands N: with a comma
thousands() {
	sed -E ':again; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; t again' <<<"$1"
}

# ---- the verdict ----

# which EXPRESSION EXPOSURES: the widths of whose peak it is true; it has low and high for the ends of the interval, and rising,
# which is 1 if a larger directory might leave more
which() {
	local width key
	for width in $(widths); do
		key=w${width}_e$2
		! holds "$(sed "s/low/${key}_peak_low/; s/high/${key}_peak_high/; s/rising/${key}_rising/" <<<"$1")" || echo "$width"
	done
}

# judged EXPOSURES BITS: after so many exposures, is it the BITS a parameter of Allen-Zhu and Li? Nothing if GRID lacks them.
# If more is left of each larger directory, a network cannot be shown to fall short.
judged() {
	local width reach below short unsettled numbers
	exposures | grep -qx "$1" || return 0
	numbers=$(for width in $(widths); do number "w${width}_e$1_peak" 2; done | listed)
	reach=$(which "low >= $2" "$1" | listed)
	below=$(which "high < $2 && rising == 0" "$1" | listed)
	short=$(which "high < $2 && rising == 1" "$1" | listed)
	unsettled=$(which "low < $2 && (high >= $2 || rising == 1)" "$1" | listed)
	printf 'After %s exposures, networks of width %s keep at most %s bits a parameter: ' "$(thousands "$1")" "$(widths | listed)" "$numbers"
	if [ -z "$below$unsettled" ]; then
		echo "Allen-Zhu & Li's value, $2, is reached."
	elif [ -z "$reach$unsettled" ]; then
		echo "less than Allen-Zhu & Li's value, $2."
	elif [ -z "$reach$below" ]; then
		echo "this run does not settle whether Allen-Zhu & Li's value, $2, is reached."
	else
		echo "Allen-Zhu & Li's value, $2, is${reach:+ reached by width $reach,}${below:+ not reached by width $below,}" \
			"${unsettled:+not settled for width $unsettled}" | sed 's/, *$//; s/$/./'
	fi
	[ -z "$short" ] || echo "Networks of width $short keep most of the largest directory, and might keep more of a larger one."
}

verdict() {
	local text
	text=$(judged 1000 2 && judged 100 1)
	flat "${text:-This run has no networks with 100 or 1,000 exposures, so it does not settle it.}"
}

# ---- tables ----

table_points() {
	local width exposures people key
	points | while read -r width exposures people; do
		key=w${width}_e${exposures}_n$people
		echo "| $width | $(thousands "$exposures") | $(thousands "$people") | $(printf %.2f "$(of "${key}_full")") |$(
			printf ' %.1f |' "$(of "${key}_exact")")$(numbers 0 "${key}_bits")$(numbers 2 "$key"_{ratio,inner})"
	done
}

table_peaks() {
	local width exposures key
	for exposures in $(exposures); do
		for width in $(widths); do
			key=w${width}_e${exposures}_peak
			echo "| $(thousands "$exposures") | $width | $(thousands "$(of "w${width}_parameters")") |$(numbers 2 "$key")$(
				numbers 2 "${key}_inner") $(thousands "$(of "${key}_people")") | $(printf %.1f "$(of "${key}_exact")") |"
		done
	done
}

# sizes: the networks, in words
sizes() {
	local width
	for width in $(widths); do
		echo "$(thousands "$(of "w${width}_parameters")") parameters (width $width)"
	done | listed
}

# ---- picture ----

# pictures: points.tsv has width, exposures, people, and of full, ratio and whole the mean and the ends of its interval;
# peaks.tsv width, exposures, and the peak in the same way
pictures() {
	local width exposures people
	points | while read -r width exposures people; do
		printf '%s\t%s\t%s%s\n' "$width" "$exposures" "$people" "$(intervals "w${width}_e${exposures}_n${people}"_{full,ratio,whole})"
	done >"$OUT/points.tsv"
	for width in $(widths); do
		for exposures in $(exposures); do
			printf '%s\t%s%s\n' "$width" "$exposures" "$(intervals "w${width}_e${exposures}_peak")"
		done
	done >"$OUT/peaks.tsv"
	plot capacity widths="$(widths | paste -sd ' ')" exposures="$(exposures | tail -n 1)" most="$(thousands "$(exposures | tail -n 1)")" \
		parameters="$(for width in $(widths); do thousands "$(of "w${width}_parameters")"; done | paste -sd ' ')"
}
