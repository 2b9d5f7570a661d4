#!/bin/bash
# limits.sh - bounds on what comes from outside: each has a message, and status 1.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

# within KIB COMMAND: bash runs the command, which can write no file of more than KIB
within() {
	(
		ulimit -f "$1"
		bash -c "$2"
	)
}

phonegen --count 5000 >books
mpcat books >books.json
for command in 'phonegen --count 5000' 'mpcat books' 'mptext <books.json' 'tokenize <books' \
	'perturb --change digit <books'; do
	fails 1 '^[a-z]*: standard output: cannot write: File too large$' "ulimit -f: $command" \
		within 64 "$command >out"
done
fails 1 '^shard: .*: File too large$' "ulimit -f: shard" within 64 'tokenize <books | shard -o shards'
seq 2000 | sed 's/.*/{"question":"How many are & and this many more?","answer":"&"}/' >items
fails 1 '^qamix: standard input: cannot copy to a temporary file: File too large$' \
	"ulimit -f: the copy of a pipe, qamix" within 64 'cat items | qamix -q -'
mptext <books.json >bare # names no alphabet
fails 1 '^tokenize: temporary file: cannot write: File too large$' \
	"ulimit -f: the copy of a pipe, tokenize" within 64 'cat bare | tokenize'
fails 1 '^qamix: standard input:1: column 1: ' "a pipe without an end is no JSON: noticed at once" \
	timeout 20 bash -c 'qamix -q - < <(yes)'

# a value, a line and a header that are too large
fails 1 '^qamix: standard input:1: a value of more than 16777216 bytes$' "a value" \
	bash -c '{ printf "{\"question\":\""; head -c 17000000 /dev/zero | tr "\0" a; } | qamix -q -'
fails 1 '^mptext: standard input: line 1: longer than 16777216 bytes$' "a line" \
	bash -c 'head -c 17000000 /dev/zero | tr "\0" a | mptext'
printf '\204\251memoscope\001\246stream\244text\245chain\220\244text\306\060\012\000\000' >header
"$tools/peak_memory" bash -c 'head -c 806000000 /dev/zero | cat header - | mpcat' 2>said
is "$(head -n 1 said)" "mpcat: standard input: byte 36, header: binary data of 805961728 bytes: a header has at most 16777216" \
	"a header of 806 MB"
[ "$(tail -n 1 said)" -lt 65536 ]
ok $? "which takes no memory: $(tail -n 1 said) KiB"
done_testing
