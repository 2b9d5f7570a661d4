#!/bin/bash
# attribute.sh - gpt-score --attribute and topk-dump --attribute: what each part of a model adds to
# the logit of a token. tests/model/gpt_attribution.c looks at many networks.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

phonegen --count 4 --seed 5 --entries 2 >book
take_alphabet book
"$tools/mkmodel" model "$alphabet" 3 2 16 128 1 6

# sums FILE: how many steps there are, and in how many of them the parts do not add up to the difference
sums() {
	mpcat --json "$1" | jq -r '.steps[].attribution | [.embed, .pos_embed, .heads[][], .attn_bias[]?, .mlp[],
		.mlp_bias[]?, (.ln_final_bias // 0)] as $parts |
		((($parts | add) - .difference | fabs) < 1e-5 * (1 + ($parts | map(fabs) | add)))' |
		awk '{ n++ } $1 != "true" { bad++ } END { print n + 0, bad + 0 }'
}

gpt-score -q model book >plain
gpt-score -q model --attribute book >attributed
mpcat attributed >attributed.json
jq -c 'del(.steps[].attribution)' attributed.json | cmp -s - <(mpcat plain | jq -c .)
ok $? "--attribute adds to each step, and changes nothing that is there without"
is "$(mpcat --header attributed | jq -c .scoring.attribution) $(mpcat --header plain |
	jq -c '.scoring | has("attribution")')" "true false" "the header says so"
is "$(jq -c '.steps[].attribution | [(.heads | map(length)), (.mlp | length), keys]' attributed.json | sort -u)" \
	'[[2,2,2],3,["against","difference","embed","heads","mlp","pos_embed"]]' "the parts of a network without biases"
is "$(jq -c '.steps[] | (.char as $c | .top | map(select(.[0] != $c)) | first) as $second |
	[.attribution.against == $second[0], ((.p / $second[1] | log) - .attribution.difference | fabs) < 1e-4]' \
	attributed.json | sort -u)" "[true,true]" "against the likeliest other token, by the difference of their logits"
is "$(sums attributed)" "$(jq -s 'map(.steps | length) | add' attributed.json) 0" "the parts add up"

# ---- what transformers says ----

for name in plain bias all-kinds; do
	directory=$ROOT/testdata/golden/$name
	jq -c '{id: 0, text, spans: []}' "$directory/attribution.json" | "$tools/mkstream" text '{}' |
		gpt-score --attribute "$directory" | mpcat >have
	# both have their keys in one order
	jq -S . have >sorted
	jq -S . "$directory/attribution.json" >want
	is "$(jq -c -n --slurpfile have sorted --slurpfile want want '
		[$have[0].steps[].attribution] as $h | $want[0].steps as $w |
		def paths: [path(.. | select(type != "object" and type != "array"))];
		[($h | paths) == ($w | paths), ($h | map(.against)) == ($w | map(.against)),
		([$h, $w | [.. | numbers]] | transpose | map(select(.[0] - .[1] | fabs > 1e-5)) | length)]')" \
		"[true,true,0]" "$name: all numbers of transformers and hooks, each to 1e-5"
done

# ---- all kinds of networks ----

for directory in "$ROOT"/testdata/golden/*/ "$ROOT/testdata/phonebook/" "$ROOT/testdata/foreign/padded/"; do
	jq -c '[to_entries[] | select(.key | test("^[^\ue000-\uffff]$")) | .key] |
		{id: 0, text: (. + (reverse | .[:5]) | .[:12] | join("")), spans: []}' "$directory/vocab.json" |
		"$tools/mkstream" text '{}' >some
	gpt-score -q --attribute --stride 4 "$directory" some >have
	is "$(sums have | sed 's/^[1-9][0-9]*/some/')" "some 0" "$(basename "$directory"): the parts add up"
done
jq -c 'to_entries[] | {id: .key, text: .value.bytes}' "$ROOT/testdata/bpe/expected.json" | mptext >bytes
"$tools/mkmodel" pieces "@$ROOT/testdata/bpe" 2 4 16 96 1 6
gpt-score -q --attribute --slide pieces bytes >have
is "$(sums have | sed 's/^[1-9][0-9]*/some/')" "some 0" "tokens that are pieces of text: the parts add up"

# A network that is certain of padding: the runner-up is another token.
"$tools/mkmodel" pads $'ab\U000f0000\U000f0001' 1 1 8 40 1 1 2
jq -nc '{id: 0, text: "abba", spans: []}' | "$tools/mkstream" text '{}' | gpt-score -q --attribute pads | mpcat >have
is "$(jq -c '[.steps[] | .top[0][0], .attribution.against]' have)" \
	"$(jq -nc '"\udb80\udc00" as $p | [$p, "a", $p, "a", $p, "b"]')" "padding is no runner-up"
"$tools/mkmodel" alone $'a\U000f0000' 1 1 8 40 1 1
jq -nc '{id: 0, text: "aa", spans: []}' | "$tools/mkstream" text '{}' >some
fails 1 '^gpt-score: the model has one token only, and so no runner-up' "one token: there is no runner-up" \
	gpt-score --attribute alone some

# ---- which steps ----

for threads in 0 1 3; do
	gpt-score -q model --attribute --threads "$threads" book | mpcat | cmp -s - attributed.json
	ok $? "--threads $threads: the same bits"
done
gpt-score -q model --attribute --kinds answer,ask book | mpcat >have
jq -c '(.spans | map(select(.[2] == "answer" or .[2] == "ask"))) as $s | .steps |= map(.pos as $p |
	select(any($s[]; $p >= .[0] and $p < .[1])))' attributed.json | cmp -s - <(jq -c . have)
