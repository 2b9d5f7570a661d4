#!/bin/bash
# gpt-train.sh - gpt-train at its command line: what it leaves on disk and says in its
# metrics, resumed to the bit, interrupted, and given what it cannot use.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

phonegen --count 600 --entries 1 --seed 1 >book
tokenize <book | shard --val 0.1 --shards 2 -o data
machine=(--threads 2 --dtype f32)
net=(--layers 1 --heads 2 --width 8 --context 128 --batch 4 "${machine[@]}")

# train OUTPUT OPTION...: the small network on the shards, quietly; metrics in OUTPUT.mp. What was
# in OUTPUT is replaced, unless it is resumed.
train() {
	local output=$1
	shift
	[[ " $* " = *' --resume '* ]] || set -- --overwrite "$@"
	gpt-train data/train-*.mp -o "$output" "${net[@]}" --quiet "$@" >"$output.mp"
}

# course FILE...: step, loss, rate and norm of each step in metrics streams
course() {
	mpcat --tsv=step,loss,lr,grad_norm "$@" | awk -F '\t' '$2 ~ /[0-9]/'
}

# close A B T: passed on if the numbers differ by at most T
close() {
	awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; exit !(a != "" && b != "" && d <= t && -d <= t) }'
}

# bits A B: the same parameters, byte by byte
bits() {
	cmp -s "$1/model.safetensors" "$2/model.safetensors"
}

sum() {
	find "$1" -type f -exec cksum {} + | sort
}

# ---- the same bits ----

options=(--steps 20 --warmup 3 --dropout 0.1 --log-every 1 --weight "ask=2,answer=5")
train straight "${options[@]}"
ok $? "train on shards"
train again "${options[@]}"
bits straight again && cmp -s <(course straight.mp) <(course again.mp)
ok $? "the same seed and threads: the same bits, the same metrics"
train other "${options[@]}" --seed 2
! bits straight other
ok $? "another seed: others"
train one "${options[@]}" --dropout 0 --threads 1
train two "${options[@]}" --dropout 0 --threads 2
train three "${options[@]}" --dropout 0 --threads 3
good=0
for n in two three; do
	paste <(course one.mp) <(course $n.mp) |
		awk -F '\t' '{ d = $2 - $6; n++ } d > 1e-4 || d < -1e-4 { bad = 1 } END { exit bad || n != 20 }' || good=1
done
ok $good "one, two and three threads: the same losses to 1e-4"
train few "${options[@]}" --dropout 0 --threads 1 --pass-rows 1
paste <(course one.mp) <(course few.mp) |
	awk -F '\t' '{ d = $2 - $6; n++ } d > 1e-4 || d < -1e-4 { bad = 1 } END { exit bad || n != 20 }' &&
	grep -aq '"pass-rows":"1"' few/last/training.safetensors
ok $? "one sequence at a time: the same losses to 1e-4"
train halves "${options[@]}" --batch 2 --accumulate 2
bits straight halves
ok $? "two batches of 2 accumulated are one of 4"

# ---- batches without weights ----

# Windows of eight tokens, of which few reach into an answer.
weights=other=0,name=0,number=0,rule=0,ask=0
options=(--pack text --context 8 --batch 1 --weight "$weights" --steps 30 --warmup 0 --lr 1e-3 --min-lr 1e-3 --log-every 1)
gpt-train data/train-*.mp -o straight "${net[@]}" "${options[@]}" --overwrite >straight.mp 2>said
is "$? $(course straight.mp | wc -l)" "0 30" "batches in which no token has a weight are passed over"
over=$(sed -n 's/^gpt-train: \([0-9]*\) batches were passed over because no token had a weight above 0$/\1/p' said)
[ "$over" -gt 30 ]
ok $? "many were, which is told at the end"
is "$(grep -o '([0-9]* such batch.* so far)' said)" "(1 such batch so far)" "the first one, too"
train parts "${options[@]}" --steps 11
cp parts.mp parts.1
train parts "${options[@]}" --resume
bits straight parts && cmp -s <(course straight.mp) <(course parts.1 parts.mp) &&
	grep -aq "\"unweighted\":\"$over\"" parts/last/training.safetensors
ok $? "11 steps, and on to 30, are 30 to the bit, and as many batches"
cat data/train-*.mp >all.mp
gpt-train -o straight "${net[@]}" "${options[@]}" --quiet --overwrite <all.mp >straight.mp 2>said
is "$? $(cat said)" "0 " "from a stream"
gpt-train -o parts "${net[@]}" "${options[@]}" --quiet --overwrite --steps 9 <all.mp >parts.1
gpt-train -o parts "${net[@]}" "${options[@]}" --quiet --resume <all.mp >parts.mp
bits straight parts
ok $? "and on"
rm -rf parts
fails 2 'no token of the training data has a weight above 0: there is nothing to train on' \
	"files without any weight" gpt-train all.mp -o parts "${net[@]}" --weight $weights,answer=0
fails 1 'it ends before any batch had a token with a weight above 0: nothing is saved' \
	"a stream without any" bash -c 'gpt-train -o parts -q "$@" <all.mp' - "${net[@]}" --weight $weights,answer=0
[ ! -e parts/config.json ]
ok $? "then there is no model"
phonegen --count 20 --entries 1 --seed 2 | mpcat --json | jq -c '{text}' | mptext |
	tokenize --vocab <(mpcat --header data/val.mp | jq .vocab) >plain.mp
train straight --weight $weights --steps 2 --val plain.mp 2>said
is "$? $(cat said)" "0 gpt-train: --val: none of the 20 records used has a token with a weight above 0: \
their loss says nothing about what is trained" "a validation set without any: warned"
train straight --weight $weights --steps 2 --val data/val.mp 2>said
is "$? $(cat said)" "0 " "one with some: not a word"

# ---- resuming ----

