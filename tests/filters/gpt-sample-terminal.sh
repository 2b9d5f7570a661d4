#!/bin/bash
# gpt-sample-terminal.sh - gpt-sample for people: text in place of records, character by
# character, in colours or without; prompts line by line.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1
unset NO_COLOR
export TERM=xterm-256color

phonegen --count 6 --seed 5 >book
take_alphabet book
"$tools/mkmodel" model "$alphabet" 2 2 32 256 1 6
# Minutes for one text: what is there after its first characters is not all.
"$tools/mkmodel" slow "$alphabet" 8 4 256 4096 1 6
"$tools/mkmodel" sharp "$alphabet" 1 2 32 256 1 60
rude=$'ab\n\t\e\a\b\r\x7f\u009b\u00e9\u20ac\U1f600\\'
"$tools/mkmodel" rude "$rude" 1 1 8 256 1 6

escape=$'\e'
# The texts of a stream of generations as they shall read, without styles.
texts() {
	mpcat --json "$@" | jq -j '(if input_line_number > 1 then "\n" else "" end) + .text +
		(if .text | endswith("\n") then "" else "\n" end)' |
		perl -CSD -pe 's/\r/\\r/g; s/([\x00-\x08\x0b-\x1f\x7f])/sprintf "\\x%02x", ord $1/ge;
			s/([\x80-\x9f])/sprintf "\\u%04x", ord $1/ge'
}
unstyled() { sed "s/$escape\[[0-9;]*m//g"; }
styles() { grep -o "$escape\[[0-9;]*m" | sort -u | tr -d "$escape" | tr '\n' ' '; }

# ---- text, wherever it goes ----

options=(--from answer --samples 2 --max-tokens 40)
gpt-sample model "${options[@]}" book >records
texts records >want
is "$(wc -l <want | awk '{ print ($1 > 100) }')" 1 "texts to compare with"
for cut in '' '--batch 1' '--batch 5 --threads 3' '--batch 64'; do
	# shellcheck disable=SC2086
	gpt-sample model "${options[@]}" --output text $cut book >have
	is "$? $(md5sum <have)" "0 $(md5sum <want)" "--output text $cut: the texts of the records"
done
gpt-sample model "${options[@]}" --output records book | mpcat | cmp -s - <(mpcat records)
ok $? "--output records: the records"
gpt-sample model "${options[@]}" --seed 2 --output text book | cmp -s - want
is "${PIPESTATUS[1]}" 1 "another seed gives another text"
gpt-sample model --prompt $'{B}\n' --samples 3 >records
texts records >want
gpt-sample model --prompt $'{B}\n' --samples 3 --output text | cmp -s - want
ok $? "--prompt: the same"
gpt-sample rude --prompt ab --samples 3 --stop '' >records
texts records >want
gpt-sample rude --prompt ab --samples 3 --stop '' --output text >have
cmp have want
ok $? "control characters are shown, all else is as it stands"
for seen in '\\x1b' '\\x07' '\\x08' '\\r' '\\x7f' '\\u009b' $'\t' 'é' '€' $'\U1f600'; do
	grep -qe "$seen" have || echo "# no $seen"
done >missing
is "$(cat missing)" "" "of all kinds"
is "$(tr -d '\n\t -~\200-\377' <have | wc -c)" 0 "none is left as it is"
is "$(LC_ALL=C grep -c $'\xc2\x9b' have)" 0 "not the one beyond ASCII"
is "$(gpt-sample rude --prompt $'a\e[2Jb' --max-tokens 1 --output text 2>&1 | grep -c "$escape")" 0 \
	"nor in a prompt, nor in what is said of it"

# ---- colours ----

gpt-sample sharp --prompt $'{B}\nA' --samples 8 --stop '' >records
texts records >want
gpt-sample sharp --prompt $'{B}\nA' --samples 8 --stop '' --color p >have 2>said
unstyled <have | cmp -s - want
ok $? "--color p asks for text"
is "$(cat said)" "gpt-sample: 8 of 8 texts ended because the context of 256 tokens is full; with\
 --max-tokens a text can be longer" "and explains no colours in a file"
