# lib.sh - what the pipelines share. Sourced by pipelines/NAME, which runs in the
# repository's root with the programs of $BUILD in front and ends at the first
# command that fails, saying what it was about.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C.UTF-8
BUILD=$(cd "${BUILD:-build}" && pwd)
export BUILD
export PATH=$BUILD:$PATH
pipeline=$(basename "$0")
stage=starting
trap '[ $? -eq 0 ] || echo "$pipeline: failed while $stage" >&2' EXIT

# say STAGE...: what is done next, on stderr
say() {
	stage=$*
	printf '%s: %s\n' "$pipeline" "$stage" >&2
}

# records COUNT JOBS PROGRAM ARGUMENTS...: COUNT records of a generator that
# knows --first and --count, made by JOBS jobs side by side, in order: the same
# stream of records however many jobs there are.
records() {
	records_from 0 "$@"
}

# records_from BEGIN COUNT JOBS PROGRAM ARGUMENTS...: the same from record BEGIN on
records_from() {
	local begin=$1 count=$2 jobs=$3 piece first
	shift 3
	piece=$(((count + jobs - 1) / jobs))
	for ((first = 0; first < count; first += piece)); do
		echo "$((begin + first)) $((count - first < piece ? count - first : piece))"
	done | parallel --will-cite --colsep ' ' --keep-order --halt now,fail=1 --jobs "$jobs" \
		"$@" --first '{1}' --count '{2}'
}

# made FOLDER: the results of the pipeline of that name, which is run where FOLDER
# holds no report: that is written last
made() {
	[ -e "$1/report.md" ] || OUT=$1 "pipelines/$(basename "$1")"
}

# begin NAME...: a folder $OUT for results. What a run of this script with the same values
# of the variables NAME... left there when it was stopped stays, to go on from; what one
# left that came to its end, or another one, goes.
begin() {
	local name settings
	settings=$(cksum <"$0" && for name; do echo "$name=${!name}"; done)
	if [ -e "$OUT/report.md" ] || [ "$(cat "$OUT/settings" 2>/dev/null)" != "$settings" ]; then
		rm -rf "$OUT"
		mkdir -p "$OUT"
		printf '%s\n' "$settings" >"$OUT/settings"
	fi
}

# end: stdin is the report, the last that a pipeline writes
end() {
	cat >"$OUT/report.new"
	mv "$OUT/report.new" "$OUT/report.md"
}

# train_into FOLDER STEPS ARGUMENT...: gpt-train for so many steps: FOLDER/model, and metrics
# in FOLDER/metrics-001.mp and, where it was stopped and goes on, in those that follow. Does
# nothing where it came to its end before.
train_into() {
	local folder=$1 steps=$2 part=1 resume='' metrics step
	shift 2
	[ ! -e "$folder/trained" ] || return 0
	mkdir -p "$folder"
	while metrics=$(printf '%s/metrics-%03d.mp' "$folder" "$part") && [ -e "$metrics" ]; do
		part=$((part + 1))
	done
	[ ! -e "$folder/model/last/training.safetensors" ] || resume=--resume
	gpt-train "$@" -o "$folder/model" --steps "$steps" $resume >"$metrics" || return
	step=$(jq .training.step "$folder/model/last/memoscope.json") # Ctrl-C ends gpt-train in good order
	if [ "$step" != "$steps" ]; then
		echo "$(basename "$0"): stopped at step $step of $steps: run it again to go on" >&2
		return 1
	fi
	: >"$folder/trained"
}

# untrained FOLDER ARGUMENT...: the network that train_into FOLDER begins with, in FOLDER/untrained:
# a step at a rate of 0 makes it
untrained() {
	local folder=$1
	shift
	train_into "$folder/untrained" 1 --lr 0 --min-lr 0 "$@"
}

# metrics FOLDER FIELDS: these fields of what train_into measured, a line for each step and
# each validation, in order. Of a step that two parts have, the later counts; a part that
# was cut off has what it has.
metrics() {
	local part
	for part in "$1"/metrics-*.mp; do
		mpcat --tsv="step,val.loss,$2" "$part" 2>/dev/null || true
	done | awk -F '\t' '
		$1 ~ /^[0-9]+$/ { line[$1 FS ($2 != "")] = $0 }
		END { for (key in line) print line[key] }' | sort -t "$(printf '\t')" -k 1,1n -k 2,2 | cut -f 3-
}

# curve FOLDER: what untrained and train_into measured there, in FOLDER/curve.tsv: step, held-out
# loss, and the mean of the losses in training since the last one
curve() {
	{
		metrics "$1/untrained" val.loss | awk -F '\t' -v OFS='\t' '$1 != "" { print 0, $1, $1 }'
		metrics "$1" step,loss,val.loss | awk -F '\t' -v OFS='\t' '
			$2 != "" { sum += $2; n++; mean = sum / n }
			$3 != "" { print $1, $3, mean; sum = n = 0 }'
	} >"$1/curve.tsv"
}

