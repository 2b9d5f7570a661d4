#!/bin/bash
# topk-dump.sh - topk-dump: the table for awk, and tuples that Python reads.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

phonegen --count 3 --seed 5 >book
take_alphabet book
"$tools/mkmodel" model "$alphabet" 1 1 16 256 1 6
gpt-sample model --from answer --samples 2 --stop '' --probs 3 book >written
gpt-score model --probs 3 book >scored

# ---- the table ----

topk-dump written >table
is "$(head -n 1 table)" \
	$'record\tsample\tpos\tspan\tchar\tp\trank\tentropy\tc1\tp1\tc2\tp2\tc3\tp3' "a header line"
is "$(awk -F '\t' '{ print NF }' table | sort -u)" 14 "as many fields on every line, between tabs"
is "$(awk '{ print NF }' table | sort -u)" 14 "and between blanks"
is "$(wc -l <table)" "$(($(mpcat written | jq '.steps | length' | paste -sd+) + 1))" \
	"a line for every step"
awk -F '\t' 'NR > 1 { print $1, $2, $3, $7, $10 + 0 == $10 }' table >have
mpcat written | jq -r '.id as $id | .sample as $s | .steps[] | "\($id) \($s) \(.pos) \(.rank) 1"' |
	cmp -s - have
ok $? "record, sample, position and rank of the generation"
paste <(awk -F '\t' 'NR > 1 { print $6, $8, $10 }' table) \
	<(mpcat written | jq -r '.steps[] | "\(.p) \(.entropy) \(.top[0][1])"') >both
is "$(awk '{ for (i = 1; i <= 3; i++) if (($i - $(i + 3)) ^ 2 > 1e-10) bad++ }
	END { print (NR > 100), bad + 0 }' both)" "1 0" "its probabilities and entropies"

# ---- spans ----

topk-dump scored | awk -F '\t' 'NR > 1 { print $1, $3, $4 }' >have
mpcat book | jq -r '.id as $id | .spans as $spans | range(1; .text | length) | . as $at |
	[$spans[] | select(.[0] <= $at and $at < .[1])[2]] | "\($id) \($at) \(.[0] // "other")"' |
	cmp -s - have
ok $? "each position of a scored text has the kind of its span"
topk-dump written | awk -F '\t' '$1 == 0 && $2 == 0 { print $3, $4 }' >have
mpcat book | jq -r 'select(.id == 0) | (.spans[] | select(.[2] == "answer") | .[0]) as $from |
	.spans as $spans | (.text | length) as $len | range($from; 257) | . as $at |
	[$spans[] | select(.[0] <= $at and $at < .[1])[2]] |
	"\($at) \(if $at < $len then .[0] // "other" else "-" end)"' | cmp -s - have
ok $? "so has each of a written one, and - past the reference's end"
is "$(gpt-sample model --prompt '{B}' --max-tokens 9 | topk-dump | cut -f 4 | sort -u | tr '\n' ' ')" \
	"- span " "without a reference there is no span"

# ---- characters ----

"$tools/mkmodel" odd $'\n\t\r\001 \\\'"éabc' 1 1 16 256 1 6
gpt-sample odd --prompt a --stop '' --samples 3 --probs 12 >odd.mp
topk-dump odd.mp | awk -F '\t' 'NR > 1 { print $5; for (i = 9; i < NF; i += 2) print $i }' |
	sort -u | tr '\n' '|' >have
is "$(cat have)" "$(printf '%s\n' '\n' '\t' '\r' '\x01' '\s' "\\\\" "'" '"' é a b c | sort | tr '\n' '|')" \
	"blanks and control characters are escaped"
is "$(topk-dump odd.mp | awk '{ print NF }' | sort -u)" 32 "no line has a field too many"

# ---- tuples ----

topk-dump --tuples written >tuples
number='(0|1)\.[0-9]{1,4}' char="'([^'\\]|\\\\.|\\\\x[0-9a-f]{2})'"
is "$(grep -Evc "^\(\[$number(, $number){2}\], \[$char(, $char){2}\], $char\)$" tuples)" 0 \
	"--tuples: the article's form"
mpcat written | jq -r 'def quoted: "\u0027" + sub("\n"; "\\n") + "\u0027";
	def rounded: . * 10000 | round / 10000 | tostring | if contains(".") then . else . + ".0" end;
	.steps[] | (.top | sort_by(.[0])) as $top |
	"([\($top | map(.[1] | rounded) | join(", "))], [\($top | map(.[0] | quoted) | join(", "))], " +
	"\(.char | quoted))"' | cmp -s - tuples
ok $? "candidates in the order of their characters, four decimals"
topk-dump --tuples odd.mp >tuples
if python3 -c '' 2>/dev/null; then
	python3 -c '
import ast, sys
for line in open("tuples", encoding="utf-8"):
    p, c, picked = ast.literal_eval(line)
    assert len(p) == len(c) == 12 and abs(sum(p) - 1) < 1e-3 and picked in c
    assert c == sorted("\n\t\r\1 \\\x27\"éabc")' 2>&1 | sed 's/^/# /'
	ok "${PIPESTATUS[0]}" "Python reads every tuple"
else
	echo "ok $((tap_run += 1)) - Python reads every tuple # SKIP no python3"
fi

# ---- files and failures ----

is "$(topk-dump written written | wc -l)" "$((2 * ($(wc -l <table) - 1) + 1))" "files one after the other"
fails 1 ': 1 candidates a step, but 3 in the file before' "files that do not fit together" \
	topk-dump written <(gpt-score model --probs 1 book)
fails 1 'generations' "a stream of another kind" topk-dump book
head -c -1 written >cut.mp
fails 1 'cut' "an input that is cut short" topk-dump cut.mp
fails 1 'standard input' "no input" topk-dump
fails 2 'tupel' "an unknown option" topk-dump --tupel
topk-dump written >/dev/full 2>have
is "$? $(cat have)" "1 topk-dump: standard output: cannot write: No space left on device" "a full disk"
gpt-sample model --prompt '{B}' --samples 300 --stop '' >long
topk-dump long 2>have | head -n 1 >/dev/null
is "${PIPESTATUS[0]} $(cat have)" "141 " "a closed pipe is quiet"

done_testing
