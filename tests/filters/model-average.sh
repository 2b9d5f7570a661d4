#!/bin/bash
# model-average.sh - model-average.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
mkmodel=$(cd "$BUILD" && pwd)/tests/tools/mkmodel
cd "$TMP" || exit 1

# mkmodel DIRECTORY ALPHABET LAYERS HEADS WIDTH CONTEXT SEED SCALE
for seed in 1 2 3; do
	"$mkmodel" "m$seed" abcd 2 2 8 16 $seed 3
done
"$mkmodel" wide abcd 2 2 16 16 1 3
"$mkmodel" other abce 2 2 8 16 1 3

# Random numbers of the three models and of their mean, as floats, one a line.
floats() {
	local header
	header=$(od -An -tu8 -N 8 "$1/model.safetensors")
	tail -c +$((header + 9)) "$1/model.safetensors" | od -An -v -tf4 -w4
}
model-average -o mean m1 m2 m3
is "$?" 0 "the mean of three models"
is "$(paste <(floats m1) <(floats m2) <(floats m3) <(floats mean) | awk '
	{ d = ($1 + $2 + $3) / 3 - $4; n++; differ += $1 != $2; worst = d * d > worst ? d * d : worst }
	END { print (n > 1000 && differ > 1000 && worst < 1e-13) }')" 1 "each of its numbers is the mean of theirs"
model-average -o same m2 m2
cmp -s same/model.safetensors m2/model.safetensors
ok $? "the mean of one model with itself is that model"
model-average -o swapped m3 m1 m2
cmp -s <(floats swapped) <(floats mean)
ok $? "the order of the models does not matter"
is "$(jq -c '[.averaged, .chain[-1].program, .chain[-1].args]' mean/memoscope.json)" \
	'[3,"model-average",["-o","mean","m1","m2","m3"]]' "it says how it came about"
is "$(for f in config.json vocab.json tokenizer.json; do cmp mean/$f m1/$f; done)" "" \
	"everything else is as in the models"
model-average -o m1 m1 m2
is "$?" 0 "a model may be replaced by a mean that it is part of"

fails 1 '^model-average: wide: its network has another shape' "a model of another shape" \
	model-average -o x wide m2
fails 1 "^model-average: other: its vocabulary is not that of the last model: it (has|lacks) U\\+" "a model of another vocabulary" \
	model-average -o x other m2
fails 1 '^model-average: nothing/' "no model" model-average -o x m2 nothing
fails 2 "^model-average: -o: '' is no directory" "a directory without a name" model-average -o '' m2
[ ! -e x ]
ok $? "then nothing is written"

done_testing
