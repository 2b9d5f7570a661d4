#!/bin/bash
# badinput.sh - what every filter does with input that is no stream, a broken one
# or the wrong one, with a full disk, a closed pipe and a bad command line.
#
# tests/stream/stream.c and tests/stream/stream_read.c do the same to the library with every
# prefix and every bit; here it is seen that each filter asks it, and stops.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

# ---- a whole stream of each kind, and a model ----

phonegen --count 6 --seed 3 >text
tokenize <text >tokens
take_alphabet text
"$tools/mkmodel" model "$alphabet" 1 1 8 256 1 6
gpt-sample model --from answer --greedy --max-tokens 4 --probs 2 --quiet text >generations
# shellcheck disable=SC2094
echo '{"step": 1, "tokens": 2, "seconds": 3, "loss": 4}' | "$tools/mkstream" metrics >metrics

# How each filter reads a stream of standard input, and of which kind.
filters=(
	'text|tokenize'
	'tokens|tokenize --decode'
	'tokens|shard --output shards'
	'tokens|gpt-train --output trained --steps 1 --layers 1 --heads 1 --width 8 --quiet'
	'text|gpt-sample model --from answer --greedy --max-tokens 2 --quiet'
	'tokens|gpt-sample model --from answer --greedy --max-tokens 2 --quiet'
	'text|gpt-score model --quiet'
	'generations|gpt-score model --quiet'
	'text|attn-dump model --quiet'
	'tokens|attn-dump model --quiet'
	'generations|attn-dump model --quiet'
	'text|act-dump model --quiet'
	'text|act-patch model --quiet --from text --at 0'
	'tokens|act-patch model --quiet --from text --at 0'
	'text|head-score model --quiet --over -'
	'generations|topk-dump'
	'generations|recall-score'
	'generations|repeat-score'
	'text|repeat-score --people - generations'
	'generations|mpcat --json'
	'text|perturb --change digit'
	'text|data-lint'
	'tokens|data-lint --context 256'
	'text|mpcat --text'
	'metrics|mpcat --tsv=step'
	'metrics|loss-plot'
)

# with FILE COMMAND: the command with the file as its standard input
with() {
	local file=$1
	shift
	# shellcheck disable=SC2068
	$@ <"$file"
}

# refuses NAME PATTERN FILE COMMAND: exit 1 with one line that matches PATTERN;
# and if records were written, no end: whoever reads them fails too.
refuses() {
	fails 1 "^${4%% *}: .*($2)" "$4: $1" with "$3" "$4"
	rm -rf shards trained
	if [ -s stdout ] && head -c 64 stdout | grep -q memoscope; then
		! mpcat stdout >/dev/null 2>&1
		ok $? "$4: $1: no end is written"
	fi
}

# ---- broken input ----

printf 'Not a stream.\n' >words
phonegen --count 1 | gzip -n >packed
: >empty
for filter in "${filters[@]}"; do
	kind=${filter%%|*}
	command=${filter#*|}
	refuses "nothing" 'standard input: no header: empty input' empty "$command"
	refuses "words" 'byte 0, header: not a memoscope stream: .*; mptext makes one of text or JSON$' words \
		"$command"
	refuses "something packed" 'byte 0, header: ' packed "$command"
	refuses "a directory" 'standard input: byte 0: cannot read: Is a directory' . "$command"

	size=$(stat -c %s "$kind")
	for n in 30 $((size / 2)) $((size - 20)) $((size - 1)); do
		head -c "$n" "$kind" >part
		refuses "cut off at byte $n" "byte [0-9]+, [a-z0-9 ]+: .*(cut off|end map: missing)" part \
			"$command"
	done

	# The last byte of the checksum, the count, a byte in the middle.
	{ head -c $((size - 1)) "$kind"; printf '\252'; } >changed
	refuses "a checksum that differs" 'end map: the checksum does not match' changed "$command"
	cat "$kind" words >longer
	refuses "words after the end" 'byte '"$size"', header: not a memoscope stream' longer "$command"
	{ head -c $((size - 20)) "$kind"; cat "$kind"; } >joined
	refuses "a segment after one without an end" 'byte [0-9]+, ' joined "$command"

	# What no header says is this filter's kind.
	for other in text tokens generations metrics; do
		case "$other|$command" in
		*'|mpcat'* | 'text|tokenize' | 'text|perturb'* | 'tokens|tokenize --decode' | 'tokens|shard'*) continue ;;
		'tokens|gpt-train'* | 'generations|topk'* | 'generations|recall'*) continue ;;
		'generations|repeat-score' | 'text|repeat-score'*) continue ;;
		'text|data-lint'* | 'tokens|data-lint'*) continue ;;
		'text|gpt-s'* | 'tokens|gpt-s'* | 'generations|gpt-s'*) continue ;;
		'text|a'* | 'tokens|a'* | 'generations|a'*) continue ;;
		'text|head'* | 'tokens|head'* | 'generations|head'* | 'metrics|loss-plot') continue ;;
		esac
		refuses "$other" "header: a stream of kind '$other', expected" "$other" "$command"
	done
