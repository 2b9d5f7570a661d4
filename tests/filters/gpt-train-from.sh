#!/bin/bash
# gpt-train-from.sh - gpt-train --from: training on from the parameters of any model, as PyTorch does; its
# runs are resumed like others.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
golden=$ROOT/testdata/golden
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

# texts MODEL: those of testdata/golden/train-on.json, as a stream
texts() {
	jq -c --arg name "$1" '.[$name].texts[] | {text: .}' "$golden/train-on.json" | mptext
}

# train MODEL DIR OPTION...: on these texts
train() {
	local model=$1 directory=$2
	shift 2
	gpt-train "$model.mp" --from "$golden/$model" -o "$directory" --quiet --dtype f32 --threads 2 --batch 2 "$@"
}

# numbers FILE: the parameters of a model.safetensors
numbers() {
	tail -c +$((9 + $(od -An -tu8 -N8 "$1"))) "$1" | md5sum
}

# losses DIR: of each text of text.mp, in nats a token
losses() {
	gpt-score "$1" text.mp | mpcat --json | jq -c '[.steps[].p | -log] | add / length' | jq -sc .
}

# near A B: is each number of two JSON arrays the same, but for rounding?
near() {
	jq -nc --argjson a "$1" --argjson b "$2" '[$a, $b] | transpose | map(.[0] - .[1] | fabs) | max < 1e-5'
}

# ---- as PyTorch does ----

for model in plain all-kinds saved-all-kinds; do
	texts "$model" >text.mp
	tokenize --vocab "$golden/$model" <text.mp >"$model.mp"
	gpt-train --from "$golden/$model" -o "on-$model" --quiet --dtype f32 --threads 2 --batch 2 --steps 4 --log-every 1 \
		--warmup 0 --lr 0.01 --min-lr 0.01 <"$model.mp" >metrics.mp
	is "$(near "$(mpcat --json metrics.mp | jq -sc 'map(.loss)')" \
		"$(jq -c --arg name "$model" '.[$name].losses' "$golden/train-on.json")")" true "--from $model: the losses of PyTorch's steps"
	is "$(near "$(losses "on-$model")" "$(jq -c --arg name "$model" '.[$name].after' "$golden/train-on.json")")" true \
		"and its model after them"
	fields='{n_layer, n_head, n_embd, n_positions, vocab_size, n_inner, activation_function, layer_norm_epsilon,
		scale_attn_weights, scale_attn_by_inverse_layer_idx, tie_word_embeddings}'
	is "$(jq -c "$fields" "on-$model/config.json")" "$(jq -c "$fields" "$golden/$model/config.json")" "of the same kind"
done

# ---- the parameters and where they come from ----

train all-kinds still --steps 2 --lr 0 --weight-decay 1 >still.mp
is "$(numbers still/model.safetensors)" "$(numbers "$golden/all-kinds/model.safetensors")" \
	"a learning rate of 0 changes no bit"
is "$(jq -c '.from | [.directory, .layers, .context, (.digest | length)]' still/memoscope.json)" \
	"[\"$golden/all-kinds\",2,17,16]" "memoscope.json names the model"
gpt-train all-kinds.mp --from still -o again --quiet --steps 1 --lr 0 >/dev/null
is "$(jq -c '.from.digest == .from.from.digest, .from.training.step, (.from.chain | length)' again/memoscope.json | tr '\n' ' ')" \
	"true 2 3 " "and that model says where its own come from"
is "$(gpt-score still <(texts all-kinds) | mpcat --header | jq -c .model.from.layers)" 2 "so do streams that it makes"
train all-kinds one --steps 3 --dropout 0.3 --seed 5 >one.mp
train all-kinds two --steps 3 --dropout 0.3 --seed 5 >two.mp
train all-kinds dry --steps 3 --seed 5 >dry.mp
is "$(numbers one/model.safetensors)" "$(numbers two/model.safetensors)" "the same run twice, with dropout"
[ "$(numbers one/model.safetensors)" != "$(numbers dry/model.safetensors)" ]
ok $? "dropout works"
gpt-train --from still -o still --overwrite --quiet --steps 1 --lr 0 all-kinds.mp >/dev/null
is "$? $(numbers still/model.safetensors)" "0 $(numbers "$golden/all-kinds/model.safetensors")" \
	"a run may replace the model that it begins with"

# ---- a shorter context ----

for context in 6 17; do
	jq -c --argjson n $context '."all-kinds".texts[] | {text: .[:$n]}' "$golden/train-on.json" | mptext >text.mp
	tokenize --vocab "$golden/all-kinds" <text.mp >short.mp
	gpt-train short.mp --from "$golden/all-kinds" -o context-$context --context $context --quiet --steps 1 --lr 0 >/dev/null
	is "$(jq .n_positions context-$context/config.json) $(losses context-$context)" "$context $(losses "$golden/all-kinds")" \
		"--context $context: what the model says is the same"
done

# ---- resuming ----

