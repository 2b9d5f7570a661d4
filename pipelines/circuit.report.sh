# circuit.report.sh - what pipelines/circuit concludes, the graph as a picture, and the tables of its report.
# shellcheck shell=bash disable=SC2154,SC2153 # pipelines/circuit sets the variables

# for_people: the names of parts on stdin, as words
for_people() {
	sed -E 's/\bembed\b/the text/g; s/\blogits\b/the answer/g; s/\bhead:/head /g; s/\bmlp:/feed-forward /g'
}

# thing: what a text is
thing() {
	[ "$TEXTS" ] && echo text || echo book
}

# listed: the words on stdin, as "a, b and c", or "none"
listed() {
	paste -sd ' ' | sed -E 's/ /, /g; s/(.*), /\1 and /; s/^$/none/'
}

# ---- the verdict ----

# way CHANGE: the strongest path into the answer, the strongest one into where that comes from, and so on
way() {
	awk -F '\t' -v change="$1" '
		BEGIN { as["q"] = "as its queries, "; as["k"] = "as its keys, "; as["v"] = "as its values, " }
		$1 == change && (!($3 in best) || $5 > best[$3]) { best[$3] = $5; from[$3] = $2; how[$3] = as[$4] }
		END {
			for (part = "logits"; part in from; part = from[part])
				text = " → " part " (" how[part] sprintf("%.2f", best[part]) ")" text
			if (text != "") print part text
		}' "$OUT/graph.tsv" | for_people
}

ways() {
	local word what way
	changes | while IFS='|' read -r word _ _ what; do
		way=$(way "$word")
		[ -z "$way" ] || [ -z "$what" ] || printf ' %s: %s.' "$what" "$way"
	done
}

# the_graph: what it is made of, and its strongest ways
the_graph() {
	echo "The graph has $(of graph_heads) of $(of heads) heads ($(sed -n 's/^head://p' "$OUT/graph.list" | listed)) and $(of graph_mlps)
		of $(of mlps) feed-forward parts ($(sed -n 's/^mlp://p' "$OUT/graph.list" | listed)).$(ways)"
}

verdict() {
	local numbers along=
	! of paths_exact >/dev/null || along=", along its paths alone $(all_of paths_exact)"
	numbers="with everything outside the graph taken from another $(thing), $(all_of graph_exact) of the answers are
		right$along, and $(all_of whole_exact) with nothing taken."
	if holds 'whole_exact_high < 0.5'; then
		echo "this model is no good to find out: $(all_of whole_exact) of its answers are right."
	elif holds 'whole_exact_low < 0.5'; then
		flat "this run does not settle it: $numbers"
	elif holds 'graph_paths < 1'; then
		flat "this run finds no graph: no path from the text to the answer has an effect beyond $THRESHOLD."
	elif holds 'graph_exact_high >= whole_exact_low'; then
		flat "the graph is enough: $numbers $(the_graph)"
	elif holds 'graph_exact_low > 0.5'; then
		flat "the graph does most of it: $numbers $(the_graph)"
	elif holds 'graph_exact_high < 0.5'; then
		flat "the graph is not enough: $numbers $(the_graph)"
	else
		flat "the graph does a part of it: $numbers $(the_graph)"
	fi
}

# ---- pictures ----

colours=('#0072b2' '#d55e00' '#666666') # of the kinds of partners

# legend: which colour is which, in Graphviz's HTML
legend() {
	local text i=0
	changes | while IFS='|' read -r _ _ text _; do
		printf '<font color="%s">━━ %s</font>    ' "${colours[i++]}" "$text"
	done
}

