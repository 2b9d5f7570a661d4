#!/bin/bash
# which-heads.sh - pipelines/which-heads with networks that are too small to know anything: its counts, a run that was
# stopped, and what it makes of numbers that are made up.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

export SEEDS='2 1' STEPS=3 BATCH=4 RECORDS=6 TRACES=3 PEOPLE=40 JOBS=2 BOTH=0

# Programs of which act-patch fails, as if the machine were switched off after the first training.
in_place_of act-patch <<'END'
#!/bin/sh
exit 1
END
mkdir -p "$results"
BUILD=$broken OUT=$results/which-heads pipelines/which-heads >"$TMP/log" 2>&1
is "$? $(tail -n 1 "$TMP/log")" "1 which-heads: failed while training and measuring 4 networks" "a run that stops"
found=$results/which-heads
first=$(find "$found" -name trained | head -n 1)
first=${first%/*}/model/model.safetensors
inode=$(stat -c %i "$first")
runs which-heads
is "$(stat -c %i "$first")" "$inode" "the next run does not train again what is trained"
whole=$(cat "$found/summary.tsv")
rm "$found/report.md"
sed -i '/absent-2/d' "$found/jobs.tsv"
rm "$found"/absent-2/*.tsv
runs which-heads
is "$(cat "$found/summary.tsv")" "$whole" "a run that goes on has the numbers of one that was not stopped"

is_value which-heads none_both 2
is_value which-heads absent_networks 2
for kind in none absent; do
	for set in whole without_lookup_mean without_lookup_zero without_mlp_0 without_first; do
		awk -F '\t' -v key="${kind}_$set" '
			$1 ~ "^" key "_(book|directory|stitched|neither)$" { sum += $2; n++ }
			END { exit !(n == 4 && sum > 0.9999 && sum < 1.0001) }' "$found/summary.tsv"
		ok $? "$kind $set: an answer to a conflict is one of four things"
		is_value which-heads "${kind}_${set}_closed_of" 2
	done
	is_value which-heads "${kind}_lens_closed_2" '[01].*'
	is_value which-heads "${kind}_book_needed" '[1-8](\.5)?'
	is_value which-heads "${kind}_1_book_head_1_3_of" '[1-3]'
	is_value which-heads "${kind}_2_mlp_0_zero_closed_of" 6
done
is "$(cut -f 1 "$found/points.tsv" | grep -v '^0' | sort | uniq -c | xargs)" "20 1 20 2" "a point for each part of each network"
is "$(wc -l <"$found/bars.tsv")" 12 "a bar for each kind of training and each set of parts"
is "$(cut -f 1 "$found/summary.tsv" | grep -c '^none_1_book_direct_\(head_[01]_[0-3]\|mlp_[01]\|embed\|pos_embed\)$')" 12 \
	"each part has its attribution"
# all names have four letters
is "$(mpcat --json "$found/trace-directory-absent.mp" | jq -r 'select(.spans) | .text as $text | .spans[] |
	select(.[2] == "ask" or .[2] == "name") | $text[.[0]:.[1]]' | grep -cvxE '[A-Za-z]{4} [A-Za-z]{4}')" 0 "the characters of all texts have their fellows"
is "$(diff <(mpcat --json "$found/trace-book.mp" | jq -c 'select(.spans) | [.id, .directory, .text[0:14]]') \
	<(mpcat --json "$found/trace-book-partner.mp" | jq -c 'select(.spans) | [.id, .directory, .text[0:14]]'))" "" \
	"partners of conflicts are about the same people"

# no network does both
cp -r "$found" "$TMP/neither"
rm "$TMP/neither/report.md"
BOTH=1 OUT=$TMP/neither pipelines/which-heads >"$TMP/log" 2>&1
is "$? $(grep -v '^which-heads: ' "$TMP/log")" "0 " "no network does both: gnuplot has nothing to complain of"
is "$(grep -c '^| .* | - | - | - |' "$TMP/neither/report.md")" 0 "and no table has a row without numbers"

# ---- means over networks ----

{ sed '/^begin /,$d' pipelines/which-heads; echo over_networks; } >"$TMP/over"
over() {
	(mkdir -p "$TMP/pipelines"; cp -r pipelines/* "$TMP/pipelines"; cp "$TMP/over" "$TMP/pipelines/which-heads"; ln -sfn "$ROOT/testdata" "$TMP/testdata"
	tr ' ' '\t' | OUT=$TMP/none bash "$TMP/pipelines/which-heads" | tr '\t' ' ')
}
is "$(printf '%s\n' 'a 1' 'a 2' 'a 3' | over)" "a 2
a_low -0.484138
a_high 4.48414
a_of 3" "a mean, and Student's t"
is "$(printf '%s\n' 'a 0 10' 'a 0 10' | over)" "a 0
a_low 0
a_high 0.161125
a_of 2" "shares that agree: Wilson's interval for all questions"
is "$(printf '%s\n' 'a 1 10' 'a 9 10' | over)" "a 0.5
a_low 0
a_high 1
a_of 2" "shares that do not: Student's t, and no further than 0 and 1"
is "$(printf '%s\n' 'a 5 10' | over)" "a 0.5
a_low 0.236593
a_high 0.763407
a_of 1" "one network: Wilson's"

# ---- what is refused ----

for pair in 'SEEDS=1 x' 'SEEDS=0' 'ENTRIES=0' 'ENTRIES=1-' 'ENOUGH=much' 'FRESH=1.5' 'TRACES=1'; do
	fails 2 "^which-heads: ${pair%%=*} is not" "$pair" env "$pair" OUT="$TMP/none" pipelines/which-heads
done
fails 2 '^which-heads: ENTRIES: 3-1 has more lines at first than at last' "lines that fall" env ENTRIES=3-1 OUT="$TMP/none" pipelines/which-heads
fails 2 '^which-heads: a directory of 2 people, but a record may have 3' "nobody is left who is in no book" \
	env PEOPLE=2 OUT="$TMP/none" pipelines/which-heads
PEOPLE=3 OUT=$TMP/few pipelines/which-heads >"$TMP/log" 2>&1
is "$? $(tail -n 1 "$TMP/log")" "2 which-heads: there are too few people with names of four letters: set PEOPLE to more" "three people"

done_testing