# answer MODEL BOOKS FOLDER OPTION...: what gpt-sample answers to books, in
# FOLDER/answers.mp, and how good that is: score.tsv, and book by book each.tsv
answer() {
	local model=$1 books=$2 folder=$3
	shift 3
	mkdir -p "$folder"
	gpt-sample --quiet "$model" "$@" "$books" >"$folder/answers.mp"
	recall-score "$folder/answers.mp" >"$folder/score.tsv"
	recall-score --each "$folder/answers.mp" >"$folder/each.tsv"
}

# value FILE KEY: the value of a key in a file of lines "key<TAB>value"
value() {
	awk -F '\t' -v key="$2" '$1 == key { print $2; found = 1 } END { exit !found }' "$1"
}

# wilson: of lines "key<TAB>how many<TAB>of how many" the shares, as recall-score
# prints them: KEY, Wilson's 95% interval KEY_low and KEY_high, KEY_right and KEY_of
wilson() {
	awk -F '\t' -v OFS='\t' '
		{ print $1 "_right", $2 + 0; print $1 "_of", $3 + 0 }
		$3 > 0 {
			n = $3; p = $2 / n; zz = 1.959964 ^ 2
			middle = (p + zz / (2 * n)) / (1 + zz / n)
			half = sqrt(zz * p * (1 - p) / n + zz * zz / (4 * n * n)) / (1 + zz / n)
			print $1, p
			print $1 "_low", (middle - half < 1e-9 ? 0 : middle - half)
			print $1 "_high", (middle + half > 1 - 1e-9 ? 1 : middle + half)
		}'
}

# means: of lines "key<TAB>number" the mean of each key's numbers, and its 95%
# interval by the normal distribution: KEY, KEY_low, KEY_high, KEY_of
means() {
	awk -F '\t' -v OFS='\t' '
		!($1 in n) { key[++keys] = $1 }
		{ # Welford
			d = $2 - mean[$1]
			mean[$1] += d / ++n[$1]
			square[$1] += d * ($2 - mean[$1])
		}
		END {
			for (i = 1; i <= keys; i++) {
				k = key[i]
				half = n[k] > 1 ? 1.959964 * sqrt(square[k] / (n[k] - 1) / n[k]) : 0
				print k, mean[k]; print k "_low", mean[k] - half
				print k "_high", mean[k] + half; print k "_of", n[k]
			}
		}'
}

# counted KEY[|KEY...]: of recall-score's summary on stdin these shares, whole
counted() {
	grep -E "^($1)(_low|_high|_right|_of)?"$'\t'
}

# digit_groups: of recall-score's summary on stdin digits 1-3, 4-6 and 7-10 together, and
# all of them: how many are right, as digits_begin, digits_middle, digits_end and digits_all
digit_groups() {
	awk -F '\t' -v OFS='\t' '
		match($1, /^digit_[0-9]+_(right|of)$/) {
			split($1, word, "_")
			group = word[2] <= 3 ? "begin" : word[2] <= 6 ? "middle" : "end"
			n[group, word[3]] += $2; n["all", word[3]] += $2
		}
		END {
			m = split("begin middle end all", name, " ")
			for (i = 1; i <= m; i++)
				print "digits_" name[i], n[name[i], "right"] + 0, n[name[i], "of"] + 0
		}' | wilson
}

# prefixed WORD: lines "key<TAB>value" with WORD_ before the key
prefixed() {
	sed "s/^/$1_/"
}

# shown FILE KEY [FACTOR [DECIMALS [UNIT]]]: a value with its interval, for people:
# "98.9% (98.0% to 99.4%)"; by default as a share. "-" where there is none.
shown() {
	awk -F '\t' -v key="$2" -v by="${3:-100}" -v decimals="${4:-1}" -v unit="${5-%}" '
		function number(x) { return sprintf("%." decimals "f%s", x * by, unit) }
		{ value[$1] = $2 }
		END {
			if (!(key in value))
				print "-"
			else if (!((key "_low") in value))
				print number(value[key])
			else
				print number(value[key]) " (" number(value[key "_low"]) " to " number(value[key "_high"]) ")"
		}' "$1"
}

# holds EXPRESSION: of numbers, is it true?
holds() {
	awk "BEGIN { exit !($1) }"
}

# flat TEXT...: in one line, with single blanks
flat() {
	tr -s '\t\n ' ' ' <<<"$*" | sed 's/ $//'
}

# claims: what the article says, word for word, a line for each quotation
claims() {
	sed 's/.*/> &\n/'
}

