#!/bin/bash
# sweep.sh - pipelines/sweep: its table and report; cells that come later; cells that fail; sweeps that are stopped; hosts, one of
# which dies. Hosts are sshd's of this test on 127.0.0.1.
# shellcheck source=tests/lib.sh disable=SC2016 # commands for the shells of cells stand in single quotes
. "$(dirname "$0")/../lib.sh"
cd "$TMP" || exit 1
export PARALLEL_HOME=$TMP/parallel HOME=$TMP/home
mkdir "$PARALLEL_HOME" "$HOME"
unset OUT JOBS HOSTS PARALLEL PARALLEL_SSH MODEL
sweep=$ROOT/pipelines/sweep

phonegen --count 120 --entries 1 | tokenize | shard --val 0.2 --shards 2 -o data
phonegen --count 5 --seed 7 --entries 1 >asked.mp
export SCORE='gpt-sample -q --threads 1 --from answer --greedy "$MODEL" asked.mp | recall-score | grep -E "^(exact|records)[^_]"'
small=(--steps 4 --batch 2 --layers 1 --heads 1 --context 96 --eval-every 2 --log-every 2)

# sweep_into FOLDER WORD...: a sweep of tiny networks; $TMP/log is what it says
sweep_into() {
	local out=$1
	shift
	"$sweep" --train 'data/train-*.mp' --val data/val.mp -o "$out" "$@" >log 2>&1
}

# column NAME FOLDER: this column of the table, a word for each cell
column() {
	awk -F '\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i } NR > 1 { print $at }' "$2/table.tsv" | paste -sd ' '
}

# began FOLDER: when the networks were trained, a line each
began() {
	find "$1/cells" -name trained -printf '%p %T@\n' | sort
}

# await COMMAND...: waits until the command succeeds, here and in cells. What does not come in ten minutes does not come: a test
# that fails says more than one that hangs.
cat >await <<'END'
#!/bin/bash
for ((i = 0; i < 6000; i++)); do
	"$@" && exit
	sleep 0.1
done
exit 1
END
chmod +x await
await=$TMP/await

# switch_off PID: kills a process and all below it
switch_off() {
	local all=" $1 " more
	while more=$(ps -e -o pid= -o ppid= | awk -v all="$all" 'index(all, " " $2 " ") && !index(all, " " $1 " ") { printf "%s ", $1 }') && [ -n "$more" ]; do
		all+=$more
	done
	# shellcheck disable=SC2086 # a list of numbers
	kill -KILL $all 2>/dev/null
}

# ---- here ----

grid=(--lr 1e-3 3e-3 --width 4 8 --seed 1 2)
sweep_into "it's" --evaluate "$SCORE" --metric exact --jobs 2 -- "${grid[@]}" "${small[@]}"
status=$?
ok $status "a sweep"
[ $status -eq 0 ] || sed 's/^/# /' log
is "$(grep -v '^sweep: ' log)" "" "nothing is complained of"
out="it's"
is "$(column lr "$out")|$(column width "$out")|$(column seed "$out")" \
	"1e-3 1e-3 1e-3 1e-3 3e-3 3e-3 3e-3 3e-3|4 4 8 8 4 4 8 8|1 2 1 2 1 2 1 2" "a line for each cell, in the order of the grid"
is "$(head -n 1 "$out/table.tsv" | tr '\t' ' ')" \
	"lr width seed steps batch layers heads context eval-every log-every status records exact val_loss seconds host cell" "what the table has"
is "$(column records "$out") $(column status "$out")" "5 5 5 5 5 5 5 5 done done done done done done done done" "what was evaluated"
cell=$(column cell "$out" | cut -d ' ' -f 3)
is "$(column val_loss "$out" | cut -d ' ' -f 3)" "$(mpcat --tsv=val.loss "$out/cells/$cell/metrics.mp" | grep -E '^[0-9]' | sort -g | head -n 1)" \
	"the loss is that of the model that is evaluated"