done

# ---- records that are wrong ----

book() { jq -c "$1" < <(mpcat text) | "$tools/mkstream" text "$(mpcat --header text | jq -c '{alphabet}')"; }
for filter in "${filters[@]}"; do
	command=${filter#*|}
	case $filter in 'text|mpcat'*) continue ;; text*) ;; *) continue ;; esac
	book 'if .id == 3 then .spans[2][1] = 9999 else . end' >bad
	refuses "a span past the end" 'record 3: span 2: end 9999 is past' bad "$command"
	book 'if .id == 3 then .spans[2][4] = -1 else . end' >bad
	refuses "negative nats" 'record 3: span 2: nats is not' bad "$command"
	book 'if .id == 3 then .text = 5 else . end' >bad
	refuses "a text that is a number" 'record 3: no "text"' bad "$command"
	book 'if .id == 3 then .id = -1 else . end' >bad
	refuses "an id below 0" 'record 3: no "id"' bad "$command"
done
book 'if .id == 3 then .text += "¿" else . end' >bad
for command in 'tokenize' 'gpt-sample model --from answer --quiet --max-tokens 2' \
	'gpt-score model --quiet' 'attn-dump model --quiet' 'act-patch model --quiet --from text --at 0'; do
	refuses "a character outside the vocabulary" "record 3.*U\+00BF '¿'" bad "$command"
done
phonegen --count 3 --entries 20 >long
for command in 'gpt-sample model --from answer --quiet' 'gpt-score model --quiet' \
	'attn-dump model --quiet' 'act-patch model --quiet --from long --at 0'; do
	refuses "a record longer than the context" 'record 0.*256' long "$command"
done

# U+0000 ends no string.
printf '{"id":0,"text":"ab","spans":[[0,1,"a",0,0],[1,2,"a\\u0000",0,0]]}\n' |
	"$tools/mkstream" text '{"alphabet":"ab"}' >bad
refuses "a kind with U+0000 behind it" 'record 0: span 1: kind .* is not a word' bad tokenize
for kind in text tokens; do
	"$tools/mkstream" "$kind" '{"alphabet":"ab\u0000c","vocab":"ab\u0000c","bin":{"tokens":"u8"}}' </dev/null >"nul.$kind"
done
refuses "an alphabet with U+0000 in it" 'U\+0000' nul.text tokenize
refuses "an alphabet with U+0000 in it" 'U\+0000' nul.text 'perturb --change digit'
for command in 'tokenize --decode' 'shard --output shards' \
	'gpt-train --output trained --steps 1 --layers 1 --heads 1 --width 8 --quiet' \
	'gpt-score model --quiet' data-lint 'mpcat --text' mpcat; do
	refuses "a vocabulary with U+0000 in it" 'U\+0000' nul.tokens "$command"
done

# Tokens whose width is another than their vocabulary's.
for bin in '"tokens":"u16"' '"tokens":"u8\u0000"' ''; do
	printf '{"id":0,"tokens":{"!hex":"c4020001"},"spans":[]}\n' |
		"$tools/mkstream" tokens '{"vocab":"ab","bin":{'"$bin"'}}' >wide
	for command in 'tokenize --decode' 'shard --output shards' \
		'gpt-train --output trained --steps 1 --layers 1 --heads 1 --width 8 --quiet' \
		'gpt-score model --quiet' data-lint 'mpcat --text' mpcat; do
		refuses "bin {$bin}" '"bin": .*tokens' wide "$command"
	done
done

