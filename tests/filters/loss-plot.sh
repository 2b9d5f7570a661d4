#!/bin/bash
# loss-plot.sh - the losses of a run as a picture: what is drawn of which records, and how it is drawn
# again and again on a terminal.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1
unset NO_COLOR
export TERM=xterm-256color
escape=$'\e'

# metrics FILE: a stream of the lines of JSON on stdin; fields that all records have follow from the step
metrics() { jq -c '{tokens: (100 * .step), seconds: (.step / 10), steps: 100} + .' | "$tools/mkstream" metrics >"$1"; }
# training FROM TO: a record for each step, whose loss falls from 5
training() { jq -nc --argjson from "$1" --argjson to "$2" 'range($from; $to + 1) | {step: ., loss: (1 + 4 / .)}'; }
# validation STEP ANSWER: one in which the loss of answers is ANSWER
validation() {
	jq -nc --argjson step "$1" --argjson answer "$2" '{step: $step, val: {loss: 2, floor: 1, kinds:
		{name: {loss: 2.5, floor: 2}, answer: {loss: $answer, floor: 0}}}}'
}
# picture ARGUMENT...: in ASCII, 60 by 16
picture() { loss-plot --ascii --width 60 --height 16 "$@"; }
# list FILE: the list beside the curves: marks, names, losses, floors
list() { picture "$1" | tail -n +2 | sed -nE 's/.* ([^ ]) ([A-Za-z]+) +([-+.0-9a-z]+)( +([.0-9]+))?$/\1 \2 \3 \5/p' | sed 's/ $//'; }

# ---- the picture ----

{
	training 1 50
	validation 50 2
	training 51 100
	validation 75 0.5
	validation 100 0
} | jq -sc 'sort_by(.step)[]' | metrics run.mp
cat >want <<'END'
step 100 of 100, 10k tokens in 10 s, 1k tokens/s
5+.                               nats          loss   floor
 |.
4+.
 |.
 | .
3+ .
 | .            nnnnnnnnnnnnnnn n name        2.5000  2.0000
2+-n 2  - - - - aVVVVVVVVVVVVVV V validation  2.0000  1.0000
 |  .            aa
 |   ..............aa........
1+-V 1  - - - - - - -aa - - -.. . training    1.0400
 |                     aaaa
0+-a 0  - - - - - - - - - -aaaa a answer           0       0
 ++-------------+-------------+
  0            50            100  steps
END
picture run.mp >have
is "$? $(cat have)" "0 $(cat want)" "a picture in ASCII"
LC_ALL=C loss-plot --width 60 --height 16 run.mp | cmp -s - want
ok $? "the same if the locale has no UTF-8"
picture <run.mp | cmp -s - want
ok $? "the same from the standard input"
picture - <run.mp | cmp -s - want
ok $? "or from '-'"
cat >want <<'END'
step 100 of 100, 10k tokens in 10 s, 1k tokens/s
4┤⢸                               nats          loss   floor
 │⢸
 │⢸
3┤ ⡇
 │ ⡇            n⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀n n name        2.5000  2.0000
 │ ⡇
2┤⠄n 2  ⠄⠠ ⠄⠠ ⠄⠠a⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤V V validation  2.0000  1.0000
 │ ⠘T            ⠣⡀
 │  ⠈⠢⣀⡀          ⠈⢆
1┤⠄V 1 ⠈⠍⠩⠑⠖⠲⠒⠖⠲⠒⠖T⠒⠷⡢⠤⠤⠤⠤⠤⠤⠤⠤T T training    1.0400
 │                   ⠈⢢
 │                     ⠑⠢⢄⡀
0┤⡀a 0  ⡀⢀ ⡀⢀ ⡀⢀ ⡀⢀ ⡀⢀ ⡀⢀ ⡈⢉⠒⡤a a answer           0       0
 └┴─────────────┴─────────────┴
  0            50            100  steps
END
loss-plot --width 60 --height 16 run.mp >have
is "$(cat have)" "$(cat want)" "a picture in Braille"

# ---- what is drawn ----

