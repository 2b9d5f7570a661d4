#!/bin/bash
# windows-text.sh - text of Windows: every program that reads text takes a byte order mark at the
# beginning of a line, and a carriage return at its end, for no part of it.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$TMP" || exit 1
model=$ROOT/testdata/phonebook

# windows: stdin as a program for Windows would write it
windows() {
	printf '\357\273\277'
	sed 's/$/\r/'
}

# reads_alike NAME COMMAND...: its output is the same for the file unix, twice, and for two of Windows
reads_alike() {
	local name=$1
	shift
	cat unix unix | "$@" >want
	{ windows <unix; windows <unix; } >joined
	"$@" <joined >have 2>said
	[ -s want ] && cmp -s want have && [ ! -s said ]
	ok $? "$name"
	sed 's/^/# /' said
}

# records COMMAND...: what is in its stream
records() {
	"$@" | mpcat
}

printf '\nTo be,\n\n\nor né\n' >unix
reads_alike "mptext --lines" records mptext --lines
printf '%s\n' '{"text":"a"}' '' '{"text":"é","spans":[[0,1,"a",-1,0]]}' >unix
reads_alike "mptext" records mptext
printf '%s\n' '{"question":"Q?","answer":"yes"}' '' '{"question":"R?","answer":"no"}' >unix
reads_alike "qamix, of a pipe" records qamix -q -
windows <unix >items.jsonl
is "$(qamix -q items.jsonl | mpcat | jq -c 'del(.item.file)')" \
	"$(qamix -q - <unix | mpcat | jq -c 'del(.item.file)')" "qamix, of a file"
printf '%s\n' '{B}\nAnn' '{B}\nBob' >unix
reads_alike "gpt-sample --prompt -" records gpt-sample "$model" --prompt - --max-tokens 2 --greedy
printf '%s\t%s\t%s\n' a 81 263 b 1 2 >unix
reads_alike "confint" confint --share

printf '%s\n' Ann Bea Zoë >names
{ windows <names; printf '\357\273\277Cleo'; } >names.windows
echo Cleo >>names
is "$(phonegen --names names.windows --count 9 | mpcat --json)" \
	"$(phonegen --names names --count 9 | mpcat --json)" "phonegen --names"

jq . "$model/vocab.json" | windows >vocab.windows
phonegen --count 2 --entries 2 >books
is "$(tokenize --vocab vocab.windows <books | mpcat)" "$(tokenize --vocab "$model" <books | mpcat)" \
	"tokenize --vocab"
cp -r "$model" model
for file in config.json vocab.json memoscope.json; do
	windows <"$model/$file" >"model/$file"
done
is "$(gpt-score --quiet model <books | topk-dump)" "$(gpt-score --quiet "$model" <books | topk-dump)" \
	"a model directory"

# what is within a line, and what JSON writes with a backslash, is text
printf 'a\rb\357\273\277c\r\r\n' | mptext --lines | mpcat --text | od -An -tx1 | tr -d ' \n' >have
is "$(cat have)" 610d62efbbbf630d0a "within a line both are characters"
is "$(printf '{"text":"a\\r\\n"}\r\n' | mptext | mpcat)" '{"id":0,"text":"a\u000d\n","spans":[]}' \
	"as they are in a string of JSON"
printf '\357\273{}\n' >bad
fails 1 '^qamix: bad:1: column 2: neither JSON nor a byte order mark' "half a mark" qamix bad
done_testing
