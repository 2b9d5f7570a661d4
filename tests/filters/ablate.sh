#!/bin/bash
# ablate.sh - gpt-score and gpt-sample without some of a model's heads. That the
# network is right is for tests/model/gpt.c, that means are for tests/model/ablation.c.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

phonegen --count 6 --seed 5 --entries 2 >book
phonegen --count 4 --seed 9 --entries 2 >others
take_alphabet book
"$tools/mkmodel" model "$alphabet" 2 2 16 128 1 6
"$tools/mkmodel" single "$alphabet" 1 1 16 128 1 6

gpt-score -q model book | mpcat >whole
gpt-score -q model --ablate 0.1 book | mpcat >zero
gpt-score -q model --ablate 0.1 --ablate-to zero book | mpcat | cmp -s - zero
ok $? "--ablate-to zero is the default"
gpt-score -q model --ablate 0.1 --ablate-to mean --mean-over others book | mpcat >average
gpt-score -q model --ablate 0.1 --ablate-to mean --mean-over book book | mpcat >own
gpt-score -q model --ablate 0.0 book | mpcat >first
gpt-score -q model --ablate 0.0,0.1 book | mpcat >both
gpt-score -q model --ablate 0.1,0.0 book | mpcat | cmp -s - both
ok $? "the order of heads means nothing"
for heads in 0 0.0-1 0-0.1,0.0; do
	gpt-score -q model --ablate "$heads" book | mpcat | cmp -s - both
	ok $? "--ablate $heads: ranges, and all heads of a layer"
done
is "$(cat whole zero average own first both | jq -c '[.id, .steps[9].p]' | sort -u | wc -l)" 36 \
	"each head, each value in its place, and each reference makes a difference"
gpt-score -q model --ablate 0.1 --ablate-to mean --mean-over - book <others | mpcat | cmp -s - average
ok $? "--mean-over -: the reference from the standard input"
gpt-score -q model --ablate 0.1 --ablate-to mean --mean-over <(tokenize --vocab model <others) <book |
	mpcat | cmp -s - average
ok $? "tokens are as good a reference, and the texts come through the pipe"

# ---- what is sampled is what is scored, however the work is cut ----

for how in zero 'mean --mean-over others'; do
	# shellcheck disable=SC2086
	ablated() { "$1" -q model --ablate 1.0,0.1 --ablate-to $how "${@:2}"; }
	ablated gpt-sample --from answer --stop '' --samples 2 book >written
	for cut in '--batch 1' '--batch 5 --threads 3'; do
		# shellcheck disable=SC2086
		ablated gpt-sample --from answer --stop '' --samples 2 $cut book | mpcat | cmp -s - <(mpcat written)
		ok $? "$how, $cut: the same records"
	done
	ablated gpt-score --threads 3 written >scored
	paste <(topk-dump written | cut -f 1-3,6) <(ablated gpt-score --threads 1 written | topk-dump |
		cut -f 1-3,6 | awk -F '\t' 'NR == FNR { want[$1, $2, $3]; next } ($1, $2, $3) in want' \
			<(topk-dump written | cut -f 1-3) -) >both
	is "$(awk -F '\t' '$1 != $5 || $2 != $6 || $3 != $7 || ($4 - $8) ^ 2 > 1e-10 { bad++ }
		END { print (NR > 300), bad + 0 }' both)" "1 0" "$how: the cache as the full pass"
	ablated gpt-score --threads 1 written | mpcat | cmp -s - <(mpcat scored)
	ok $? "$how: the same scores by one thread"
done

# Without the only head that reads the context, the last character and its place say all.
knowing() {
	gpt-score -q single --probs 0 "$@" book | mpcat | jq -c '.text as $t | .steps[] |
		[.pos, $t[.pos - 1:.pos], .entropy]' | sort -u | cut -d, -f 1-2 | uniq -d | wc -l
}
is "$(knowing --ablate 0.0) $(($(knowing) > 20))" "0 1" \
	"without its only head, a model knows the last character and its place, no more"

# ---- the header, and the options ----

is "$(mpcat --header scored | jq -c '.scoring.ablation')" '{"heads":["1.0","0.1"],"to":"mean"}' \
	"gpt-score's header says so"
is "$(mpcat --header written | jq -c '.sampling.ablation')" '{"heads":["1.0","0.1"],"to":"mean"}' \
	"so does gpt-sample's"
is "$(gpt-score -q model book | mpcat --header | jq -c '.scoring | has("ablation"), .ablation' | xargs)" \
	"true null" "and where nothing is ablated"
"$tools/mkmodel" short "$alphabet" 1 1 16 20 1 6
for program in gpt-score 'gpt-sample --prompt 1'; do
	read -ra command <<<"$program model --ablate"
	fails 2 '^[a-z-]*: --ablate: the model has no layer 2, only 0 to 1$' \
		"$program: a layer it has not" "${command[@]}" 2.0
	fails 2 '^[a-z-]*: --ablate: the model has no head 2, only 0 to 1$' \
		"$program: a head it has not" "${command[@]}" 0.0,1.2
	fails 2 ': --ablate: expected layer.head' "$program: no layer" "${command[@]}" .0
	fails 2 ': --ablate-to: .no.: expected zero or mean' "$program: another aim" \
		"${command[@]}" 0.0 --ablate-to no
	fails 2 ': --ablate-to mean: .* --mean-over FILE' "$program: a mean over nothing" \
		"${command[@]}" 0.0 --ablate-to mean
	fails 1 ': nowhere: ' "$program: a reference that is not there" \
		"${command[@]}" 0.0 --ablate-to mean --mean-over nowhere
	command[${#command[@]}-2]=short
	fails 1 ': book: .*record 0: .*context' "$program: a reference too long for the model" \
		"${command[@]}" 0.0 --ablate-to mean --mean-over book
done

done_testing
