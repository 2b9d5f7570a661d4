#!/bin/bash
# memory-or-context.sh - pipelines/memory-or-context: networks that are too small to know anything, a run that is stopped,
# and where book and directory change places, on numbers that are made up.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1
name=memory-or-context

export STEPS=6 BATCH=4 PEOPLE='4  8' CLOSED='0 0.5' SEEDS='1 2' ASKED=10 ENTRIES=2
runs $name JOBS=2
found=$results/$name
for cell in people_4_closed_0 people_8_closed_0_5; do
	for key in conflict_book conflict_directory conflict_stitched conflict_neither conflict_digits_book conflict_digits_directory \
		open_exact closed_exact fresh_exact lead; do
		is_value $name ${cell}_${key}_of 2
	done
done
is "$(awk -F '\t' '$1 ~ /_conflict_(book|directory|stitched|neither)$/ { key = $1; sub(/_[a-z]*$/, "", key); sum[key] += $2 }
	END { for (key in sum) printf "%s %.6g\n", key, sum[key] }' "$found/summary.tsv" | sort)" \
	"$(printf 'people_%s_conflict 1\n' 4_closed_0_5 4_closed_0 8_closed_0_5 8_closed_0)" "the answers to conflicts add up to all of them"
is_value $name closed_0_5_switch_networks 2
is "$(grep -cE '^closed_0_switch_(above|below|neither)' "$found/summary.tsv")" 3 "switches that are not there are counted"
# in books of two lines, each person is seen this often: by the records themselves
is "$(phonegen --people 4 --entries 2 --seed 1 --count 24 | mpcat --json | jq -r 'select(.spans) | .spans[][2]' | grep -c '^number$')" 48 \
	"numbers in the books of the training"
is_value $name people_4_closed_0_seen 12
is_value $name people_4_closed_0_5_seen 9
[ -n "$(png_size "$found/$name.png")" ] && [ "$(wc -l <"$found/networks.tsv")" = 9 ]
ok $? "a picture, and a line for each network"
is "$(grep -c '^| 0\(\.5\)\? | [48] |' "$found/report.md")" 4 "a line for each cell"

# A network that was cut off, and networks that had not begun.
goes_on $name 8 answers.tsv

runs $name JOBS=2 CLOSED=0.5 SKEW='0 2' SEEDS=1 ENTRIES=1-2
is_value $name people_8_skew_2_conflict_neither_of 1
is "$(grep -c '^| [02] | [48] |' "$found/report.md")" 4 "with Zipf's law: a line for each cell"
is "$(grep -c closed_0_5_switch "$found/summary.tsv")" 0 "rows are exponents"

runs $name JOBS=2 CLOSED=0.5 CLOSED_BOOK=absent SEEDS=1 ENTRIES=1-2
is "$(jq -r '.chain[] | select(.program == "phonegen").args | join(" ")' "$found/networks/4-0.5-0-1/model/memoscope.json" |
	grep -c -- '--closed-book absent')" 1 "closed records with books of others"
is_value $name people_4_closed_0_5_seen 12
grep -qF 'A closed record has a book of other people, without the one asked for.' "$found/report.md"
ok $? "and the report says so"

# more lines than 128 characters hold
runs $name JOBS=2 CLOSED=0 SEEDS=1 ENTRIES=4-6 PEOPLE='6 8'
is "$(jq .n_positions "$found/networks/8-0-0-1/model/config.json")" "$(phonegen --entries 6 --names "$found/names" --count 200 |
	mpcat --json | jq 'select(.spans).text | length' | sort -n | tail -n 1)" "a network takes the longest book, and no more"

# ---- what is refused ----

while IFS='|' read -r setting want; do
	fails 2 "^$name: $want" "$setting" env "$setting" OUT="$TMP/none" pipelines/$name
