#!/bin/bash
# model-import.sh - model-import. tests/model/checkpoint.c compares its models with PyTorch's and
# damages checkpoints; here are the files and directories around them.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$TMP" || exit 1
foreign=$ROOT/testdata/foreign

# ---- models ----

# nats MODEL: the text of testdata/foreign, by gpt-score; expected NAME: the same by its program
nats() {
	jq -nc '{text: "ac\nb😀😀éa"}' | mptext | gpt-score -q "$1" | mpcat --json |
		jq '[.steps[].p | -log] | add * 1e5 | round'
}
expected() {
	jq '. as $e | [range(7) | $e.probabilities[.][$e.tokens[. + 1]] | -log] | add * 1e5 | round' \
		"$foreign/$1/expected.json"
}

for name in nanogpt nanogpt-compiled nanogpt-buffers pytorch-bin pytorch-shards; do
	model-import -q "$foreign/$name" -o $name 2>said
	is "$? $(grep -vc 'the others become' said)" "0 0" "$name: is imported, without a word"
	near=$(($(nats $name) - $(expected $name)))
	[ ${near#-} -le 2 ]
	ok $? "$name: the model written finds a text as likely as its program does"
done
cp -r "$foreign/pytorch-bin" ends && jq '.eos_token_id = 2' "$foreign/pytorch-bin/config.json" >ends/config.json &&
	model-import -q ends -o ended && echo '{"eos_token_id": [4, 1]}' >ends/generation_config.json &&
	model-import -q ends/pytorch_model.bin -o ended2
is "$(jq -c .eos_token_id ended/config.json ended2/config.json | tr '\n' ' ')" "2 [4,1] " "the tokens that end a text are kept"
model-import -q "$foreign/nanogpt-tanh" -o tanh --activation gelu_new
is "$? $(jq -r .activation_function tanh/config.json) $(jq -r .activation_function nanogpt/config.json)" \
	"0 gelu_new gelu" "--activation"
is "$(nats tanh)" "$(expected nanogpt-tanh)" "an old nanoGPT's model finds a text as likely as that did"
is "$(jq -c .vocab_size nanogpt-buffers/config.json) $(jq -r 'keys[-1]' nanogpt-buffers/vocab.json | od -An -tx1)" \
	"8  f3 b0 80 81 0a" "tokens without text are kept, as characters of private use"
model-import "$foreign/nanogpt-buffers/ckpt.pt" -o told 2>lines
is "$(cat lines)" "model-import: the network has 8 tokens and the vocabulary 6; the others become the characters from U+F0000 on
model-import: told: 1 layers, 2 heads, width 8, context 8, 8 tokens, 1016 parameters" "it says what it imported"
is "$(jq -c '[.chain[].program, .chain[0].args[:2]]' told/memoscope.json)" \
	'["model-import",["-o","told"]]' "the chain is signed"
is "$(jq -r '.imported.files[] | .name' pytorch-shards/memoscope.json | paste -sd ' ')" \
	"pytorch_model-00001-of-00002.bin pytorch_model-00002-of-00002.bin" "all files are named"
if command -v xxhsum >/dev/null && xxhsum -H3 /dev/null >/dev/null 2>&1; then
	is "$(jq -r '.imported.files[0].xxh3' nanogpt/memoscope.json)" \
		"$(xxhsum -H3 "$foreign/nanogpt/ckpt.pt" | grep -oE '[0-9a-f]{16}' | head -1)" "the checksum is xxhsum's"
fi

# ---- where the vocabulary comes from ----

mkdir alone far
cp "$foreign/nanogpt/ckpt.pt" alone/
cp "$foreign/nanogpt/meta.pkl" far/
fails 2 '^model-import: alone/ckpt.pt: no meta.pkl with the vocabulary is beside it, expected --meta FILE .*data/foreign' \
	"a checkpoint without a vocabulary" model-import alone/ckpt.pt -o x
model-import -q alone/ckpt.pt --meta far/meta.pkl -o a && model-import -q alone --vocab a/vocab.json -o b &&
	model-import -q alone --vocab b -o e && cmp a/vocab.json e/vocab.json &&
	printf '%s\n' '"\nabcé😀"' | model-import -q alone --vocab /dev/stdin -o c
is "$? $(cmp a/vocab.json b/vocab.json) $(cmp a/vocab.json c/vocab.json)" "0  " "--meta and --vocab"
(cd alone && cp ../far/meta.pkl . && model-import -q ckpt.pt -o ../d)
cmp -s a/model.safetensors d/model.safetensors
ok $? "beside a checkpoint in this directory"
fails 1 '^model-import: alone: a vocabulary of 7 tokens, but the network has 6' "a larger vocabulary" \
	model-import alone --vocab <(echo '"abcdefg"') -o x
fails 2 '^model-import: --meta and --vocab: expected one' "both" model-import alone --meta m --vocab v -o x
fails 2 '^model-import: --meta: .*pytorch-bin is no checkpoint of nanoGPT' "--meta for transformers" \
	model-import "$foreign/pytorch-bin" --meta far/meta.pkl -o x
fails 1 '^model-import: far/none.pkl: cannot open' "a meta.pkl that is not there" \
	model-import alone --meta far/none.pkl -o x
fails 1 '^model-import: alone/ckpt.pt: expected nanoGPT.s meta.pkl, but it is a zip archive' "a meta.pkl that is none" \
	model-import alone --meta alone/ckpt.pt -o x

fails 2 '^model-import: --activation: .*pytorch-bin is no checkpoint of nanoGPT' "--activation for transformers" \
	model-import "$foreign/pytorch-bin" --activation gelu -o x

# ---- byte-level BPE ----

# nanoGPT pads the vocabulary; tokens without a text have empty pieces.
bpe=$foreign/nanogpt-bpe
model-import "$bpe/ckpt.pt" --vocab "$ROOT/testdata/bpe" -o bpe 2>lines
is "$? $(jq .vocab_size bpe/config.json)" "0 $(jq .vocab_size "$bpe/expected.json")" "a vocabulary of byte pairs"
grep -q "^model-import: the network has $(jq .vocab_size bpe/config.json) tokens and the vocabulary .*; the others have no text$" lines
ok $? "it says how many have no text"
mkdir small
jq '.model.vocab |= with_entries(select(.value < 256)) | .model.merges = [] | .added_tokens = []' \
	"$ROOT/testdata/bpe/tokenizer.json" >small/tokenizer.json
fails 1 'a vocabulary of 256 tokens, but the network has .*: it is padded with 63 tokens at most, so the vocabulary is another' \
	"the vocabulary of another model" model-import "$bpe/ckpt.pt" --vocab small -o x
jq '{text}' -c "$bpe/expected.json" | mptext | tokenize --vocab bpe >tokens
gpt-score -q bpe tokens | mpcat --json >scores
is "$(jq -c '.steps | length' scores)" "$(jq '.tokens | length - 1' "$bpe/expected.json")" "its tokens are the library's"
is "$(jq '[.steps[].p | -log] | add * 1e4 | round' scores)" "$(jq '.nats * 1e4 | round' "$bpe/expected.json")" \
	"the model finds them as likely as nanoGPT does"

# ---- where the model goes ----

fails 2 "^model-import: -o: no DIR was given" "no directory" model-import alone
fails 2 "^model-import: -o: '' is no directory" "a directory without a name" model-import alone -o ''
fails 2 "^model-import: a: it holds memoscope.json already, expected --overwrite" "a directory with a model" \
	model-import alone -o a
sum=$(cat a/* | md5sum)
cp -r "$foreign/pytorch-bin" own
fails 2 "^model-import: own: it holds vocab.json already" "the directory of the checkpoint itself" \
	model-import own -o own
is "$(cat a/* | md5sum)" "$sum" "then nothing is changed"
model-import -q "$foreign/nanogpt-compiled" -o a --overwrite
is "$? $(jq .bias a/memoscope.json)" "0 true" "--overwrite replaces it"
mkdir notes && echo mine >notes/README && model-import -q alone -o notes
is "$? $(cat notes/README)" "0 mine" "a directory with other files"
fails 1 '^model-import: far/meta.pkl: not a directory' "a directory that cannot be made" model-import alone -o far/meta.pkl/x

# ---- what is no checkpoint ----

fails 1 '^model-import: none: cannot open: No such file' "nothing" model-import none -o x
fails 1 '^model-import: far: the directory has no ckpt.pt and no pytorch_model.bin' "a directory without one" \
	model-import far -o x
fails 1 '^model-import: far/meta.pkl: a pickle alone, expected a zip archive' "a pickle" model-import far/meta.pkl -o x
fails 1 '^model-import: .*/shards: the directory has no ckpt.pt and no pytorch_model.bin; safetensors need no import' \
	"safetensors in several files" model-import "$foreign/shards" -o x
mkdir index && cp "$foreign/pytorch-shards"/*.json index
fails 1 '^model-import: index/pytorch_model-00001-of-00002.bin: cannot open: No .*, but pytorch_model.bin.index.json lists it: fetch' \
	"an index alone" model-import index -o x
fails 1 '^gpt-sample: index/pytorch_model.bin.index.json: PyTorch.s file is not read in place; model-import makes' \
	"an index alone, in place" gpt-sample index --prompt a
: >empty
fails 1 '^model-import: empty: 0 bytes: too short' "an empty file" model-import empty -o x
mkfifo pipe
fails 1 '^model-import: pipe: not a regular file' "a pipe" model-import pipe -o x
printf '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.' >old.pt
fails 1 '^model-import: old.pt: in the format of PyTorch before 1.6' "an old format" model-import old.pt -o x
cp "$foreign/pytorch-bin/pytorch_model.bin" alone/
fails 1 '^model-import: alone/pytorch_model.bin: no config.json is beside it, which tells the network' "parameters without a configuration" \
	model-import alone/pytorch_model.bin -o x
[ ! -e x ]
ok $? "then nothing is written"

done_testing
