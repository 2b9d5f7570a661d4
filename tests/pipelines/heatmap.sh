#!/bin/bash
# heatmap.sh - pipelines/heatmap on a small model: a picture for each head, and one of all.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$ROOT" || exit 1

text=$'{"a" \\b\'\t$x`@%é}\n'
"$tools/mkmodel" "$TMP/model" $'{}"ab \\\'\t$x`@%é\n' 2 3 12 64 1 6
jq -nc --arg text "$text" '{id: 4, text: $text, spans: [[1, 4, "name", 0, 1.5], [5, 7, "answer", 0, 0]]},
	{id: 5, text: "ab", spans: [[1, 2, "answer", 0, 0]]}' | "$tools/mkstream" text '{}' >"$TMP/input"

OUT=$TMP/out MODEL_DIR=$TMP/model INPUT=$TMP/input pipelines/heatmap >"$TMP/log" 2>&1
status=$?
ok $status "pipelines/heatmap runs, whatever characters a text has"
[ $status -eq 0 ] || sed 's/^/# /' "$TMP/log"
is "$(grep -cv '^heatmap: ' "$TMP/log")" 0 "nothing is complained of"
for layer in 0 1; do for head in 0 1 2; do
	is "$(png_size "$TMP/out/layer-$layer-head-$head.png")" "660 358" "a picture of layer $layer, head $head"
done; done
is "$(png_size "$TMP/out/heads.png")" "920 748" "and one of all"
is "$(find "$TMP/out" -name '*.png' | wc -l)" 7 "no other picture"
[ -s "$TMP/out/report.md" ]
ok $? "a report"
is "$(grep -o '<details><summary>[^<]*</summary><img alt' "$TMP/out/report.html" | wc -l)" 6 "in report.html the heads unfold"

# what is drawn is the first record's matrix
attn-dump --quiet --layer 1 --head 2 "$TMP/model" "$TMP/input" | mpcat |
	jq -r 'select(.id == 4).probs[] | . + [range(17 - length) | 0] | @tsv' >"$TMP/want"
is "$(cat "$TMP/out/data/1-2.tsv")" "$(cat "$TMP/want")" "the first record is what is drawn"

OUT="$TMP/some's" MODEL_DIR=$TMP/model INPUT=$TMP/input LAYER=1 HEAD=0-1 ROWS=answer \
	pipelines/heatmap >"$TMP/log" 2>&1
ok $? "layers, heads and rows can be chosen"
is "$(cd "$TMP/some's" && echo *.png)" "heads.png layer-1-head-0.png layer-1-head-1.png" "those are drawn"
is "$(wc -l <"$TMP/some's/data/1-0.tsv")" 2 "two rows of the answer"

# A phone book of 200 characters: it fits on a screen, and names and numbers are the labels.
phonegen --count 1 --entries 5 --seed 7 >"$TMP/book"
take_alphabet "$TMP/book"
"$tools/mkmodel" "$TMP/reader" "$alphabet" 1 1 8 256 1 6
OUT=$TMP/long MODEL_DIR=$TMP/reader INPUT=$TMP/book pipelines/heatmap >"$TMP/log" 2>&1
ok $? "a long text"
read -r wide high <<<"$(png_size "$TMP/long/layer-0-head-0.png")"
[ "$wide" -le 1200 ] && [ "$high" -le 1200 ]
ok $? "its picture fits on a screen"
# labels AXIS: the labels of an axis, with their codes as characters, a line each
labels() {
	sed -n "s/^set $1tics (\(.*\))$/\1/p" "$TMP/long/data/0-0.gp" | grep -o '"[^"]*" [0-9.]*' |
		while read -r label; do printf '%b\n' "${label//\\/\\0}"; done
}
for axis in x y; do
	is "$(labels $axis | sed 's/ [0-9.]*$//' | tr -d '"' | grep -c .)" 15 "$axis: a label for each stretch that has room"
	is "$(labels $axis | grep -c '^"Callum-James Charlie-Jay" ')" 1 "$axis: a name is a label"
	is "$(labels $axis | grep -c '^"773-805-1346" ')" 2 "$axis: the number, in the book and in the answer"
done

OUT=$TMP/none MODEL_DIR=$TMP/model INPUT=$TMP/nowhere pipelines/heatmap >"$TMP/log" 2>&1
is "$? $(tail -n 1 "$TMP/log")" "1 heatmap: failed while reading what is to be drawn" \
	"a failure says where"

done_testing
