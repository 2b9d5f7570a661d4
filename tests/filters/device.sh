#!/bin/bash
# device.sh - --device: what is computed on, and what is said where it cannot be had.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$TMP" || exit 1

phonegen --count 8 --seed 1 --entries 1-2 >text.mp
tokenize <text.mp >tokens.mp
net=(--layers 1 --heads 2 --width 8 --batch 4 --steps 2 --threads 1 --dtype f32 --quiet)
gpt-train -o model "${net[@]}" tokens.mp >metrics.mp
sample=(gpt-sample model --from answer --max-tokens 5)
score=(gpt-score model --from answer)

# each NAME COMMAND…: what it writes with --device cpu is what it writes without
each() {
	local name=$1
	shift
	"$@" <text.mp >one 2>said
	"$@" --device cpu <text.mp >two 2>>said
	mpcat --json one >one.json && mpcat --json two >two.json && cmp -s one.json two.json
	ok $? "$name --device cpu"
	[ ! -s said ]
	ok $? "$name says nothing of a device where there is none to choose"
}
each gpt-sample "${sample[@]}"
each gpt-score "${score[@]}"
each attn-dump attn-dump model
gpt-train -o again "${net[@]}" --device cpu tokens.mp >metrics.mp
cmp -s again/model.safetensors model/model.safetensors
ok $? "gpt-train --device cpu"
head-score model --device cpu --sequences 3 >one
head-score model --sequences 3 >two
cmp -s one two
ok $? "head-score --device cpu"

act-patch model --from text.mp --sweep head --device cpu text.mp >one
act-patch model --from text.mp --sweep head text.mp >two
cmp -s one two
ok $? "act-patch --device cpu"

# ---- no CUDA ----

runs=("gpt-train -o none ${net[*]} tokens.mp" "${sample[*]} text.mp" "${score[*]} text.mp"
	"attn-dump model text.mp" "act-patch model --from text.mp --at 0 text.mp" "head-score model")
echo "no object" >file.so
for run in "${runs[@]}"; do
	# shellcheck disable=SC2086 # a command in words
	MEMOSCOPE_CUDA=$TMP/none.so fails 1 \
		"--device cuda: there is no $TMP/none.so: this memoscope was built without CUDA" \
		"${run%% *} --device cuda, without the object" $run --device cuda
	# shellcheck disable=SC2086
	MEMOSCOPE_CUDA=$TMP/file.so fails 1 "--device cuda: $TMP/file.so cannot be used: " \
		"${run%% *} --device cuda, with a file that is no object" $run --device cuda
	# shellcheck disable=SC2086
	fails 2 "device.*'gpu'" "${run%% *} --device gpu" $run --device gpu
done
[ ! -e none ]
ok $? "nothing is begun"

# where the object is looked for: as make install leaves it, then as make does
unset MEMOSCOPE_CUDA
mkdir -p bin lib/memoscope
cp "$(command -v gpt-score)" bin
fails 1 "there is no $TMP/bin/kernels-cuda.so" "no object: where it should be is said" \
	bin/gpt-score model text.mp --device cuda
cp file.so bin/kernels-cuda.so
fails 1 "$TMP/bin/kernels-cuda.so cannot be used" "an object beside the program is opened" \
	bin/gpt-score model text.mp --device cuda
cp file.so lib/memoscope/kernels-cuda.so
fails 1 "$TMP/bin/../lib/memoscope/kernels-cuda.so cannot be used" "an installed one before it" \
	bin/gpt-score model text.mp --device cuda
if [ ! -e /dev/nvidiactl ] && [ ! -e /dev/dxg ]; then
	why='there is no .*built without CUDA'
	[ ! -e "$(dirname "$(command -v gpt-score)")/kernels-cuda.so" ] || why='no GPU: ' # it loads
	fails 1 "^gpt-score: --device cuda: $why" "--device cuda on a machine without a GPU" \
		"${score[@]}" text.mp --device cuda
fi

# ---- a state knows its device ----

grep -aq '"device":"cpu"' again/last/training.safetensors
ok $? "the state that a resume goes on from names the device"

done_testing
