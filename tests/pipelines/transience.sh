#!/bin/bash
# transience.sh - pipelines/transience with networks that are too small to know anything, stopped and gone on; and
# where the peak and the end of curves are that are known.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

# ---- curves that are known ----

# curve PEOPLE DECAY SEED CLOSED BOOK...: a network that has so many digits of the book at steps 10, 20, ...; its attention is
# half of that, the directory's digits half of the rest, and without a book CLOSED is right from step 20 on
curve() {
	awk -v head="$1	$2	$3" -v closed="$4" -v book="${*:5}" 'BEGIN {
		n = split(book, share, " ")
		for (i = 1; i <= n; i++)
			print head "\t" 10 * i "\t1\t" (i > 1 ? closed : 0) "\t0\t0.5\t0.1\t0\t0\t" share[i] "\t" (1 - share[i]) / 2 "\t" share[i] / 2
	}'
}
{
	printf '%s\t' people decay seed step open_exact closed_exact fresh_exact conflict_book conflict_directory \
		conflict_stitched conflict_neither conflict_digits_book conflict_digits_directory
	echo attention
	curve 20 0.01 1 1 0 0.6 0.4 0.2
	curve 20 0.01 2 0.4 0.1 0.5 0.3 0.1
	curve 20 0.01 3 1 0.2 0.3 0.9 0
	curve 20 0.3 1 1 0 0.1 0.2 0.3
	curve 20 0.3 2 1 0 0.1 0.2 0.4
	curve 20 0.3 3 1 0 0.1 0.2 0.5
} >"$TMP/steps.tsv"
# lines KEY VALUES NAME: what each network adds to a key
lines() {
	is "$(awk -F '\t' -v key="people_20_decay_$1" '$1 == key { print $2 }' "$TMP/lines" | paste -sd ' ')" "$2" "$3"
}
awk -f pipelines/transience.awk -v window=1 -v comes=0.55 -v goes=0.5 "$TMP/steps.tsv" >"$TMP/lines"
lines 0_01_peak_step "20 20 30" "the peak of a network is where it has most digits of the book"
lines 0_01_peak_conflict_digits_book "0.6 0.5 0.9" "so many are they"
lines 0_01_end_conflict_digits_book "0.2 0.1 0" "the end"
lines 0_01_fall "0.4 0.4 0.9" "and the fall between them"
lines 0_01_attention_fall "0.2 0.2 0.45" "the same of attention"
lines 0_01_goes "0 0 1" "none comes and goes that comes too little or falls too little"
lines 0_01_rise "0.2 0.2 0.45" "the rise of the directory's digits"
lines 0_01_knows "1 0 1" "and is counted"
lines 0_01_closed_half_step "20 20" "a network that never comes to a half has no step of it"
lines 0_01_gain "" "the first decay gains nothing over itself"
lines 0_3_gain "0.1 0.3 0.5" "the other one is compared seed by seed"
lines 0_3_fall "0 0 0" "what only rises does not fall"
lines 0_3_peak_step "40 40 40" "and is at its peak at the end"
awk -f pipelines/transience.awk -v window=2 -v comes=0.4 -v goes=0.17 "$TMP/steps.tsv" >"$TMP/lines"
lines 0_01_peak_step "25 25 25" "of two models together, the step is the middle"
lines 0_01_peak_conflict_digits_book "0.5 0.4 0.6" "what they follow is their mean"
lines 0_01_fall "0.2 0.2 0.15" "and so is the end"
lines 0_01_goes "1 0 0" "one comes far enough and falls far enough"

# The script up to where it begins to work, and then its summary of these curves.
mkdir "$TMP/pipelines" "$TMP/known"
cp -r pipelines/{lib,lib.sh,transience.*} "$TMP/pipelines"
ln -s "$ROOT/testdata" "$TMP/testdata"
{
	sed '/^begin /,$d' pipelines/transience
	echo summary
} >"$TMP/pipelines/transience"
mv "$TMP/steps.tsv" "$TMP/known/"
echo 'pipeline transience' >"$TMP/known/settings"
mkdir -p "$results/transience"
OUT=$TMP/known WINDOW=1 bash "$TMP/pipelines/transience" >"$results/transience/summary.tsv"
# 0.2, 0.1 and 0 have a mean of 0.1, and Student's interval goes from -0.15 to 0.35
is_value transience people_20_decay_0_01_end_conflict_digits_book '0\.1'
is_value transience people_20_decay_0_01_end_conflict_digits_book_low 0
is_value transience people_20_decay_0_01_end_conflict_digits_book_high '0\.348[0-9]*'
is_value transience people_20_decay_0_01_peak_step_high '37\.[0-9]*'
is_value transience people_20_decay_0_3_gain_low '-0\.1968[0-9]*'
rm -r "$results"

