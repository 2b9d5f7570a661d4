#!/bin/bash
# model-directory.sh - model directories in the hands of the programs.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1
export TMP # for commands of sh -c
mkmodel=$(cd "$BUILD" && pwd)/tests/tools/mkmodel
shopt -s lastpipe

# fresh: a good model in $TMP/model
"$mkmodel" "$TMP/good" $'ab \n' 2 2 4 16 1 1
fresh() {
	rm -rf "$TMP/model"
	cp -R "$TMP/good" "$TMP/model"
}

# edit FILE FILTER: change a JSON file of the model by jq
edit() {
	jq "$2" "$TMP/model/$1" >"$TMP/edited" && mv "$TMP/edited" "$TMP/model/$1"
}

sample() {
	gpt-sample "$TMP/model" --quiet --prompt a --max-tokens 3
}

# refused NAME PATTERN: gpt-sample says so, and nothing that looks whole comes out
refused() {
	fails 1 "^gpt-sample: $TMP/model/$2" "$1" sample
	mpcat --json <"$TMP/stdout" >/dev/null 2>&1
	[ $? -eq 1 ]
	ok $? "no end map: $1"
}

# ---- the network against generate(), through the programs ----

for name in plain bias narrow-heads gelu-new epsilon unscaled by-layer own-head all-kinds; do
	expected=testdata/golden/$name/expected.json
	vocab=testdata/golden/$name/vocab.json
	text=$(jq -rj --slurpfile vocab $vocab '($vocab[0] | to_entries | map(.key)) as $c |
		.greedy | .prompt + .continuation | map($c[.]) | join("")' $expected && echo .)
	prompt=$(jq -rj --slurpfile vocab $vocab '($vocab[0] | to_entries | map(.key)) as $c |
		.greedy.prompt | map($c[.]) | join("")' $expected && echo .)
	have=$(gpt-sample testdata/golden/$name --quiet --greedy --stop '' --max-tokens 14 \
		--prompt "${prompt%.}" | mpcat --json | jq -rj .text && echo .)
	is "$have" "$text" "$name: what generate() goes on with"
done

# ---- a model of transformers' own ----

gpt-sample testdata/golden/saved --quiet --prompt é --stop '' --samples 3 | mpcat --json |
	jq -s 'length' | { read -r count; is "$count" 3 "samples of a model that transformers saved"; }

# ---- the token that ends a text ----

fresh
edit config.json '.eos_token_id = 1'
gpt-sample "$TMP/model" -q --prompt a --max-tokens 60 --samples 9 | mpcat >"$TMP/ended"
is "$(jq -r '[.stop, .text[-1:]] | @tsv' "$TMP/ended" | sort -u)" "stop	b" "eos_token_id ends each text, and stays in it"
is "$(gpt-sample "$TMP/model" -q --prompt a --max-tokens 60 --samples 9 --stop '' | mpcat | jq -r .stop | sort -u)" length \
	"but not with --stop"
model-average -o "$TMP/mean" "$TMP/model" "$TMP/model" 2>/dev/null
is "$(jq .eos_token_id "$TMP/mean/config.json")" 1 "a model that is saved again keeps it"
fresh
edit config.json '.eos_token_id = 50256'
is "$(gpt-sample "$TMP/model" -q --prompt a --max-tokens 60 | mpcat | jq -r .stop)" length \
	"a token past the vocabulary ends none"
echo '{"eos_token_id": [0, 1, 50256]}' >"$TMP/model/generation_config.json"
gpt-sample "$TMP/model" -q --prompt a --max-tokens 60 --samples 20 | mpcat >"$TMP/ended"
is "$(jq -r '[.stop, .text[-1:]] | @tsv' "$TMP/ended" | sort -u | tr '\n' ' ')" "stop	a stop	b " \
	"generation_config.json goes before config.json, and may name several"
model-average -o "$TMP/mean" "$TMP/model" "$TMP/model" 2>/dev/null
is "$(jq -c .eos_token_id "$TMP/mean/config.json")" "[0,1]" "a model that is saved again keeps them"
echo '{"eos_token_id": "b"}' >"$TMP/model/generation_config.json"
refused "an end that is no token" 'generation_config.json: "eos_token_id" is neither a token'

# ---- directories that are not whole ----

fresh
sample >"$TMP/out"
ok $? "a good model"
fresh
rm "$TMP/model/vocab.json"
sample >"$TMP/out2"
mpcat --json "$TMP/out2" | cmp -s - <(sample | mpcat --json)
ok $? "a model whose vocabulary is in tokenizer.json only"
for file in config.json vocab.json model.safetensors; do
	fresh
	rm -f "$TMP/model/$file" "$TMP/model/tokenizer.json"
	refused "without $file" "$file: cannot open: No such file"
	: >"$TMP/model/$file"
	refused "with an empty $file" "$file: "
done
fresh
rm "$TMP/model/memoscope.json" "$TMP/model/tokenizer.json" "$TMP/model/tokenizer_config.json"
sample >"$TMP/out2"
ok $? "a model without what only others read"
mpcat --json "$TMP/out" >"$TMP/json"
mpcat --json "$TMP/out2" | cmp -s - "$TMP/json"
ok $? "writes the same"

fresh
edit config.json '.n_layer = 3'
refused "a config with a block more" 'model.safetensors: tensor "transformer.h.2.*" is missing'
fresh
edit config.json '.n_embd = 8'
refused "a config of another width" 'model.safetensors: tensor .* has shape \[4, 4\], expected \[4, 8\]'
fresh
edit config.json '.activation_function = "silu"'
refused "another activation" 'config.json: "activation_function" is silu, expected gelu, gelu_new or '
fresh
edit config.json '.activation_function = "gelu_new"'
refused "the activation of another model" \
	'model.safetensors: of a network with .*, config.json says activation_function gelu_new: files of two'
fresh
edit vocab.json '.c = 4'
refused "a tokenizer of another size" 'tokenizer.json: "model" has 4 tokens, but vocab.json has 5'
rm "$TMP/model/tokenizer.json"
refused "a vocabulary of another size" 'vocab.json: 5 tokens, but config.json'

# ---- a vocabulary that is smaller than the network ----

padded=$'ab\U000f0000\U000f0001'
for token in '' 2; do
	rm -rf "$TMP/whole" "$TMP/model"
	# shellcheck disable=SC2086 # no token is no argument
	"$mkmodel" "$TMP/whole" "$padded" 1 2 8 32 1 6 $token
	cp -R "$TMP/whole" "$TMP/model"
	rm "$TMP/model/tokenizer.json"
	edit vocab.json 'with_entries(select(.value < 2))'
	for model in whole model; do
		gpt-sample "$TMP/$model" -q --prompt ab --samples 40 --max-tokens 20 --stop '' | mpcat >"$TMP/$model.out"
		gpt-sample "$TMP/$model" -q --prompt ab --greedy --max-tokens 20 --stop '' | mpcat >>"$TMP/$model.out"
	done
	cmp "$TMP/whole.out" "$TMP/model.out" && [ -s "$TMP/model.out" ]
	ok $? "tokens that vocab.json lacks are padding"
	is "$(jq -r .text "$TMP/model.out" | tr -d 'ab\n' | wc -c)" 0 "and never written${token:+, however likely one is}"
	is "$(jq -r '[.steps[].top[][0]] | unique | length' "$TMP/model.out" | sort -u)" 4 "but the model knows them"
done
edit config.json '.eos_token_id = 2'
is "$(gpt-sample "$TMP/model" -q --prompt ab --greedy --max-tokens 9 | mpcat | jq -r '[.stop, .text[2:]] | @tsv')" \
	$'stop\t\U000f0000' "unless it ends texts"
edit config.json '.vocab_size = 65'
refused "63 more tokens are padding, but of no such network" 'model.safetensors: of a network with another vocabulary'
edit config.json '.vocab_size = 66'
refused "more tokens than padding" 'vocab.json: 2 tokens, but config.json has a "vocab_size" of 66, and .* with 63 tokens at most'
fresh
edit vocab.json '.b = 0'
refused "two characters for a token" 'vocab.json: .* no token of its own'

# ---- tokenizers that make other tokens than one for each character ----

fresh
edit tokenizer.json '.normalizer = {type: "Lowercase"}'
refused "a tokenizer that lowers capitals" 'tokenizer.json: "normalizer" is Lowercase, but memoscope reads texts as'
echo a | mptext --lines >"$TMP/a.mp"
for reader in gpt-score attn-dump head-score; do
	fails 1 '"normalizer" is Lowercase' "$reader refuses it, too" "$reader" --quiet "$TMP/model"
done
fails 1 'tokenizer.json: "normalizer" is Lowercase' "tokenize --vocab refuses it, too" \
	sh -c "exec tokenize --vocab \"\$TMP/model\" <\"\$TMP/a.mp\""
fresh
edit tokenizer.json '.post_processor = {type: "TemplateProcessing", single: [{SpecialToken: {id: "a"}},
	{Sequence: {id: "A"}}]}'
