#!/bin/bash
# act-dump.sh - act-dump: the activations inside a model, beside those that transformers shows.
# tests/model/gpt_hook.c looks at each place of many networks.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

places=embed,pos_embed,resid_pre,ln1,q,k,v,z,result,attn_out,resid_mid,ln2,mlp_pre,mlp_post,mlp_out
places+=,resid_post,ln_final
phonegen --count 3 --seed 5 --entries 3 >book
take_alphabet book
"$tools/mkmodel" model "$alphabet" 2 3 12 256 1 6
act-dump --quiet --at "$places" model book >whole
mpcat --json whole >whole.json

# alike FILTER HAVE: what the jq filter takes of whole.json is HAVE's records
alike() {
	cmp -s <(jq -c "$1" whole.json) <(jq -c . "$2")
}

# ---- a record for each text and place ----

jq -r '[.id, .at, .layer, .head] | map(. // "-") | join(" ")' whole.json >have
for id in 0 1 2; do
	printf '%s\n' "$id embed - -" "$id pos_embed - -"
	for layer in 0 1; do
		for at in resid_pre ln1 q k v z result attn_out resid_mid ln2 mlp_pre mlp_post mlp_out resid_post; do
			case $at in
			[qkvz] | result) printf '%s\n' "$id $at $layer "{0..2} ;;
			*) echo "$id $at $layer -" ;;
			esac
		done
	done
	echo "$id ln_final - -"
done | sed 's/ 0 \(.*\)$/ 0 \1/' | cmp -s - have
ok $? "texts, layers, places and heads in the order of the pass"
jq -c '{id, text, spans}' whole.json | uniq | cmp -s - <(mpcat book | jq -c '{id, text, spans}')
ok $? "each has the text and its spans"
is "$(jq -c '(.text | length) as $n | [.rows == [range($n)], (.values | length) == $n]' whole.json | sort -u)" \
	"[true,true]" "a row for each character"
is "$(jq -r '"\(.at) \(.values | map(length) | unique)"' whole.json | sort -u | paste -sd ' ')" \
	"attn_out [12] embed [12] k [4] ln1 [12] ln2 [12] ln_final [12] mlp_out [12] mlp_post [48] mlp_pre [48] pos_embed [12] q [4] resid_mid [12] resid_post [12] resid_pre [12] result [12] v [4] z [4]" \
	"the width of a row"
is "$(jq -r 'select(.layer == 1 and .head != 0 and .head != 2) | "\(.at)=\(.hook)"' whole.json | sort -u | paste -sd ' ')" \
	"attn_out=blocks.1.hook_attn_out k=blocks.1.attn.hook_k ln1=blocks.1.ln1.hook_normalized ln2=blocks.1.ln2.hook_normalized mlp_out=blocks.1.hook_mlp_out mlp_post=blocks.1.mlp.hook_post mlp_pre=blocks.1.mlp.hook_pre q=blocks.1.attn.hook_q resid_mid=blocks.1.hook_resid_mid resid_post=blocks.1.hook_resid_post resid_pre=blocks.1.hook_resid_pre result=blocks.1.attn.hook_result v=blocks.1.attn.hook_v z=blocks.1.attn.hook_z" \
	"TransformerLens' names"
is "$(mpcat --header whole | jq -c '[.stream, .bin, .model.layers, .model.heads, .chain[-1].program]')" \
	'["activations",{"values":"f32"},2,3,"act-dump"]' "the header"

# ---- what hooks of PyTorch see in transformers ----