done <<'END'
PEOPLE=8|PEOPLE is not a list of two or more
PEOPLE=8 4|PEOPLE do not rise
PEOPLE=8 8|PEOPLE has a number twice
CLOSED=0.5 0.50|CLOSED has a number twice: 0\.50
SEEDS=1 01|SEEDS has a number twice: 01
CLOSED=0.5 1.5|CLOSED is not a list of shares, 0 to 1: 1\.5
SKEW=11|SKEW is not a list of exponents, 0 to 10: 11
PEOPLE=1 8|a directory of 1 people, but a record may have 2
PEOPLE=8 172225|the directory leaves 0 full names
SKEW=0 1|CLOSED and SKEW both have several values
ENTRIES=0|ENTRIES is not
ENTRIES=2-1|ENTRIES: 2-1 has more lines at first
SEEDS=one|SEEDS is not
CLOSED_BOOK=full|CLOSED_BOOK is not none or absent
END
fails 2 "^$name: a directory of 8 people, but a record may have 9" "nobody is left who is in no book" \
	env PEOPLE='8 9' ENTRIES=1-8 CLOSED_BOOK=absent OUT="$TMP/none" pipelines/$name
[ ! -e "$TMP/none" ]
ok $? "it did not begin"

# ---- where they change places ----

switches() {
	tr ' ' '\t' | awk -f pipelines/$name.switch.awk | tr '\t' ' '
}
is "$(switches <<'END'
0 1 10 -0.5
0 1 100 0
0 1 1000 0.5
0 2 10 -0.25
0 2 1000 0.75
0.5 1 10 -1
0.5 1 100 -0.5
0.5 2 10 1
0.5 2 100 1
0.5 3 10 0
0.5 3 100 0.04
0.8 1 10 0.3
0.8 1 100 -0.5
0.8 1 1000 0.5
0.9 1 10 0.3
0.9 1 100 -0.1
END
)" "0 1 100
0 2 31.6228
0.5 1 above
0.5 2 below
0.5 3 neither
0.8 1 316.228
0.9 1 above" "by interpolation in the logarithm; above, below and neither"

# The summary of made-up answers: two networks go over at 100 people and at 400, so the mean by the logarithm is 200.
mkdir -p "$TMP/copy/pipelines" "$TMP/made"
printf 'pipeline %s\n' $name >"$TMP/made/settings"
cp -r pipelines/{lib,lib.sh,$name.*} "$TMP/copy/pipelines"
ln -s "$ROOT/testdata" "$TMP/copy/testdata"
{
	sed '/^begin /,$d' pipelines/$name
	# shellcheck disable=SC2016
	echo 'networks >"$OUT/networks.tsv"; switches answers conflict_book conflict_directory >"$OUT/switches.tsv"; summary'
} >"$TMP/copy/pipelines/$name"
# answers PEOPLE SEED BOOK DIRECTORY
answers() {
	mkdir -p "$TMP/made/networks/$1-0.5-0-$2"
	printf '%s\t%s\n' conflict_book "$3" conflict_directory "$4" closed_exact 0.5 >"$TMP/made/networks/$1-0.5-0-$2/answers.tsv"
}
answers 50 1 0.25 0.75
answers 200 1 0.75 0.25
answers 800 1 1 0
answers 50 2 0 1
answers 200 2 0.25 0.75
answers 800 2 0.75 0.25
summary=$(STEPS=100 BATCH=10 ENTRIES=1-3 PEOPLE='50 200 800' CLOSED=0.5 OUT=$TMP/made bash "$TMP/copy/pipelines/$name")
is "$(grep -E '^(closed_0_5_switch(_of|_above|_seen)?|people_200_closed_0_5_(lead|conflict_book(_low|_high)?|seen))'$'\t' <<<"$summary" |
	tr '\t' ' ')" "people_200_closed_0_5_conflict_book 0.5
people_200_closed_0_5_conflict_book_low 0
people_200_closed_0_5_conflict_book_high 1
people_200_closed_0_5_lead 0
people_200_closed_0_5_seen 7.5
closed_0_5_switch_above 0
closed_0_5_switch 200
closed_0_5_switch_of 2
closed_0_5_switch_seen 7.5" "the mean over networks, and how often each person was seen by then"
answers 800 2 0 1
is "$(STEPS=100 BATCH=10 PEOPLE='50 200 800' CLOSED=0.5 OUT=$TMP/made bash "$TMP/copy/pipelines/$name" | grep '^closed_0_5_switch' |
	tr '\t' ' ')" "closed_0_5_switch_networks 2
closed_0_5_switch_above 1
closed_0_5_switch_below 0
closed_0_5_switch_neither 0" "there is no mean if a network has no switch"

done_testing
