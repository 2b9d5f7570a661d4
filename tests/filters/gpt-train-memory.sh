#!/bin/bash
# gpt-train-memory.sh - training files that stay where they are: mapped, or read in blocks.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$TMP" || exit 1

# train DIR FILE... OPTION...: a network so small that the data are what counts
train() {
	local directory=$1
	shift
	gpt-train -o "$directory" --layers 1 --heads 2 --width 8 --batch 8 --threads 1 --dtype f32 \
		--device cpu --eval-every 1000000 --seed 3 "$@" >"$directory.metrics"
}
export -f train

phonegen --count 35000 --entries 1-5 | tokenize >part.mp
phonegen --count 200 --entries 1-5 --seed 2 | tokenize >few.mp

# ---- more data than address space ----

# A sanitizer reserves more address space than any limit leaves.
if ! nm "$(command -v gpt-train)" 2>/dev/null | grep -q __asan_init; then
	need=32000 # KiB that the program itself takes, and a little more
	until (ulimit -v $need && train tiny few.mp --steps 2 --quiet --overwrite) 2>/dev/null || [ $need -gt 2000000 ]; do
		need=$((need + 16000))
	done
	limit=$((need + 32000))
	while [ "$(stat -c %s big.mp 2>/dev/null || echo 0)" -lt $((limit * 1100)) ]; do
		cat part.mp >>big.mp
	done
	(ulimit -v $limit && train blocks big.mp --steps 20 --memory 12M 2>error)
	is $? 0 "$(($(stat -c %s big.mp) >> 20)) MiB of data in $((limit >> 10)) MiB of address space, with --memory"
	is "$(mpcat blocks.metrics | jq -s 'map(.step) | max')" 20 "and all steps are made"
	(ulimit -v $limit && train mapped big.mp --steps 20 2>error)
	is "$? $(grep -c 'big.mp: cannot map: .*; gpt-train --memory reads files in blocks$' error)" "1 1" \
		"without it, a message that says what to do"
	(ulimit -v $limit && train text big.mp --pack text --steps 20 --memory 12M 2>error)
	is $? 0 "windows of running text, too"
fi

# ---- blocks ----

same() { cmp -s "$1/last/model.safetensors" "$2/last/model.safetensors"; }

same_rate=(--min-lr 1e-3 --warmup 5) # whatever --steps
train whole part.mp few.mp --memory 6M --steps 40 "${same_rate[@]}" --quiet
train halves part.mp few.mp --memory 6M --steps 20 "${same_rate[@]}" --quiet
train halves part.mp few.mp --resume --steps 40 2>error
same whole halves
is "$? $(grep -c 'was made with' error)" "0 0" "a resume goes on to the bit, and takes --memory from the state"
train mapped part.mp few.mp --steps 40 "${same_rate[@]}" --quiet
same whole mapped
is $? 1 "the order is not that of mapped files"
train roomy part.mp few.mp --memory 1G --steps 40 "${same_rate[@]}" --quiet
same mapped roomy
ok $? "files that are smaller than --memory are mapped"
cp -r halves other
train other part.mp few.mp --resume --steps 41 --memory 8M 2>error
is "$? $(grep -c 'other/last was made with memory 6291456 (now 8388608): bits will differ$' error)" "0 1" \
	"a resume with another --memory goes on, and says so"
cp -r mapped other2
train other2 part.mp few.mp --resume --steps 41 --memory 6M 2>error
is "$? $(grep -c 'other2/last was made with memory none (now 6291456): bits will differ$' error)" "0 1" \
	"also if there was none"

fails 2 "'3M' is not a size from 4M to 1024T$" "too little" gpt-train part.mp -o x --memory 3M
fails 2 "'much' is not a size, such as 500M or 2G$" "no size" gpt-train part.mp -o x --memory much
fails 1 '^gpt-train: standard input: it is no file, so its records cannot be read again in blocks; write it to a file$' \
	"a pipe beside large files" sh -c 'gpt-train part.mp - -o x --memory 4M <few.mp'
fails 1 '^gpt-train: standard input: it is no file, so it is kept in memory, and it has more than 4194304 bytes' \
	"a pipe that is too large" sh -c 'cat part.mp | gpt-train few.mp - -o x --memory 4M'
[ ! -e x ]
ok $? "no directory is made"

# ---- files that change ----

# changed WHAT SAYS OPTION...: a run over lost.mp, which is cut after its first records of metrics
changed() {
	local what=$1 says=$2 pid
	shift 2
	cat part.mp >lost.mp
	rm -rf lost lost.metrics
	gpt-train lost.mp -o lost --layers 1 --heads 2 --width 8 --batch 8 --threads 1 --device cpu \
		--steps 100000000 --log-every 1 --eval-every 20 --quiet --metrics lost.metrics "$@" 2>error &
	pid=$!
	until [ -e lost/last/model.safetensors ] || ! kill -0 $pid 2>/dev/null; do sleep 0.05; done
	truncate -s 1M lost.mp
	wait $pid
	is "$? $(wc -l <error) $(grep -cE "^gpt-train: lost.mp: byte [0-9]+.*: .*$says" error)" "1 1 1" "$what"
	mpcat lost.metrics >/dev/null 2>&1
	is $? 1 "  the metrics have no end"
	gpt-score -q lost/last few.mp >/dev/null
	is $? 0 "  the model that was saved is whole"
}
changed "a mapped file becomes shorter" 'the file has become shorter, or its disk fails$'
changed "in running text" 'the file has become shorter, or its disk fails$' --pack text
changed "in blocks" 'the file has become shorter$' --memory 4M

for pack in records text; do
	cp part.mp gone.mp
	train gone-$pack gone.mp --steps 30 --pack $pack --quiet &
	pid=$!
	until [ -s gone-$pack.metrics ] || ! kill -0 $pid 2>/dev/null; do sleep 0.01; done
	rm gone.mp
	wait $pid
	is $? 0 "a mapped file may be removed: --pack $pack"
	train here-$pack part.mp --steps 30 --pack $pack --quiet
	same gone-$pack here-$pack
	ok $? "  its bytes stay"
done

done_testing
