#!/bin/bash
# escapes.sh - what a terminal would obey (controls of C0 and C1, bidirectional ones) reaches none: not in
# messages, tables, JSON or headers, and not in text on a terminal.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

esc=$'\e[2J' c1=$'\u009b' right=$'\u202e' break=$'\u2028' hard=$'\u00a0'
bad="a$esc$c1$right$break$hard\\z"

# obeyed: stdin has something that a terminal would obey
obeyed() {
	grep -qP '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]' --binary-files=text
}
is "$(printf %s "$bad" | LC_ALL=C obeyed; echo $?)" 0 "such a text is noticed"

# clean NAME FILE: nothing in the file that a terminal would obey, and it has shown U+202E
clean() {
	! LC_ALL=C obeyed <"$2" && grep -qF '\u202e' "$2"
	ok $? "$1"
}
# on_terminal COMMAND: what bash prints on a terminal that runs it
on_terminal() {
	script -qec "$1" /dev/null </dev/null | tr -d '\r'
}

# ---- messages ----

for command in 'mpcat' 'confint --share' 'gpt-sample' 'topk-dump' 'qamix' 'phonegen --names' 'data-lint --val'; do
	$command "$bad" </dev/null >out 2>said
	is "$(wc -l <said)" 1 "$command: one line"
	clean "$command: a path in a message" said
done
mpcat "--$bad" 2>said
clean "an option in a message" said
jq -nc --arg text "$bad" '{$text, "spans": [[0, 1, $text, -1, 0]]}' | mptext 2>said >out
clean "a kind in a message" said
printf '{"question":"Q?","answer":"A"}' >"$bad"
qamix "$bad" 2>said >out
clean "a path in a report" said
phonegen --count 1 | mpcat --tsv="id,$bad" >table 2>said
clean "a field that is not there" said
clean "and its column's name" table
printf '\377\e' >bytes
mpcat "$(cat bytes)" 2>said
is "$(cat said)" 'mpcat: \xff\x1b: cannot open: No such file or directory' "a byte that is not UTF-8"

# ---- output ----

jq -nc --arg text "$bad" '{$text, ($text): $text}' | mptext >stream
for how in --json --tsv --text; do
	mpcat $how stream >out
	on_terminal "mpcat $how stream" >shown
	clean "mpcat $how on a terminal" shown
	if [ $how = --text ]; then
		is "$(cat out)" "$bad" "elsewhere it is as it is"
	else
		clean "and elsewhere" out
	fi
done
is "$(mpcat stream | jq -r .text)" "$bad" "jq reads it back"
qamix -q "$bad" | mpcat --header >out
clean "mpcat --header" out
is "$(jq -r '.chain[0].args[1]' out)" "$bad" "jq reads it back"
printf '%s\t1\t2\n' "$bad" >keys
on_terminal 'confint --share keys' >shown
clean "confint on a terminal" shown
is "$(confint --share keys | head -n 1 | cut -f 1)" "$bad" "elsewhere it is as it is"

# ---- a table of characters ----

"$tools/mkmodel" model $'a\u2028\u00a0\u202e' 1 1 8 256 1 6
gpt-sample model --prompt a --max-tokens 1 --probs 4 --stop '' >top.mp
topk-dump top.mp >table
clean "topk-dump" table
is "$(tail -n 1 table | cut -f 9,11,13,15 | tr '\t' '\n' | sort | xargs -d '\n')" '\u00a0 \u2028 \u202e a' \
	"each is one field"
topk-dump --tuples top.mp >tuples
clean "topk-dump --tuples" tuples
done_testing
