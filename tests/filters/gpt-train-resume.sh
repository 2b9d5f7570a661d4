#!/bin/bash
# gpt-train-resume.sh - which model is the best, when a run of gpt-train is interrupted and goes on: an
# interrupt does not change it, and losses on two validation sets are not compared.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
if grep -q __asan_init "$BUILD/gpt-train"; then
	echo '1..0 # SKIP a library for LD_PRELOAD does not go with a sanitizer'
	exit 0
fi
# It stops the clock, so that seconds are no difference.
take_faults "$BUILD/tests/tools/faults.so"
cd "$TMP" || exit 1

train() {
	LD_PRELOAD=$faults gpt-train "$@" --threads 2 --dtype f32
}

# same_account FOLDER: as tests/filters/gpt-train-faults.sh
same_account() {
	find "$1" -name memoscope.json -exec sed -i '/"args": \[/,/\]/d; s/"xxh3": ".*"/"xxh0": "not compared"/' {} +
}

# same A B: all files of two runs, byte for byte; only the command lines may differ
same() {
	rm -rf same
	mkdir same
	cp -r "$1" same/a
	cp -r "$2" same/b
	same_account same
	diff -rq same/a same/b
}

step_of() {
	jq .training.step "$1/memoscope.json"
}

# ---- an interrupt off a validation step ----

# The first 30 records are of the task, and what comes then spoils the network: at the step of the
# interrupt the validation loss is lower than at any step that is validated.
phonegen --count 40 --entries 1 --seed 1 | tokenize >val.mp
mpcat --header val.mp | jq .vocab >vocab
phonegen --count 30 --entries 1 --seed 3 | tokenize --vocab vocab >good.mp
for ((i = 0; i < 50; i++)); do printf '%0100d\n' 0; done | mptext --lines | tokenize --vocab vocab >bad.mp
cat good.mp bad.mp >whole.mp
net=(--layers 1 --heads 2 --width 8 --context 128 --batch 4 --warmup 0 --lr 2e-2 --min-lr 2e-2 --log-every 1
	--checkpoint-every 5 --eval-every 10 --val val.mp --steps 20 --quiet)
train -o straight "${net[@]}" <whole.mp >straight.mp
is "$? $(step_of straight/last)" "0 20" "an undisturbed run"

# interrupted SIGNAL DIR [IGNORED]: begins in DIR, and gets the signal while it waits for more than the
# seven batches and a half that came; what becomes of it is in $status
mkfifo pipe
set -m # a job in the background of a script ignores SIGINT otherwise
interrupted() {
	local signal=$1 process i
	rm -rf "$2"
	(
		[ -z "${3-}" ] || trap '' "$3"
		LD_PRELOAD=$faults exec gpt-train -o "$2" "${net[@]}" --threads 2 --dtype f32
	) <pipe >"$2.mp" 2>"$2.said" &
	process=$!
	exec 3>pipe
	cat good.mp >&3
	for ((i = 0; i < 3000; i++)); do
		[ "$(mpcat --tsv=step "$2.mp" 2>/dev/null | tail -n 1)" = 7 ] && break
		sleep 0.05
	done
	kill -"$signal" $process
	[ -z "${3-}" ] || cat bad.mp >&3
	exec 3>&-
	wait $process
	status=$?
}
for signal in INT TERM HUP; do
	interrupted $signal parts
	is "$status $(cat parts.said)" "0 " "SIG$signal at step 7: exit 0"
	is "$(step_of parts) $(step_of parts/last)" "7 7" "before the first validation DIR holds the last model"
	[ "$(mpcat --json parts.mp | jq -s 'map(has("val")) | any')" = false ]
	ok $? "there is no validation that the undisturbed run has not"
	train -o parts --val val.mp --resume --quiet <whole.mp >>parts.mp 2>said
	is "$? $(cat said)" "0 " "it goes on; what is not given is that of the state"
	is "$(same straight parts)" "" "to the files of the undisturbed run"
	is "$(mpcat --json parts.mp | jq -c 'del(.seconds)')" "$(mpcat --json straight.mp | jq -c 'del(.seconds)')" \
		"and its metrics"
done
interrupted HUP parts HUP
is "$status $(same straight parts)" "0 " "SIGHUP that was ignored, by nohup, stays so"

set +m

# The same if a reader goes away, wherever that is.
rm -rf parts
train -o parts "${net[@]}" <whole.mp 2>said | mpcat --tsv=step | head -n 3 >/dev/null
echo "# ended at step $(step_of parts/last)"
train -o parts --val val.mp --resume --quiet <whole.mp >parts.mp
is "$(same straight parts)" "" "a reader that goes away does not change the best model"

# An interrupted run that goes on without its validation set.
cp -r straight parts
interrupted TERM parts
train -o parts --resume --quiet <whole.mp >parts.mp 2>said
is "$? $(cat said)" "0 gpt-train: parts: no validation set is given now: give --val with the same FILE to go \
on as before" "without --val before there is a best model: warned"

# ---- another validation set ----