# ---- a run ----

export STEPS=12 KEEP_EVERY=4 BATCH=4 ASKED=10 SEEDS=2 WINDOW=1 DIRECTORIES='6:0.01 6:0.3 9:0.01'
runs transience JOBS=2
found=$results/transience
is "$(cut -f 1-4 "$found/steps.tsv" | tail -n +2 | paste -sd ' ' | tr '\t' ,)" "$(for directory in 6,0.01 6,0.3 9,0.01; do
	for seed in 1 2; do echo "$directory,$seed,4 $directory,$seed,8 $directory,$seed,12"; done
done | paste -sd ' ')" "a line for each model that was kept"
is "$(awk -F '\t' 'NF != 14' "$found/steps.tsv")" "" "with a number in each column"
awk -F '\t' 'NR > 1 { sum = $8 + $9 + $10 + $11; if (sum < 0.99999 || sum > 1.00001) exit 1 }' "$found/steps.tsv"
ok $? "a conflict follows the book, the directory, both in turn or neither"
awk -F '\t' 'NR > 1 { for (i = 5; i <= NF; i++) if ($i == "" || $i < 0 || $i > 1) exit 1; if ($14 == 0) exit 1 }' "$found/steps.tsv"
ok $? "all are shares, and there is attention"
is_value transience people_6_decay_0_3_peak_conflict_book_of 2
is_value transience people_6_decay_0_3_gain_of 2
is "$(grep -cE '^\| (6|9) \| 0\.' "$found/report.md")" 9 "a row for each directory in each table"
is "$(awk -F '\t' 'NF && $4 == 0' "$found/curves.tsv" | wc -l)" 9 "the means are drawn too"
is "$(awk -F '\t' 'FNR == NR { if (FNR > 1 && $1 == 9 && $4 == 12) sum += $14; next } $1 == 3 && $4 == 0 && $5 == 12 { print ($15 - sum / 2)^2 < 1e-12 }' \
	"$found/steps.tsv" "$found/curves.tsv")" 1 "a mean is that of the networks of its directory"

# A network that was cut off, one whose models were asked in part, and one that had not begun.
whole=$(cat "$found/summary.tsv")
rm "$found/report.md" "$found/jobs.tsv" "$found/steps.tsv" "$found/9-0.01-1/asked-000008.tsv" "$found/6-0.01-2/trained"
rm -r "$found/6-0.01-2/model" "$found/6-0.01-2"/asked-* "$found/6-0.3-2"
asked=$(stat -c %Y%i "$found/9-0.01-1/asked-000004.tsv")
runs transience JOBS=1
is "$(cat "$found/summary.tsv")" "$whole" "run again, it comes to the same numbers"
is "$(stat -c %Y%i "$found/9-0.01-1/asked-000004.tsv")" "$asked" "and does not ask twice"

# ---- what is refused ----

fails 2 '^transience: SEEDS is not 2 or more' "one network" env OUT="$TMP/none" SEEDS=1 pipelines/transience
fails 2 '^transience: KEEP_EVERY is too large' "too few models" env OUT="$TMP/none" WINDOW=2 pipelines/transience
fails 2 '^transience: DIRECTORIES is not a list of PEOPLE:DECAY' "no decay" env OUT="$TMP/none" DIRECTORIES='6 9' pipelines/transience
fails 2 '^transience: DIRECTORIES is not a list of PEOPLE:DECAY' "no blank" \
	env OUT="$TMP/none" DIRECTORIES='6:0.019:0.01' pipelines/transience
fails 2 '^transience: ENTRIES is not a number of lines' "lines" env OUT="$TMP/none" ENTRIES=1-x pipelines/transience
fails 2 '^transience: ENTRIES: 3-1 has more lines at first than at last' "lines that fall" env OUT="$TMP/none" ENTRIES=3-1 pipelines/transience
fails 2 '^transience: a directory of 2 people, but a record may have 3' "a book of more people than there are" \
	env OUT="$TMP/none" DIRECTORIES='9:0 2:0' ENTRIES=1-3 pipelines/transience
fails 2 '^transience: CLOSED is not a share' "more than all records" env OUT="$TMP/none" CLOSED=1.5 pipelines/transience
[ ! -e "$TMP/none" ]
ok $? "they did not begin"

done_testing