is "$(jq .n_embd "$out/cells/$cell/model/config.json")" 8 "the cell has the model"
is "$(awk -F '\t' 'NR > 1 { print $2, $3, $NF }' "$out/points.tsv" | paste -sd '|')" "1e-3 4 2|1e-3 8 2|3e-3 4 2|3e-3 8 2" "seeds are averaged"
is "$(tail -n +2 "$out/jobs.tsv" | awk -F '\t' '{ print $1, $7 }' | sort -n | paste -sd '|')" "1 0|2 0|3 0|4 0|5 0|6 0|7 0|8 0" "parallel's log of jobs"
[ -n "$(png_size "$out/sweep.png")" ] && grep -q '](sweep.png)' "$out/report.md" && grep -q 'data:image/png' "$out/report.html"
ok $? "a picture in the report"
is "$(awk -F '\t' '{ print $1, $2, $6 }' "$out/curves.tsv" | paste -sd '|')" "1 0.001 1e-3|1 0.003 3e-3|2 0.001 1e-3|2 0.003 3e-3" "a line for each width"

# again, with other words for the report, and with a cell more
trained=$(began "$out")
sweep_into "$out" --evaluate "$SCORE" --x width --series lr -- "${grid[@]}" "${small[@]}"
is "$? $(grep -c ' took ' log) $(began "$out")" "0 0 $trained" "the same sweep again trains nothing"
grep -q '^# Sweep: val_loss over ' "$out/report.md" && [ "$(cat "$out/labels")" = $'lr 1e-3\nlr 3e-3' ]
ok $? "but draws another metric"
sweep_into "$out" --evaluate "$SCORE" -- --seed 1 --lr 1e-2 3e-3 --width 4 "${small[@]}"
is "$? $(grep -c ' took ' log) $(began "$out" | wc -l)" "0 1 9" "a cell that comes later is trained alone"
is "$(column lr "$out") $(column seed "$out")" "1e-2 3e-3 1 1" "the table has what is asked for now"
sweep_into "$out" --evaluate 'echo 7' --metric score -- "${grid[@]}" "${small[@]}"
is "$? $(column score "$out") $(began "$out" | wc -l)" "0 7 7 7 7 7 7 7 7 9" "another evaluation trains nothing"
is "$(began "$out" | head -n 8)" "$(sort <<<"$trained"$'\n'"$(began "$out" | grep 1e-2)" | head -n 8)" "and nothing again"

# a table in place of a grid; options in any order have the same names
printf 'width\tlr\n4\t1e-3\n8\t\n' >cells.tsv
sweep_into table --evaluate "$SCORE" --grid cells.tsv -- --seed 1 "${small[@]}"
is "$? $(column width table)|$(column lr table)" "0 4 8|1e-3 -" "a table of cells"
is "$(cmp "table/cells/$(column cell table | cut -d ' ' -f 1)/model/model.safetensors" "$out/cells/$(column cell "$out" | cut -d ' ' -f 1)/model/model.safetensors")" "" \
	"its networks are those of the grid"
is "$(column cell table | cut -d ' ' -f 1)" "$(column cell "$out" | cut -d ' ' -f 1)" "and have the same names"
printf -- '--width\t--lr\n4\t1e-3\n4\t3e-3\n8\t1e-3\n8\t3e-3\n' >cells.tsv
sweep_into "$out" --evaluate "$SCORE" --grid cells.tsv -- --seed 1 2 "${small[@]}"
is "$? $(grep -c 'cells$' log) $(began "$out" | wc -l) $(column cell "$out" | tr ' ' '\n' | sort | cksum)" \
	"0 1 9 $(cut -f 1 "$out/names" | sort | cksum)" "the same cells as those of a grid: none is trained"

# ---- cells that fail ----

sweep_into failing --evaluate 'case $MODEL in *width_8-*|*width_8/*) [ -e repaired ] || { echo "no such thing" >&2; exit 3; } ;; esac; echo score 1' \
	--metric score --jobs 1 -- --width 4 8 12 "${small[@]}"