# curves METRICS FOLDER KIND...: the metrics of gpt-train as tables for plotting.
# FOLDER/train.tsv: step, tokens, seconds, loss. FOLDER/val.tsv: step, tokens,
# seconds, loss, floor, and loss and floor of each KIND of span.
curves() {
	local metrics=$1 folder=$2 fields='' kind
	shift 2
	for kind; do
		fields+=,val.kinds.$kind.loss,val.kinds.$kind.floor
	done
	mpcat --tsv=step,tokens,seconds,loss "$metrics" |
		awk -F '\t' '$1 ~ /^[0-9]/ && $4 != ""' >"$folder/train.tsv"
	mpcat --tsv="step,tokens,seconds,val.loss,val.floor$fields" "$metrics" |
		awk -F '\t' '$1 ~ /^[0-9]/ && $4 != ""' >"$folder/val.tsv"
	[ -s "$folder/val.tsv" ]
}

# quoted TEXT: as a string for gnuplot, whatever the path holds
quoted() {
	local quote="'"
	printf "'%s'" "${1//$quote/$quote$quote}"
}

# plot PNG WIDTH HEIGHT: gnuplot's commands from stdin, in the house's look, as a picture
plot() {
	{
		cat <<-END
			set terminal pngcairo size $2,$3 font 'DejaVu Sans,11' background '#ffffff'
			set output $(quoted "$1")
			set datafile separator tab
			colour(i) = word('#56b4e9 #009e73 #e69f00 #d55e00 #cc79a7 #0072b2', i)
			set border 3 lc rgb '#555555'
			set tics nomirror out textcolor rgb '#333333'
			set grid ytics lc rgb '#dddddd' lt 1 lw 0.6
			set key spacing 1.15 samplen 2.5
		END
		cat
	} | gnuplot -
}

# plot_curves FOLDER KIND...: FOLDER/loss.png from what curves left there, with
# the same KINDs: total loss on the left, each kind on the right.
plot_curves() {
	local folder=$1
	shift
	plot "$folder/loss.png" 1200 520 <<-END
		train = $(quoted "$folder/train.tsv")
		val = $(quoted "$folder/val.tsv")
		kinds = '$*'
		stats val using 5 name 'floor' nooutput
		stats val using 4 name 'loss' nooutput
		stats val using (\$2/1e6) name 'tokens' nooutput
		set multiplot layout 1,2 margins 0.065,0.985,0.115,0.90 spacing 0.085,0
		set xlabel 'tokens trained on (millions)'
		set xrange [0:tokens_max]
		set ylabel 'loss (nats per character)' offset 1
		set key top right
		set title 'All characters'
		set yrange [floor_min * 0.9:floor_min + 1.1]
		plot train using (\$2/1e6):4 with dots lc rgb '#999999' title 'training batch', \\
		     val using (\$2/1e6):4 with lines lw 2.5 lc rgb '#0072b2' title 'held-out records', \\
		     val using (\$2/1e6):5 with lines lw 1.5 dt 2 lc rgb '#333333' title 'entropy floor'
		set title 'By kind of span (dashed: its floor)'
		set ylabel 'loss (nats per character, logarithmic)' offset 1
		set logscale y
		set format y '%g'
		set yrange [*:6]
		set key bottom left
		plot for [i = 1:words(kinds)] val using (\$2/1e6):(column(4 + 2 * i)) \\
		     with lines lw 2.5 lc rgb colour(i) title word(kinds, i), \\
		     for [i = 1:words(kinds)] val using (\$2/1e6):(column(5 + 2 * i) > 0 ? column(5 + 2 * i) : NaN) \\
		     with lines lw 1.5 dt 2 lc rgb colour(i) notitle
	END
}

# last_losses FOLDER KIND...: "kind<TAB>loss<TAB>floor" at the end of training,
# from what curves left, with the same KINDs; the first line is for all of them.
last_losses() {
	local folder=$1
	shift
	tail -n 1 "$folder/val.tsv" | awk -F '\t' -v OFS='\t' -v kinds="all $*" '{
		n = split(kinds, kind, " ")
		for (i = 1; i <= n; i++)
			print kind[i], $(2 * i + 2), $(2 * i + 3)
	}'
}

# shares SUMMARY: what recall-score counted, as a table in Markdown
shares() {
	awk -F '\t' '
		{ value[$1] = $2; key[NR] = $1 }
		function percent(k) { return k in value ? sprintf("%.1f%%", 100 * value[k]) : "" }
		END {
			print "| | share | 95% interval | by chance |\n| --- | --- | --- | --- |"
			for (i = 1; i <= NR; i++) {
				k = key[i]
				if (k !~ /_chance$/ && value[k "_of"] > 0)
					printf "| %s | %s of %d | %s to %s | %s |\n", k, percent(k), value[k "_of"],
						percent(k "_low"), percent(k "_high"), percent(k "_chance")
			}
		}' "$1"
}

# indented: stdin as a block of code in Markdown
indented() {
	sed 's/^/    /'
}

# chain STREAM: the commands that the header of a stream of generations tells of,
# those behind its model first
chain() {
	mpcat --header "$1" |
		jq -r '(.model.chain // [])[], .chain[] | [.program] + .args | @sh' | tr -d "'"
}
