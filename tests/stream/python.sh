#!/bin/bash
# python.sh - the programs of stream(5), which read and write streams with no help from us.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$TMP" || exit 1

for python in python3 /usr/bin/python3 none; do # the system's has the modules that are packaged
	"$python" -c 'import msgpack, xxhash' 2>/dev/null && break
done
if [ "$python" = none ]; then
	echo "1..0 # SKIP no python3 with msgpack and xxhash"
	exit 0
fi

# The literal blocks that import something, as they are printed.
awk '/^\.Bd -literal/ { block = ""; next }
	/^\.Ed/ { if (block ~ /^import/) printf "%s", block >(++n ".py"); next }
	{ gsub(/\\e/, "\\"); block = block $0 "\n" }' "$ROOT/man/stream.5"
reads() { "$python" "$(grep -l 'def records' -- *.py)"; }
writes() { "$python" "$(grep -l 'def record(i)' -- *.py)" 1; }
shapes() { "$python" "$(grep -l numpy -- *.py)"; }

phonegen --count 20 --first 7 >book
is "$(reads <book | "$python" -c 'import ast, json, sys
for line in sys.stdin:
	print(json.dumps(ast.literal_eval(line), ensure_ascii=False))' | jq -c .)" "$(mpcat book | jq -c .)" \
	"the reader reads records and spans"
is "$(cat book book | reads | wc -l)" 40 "several segments"
for bytes in 0 30 $(($(stat -c %s book) - 1)); do
	head -c "$bytes" book | reads >have 2>said
	[ "${PIPESTATUS[1]}" -ne 0 ]
	ok $? "it refuses a stream cut off at byte $bytes"
done

writes >sums
ok $? "the writer writes"
is "$(reads <sums | wc -l)" 1000 "what the reader reads"
is "$(mpcat --text sums | grep -cxE '\{B\}[0-9]+\+[0-9]+=[0-9]+\{E\}')" 1000 "sums"
is "$(tokenize <sums | mpcat --header | jq -r '.chain[].program' | xargs)" "sums tokenize" \
	"tokenize reads and signs it"
is "$(data-lint sums | grep -E '^(records|floor|floor_answer)	')" \
	"$(printf 'records\t1000\nfloor\t9.21034\nfloor_answer\t0')" "data-lint knows its floor"
tokenize <sums | gpt-train -q -o model --layers 1 --width 8 --heads 2 --steps 2 >metrics
gpt-sample -q model --from answer --max-tokens 4 sums | recall-score | grep -q '^exact_of	1000$'
ok $? "from there on it is asked like any other"

if "$python" -c 'import numpy' 2>/dev/null; then
	phonegen --count 1 --seed 7 --entries 2 >one
	is "$(act-dump "$ROOT/testdata/phonebook" --at z,mlp_post --layer 1 --head 2 one | shapes)" \
		"$(mpcat --text one | wc -m | awk '{ n = $1
			print "blocks.1.attn.hook_z 2 (" n ", 12)"
			print "blocks.1.mlp.hook_post - (" n ", 192)" }')" "numpy reads activations"
else
	ok 0 "numpy reads activations # SKIP no numpy"
fi

done_testing
