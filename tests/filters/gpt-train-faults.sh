#!/bin/bash
# gpt-train-faults.sh - a training run that a failing system call or SIGKILL ends at any place: a
# resume must leave in the directory, byte for byte, what the undisturbed run leaves.
#
# tests/tools/faults makes the calls fail. It also stops the clock, so seconds are no difference.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
if grep -q __asan_init "$BUILD/gpt-train"; then
	echo '1..0 # SKIP a library for LD_PRELOAD does not go with a sanitizer'
	exit 0
fi
take_faults "$BUILD/tests/tools/faults.so"
cd "$TMP" || exit 1
[ -e "$faults" ]
ok $? "there is a library that makes system calls fail"

phonegen --count 60 --entries 1 --seed 1 | tokenize | shard --val 0.2 -o data
# Two models that are the best so far, a last one at step 6, a checkpoint at step 4.
command=(gpt-train data/train-0000.mp --val data/val.mp --layers 1 --heads 1 --width 8 --context 64
	--batch 4 --threads 1 --dtype f32 --pack text --steps 6 --eval-every 3 --checkpoint-every 4
	--warmup 0 --log-every 1 --quiet)

# run FOLDER [FAULT] [OPTION...]: trains in FOLDER; metrics in FOLDER/metrics, messages in FOLDER/said
run() {
	local folder=$1 fault=${2-}
	shift $(($# > 1 ? 2 : 1))
	(
		cd "$folder" || exit
		ln -sfn ../data data
		[ -z "$fault" ] || export FAULT=$fault
		LD_PRELOAD=$faults "${command[@]}" -o model "$@" >metrics 2>said
		exit $?
	) 2>/dev/null
}

# same_account FOLDER: accounts of the command line, whether with --resume or --overwrite or without;
# their checksums cover that
same_account() {
	find "$1" -name memoscope.json -exec \
		sed -i '/"--resume",/d; /"--overwrite",/d; s/"xxh3": ".*"/"xxh0": "not compared"/' {} +
}

# What differs from the undisturbed run's directory: nothing on stdout if all is well.
differences() {
	same_account "$1"
	diff -rq straight/model "$1/model"
}

# resume FOLDER: go on, or begin again if nothing was saved; on stdout what is wrong then
resume() {
	local folder=$1 status
	run "$folder" '' --resume
	status=$?
	if [ $status -eq 1 ] && [ ! -e "$folder/model/last/training.safetensors" ] &&
		grep -Eq 'cannot go on from it|begin it again' "$folder/said"; then
		run "$folder" '' --overwrite
		status=$?
	fi
	[ $status -eq 0 ] || echo "the resume ends with $status: $(cat "$folder/said")"
	mpcat "$folder/metrics" >/dev/null || echo "the metrics of the resume are no whole stream"
	differences "$folder"
}

# untouched FOLDER: its directory is that of the earlier run, which was to be overwritten
untouched() {
	[ -n "$earlier" ] && diff -rq "$earlier/model" "$1/model" >/dev/null
}

# trial FAULT: on stdout what is wrong. The run overwrites a copy of $earlier's, if that is set.
earlier=
trial() {
	local fault=$1 folder=${1//:/-} status lines
	if [ -n "$earlier" ]; then
		cp -r "$earlier" "$folder"
		run "$folder" "$fault" --overwrite
	else
		mkdir "$folder"
		run "$folder" "$fault"
	fi
	status=$?
	lines=$(wc -l <"$folder/said")
	case $fault in
	*EINTR | *short)
		[ $status -eq 0 ] || echo "ends with $status: $(cat "$folder/said")"
		differences "$folder"
		;;
	*before | *after)
		[ $status -eq 137 ] || echo "ends with $status, expected SIGKILL"
		untouched "$folder" || resume "$folder"
		;;
	*)
		if [ $status -ne 0 ]; then
			[ $status -eq 1 ] && [ "$lines" -eq 1 ] || echo "ends with $status: $(cat "$folder/said")"
			[ -z "$(find "$folder" -name '*.tmp')" ] || echo "leaves a temporary file"
			untouched "$folder" || resume "$folder"
		else
			differences "$folder"
		fi
		;;
	esac
	rm -rf "$folder"
}

# Each trial's lines, with the fault before them.
trials() {
	local fault
	while read -r fault; do
		trial "$fault" </dev/null | sed "s|^|$fault: |"
	done
}

mkdir straight
FAULT_LOG=$TMP/log run straight
is "$? $(cat straight/said)" "0 " "an undisturbed run"
same_account straight
is "$(cd straight/model && echo *)" "config.json last memoscope.json model.safetensors step-000004 tokenizer.json tokenizer_config.json vocab.json" \
	"it leaves a best model, a last one and a checkpoint"