metrics empty.mp </dev/null
loss-plot empty.mp >have 2>said
is "$? $(cat have said)" "0 loss-plot: there is no loss to draw" "a stream without records"
jq -nc '{step: 3}' | metrics none.mp
loss-plot none.mp >have 2>said
is "$? $(cat have said)" "0 loss-plot: there is no loss to draw" "records without losses"
training 1 9 | metrics training.mp
is "$(list training.mp)" ". training 1.4444" "training alone"
validation 20 2 | metrics validation.mp
is "$(list validation.mp)" "n name 2.5000 2.0000
V validation 2.0000 1.0000
a answer 2.0000 0" "one validation alone, of which three points are drawn:"
is "$(picture validation.mp | cut -c 3-31 | tail -n +2 | tr -cd 'nVa' | fold -w 1 | sort | uniq -c | tr -s ' \n' ' ')" \
	" 1 V 2 a 2 n " "each once, and marks of the floors"
jq -nc '{step: 7, loss: 3}' | metrics one.mp
is "$(picture one.mp | grep -c '^3+ *\. *nats') $(list one.mp)" "1 . training 3.0000" "one point"
jq -nc '{step: 7, val: {loss: 3, floor: 0, kinds: {answer: {loss: 3, floor: 0}}}}' | metrics bare.mp
is "$(list bare.mp)" "V validation 3.0000
a answer 3.0000" "data without nats have no floors"
jq -nc '{step: 7, val: {loss: 3, floor: 1, kinds: ("aa ab ac Training" | split(" ") |
	map({key: ., value: {loss: 3, floor: 1}}) | from_entries)}}' | metrics alike.mp
is "$(list alike.mp | cut -d ' ' -f 1 | sort | tr -d '\n')" "TVabc" "kinds that begin alike have marks of their own"
jq -nc '[range(63) | {key: "kind-\(.)", value: {loss: ., floor: 1}}] | {step: 7, val: {loss: 3, floor: 1,
	kinds: from_entries}}' | metrics many.mp
is "$(list many.mp | cut -d ' ' -f 1 | sort | uniq -d) $(picture many.mp | grep -o 'and [0-9]* more')" " and 53 more" \
	"63 kinds: eleven rows of a list"

# Losses that are no numbers, or too high.
nan='{"!hex":"cb7ff8000000000000"}'
infinite='{"!hex":"cb7ff0000000000000"}'
training 1 100 | jq -c --argjson nan "$nan" --argjson infinite "$infinite" 'if .step >= 40 and .step <= 60 then .loss = $nan
	elif .step == 80 then .loss = $infinite elif .step == 90 then .loss = 1e30 else . end' | metrics wild.mp
picture wild.mp >have
is "$(head -n 1 have | cut -d , -f 2-3)" " 22 not finite, 1 too high" "losses that are no numbers, and one that is too high"
is "$(sed -n 2p have | cut -c 1-40 | tr -s ' ')" "5+. . " "the high one stands at the upper edge of the others' range"
is "$(sed -n '7,12p' have | cut -c 3-40 | awk '{ for (i = 1; i <= 25; i++) if (substr($0, i, 1) == ".") seen[i] }
	END { for (i = 1; i <= 25; i++) printf "%s", i in seen ? "." : " " }')" " ...............       .." "a gap in the curve"
for loss in "$nan" "$infinite" 1e308 -1e308 0 -3 1e-300; do
	for log in none y; do
		jq -nc --argjson loss "$loss" '{step: 1, loss: $loss}, {step: 2, val: {loss: $loss, floor: $loss, kinds:
			{a: {loss: $loss, floor: $loss}}}}' | metrics odd.mp
		picture --log $log odd.mp >have 2>said
		is "$? $(cat said) $(wc -l <have)" "0  16" "a loss of $loss, --log $log"
	done
done
jq -nc '{step: 1e300, loss: 1}, {step: 1.7e308, loss: 2}' | metrics odd.mp
is "$(picture odd.mp 2>&1 | wc -l)" 16 "steps beyond reason"

# A run that was resumed at step 50, and went another way from there.
{ training 1 50; validation 50 2; training 51 70; validation 70 3; } | metrics first.mp
training 51 100 | jq -c '.loss += 1' | metrics second.mp
{ training 1 50; validation 50 2; training 51 100 | jq -c 'if .step > 50 then .loss += 1 else . end'; } | metrics whole.mp
picture whole.mp >want
cat first.mp second.mp | picture >have
is "$? $(diff have want)" "0 " "two segments of a run that was resumed are one run"
{ training 1 30 | jq -c '.loss = 9'; training 1 50; } | metrics twice.mp
training 1 50 | metrics once.mp
is "$(picture twice.mp)" "$(picture once.mp)" "of two runs the second is drawn"
{ training 1 50 | jq -c '.loss += 1'; training 50 50; validation 50 2; } | metrics twice.mp
{ training 1 50 | jq -c 'if .step < 50 then .loss += 1 else . end'; validation 50 2; } | metrics once.mp
is "$(picture twice.mp)" "$(picture once.mp)" "of two records of a step the last one counts"