# With a constant rate the schedule is the same however many steps are asked for.
options=(--warmup 0 --lr 1e-3 --min-lr 1e-3 --dropout 0.1 --log-every 1)
train straight "${options[@]}" --steps 20
train parts "${options[@]}" --steps 7
cp parts.mp parts.1
train parts "${options[@]}" --steps 20 --resume
bits straight parts && bits straight/last parts/last
ok $? "from shards: 7 steps, and on to 20, are 20 to the bit"
cmp -s <(course straight.mp) <(course parts.1 parts.mp)
ok $? "with the same losses, rates and norms; each stream has its own steps"
[ "$(mpcat --tsv=flops straight.mp | tail -n +2)" = "$(mpcat --tsv=flops parts.1 parts.mp | tail -n +2)" ]
ok $? "operations are counted on behind a resume"
# all that a state tells, in other values than those that are there without
told=(--schedule linear --inner 11 --bias --dropout 0.25 --pack text --weight "answer=3,ask=0.5" --lr 3e-3 --min-lr 1e-3 --warmup 3
	--optimizer muon --momentum 0.5 --beta1 0.8 --beta2 0.95 --weight-decay 0.2 --clip 0.5 --seed 9
	--accumulate 2 --steps 12)
train told.1 "${told[@]}"
gpt-train data/train-*.mp -o told.2 "${net[@]}" "${told[@]}" -q --checkpoint-every 5 --eval-every 5 \
	--val data/val.mp | head -c 400 >told.mp # it ends when its reader has gone
step=$(jq .training.step told.2/last/memoscope.json)
gpt-train data/train-*.mp -o told.2 -q --resume "${machine[@]}" >told.mp
bits told.1/last told.2/last
ok $? "a run that ended at step $step of 12 goes on without being told anything"
fails 2 'told.2/last has layers 1, heads 2, .* this command asks for 3, 2,' "it is told of another network" \
	gpt-train data/train-0000.mp -o told.2 -q --resume --layers 3
fails 2 'told.2/last has layers 1, heads 2, .* this command asks for ' "as a preset" \
	gpt-train data/train-0000.mp -o told.2 -q --resume --preset 30k
fails 2 'told.2/last has .* inner 11, .* this command asks for 1, 2, 8, 10,' "it is told of another feed-forward part" \
	gpt-train data/train-0000.mp -o told.2 -q --resume --inner 10
fails 2 'is of seed 9 and 8 sequences a step, .* asks for 9, 96' "--accumulate stands for itself" \
	gpt-train data/train-0000.mp -o told.2 -q --resume --accumulate 3
before=$(sum parts)
for steps in 20 9; do
	gpt-train data/train-*.mp -o parts "${net[@]}" "${options[@]}" --steps $steps --val data/val.mp \
		--resume >parts.mp 2>said
	is "$? $(grep -v parameters said)" "0 gpt-train: nothing to do: 20 of $steps steps are done" \
		"resumed for $steps steps after 20: nothing to do"
	is "$(mpcat --json parts.mp && sum parts)" "$before" "nothing is saved, and no metrics"
done
gpt-train data/train-0000.mp -o parts "${net[@]}" "${options[@]}" --steps 20 --lr 2e-3 --resume >parts.mp 2>said
is "$? $(grep -v parameters said)" "0 gpt-train: parts/last was made with lr 0.001 (now 0.002), other data
gpt-train: nothing to do: 20 of 20 steps are done" "resumed with other data and options: said, though nothing is to be done"
is "$(mpcat --json parts.mp && sum parts)" "$before" "nothing is saved"

options=(--steps 20 --warmup 3 --dropout 0.1 --log-every 1)
records() { phonegen --count "$1" --entries 1 --seed 3 | tokenize; }
for pack in records text; do
	records 140 | gpt-train -o straight "${net[@]}" "${options[@]}" --pack $pack -q --overwrite >straight.mp
	ok $? "from stdin: --pack $pack"
	records 33 | gpt-train -o parts "${net[@]}" "${options[@]}" --pack $pack --overwrite >parts.1 2>said
	is "$?" 0 "a stream that ends early is no failure"
	grep -q 'gpt-train: the standard input ends after [0-9]* sequences: [0-9]* of 20 steps are done' said
	ok $? "but it is said"
	records 140 | gpt-train -o parts "${net[@]}" "${options[@]}" --pack $pack -q --resume >parts.mp
	is "$(course parts.1 parts.mp | cut -f 1,3)" "$(course straight.mp | cut -f 1,3)" \
		"and --resume goes on behind what was read"
done

# Interrupted at a known place: while it waits for more than the seven batches
# and a half that came.
mkfifo pipe
set -m # a job in the background of a script ignores SIGINT otherwise
# interrupted SIGNAL OUTPUT OPTION...: what becomes of it is in $status
interrupted() {
	local signal=$1 output=$2 process
	shift 2
	gpt-train -o "$output" "${net[@]}" "${options[@]}" --overwrite "$@" <pipe >"$output.mp" 2>said &
	process=$!
	exec 3>pipe
	head -c "$pieces" whole >&3
	for ((i = 0; i < 3000; i++)); do
		[ "$(mpcat --tsv=step "$output.mp" 2>/dev/null | tail -n 1)" = 7 ] && break
		sleep 0.05
	done
	kill -"$signal" $process
	for ((i = 0; i < 200; i++)); do
		kill -0 $process 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL $process 2>/dev/null && echo "# it had to be killed"
	wait $process
	status=$?
	exec 3>&-
}
records 80 >whole
pieces=$(($(records 30 | wc -c) - 40)) # without the end, and the chain of that is no longer
gpt-train -o straight "${net[@]}" "${options[@]}" -q --overwrite <whole >straight.mp
for signal in INT TERM; do
	interrupted $signal parts
	is "$status" 0 "SIG$signal while it waits for input: exit 0"
	grep -q 'interrupted at step 7 and saved; --resume goes on' said
	ok $? "and says where it stopped"
	mpcat --json parts.mp >json
	is "$?.$(tail -n 1 json | jq .step)" 0.7 "the metrics are a whole stream"
	cp parts.mp parts.1
	cp -r parts bare.$signal
	gpt-train -o parts "${net[@]}" "${options[@]}" -q --resume <whole >parts.mp
	bits straight/last parts/last && cmp -s <(course straight.mp) <(course parts.1 parts.mp)
	ok $? "on to the end: the bits of the run in one"
	gpt-train -o bare.$signal -q --resume "${machine[@]}" <whole >bare.mp
	bits straight/last bare.$signal/last
	ok $? "so without another word: options are those of the state"