refused "a tokenizer that adds a token" 'tokenizer.json: "post_processor" has a template that adds tokens'
# as save_pretrained() of transformers 5 leaves it
fresh
edit tokenizer.json '.post_processor = {type: "TemplateProcessing", single: [{Sequence: {id: "A", type_id: 0}}],
	pair: [{Sequence: {id: "A", type_id: 0}}, {Sequence: {id: "B", type_id: 1}}], special_tokens: {}}'
sample >"$TMP/resaved"
ok $? "a tokenizer that transformers saved again"

# ---- bytes that are not whole ----

fresh
truncate -s -1 "$TMP/model/model.safetensors"
refused "tensors cut by one byte" 'model.safetensors: tensor .* do not lie in the file'
fresh
printf x >>"$TMP/model/model.safetensors"
refused "tensors with one byte more" 'model.safetensors: .* but the tensors end at byte'
fresh
printf '\377' | dd of="$TMP/model/model.safetensors" bs=1 seek=7 conv=notrunc status=none
refused "a huge header" 'model.safetensors: header of [0-9]{15,} bytes in a file of'
fresh
without_checksum "$TMP/model/model.safetensors"
printf '\000\000\300\177' | dd of="$TMP/model/model.safetensors" bs=1 \
	seek=$(($(stat -c %s "$TMP/model/model.safetensors") - 4)) conv=notrunc status=none
