# lib.sh - TAP for shell tests: sourced, with BUILD naming the programs' folder.
# shellcheck shell=bash
set -u
LC_ALL=C.UTF-8
export LC_ALL
unset CDPATH
BUILD=$(cd "${BUILD:-build}" && pwd)
export BUILD
PATH=$BUILD:$PATH
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT
# No test takes a GPU that the machine may have, unless it says so.
export MEMOSCOPE_CUDA=${MEMOSCOPE_CUDA:-$ROOT/no-gpu}
# Pipelines take this for the machine's best product, in GFLOP/s: measuring it is no test.
export PEAK=${PEAK:-100}
# Without a folder of its own a test would write and remove files in that of the caller, or in /.
TMP=$(mktemp -d "${TMPDIR:-/tmp}/memoscope.XXXXXX") || {
	echo 'Bail out! There is no folder for temporary files: set TMPDIR to one'
	exit 1
}
trap 'rm -rf "$TMP"' EXIT
tap_run=0
tap_failed=0

# ok STATUS NAME: passed if STATUS is 0
ok() {
	tap_run=$((tap_run + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_run - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_run - $2"
	fi
}

# is HAVE WANT NAME: passed if the strings are equal
is() {
	[ "$1" = "$2" ]
	ok $? "$3"
	if [ "$1" != "$2" ]; then
		printf '%s\n' "have: $1" "want: $2" | sed 's/^/# /'
	fi
}

# fails STATUS PATTERN NAME COMMAND…: the command exits with STATUS and says one
# line on stderr that matches PATTERN (extended regular expression). Its stdout
# is left in $TMP/stdout, its stderr in $TMP/stderr.
fails() {
	local status=$1 pattern=$2 name=$3 have lines
	shift 3
	"$@" >"$TMP/stdout" 2>"$TMP/stderr" </dev/null
	have=$?
	lines=$(wc -l <"$TMP/stderr")
	[ "$have" -eq "$status" ] && [ "$lines" -eq 1 ] && grep -Eq -- "$pattern" "$TMP/stderr"
	ok $? "$name"
	if [ "$have" -ne "$status" ] || [ "$lines" -ne 1 ] || ! grep -Eq -- "$pattern" "$TMP/stderr"; then
		echo "# exit $have, want $status; stderr ($lines lines), want /$pattern/:"
		sed 's/^/#   /' "$TMP/stderr"
	fi
}

# take_faults FILE: $faults names faults.so, of tests/tools/faults, for LD_PRELOAD: by a file that stays open,
# because LD_PRELOAD takes a blank or a colon for the end of a name
take_faults() {
	local file
	exec {file}<"$1"
	# shellcheck disable=SC2034 # it is for the caller
	faults=/proc/self/fd/$file
}

# letters N SEED: N texts for tests/tools/mkcircuit, each the letters a to h in some order, then one of them, but neither
# the first nor the last, and the answer, which is the letter that followed it. No awk's own chance is in it.
letters() {
	awk -v n="$1" -v seed="$2" '
		function draw(below) { seed = (seed * 1103 + 12345) % 32768; return int(seed / 32768 * below) }
		BEGIN {
			for (i = 0; i < n; i++) {
				left = "abcdefgh"
				for (text = ""; left != ""; left = substr(left, 1, k - 1) substr(left, k + 1))
					text = text substr(left, k = draw(length(left)) + 1, 1)
				printf "{\"id\":%d,\"text\":\"%s%s\",\"spans\":[[0,8,\"list\",-1,0],[8,9,\"ask\",-1,0],[9,10,\"answer\",-1,0]]}\n",
					i, text, substr(text, 2 + draw(6), 2)
			}
		}' | "$BUILD/tests/tools/mkstream" text '{"alphabet":"abcdefgh"}'
}

# take_alphabet FILE: $alphabet becomes the characters that the header of a stream of
# text names, one that is a newline at their end too
take_alphabet() {
	alphabet=$(mpcat --header "$1" | jq -rj .alphabet; echo x)
	alphabet=${alphabet%x}
}

# without_checksum FILE...: files of a model whose checksum does not count any more, so that a test
# can change them
without_checksum() {
	sed -i 's/"xxh3":/"xxh0":/' "$@"
}

# png_size FILE: width and height of a picture; nothing where it is no PNG
png_size() {
	[ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] &&
		echo $((0x$(od -An -tx1 -j 16 -N 4 "$1" | tr -d ' '))) $((0x$(od -An -tx1 -j 20 -N 4 "$1" | tr -d ' ')))
}

# ---- pipelines ----

# Where their results go: a quote is no end of a string.
results="$TMP/it's"

# in_place_of PROGRAM: $broken, a folder with the programs, in which the script on stdin is in the place of this one
in_place_of() {
	local program programs
	programs=$(cd "$BUILD" && pwd)
	broken=$TMP/broken
	rm -rf "$broken"
	mkdir "$broken"
	for program in "$programs"/*; do
		[ -x "$program" ] && [ -f "$program" ] && ln -s "$program" "$broken/"
	done
	rm "$broken/$1"
	cat >"$broken/$1"
	chmod +x "$broken/$1"
}

# runs NAME [VARIABLE=VALUE...]: pipelines/NAME runs in the repository's root, and leaves a
# report, pictures and a summary
runs() {
	local name=$1 status file
	shift
	env OUT="$results/$name" "$@" "pipelines/$name" >"$TMP/log" 2>&1
	status=$?
	ok $status "pipelines/$name runs"
	[ $status -eq 0 ] || sed 's/^/# /' "$TMP/log"
	is "$(grep -v "^\($name\|phonebook\|facts\|gpt-train\|gpt-sample\|qamix\): " "$TMP/log")" "" "$name: nothing is complained of"
	is "$(awk -F '\t' 'NF != 2 || $1 !~ /^[a-z0-9_]+$/ || $2 !~ /^-?[0-9.e+-]+$/ || $1 in seen { print } { seen[$1] }' \
		"$results/$name/summary.tsv")" "" "$name: a summary of keys and numbers"
	grep -q '^\*\*Verdict: .*\*\*$' "$results/$name/report.md" && grep -q '^> ' "$results/$name/report.md"
	ok $? "$name: a claim and a verdict"
	is "$(grep -c '](.*\.png)' "$results/$name/report.md")" "$(find "$results/$name" -name '*.png' | wc -l)" \
		"$name: every picture is in the report"
	is "$(grep -o 'src="data:image/png;base64,iVBORw0K' "$results/$name/report.html" | wc -l)" \
		"$(find "$results/$name" -name '*.png' | wc -l)" "$name: and in report.html"
	is "$(grep -o '<iframe title=' "$results/$name/report.html" | wc -l)" "$(grep -c '](.*\.html)' "$results/$name/report.md")" \
		"$name: so is every page"
	is "$(tail -n 1 "$TMP/log")" "$name: open $(printf %q "$results/$name/report.html")" "$name: it says what to open"
	for file in "$results/$name"/*.png; do
		[ -n "$(png_size "$file")" ]
		ok $? "$name: $(basename "$file") is a picture"
	done
}

# goes_on NAME COUNT ANSWERS: a run of pipelines/NAME with the settings that were exported stops with the first answers of its
# third network of COUNT. Each network leaves a file ANSWERS. Run again, it comes to the numbers of the whole run before.
goes_on() {
	local name=$1 found=$results/$1 answers=$3 whole kept
	whole=$(cat "$found/summary.tsv")
	in_place_of recall-score <<-END
		#!/bin/bash
		[ "\$(find '${found//\'/\'\\\'\'}/networks' -name $answers | wc -l)" -lt 2 ] || exit 1
		exec "$(cd "$BUILD" && pwd)/recall-score" "\$@"
	END
	rm -r "$found/report.md" "$found/jobs.tsv" "$found/networks"
	! BUILD=$broken OUT="$found" JOBS=1 "pipelines/$name" >"$TMP/log" 2>&1 &&
		grep -q "^$name: failed while training $2 networks" "$TMP/log"
	ok $? "$name: a program that fails fails the pipeline"
	is "$(find "$found/networks" -name "$answers" | wc -l) $(find "$found/networks" -name trained | wc -l)" "2 3" \
		"$name: two networks have answered, a third is trained"
	kept=$(find "$found/networks" -name "$answers" -printf '%T@\n' | sort)
	runs "$name" JOBS=2
	is "$(cat "$found/summary.tsv")" "$whole" "$name: run again, it comes to the same numbers"
	is "$(find "$found/networks" -name "$answers" -printf '%T@\n' | sort | head -n 2)" "$kept" "$name: and what was there stays"
}

# is_value NAME KEY PATTERN: its value in the pipeline's summary
is_value() {
	[[ $(awk -F '\t' -v key="$2" '$1 == key { print $2 }' "$results/$1/summary.tsv") =~ ^($3)$ ]]
	ok $? "$1: $2 is $3"
}

# The plan; the exit status of the test.
done_testing() {
	echo "1..$tap_run"
	[ "$tap_failed" -eq 0 ]
}