done
# In a terminal, Ctrl-C reaches the whole pipeline: the writer dies and cuts the
# stream off, the reader of the metrics is gone.
rm -rf parts
{
	head -c "$pieces" whole
	sleep 60
} | {
	gpt-train -o parts "${net[@]}" "${options[@]}" --eval-every 7 --val data/val.mp -q 2>said
	echo $? >status
} | mpcat --tsv=step >/dev/null &
for ((i = 0; i < 3000; i++)); do [ -e parts/last/training.safetensors ] && break; sleep 0.05; done
kill -INT -- -"$(jobs -p)"
wait 2>/dev/null
is "$(cat status).$(cat said)" "0." "Ctrl-C in a pipeline: exit 0, without a word"
is "$(jq .training.step parts/last/memoscope.json)" 7 "saved"
gpt-train -o parts "${net[@]}" "${options[@]}" -q --resume <whole >parts.mp
bits straight/last parts/last
ok $? "on to the end: the bits of the run in one"

# Two at once would leave a mixture.
rm -rf one two
gpt-train -o one "${net[@]}" -q <pipe >none.mp 2>said &
process=$!
exec 3>pipe
head -c $(($(records 1 | wc -c) - 40)) whole >&3
for ((i = 0; i < 3000; i++)); do [ -s none.mp ] && break; sleep 0.02; done
fails 1 '^gpt-train: one: another gpt-train is training into it$' "two runs into one directory" \
	gpt-train data/train-0000.mp -o one "${net[@]}" -q --steps 1
train two --steps 1
ok $? "into two"
kill -TERM $process
wait $process
exec 3>&-
train one --steps 1
ok $? "and again once the other has ended"

# Before the first step there is nothing that is worth a model which was trained.
before=$(sum straight | grep -v training.safetensors)
gpt-train -o straight "${net[@]}" -q --overwrite <pipe >none.mp 2>said &
process=$!
exec 3>pipe
head -c $(($(records 1 | wc -c) - 40)) whole >&3
for ((i = 0; i < 3000; i++)); do [ -s none.mp ] && break; sleep 0.02; done
sleep 0.2
kill -TERM $process
wait $process
is "$? $(cat said)" "1 gpt-train: interrupted before the first step: nothing is saved" \
	"SIGTERM before the first step: exit 1"
exec 3>&-
is "$(sum straight)" "$before" "the model that was there stays, without its state"

# From files, wherever it happens to be.
options=(--steps 1200 --warmup 3 --log-every 1 --eval-every 50 --val data/val.mp --eval-records 10)
train straight "${options[@]}"
rm -rf parts parts.mp
gpt-train data/train-*.mp -o parts "${net[@]}" "${options[@]}" -q >parts.mp &
process=$!
for ((i = 0; i < 3000; i++)); do [ -s parts.mp ] && [ "$(wc -c <parts.mp)" -gt 3000 ] && break; sleep 0.02; done
kill -INT $process
wait $process
is "$?" 0 "SIGINT in the middle: exit 0"
cp parts.mp parts.1
train parts "${options[@]}" --resume
bits straight/last parts/last && cmp -s <(course straight.mp) <(course parts.1 parts.mp)
ok $? "on to the end: the bits and losses of the run in one"
echo "# interrupted after $(course parts.1 | wc -l) of 1200 steps"

