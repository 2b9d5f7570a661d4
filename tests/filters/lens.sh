#!/bin/bash
# lens.sh - gpt-score --lens and topk-dump --lens: what a model would say after each
# layer. That the lens is right is for tests/model/gpt.c.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

phonegen --count 4 --seed 5 --entries 2 >book
take_alphabet book
"$tools/mkmodel" model "$alphabet" 3 2 16 128 1 6

gpt-score -q model book >plain
gpt-score -q model --lens book >lens
mpcat lens >lens.json
jq -c 'del(.steps[].lens)' lens.json | cmp -s - <(mpcat plain | jq -c .)
ok $? "--lens adds to each step, and changes nothing that is there without"
is "$(jq -c '.steps[] | .lens | length' lens.json | sort -u)" 4 "a lens after 0, 1, 2 and 3 layers"
is "$(jq -c '.steps[] | [.p, .rank, .entropy, .rest, .top] == (.lens[3] | [.p, .rank, .entropy, .rest, .top])' \
	lens.json | sort -u)" true "the last is what the model says"
is "$(jq -c '[.steps[] | [.lens[].p] | unique | length] | add / length | . > 3.9' lens.json | sort -u)" true \
	"the others are not"
is "$(jq -c '.steps[].lens[] | [(.top | length), (.rest + (.top | map(.[1]) | add) - 1 | fabs < 1e-9)]' \
	lens.json | sort -u)" "[5,true]" "each is a distribution"
is "$(jq -c '.steps[] | .char as $c | .lens[] | select(.rank == 0) | .top[0] == [$c, .p]' lens.json | sort -u)" \
	true "over the character that stands there"
for threads in 0 1; do
	gpt-score -q model --lens --threads "$threads" book | mpcat | cmp -s - lens.json
	ok $? "--threads $threads: by one thread as by many"
done
gpt-score -q model --lens --kinds answer --probs 2 book | mpcat | jq -c '.steps |= map(.lens |= map(.top |= length))' >have
jq -c '(.spans[] | select(.[2] == "answer")) as $a | .steps |= map(select(.pos >= $a[0] and .pos < $a[1]) |
	.lens |= map(.top |= 2))' lens.json | jq -c '[.steps[] | [.pos, (.lens[] | [.p, .top])]]' |
	cmp -s - <(jq -c '[.steps[] | [.pos, (.lens[] | [.p, .top])]]' have)
ok $? "of the steps that are asked for"
gpt-score -q model --lens --ablate 1.0 book | mpcat | jq -c '.steps[] | [.lens[].p]' >ablated
is "$(jq -c '.steps[] | [.lens[].p]' lens.json | paste - ablated | jq -c -s '
	[_nwise(2)] | [all(.[0][:2] == .[1][:2]), any(.[0][2] == .[1][2])]')" "[true,false]" \
	"a head that is ablated is missed from its layer on"
is "$(mpcat --header lens | jq -c .scoring.lens) $(mpcat --header plain | jq -c .scoring.lens)" \
	"true false" "the header says so"
is "$(mpcat --tsv=id,steps.7.char,steps.7.lens.1.p lens | tail -n +2)" \
	"$(jq -r '[.id, .steps[7].char, .steps[7].lens[1].p] | @tsv' lens.json)" "mpcat --tsv names a lens"

# ---- topk-dump --lens ----

topk-dump --lens lens >table
is "$(head -n 1 table | cut -f 1-11 | tr '\t' ' ')" \
	"record sample pos span char p rank entropy after c1 p1" "topk-dump --lens: a column after"
is "$(awk -F '\t' '{ print NF }' table | sort -u)" 19 "as many fields on every line"
is "$(tail -n +2 table | cut -f 9 | uniq | head -n 8 | tr '\n' ' ')" "0 1 2 3 0 1 2 3 " \
	"a line for each step after each layer"
awk -F '\t' 'NR == 1 || $9 == 3' table | cut -f 1-8,10- | cmp -s - <(topk-dump plain)
ok $? "those of the last layer are the table without it"
topk-dump lens | cmp -s - <(topk-dump plain)
ok $? "which does not change by a lens"
jq -r '.id as $id | .steps[] | .pos as $pos | .lens | to_entries[] | "\($id) \($pos) \(.key) \(.value.p)"' \
	lens.json | paste -d ' ' - <(awk -F '\t' 'NR > 1 { print $1, $3, $9, $6 }' table) >both
is "$(awk '$1 != $5 || $2 != $6 || $3 != $7 || ($4 / $8 - 1) ^ 2 > 1e-10 { bad++ }
	END { print (NR > 1000), bad + 0 }' both)" "1 0" "the probabilities of the stream"
gpt-score -q model lens | mpcat | jq -c .text | cmp -s - <(jq -c .text lens.json)
ok $? "what reads generations reads these"
fails 1 'plain: .*record 0: step 0: no "lens"; gpt-score --lens writes it' "a stream without" \
	topk-dump --lens plain
fails 2 '--lens and --tuples exclude one another' "--lens with --tuples" topk-dump --lens --tuples lens
gpt-score -q model --lens book >/dev/full 2>have
is "$? $(wc -l <have)" "1 1" "a full disk"

done_testing
