#!/bin/bash
# gpt-train-metrics.sh - gpt-train --metrics: a file that stays one stream of the whole run.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$TMP" || exit 1

phonegen --count 200 --entries 1 --seed 1 | tokenize >data.mp
phonegen --count 20 --entries 1 --seed 2 | tokenize >val.mp
net=(--layers 1 --heads 2 --width 8 --context 128 --batch 4 --threads 1 --dtype f32 --device cpu
	--warmup 0 --lr 1e-3 --min-lr 1e-3 --log-every 1 --eval-every 5 --val val.mp)

# course FILE: what each record says, but for the time
course() {
	mpcat --tsv=step,tokens,loss,lr,grad_norm,val.loss "$1"
}

is "$(gpt-train data.mp -o whole "${net[@]}" --quiet --steps 20 --metrics whole.mp | wc -c)" 0 \
	"with --metrics, nothing goes to the standard output"
gpt-train data.mp -o printed "${net[@]}" --quiet --steps 20 >printed.mp
cmp -s <(course whole.mp) <(course printed.mp)
ok $? "the file holds what it would"
is "$(mpcat --json whole.mp | jq -r 'select(.val) | .step' | paste -sd ' ')" "5 10 15 20" "validations, too"

# ---- a killed run ----

# killed: a run that waits for more than its first seven batches, after a save at step 5, is killed
killed() {
	local process i
	rm -rf part part.mp
	gpt-train -o part "${net[@]}" --quiet --steps 20 --metrics part.mp <pipe &
	process=$!
	exec 3>pipe
	head -c "$pieces" data.mp >&3
	for ((i = 0; i < 600; i++)); do
		[ "$(mpcat --tsv=step part.mp 2>/dev/null | tail -n 1)" = 7 ] && break
		sleep 0.05
	done
	kill -KILL $process
	wait $process 2>/dev/null
	exec 3>&-
}
mkfifo pipe
pieces=$(($(phonegen --count 30 --entries 1 --seed 1 | tokenize | wc -c) - 40))
gpt-train -o stream "${net[@]}" --quiet --steps 20 --metrics stream.mp <data.mp
killed
is "$(jq .training.step part/last/memoscope.json) $(mpcat part.mp 2>&1 | tail -n 1 | grep -o 'missing after .* records')" \
	"5 missing after 8 records" "killed at step 7: the state is of step 5, and the metrics have no end"
cp -r part part.2
{ cat part.mp; printf '\203\244step\010\246tok'; } >part.2.mp
gpt-train -o part "${net[@]}" --resume --steps 20 --metrics part.mp <data.mp 2>said
cmp -s <(course part.mp) <(course stream.mp)
ok $? "resumed: the file is that of a run which nobody killed"
is "$(grep metrics said; grep part.mp said)" \
	"gpt-train: part.mp: 2 records behind step 5 are removed, because these steps are made again" \
	"and it is said what is removed"
gpt-train -o part.2 "${net[@]}" --resume --steps 20 --metrics part.2.mp <data.mp 2>said
cmp -s <(course part.2.mp) <(course stream.mp)
ok $? "so if half a record stands at the end"
grep -q '^gpt-train: part.2.mp: its end was cut off; the last whole record is kept$' said
ok $? "which is said, too"
is "$(mpcat --header part.mp | jq -c '[.segments[].chain[-1].args | index("--resume") != null]')" "[false,true]" \
	"each run has a segment with its command"

# ---- files and pipes ----

before=$(cksum <part.mp)
gpt-train -o part "${net[@]}" --quiet --resume --steps 20 --metrics part.mp <data.mp
is "$? $(cksum <part.mp)" "0 $before" "nothing to do: the file stays as it is"
gpt-train data.mp -o fifo "${net[@]}" --quiet --steps 5 --metrics pipe &
is "$(mpcat --tsv=step pipe | tail -n 1)" 5 "a pipe may take the metrics"
wait
gpt-train data.mp -o null "${net[@]}" --quiet --steps 5 --metrics /dev/null
is "$?" 0 "and /dev/null"
fails 1 '^gpt-train: /dev/full: cannot write' "a full disk" \
	gpt-train data.mp -o full "${net[@]}" --quiet --steps 5 --metrics /dev/full
fails 2 "^gpt-train: --metrics: '' is no file" "a name that is empty" \
	gpt-train data.mp -o unnamed "${net[@]}" --quiet --steps 5 --metrics ''
[ ! -e unnamed ]
ok $? "and no directory is made"
cp data.mp copy.mp
fails 1 "^gpt-train: copy.mp: .*kind 'tokens', expected 'metrics'" "data are not overwritten" \
	gpt-train data.mp -o other "${net[@]}" --quiet --steps 5 --metrics copy.mp
cmp -s data.mp copy.mp
ok $? "and stay as they are"

done_testing
