#!/bin/bash
# head-score.sh - head-score: the table, over random sequences and over texts. That known
# heads are told apart is for tests/eval/head_score.c.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

phonegen --count 3 --seed 5 --entries 2 >book
take_alphabet book
"$tools/mkmodel" model "$alphabet" 2 3 12 128 1 6
"$tools/mkmodel" digits 0123456789 1 1 8 40 1 6
"$tools/mkmodel" tiny ab 1 1 8 3 1 6
"$tools/mkmodel" short "$alphabet" 1 1 8 20 1 6

# ---- the table ----

head-score -q model >table
is "$(head -n 1 table)" "$(printf '%s\t' layer head previous duplicate induction copying \
	previous_low previous_high duplicate_low duplicate_high induction_low induction_high \
	copying_low)copying_high" "a header line"
is "$(cut -f 1,2 table | tail -n +2 | tr '\t\n' '. ')" "0.0 0.1 0.2 1.0 1.1 1.2 -.- " \
	"a line for each head, and chance"
is "$(awk -F '\t' 'NR > 1 { for (i = 3; i <= 6; i++) {
	if (!($i >= 0 && $i <= 1 && $(2 * i + 1) <= $i && $i <= $(2 * i + 2))) bad++; n++ } }
	END { print n, bad + 0 }' table)" "28 0" "shares within their intervals"
head-score -q model --sequences 100 --period 25 --copies 4 --seed 1 | cmp -s - table
ok $? "the defaults"
head-score -q model --seed 2 | cmp -s - table
is $? 1 "another seed, other sequences"
is "$(head-score -q model --sequences 7 --period 5 --copies 3 | awk -F '\t' '
	function near(a, b) { return (a - b) ^ 2 < 1e-11 }
	BEGIN { for (q = 1; q < 15; q++) { p += 1 / (q + 1) / 14; d += int(q / 5) / (q + 1) / 10 } }
	$1 == "-" { print near($3, p), near($4, d), near($5, d) }')" "1 1 1" "--period and --copies"
is "$(head-score -q digits --sequences 1 | awk -F '\t' 'END { print $3, $7, $6 }')" \
	"$(awk 'BEGIN { for (q = 1; q < 40; q++) p += 1 / (q + 1) / 39; printf "%.6f - 0.100000", p }')" \
	"a period of the whole vocabulary, in a full context; one sequence has no interval"
is "$(head-score -q digits --copies 8 | awk -F '\t' 'END { print $3 }')" \
	"$(head-score -q digits --copies 8 --period 5 | awk -F '\t' 'END { print $3 }')" \
	"a period that leaves room for the copies"

# ---- over texts: what the matrices of attn-dump say ----

head-score -q model --over book >texts
attn-dump -q model book | mpcat | jq -r '
	(.text | explode) as $x | ($x | length) as $n | .probs as $p |
	([range(1; $n) | $p[.][. - 1]] | add / length) as $previous |
	[range(1; $n) | . as $q | [range($q) | select($x[.] == $x[$q])] | select(length > 0) |
		[$q, .]] as $again |
	([$again[] | . as [$q, $ks] | [$p[$q][$ks[]]] | add] | add / length) as $duplicate |
	([$again[] | . as [$q, $ks] | [$ks[] | $p[$q][. + 1]] | add] | add / length) as $induction |
	[.layer, .head, $previous, $duplicate, $induction] | @tsv' |
	awk -F '\t' -v OFS='\t' '{ for (i = 3; i <= 5; i++) sum[$1 OFS $2, i] += $i / 3; heads[$1 OFS $2] }
		END { for (h in heads) print h, sum[h, 3], sum[h, 4], sum[h, 5] }' | sort >want
is "$(tail -n +2 texts | grep -v ^- | cut -f 1-5 | paste - want | awk -F '\t' '
	{ for (i = 1; i <= 5; i++) if (($i - $(i + 5)) ^ 2 > 1e-11) bad++ } END { print NR, bad + 0 }')" \
	"6 0" "--over: equal to what attn-dump's matrices give"
head-score -q model --over - <book | cmp -s - texts
ok $? "--over -: from the standard input"
tokenize --vocab model <book | head-score -q model --over - | cmp -s - texts
ok $? "tokens are as good"
is "$(phonegen --count 0 | head-score -q model --over - | tail -n +2 | cut -f 3- | tr -d '\t\n-' | wc -c)" 0 \
	"no texts, no scores"

# ---- refused ----

fails 2 '--period: 11 different tokens, but the model knows 10' "a period beyond the vocabulary" \
	head-score digits --period 11
"$tools/mkmodel" padded $'ab\U000f0000\U000f0001' 1 1 8 40 1 1
fails 2 '--period: 3 different tokens, but the model knows 2' "padding is not drawn" head-score padded --period 3
fails 2 '9 copies of 5 tokens: the model has only a context of 40' "more than the context" \
	head-score digits --period 5 --copies 9
fails 2 '--copies: 21 of two tokens or more .* context of 40, expected at most 20' \
	"copies that leave no period" \
	head-score digits --copies 21
fails 2 '--period: 11 tokens do not fit twice into a context of 20, expected at most 10' \
	"a period that leaves no copies" head-score short --period 11
fails 2 'a context of 3 and 2 different' "a model too small for any" head-score tiny
fails 2 '--over: not with --period or --copies' "--over with --period" \
	head-score model --over book --period 5
for option in '-n 5' '--seed 1'; do
	# shellcheck disable=SC2086
	fails 2 '--over: not with --sequences or --seed' "--over with $option" \
		head-score model --over book $option
done
fails 1 '^head-score: book: .*record 0: .*context is 20' "a text that is too long" \
	head-score short --over book
fails 1 'nowhere' "texts that are not there" head-score model --over nowhere
fails 1 'nowhere' "no model" head-score nowhere
fails 2 'one operand too many' "a second operand" head-score model book
head-score -q model >/dev/full 2>have
is "$? $(cat have)" "1 head-score: standard output: cannot write: No space left on device" \
	"a full disk"

done_testing