# dot_graph: the graph for Graphviz. A head has a place for each of the ways in which it reads. Of partners that are
# another book, only those paths are drawn that no other kind of partners shows.
dot_graph() {
	local word part i=0
	cat <<-END
		digraph circuit {
		graph [rankdir=LR, nodesep=0.3, ranksep=0.55, fontname="DejaVu Sans", fontsize=12, labelloc=b, label=<$(legend)>];
		node [fontname="DejaVu Sans", fontsize=13, color="#555555", shape=box];
		edge [fontname="DejaVu Sans", fontsize=11, arrowsize=0.7];
		"embed" [label="the text", style="filled,rounded", fillcolor="#eeeeee"];
		"logits" [label="the answer", style="filled,rounded", fillcolor="#eeeeee"];
	END
	while read -r part; do
		if [[ $part == head* ]]; then
			echo "\"$part\" [shape=record, label=\"{{<q> q|<k> k|<v> v}|<out> head ${part#*:}}\"];"
		else
			printf '"%s" [label="feed-\\nforward %s"];\n' "$part" "${part#*:}"
		fi
	done <"$OUT/graph.list"
	changes | while IFS='|' read -r word _; do
		awk -F '\t' -v change="$word" -v colour="${colours[i++]}" '
			NR == FNR { if ($1 != "other") drawn[$2, $3, $4]; next }
			$1 == change && !(change == "other" && ($2, $3, $4) in drawn) {
			size = $5 < 0 ? -$5 : $5
			printf "\"%s\"%s -> \"%s\"%s [label=\"%.2f\", color=\"%s\", fontcolor=\"%s\", penwidth=%.2f, style=%s];\n", \
				$2, ($2 ~ /^head/ ? ":out" : ""), $3, ($4 == "-" ? "" : ":" $4 ":w"), $5, colour, colour, \
				0.8 + 5 * (size > 1 ? 1 : size), ($5 < 0 ? "dashed" : "solid")
		}' "$OUT/graph.tsv" "$OUT/graph.tsv"
	done
	echo '}'
}

pictures() {
	local word text map maps characters=$OUT/texts.mp
	[ -z "$TEXTS" ] || characters= # tokens of other texts may be longer than a character
	dot_graph >"$OUT/graph.dot"
	dot -Tpng -Gdpi=96 -Gsize=12.5,12 -o "$OUT/graph.png" "$OUT/graph.dot"
	dot -Tsvg -o "$OUT/graph.svg" "$OUT/graph.dot"
	for map in positions parts; do
		maps=$(changes | while IFS='|' read -r word _ text _; do
			[ -s "$OUT/$map-$word.tsv" ] || continue
			map_settings "$text" "$OUT/$map-$word.tsv" "$characters" >"$OUT/$map-$word.gp"
			echo "$map-$word"
		done)
		[ -z "$maps" ] || plot "$([ $map = parts ] && echo circuit.parts || echo lib/positions)" list="$(paste -sd ' ' <<<"$maps")"
	done
}

# ---- tables ----

# header CELL...: the head of a table
header() {
	printf '|'
	printf ' %s |' "$@"
	printf '\n|'
	printf ' --- |%.0s' "$@"
	printf '\n'
}

# effects: the heads of columns of effects, one for each kind of partner
effects() {
	[ -z "$TEXTS" ] || echo effect
	[ "$TEXTS" ] || changes | while IFS='|' read -r _ _ text _; do
		echo "effect, if $text"
	done
}

# table_paths: the paths of the graph, the strongest first, with their effects for all kinds of partners
table_paths() {
	local heads
	mapfile -t heads < <(effects)
	header 'path' 'read as' "${heads[@]}"
	awk -F '\t' -v changes="$(changes | cut -d '|' -f 1 | paste -sd ' ')" '
		BEGIN { n = split(changes, change, " "); as["q"] = "query"; as["k"] = "key"; as["v"] = "value"; as["-"] = "" }
		{ path = $2 " → " $3 " | " as[$4] }
		FILENAME == ARGV[1] { if (!(path in most)) { paths[++count] = path; most[path] = 0 } next }
		path in most {
			size = $5 < 0 ? -$5 : $5
			if (size > most[path]) most[path] = size
			effect[path, $1] = sprintf("%.3f (%.3f to %.3f)", $5, $6, $7)
			gsub(/-0\.000/, "0.000", effect[path, $1])
		}
		END {
			for (i = 1; i <= count; i++) {
				printf "%.6f\t| %s |", most[paths[i]], paths[i]
				for (c = 1; c <= n; c++) printf " %s |", effect[paths[i], change[c]]
				print ""
			}
		}' "$OUT/graph.tsv" "$OUT/paths.tsv" | sort -s -t $'\t' -k 1,1gr | cut -f 2 | for_people
}

# table_parts: the parts of the graph
table_parts() {
	local heads part word
	mapfile -t heads < <(effects)
	header 'part' "${heads[@]}" 'right with the graph without it'
	while read -r part; do
		printf '| %s |' "$(for_people <<<"$part")"
		changes | while IFS='|' read -r word _; do
			printf '%s' "$(numbers 3 "${word}_$(key "$part")")"
		done
		shares "without_$(key "$part")_exact"
		printf '\n'
	done <"$OUT/graph.list"
}

# row TEXT KEY: what is kept, and the answers then
row() {
	! of "$2_exact" >/dev/null || echo "| $1 |$(shares "$2"_{exact,partner})"
}

table_proof() {
	row 'all parts: nothing is replaced' whole
	row '**the parts of the graph**' graph
	row 'the paths of the graph, and no others' paths
	row 'the heads of the graph, and all feed-forward parts' heads_of_graph_all_mlps
	row 'the heads of the graph, and no feed-forward part' heads_of_graph
	row 'no part: all are replaced' none
}

# said_of_random: other graphs of as many heads
said_of_random() {
	[ "$(of random_draws)" -eq 0 ] || flat "With $(of graph_heads) heads that are drawn at random in place of these, and the same
		feed-forward parts, $(all_of random_mean) are right on average over $(of random_draws) draws, and at best
		$(all_of random_most)."
}

table_thresholds() {
	local threshold
	for threshold in $(thresholds); do
		threshold=$(tr . _ <<<"$threshold")
		echo "| ${threshold/_/.} |$(numbers 0 "at_$threshold"_{paths,heads,mlps})$(shares "at_${threshold}_exact")$(
			of "at_${threshold}_paths_exact" >/dev/null && shares "at_${threshold}_paths_exact" || echo ' |')"
	done
}

# about: what was asked, and of what kinds the partners are
about() {
	if [ "$TEXTS" ]; then
		flat "The texts are those of TEXTS, and their partners those of PARTNERS. The proof is over the same texts."
	else
		cat <<-END
			The model was asked about $RECORDS books of $ENTRIES lines that are not from the training. All names have five letters, so
			each character has its fellow at the same place of any other book. Partners are of three kinds:

			- All numbers are other ones, while names, their order and the question stay. What has an effect then carries digits: those
			  to be answered, and those answered so far, by which the place in the book is found, too.
			- Another line is asked for, while the book stays. What has an effect then carries which line it is: by the name asked
			  for, and by the digits answered so far.
			- It is another book, with other names, too. What has an effect then may carry anything: also the names of the book, by
			  which the line is found. In the picture such a path is drawn only if the other partners do not show it.
		END
	fi
}

# other: whose activations are put in place of what lies outside the graph
other() {
	if [ "$TEXTS" ]; then
		echo "their partners"
	else
		echo "other books, with other names and numbers and a line asked for that is drawn anew"
	fi
}

# said_of_positions: what the characters below the picture are
said_of_positions() {
	[ "$TEXTS" ] || flat "A row is what the network has made of the text up to this character. The characters are those of the first
		book, the numbers means over all books; of the lines that are not asked for the mean is taken."
}