# A second one kills, whichever it is: here in the validation of the last step, which takes minutes.
for n in 1 2 3; do phonegen --count 20000 --entries 1 --seed $n; done | tokenize >many.mp
for pair in INT:TERM TERM:INT INT:INT; do
	rm -f parts.mp
	gpt-train data/train-*.mp -o parts "${net[@]}" -q --overwrite --val many.mp --eval-records 60000 --width 128 \
		--layers 4 --log-every 1 --steps 3 >parts.mp &
	process=$!
	for ((i = 0; i < 3000; i++)); do [ "$(mpcat --tsv=step parts.mp 2>/dev/null | tail -n 1)" = 3 ] && break; sleep 0.02; done
	kill -"${pair%:*}" $process
	sleep 0.2
	kill -"${pair#*:}" $process
	wait $process 2>/dev/null
	is "$?" "$((128 + $(kill -l "${pair#*:}")))" "SIG${pair%:*}, then SIG${pair#*:}: killed"
done
set +m
rm -f parts.mp
gpt-train data/train-*.mp -o parts "${net[@]}" -q --overwrite --steps 300 --log-every 1 >parts.mp &
process=$!
for ((i = 0; i < 3000; i++)); do [ -s parts.mp ] && break; sleep 0.02; done
kill -INT $process
wait $process
is "$? $(jq .training.step parts/last/memoscope.json)" "0 300" "SIGINT that was ignored stays so"

# Within a matrix product, as often as not: that leaves the heap as it was.
good=0
for ((run = 0; run < 20; run++)); do
	rm -f killed.mp
	gpt-train data/train-0000.mp -o killed -q --overwrite --context 128 --width $((run % 2 ? 32 : 128)) --dtype f32 \
		--threads $((run % 2 ? 1 : 2)) --steps 100000 --log-every 1 >killed.mp 2>said &
	process=$!
	for ((i = 0; i < 3000; i++)); do [ -s killed.mp ] && [ "$(wc -c <killed.mp)" -gt 1000 ] && break; sleep 0.02; done
	sleep 0.0$((10 + run * 4))
	kill -TERM $process
	wait $process || good=1
done
ok $good "SIGTERM, twenty times at any time: exit 0"

# ---- what is kept, and what is said ----

for preset in 1.7k:1708 30k:30064 207k:208096; do
	[ -e seventy.mp ] || {
		vocab=$(mpcat --header data/val.mp | jq '.vocab + "é"')
		echo "$vocab" >seventy
		phonegen --count 4 --entries 1 | tokenize --vocab seventy >seventy.mp
	}
	gpt-train seventy.mp -o preset --overwrite --preset "${preset%:*}" --steps 1 --batch 1 >preset.mp 2>said
	grep -q "gpt-train: ${preset#*:} parameters, a vocabulary of 70," said
	ok $? "--preset ${preset%:*}: ${preset#*:} parameters at a vocabulary of 70"
	# independently: what stands in the file, biases aside, which are zeros here
	size=$(od -An -t u8 -N 8 preset/model.safetensors | tr -d ' ')
	is "$(tail -c +9 preset/model.safetensors | head -c "$size" | jq '
		[del(.__metadata__) | to_entries[] | select(.key | endswith(".bias") | not) |
		 .value.shape | reduce .[] as $n (1; . * $n)] | add')" "${preset#*:}" "as many in the file"
done

# Eight records are soon learned by heart: the best model comes before the last.
phonegen --count 8 --entries 1 --seed 8 | tokenize >eight.mp
gpt-train eight.mp --val data/val.mp -o best --layers 1 --heads 2 --width 24 --context 128 \
	--threads 2 --dtype f32 --steps 200 --warmup 5 --batch 8 --lr 2e-2 --eval-every 20 \
	--eval-records 40 --checkpoint-every 100 >best.mp 2>said
ok $? "train with validation"
mpcat --tsv=step,val.loss best.mp | awk -F '\t' '$2 ~ /[0-9]/' >curve
is "$(wc -l <curve)" 10 "ten validations"
step=$(sort -g -k 2 curve | head -n 1 | cut -f 1)
loss=$(sort -g -k 2 curve | head -n 1 | cut -f 2)
is "$(jq .training.step best/memoscope.json)" "$step" "DIR holds the model of the lowest validation loss"
[ "$step" -lt 200 ]
ok $? "which is not the last"
is "$(jq .training.step best/last/memoscope.json)" 200 "DIR/last holds the last one"
is "$(jq .training.step best/step-000100/memoscope.json)" 100 "DIR/step-000100 that step's"
is "$(ls -d best/step-*)" $'best/step-000100\nbest/step-000200' "one for every so many steps"
# What an earlier run kept goes when a new one replaces its model; what is not a model stays.
train kept --steps 6 --checkpoint-every 2
mkdir kept/step-notes kept/step-000009
echo mine >kept/step-000004/notes
ln -s ../earlier-model kept/step-000007
: >kept/step-000002/model.safetensors.1.tmp
train kept --steps 8 --checkpoint-every 2 --resume
is "$(cd kept && echo step-*)" "step-000002 step-000004 step-000006 step-000007 step-000008 step-000009 step-notes" \
	"a resume leaves what was kept"
fails 1 'cannot open' "a run that fails" gpt-train none.none -o kept "${net[@]}" -q --overwrite
is "$(cd kept && echo step-*)" "step-000002 step-000004 step-000006 step-000007 step-000008 step-000009 step-notes" \
	"leaves it too"
train kept --steps 6 --checkpoint-every 3
is "$(cd kept && echo step-*) $(ls kept/step-000004)" \
	"step-000003 step-000004 step-000006 step-notes notes" \
	"another run removes the models that it did not make, and links to such"
train kept --steps 1
is "$(cd kept && echo step-*)" "step-000004 step-notes" "also one that keeps none"

# mean loss of a model on the records that were validated, by gpt-score
scored() {
	tokenize -d <data/val.mp | gpt-score "$1" | mpcat --json | head -n 40 |
		jq -s '[.[].steps[].p | log] | -add / length'
}
close "$(scored best)" "$loss" 1e-4
ok $? "its loss is what gpt-score finds"
close "$(scored best/last)" "$(tail -n 1 curve | cut -f 2)" 1e-4
ok $? "and that of the last"

mpcat --json best.mp | jq -s 'map(select(.val)) | last | .val' >validation
mpcat --json data/val.mp | head -n 40 | jq -s '
	map({tokens: (.tokens | length - 1), spans: .spans}) |
	(map(.tokens) | add) as $tokens | [.[].spans[]] | group_by(.[2]) |
	map({(.[0][2]): {tokens: (map(.[1] - .[0]) | add), nats: (map(.[4]) | add)}}) | add |
	.all = {tokens: $tokens, nats: (map(.nats) | add)}' >known
for kind in name number ask answer all; do
	want=$(jq ".$kind.nats / .$kind.tokens" known)
	have=$(if [ $kind = all ]; then jq .floor validation; else jq ".kinds.$kind.floor" validation; fi)
	close "$have" "$want" 1e-6
	ok $? "the floor of $kind is what phonegen put there"
	[ $kind = all ] && have=$(jq .tokens validation) || have=$(jq ".kinds.$kind.tokens" validation)
	is "$have" "$(jq ".$kind.tokens" known)" "over as many tokens"
done
close "$(jq '[.kinds[] | .loss * .tokens] | add' validation)" "$(jq '.loss * .tokens' validation)" 1e-6
ok $? "the loss is that of its kinds together"

is "$(mpcat --tsv best.mp | head -n 1)" $'step\tsteps\ttokens\tseconds\tloss\tlr\tgrad_norm\tflops' \
	"metrics read as a table"
is "$(mpcat --tsv=loss,steps best.mp | awk 'NR > 1 && NF == 2 { print $2 }' | uniq -c | tr -s ' ')" " 20 200" \
	"each record of a step says how many the run is to make"
is "$(course best.mp | cut -f 1 | tr '\n' ' ')" "$(seq -s ' ' 10 10 200) " "a record every ten steps"
is "$(mpcat --header straight.mp | jq -r '[.stream, .chain[].program] | join(" ")')" \
	"metrics phonegen tokenize shard gpt-train" "the chain is in the metrics"
is "$(jq -r '[.chain[].program] | join(" ")' best/memoscope.json)" "phonegen tokenize gpt-train" \
	"and in the model"
grep -Eq '^gpt-train: step 100/200: loss [0-9.]+, [0-9]+ tokens/s, [0-9]+ s left$' said
ok $? "progress: step, loss, rate, time left"
grep -Eq '^gpt-train: step 20: validation loss [0-9.]+, floor [0-9.]+$' said
ok $? "and validations"
[ "$(train quiet --steps 10 2>&1 | wc -c)" -eq 0 ]
ok $? "--quiet is quiet"

# ---- it learns ----

entropy=$(mpcat --text data/train-0000.mp | od -An -v -t u1 -w1 | sort | uniq -c |
	awk '{ n[NR] = $1; all += $1 } END { for (i in n) h -= n[i] / all * log(n[i] / all); print h }')
for dtype in f32 auto; do
	train learns --steps 50 --warmup 5 --lr 2e-2 --batch 8 --width 16 --dtype $dtype
	loss=$(course learns.mp | tail -n 1 | cut -f 2)
	awk -v loss="$loss" -v entropy="$entropy" 'BEGIN { exit !(loss > 0 && loss < entropy) }'
	ok $? "--dtype $dtype: after 50 steps the loss is below the entropy of single characters"
	echo "# $loss, $entropy"
done
train learns --steps 50 --warmup 5 --lr 2e-2 --batch 8 --width 16 --bias --pack text --context 32 \
	--val data/val.mp
loss=$(mpcat --json learns.mp | tail -n 1 | jq .val.loss)
awk -v loss="$loss" -v entropy="$entropy" 'BEGIN { exit !(loss > 0 && loss < entropy) }'
ok $? "--pack text --bias: records longer than the context, in training and validation"
is "$(mpcat --json learns.mp | tail -n 1 | jq .val.tokens)" \
	"$(mpcat --json data/val.mp | jq -s 'map(.tokens | length) | add as $n |
		$n - ($n / 33 | floor) - (if $n % 33 > 0 then 1 else 0 end)')" \
	"validation predicts all of a piece but its first token"

# ---- the data set is not held ----

export ASAN_OPTIONS=quarantine_size_mb=1
for n in 20 200; do
	phonegen --count ${n}000 | tokenize |
		"$tools/peak_memory" gpt-train -o peak "${net[@]}" --overwrite --context 256 --steps 3 --quiet 2>peak.$n >peak.mp
done
unset ASAN_OPTIONS
few=$(tail -n 1 peak.20)
many=$(tail -n 1 peak.200)
[ $((many - few)) -lt 4096 ]
ok $? "200,000 records on stdin take no more memory than 20,000"
echo "# $few and $many KiB"

# ---- what is refused ----

# ---- a learning rate that fits the run ----

train short --steps 10 --log-every 1
is "$(course short.mp | awk -F '\t' '{ printf "%.3g ", $3 * 1000 }')" "0.167 0.333 0.5 0.667 0.833 1 0.914 0.689 0.411 0.186 " \
	"half of a short run is warm-up, if nothing else is asked for"
rm -rf short
gpt-train data/train-*.mp -o short "${net[@]}" --steps 10 2>said >short.mp
grep -q 'gpt-train: the warm-up takes 5 of the 10 steps; --warmup takes another number' said
ok $? "which is said"
gpt-train data/train-*.mp -o short "${net[@]}" --overwrite --steps 1 2>said >short.mp
is "$(grep -c warm-up said)" 0 "a single step has no warm-up, and nothing is said of one"
rm -rf short
gpt-train data/train-*.mp -o short "${net[@]}" --quiet --steps 10 --warmup 10 2>said >short.mp
is "$?: $(cat said)" "0: gpt-train: --warmup 10: the run ends after 10 steps, before the learning rate reaches --lr 0.001" \
	"a warm-up longer than the run is warned of"
# rates OPTION...: the learning rates of the 11th and the 20th step, after ten with --lr 1e-3
rates() {
	rm -rf short.2
	cp -r short short.2
	gpt-train data/train-*.mp -o short.2 "${machine[@]}" --quiet --resume --steps 20 --log-every 1 "$@" |
		mpcat --tsv=lr | sed -n '2p;$p' | paste -sd ' '
}
rm -rf short
train short --steps 10 --warmup 0
is "$(rates --lr 5e-5 --schedule linear | cut -d ' ' -f 1)" "$(awk 'BEGIN { print 5e-6 + 45e-6 / 2 }')" \
	"--lr below the --min-lr that nobody asked for: that follows"
rm -rf short
train short --steps 10 --warmup 0 --min-lr 2e-4
is "$(rates --lr 4e-4 --schedule linear | cut -d ' ' -f 1 | cut -c 1-6)" 0.0003 "a --min-lr that was asked for stays"
fails 2 'gpt-train: --lr 5e-05 is below --min-lr 0.0002, which is that of the saved state: give a smaller --min-lr, too$' \
	"and must be below --lr" gpt-train data/train-0000.mp -o short --quiet --resume --lr 5e-5

# ---- lines of a text as records ----

phonegen --count 100 --entries 1-5 | mpcat --text >lines
mptext --lines <lines | tokenize >lines.mp
# lines OPTION...: what is said of them, read from a file and from a pipe
lines() {
	# shellcheck disable=SC2069 # only the messages
	{
		rm -rf lined
		gpt-train lines.mp -o lined "${net[@]}" --quiet --steps 60 "$@"
		rm -rf lined
		cat lines.mp lines.mp lines.mp | gpt-train -o lined "${net[@]}" --quiet --steps 60 "$@"
	} 2>&1 >/dev/null
}
is "$(lines | grep -c 'gpt-train: most records are far shorter than the context of 128 and have no spans: .*--pack text .* the longest has [0-9]* tokens')" 2 \
	"lines of a text as records: warned of, once, from a file and from a pipe"
is "$(lines | wc -l)" 2 "and nothing else"
for option in '--pack records' '--pack text' '--context 48'; do
	# shellcheck disable=SC2086 # several words
	is "$(lines $option)" "" "not with $option"
done
is "$(gpt-train data/train-*.mp -o wide "${net[@]}" --quiet --context 1000 --steps 60 2>&1 >/dev/null)" "" \
	"nor if records have spans, however short they are"

# ---- refused ----

run=(gpt-train -o none "${net[@]}" --quiet)
fails 2 'no DIR was given' "no directory" gpt-train data/train-0000.mp
while IFS=$'\t' read -r pattern option; do
	read -ra words <<<"$option"
	fails 2 "$pattern" "refused: $option" "${run[@]}" "${words[@]}" data/train-0000.mp
done <<'END'
0.*1000000000	--steps 0
--inner: '0' is not an integer from 1 to 65536	--inner 0
65536	--batch 0
65536	--batch 1e3
4096	--accumulate 5000
512	--layers 513
16384	--width 0
4096	--context 1
number of heads is 3, expected a divisor of width, which is [0-9]+	--heads 3
0\.95	--dropout 1
10	--lr -1
not a number	--lr nan
--lr 0\.001 is below --min-lr 0\.002: give a smaller --min-lr	--lr 1e-3 --min-lr 2e-3
0\.9999	--beta1 1
0\.99999	--beta2 1
adamw or muon	--optimizer sgd
0\.9999	--momentum 1
weight-decay	--weight-decay -0.1
clip	--clip x
integer	--seed -1
threads	--threads 1025
pass-rows	--pass-rows 0
f32, f16, bf16 or auto	--dtype f64
this processor has no f16 matrix products, expected f32	--dtype f16 --device cpu
records or text	--pack lines
1\.7k, 30k, 207k or 63m	--preset 124m
log-every	--log-every 0
eval-every	--eval-every 0
no record of the training data has a span of kind 'anwser'	--weight anwser=5
KIND=WEIGHT	--weight answer
KIND=WEIGHT	--weight answer=5,
not a number	--weight answer=much
0 to	--weight answer=-1
is not a word of 1 to 31 letters	--weight the$answer=1
'answer' has two weights	--weight answer=1,name=3,answer=2
no such option	--no-such-option
END
fails 2 'standard input is what is trained on' "validation from the same stream" \
	"${run[@]}" --val - -
fails 1 'data/none.mp: cannot open' "no such file" "${run[@]}" data/none.mp
fails 1 'standard input' "no stream at all" "${run[@]}"
fails 1 "book: .*'text', expected 'tokens'; tokenize makes them$" "a stream of another kind" "${run[@]}" book
phonegen --count 3 --entries 1 | tokenize --vocab seventy >other.mp
fails 1 "other.mp: its vocabulary is not that of the data before it: it has U\\+00E9 'é', which .*; tokenize --vocab" "validation of another vocabulary" \
	"${run[@]}" data/train-0000.mp --val other.mp
fails 1 "other.mp: its vocabulary .*U\\+00E9 'é'.*; tokenize --vocab" "shards of two vocabularies" \
	"${run[@]}" data/train-0000.mp other.mp
phonegen --count 3 --entries 1 | tokenize --vocab data/train-0000.mp >val.mp
train same --steps 1 --val val.mp
ok $? "tokenize --vocab STREAM makes tokens of the same vocabulary"
phonegen --count 9 --entries 1-5 --first 100 --seed 4 | tokenize >long.mp
id=$(mpcat --json long.mp | jq -s 'map(select(.tokens | length > 128)) | first | .id')
fails 1 "\(id $id\) has [0-9]+ tokens, expected 2 to the context of 128; gpt-train --context [0-9]+ takes it, --pack text " \
	"a record longer than the context, in a file" "${run[@]}" long.mp
fails 1 "long.mp: record $((id - 100)) \(id $id\) has [0-9]+ tokens, expected 2 to the context of 128" \
	"in the validation set" "${run[@]}" data/train-0000.mp --val long.mp
fails 1 "record $((id - 100)): [0-9]+ tokens, expected 2 to the context of 128" "on stdin" \
	bash -c '"$@" <long.mp' - "${run[@]}"
phonegen --count 0 | tokenize >empty.mp
fails 1 'no sequence to train on' "an empty stream" bash -c '"$@" <empty.mp' - "${run[@]}"
fails 1 'hold no record' "an empty file" "${run[@]}" empty.mp
fails 1 'empty.mp: no record to validate on' "nothing to validate on" \
	"${run[@]}" data/train-0000.mp --val empty.mp
fails 2 'resume and --overwrite: expected one of them' "to resume and to replace it" \
	gpt-train data/train-0000.mp -o none --resume --overwrite
fails 2 "'' is no directory" "a directory without a name" gpt-train data/train-0000.mp -o '' "${net[@]}"
fails 1 '/dev/null: not a directory' "a directory that cannot be made" \
	gpt-train data/train-0000.mp -o /dev/null/model "${net[@]}" -q
fails 1 'standard output: cannot write: No space left' "a full disk under the metrics" \
	bash -c '"$@" >/dev/full' - "${run[@]}" data/train-0000.mp
rm -rf none
"${run[@]}" data/train-0000.mp --steps 100000 --log-every 1 --eval-every 100000 2>said | head -c 1 >/dev/null
is "${PIPESTATUS[0]}.$(wc -c <said)" 141.0 "quiet where the reader of the metrics goes"
step=$(jq .training.step none/last/memoscope.json)
[ "$step" -gt 0 ] && [ "$step" -lt 100000 ]
ok $? "but saved"
gpt-train data/train-0000.mp -o none "${net[@]}" --resume --steps $((step + 100000)) --log-every 1 \
	--eval-every 100000 2>said | head -c 1000 >/dev/null
is "${PIPESTATUS[0]}.$(tail -n 1 said | sed 's/[0-9][0-9]*/N/')" \
	"141.gpt-train: nobody reads the metrics any more: ended at step N and saved; --resume goes on" \
	"and said"
rm -rf none
gpt-train data/train-0000.mp -o none "${net[@]}" --steps 100000 --log-every 1 --eval-every 100000 \
	2>&1 >none.mp | head -n 1 >/dev/null
is "${PIPESTATUS[0]}" 141 "where the reader of what is said goes"
mpcat --json none.mp >json && [ "$(jq .training.step none/last/memoscope.json)" = "$(tail -n 1 json | jq .step)" ]
ok $? "saved too, and the metrics are a whole stream"

train earlier --steps 4
before=$(sum earlier)
models=$(grep -v training.safetensors <<<"$before")
records 400 | head -c 20000 >cut.mp
fails 1 'standard input: .*the stream is cut off here' "a stream that is cut off" \
	bash -c 'gpt-train -o earlier "$@" <cut.mp' - "${net[@]}" -q --overwrite
is "$(sum earlier)" "$models" "the earlier model is whole, without its state"
mpcat "$TMP/stdout" >/dev/null 2>&1
is "$?" 1 "and the metrics have no end"
train earlier --steps 4
before=$(sum earlier)
size=$(($(wc -c <earlier/last/model.safetensors) * 2 / 1024))
fails 1 'training.safetensors: cannot write: File too large' "a disk that fills while it saves" \
	bash -c "ulimit -f $size; gpt-train data/train-*.mp -o earlier \"\$@\"" - \
	"${net[@]}" -q --resume --steps 8
is "$(find earlier -type f | sort | cksum)" "$(echo "$before" | cut -d ' ' -f 3 | sort | cksum)" \
	"no file comes or goes"
is "$(sum earlier/last)" "$(echo "$before" | grep last/)" "the earlier state is whole, with its model"

train earlier --steps 4
resume=(gpt-train data/train-0000.mp data/train-0001.mp -o earlier "${net[@]}" -q --resume)
before=$(sum earlier)
fails 1 'none/last: cannot go on from it: there is no such directory, .*; begin it again' "nothing to resume" \
	gpt-train data/train-0000.mp -o none2/none "${net[@]}" -q --resume
[ ! -e none2 ]
ok $? "and nothing is made"
mkdir none2
fails 1 'none2/last: cannot go on from it: there is no such directory, .*; begin it again' "a directory without a state" \
	gpt-train data/train-0000.mp -o none2 "${net[@]}" -q --resume
is "$(find none2)" none2 "nor here"
fails 2 'is of seed 1 and 4 sequences' "resumed with another seed" "${resume[@]}" --seed 2
fails 2 'is of seed 1 and 4 sequences' "with another batch" "${resume[@]}" --batch 5
fails 2 'packed as records; this command asks for 1, 4 and text' "with another pack" \
	"${resume[@]}" --pack text
fails 2 'has layers 1, heads 2, width 8' "with other heads, of as many parameters" \
	"${resume[@]}" --heads 4
fails 2 'has layers 1.* asks for 2' "with more layers" "${resume[@]}" --layers 2
fails 2 'and biases' "with biases" "${resume[@]}" --bias
reversed=$(mpcat --header data/val.mp | jq '.vocab | explode | reverse | implode')
echo "$reversed" >reversed
tokenize --vocab reversed <book >reversed.mp
fails 1 'another one, of 69' "with the same characters in another order" \
	gpt-train reversed.mp -o earlier "${net[@]}" -q --resume
records 9 >nine.mp
fails 1 'ends after 9 examples, expected the 16' "from a stream that is too short" \
	bash -c 'gpt-train -o earlier "$@" <nine.mp' - "${net[@]}" -q --resume
is "$(sum earlier)" "$before" "none of them touches the model"
cp earlier.mp appended.mp
gpt-train data/train-0000.mp data/train-0001.mp -o earlier "${net[@]}" -q --resume --seed 2 >>appended.mp 2>said
is "$?" 2 "the metrics of a resume that fails, appended"
cmp -s earlier.mp appended.mp
ok $? "are nothing"

# The state says what it is of, and not the files beside it.
train wider --steps 4 --heads 4
cp -r earlier mixed
cp wider/last/training.safetensors mixed/last
fails 2 'mixed/last has layers 1, heads 4, .* asks for 1, 2,' "a state of other heads beside this model" \
	gpt-train data/train-0000.mp data/train-0001.mp -o mixed "${net[@]}" -q --resume
cp earlier/last/training.safetensors wider/last
gpt-train data/train-0000.mp data/train-0001.mp -o wider "${net[@]}" -q --resume --steps 6 >wider.mp
is "$? $(jq .n_head wider/last/config.json)" "0 2" "this state beside another model: gone on from"
rm -r mixed
cp -r earlier mixed
without_checksum mixed/last/training.safetensors
sed -i 's/"heads":/"Heads":/' mixed/last/training.safetensors
fails 2 'mixed/last has layers 1, heads 2, .* asks for 1, 4,' "a state that does not say: the model's word" \
	gpt-train data/train-0000.mp data/train-0001.mp -o mixed "${net[@]}" -q --resume --heads 4
gpt-train data/train-0000.mp data/train-0001.mp -o mixed "${net[@]}" -q --resume --steps 6 >mixed.mp
ok $? "which is taken for its own"
is "$(mpcat --json mixed.mp | jq -s 'map(has("flops")) | all')" true "its operations are counted on"
without_checksum mixed/last/training.safetensors
sed -i 's/"flops":/"Flops":/' mixed/last/training.safetensors
gpt-train data/train-0000.mp data/train-0001.mp -o mixed "${net[@]}" -q --resume --steps 8 >mixed.mp
is "$? $(mpcat --json mixed.mp | jq -s 'map(has("flops")) | any')" "0 false" \
	"a state that does not say how many: the metrics do not, either"

# What may be another is said: the schedule that is prolonged, and all else.
cp -r earlier altered
gpt-train data/train-*.mp -o altered "${net[@]}" --resume --steps 6 >altered.mp 2>said
is "$? $(grep -c . said) $(grep schedule said)" \
	"0 4 gpt-train: the schedule of the learning rate was for 4 steps and is for 6 now" \
	"resumed for more steps: said"
gpt-train data/train-0000.mp -o altered "${net[@]}" -q --resume --steps 7 --lr 2e-3 --dropout 0.125 \
	--weight name=2,answer=0.5 --threads 1 --pass-rows 64 >altered.mp 2>said
is "$? $(cat said)" "0 gpt-train: altered/last was made with lr 0.001 (now 0.002), min-lr 0.0001 (now \
0.0002), dropout 0 (now 0.125), weight none (now answer=0.5,name=2), threads 2 (now 1), pass-rows 512 (now 64), other data: bits will differ" "with other options and data: warned"
gpt-train data/train-0000.mp -o altered "${net[@]}" -q --resume --steps 8 --lr 2e-3 --dropout 0.125 \
	--weight answer=0.5,name=2 --threads 1 --pass-rows 64 >altered.mp 2>said
is "$? $(cat said)" "0 " "with the same, and the weights in another order: not a word"
records 6 | gpt-train -o altered "${net[@]}" -q --overwrite --steps 1 >altered.mp
for seed in 3 5; do
	phonegen --count 20 --entries 1 --seed $seed | tokenize |
		gpt-train -o altered "${net[@]}" -q --resume --steps $seed >altered.mp 2>said
	echo "$? $(cat said)"
done >both
is "$(cat both)" "0 
0 gpt-train: altered/last was made with other data: bits will differ" \
	"a stream that begins as it did may bring more; one that does not is another"

cp -r earlier spoilt
resume=("${resume[@]/earlier/spoilt}")
sed -i 's/"lr":"0.001"/"lr":"0.002"/' spoilt/last/training.safetensors
fails 1 "spoilt/last/training.safetensors: it was changed or damaged after it was written" \
	"a state with another learning rate" "${resume[@]}"
without_checksum spoilt/last/training.safetensors
sed -i 's/"tokens":"[0-9]/"tokens":"x/' spoilt/last/training.safetensors
fails 1 "spoilt/last/training.safetensors: metadata: tokens: 'x[0-9]+' is not an integer" \
	"a state whose metadata are spoilt" "${resume[@]}"
sed -i 's/"tokens":/"Tokens":/' spoilt/last/training.safetensors
fails 1 'spoilt/last/training.safetensors: no "tokens" in its metadata' "or lack something" \
	"${resume[@]}"
resume=("${resume[@]/spoilt/earlier}")

# ---- numbers that are not finite ----

# spoil DIR ARRAY FIRST COUNT: numbers of the state in DIR/last become 1e38 each: finite,
# but not their products
spoil() {
	local state=$1/last/training.safetensors size at
	without_checksum "$state"
	size=$(od -An -t u8 -N 8 "$state" | tr -d ' ')
	at=$(tail -c +9 "$state" | head -c "$size" | jq ".$2.data_offsets[0]")
	for ((i = 0; i < $4; i++)); do printf '\x99\x76\x96\x7e'; done |
		dd of="$state" bs=1 seek=$((8 + size + at + 4 * $3)) conv=notrunc status=none
}
spoil earlier params 0 500
before=$(sum earlier)
fails 1 '^gpt-train: step 5: loss .*, expected finite numbers; .*record ids: .*; the last good model is earlier/last, of step 4$' \
	"a loss that is not finite" "${resume[@]}" --steps 9
is "$(sum earlier)" "$before" "leaves the model as it was"
mpcat "$TMP/stdout" >/dev/null 2>&1
is "$?" 1 "and the metrics without an end"
ids=$(sed 's/.*record ids: //; s/;.*//' "$TMP/stderr")
is "$(wc -w <<<"$ids")" 4 "the ids of the batch"
mpcat --json data/train-*.mp | jq .id | sort >all
is "$(tr ' ' '\n' <<<"$ids" | sort | comm -13 all -)" '' "are ids of records"

# Positions that no training record reaches, but longer ones do.
train reach --steps 4
spoil reach params $(((69 + 110) * 8)) $((18 * 8))
mpcat --header data/val.mp | jq .vocab >vocab
id=$(phonegen --count 400 --entries 2 --seed 11 | tokenize --vocab vocab | mpcat --json |
	jq 'select((.tokens | length) > 112 and (.tokens | length) <= 128) | .id' | head -n 1)
phonegen --count 1 --first "$id" --entries 2 --seed 11 | tokenize --vocab vocab >reach.mp
before=$(sum reach)
fails 1 'step 5: validation loss .*, expected a finite number; the last good model is reach/last, of step 4' \
	"a validation loss that is not finite" \
	gpt-train data/train-*.mp -o reach "${net[@]}" -q --resume --steps 5 --val reach.mp
is "$(sum reach)" "$before" "leaves it too"

# What weight decay brings to overflow in a place that no loss knows of must not be saved.
before=$(sum reach)
for checkpoint in 0 1; do
	gpt-train data/train-*.mp -o reach "${net[@]}" -q --resume --steps 5 --lr 10 --min-lr 10 \
		--weight-decay 10 --warmup 0 --checkpoint-every $checkpoint >reach.out 2>said
	is "$? $(tail -n 1 said)" "1 gpt-train: step 5: transformer.wpe.weight, element 880 is -inf, expected \
finite numbers; the last good model is reach/last, of step 4" \
		"a parameter that is not finite, --checkpoint-every $checkpoint"
	is "$(sum reach)" "$before" "is not saved"
done

# ---- advice ----

# Keys and values of random letters are nearly all of the loss, and nobody can predict them.
for ((i = 0; i < 40; i++)); do
	jq -nc --arg k "$(printf '%03d' $((i * 37 % 1000)) | tr 0-9 a-j)" '
		{text: "\($k)=\($k * 9)?\($k)=\($k)", spans: [[0, 3, "key", 0, 7], [4, 31, "value", 0, 62],
			[32, 35, "ask", 0, 0], [36, 39, "answer", 0, 0]]}'
done >pairs
mptext <pairs | tokenize >pairs.mp
jq -c '.spans[][4] = 0' pairs | mptext | tokenize >no-floor.mp
# says FILE OPTION...: the advice after one step on FILE
says() {
	local file=$1
	shift
	rm -rf advised
	gpt-train "$file" --val "$file" -o advised "${net[@]}" --steps 1 --lr 0 --min-lr 0 "$@" 2>&1 >advised.mp |
		grep 'loss of answers'
}
says pairs.mp | grep -Eq '^gpt-train: the loss of answers is 2\.[0-9]+ nats a token above its floor: .*; try --weight value=0\.1,answer=5 '
ok $? "answers that are not learned beside loss that nobody can save: weights are advised"
is "$(says pairs.mp --weight value=0.1,answer=5)" "" "and not if they are given"
is "$(says no-floor.mp)" "" "nor if no floor is known"

done_testing
