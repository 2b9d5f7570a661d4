#!/bin/bash
# mptext.sh - the filter mptext: records of JSON and of plain text, and what is none.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$TMP" || exit 1

# ---- JSON ----

phonegen --count 50 --seed 3 >book
mpcat book >book.json
mptext <book.json >again
mpcat again | cmp -s - book.json
ok $? "what mpcat writes comes back"
is "$(mpcat --header again | jq -r '.chain[].program')" mptext "mptext signs the header, alone"
tokenize <again | tokenize -d | mpcat | cmp -s - book.json
ok $? "tokenize reads it"
qamix "$ROOT/testdata/quiz.jsonl" --count 20 -q 2>/dev/null | mpcat >quiz.json
mptext <quiz.json | mpcat >have
cmp -s have quiz.json
ok $? "fields that only some records have stay"
is "$(printf '%s\n' '{"text":"a"}' '' '{"text":"é☎","id":7}' '{"text":""}' | mptext | mpcat)" \
	$'{"id":0,"text":"a","spans":[]}\n{"id":7,"text":"é☎","spans":[]}\n{"id":2,"text":"","spans":[]}' \
	"ids are counted where there is none; empty lines do not count"
is "$(printf '{"spans":[[0,2,"a",-1,0],[2,3,"b",4,1.5]],"text":"é☎x","more":{"x":[1,null]}}' |
	mptext | mpcat)" '{"id":0,"text":"é☎x","spans":[[0,2,"a",-1,0],[2,3,"b",4,1.5]],"more":{"x":[1,null]}}' \
	"spans count characters, other fields stay, the last newline may be missing"
is "$(mptext </dev/null | mpcat | wc -l)" 0 "no line, no record"

phonegen --first 9007199254740990 --count 5 >big
mpcat big | jq -c . | mptext | mpcat --json >have
mpcat --json big | cmp -s - have
ok $? "ids from 2^53 on come through jq with all their digits"
is "$(mpcat --tsv=id big | tail -n +2 | xargs)" \
	"$(seq 9007199254740990 9007199254740994 | xargs)" "and into a table"
is "$(printf '{"text":"a","id":"%s"}\n' 18446744073709551615 7 | mptext | mpcat | jq -c .id | xargs)" \
	"18446744073709551615 7" "an id may be a string of digits"

# of_lines OPTION…: mptext of the file lines
of_lines() {
	mptext "$@" <lines
}

# bad PATTERN LINE: a line that is no record
bad() {
	printf '%s\n' '{"text":"good"}' '' "$2" >lines
	fails 1 "^mptext: standard input: line 3: $1" "no record: $(printf %s "${2:0:40}" | tr -d '\377')" \
		of_lines
	mpcat "$TMP/stdout" >have 2>said
	is "$?" 1 "  and the stream has no end"
}
bad 'column 3: .*; --lines takes plain text$' 'abc'
bad 'column [0-9]*: [^;]*$' '{"text":'
bad 'expected an object with "text"' '[1]'
bad 'expected an object with "text"' '{"text":1}'
bad 'expected an object with "text"' '{"id":1}'
bad '"id" is not an integer' '{"text":"a","id":-1}'
for id in '"-1"' '""' '" 1"' '"1 "' '"1\u00e9"' '"0x10"' '"18446744073709551616"' 1.0 null; do
	bad '"id" is not an integer' "{\"text\":\"a\",\"id\":$id}"
done
for beyond in '"id":9007199254740992' '"n":9007199254740992' '"n":[{"m":-9007199254740992}]'; do
	bad '-?9007199254740992: an integer beyond 2\^53 - 1, which jq may have rounded; a string' \
		"{\"text\":\"a\",$beyond}"
