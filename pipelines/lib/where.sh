# where.sh - where in a text a patch has an effect: maps of places in the text and parts of the network.
# shellcheck shell=bash

# asked_entries TEXTS: the line of the book that is asked for, of each text: id, entry
asked_entries() {
	mpcat --json "$1" | jq -r 'select(.spans) | [.id, ([.spans[] | select(.[2] == "answer")[3]] | last)] | @tsv'
}

# where ASKED EACH: mean effects by place in the text, spans or rows as EACH says, of lines of act-patch on stdin. ASKED is
# a file of asked_entries: see where.awk
where() {
	awk -f pipelines/lib/where.awk -v each="$2" "$1" -
}

# characters TEXTS: those of the first text, a line each
characters() {
	mpcat --json "$1" | jq -nr 'first(inputs | select(.spans)).text / "" | .[] | {" ": "␣", "\n": "↵"}[.] // .'
}

# map_settings TITLE FILE TEXTS: gnuplot commands for FILE, a map of where.awk: its size, its labels, and lines between
# groups. The labels of rows are the characters of the first of TEXTS; if that is empty, there are none.
map_settings() {
	awk -F '\t' -v title="$1" '
		FILENAME != ARGV[2] { character[lines++] = $0; next }
		$2 == 0 {
			groups += $4 != group
			if ($4 != group && $5 != "-") {
				if (groups > 1)
					print "set arrow from " $1 - 0.5 ", graph 0 to " $1 - 0.5 ", graph 1 nohead front lc rgb \"#888888\" lw 1"
				printf "set label \"%s\" at %s, graph 1 offset 0, 0.6 left\n", $4, $1 - 0.4
			}
			group = $4
			tic = $5 == "-" ? $4 : $7 in character ? character[$7] : ""
			sub(/ \(/, "\\n(", tic)
			x = x (x == "" ? "" : ", ") "\"" tic "\" " $1
		}
		$1 + 1 > columns { columns = $1 + 1 }
		$2 + 1 > rows { rows = $2 + 1; last = $6; sub(/^(resid|head):/, "", $6); sub(/^mlp:/, "feed-forward ", $6); label[rows] = $6 }
		END {
			if (last ~ /^resid:/) label[rows] = "end"
			for (i = 1; i <= rows; i++) y = y (i > 1 ? ", " : "") "\"" label[i] "\" " i - 1
			print "title = \"" title "\"\nset xtics (" x ")\nset ytics (" y ")\ncolumns = " columns + 0 "\nrows = " rows + 0
		}' <([ -z "$3" ] || characters "$3") "$2"
}