more=(--steps 6 --eval-every 2 --dropout 0.2 --optimizer muon)
cat all-kinds.mp all-kinds.mp >twice.mp
stream() {
	gpt-train "$@" --dtype f32 --threads 2
}
stream --from "$golden/all-kinds" -o whole --quiet --batch 2 "${more[@]}" <twice.mp >/dev/null
stream --from "$golden/all-kinds" -o parts --quiet --batch 2 "${more[@]}" <all-kinds.mp >/dev/null 2>&1
is "$(jq .training.step parts/last/memoscope.json)" 4 "a stream of four batches ends at step 4"
stream --resume -o parts <twice.mp >/dev/null 2>said
is "$? $(grep -c 'bits will differ' said) $(jq .training.step parts/last/memoscope.json)" "0 0 6" "a resume goes on without --from"
is "$(numbers parts/last/model.safetensors)" "$(numbers whole/last/model.safetensors)" "to the bits of a run at one go"
is "$(jq -c .from parts/last/memoscope.json)" "$(jq -c .from whole/last/memoscope.json)" "its model still says where it comes from"
is "$(jq -c "$fields" parts/config.json)" "$(jq -c "$fields" "$golden/all-kinds/config.json")" "and what kind it is of"
rm parts/last/model.safetensors parts/last/memoscope.json
stream --resume -o parts --quiet <twice.mp >/dev/null
is "$? $(numbers parts/last/model.safetensors) $(jq -c .from parts/last/memoscope.json)" \
	"0 $(numbers whole/last/model.safetensors) $(jq -c .from whole/last/memoscope.json)" "also from the state alone"

# ---- tokens that are pieces, and the one that ends a text ----

"$tools/mkmodel" bpe "@$ROOT/testdata/bpe" 1 2 8 64 1 6
jq '.eos_token_id = [3, 9]' bpe/config.json >config.json && mv config.json bpe
phonegen --count 8 --entries 1 | tokenize --vocab bpe >pieces.mp
cat pieces.mp pieces.mp >more.mp
stream --from bpe -o pieces --quiet --batch 2 --context 60 --steps 8 --pack text --eval-every 2 <pieces.mp >/dev/null 2>&1
before=$(jq .training.step pieces/last/memoscope.json)
stream --resume -o pieces --quiet <more.mp >/dev/null 2>said
after=$(jq .training.step pieces/last/memoscope.json)
[ "$before" -gt 0 ] && [ "$after" -gt "$before" ]
ok $? "a model of pieces is trained on, and its run goes on (steps $before, $after)"
is "$(jq -c .eos_token_id pieces/config.json pieces/last/config.json | tr '\n' ' ')" "[3,9] [3,9] " "it keeps the tokens that end a text"
for file in vocab.json merges.txt tokenizer.json; do
	cmp -s bpe/$file pieces/last/$file
	ok $? "and $file"
done

# ---- what is said ----

gpt-train all-kinds.mp --from "$golden/all-kinds" -o said.d --steps 1 --dtype f32 --threads 1 2>said >/dev/null
is "$(grep -c '1936 parameters, a vocabulary of 11, 1 thread, f32, about [0-9]* MiB of memory$' said)" 1 \
	"the type and the memory are said"
is "$(grep -c "training on from the parameters of $golden/all-kinds: 2 layers, 2 heads, width 10, context 17, activation_function gelu_new" \
	said)" 1 "and what the run begins with"

# As much as the system gives, when the first save is done.
if ! grep -q __asan_init "$BUILD/gpt-train"; then
	mkfifo pipe
	phonegen --count 20 --entries 1 | tokenize >phone.mp
	gpt-train -o large --layers 6 --width 256 --steps 9 --batch 8 --eval-every 1 --threads 2 --dtype f32 \
		<pipe 2>said >/dev/null &
	process=$!
	exec 3>pipe
	cat phone.mp >&3
	for ((i = 0; i < 3000; i++)); do
		[ "$(jq .training.step large/last/memoscope.json 2>/dev/null)" = 2 ] && break
		sleep 0.05
	done
	have=$(awk '/VmHWM/ { print int($2 / 1024) }' /proc/$process/status)
	exec 3>&-
	wait $process
	want=$(sed -n 's/.*about \([0-9]*\) MiB of memory$/\1/p' said)
	echo "# $want MiB said, $have MiB taken"
	[ $((have * 10)) -gt $((want * 8)) ] && [ $((have * 10)) -lt $((want * 13)) ]
	ok $? "the memory that is said is the memory that is taken"
fi

# ---- refusals ----

for option in '--layers 2' '--heads 2' '--width 10' '--inner 13' '--bias' '--preset 30k'; do
	# shellcheck disable=SC2086
	fails 2 "${option%% *}: not with --from" "--from with ${option%% *}" gpt-train all-kinds.mp --from "$golden/all-kinds" -o no $option
done
fails 2 "--context 18: expected at most 17, the context of $golden/all-kinds" "a longer context" \
	gpt-train all-kinds.mp --from "$golden/all-kinds" -o no --context 18
fails 2 "--from: not with --resume" "--from with --resume" gpt-train all-kinds.mp --from "$golden/all-kinds" -o parts --resume
fails 2 "$golden/all-kinds: it holds .* already, expected" "into the model itself" \
	gpt-train all-kinds.mp --from "$golden/all-kinds" -o "$golden/all-kinds"
fails 1 "nowhere/config.json: cannot open" "a model that is not there" gpt-train all-kinds.mp --from nowhere -o no
phonegen --count 2 --entries 1 | tokenize >other.mp
fails 1 "other.mp: its vocabulary is not that of $golden/all-kinds: .*; tokenize --vocab $golden/all-kinds makes tokens that fit$" \
	"data of another vocabulary" gpt-train other.mp --from "$golden/all-kinds" -o no
fails 1 "standard input: its vocabulary is not that of $golden/all-kinds: .*makes tokens that fit$" "a stream of another one" \
	sh -c "exec gpt-train --from '$golden/all-kinds' -o no <other.mp"
fails 1 "other.mp: its vocabulary is not that of $golden/all-kinds" "a validation set of another one" \
	gpt-train all-kinds.mp --val other.mp --from "$golden/all-kinds" -o no
[ ! -e no ]
ok $? "none of these made a directory"

done_testing