refused "a parameter that is no number" 'model.safetensors: tensor "[^"]*": element [0-9]+ is nan'

fresh
printf '\000\000\000\100' | dd of="$TMP/model/model.safetensors" bs=1 \
	seek=$(($(stat -c %s "$TMP/model/model.safetensors") - 4)) conv=notrunc status=none
refused "another number, which is as good" \
	'model.safetensors: it was changed or damaged .*; take a good copy, or remove "xxh3" from it'
without_checksum "$TMP/model/model.safetensors"
sample >/dev/null
ok $? "taken without its checksum"
fresh
edit memoscope.json '.chain = [{"program": "me"}]'
refused "another account of how it was made" 'memoscope.json: it was changed or damaged'
edit memoscope.json 'del(.xxh3)'
sample >/dev/null
ok $? "taken without its checksum"
fresh
edit memoscope.json '.' && edit config.json '.use_cache = false'
mv "$TMP/model" "$TMP/moved" && cp -R "$TMP/moved" "$TMP/model"
sample >/dev/null
ok $? "what does not matter may change: the layout of JSON, what only transformers reads, the directory"

# ---- places that cannot be written ----

fails 1 '^mkmodel: /dev/null: not a directory$' "save below a file" \
	"$mkmodel" /dev/null/model ab 1 1 2 4 1 1
fails 1 '^mkmodel: /proc/none: cannot make directory: ' "save below what cannot be made" \
	"$mkmodel" /proc/none/of/these ab 1 1 2 4 1 1
fresh
before=$(cat "$TMP"/model/* | cksum)
fails 1 '^mkmodel: .*/model.safetensors: cannot write: File too large$' "save on a full disk" \
	bash -c 'trap "" XFSZ; ulimit -f 2; exec "$@"' - "$mkmodel" "$TMP/model" 'ab ' 2 2 16 16 2 1
is "$(cat "$TMP"/model/* | cksum)" "$before" "the old files stay, and nothing else"

done_testing