is "$? $(column status failing)|$(column score failing)" "1 done failed done|1 - 1" "a cell fails, the others go on"
grep -q -- '- width 8: the evaluation failed: no such thing' failing/report.md && tail -n 1 log | grep -q '1 of 3 cells have no result'
ok $? "the report says why"
is "$(awk -F '\t' 'NR > 1 { print $1, $7 != 0 }' failing/jobs.tsv | sort -n | paste -sd '|')" "1 0|2 1|3 0" "parallel's log has it as failed"
trained=$(began failing)
: >repaired
sweep_into failing --evaluate 'case $MODEL in *width_8-*|*width_8/*) [ -e repaired ] || { echo "no such thing" >&2; exit 3; } ;; esac; echo score 1' \
	--metric score --jobs 1 -- --width 4 8 12 "${small[@]}"
is "$? $(column status failing)|$(grep -c ' took ' log)|$(began failing)" "0 done done done|1|$trained" "it alone is tried again, without training again"
sweep_into silent --evaluate 'echo nothing' --metric score -- --width 4 "${small[@]}"
is "$? $(column status silent) $(grep -c 'printed no line of a key and a number' silent/report.md)" "1 failed 1" "an evaluation that prints no number"

# ---- sweeps that are stopped ----

# stopped SIGNAL: a sweep gets it while its second cell is being evaluated; $out is its folder
stopped() {
	local pid
	out=stopped-$1
	setsid env --default-signal "$sweep" --train 'data/train-*.mp' --val data/val.mp -o "$out" --jobs 1 --evaluate "$(evaluation "$1")" -- \
		--width 4 8 12 "${small[@]}" >log 2>&1 &
	pid=$!
	"$await" test -e "at-$1"
	# as if the machine were switched off
	if [ "$1" = KILL ]; then switch_off "$pid"; else kill "-$1" "$pid"; fi
	wait "$pid" 2>/dev/null
	status=$?
	: >"go-$1"
}
evaluation() {
	printf 'case $MODEL in *width_8-*|*width_8/*) [ -e go-%s ] || { : >at-%s; sleep 100; } ;; esac; echo score 1' "$1" "$1"
}
for signal in INT KILL; do
	stopped $signal
	[ "$status" -ne 0 ] && [ "$(find "$out/cells" -name result.tsv | wc -l)" = 1 ] && [ ! -e "$out/report.md" ]
	ok $? "SIG$signal: a sweep is stopped in its second cell"
	trained=$(began "$out")
	sweep_into "$out" --jobs 1 --evaluate "$(evaluation $signal)" -- --width 4 8 12 "${small[@]}"
	is "$? $(column status "$out")|$(grep -c ' took ' log)|$(began "$out" | grep -v width_12)" "0 done done done|2|$trained" "SIG$signal: it goes on where it was"
done
is "$(pgrep -f "$TMP/stopped" | wc -l)" 0 "no process is left"

# ---- what is refused ----

