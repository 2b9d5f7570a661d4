#!/bin/bash
# repeat-score.sh - repeat-score: its table, what it compares with, and what it refuses. The
# measure itself is tested by tests/eval/repetition.c.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

# wrote PROMPT TEXT: a generation of that text after that prompt, as a line of JSON
wrote() {
	jq -nc --arg prompt "$1" --arg text "$2" '{id: 3, sample: 1, text: ($prompt + $text),
		prompt: ($prompt | length), spans: [], stop: "length", steps: []}'
}

# texts TEXT...: a stream of text
texts() {
	local text
	for text; do
		jq -nc --arg text "$text" '{text: $text}'
	done | mptext
}

# scored TEXT OPTION...: the columns behind the sample
scored() {
	local text=$1
	shift
	wrote 'ab ab: ' "$text" | "$tools/mkstream" generations '{"vocab": "ab"}' | repeat-score "$@" |
		tail -n +2 | cut -f 3- | tr '\t' ' '
}

# ---- the table ----

{
	wrote '' 'aaaaaa'
	wrote 'aaa' 'aaa'
} | "$tools/mkstream" generations '{"vocab": "a"}' >two
repeat-score two >table
is "$(head -n 1 table)" "$(printf '%s\t' id sample characters repeated_characters excess_characters \
	repeated_words excess_words words)known" "a header line"
is "$(tail -n +2 table | tr '\t\n' ' ;')" "3 1 6 0.666666667 - - - 1 -;3 1 3 - - - - 1 -;" \
	"a line for each text; texts of three characters have no share; the prompt does not count"
repeat-score two two | tail -n +2 | cut -f 3 | paste -sd ' ' >lengths
is "$(cat lengths)" "6 3 6 3" "several files"
repeat-score <two | cmp -s - table
ok $? "the standard input"
is "$(scored 'one Two three four, one two THREE four!')" "39 0.416666667 - 0.2 - 8 -" \
	"characters and words; case and signs do not count"
is "$(scored '')" "0 - - - - 0 -" "nothing was written"
is "$(scored $'été\nété\tété 12')" "14 0.454545455 - 0 - 3 -" "characters beyond ASCII; a number is no word"

# ---- an answer ends where recall-score ends it ----

phonegen --count 4 --seed 3 >book
"$tools/oracle" answer right strayed endless cut <book >answers
is "$(repeat-score answers | tail -n +2 | cut -f 3)" \
	"$(recall-score --each answers | awk -F '\t' 'NR > 1 { print length($8) }')" \
	"answers are as long as recall-score has them"
"$tools/oracle" ask right <book >asked
is "$(repeat-score asked | tail -n +2 | cut -f 3 | paste -sd ' ')" \
	"$(mpcat --json asked | jq '(.text | length) - .prompt' | paste -sd ' ')" "what is no answer counts whole"

# ---- people and known words ----

texts aaaa abcdabcd >few
is "$(scored abababab --people few)" "8 0.6 0.6 - - 1 -" \
	"--people: too few texts are as long, so what the first gram repeats is compared with"
for ((i = 0; i < 20; i++)); do printf 'abcdabcd\n'; done | mptext --lines >people
is "$(scored abababab --people people)" "8 0.6 0.4 - - 1 -" "--people: by so much more is repeated"
is "$(scored abababab -p people | cut -d ' ' -f 3)" 0.4 "-p"
is "$(scored 'a b a b a b a b' --people people | cut -d ' ' -f 4,5)" "0.6 -" \
	"--people: nobody wrote four words"
texts 'The first text.' 'AND the Second' >known
is "$(scored 'A third text, the 2nd second' --known known)" "28 0 - 0 - 6 3" "--known: words of the texts"
is "$(scored 'A third text, the 2nd second' -k known -p people | cut -d ' ' -f 7)" 3 "-k with -p"
repeat-score --people people answers >want
repeat-score --people - answers <people | cmp -s - want
ok $? "--people -: the standard input"

# ---- what it refuses ----

fails 2 '^repeat-score: --people: its argument is missing' "no file to compare with" repeat-score --people
fails 2 '^repeat-score: --no-such-option: no such option' "an unknown option" repeat-score --no-such-option
fails 1 '^repeat-score: nowhere: ' "no such file" repeat-score nowhere
fails 1 '^repeat-score: nowhere: ' "no texts by people" repeat-score --people nowhere two
fails 1 "^repeat-score: book: .*expected .*generations" "records that nobody answered" repeat-score book
fails 1 "^repeat-score: two: .*expected .*text" "generations in place of texts" repeat-score --known two two
take_alphabet book
"$tools/mkmodel" model "$alphabet" 1 1 8 256 1 6
gpt-score -q model book >scores
fails 1 '^repeat-score: scores: expected what a model wrote' "texts that were scored" repeat-score scores
head -c -20 two >short
fails 1 '^repeat-score: short: byte' "a stream that was cut off" repeat-score short
fails 1 '^repeat-score: short: byte' "texts that were cut off" repeat-score --people short two
repeat-score two >/dev/full 2>error
is "$? $(cat error)" "1 repeat-score: standard output: cannot write: No space left on device" "a full disk"
# the table is larger than a pipe holds
wrote '' abcdefgh | jq -c 'range(30000) as $id | .id = $id' | "$tools/mkstream" generations '{"vocab": "abcdefgh"}' >many
set -o pipefail
repeat-score many 2>error | head -n 1 >/dev/null
is "$? $(cat error)" "141 " "a closed pipe ends it quietly"

done_testing