done
bad 'column [0-9]*: too big integer' '{"text":"a","id":9223372036854775808}'
bad '"spans" is not an array' '{"text":"a","spans":{}}'
bad '2 spans in 1 characters' '{"text":"a","spans":[[0,1,"a",-1,0],[0,1,"a",-1,0]]}'
bad 'span 0: expected an array \[begin, end' '{"text":"a","spans":[[0,1,"a",-1]]}'
bad 'span 0: expected an array \[begin, end' '{"text":"a","spans":[[0,"1","a",-1,0]]}'
bad 'span 0: begin and end are not integers' '{"text":"a","spans":[[-1,1,"a",-1,0]]}'
bad 'span 0: end 2 is past' '{"text":"é","spans":[[0,2,"a",-1,0]]}'
bad 'span 0: begin 1 is not before' '{"text":"ab","spans":[[1,1,"a",-1,0]]}'
bad 'span 1: begin 0 is before the end of the previous' \
	'{"text":"ab","spans":[[0,1,"a",-1,0],[0,2,"a",-1,0]]}'
bad 'span 0: kind .* is not a word' '{"text":"ab","spans":[[0,1,"a b",-1,0]]}'
bad "span 63: kind 'k63' is one too many: a program tells at most 63 kinds apart" \
	"$(seq 0 63 | jq -sc '{text: ("a" * 64), spans: map([., . + 1, "k\(.)", -1, 0])}')"
bad 'span 0: entry is not an integer' '{"text":"ab","spans":[[0,1,"a",-2,0]]}'
bad 'span 0: nats is not a finite' '{"text":"ab","spans":[[0,1,"a",-1,-1]]}'
bad 'column [0-9]*: duplicate object key' '{"text":"a","text":"b"}'
bad 'column [0-9]*: ' "$(printf '{"text":"\377"}')"
for depth in 15 16; do
	printf '{"text":"a","more":%s%s}\n' "$(printf '[%.0s' $(seq "$depth"))" \
		"$(printf ']%.0s' $(seq "$depth"))" >deep."$depth"
done
mptext <deep.15 | mpcat >have
ok $? "as deep as a stream goes"
printf '{"text":"a"%s}\n' "$(printf ',"k%d":0' $(seq 253))" | mptext | mpcat >have
ok $? "as many fields as a stream has"
bad 'maps and arrays of more than 16 levels$' "$(cat deep.16)"
bad 'a record of more than 256 fields' "$(printf '{"text":"a"%s}' "$(printf ',"k%d":0' $(seq 254))")"
bad 'an object of more than 256 fields' \
	"$(printf '{"text":"a","more":{"a":0%s}}' "$(printf ',"k%d":0' $(seq 256))")"

printf '%s\n' '{"id":0,"text":"a\u0000","spans":[[1,2,"a",-1,0]],"more":["\u0000"]}' >zero
cmp -s zero <(mptext <zero | mpcat --json)
ok $? "U+0000 in text and other fields, to the stream and back"
bad 'column [0-9]*: NUL byte in object key' '{"text":"a","b\u0000":0}'

# ---- plain text ----

printf '\n\nTo be,\n\n\nor né\n\nnot' >plain
is "$(mptext --lines <plain | mpcat --json | jq -c '[.id, .text]' | xargs -d '\n')" \
	'[0,"\n\nTo be,\n\n\n"] [1,"or né\n\n"] [2,"not\n"]' "a line with the empty lines behind it"
echo | cat plain - >whole
mptext -l <plain | mpcat --text | cmp -s - whole
ok $? "all records are the text"
mptext -l <plain | tokenize | gpt-train -q -o model --pack text --context 8 --layers 1 --width 8 \
	--heads 1 --batch 1 --steps 1 >metrics
ok $? "which can be trained on"
is "$(printf '\n\n' | mptext -l | mpcat | wc -l)" 0 "only empty lines"
printf 'a\n\377\n' >lines
fails 1 '^mptext: standard input: line 2: not UTF-8' "bytes" of_lines -l
printf 'a\0b\n' >lines
fails 1 '^mptext: standard input: line 1: U\+0000, which is not plain text; a line of JSON may have it$' "U+0000" of_lines -l

# ---- what it is read from and written to ----

fails 1 '^mptext: standard output: cannot write' "a full disk" bash -c 'mptext <book.json >/dev/full'
fails 2 'expected none' "no file is named" mptext book.json
done_testing
