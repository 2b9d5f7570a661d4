#!/bin/bash
# phonebook.sh - pipelines/phonebook from end to end, with a network and a run
# that are too small to learn the task: everything but the score is as it is.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

run() {
	OUT=$TMP/$1 JOBS=$2 STEPS=30 ASKED=20 BATCH=8 EVAL_EVERY=10 KEEP_EVERY=${KEEP_EVERY:-20} \
		MODEL='--layers 1 --heads 2 --width 16' pipelines/phonebook
}

run one 1 >"$TMP/log" 2>&1
status=$?
ok $status "pipelines/phonebook runs"
[ $status -eq 0 ] || sed 's/^/# /' "$TMP/log"

for file in report.md report.html summary.tsv loss.png model/model.safetensors model/config.json \
	model/step-000020/model.safetensors; do
	[ -s "$TMP/one/$file" ]
	ok $? "it leaves $file"
done
is "$(png_size "$TMP/one/loss.png")" "1200 520" "loss.png is a picture"

is "$(tail -n 2 "$TMP/log" | sed 's/^phonebook: [0-9.]*%/phonebook: %/')" "phonebook: % of the answers are exact
phonebook: open $TMP/one/report.html" "at last it says what it found and what to open"

# number KEY: is the key in the summary, once, with a number?
number() {
	[ "$(awk -F '\t' -v key="$1" 'NF == 2 && $1 == key && $2 ~ /^[0-9.e+-]+$/' \
		"$TMP/one/summary.tsv" | wc -l)" -eq 1 ]
}
for key in exact exact_low exact_high train_seconds parameters val_loss floor tokens train_flops train_peak_share; do
	number $key
	ok $? "summary.tsv says $key"
done
is "$(awk -F '\t' '$1 == "records" { print $2 }' "$TMP/one/summary.tsv")" 20 \
	"every record was asked about"

# what the report says of the network; 12 are asked for, and fewer are kept
answered() {
	paste -sd ' ' "$TMP/$1/report.md" | grep -o 'The network that answered [^.]*'
}
kept=$(find "$TMP/one/model" -name 'step-*' | wc -l)
mean='the last one that training kept'
[ "$kept" -eq 1 ] || mean="the mean of the last $kept that training kept"
is "$(answered one)" "The network that answered is $mean" "the report says of how many models it is the mean"
grep -q '^    gpt-train .* --metrics ' "$TMP/one/report.md"
ok $? "gpt-train writes the metrics itself, and repairs them after it was stopped"

# The data of two jobs are those of one; so are what follows from them.
run "two's" 2 >/dev/null 2>&1
is "$(mpcat --text "$TMP/two's/val.mp" | sha256sum)" \
	"$(mpcat --text "$TMP/one/val.mp" | sha256sum)" "two jobs make the data of one"
untimed() {
	grep -Ev 'seconds|peak' "$TMP/$1/summary.tsv"
}
is "$(untimed "two's")" "$(untimed one)" \
	"and come to the same results"
is "$(png_size "$TMP/two's/loss.png")" "1200 520" "a picture where the folder's name has a quote"

# Books of a stage follow those of the one before; shares count, and no share is one.
ENTRIES='2 1:2' SEED=3 AVERAGE=0 run stages 2 >/dev/null 2>&1
is "$(awk -F '\t' '$1 == "tokens" { print $2 }' "$TMP/stages/summary.tsv")" "$({
	phonegen --seed 1 --count 80 --entries 2
	phonegen --seed 1 --first 80 --count 160 --entries 1
} | tokenize | mpcat --json | jq -s 'map((.tokens | length) - 1) | add')" "ENTRIES names stages and their shares"
is "$(mpcat --header "$TMP/stages/answers.mp" | jq -r '.model.chain[].args | join(" ")' | grep -o 'seed 3')" \
	"seed 3" "SEED is that of the training"
is "$(answered stages)" "The network that answered is the one with the least loss on held-out records" "AVERAGE=0: no mean"
KEEP_EVERY=10 AVERAGE=2 run two 2 >/dev/null 2>&1
is "$(answered two)" "The network that answered is the mean of the last 2 that training kept" "AVERAGE=2"

# A stage that fails fails the whole, and says so.
mkdir "$TMP/bin"
printf '#!/bin/sh\nexit 1\n' >"$TMP/bin/tokenize"
chmod +x "$TMP/bin/tokenize"
for program in "$BUILD"/*; do
	[ -x "$program" ] && [ -f "$program" ] && [ ! -e "$TMP/bin/$(basename "$program")" ] &&
		ln -s "$(cd "$BUILD" && pwd)/$(basename "$program")" "$TMP/bin/"
done
! BUILD=$TMP/bin run three 1 >/dev/null 2>"$TMP/log" && grep -q '^phonebook: failed' "$TMP/log"
ok $? "a stage that fails fails the pipeline loudly"

done_testing