# Eight records are soon learned by heart: the best model comes early.
phonegen --count 8 --entries 1 --seed 8 | tokenize --vocab vocab >eight.mp
phonegen --count 40 --entries 1 --seed 9 | tokenize --vocab vocab >other.mp
net=(--layers 1 --heads 2 --width 24 --context 128 --warmup 5 --batch 8 --lr 2e-2 --min-lr 2e-2
	--eval-every 20 --eval-records 30)
train eight.mp -o best "${net[@]}" --val val.mp --steps 120 --quiet >best.mp
step=$(step_of best)
[ "$step" -lt 100 ]
ok $? "a best model, of step $step"
before=$(cksum best/*.*)

# resumed NAME STEP BEST SAID OPTION...: goes on from a copy of best to step 140; then DIR's model is that of
# step BEST ("$step": the same files as before), and SAID (a pattern) is on stderr
resumed() {
	local name=$1 want=$2 said=$3
	shift 3
	rm -rf copy
	cp -r best copy
	train eight.mp -o copy --resume --steps 140 "$@" --quiet >copy.mp 2>said
	is "$? $(step_of copy) $(step_of copy/last)" "0 $want 140" "$name: DIR has step $want"
	[ "$want" != "$step" ] || is "$(cksum copy/*.* | sed 's|copy/|best/|')" "$before" "the same files"
	is "$(wc -l <said)" "$([ -z "$said" ] && echo 0 || echo 1)" "$name: one line at most"
	[ -z "$said" ] || grep -Eq -- "^gpt-train: $said$" said
	ok $? "it says: ${said:-nothing}"
	sed 's/^/# /' said
}
keeps='copy keeps its best model, because'
resumed "the same set" "$step" '' --val val.mp
resumed "without --val" "$step" "$keeps no validation set is given now: give --val with the same FILE .*, or --new-best .*"
resumed "another set" "$step" "$keeps another validation set is given now: give --val with the same FILE .*" --val other.mp
is "$(mpcat --tsv=step,val.loss copy.mp | awk -F '\t' '$1 == 140 && $2 > 0' | wc -l)" 1 \
	"its losses are in the metrics all the same"
resumed "fewer records of it" "$step" "$keeps more or fewer records are used now: give --eval-records 30 .*" \
	--val val.mp --eval-records 20
resumed "more records of it" "$step" "$keeps more or fewer records are used now: give --eval-records 30 .*" \
	--val val.mp --eval-records 1000
cat val.mp other.mp >more.mp
resumed "the same records of a longer file" "$step" '' --val more.mp
resumed "--new-best without --val" 140 '' --new-best
resumed "--new-best with another set" 140 '' --val other.mp --new-best
best=$(mpcat --tsv=val.loss copy.mp | tail -n 1)
saved=$(grep -aoE '"best":"[0-9.e+-]+' copy/last/training.safetensors | cut -d '"' -f 4)
awk -v saved="$saved" -v best="$best" 'BEGIN { d = saved / best - 1; exit !(d < 1e-5 && d > -1e-5) }'
ok $? "the best loss is that of the new set"
train eight.mp -o copy --resume --val other.mp --steps 160 --quiet >copy.mp 2>said
is "$? $(cat said)" "0 " "which is the run's from then on"

# Without the set for a time, and then with it: as if it had been there all the time.
resumed "without --val again" "$step" "$keeps no .*"
train eight.mp -o copy --resume --val val.mp --steps 160 --quiet >copy.mp 2>said
is "$? $(cat said) $(cksum copy/*.* | sed 's|copy/|best/|')" "0  $before" "a set that comes back is compared again"
train eight.mp -o whole "${net[@]}" --val val.mp --steps 160 --quiet >whole.mp
is "$(same whole copy)" "" "to the files of a run that always had it"

# States of older versions do not say which set it was.
cp -r best old
without_checksum old/last/training.safetensors
sed -i 's/"val":/"Val":/; s/"val-records":/"Val-records":/' old/last/training.safetensors
cp -r best good
rm -rf best
cp -r old best
resumed "an older state, with a set" "$step" '' --val val.mp
resumed "an older state, without" "$step" "$keeps no validation set is given now.*"
rm -rf best
mv good best

# A run that had no set.
train eight.mp -o none "${net[@]}" --steps 20 --quiet >none.mp
train eight.mp -o none --resume --val val.mp >none.mp 2>said
is "$? $(grep -c 'from now on' said) $(grep -c 'nothing to do' said)" "0 0 1" \
	"nothing to do: no promise that a set is used from now on"
train eight.mp -o none --resume --val val.mp --steps 60 >none.mp 2>said
is "$? $(grep -c 'from now on none holds the model of the lowest validation loss' said)" "0 1" \
	"a run without a set goes on with one: said"
is "$(step_of none)" "$(mpcat --tsv=step,val.loss none.mp | awk -F '\t' '$2 ~ /^[0-9]/' | sort -g -k 2 | head -n 1 | cut -f 1)" \
	"and has a best model"

fails 2 '^gpt-train: --new-best: it goes with --resume' "--new-best without --resume" \
	gpt-train eight.mp -o none --new-best

done_testing