# A stream that was cut off: what came before it is drawn.
head -c "$(($(stat -c %s once.mp) - 20))" once.mp >cut.mp
picture once.mp >want
picture cut.mp >have 2>said
is "$? $(wc -l <said) $(cmp have want)" "1 1 " "a stream without its end"
grep -qE '^loss-plot: cut.mp: byte [0-9]+, end map: missing after 51 records: what wrote them failed or was cut off$' said
ok $? "which is said"
training 1 49 | jq -c '.loss += 1' | metrics want.mp
head -c "$(($(stat -c %s once.mp) - 150))" once.mp | picture >have 2>said
is "$? $(wc -l <said) $(cmp have <(picture want.mp))" "1 1 " "half a record"
head -c 20 once.mp | picture >have 2>said
is "$? $(wc -l <said) $(wc -c <have)" "1 1 0" "half a header: no picture"

# ---- options ----

is "$(picture --kind answer run.mp | grep -oE '[a-zV.] (answer|name|training|validation) ')" "a answer " "--kind answer"
is "$(picture -k validation,name run.mp | grep -oE '[a-zV.] (answer|name|training|validation) ')" "n name 
V validation " \
	"--kind with two names"
picture --kind ask,answer,training,b run.mp >have 2>said
is "$? $(tr '\n' ' ' <said)" "0 loss-plot: --kind: there is no loss of 'ask', but of: training, validation, name, answer loss-plot: --kind: there is no loss of 'b', but of: training, validation, name, answer " \
	"kinds that are missing"
is "$(picture --kind ask run.mp 2>/dev/null | wc -l)" 16 "none of the kinds is there"
for kinds in '' 'a,' ',a' 'a b' "$(printf '%032d' 0)" $'\e[2J'; do
	fails 2 "^loss-plot: --kind: '.*' is not a word of 1 to 31 letters, digits, '_' and '-'" "--kind '${kinds/$escape/ESC}'" \
		loss-plot --kind "$kinds" run.mp
done
is "$(picture --x tokens run.mp | tail -n 1)" "  0           5000           10k  tokens" "--x tokens"
is "$(picture --x seconds run.mp | tail -n 1)" "  0             5            10   seconds" "--x seconds"
is "$(picture --log x run.mp | tail -n 1 | tr -s ' ')" " 1 10 100 steps" "--log x"
picture --log y --kind answer,name run.mp >have
is "$(cut -c 1-3 have | tail -n +2 | grep -o '[0-9.]*' | tr '\n' ' ') $(head -n 1 have | cut -d , -f 2)" \
	"2 1 0.5   1 not above 0" "--log y: a loss of 0 has no place"
jq -nc 'range(1; 101) | {step: ., loss: (10 / .)}' | metrics power.mp
cat >want <<'END'
step 100 of 100, 10k tokens in 10 s, 1k tokens/s
10+..                                       nats        loss
  |  ...
  |     ...
  |        ..
  |          ....
  |              ....
 1+                  ..
  |                    ...
  |                       ....
  |                           ...
  |                              ...
  |                                 ...
  |                                    .. . training  0.1000
  ++-----------------+------------------+
   1                10                 100  steps
END
is "$(picture --log xy power.mp)" "$(cat want)" "--log xy: a power of the steps is a straight line"
for size in '24 8' '25 9' '39 8' '40 10' '60 8' '80 24' '133 50' '1000 500'; do
	read -r columns rows <<<"$size"
	for how in '' --ascii; do
		# shellcheck disable=SC2086
		loss-plot $how --width "$columns" --height "$rows" run.mp >have
		is "$(wc -l <have) $(($(wc -L <have) <= columns)) $(tail -n 2 have | grep -cE '─|\+-')" "$rows 1 1" "a picture of $columns by $rows $how"
	done
done
is "$(loss-plot run.mp | wc -l)" 24 "24 rows if nothing else is said"
is "$(loss-plot run.mp | wc -L)" 80 "and 80 columns"
fails 2 "^loss-plot: --width: '23' is not an integer from 24 to 1000" "--width 23" loss-plot --width 23 run.mp
fails 2 "^loss-plot: --height: '7' is not" "--height 7" loss-plot --height 7 run.mp
fails 2 "^loss-plot: --log: 'z' is not none, x, y or xy" "--log z" loss-plot --log z run.mp
fails 2 "^loss-plot: --x: 'hours' is not steps, tokens or seconds" "--x hours" loss-plot --x hours run.mp
fails 2 "^loss-plot: --follow: expected a FILE to follow" "--follow without a FILE" loss-plot --follow
fails 2 "one operand too many" "two files" loss-plot run.mp run.mp

