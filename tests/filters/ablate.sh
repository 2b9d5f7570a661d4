#!/bin/bash
# ablate.sh - gpt-score and gpt-sample without some of a model's heads and feed-forward parts. That
# the network is right is for tests/model/gpt_inspect.c, that means are for tests/model/ablation.c.
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
gpt-score -q model --ablate mlp:1 book | mpcat >mlp
gpt-score -q model --ablate mlp:1 --ablate-to mean --mean-over others book | mpcat >mlp_average
gpt-score -q model --ablate head:0.0-1,mlp_out:1 book | mpcat >all
gpt-score -q model --ablate mlp:1,0 book | mpcat | cmp -s - all
ok $? "heads and feed-forward parts together, in any order"
is "$(cat whole zero average own first both mlp mlp_average all | jq -c '[.id, .steps[9].p]' | sort -u | wc -l)" 54 \
	"each part, each value in its place, and each reference makes a difference"
gpt-score -q model --ablate 0.1 --ablate-to mean --mean-over - book <others | mpcat | cmp -s - average
ok $? "--mean-over -: the reference from the standard input"
for program in gpt-score gpt-sample; do
	fails 2 "$program: --mean-over -: the (texts|prompts), too, come from the standard input" "$program: not both" \
		"$program" -q model --ablate 0.1 --ablate-to mean --mean-over -
	fails 2 "$program: --mean-over -: the" "$program: ... also if it is named" \
		"$program" -q model --ablate 0.1 --ablate-to mean --mean-over - book -
done
gpt-score -q model --ablate 0.1 --ablate-to mean --mean-over <(tokenize --vocab model <others) <book |
	mpcat | cmp -s - average
ok $? "tokens are as good a reference, and the texts come through the pipe"

# ---- what transformers says ----

for name in plain bias narrow-heads; do
	directory=$ROOT/testdata/golden/$name
	jq -c .text "$directory/ablation.json" | "$tools/mkstream" text '{}' >probe
	jq -c '.others[]' "$directory/ablation.json" | "$tools/mkstream" text '{}' >reference
	while IFS=$'\t' read -r case parts to rows; do
		options=(--ablate "$parts" --ablate-to "$to")
		[ "$to" = zero ] || options+=(--mean-over reference)
		[ -z "$rows" ] || options+=(--rows "$rows")
		gpt-score -q --probs 99 "${options[@]}" "$directory" probe | mpcat >have
		is "$(jq -c --argjson case "$case" --slurpfile have have '.characters as $characters |
			[.cases[$case].log_p[] | [$characters, .] | transpose | map({(.[0]): .[1]}) | add] as $want |
			[$have[0].steps[].top | map({(.[0]): (.[1] | log)}) | add] as $have |
			[($have | length), ([range($want | length) as $i | $want[$i] | to_entries[] |
			select(((.value - $have[$i][.key]) | fabs) < 1e-5)] | length)]' "$directory/ablation.json")" \
			"[16,176]" "$name: all probabilities of transformers and hooks: ${options[*]}"
	done < <(jq -r '.cases | to_entries[] | [.key, .value.parts, .value.to, .value.rows // ""] | @tsv' \
		"$directory/ablation.json")
done

# ---- some rows ----

# steps FILE: id, place and probability of each step
steps() {
	mpcat "$1" | jq -r '.id as $id | .steps[] | [$id, .pos, .p] | @tsv'
}
gpt-score -q model book >whole.mp
gpt-score -q model --ablate 0,mlp:1 --rows number book >numbers
# the first row that is ablated is that of the first digit; it predicts the second
mpcat book | jq -r '[.id, (.spans | map(select(.[2] == "number")) | .[0][0])] | @tsv' >first_digit
is "$(paste <(steps whole.mp) <(steps numbers) | awk -F '\t' 'NR == FNR { first[$1] = $2; next }
	$2 <= first[$1] { before++; if ($3 != $6) bad++ }
	$2 == first[$1] + 1 { first_row++; if ($3 == $6) bad++ }
	END { print (before > 50), first_row, bad + 0 }' first_digit -)" "1 6 0" \
	"--rows: all is as it was up to the first such token, from which on nothing is"
