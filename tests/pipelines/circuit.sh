#!/bin/bash
# circuit.sh - pipelines/circuit finds a circuit that is known, and the heads of a trained model that are; which paths
# are a graph, and where an effect is.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

# ---- a circuit that was made by hand ----

"$BUILD/tests/tools/mkcircuit" "$TMP/known" abcdefgh 12
letters 60 1 >"$TMP/texts"
letters 60 2 >"$TMP/partners"
runs circuit MODEL_DIR="$TMP/known" TEXTS="$TMP/texts" PARTNERS="$TMP/partners" DRAWS=3
found=$results/circuit
is "$(cut -f 1-4 "$found/graph.tsv" | sort)" "$(printf 'partner\t%s\n' 'embed	head:0.0	v' 'embed	head:1.1	q' 'embed	head:1.1	v' \
	'head:0.0	head:1.1	k' 'head:1.1	logits	-')" "of all paths, those of the circuit that was made"
is "$(paste -sd ' ' "$found/graph.list")" "head:0.0 head:1.1" "and the two heads"
for pair in heads=4 mlps=2 graph_heads=2 graph_mlps=0 graph_paths=5 whole_exact=1 graph_exact=1 graph_exact_of=60 paths_exact=1 at_0_1_paths_exact=1 none_partner=1 \
	without_head_1_1_partner=1 moved_partner=1 random_draws=3; do
	is_value circuit "${pair%=*}" "${pair#*=}"
done
is_value circuit without_head_0_0_exact '0(\.[0-9]+)?'
grep -qF '**Verdict: the graph is enough: with everything outside the graph taken from another text, 100.0% (94.0% to 100.0%) of the answers' \
	"$found/report.md" && grep -qF 'The graph has 2 of 4 heads (0.0 and 1.1) and 0 of 2 feed-forward parts (none).' "$found/report.md"
ok $? "the verdict says so"
is "$(grep -v '^>' "$found/report.md" | grep -iE '\<books?\>|digit|asked for|letters')" "" "nothing in it is about phone books"
is "$(grep -cE '^"(embed|head:[01]\.[01])"' "$found/graph.dot") $(grep -c -- '->' "$found/graph.dot")" "8 5" "the graph for Graphviz"
[[ $(head -n 1 "$found/graph.svg") == '<?xml'* ]]
ok $? "and as SVG"

# ---- a trained model ----

mkdir "$TMP/book"
ln -s "$ROOT/testdata/phonebook" "$TMP/book/model"
: >"$TMP/book/report.md"
runs circuit PHONEBOOK="$TMP/book" ENTRIES=2 RECORDS=20 PROOF=25 DRAWS=2 THRESHOLD=0.05 THRESHOLDS='0.2 0.1 0.20'
is "$(grep -c '^head:1\.[03]$' "$found/graph.list")" 2 "the heads that look the answer up are in the graph"
is "$(cut -f 1 "$found/paths.tsv" | sort | uniq -c | xargs)" "110 asked 110 numbers 110 other" "all paths were tried, for each kind of partners"
for key in numbers_head_1_3 asked_mlp_0; do is_value circuit ${key}_of 20; done
for key in whole_exact graph_exact at_0_2_exact none_exact; do is_value circuit ${key}_of 25; done
is_value circuit whole_exact '1|0\.[89][0-9]*'
is_value circuit none_exact '0(\.[01][0-9]*)?'
is "$(grep -c '^| 0\.' "$found/report.md")" 2 "a line for each threshold, once"
# where it is: at the number asked for before the layers, and after them where a digit is to come
is "$(awk -F '\t' '$6 == "resid:0" && $3 > 0.02 { print $4 }' "$found/positions-numbers.tsv" | sort -u | paste -sd ,)" \
	"answer,number (asked for)" "before the first layer digits are where the book has them"
is "$(awk -F '\t' '$6 == "resid:2" && $3 > 0.02 { print $4 }' "$found/positions-numbers.tsv" | sort -u | paste -sd ,)" \
	"answer,ask" "at the end they are where the answer is written"
is "$(cut -f 4 "$found/positions-asked.tsv" | sort -u | paste -sd ,)" "answer,ask" "if the book stays, it is not in the picture"

# ---- what is refused ----

mkdir "$TMP/bin"
for program in bash basename dirname realpath find; do
	ln -s "$(command -v $program)" "$TMP/bin/"
done
fails 2 '^circuit: there is no program dot.*make deps' "no Graphviz" env PATH="$TMP/bin" OUT="$TMP/none" pipelines/circuit
fails 2 '^circuit: ENTRIES is not 2 or more' "books of one line" env OUT="$TMP/none" ENTRIES=1 pipelines/circuit
fails 2 '^circuit: TEXTS and PARTNERS go together' "texts without partners" env OUT="$TMP/none" TEXTS="$TMP/texts" pipelines/circuit
MODEL_DIR=$TMP/known TEXTS=$TMP/texts PARTNERS=$TMP/texts OUT=$TMP/none pipelines/circuit >"$TMP/log" 2>&1
is "$? $(tail -n 1 "$TMP/log")" "1 circuit: no path has an effect: two texts or more must have partners with other answers" \
	"partners with the same answers"

# ---- which paths are a graph ----

graph() {
	tr ' ' '\t' | awk -f pipelines/circuit.graph.awk -v threshold=0.1 | cut -f 1-4 | tr '\t' ' '
}
is "$(graph <<-'END'
	a embed mlp:0 - 0.5 0.4 0.6
	a mlp:0 head:1.0 k 0.5 0.4 0.6
	b head:1.0 logits - 0.5 0.4 0.6
	a embed head:0.1 v 0.5 0.4 0.6
	a head:0.1 mlp:1 - 0.5 0.4 0.6
	a head:0.2 logits - 0.5 0.4 0.6
	a mlp:0 head:1.0 q 0.15 0.09 0.21
	a mlp:0 logits - -0.3 -0.4 -0.2
	a embed logits - -0.15 -0.2 -0.1
	END
)" "a embed mlp:0 -
a mlp:0 head:1.0 k
b head:1.0 logits -
a head:0.2 logits -
a mlp:0 logits -" "paths beyond the threshold that lead to the answer"

# ---- where an effect is ----

# row ID PART ROW KIND ENTRY OFFSET EFFECT...: a line of act-patch
rows() {
	while read -r id part row kind entry offset effect; do
		printf '%s\t' "$id" "$part" 0 - "$row" "$kind" "$entry" "$offset" 0 0
		printf '%s\t1\t0\n' "$effect"
	done
}
printf '1\t0\n2\t1\n' >"$TMP/asked"
is "$(rows <<-'END' | awk -f pipelines/lib/where.awk -v each=row "$TMP/asked" - | cut -f 1-6 | tr '\t' ' '
	1 resid:0 0 - - - 0
	1 resid:0 1 line 0 0 0.5
	1 resid:0 2 line 1 0 0.25
	1 resid:0 3 - - - 0
	1 resid:0 4 ask 0 0 0
	1 resid:0 5 answer 0 0 1
	2 resid:0 0 - - - 0
	2 resid:0 1 line 0 0 0.75
	2 resid:0 2 line 1 0 1
	2 resid:0 3 - - - 0.5
	2 resid:0 4 ask 1 0 0
	2 resid:0 5 answer 1 0 -
	END
)" "0 0 0.75 line (asked for) 0 resid:0
1 0 0.5 line (asked for) 1 resid:0
2 0 0.5 line (other lines) 0 resid:0
3 0 0 line (other lines) 1 resid:0
4 0 1 answer 0 resid:0" "means by place, the entry asked for first; what has no effect is left out"

done_testing