# ---- bad records ----

for record in '{"step": -1}|"step" is not from 0 on' '{"loss": 2}|no "step", a number' \
	'{"step": 3, "loss": "x"}|no "loss", a number' \
	'{"step": 3, "val": {"loss": 1, "floor": 1, "kinds": {"\u001b[2J": {}}}}|kind .* is not a word'; do
	{ training 1 2; echo "${record%%|*}" | jq -c '{tokens: 1, seconds: 1} + .'; } |
		jq -c '{tokens: 1, seconds: 1} + .' | "$tools/mkstream" metrics >bad.mp
	loss-plot bad.mp >have 2>said
	is "$? $(wc -l <said) $(grep -cE "^loss-plot: bad.mp: byte [0-9]+, record 2: ${record#*|}" said) $(wc -l <have)" "1 1 1 24" \
		"a record ${record%%|*}: what came before is drawn"
	is "$(grep -c "$escape" said)" 0 "and no escape sequence is said"
done

# ---- on a terminal ----

# parts FILE: FILE.1 has its header and half of its records, FILE.2 the rest
parts() {
	local size
	size=$(jq -r '.[: length / 2 | floor][] | tojson' <(jq -sc . <(mpcat "$1")) | "$tools/mkstream" metrics | wc -c)
	head -c "$((size - 20))" "$1" >"$1.1"
	tail -c "+$((size - 19))" "$1" >"$1.2"
}
# drawn FILE PATTERN [FROM]: wait until it has that, FROM this byte on
drawn() {
	for ((i = 0; i < 1200; i++)); do
		tail -c "+${3:-1}" "$1" | grep -aq "$2" && return
		sleep 0.05
	done
}
# terminal_job COMMAND: runs it on a terminal of 70 columns and 20 rows, which gets what is in raw
terminal_job() { env --default-signal script -qefc "stty cols 70 rows 20; $1" /dev/null >raw </dev/null; }
# screen COLUMNS ROWS FILE: what the terminal shows after that
screen() { perl "$ROOT/tests/tools/screen.pl" "$1" "$2" <"$3"; }
# rows FILE: the rows of the screen, without those above the picture
rows() { sed -n 's/^|//p' "$1" | sed -n '/^step/,$p'; }

parts run.mp
is "$(cat run.mp.1 run.mp.2 | cmp - run.mp) $(mpcat run.mp.1 2>/dev/null | wc -l)" " 51" "a stream in two parts"

if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	mkfifo pipe

	# What is there before, what another program says meanwhile and after, and the picture.
	: >raw
	# shellcheck disable=SC2016 # $i is the inner shell's
	terminal_job 'echo one; echo two
		{ cat run.mp.1; while [ ! -e go ]; do sleep 0.05; done
			for i in 1 2 3 4 5; do echo said $i >&2; done; printf "\r\033[Kopen line" >&2; cat run.mp.2
			printf "\r\033[K" >&2; } | loss-plot; echo "status $?"' &
	drawn raw 'step 50 of'
	screen 70 20 raw >shown
	loss-plot --width 70 --height 16 run.mp.1 2>/dev/null >want
	is "$(rows shown | head -n 16)" "$(cat want)" "the first picture comes while the input is open"
	is "$(head -n 4 shown)" "|one
|two
|
|" "below what was there"
	is "$(tail -n 1 shown)" "cursor 3 1, scrolls 1-4" "and others write above it"
	touch go
	wait $!
	screen 70 20 raw >shown
	loss-plot --width 70 --height 16 run.mp >want
	is "$(rows shown)" "$(cat want)
status 0" "the last picture stays"
	is "$(sed '/step 100/,$d' shown)" "^one
^two
^said 1
^said 2
^said 3
^said 4
|said 5
|" "and so does all that others wrote"
	is "$(tail -n 1 shown)" "cursor 20 1, scrolls 1-20" "the terminal is as it was"
	grep -aq "$escape\[38;5;74m" raw
	ok $? "with colours"

	# terminal COLUMNS ROWS COMMAND: what it leaves on the screen
	terminal() {
		script -qec "stty cols $1 rows $2; $3" /dev/null </dev/null >raw
		screen "$1" "$2" raw
	}
	terminal 70 20 'cat run.mp | NO_COLOR=1 loss-plot' >shown
	is "$(rows shown | head -n 16)" "$(cat want)" "NO_COLOR: the same picture"
	is "$(grep -ac "$escape\[[0-9;]*m" raw)" 0 "without colours"
	terminal 70 20 'cat run.mp | NO_COLOR= loss-plot' >shown
	is "$(grep -ac "$escape\[38" raw)" "$(grep -ac step raw)" "an empty NO_COLOR is not set"
	for term in 'TERM=dumb' 'env -u TERM'; do
		loss-plot --width 70 --height 18 run.mp >want
		is "$(script -qec "stty cols 70 rows 20; cat run.mp | $term loss-plot" /dev/null </dev/null | tr -d '\r')" \
			"$(cat want)" "$term: printed once"
	done
	is "$(script -qec 'stty cols 70 rows 20; loss-plot run.mp' /dev/null </dev/null | tr -d '\r' |
		sed "s/$escape\[[0-9;]*m//g")" "$(cat want)" "a file is printed once"
	for size in '30 10' '24 9' '20 6' '12 4'; do
		read -r columns lines <<<"$size"
		terminal "$columns" "$lines" 'cat run.mp | loss-plot 2>&1' >shown
		is "$? $(grep -c '^|step 100' shown)" "0 1" "a terminal of $columns by $lines"
	done
	terminal 70 3 'cat run.mp | loss-plot --kind answer' >shown
	is "$(grep -c 'step 100' shown)" 1 "too few rows to draw again and again: printed once"
	terminal 70 20 'cat run.mp | loss-plot --width 40 --height 10' >shown
	loss-plot --width 40 --height 10 run.mp >want
	is "$(rows shown | head -n 10)" "$(cat want)" "--width and --height"
	terminal 70 20 'cat run.mp | loss-plot --width 400 --height 100' >shown
	loss-plot --width 70 --height 16 run.mp >want
	is "$(rows shown | head -n 16)" "$(cat want)" "no larger than the terminal"
	terminal 70 20 'cat cut.mp | loss-plot; echo "status $?"' >shown
	loss-plot --width 70 --height 16 cut.mp >want 2>/dev/null
	is "$(rows shown | head -n 16)" "$(cat want)" "a stream that is cut off: the picture stays"
	is "$(rows shown | tail -n +17 | tr -d '\n')" \
		"loss-plot: standard input: byte $(($(stat -c %s cut.mp))), end map: missing after 51 records: what wrote them failed or was cut offstatus 1" \
		"and what is wrong is said below it"

	# Records that come fast are not all drawn, but the last one is.
	jq -nc 'range(1; 60001) | {step: ., steps: 60000, loss: (1 + 4 / .)}' | metrics fast.mp
	began=$(date +%s%N)
	terminal 70 20 'cat fast.mp | loss-plot' >shown
	took=$((($(date +%s%N) - began) / 1000000))
	count=$(grep -ao "$escape\[?25l" raw | wc -l)
	is "$((count <= took / 100 + 2)) $(grep -c '^|step 60000 of' shown)" "1 1" "$count pictures of 60000 records in $took ms"

	# Another size.
	: >raw
	rm -f go
	terminal_job '{ cat run.mp.1; while [ ! -e go ]; do sleep 0.05; done
		stty cols 50 rows 15 </dev/tty; while [ ! -e on ]; do sleep 0.05; done; cat run.mp.2; } | loss-plot' &
	drawn raw 'step 50 of'
	size=$(stat -c %s raw)
	touch go
	drawn raw 'step 50 of' "$((size + 1))"
	touch on
	wait $!
	tail -c "+$((size + 1))" raw >after
	screen 50 15 after >shown
	loss-plot --width 50 --height 11 run.mp >want
	is "$(rows shown | head -n 11)" "$(cat want)" "the terminal changes its size"

	# Signals: the terminal is left as it was, and the picture stays.
	loss-plot --width 70 --height 16 run.mp.1 2>/dev/null >want
	for signal in TERM HUP QUIT INT; do
		: >raw
		# shellcheck disable=SC2016 # $$ is the inner shell's
		terminal_job 'sh -c "echo \$\$ >pid; exec loss-plot <pipe"; echo "status $?"' &
		exec 3>pipe
		cat run.mp.1 >&3
		drawn raw 'step 50 of'
		kill -$signal "$(cat pid)"
		# the first SIGINT is passed over, as gpt-train ends its metrics after it
		[ $signal != INT ] || { sleep 0.2; kill -INT "$(cat pid)"; }
		wait $!
		exec 3>&-
		screen 70 20 raw >shown
		is "$(rows shown | head -n 16)" "$(cat want)" "SIG$signal: the picture stays"
		is "$(grep -oE '^.status [0-9]*' shown) $(tail -n 1 shown | cut -d , -f 2)" \
			"|status $((128 + $(kill -l $signal)))  scrolls 1-20" "and the terminal is as it was"
	done

	# Stopped, and going on. The echo keeps script(1) from being its parent, which would stop as well.
	: >raw
	# shellcheck disable=SC2016
	terminal_job 'sh -c "echo \$\$ >pid; exec loss-plot <pipe"; echo "status $?"' &
	exec 3>pipe
	cat run.mp.1 >&3
	drawn raw 'step 50 of'
	kill -TSTP "$(cat pid)"
	drawn raw "$escape\[r$escape\[9999;1H"
	screen 70 20 raw >shown
	is "$(rows shown | head -n 16)" "$(cat want)" "SIGTSTP: the picture stays"
	is "$(tail -n 1 shown | cut -d , -f 2)" " scrolls 1-20" "and the terminal is as it was"
	size=$(stat -c %s raw)
	kill -CONT "$(cat pid)"
	drawn raw 'step 50 of' "$((size + 1))"
	cat run.mp.2 >&3
	exec 3>&-
	wait $!
	screen 70 20 raw >shown
	loss-plot --width 70 --height 16 run.mp >want
	is "$(rows shown | head -n 16)" "$(cat want)" "SIGCONT: it is drawn anew below"
	is "$(grep -c '^.step 50 of' shown)" 1 "and the old one was not overwritten"

	: >raw
	# shellcheck disable=SC2016,SC2094 # what is written is watched
	env --default-signal script -qefc 'stty cols 70 rows 20; bash -c "trap \"cat run.mp.2; exit\" INT; cat run.mp.1; while :; do sleep 0.1; done" |
		loss-plot; echo "status $?"' /dev/null >raw < <(drawn raw "step 50 of"; printf '\003'; sleep 1) &
	wait $!
	screen 70 20 raw >shown
	loss-plot --width 70 --height 16 run.mp >want
	is "$(rows shown | head -n 16)" "$(cat want)" "Ctrl-C: what comes after it is drawn"

	# A file that grows, and that a resumed run repairs.
	: >raw
	rm -f grown.mp
	terminal_job 'loss-plot --follow grown.mp; echo "status $?"' &
	for ((i = 0; i < 1200; i++)); do
		grep -q 'not there yet' raw && break
		sleep 0.05
	done
	is "$(tr -d '\r' <raw)" "loss-plot: grown.mp: it is not there yet; waiting for it" "--follow waits for the file"
	head -c "$(($(stat -c %s first.mp) - 30))" first.mp >grown.mp
	drawn raw 'step 70 of'
	screen 70 20 raw >shown
	loss-plot --width 70 --height 18 grown.mp 2>/dev/null >want
	is "$(rows shown | head -n 18)" "$(cat want)" "--follow: a file that is cut off"
	cat once.mp second.mp >grown.mp
	wait $!
	screen 70 20 raw >shown
	cat once.mp second.mp | loss-plot --width 70 --height 18 >want
	is "$(rows shown | tr '\n' '|')" "$(tr '\n' '|' <want)status 0||" "and after it was repaired and ended"
else
	echo "# no script(1): nothing is tested on a terminal"
fi
loss-plot --follow run.mp | cmp -s - <(loss-plot run.mp)
ok $? "--follow: into a pipe, the picture comes at the end"
head -c 300 run.mp >slow.mp
loss-plot --follow slow.mp >have &
sleep 0.2
cp run.mp slow.mp
wait $!
is "$? $(cmp have <(loss-plot run.mp))" "0 " "of a file that grew"
echo 'Words are no stream.' >words
fails 1 "^loss-plot: words: byte 0, header: not a memoscope stream" "--follow: a file of words" loss-plot -f words
fails 1 "^loss-plot: nowhere/file: cannot open: No such file or directory" "a file that is not there" loss-plot nowhere/file
fails 1 "standard output: cannot write: No space left on device" "a full disk" bash -c 'exec loss-plot run.mp >/dev/full'
loss-plot run.mp 2>said | head -c 1 >/dev/null
is "$(cat said)" "" "a closed pipe is quiet"

done_testing