# refused PATTERN WORD...: a sweep of these words
refused() {
	local pattern=$1
	shift
	fails 2 "^sweep: $pattern" "refused: $(head -n 1 <<<"$*" | cut -c 1-80)" "$sweep" "$@"
}
all=(--train 'data/train-*.mp' --val data/val.mp --evaluate 'echo 1' -o none)
refused "--evaluate is missing" --train data/train-0000.mp -o none -- --lr 1e-3
refused "--train is missing" --evaluate 'echo 1' -o none -- --lr 1e-3
refused "there is no training file 'nowhere/\*\.mp'|there is no training file nowhere" --train 'nowhere/*.mp' --evaluate 'echo 1' -o none -- --lr 1e-3
refused "there is no nowhere.mp that can be read: it is to be a validation file" "${all[@]}" --val nowhere.mp -- --lr 1e-3
refused "the grid is empty" "${all[@]}"
refused "the grid is empty" "${all[@]}" --
: >empty.tsv
refused "the grid is empty" "${all[@]}" --grid empty.tsv
printf 'lr\twidth\n1e-3\n' >short.tsv
refused "line 2 of .*short.tsv has 1 fields, and the first line names 2 options" "${all[@]}" --grid short.tsv
printf 'lr\n1e-3\n1e-3\n' >twice.tsv
refused "two cells of the grid are the same: 1 and 2" "${all[@]}" --grid twice.tsv
refused "gpt-train has no option --learning-rate" "${all[@]}" -- --learning-rate 1e-3
refused "gpt-train's --val is not for a grid" "${all[@]}" -- --val data/val.mp
refused "--lr stands twice" "${all[@]}" -- --lr 1e-3 --lr 1e-2
refused "--lr has a value twice: 0\.001" "${all[@]}" -- --lr 1e-3 0.001
refused "--lr needs a value" "${all[@]}" -- --lr --width 8
refused "--bias takes no value" "${all[@]}" -- --bias 3
refused "the cell --heads=3 --width=8: gpt-train: number of heads is 3" "${all[@]}" -- --width 8 --heads 3
refused "the cell --lr=fast: gpt-train: --lr: 'fast' is not a number" "${all[@]}" -- --lr 1e-3 fast
refused "--x: the grid has no option width" "${all[@]}" --x width -- --lr 1e-3
refused "--jobs is not a whole number" "${all[@]}" --jobs many -- --lr 1e-3
refused "--metric is missing" --train data/train-0000.mp --evaluate 'echo 1' -o none -- --lr 1e-3
refused "there is no option --metrics" "${all[@]}" --metrics x -- --lr 1e-3
refused "--goal is not min or max" "${all[@]}" --goal up -- --lr 1e-3
refused "there is no nowhere that can be read: it is to be a file of hosts" "${all[@]}" --hosts nowhere -- --lr 1e-3
[ ! -e none ]
ok $? "none of them began"
fails 2 '.*--metric: the table has no numbers called accuracy; it has score val_loss seconds' "a metric that the table has not" \
	bash -c '"$@" 2>&1 | grep -v -e cells -e writing -e " took " >&2; exit "${PIPESTATUS[0]}"' - "$sweep" "${all[@]}" -o failing \
	--evaluate 'echo score 1' --metric accuracy -- --width 4 "${small[@]}"
phonegen --count 100 --entries 1 --seed 5 | tokenize >other.mp
refused ".*failing was begun with another training data" --train other.mp --val data/val.mp --evaluate 'echo 1' -o failing -- --width 4 "${small[@]}"
is "$("$sweep" --help | head -n 1 | cut -d ' ' -f 1-2)" "Usage: pipelines/sweep" "--help"

# ---- without arguments ----

env OUT=example RATES='1e-3 1e-2' WIDTHS='8' SEEDS='1 2' STEPS=4 BATCH=2 ENTRIES=1 RECORDS=200 ASKED=5 JOBS=2 OUT="$TMP/example" "$sweep" >log 2>&1
is "$? $(column lr example) $(column width example)" "0 1e-3 1e-3 1e-2 1e-2 8 8 8 8" "the example"
grep -q '^\*\*Verdict: The best exact is ' example/report.md
ok $? "it has a verdict"
fails 2 '.*was begun with another ENTRIES' "the example with other books" env OUT="$TMP/example" ENTRIES=1-2 RECORDS=200 ASKED=5 "$sweep"

exec {held}>failing/lock
flock "$held"
refused "a sweep, or a cell that one left, is at work in .*failing" "${all[@]}" -o failing -- --width 4 "${small[@]}"
exec {held}>&-

# ---- hosts ----