# calls KIND: which ones to try: all of most; of those on one file the first and the last
calls() {
	case $1 in
	write | close | sync | read)
		awk -v kind="$1" '$1 == kind {
			path = $0
			sub(/^[^ ]* [^ ]* /, "", path)
			sub(/\.[0-9]+\.tmp$/, "", path)
			if (!(path in first)) first[path] = $2
			last[path] = $2
		} END {
			for (path in first) { print first[path]; if (last[path] > first[path]) print last[path] }
		}' log
		;;
	*) awk -v kind="$1" '$1 == kind { print $2 }' log ;;
	esac
}

# What goes wrong, by kind of call. A kill before a sync or close is one before the next call.
declare -A whats=(
	[write]="ENOSPC before" [open]="EIO before" [mkdir]="ENOSPC before" [rename]="EIO before after"
	[sync]=EIO [close]=EIO [read]=EIO [flock]=before)
for kind in write open mkdir rename sync close read flock; do
	for what in ${whats[$kind]}; do
		calls $kind | sed "s/.*/$kind:&:$what/" >faults
		count=$(wc -l <faults)
		{
			trials < <(sed -n 'p;n' faults) >one &
			trials < <(sed -n 'n;p' faults) >two
			wait
		}
		[ ! -s one ] && [ ! -s two ] && [ "$count" -gt 0 ]
		ok $? "$kind: $what at $count places"
		cat one two | head -n 40 | sed 's/^/# /'
	done
done
for kind in write open mkdir rename sync close read flock; do
	is "$(trial $kind:each:EINTR)" "" "$kind: each call is interrupted once, and nobody notices"
done
is "$(trial write:each:short)" "" "each write is short"
is "$(trial read:each:short)" "" "each read is short"

# ---- a run that overwrites another one ----

# The earlier run is of the same network and data, and has the same steps, so that its state, models
# and checkpoints would pass for the later run's.
mkdir old
old=("${command[@]}" --seed 2 --checkpoint-every 1)
(cd old && ln -sfn ../data data && "${old[@]}" -o model >metrics)
is "$? $(cd old/model && echo step-*)" "0 step-000001 step-000002 step-000003 step-000004 step-000005 step-000006" \
	"an earlier run, with checkpoints of its own"
earlier=old
cp -r old whole
mv log straight.log
FAULT_LOG=$TMP/log run whole '' --overwrite
is "$? $(cat whole/said)$(differences whole)" "0 " "a run that overwrites it leaves what it would leave elsewhere"
for kind in unlink rename mkdir; do
	calls $kind | sed "s/.*/$kind:&:before/; p; s/before/EIO/" >faults
	[ $kind = unlink ] || sed -i /EIO/d faults
	count=$(wc -l <faults)
	{
		trials < <(sed -n 'p;n' faults) >one &
		trials < <(sed -n 'n;p' faults) >two
		wait
	}
	[ ! -s one ] && [ ! -s two ] && [ "$count" -gt 1 ]
	ok $? "$kind: killed at $count places, a resume never goes on from the earlier run"
	cat one two | head -n 40 | sed 's/^/# /'
done
is "$(awk '$1 ~ /^(unlink|rename)$/ { print $1, $3 }' log | head -n 1)" "unlink model/last/training.safetensors" \
	"the earlier state is the first to go"
earlier=
mv straight.log log

# ---- a resume that is cut ----

# place PATH TIMES: the number of the rename to this path, the first or second one
place() {
	awk -v path="$1" -v times="$2" '$1 == "rename" && $3 == path && ++n == times { print $2 }' log
}

# cut FOLDER PATH TIMES: a run that is killed right after this rename
cut() {
	mkdir "$1"
	run "$1" "rename:$(place "$2" "$3"):after"
	is "$?" 137 "a save that is cut after $2"
}

# The last save is cut after the state. The resume that writes the model is cut at each rename.
cut finished model/last/training.safetensors 2
for number in 1 2 3 4 5 6; do
	cp -r finished again
	run again rename:$number:before --resume
	[ $? -eq 137 ] || echo "rename:$number:before: there is no such rename"
	resume again | sed "s/^/rename:$number:before: /"
	rm -r again
done >wrong
is "$(cat wrong)" "" "a resume that completes the save is cut at each rename, and resumed"

# ---- what users are told ----

command=("${command[@]:0:${#command[@]}-1}") # not --quiet
run finished '' --resume
is "$?" 0 "a save that is cut after its state: the resume succeeds"
is "$(tail -n 2 finished/said)" "gpt-train: model/last: its last save was cut short; it is complete now
gpt-train: nothing to do: 6 of 6 steps are done" "and says what it did"
cut first model/last/training.safetensors 1
fails 1 '^gpt-score: first/model/last/model.safetensors: cannot open: No such file, but training.safetensors is there: a save was cut short; gpt-train --resume completes it$' \
	"a model without its files" gpt-score first/model/last tokens
cut best model/config.json 1
fails 1 '^gpt-score: best/model/model.safetensors: cannot open: No such file, but config.json is there: a save or a copy was cut short$' \
	"a model without most of its files" gpt-score best/model tokens
run best '' --resume
is "$? $(cat best/said)" \
	"1 gpt-train: model/last: no training.safetensors: the run ended before it saved a state; begin it again" \
	"a resume without a state"

done_testing