# Each character and its style against the probabilities of the records.
perl -CSD -0777 -ne 's/\e\[0m|\n|\e\[2m[^\e]*//g;
	while (/\e\[38;5;(\d+)m([^\e]*)/g) { print "$1 $_\n" for split //, $2 }' have >styled
mpcat --json records | jq -r '.steps[] | select(.char != "\n") | "\(if .p < 0.1 then 202 elif .p < 0.5 then 167
	elif .p < 0.9 then 132 elif .p < 0.99 then 97 else 26 end) \(.char)"' | cmp - styled
ok $? "each character has the colour of its probability"
is "$(cut -d ' ' -f 1 styled | sort -un | tr '\n' ' ')" "26 97 132 167 202 " "and all colours are there"
for line in "$escape\[2m{B}$escape\[0m" "$escape\[2mA$escape\[0m$escape\[38;5;.*"; do
	is "$(grep -cx "$line" have)" 8 "the prompt is dim, line by line: ${line//$escape/}"
done
is "$(sed "s/$escape\[0m/]/g; s/$escape\[[0-9;]*m/[/g" have | grep -c '\[[^]]*$')" 0 \
	"no style goes over the end of a line"
gpt-sample sharp --prompt A --color auto --output text | styles >have
is "$(cat have)" "" "--color auto: no styles into a pipe"
NO_COLOR=1 gpt-sample sharp --prompt A --color p | styles >have
is "$(grep -c '38;5' have)" 1 "--color p: NO_COLOR or not"

# ---- on a terminal ----

if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	# on_terminal COMMAND: what it writes to a terminal
	on_terminal() { script -qec "$1" /dev/null </dev/null | tr -d '\r'; }
	gpt-sample model "${options[@]}" book >records
	texts records >want
	on_terminal "gpt-sample model ${options[*]} book" >have
	unstyled <have | cmp -s - want
	ok $? "the texts of the records"
	is "$(styles <have)" "[0m [2m " "dim and plain"
	{
		mpcat --json book | jq -j '.spans[-1][0] as $from | .text[0:$from], "\n"' |
			sed "s/..*/<&>/; s/^$//"
	} >prompts
	sed -E "s/$escape\[2m([^$escape]*)$escape\[0m.*/<\1>/; t; d" have | sort -u | cmp -s - <(
		grep . prompts | sort -u)
	ok $? "dim is the prompt, and nothing else"
	is "$(on_terminal "gpt-sample model ${options[*]} --color never book" | md5sum)" \
		"$(md5sum <want)" "--color never: no escape sequences"
	is "$(on_terminal "NO_COLOR=1 gpt-sample model ${options[*]} book" | md5sum)" \
		"$(md5sum <want)" "NO_COLOR: none"
	is "$(on_terminal "NO_COLOR= gpt-sample model ${options[*]} book" | styles)" "[0m [2m " \
		"an empty NO_COLOR is not set"
	is "$(on_terminal "TERM=dumb gpt-sample model ${options[*]} book" | md5sum)" \
		"$(md5sum <want)" "a dumb terminal: none"
	is "$(on_terminal "env -u TERM gpt-sample model ${options[*]} book" | md5sum)" \
		"$(md5sum <want)" "a terminal of no name: none"
	for env in NO_COLOR=1 TERM=dumb; do
		is "$(on_terminal "$env gpt-sample model ${options[*]} --color p book" | grep -c '38;5;202m.')" \
			"$(on_terminal "gpt-sample model ${options[*]} --color p book" | grep -c '38;5;202m.')" \
			"$env: --color p has its way"
	done
	is "$(on_terminal "gpt-sample model -p A --color p" | unstyled | head -n 1)" \
		"probability: below 0.1, from 0.1, from 0.5, from 0.9, from 0.99" "the colours are explained"
	is "$(on_terminal "gpt-sample model -p A --color p -q" | unstyled | grep -c probability)" 0 \
		"--quiet: they are not"
	is "$(on_terminal 'gpt-sample model -p A --output records')" \
		"gpt-sample: standard output is a terminal: a stream is not for reading; pipe it into mpcat, or into a file" \
		"--output records does not reach a terminal"
	is "$(on_terminal 'gpt-sample model -p A -q --output records | mpcat --text')" \
		"$(gpt-sample model -p A | mpcat --text)" "but a pipe"
	is "$(on_terminal 'gpt-sample rude --prompt ab --samples 3 --stop "" --color never -q' | md5sum)" \
		"$(gpt-sample rude --prompt ab --samples 3 --stop '' | texts | md5sum)" \
		"control characters do not reach it"
	# Long enough for progress to be shown, were there any.
	"$tools/mkmodel" long "$alphabet" 4 4 128 512 1 6
	on_terminal "gpt-sample long --from answer --samples 5 --stop '' book" | unstyled |
		grep -v '^gpt-sample: .* texts ended because the context .* is full' >have
	gpt-sample long --from answer --samples 5 --stop '' book | texts | cmp -s - have
	ok $? "no progress in the text"

	# Ctrl-C, once there is something of a text.
	for color in auto p; do
		: >have
		# shellcheck disable=SC2094 # what is written is watched
		{
			for ((i = 0; i < 1200; i++)); do
				[ "$(wc -l <have)" -gt 4 ] && tail -n 1 have | grep -q ': .' && break
				sleep 0.05
			done
			printf '\003'
		} | script -qec "gpt-sample slow --from answer --stop '' -q --color $color book" /dev/null >have
		is "${PIPESTATUS[1]}" 130 "--color $color: Ctrl-C ends it"
		is "$(grep -o "$escape\[[0-9;]*m" have | tail -n 1)" "${escape}[0m" "and leaves no style behind"
	done

	# A conversation: a line, its answer, the next line.
	: >have
	# heard NAME: wait for the answer to its line
	heard() {
		for ((i = 0; i < 1200; i++)); do
			tr -d '\r' <have | grep -qxE "$1.{5}" && break
			sleep 0.05
		done
	}
	# shellcheck disable=SC2094
	{
		printf '{B}\\nAnn\n'
		heard Ann
		printf '{B}\\nBob\n'
		heard Bob
	} | script -qec 'gpt-sample model --prompt - --max-tokens 5 --color never --stop ""' /dev/null >have
	printf '{B}\\nAnn\n{B}\\nBob\n' | gpt-sample model --prompt - --max-tokens 5 --stop '' | texts >want
	is "$(tr -d '\r\b' <have | sed 's/^^D//')" \
		"$(printf '{B}\\nAnn\n'; head -n 2 want; printf '{B}\\nBob\n'; tail -n +3 want)" "an answer to each line before the next is typed"
else
	echo "# no script(1): nothing is tested on a terminal"
fi

# ---- character by character ----

mkfifo slow.text
gpt-sample slow --prompt A --stop '' --output text >slow.text &
exec 4<slow.text
head -c 12 <&4 >have
kill -KILL $!
wait $! 2>/dev/null
cat <&4 >>have
exec 4<&-
is "$(($(wc -c <have) >= 12)) $(($(wc -c <have) < 3800))" "1 1" \
	"the first characters are there before the last: $(wc -c <have) of 4097"

# ---- prompts from lines ----

printf 'Ann\n{B}\\nBob\\t\\\\\n' | gpt-sample rude --prompt - 2>error >have
is "$? $(cat error)" "1 gpt-sample: standard input: line 1: character 0, U+0041 'A', is not in the vocabulary" \
	"a line of characters that the model lacks"
printf 'Ann\n{B}\\nBob: 1\n\nCat' | gpt-sample model --prompt - --samples 2 --max-tokens 9 >records
is "$(mpcat --json records | jq -c '[.id, .sample, .prompt, .text[:.prompt], has("reference"), (.spans | length)]')" \
	'[0,0,3,"Ann",false,0]
[0,1,3,"Ann",false,0]
[1,0,10,"{B}\nBob: 1",false,0]
[1,1,10,"{B}\nBob: 1",false,0]
[3,0,3,"Cat",false,0]
[3,1,3,"Cat",false,0]' "a record for each line and sample; empty lines count, and are passed over"
printf 'Ann\n{B}\\nBob: 1\n\nCat' | gpt-sample model --prompt - --samples 2 --max-tokens 9 --output text |
	cmp -s - <(texts records)
ok $? "as text"
gpt-sample model --prompt Ann --samples 2 --max-tokens 9 | mpcat | cmp -s - <(mpcat records | head -n 2)
ok $? "the first line is what --prompt is"
printf 'a\\tb\\\\\\x1b\\r\\n\n' | gpt-sample rude --prompt - --max-tokens 1 | mpcat --json |
	jq -r '.text[:.prompt] | explode | map(tostring) | join(" ")' >have
is "$(cat have)" "97 9 98 92 27 13 10" "escapes are undone"
phonegen --count 4 | mpcat --tsv=text | tail -n +2 >lines
gpt-sample model --prompt - --max-tokens 3 <lines | mpcat --json | jq -r '.text[:.prompt]' >have
phonegen --count 4 | mpcat --json | jq -r .text | cmp -s - have
ok $? "a column of mpcat --tsv is lines of prompts"
for lines in '' '\n\n'; do
	# shellcheck disable=SC2059
	printf "$lines" | gpt-sample model --prompt - >records
	is "$? $(mpcat records | wc -c)" "0 0" "no prompts in '$lines': no records"
	# shellcheck disable=SC2059
	printf "$lines" | gpt-sample model --prompt - --output text >have
	is "$? $(wc -c <have)" "0 0" "and no text"
done

mkfifo slow.lines
for how in records text; do
	: >have
	gpt-sample model --prompt - --max-tokens 9 --output $how <slow.lines >have &
	exec 3>slow.lines
	answers() { if [ $how = text ]; then grep -c ^A have; else mpcat have 2>/dev/null | wc -l; fi; }
	soon() { for ((i = 0; i < 1200; i++)); do [ "$(answers)" = "$1" ] && break; sleep 0.05; done; }
	printf 'Ann\n\n' >&3
	soon 1
	is "$(answers)" 1 "$how: an answer is there before the next line"
	printf 'Ab' >&3
	printf 'el\n' >&3
	soon 2
	is "$(answers)" 2 "and the next one, too"
	exec 3>&-
	wait $!
	is "$?" 0 "to the end"
done

# bad LINES PATTERN NAME: text to what stands before; one line; exit 1; no end map
bad() {
	# shellcheck disable=SC2059
	printf "$1" >lines
	gpt-sample model --prompt - --max-tokens 4 --output text <lines >have 2>error
	is "$? $(wc -l <error) $(grep -cE "^gpt-sample: standard input: $2" error)" "1 1 1" "$3"
	gpt-sample model --prompt A --max-tokens 4 --output text | cmp -s - have
	ok $? "text goes to the lines before"
	gpt-sample model --prompt - --max-tokens 4 <lines >have 2>error
	is "$? $(wc -l <error) $(mpcat have 2>/dev/null | wc -l) $(tail -c 20 have | grep -c xxh3)" "1 1 1 0" \
		"records, too, but no end map"
}
bad 'A\nB\303\237\n' "line 2: character 1, U\\+00DF 'ß', is not in the vocabulary" "a foreign character"
bad 'A\n\nB\\qC\nD\n' "line 3: byte 1: a backslash before none of n, t, r, \\\\, xHH and uHHHH" "an unknown escape"
# shellcheck disable=SC1003 # a backslash it is
bad 'A\nB\\' "line 2: byte 1: a backslash" "a backslash at the end"
bad 'A\n\\u00e9\n' "line 2: character 0, U\\+00E9" "an escape of a foreign character"
bad 'A\nB\377C\n' "line 2: character 1, byte 1: not UTF-8" "not UTF-8"
bad "A\n$(printf '%0257d' 0)\n" "line 2: a prompt of 257 tokens, expected at most 256: the model's context is 256" \
	"a line longer than the context"

# ---- command lines, disks and pipes ----

fails 2 "not with --output records" "--color p with --output records" \
	gpt-sample model --prompt A --color p --output records
fails 2 "^gpt-sample: --color: 'red' is not auto, p or never" "--color red" \
	gpt-sample model --prompt A --color red
fails 2 "^gpt-sample: --output: 'html' is not auto, text or records" "--output html" \
	gpt-sample model --prompt A --output html
fails 2 "not with input files" "--prompt - beside a file" gpt-sample model --prompt - book
fails 2 "not with --prompt" "--prompt - with --from" gpt-sample model --prompt - --from ask
fails 2 "both want the standard input" "--prompt - with --mean-over -" \
	gpt-sample model --prompt - --ablate 0.0 --ablate-to mean --mean-over -
for text in '--output text' '--color p'; do
	# shellcheck disable=SC2086
	gpt-sample model --prompt '{B}' --samples 50 $text >/dev/full 2>error
	is "$? $(cat error)" "1 gpt-sample: standard output: cannot write: No space left on device" \
		"$text: a full disk"
	# shellcheck disable=SC2086
	gpt-sample model --prompt '{B}' --samples 500 $text 2>error | head -c 100 >/dev/null
	is "${PIPESTATUS[0]} $(cat error)" "141 " "$text: a closed pipe is quiet"
done
head -c -1 book >cut.mp
gpt-sample model --from answer --max-tokens 4 --output text cut.mp >have 2>error
is "$? $(wc -l <error)" "1 1" "an input that is cut short"
gpt-sample model --from answer --max-tokens 4 --output text book | cmp -s - have
ok $? "text goes to what came before"

done_testing