gpt-score -q model --ablate 0,mlp:1 --rows answer book >answers
cmp -s <(steps answers) <(steps numbers)
is $? 1 "each kind has its rows"
gpt-score -q model --lens --ablate mlp:1 --rows number book | mpcat >lens
gpt-score -q model --lens book | mpcat >whole_lens
is "$(paste -d ' ' <(jq -r '.id as $id | .steps[] | "\($id) \(.pos) \(.lens[1].p) \(.lens[2].p)"' whole_lens) \
	<(jq -r '.steps[] | "\(.lens[1].p) \(.lens[2].p)"' lens) |
	awk 'NR == FNR { inside[$1, $2] = 1; next } $3 != $5 { early++ }
		(($1, $2 - 1) in inside) { n++; if ($4 == $6) kept++ } !(($1, $2 - 1) in inside) && $4 != $6 { bad++ }
		END { print early + 0, (n > 100), kept + 0, bad + 0 }' \
	<(mpcat book | jq -r '.id as $id | .spans[] | select(.[2] == "number") | range(.[0]; .[1]) | "\($id) \(.)"') -)" \
	"0 1 0 0" "--lens: the last feed-forward part is missed after its layer, in these rows, in no others"
gpt-score -q model --attribute --ablate 0.1,mlp:1 --rows number book | mpcat >attributed
is "$(jq -r '.id as $id | .steps[] | "\($id) \(.pos) \(.attribution | .heads[0][1]) \(.attribution | .mlp[1])"' attributed |
	awk 'NR == FNR { inside[$1, $2] = 1; next } (($1, $2 - 1) in inside) { n++; if ($3 || $4) bad++; next }
		!$3 || !$4 { bad++ } END { print (n > 100), bad + 0 }' \
	<(mpcat book | jq -r '.id as $id | .spans[] | select(.[2] == "number") | range(.[0]; .[1]) | "\($id) \(.)"') -)" \
	"1 0" "--attribute: parts add nothing in these rows, and something in the others"
gpt-score -q model --attribute --ablate 0.1,mlp:1 --ablate-to mean --mean-over others --rows number book | mpcat --json |
	jq -r '.steps[].attribution | [.embed, .pos_embed, .heads[][], .mlp[]] as $parts |
		((($parts | add) - .difference | fabs) < 1e-5 * (1 + ($parts | map(fabs) | add)))' | sort -u >sums
is "$(cat sums)" true "--attribute: with means of some rows the parts add up, too"

# windows: what the tokens of the window give alone, ablated where they are ablated in the text
"$tools/mkmodel" narrow "$alphabet" 2 2 16 24 1 6
for how in "--slide" "--stride 24"; do
	# shellcheck disable=SC2086
	gpt-score -q narrow $how --ablate 0.1,mlp:1 --rows number --kinds ask book | mpcat |
		jq -c '.id as $id | .steps[] | [$id, .pos, .p]' >have
	mpcat book | jq -c --arg how "$how" '. as $r | (.spans[] | select(.[2] == "ask")) as $a | range($a[0]; $a[1]) |
		select($how == "--slide" or . % 24 > 0) | . as $pos |
		(if $how == "--slide" then $pos - 24 else $pos - $pos % 24 end) as $begin |
		{id: ($r.id * 1000 + $pos), text: $r.text[$begin:$pos + 1], spans: [$r.spans[] |
			[([.[0], $begin] | max) - $begin, ([.[1], $pos + 1] | min) - $begin, .[2], .[3], .[4]] |
			select(.[0] < .[1])]}' | "$tools/mkstream" text '{}' |
		gpt-score -q narrow --ablate 0.1,mlp:1 --rows number | mpcat |
		jq -c '[(.id / 1000 | floor), .id % 1000, .steps[-1].p]' >want
	is "$(wc -l <have) $(jq -c . have | cmp -s - want; echo $?)" "$(wc -l <want) 0" "$how --rows: each window has its rows"
done

# ---- what is sampled is what is scored, however the work is cut ----

for how in zero 'mean --mean-over others' 'zero --rows name' 'mean --mean-over others --rows number'; do
	# shellcheck disable=SC2086
	ablated() { "$1" -q model --ablate 1.0,0.1,mlp:0 --ablate-to $how "${@:2}"; }
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