# golden NAME: how many numbers there are, and how many differ by more than 1e-5
golden() {
	local directory=$ROOT/testdata/golden/$1 codes length
	codes=$(jq -r 'to_entries | sort_by(.value) | map(.key) | join("")' "$directory/vocab.json"; echo x)
	jq -c --arg codes "${codes%x}" '[.batch[].tokens] | max_by(length) |
		{id: 0, text: [.[] as $t | $codes[$t:$t + 1]] | join(""), spans: []}' \
		"$directory/expected.json" | "$tools/mkstream" text '{}' >sequence
	act-dump --at "$places" "$directory" sequence | mpcat --json >have
	# The first eight bytes are the length of the list of tensors, which tells where each begins.
	file=$directory/activations.safetensors
	length=$(od -An -t u8 -N 8 "$file" | tr -d ' ')
	head -c $((length + 8)) "$file" | tail -c +9 >tensors
	od -An -v -w4 -t f4 -j $((length + 8)) "$file" | awk '{ print $1 }' >numbers
	jq -r --slurpfile numbers numbers --slurpfile tensors tensors '
		$tensors[0]["\(.at).\(.layer // 0)"] as $tensor |
		(if .head then $tensor.shape[1] else 1 end) as $heads | ($tensor.shape | last) as $width |
		($tensor.data_offsets[0] / 4) as $begin | (.head // 0) as $head | .values | to_entries[] |
		.key as $row | .value | if length != $width then error("width") else . end | to_entries[] |
		(.value - $numbers[$begin + ($row * $heads + $head) * $width + .key]) | fabs' have |
		awk '{ n++ } !($1 <= 1e-5) { bad++ } END { print n, bad + 0 }'
}

for name in plain bias all-kinds; do
	is "$(golden "$name")" "$(wc -l <numbers) 0" "$name: all numbers of transformers, each to 1e-5"
done

# ---- parts ----

act-dump model book | mpcat >have
alike 'select(.at == "resid_post")' have
ok $? "without --at: the residual stream after each block"
act-dump --at z,embed --layer 1 --head 1-2 model book | mpcat >have
alike 'select(.at == "embed" or (.at == "z" and .layer == 1 and .head > 0))' have
ok $? "--layer and --head choose where there are some"
act-dump --at result,mlp_pre --rows answer model book | mpcat >have
# shellcheck disable=SC2016 # for jq
alike 'select(.at == "result" or .at == "mlp_pre") | (.spans[] | select(.[2] == "answer")) as $span |
	.rows = [range($span[0]; $span[1])] | .values = .values[$span[0]:$span[1]]' have
ok $? "--rows chooses tokens by their span"

# ---- from whatever stream ----

tokenize --vocab model/vocab.json <book >tokens
act-dump model tokens | mpcat >have
alike 'select(.at == "resid_post")' have
ok $? "tokens give what their text gives"
gpt-score --quiet model book | act-dump model | mpcat >have
alike 'select(.at == "resid_post")' have
ok $? "so do generations"
gpt-sample --quiet model --from answer --samples 2 --max-tokens 5 book | act-dump model --layer 0 | mpcat |
	jq -c '[.id, .sample, (.rows | length) == (.text | length)]' | paste -sd ' ' >have
is "$(cat have)" "[0,0,true] [0,1,true] [1,0,true] [1,1,true] [2,0,true] [2,1,true]" \
	"each sample of what a model wrote"
jq -nc '{id: 0, text: "", spans: []}' | "$tools/mkstream" text '{}' | act-dump model | mpcat >have
is "$? $(cat have)" "0 " "an empty text has no record"

mpcat --tsv=at,rows.0,values.0.0 whole | head -n 2 | tail -n 1 | awk -F '\t' '{ print $1, $2, NF }' >have
is "$(cat have)" "embed 0 3" "as a table"

# ---- refused ----

fails 2 "^act-dump: --at: 'resid' is no place of a network, expected some of embed, .*, ln_final$" \
	"no place" act-dump --at z,resid model book
fails 2 "^act-dump: --layer: the model has no layer 2, only 0 to 1$" "no such layer" act-dump --layer 1-2 model book
fails 2 "^act-dump: --head: the model has no head 3, only 0 to 2$" "no such head" act-dump --at z --head 3 model book
fails 2 "^act-dump: --head: 'resid_post' has none: see --at$" "a head where there is none" act-dump --head 1 model book
fails 2 "^act-dump: --layer: 'embed,ln_final' has none: see --at$" "a layer where there is none" \
	act-dump --at embed,ln_final --layer 1 model book
fails 1 "^act-dump: book: byte [0-9]+, record 0: no span of kind 'question'; the record has: " "no such span" \
	act-dump --rows question model book
is "$(mpcat "$TMP/stdout" 2>&1 | grep -c 'end map: missing')" 1 "then the stream has no end"
"$tools/mkmodel" short "$alphabet" 1 1 8 40 1 6
fails 1 "^act-dump: book: byte [0-9]+, record 0: a text of [0-9]+ tokens, expected at most 41" "too long a text" \
	act-dump short book

done_testing
