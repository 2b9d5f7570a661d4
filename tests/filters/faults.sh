#!/bin/bash
# faults.sh - a system call fails, at any place, in each filter but gpt-train: the exit status is 1,
# with one line, or all of the output is there. A damaged output with status 0 is the error that
# this looks for. tests/tools/faults makes the calls fail.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
if grep -q __asan_init "$BUILD/mpcat"; then
	echo '1..0 # SKIP a library for LD_PRELOAD does not go with a sanitizer'
	exit 0
fi
tools=$(cd "$BUILD" && pwd)/tests/tools
take_faults "$tools/faults.so"
cd "$TMP" || exit 1

# What the filters read.
phonegen --count 6 --seed 1 >books
tokenize <books >tokens
take_alphabet books
"$tools/mkmodel" m1 "$alphabet" 1 1 8 256 1 3
"$tools/mkmodel" m2 "$alphabet" 1 1 8 256 2 3
gpt-sample m1 --quiet --threads 1 --from answer --max-tokens 14 --probs 2 books >answers
printf '{"text": "ab"}\n{"text": "cd"}\n' >lines
head -n 5 "$ROOT/testdata/quiz.jsonl" >quiz
printf 'a\t1\na\t2\nb\t3\n' >numbers
echo '{"step": 1, "tokens": 2, "seconds": 3, "loss": 4}' | "$tools/mkstream" metrics >progress
# a stream of text that does not name its characters
mptext <lines >bare

# with FOLDER FAULT COMMAND...: runs it in FOLDER; its output in FOLDER/out, messages in
# FOLDER.said; its standard input is $input
with() {
	local folder=$1 fault=$2
	shift 2
	mkdir -p "$folder"
	(
		cd "$folder" || exit
		[ -z "$fault" ] || export FAULT=$fault
		LD_PRELOAD=$faults "$@" <"$input" >out 2>"../$folder.said"
		exit $?
	) 2>/dev/null
}

# calls KIND: which calls to try: of those on one file the first and the last
calls() {
	awk -v kind="$1" '$1 == kind {
		path = $0
		sub(/^[^ ]* [^ ]* /, "", path)
		sub(/\.[0-9]+\.tmp$/, "", path)
		if (!(path in first)) first[path] = $2
		last[path] = $2
	} END {
		for (path in first) { print first[path]; if (last[path] > first[path]) print last[path] }
	}' log
}

# trial FAULT COMMAND...: on stdout what is wrong
trial() {
	local fault=$1 folder=${1//:/-} status
	shift
	with "$folder" "$fault" "$@"
	status=$?
	case $fault in
	write:each:EINTR)
		[ $status -eq "$interrupted" ] || echo "$fault: ends with $status: $(cat "$folder.said")"
		;;
	*EINTR | *short) [ $status -eq 0 ] || echo "$fault: ends with $status: $(cat "$folder.said")" ;;
	*before | *after)
		[ $status -eq 137 ] || echo "$fault: ends with $status, expected SIGKILL"
		with "$folder" '' "$@"
		status=$?
		[ $status -eq 0 ] || echo "$fault: a second run ends with $status: $(cat "$folder.said")"
		;;
	*)
		[ $status -eq 0 ] || { [ $status -eq 1 ] && [ "$(wc -l <"$folder.said")" -eq 1 ]; } ||
			echo "$fault: ends with $status: $(cat "$folder.said")"
		[ -z "$(find "$folder" -name '*.tmp')" ] || echo "$fault: leaves a temporary file"
		;;
	esac
	if [ $status -eq 0 ]; then
		diff -rq straight "$folder" | sed "s/^/$fault: succeeds, but: /"
	fi
	rm -rf "$folder" "$folder.said"
}

# survives NAME INPUT COMMAND...
survives() {
	local name=$1 kind what number tried=0 input
	input=$(realpath "$2")
	shift 2
	rm -rf straight log
	FAULT_LOG=$TMP/log with straight '' "$@"
	is "$? $(cat straight.said)" "0 " "$name: an undisturbed run"
	# a file system may report at the close that what was written is lost
	[ ! -s straight/out ] || grep -q '^close [0-9]* .*/straight/out$' log
	ok $? "$name: closes its output"
	for kind in read write open close sync rename mkdir unlink flock; do
		for number in $(calls $kind); do
			for what in EIO ENOSPC before after; do
				# nothing but files is left of a killed run
				[[ $what == EIO || $what == ENOSPC && $kind =~ write|open|mkdir || \
					$what != E* && $kind =~ rename|mkdir|open && $* == *' -o '* ]] || continue
				trial $kind:"$number":$what "$@"
				tried=$((tried + 1))
			done
		done
		! grep -q "^$kind " log || trial $kind:each:EINTR "$@"
	done >wrong
	trial read:each:short "$@" >>wrong
	trial write:each:short "$@" >>wrong
	is "$(cat wrong)" "" "$name: $tried faults, and interrupted and short calls"
}

# What write() interrupted at each call leads to: status 0, as for all calls.
interrupted=0
model=(../m1 --quiet)
threads=(--threads 1)
survives phonegen /dev/null phonegen --count 3 --seed 1
survives perturb books perturb --change digit
survives mptext lines mptext
survives qamix /dev/null qamix --quiet --count 5 ../quiz
survives 'qamix -' quiz qamix --quiet --count 5 -
survives tokenize books tokenize
survives 'tokenize, by a spool' bare tokenize
survives 'tokenize --decode' tokens tokenize --decode
survives shard tokens shard --shards 2 --val 0.3 -o data
survives model-average /dev/null model-average -o mean ../m1 ../m2
survives model-import /dev/null model-import -q --overwrite -o imported "$ROOT/testdata/foreign/nanogpt/ckpt.pt"
survives gpt-sample /dev/null gpt-sample "${model[@]}" "${threads[@]}" --max-tokens 3 ../books
survives 'gpt-sample --prompt' /dev/null gpt-sample "${model[@]}" "${threads[@]}" --max-tokens 3 --prompt '{B}' --output text
survives gpt-score /dev/null gpt-score "${model[@]}" "${threads[@]}" ../books
survives attn-dump books attn-dump "${model[@]}"
# These print by stdio, which gives up. They have no signal handlers, so nothing interrupts them.
interrupted=1
survives topk-dump answers topk-dump
survives 'attn-dump --by-span' books attn-dump "${model[@]}" --by-span
survives act-patch books act-patch "${model[@]}" "${threads[@]}" --from ../books --sweep head
survives head-score /dev/null head-score "${model[@]}" --sequences 2
survives recall-score answers recall-score
survives repeat-score answers repeat-score
survives data-lint books data-lint
survives confint numbers confint --mean
survives loss-plot progress loss-plot
survives 'mpcat --json' books mpcat --json
survives 'mpcat --text' books mpcat --text
survives 'mpcat --header' books mpcat --header
survives --help /dev/null shard --help

done_testing