# host NAME SETENV...: an sshd on 127.0.0.1 with these settings of the environment. Its line is in the file `ssh_config`.
host() {
	local name=$1 port try
	shift
	for ((try = 0; try < 20; try++)); do
		port=$((20000 + (RANDOM + $$ * 7) % 40000))
		cat >"sshd_$name" <<-END
			ListenAddress 127.0.0.1
			Port $port
			HostKey $TMP/host_key
			PidFile none
			AuthorizedKeysFile $TMP/key.pub
			StrictModes no
			UsePAM no
			PasswordAuthentication no
			KbdInteractiveAuthentication no
			PermitRootLogin prohibit-password
			MaxStartups 100
			SetEnv TEST_HOST=$name $*
		END
		rm -f "log_$name"
		# with no signal ignored, because what it starts would ignore it, too
		setsid env --default-signal "$sshd" -D -f "sshd_$name" -E "log_$name" </dev/null >/dev/null 2>&1 &
		sshd_pid[$name]=$!
		disown "${sshd_pid[$name]}"
		for ((i = 0; i < 6000; i++)); do
			grep -q 'Server listening' "log_$name" 2>/dev/null && break 2
			kill -0 "${sshd_pid[$name]}" 2>/dev/null || break
			sleep 0.05
		done
	done
	printf 'Host %s\n\tHostName 127.0.0.1\n\tPort %s\n' "$name" "$port" >>ssh_config
	printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d ' ' -f 1-2 host_key.pub)" >>known_hosts
}

# no_hosts: why there can be none; nothing if there can
no_hosts() {
	sshd=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd) || { echo "no sshd"; return; }
	for program in ssh ssh-keygen rsync; do
		command -v $program >/dev/null || { echo "no $program"; return; }
	done
	ssh-keygen -q -t ed25519 -N '' -f key
	ssh-keygen -q -t ed25519 -N '' -f host_key
	printf 'IdentityFile %s\nIdentitiesOnly yes\nUserKnownHostsFile %s\nGlobalKnownHostsFile /dev/null\nUser %s\n' "$TMP/key" \
		"$TMP/known_hosts" "$(id -un)" >ssh_config
	# As root, sshd needs this folder for its half without privileges, at each login. It stays: another run of this test, or an
	# sshd that came later, may use it.
	[ "$(id -u)" -ne 0 ] || [ -d /run/sshd ] || mkdir -m 755 /run/sshd 2>/dev/null
	host one
	ssh -F ssh_config -o BatchMode=yes one true 2>said || echo "nobody can log in: $(head -n 1 said)"
}

declare -A sshd_pid
end_hosts() {
	local name
	for name in "${!sshd_pid[@]}"; do
		switch_off "${sshd_pid[$name]}"
	done
	rm -rf "$TMP"
}
trap end_hosts EXIT
no_hosts >why
if [ -s why ]; then
	ok 0 "cells on hosts # SKIP $(cat why)"
	done_testing
	exit
fi
export PARALLEL_SSH="ssh -F $TMP/ssh_config" PARALLEL_RSYNC_OPTS=-rLtDR # nothing is compressed, which would take long
mkdir lacking
: >lacking/libmsgpackc.so.2
: >lacking/libmsgpack-c.so.2
host two
host lacking "LD_LIBRARY_PATH=$TMP/lacking"
printf '%s\n' '# machines' 1/one '' 1/two 1/lacking 1/nowhere >hosts
printf 'Host nowhere\n\tHostName 127.0.0.1\n\tPort 1\n' >>ssh_config

# Host two dies in its second cell. Host one waits for that in its first one.
cat >evaluate <<'END'
#!/bin/bash
case $TEST_HOST in
two)
	[ ! -e "$1/second" ] || : >"$1/busy"
	: >"$1/second"
	"$1/await" test ! -e "$1/busy"
	;;
one) "$1/await" test -e "$1/off" ;;
esac
gpt-sample -q --threads 1 --from answer --greedy "$MODEL" asked.mp | recall-score | grep '^exact[^_]'
END
chmod +x evaluate
evaluate="./evaluate $TMP"
{
	"$await" test -e busy
	switch_off "${sshd_pid[two]}"
	: >off
} &
sweep_into over-hosts --evaluate "$evaluate" --file evaluate asked.mp --metric exact --hosts hosts --workdir "$TMP/far" -- \
	--lr 1e-3 3e-3 --width 4 8 "${small[@]}"