# Segments whose headers do not fit.
printf 'Ann\nBo\n' >names
{ cat text; phonegen --count 1 --names names; } >unlike
for command in tokenize 'gpt-score model --quiet' 'mpcat --text'; do
	refuses "headers that differ" 'header: "[a-z]+" differs' unlike "$command"
done

# ---- lengths that lie: no memory is taken for them ----

# A sanitizer reserves more address space than any limit leaves.
if ! nm "$(command -v mpcat)" 2>/dev/null | grep -q __asan_init; then
	head -c "$(($(stat -c %s metrics) - 17))" metrics | head -c 90 >start
	for lie in '\xdb\xff\xff\xff\xff' '\xc6\xff\xff\xff\xff' '\xdd\xff\xff\xff\xff' \
		'\xdf\xff\xff\xff\xff' '\xdb\x3f\xff\xff\x00' '\xdd\x00\x7f\xff\x00'; do
		# shellcheck disable=SC2059
		printf "\x82\xa9memoscope\x01\xa6stream$lie" >lying
		(
			ulimit -v 200000
			mpcat lying 2>error
		)
		is "$? $(wc -l <error)" "1 1" "in 200 MB: $lie"
	done
	yes $'\x91' | tr -d '\n' | head -c 1000000 >deep
	(
		ulimit -v 200000
		mpcat deep 2>error
	)
	is "$? $(wc -l <error)" "1 1" "in 200 MB: a million arrays in one another"
fi

# ---- output ----

outputs=('text|phonegen --count 1000' 'text|qamix -q quiz.jsonl --count 1000' "${filters[@]}")
printf '{"question": "Where?", "fact": "It is here.", "answer": "here"}\n' >quiz.jsonl
for filter in "${outputs[@]}"; do
	command=${filter#*|}
	case $command in shard*) continue ;; esac # it writes files
	with "${filter%%|*}" "$command" >/dev/full 2>error
	is "$? $(cat error)" \
		"1 ${command%% *}: standard output: cannot write: No space left on device" "$command: a full disk"
done
for command in 'phonegen --count 100000' 'qamix -q quiz.jsonl --count 100000'; do
	# shellcheck disable=SC2086
	$command 2>error | head -c 1 >/dev/null
	is "${PIPESTATUS[0]} $(cat error)" "141 " "$command: a closed pipe is quiet"
done
phonegen --count 20000 >text.large
tokenize <text.large >tokens.large
for command in tokenize 'mpcat --text' 'mpcat --json'; do
	with text.large "$command" 2>error | head -c 1 >/dev/null
	is "${PIPESTATUS[0]} $(cat error)" "141 " "$command: a closed pipe is quiet"
done
with tokens.large 'tokenize --decode' 2>error | head -c 1 >/dev/null
is "${PIPESTATUS[0]} $(cat error)" "141 " "tokenize --decode: a closed pipe is quiet"

# Descriptors that are closed are errors, not other files.
fails 1 'standard output: cannot write' "a closed standard output" \
	bash -c 'exec phonegen --count 1 >&-'
fails 1 'standard input: byte 0: cannot read' "a closed standard input" \
	bash -c 'exec mpcat <&-'

fails 1 'qamix: standard input: cannot read: Bad file descriptor' "qamix: the same" \
	bash -c 'exec qamix - <&-'

# What messages call what is read.
fails 1 "^phonegen: '': cannot open: No such file or directory$" "phonegen: a path of nothing" \
	phonegen --names ''
fails 1 '^qamix: standard input: 0 of 0 items: nothing to draw from$' "qamix: no items" qamix -
"$tools/mkstream" tokens </dev/null >bare
refuses "no vocabulary" 'standard input: header: no "vocab"' bare \
	'gpt-train --output trained --steps 1 --layers 1 --heads 1 --width 8 --quiet'
phonegen --count 0 >none
with none 'gpt-score model --ablate 0.0 --ablate-to mean --mean-over - text' 2>error >stdout
is "$? $(cat error)" "1 gpt-score: standard input: no token to take a mean over" "a mean over nothing"
with none 'tokenize' | tee none.tokens |
	gpt-train --output trained --steps 1 --layers 1 --heads 1 --width 8 --quiet tokens --val - 2>error >stdout
is "$? $(cat error)" "1 gpt-train: standard input: no record to validate on" "nothing to validate on"

