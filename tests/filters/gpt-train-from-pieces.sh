#!/bin/bash
# gpt-train-from-pieces.sh - GPT-2s with byte-level BPE, of each kind, are scored, looked into and trained on as
# PyTorch does: testdata/bpe/train_on.py. What is trained opens again.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
bpe=$ROOT/testdata/bpe
cd "$TMP" || exit 1

# golden MODEL FILTER: of what PyTorch says of the model
golden() {
	jq -c --arg name "$1" ".[\$name] | $2" "$bpe/train-on.json"
}
# near A B [OFF]: is each number of two JSON values the same, but for rounding?
near() {
	jq -nc --argjson a "$1" --argjson b "$2" --argjson off "${3:-1e-5}" '[[$a, $b][] | [.. | numbers]] | (map(length) | .[0] == .[1]) and
		(transpose | map(.[0] - .[1] | fabs) | max < $off)'
}
# losses DIR: of each record, in nats a token
losses() {
	gpt-score -q "$1" records.mp | mpcat | jq -c '[.steps[].p | -log] | add / length' | jq -sc .
}
# train MODEL DIR OPTION...: with the settings of train_on.py
train() {
	local model=$1 directory=$2
	shift 2
	gpt-train --from "$model" -o "$directory" --dtype f32 --threads 2 --batch 2 --warmup 0 --lr 0.01 --min-lr 0.01 --log-every 1 "$@"
}

cp -R "$bpe/half" "$bpe/all-kinds" .
cp "$bpe/tokenizer.json" half
cp "$bpe/vocab.json" "$bpe/merges.txt" all-kinds
model-import -q "$ROOT/testdata/foreign/nanogpt-bpe/ckpt.pt" --vocab "$bpe" -o nanogpt
jq -c '.records[]' "$bpe/train-on.json" | mptext >records.mp
weights=$(jq -r '.weights | to_entries | map("\(.key)=\(.value)") | join(",")' "$bpe/train-on.json")

for model in half all-kinds nanogpt; do
	tokenize --vocab $model <records.mp >$model.mp
	is "$(mpcat $model.mp | jq -c .tokens | jq -sc .)" "$(golden $model .tokens)" "$model: the tokens of transformers"
	is "$(near "$(gpt-score -q $model records.mp | mpcat | jq -c '[.steps[].p]' | jq -sc .)" "$(golden $model .p)")" true \
		"the probability of each"
	gpt-score -q $model records.mp | recall-score >summary
	is "$(near "$(for kind in number ask answer; do grep "^loss_$kind"$'\t' summary; done | cut -f 2 | jq -sc .)" \
		"$(golden $model .nats)" 1e-3)" true "and the loss of each kind of span"
	if [ $model != nanogpt ]; then
		attn-dump -q $model records.mp | mpcat | jq -c 'select(.id == 0) | .probs' | jq -sc . >attention
		is "$(near "$(cat attention)" "$(golden $model .attention)")" true "the attention of each head"
	fi
	train $model even-$model --steps 4 <$model.mp >metrics.mp 2>said
	is "$? $(near "$(mpcat metrics.mp | jq -sc 'map(.loss)')" "$(golden $model .even.losses)")" "0 true" "the losses of PyTorch's steps"
	is "$(head -n 2 said | sed -E 's/[0-9]+ parameters/N parameters/; s/about [0-9]+ MiB/about N MiB/')" \
		"gpt-train: N parameters, a vocabulary of $(jq .vocab_size $model/config.json), 2 threads, f32, about N MiB of memory
gpt-train: training on from the parameters of $(sed -n 's/.*parameters of //p' said)" "the type and the memory are said first"
	is "$(near "$(losses even-$model)" "$(golden $model .even.after)")" true "and its model after them"
	train $model heavy-$model --quiet --steps 4 --weight "$weights" <$model.mp >/dev/null
	is "$? $(near "$(losses heavy-$model)" "$(golden $model .weighted.after)")" "0 true" "--weight goes by the spans of tokens"

	# Half of the steps, the other half, and then from the result.
	cat $model.mp $model.mp >twice.mp
	train $model whole-$model --quiet --steps 8 --dropout 0.1 <twice.mp >/dev/null
	train $model parts-$model --quiet --steps 8 --dropout 0.1 <$model.mp >/dev/null 2>&1
	gpt-train --resume -o parts-$model --quiet --dtype f32 --threads 2 <twice.mp >/dev/null
	is "$? $(losses parts-$model/last)" "0 $(losses whole-$model/last)" "a run goes on"
	train "whole-$model" again --overwrite --quiet --steps 1 --lr 0 --min-lr 0 <$model.mp >/dev/null
	is "$? $(losses again)" "0 $(losses whole-$model)" "and another begins with its model"
	fields='{n_layer, n_head, n_embd, n_positions, vocab_size, n_inner, activation_function, layer_norm_epsilon,
		scale_attn_weights, scale_attn_by_inverse_layer_idx, tie_word_embeddings, eos_token_id}
		| with_entries(select(.value != null)) | .activation_function |= sub("gelu_pytorch_tanh"; "gelu_new")'
	is "$(jq -cS "$fields" again/config.json)" "$(jq -cS "$fields" $model/config.json)" "which is of the same kind"
	is "$(tokenize --vocab again <records.mp | mpcat | jq -c .tokens | jq -sc .)" "$(golden $model .tokens)" "with the same tokens"
done

done_testing