# A prompt that is longer than the context, and a text that moves on: tokens keep what they lose.
gpt-sample -q narrow --crop --from answer --max-tokens 9 --stop '' --ablate 0.1,mlp:1 --rows ask book >slid
gpt-score -q narrow --slide --ablate 0.1,mlp:1 --rows ask slid >rescored
is "$(steps slid | awk -F '\t' 'NR == FNR { p[$1, $2] = $3; next } { n++; d = p[$1, $2] - $3 }
	!(($1, $2) in p) || d ^ 2 > 1e-10 { bad++ } END { print n, bad + 0 }' <(steps rescored) -)" "54 0" "texts that slide, ablated in some rows"

# The GPU's kernels add in another order.
for rows in '' number; do
	gpt-score -q model --ablate 0.1,mlp:0 ${rows:+--rows "$rows"} --kinds answer book >cpu
	MEMOSCOPE_CUDA=$(dirname "$tools")/kernels-shim.so \
		gpt-score -q model --device cuda --ablate 0.1,mlp:0 ${rows:+--rows "$rows"} --kinds answer book >gpu
	is "$(paste <(steps cpu) <(steps gpu) | awk '$1 != $4 || $2 != $5 || ($3 - $6) ^ 2 > 1e-10 { bad++ }
		END { print (NR > 50), bad + 0 }')" "1 0" "--device cuda, ${rows:-all rows}: the numbers of the CPU"
done

# Without the only head that reads the context, the last character and its place say all.
knowing() {
	gpt-score -q single --probs 0 "$@" book | mpcat | jq -c '.text as $t | .steps[] |
		[.pos, $t[.pos - 1:.pos], .entropy]' | sort -u | cut -d, -f 1-2 | uniq -d | wc -l
}
is "$(knowing --ablate 0.0) $(($(knowing) > 20))" "0 1" \
	"without its only head, a model knows the last character and its place, no more"

# ---- the header, and the options ----

said='{"heads":["1.0","0.1"],"mlp":[0],"to":"mean","rows":"number"}'
is "$(mpcat --header scored | jq -c '.scoring.ablation')" "$said" "gpt-score's header says so"
is "$(mpcat --header written | jq -c '.sampling.ablation')" "$said" "so does gpt-sample's"
is "$(gpt-score -q model --ablate 1.0 book | mpcat --header | jq -c .scoring.ablation) $(
	gpt-score -q model --ablate mlp:0-1 book | mpcat --header | jq -c .scoring.ablation)" \
	'{"heads":["1.0"],"to":"zero"} {"heads":[],"mlp":[0,1],"to":"zero"}' "of one kind of parts, in all rows"
is "$(gpt-score -q model book | mpcat --header | jq -c '.scoring | has("ablation"), .ablation' | xargs)" \
	"true null" "and where nothing is ablated"
"$tools/mkmodel" short "$alphabet" 1 1 16 20 1 6
for program in gpt-score 'gpt-sample --prompt 1'; do
	read -ra command <<<"$program model --ablate"
	fails 2 '^[a-z-]*: --ablate: the model has no layer 2, only 0 to 1$' \
		"$program: a layer it has not" "${command[@]}" 2.0
	fails 2 '^[a-z-]*: --ablate: the model has no head 2, only 0 to 1$' \
		"$program: a head it has not" "${command[@]}" 0.0,1.2
	fails 2 ": --ablate: '.0': expected layer.head" "$program: no layer" "${command[@]}" .0
	fails 2 ': --ablate: .resid.: expected one of these places: head, mlp$' "$program: a place that is no part" \
		"${command[@]}" resid:0
	fails 2 ': --ablate: .mlp. has no heads' "$program: a feed-forward part has no heads" "${command[@]}" mlp:0.1
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

for program in gpt-score gpt-sample; do
	fails 2 ': --rows: no part is named by --ablate$' "$program: rows of nothing" "$program" model --rows name book
done
fails 1 ': --rows: no record has a token in a span of kind .answers.$' "gpt-score: a kind that no record has" \
	gpt-score -q model --ablate mlp:0 --rows answers book
fails 1 ': --rows: no prompt has a token in a span of kind .answer.; tokens that the model writes are in no span$' \
	"gpt-sample: a kind that no prompt has" gpt-sample -q model --from answer --ablate mlp:0 --rows answer book
fails 1 ': others: no token in a span of kind .answers. to take a mean over$' "a kind that no reference has" \
	gpt-score -q model --ablate mlp:0 --rows answers --ablate-to mean --mean-over others book
fails 2 ': --rows: not with --prompt' "a prompt that has no spans" gpt-sample model --prompt 1 --ablate 0.0 --rows name

done_testing