# Of a long path its middle goes, not what is wrong with it.
long=$(printf 'folder-é/%.0s' {1..200})
for command in mpcat qamix 'gpt-score model' 'phonegen --names' 'tokenize --vocab'; do
	# shellcheck disable=SC2086
	with text "$command ${long}last" >stdout 2>error
	is "$? $(wc -l <error)" "1 1" "$command: a path of two thousand bytes"
	grep -q "^${command%% *}: folder-é/folder-é/.*\.\.\..*-é/folder-é/last: cannot open: No such file or directory$" error
	ok $? "$command: what is wrong with it"
done

# A terminal neither hangs a filter nor gets bytes it cannot show.
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	for command in mpcat tokenize topk-dump; do
		is "$(script -qec "$command" /dev/null </dev/null | tr -d '\r')" \
			"$command: standard input is a terminal: expected a stream, piped or from a file" \
			"$command: a terminal as standard input"
	done
	is "$(script -qec 'phonegen --count 1' /dev/null </dev/null | tr -d '\r' | cut -d : -f 1,2)" \
		'phonegen: standard output is a terminal' "phonegen: a terminal as standard output"
	said=$(script -qec "gpt-train --output trained --steps 1 --layers 1 --heads 1 --width 8 \
		--quiet <tokens" /dev/null </dev/null)
	is "$? $said" "0 " "gpt-train: metrics do not reach a terminal"
fi

# ---- command lines ----

for program in phonegen qamix mptext tokenize shard gpt-train gpt-sample gpt-score topk-dump attn-dump \
	act-dump act-patch head-score recall-score repeat-score confint data-lint loss-plot mpcat model-average \
	model-import; do
	fails 2 "^$program: --no-such-option: no such option" "$program: an unknown option" \
		"$program" --no-such-option
	fails 2 "^$program: -Z: no such option" "$program: an unknown letter" "$program" -Z
	"$program" --help >/dev/full 2>error
	is "$? $(wc -l <error)" "1 1" "$program: --help on a full disk"
done
for command in gpt-sample gpt-score attn-dump act-dump head-score; do
	fails 2 "^$command: operand 1 is empty, expected MODEL" "$command: a model without a name" "$command" ''
done
fails 2 "^mpcat: operand 2 is empty" "mpcat: a file without a name" mpcat text ''
fails 2 "^shard: -o: '' is no directory" "shard: a directory without a name" shard -o ''
while IFS='|' read -r command pattern; do
	# shellcheck disable=SC2086
	fails 2 "^${command%% *}: $pattern" "$command" $command
done <<'END'
phonegen --count -1|--count: '-1' is not an integer from 0
phonegen --count 1.5|--count: '1.5' is not an integer
phonegen --count|--count: its argument is missing
phonegen --entries 0|--entries: '0'
phonegen --query maybe|--query: 'maybe'
phonegen extra|'extra': one operand too many
tokenize extra|'extra': one operand too many
shard --val 2 -o x|--val: '2' is not a number from 0
shard --shards 0 -o x|--shards: '0' is not an integer from 1
shard|.*-o
gpt-train --lr -1 -o x|--lr: '-1'
gpt-train --lr nan -o x|--lr: 'nan' is not a number
gpt-train --layers 0 -o x|--layers: '0' is not an integer from 1
gpt-train --preset 5k -o x|--preset: '5k'
gpt-train --dropout 1.5 -o x|--dropout: '1.5' is not a number
gpt-train|.*-o
model-average model|-o: no DIR was given
model-average -o|-o: its argument is missing
model-average -o x|an operand is missing: expected MODEL
model-import -o x|an operand is missing: expected CHECKPOINT
model-import a b -o x|'b': one operand too many
gpt-sample|an operand is missing: expected MODEL
gpt-sample model --temperature -1|--temperature: '-1'
gpt-sample model --top-p 2|--top-p: '2'
gpt-sample model --probs -1|--probs: '-1'
gpt-score|an operand is missing: expected MODEL
attn-dump|an operand is missing: expected MODEL
act-patch --from text --at 0|an operand is missing: expected MODEL
act-patch model --from text --at 0 --threads 257|--threads: '257'
attn-dump model --layer -1|--layer: '-1'
attn-dump model --head 1.5|--head: '1.5'
head-score|an operand is missing: expected MODEL
head-score model --period 1|--period: '1'
head-score model --copies 1|--copies: '1'
head-score model --sequences 0|--sequences: '0'
qamix|an operand is missing
END

done_testing
