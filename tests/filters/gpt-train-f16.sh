#!/bin/bash
# gpt-train-f16.sh - gpt-train --dtype f16 as on a GPU, whose kernels a CPU runs here (tests/kernels/shim):
# the loss and its scale, steps that are not taken, and going on to the bit.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
MEMOSCOPE_CUDA=$(cd "$BUILD" && pwd)/tests/kernels-shim.so
export MEMOSCOPE_CUDA
cd "$TMP" || exit 1

phonegen --count 60 --entries 1 --seed 1 | tokenize >tokens.mp
net=(--layers 1 --heads 2 --width 8 --context 16 --pack text --batch 4 --log-every 1 --warmup 0
	--lr 1e-2 --min-lr 1e-2)

# train DIR OPTION...: metrics in DIR.mp, what it says in DIR.said
train() {
	local directory=$1
	shift
	gpt-train tokens.mp -o "$directory" "${net[@]}" --device cuda --dtype f16 "$@" \
		>"$directory.mp" 2>"$directory.said"
}

# bits A B: the same parameters, byte by byte
bits() {
	cmp -s "$1/last/model.safetensors" "$2/last/model.safetensors"
}

train whole --steps 12
is "$?" 0 "gpt-train --dtype f16"
grep -q ', on the GPU, f16, about [0-9.]* [MG]iB of its memory$' whole.said
ok $? "it says so"
is "$(mpcat --tsv=loss_scale,skipped whole.mp | sort | uniq -c | tr -s ' \t' ' ')" \
	$' 12 65536 0\n 1 loss_scale skipped' "the metrics tell the scale, and that no step was given up"
gpt-train tokens.mp -o plain "${net[@]}" --device cpu --dtype f32 --steps 12 -q >plain.mp
mpcat --tsv=loss_scale plain.mp 2>/dev/null | grep -q '[0-9]'
is "$?" 1 "those of float32 tell nothing of the kind"
paste <(mpcat --tsv=step,loss whole.mp) <(mpcat --tsv=step,loss plain.mp) | awk -F '\t' '
	$1 ~ /[0-9]/ { d = $2 - $4; n++; if (d != 0) differs = 1; if (d > 1e-2 || d < -1e-2) bad = 1 }
	END { exit bad || !differs || n != 12 }'
ok $? "losses are those of float32, but for rounding"

train parts --steps 10
train parts --steps 12 --resume
bits whole parts && [ "$(mpcat --tsv=step parts.mp | paste -sd ' ')" = 'step 11 12' ]
ok $? "10 steps, and on to 12, are 12 to the bit"
grep -aq '"loss-scale":"65536","loss-scale-steps":"12","skipped":"0"' parts/last/training.safetensors
ok $? "the state has the scale and how long it has been that"

# A scale that no gradient stands: 2^40, in a header of the size it had.
train high --steps 10
state=high/last/training.safetensors
without_checksum $state
size=$(od -An -t u8 -N 8 $state | tr -d ' ')
edited=$(tail -c +9 $state | head -c "$size" |
	jq -jc '.__metadata__["loss-scale"] = "1099511627776" | .__metadata__.seconds = "0"')
printf '%-*s' "$size" "$edited" | dd of=$state bs=1 seek=8 conv=notrunc status=none
cp -r high pieces
cp -r high low
train high --steps 14 --resume
is "$?" 0 "a scale that is too high"
skipped=$(grep -c '^gpt-train: step 1[1-4] was not taken: a gradient is not finite with' high.said)
[ "$skipped" -gt 5 ]
ok $? "steps are not taken, and that is said"
grep -q 'by 1\.09951e+12; for the next batch it is scaled by 5\.49756e+11$' high.said
ok $? "with the scale, and the next one"
grep -q "^gpt-train: $skipped batches were skipped because the gradient was not finite; " high.said
ok $? "as is at the end how many"
is "$(mpcat --tsv=step high.mp | paste -sd ' ')" 'step 11 12 13 14' "steps are counted that were taken"
is "$(mpcat --tsv=skipped,loss_scale high.mp | tail -n 1)" "$skipped"$'\t'"$((1 << (40 - skipped)))" \
	"and in the metrics those that were not; each halved the scale"
train pieces --steps 12 --resume
train pieces --steps 14 --resume
bits high pieces
ok $? "gone on from in the middle: the same bits"
is "$(mpcat --tsv=step,skipped pieces.mp | tail -n 1)" $'14\t'"$skipped" "and as many given up"

# The state goes on in float32, which has no scale.
gpt-train tokens.mp -o low "${net[@]}" --device cpu --dtype f32 --steps 11 --resume >low.mp 2>low.said
grep -q 'made with dtype f16 (now f32), device cuda (now cpu)' low.said
ok $? "on to float32: warned"
! grep -aq 'loss-scale' low/last/training.safetensors
ok $? "and the scale is gone"

done_testing