status=$?
wait $!
ok $status "hosts, one of which dies"
[ $status -eq 0 ] || sed 's/^/# /' log over-hosts/parallel.log
out=over-hosts
is "$(column status $out)" "done done done done" "each cell has a result, once in the table"
is "$(column host $out | tr ' ' '\n' | sort | uniq -c | awk '{ print $2, $1 }' | paste -sd ' ')" "one 3 two 1" "the table says who did it"
grep -q '^| one | 3 | 0 |' $out/report.md && grep -q '^| two | 1 | 0 |' $out/report.md
ok $? "so does the report"
is "$(grep 'takes no part:' log | sed 's/: error while.*//; s/nowhere takes no part: .*refused.*/nowhere: refused/; s/: kit.*//' | sort | paste -sd '|')" \
	"sweep: lacking takes no part: gpt-sample does not run there|sweep: nowhere: refused" "hosts that cannot take part are named"
is "$(grep -c 'two takes no part any more: ssh: ' log)" 1 "so is the one that died"
cell=$(column cell $out | cut -d ' ' -f 4)
# A host takes the best instructions that it has, whatever this shell was told.
cmp -s "$out/cells/$cell/model/model.safetensors" <(unset MEMOSCOPE_ISA; rm -rf here; sweep_into here --evaluate 'echo 1' -- --lr 3e-3 --width 8 "${small[@]}" >/dev/null; \
	cat "here/cells/$cell/model/model.safetensors")
ok $? "the models have come back, and are those of this machine"
[ ! -e "$TMP/far" ] && [ ! -e $out/start ] && [ ! -e $out/ended ]
ok $? "hosts keep nothing"
is "$(tail -n +2 $out/jobs.tsv | awk -F '\t' '{ print $1, $7 }' | sort -n | paste -sd '|')" "1 0|2 0|3 0|4 0" "parallel's log has each once"

# a cell that fails on a host comes back, is not tried on others, and goes out again trained
printf '%s\n' 2/one >hosts
sweep_into far-failing --evaluate 'echo no >&2; false' --hosts hosts --workdir "$TMP/far" --metric score -- --width 4 "${small[@]}"
is "$? $(column status far-failing) $(column host far-failing) $(grep -c 'failed on one' log)" "1 failed one 1" "a cell fails on a host"
trained=$(stat -c %Y far-failing/cells/*/metrics.mp)
sweep_into far-failing --evaluate 'echo 2' --hosts hosts --workdir "$TMP/far" --metric score -- --width 4 "${small[@]}"
is "$? $(column score far-failing) $(stat -c %Y far-failing/cells/*/metrics.mp)" "0 2 $trained" "it goes on from where it was"
# A cell comes back while another one is at work there, and nothing that this one needs goes with it.
sweep_into slots --evaluate "case \$MODEL in *width_8*) echo >>$TMP/asked; $await grep -q width_4 $TMP/slots/jobs.tsv ;; esac && echo 1" \
	--hosts hosts --workdir "$TMP/far" --metric score -- --width 4 8 "${small[@]}"
is "$? $(column status slots) $(wc -l <asked) $(grep -c ' took ' log)" "0 done done 1 2" "a cell is done once, though another one on its host ends before"
# this machine beside a host: each waits for the other
printf '%s\n' 1/one 1/: >hosts
rm -rf here
sweep_into both --evaluate ": >$TMP/\${TEST_HOST:-here}; $await test -e $TMP/one && $await test -e $TMP/here && echo 1" \
	--hosts hosts --workdir "$TMP/far" --metric score -- --width 4 8 "${small[@]}"
is "$? $(column host both | tr ' ' '\n' | sort | paste -sd ' ')" "0 $(printf '%s\n' one "$HOSTNAME" | sort | paste -sd ' ')" "this machine and a host"
[ ! -e "$TMP/far" ]
ok $? "nothing is left there"
switch_off "${sshd_pid[one]}"
echo 2/one >hosts
sweep_into nobody --evaluate 'echo 2' --hosts hosts --workdir "$TMP/far" --metric score -- --width 4 "${small[@]}"
is "$? $(grep -c 'one takes no part' log) $(column status nobody)" "1 1 none" "no host is left"
refused "--file: .*README.md must lie below this folder" "${all[@]}" --hosts hosts --file "$ROOT/README.md" -- --lr 1e-3

done_testing