ok $? "of the steps that are asked for: the same bits"
gpt-score -q model --attribute --lens book | mpcat | jq -c 'del(.steps[].lens)' | cmp -s - <(jq -c . attributed.json)
ok $? "with --lens, too"

# The GPU's kernels add in another order.
MEMOSCOPE_CUDA=$(dirname "$tools")/kernels-shim.so gpt-score -q model --device cuda --attribute --kinds answer book >have
is "$(sums have | sed 's/^[1-9][0-9]*/some/')" "some 0" "--device cuda: the parts add up"
is "$(paste -d ' ' <(topk-dump -a have | cut -f 1,3,8,9) <(gpt-score -q model --attribute --kinds answer book |
	topk-dump -a | cut -f 1,3,8,9) | awk 'NR > 1 && ($1 != $5 || $2 != $6 || $3 != $7 || ($4 - $8) ^ 2 > 1e-8) { bad++ }
	END { print (NR > 100), bad + 0 }')" "1 0" "--device cuda: they are those of the CPU"

# Windows: what a text of their tokens alone gives.
"$tools/mkmodel" short "$alphabet" 2 2 16 24 1 6
for how in "--stride 24" "--slide"; do
	# shellcheck disable=SC2086
	gpt-score -q short --attribute $how --kinds answer book >have
	is "$(sums have | sed 's/^[1-9][0-9]*/some/')" "some 0" "$how: the parts add up"
done
mpcat book | jq -c '.text as $text | (.spans[] | select(.[2] == "answer")) as $a | range($a[0]; $a[1]) |
	{id: ., text: $text[. - 24:. + 1], spans: []}' | "$tools/mkstream" text '{}' >windows
gpt-score -q short --attribute windows | mpcat | jq -c '.steps[-1].attribution' >want
mpcat have | jq -c '.steps[].attribution' | cmp -s - want
ok $? "--slide: those of the window alone"

# ---- ablation ----

gpt-score -q model --attribute --ablate 1.0,2 book >zero
is "$(mpcat zero | jq -c '.steps[].attribution.heads | [.[0] | map(. != 0)] + .[1:]' | sort -u)" \
	"$(mpcat zero | jq -c '.steps[].attribution.heads | [[true, true], [0, .[1][1]], [0, 0]]' | sort -u)" \
	"a head that is ablated to zero adds nothing"
gpt-score -q model --attribute --ablate 1.0,2 --ablate-to mean --mean-over plain book >by_mean
is "$(sums zero) $(sums by_mean)" "$(sums attributed) $(sums attributed)" "the parts of what is left add up"
is "$(mpcat by_mean | jq -c '[.steps[].attribution.heads[2][0] != 0] | unique')" \
	"$(printf '[true]\n[true]\n[true]\n[true]')" "a mean adds what it adds"

# ---- topk-dump --attribute ----

topk-dump --attribute attributed >table
is "$(head -n 1 table | tr '\t' ' ')" "record sample pos span char against difference part value" "the columns"
is "$(awk -F '\t' '{ print NF }' table | sort -u)" 9 "as many fields on every line"
is "$(tail -n +2 table | cut -f 8 | head -n 11 | paste -sd ' ')" \
	"embed pos_embed head:0.0 head:0.1 mlp:0 head:1.0 head:1.1 mlp:1 head:2.0 head:2.1 mlp:2" "a line for each part"
jq -r '.id as $id | .steps[] | .pos as $pos | .attribution | .difference as $d |
	([.embed, .pos_embed] + ([.heads, .mlp] | transpose | map(.[0][], .[1])))[] | "\($id) \($pos) \($d) \(.)"' \
	attributed.json | paste -d ' ' - <(tail -n +2 table | cut -f 1,3,7,9 | tr '\t' ' ') >both
is "$(awk 'function off(a, b) { return (a - b) ^ 2 > 1e-10 * (a ^ 2 + 1e-12) }
	$1 != $5 || $2 != $6 || off($3, $7) || off($4, $8) { bad++ } END { print (NR > 3000), bad + 0 }' both)" \
	"1 0" "the numbers of the stream"
topk-dump attributed | cmp -s - <(topk-dump plain)
ok $? "the table without it does not change"
topk-dump --tuples attributed | cmp -s - <(topk-dump --tuples plain)
ok $? "nor do tuples"
is "$(jq -nc '{id: 0, text: "12", spans: []}' | "$tools/mkstream" text '{}' |
	gpt-score -q --attribute "$ROOT/testdata/golden/bias" | topk-dump -a | cut -f 8 | paste -sd ' ')" \
	"part embed pos_embed head:0.0 head:0.1 head:0.2 attn_bias:0 mlp:0 mlp_bias:0 head:1.0 head:1.1 head:1.2 attn_bias:1 mlp:1 mlp_bias:1 ln_final_bias" \
	"biases have lines of their own"
gpt-score -q model attributed | mpcat | jq -c .text | cmp -s - <(jq -c .text attributed.json)
ok $? "what reads generations reads these"
fails 1 'plain: .*record 0: step 0: no "attribution"; gpt-score --attribute writes it' "a stream without" \
	topk-dump --attribute plain
fails 2 '--attribute and --lens exclude one another' "--attribute with --lens" topk-dump -a -l attributed
fails 2 '--attribute and --tuples exclude one another' "--attribute with --tuples" topk-dump -a -t attributed
gpt-score -q model --attribute book >/dev/full 2>have
is "$? $(wc -l <have)" "1 1" "a full disk"

done_testing
