#!/bin/bash
# hostile.sh - names and values with blanks, quotes, newlines and signs of shells, awk, make and gnuplot, wherever
# a user can give them to a pipeline or to make: they are taken as they are, or refused with one line.
#
# Each would leave a file `canary` if it were run.
# shellcheck source=tests/lib.sh disable=SC2016 # what is not to be run stands in single quotes
. "$(dirname "$0")/../lib.sh"
odd=$'it\'s "a"\nsystem("touch canary")# ;touch canary;`touch canary`$(touch canary) \\n\\t {1} <|&*[x]'

# A clone in a folder of such a name, with its programs in a folder of such a name. It holds the
# sources by links. BUILD is for make.
clone="$TMP/$odd"
mkdir "$clone"
cp -r "$ROOT/pipelines" "$clone"
for name in Makefile common filters kernels man testdata tests deps.sh; do
	ln -s "$ROOT/$name" "$clone/$name"
done
programs="$TMP/$odd programs"
ln -s "$BUILD" "$programs"
cd "$clone" || exit 1

# quiet NAME: nothing was run
quiet() {
	local found
	found=$(find "$TMP" "$ROOT" -maxdepth 3 -name 'canary*' 2>/dev/null)
	is "$found" "" "$1: nothing is run"
	[ -z "$found" ] || find "$TMP" "$ROOT" -maxdepth 3 -name 'canary*' -delete
}

# passes NAME COMMAND...
passes() {
	local name=$1 status
	shift
	"$@" >"$TMP/log" 2>&1 </dev/null
	status=$?
	ok $status "$name"
	[ $status -eq 0 ] || tail -n 20 "$TMP/log" | sed 's/^/# /'
	quiet "$name"
}

# ---- pipelines ----

# A list of names in a folder of such a name. PHONEGEN holds it together with quotes.
mkdir "$TMP/a b;touch canary"
list="$TMP/a b;touch canary/{1} {= system(\"touch canary\") =} ::: names"
printf '%s\n' Zaphod Zeno Zinnia >"$list"
small=(env STEPS=8 BATCH=4 ASKED=5 EVAL_EVERY=4 KEEP_EVERY=4 AVERAGE=1 JOBS=2 ENTRIES=1-5 RECORDS=5
	MODEL='--layers 1 --heads 1 --width 16' "BUILD=$programs")
passes "a clone, programs and results in folders of any name" "${small[@]}" OUT="$TMP/$odd results" \
	PHONEGEN="phonegen --names '$list'" pipelines/phonebook
is "$(png_size "$TMP/$odd results/loss.png")" "1200 520" "there is a picture"
is "$(mpcat --text "$TMP/$odd results/asked.mp" | grep : | grep -cv '^Z')" 0 "names come from the list of such a name"
grep -qF "phonegen --seed 1 --entries 1-5 --total 32 --names '$list'" "$TMP/$odd results/report.md" ||
	grep -qF "phonegen --names '$list' --seed 1" "$TMP/$odd results/report.md"
ok $? "the report quotes it as a shell needs it"
[ -s "$TMP/$odd results/report.html" ]
ok $? "report.html is there"

# Names that begin as options, assignments of awk and commands of gnuplot do.
for out in '-n x' 'key=value' '<touch canary;' '|touch canary;'; do
	passes "OUT=$out" env OUT="$out" MODEL_DIR="$TMP/$odd results/model" INPUT="$TMP/$odd results/asked.mp" HEAD=0 \
		BUILD="$programs" pipelines/heatmap
	[ -s "./$out/report.md" ] && [ -n "$(png_size "./$out/heads.png")" ]
	ok $? "OUT=$out: results are there"
done
# awk takes backslashes in what it is given
passes "certainty: a model in a folder of such a name, which is made" "${small[@]}" OUT='a\tb\\c=x' \
	PHONEBOOK="$TMP/$odd book" pipelines/certainty
is "$(grep -c '^first_entropy_1' 'a\tb\\c=x/summary.tsv')" 4 "certainty: results are there"

# ---- numbers ----

# Every variable that a number, or a list that begins with one, is the default of.
for pipeline in "$ROOT"/pipelines/*; do
	if [ ! -f "$pipeline" ] || [ ! -x "$pipeline" ]; then continue; fi
	pipeline=$(basename "$pipeline")
	mapfile -t variables < <(grep -oE '\<[A-Z_]+=\$\{[A-Z_]+:-([0-9]|\$\(processors)' "pipelines/$pipeline" |
		cut -d = -f 1 | sort -u)
	for variable in "${variables[@]}"; do
		for value in 'a[$(touch canary)]' $'1\nsystem("touch canary")'; do
			fails 2 "^$pipeline: $variable is not a" "$pipeline: $variable=$(printf %q "$value")" \
				timeout 20 env "$variable=$value" OUT="$TMP/none" BUILD="$programs" "pipelines/$pipeline"
		done
	done
done
[ "$tap_run" -gt 80 ]
ok $? "many variables were tried"
fails 2 '^phonebook: MODEL has a quote that does not end' "a quote that does not end" \
	env MODEL="--layers '1" OUT="$TMP/none" BUILD="$programs" pipelines/phonebook
for value in /nowhere "$odd"; do
	fails 2 '^phonebook: there is no folder of programs' "BUILD that is not there" \
		env BUILD="$value" OUT="$TMP/none" pipelines/phonebook
done
mkdir "$TMP/a:b"
fails 2 '^phonebook: .* a colon' "BUILD that PATH cannot hold" env BUILD="$TMP/a:b" OUT="$TMP/none" pipelines/phonebook
[ ! -e "$TMP/none" ]
ok $? "they did not begin"
quiet "numbers and folders"

# A summary is text from a file.
export OUT=$TMP/summary
mkdir "$OUT"
printf 'loss\tsystem("touch canary")\nfine\t1e-3\n' >"$OUT/summary.tsv"
cat >pipelines/some <<'END'
. "$(dirname "$0")/lib.sh"
if holds "$1"; then echo yes; fi
END
fails 0 'not an expression of numbers' "a value that is no number" env BUILD="$programs" bash pipelines/some 'loss > 0'
is "$(BUILD=$programs bash pipelines/some 'fine < 1 && (fine > 0 || fine == 1)')" yes "and one that is"
quiet "a summary"
unset OUT

# ---- make ----

ln -s "$BUILD" build
BUILT=$BUILD
unset BUILD MAKEFLAGS MFLAGS MAKELEVEL
# made GOAL... [VARIABLE=VALUE...]: make as a user calls it, without a GPU's half
made() {
	make --no-print-directory CUDA=0 "$@"
}
# last GOAL: runs the last command that make would run for it, the one that has BUILD. Nothing is built.
last() {
	bash -c "$(made -n "$@" | sed -n '/^\(@\)\?BUILD=/,$p')"
}
passes "make in a clone of such a name" made help
OUT="$TMP/by make" MODEL_DIR="$TMP/$odd results/model" INPUT="$TMP/$odd results/asked.mp" HEAD=0 \
	passes "make pipelines/heatmap" last pipelines/heatmap
[ -s "$TMP/by make/report.md" ]
ok $? "it leaves a report"
passes "make check/NAME" last check/confint
grep -q '^Result: PASS' "$TMP/log"
ok $? "it passes"
for variable in PREFIX DESTDIR; do
	value="$TMP/it's \"a\" \`touch canary\`;touch canary; $variable"
	passes "make install $variable=..." bash -c "$(PREFIX=/usr made -n install "$variable=$value" |
		sed -n '/^install -d/,$p')"
	[ -x "$value/bin/mpcat" ] || [ -x "$value/usr/bin/mpcat" ]
	ok $? "programs are there"
done
for value in 'a b' $'a\nb' 'a;touch canary' '$(shell touch canary)' "it's" '`touch canary`' 'a#b' '-n' 'a=b'; do
	fails 2 'Makefile:.*BUILD is to be a name' "make BUILD=$(printf %q "$value")" made -n help "BUILD=$value"
	BUILD=$value fails 2 'Makefile:.*BUILD is to be a name' "BUILD=$(printf %q "$value") make" made -n help
done
for variable in PREFIX DESTDIR OUT STEPS; do
	fails 2 "Makefile:.*$variable has a dollar sign" "make $variable=\$(shell ...)" \
		made -n help "$variable=\$(shell touch canary)"
done
! made "check/a'; touch canary; '" >"$TMP/log" 2>&1 && grep -q '^make: there is no test' "$TMP/log"
ok $? "make check/NAME of such a name"
made -n deps "a'; touch canary; '" >"$TMP/log" 2>&1
quiet "make"

# ---- make clean ----

# A folder with a build in it, of files that are empty, and with files of the user.
mkdir -p mine/{obj/common/base,obj/mine,obj/tests/base,tests/base,tests/tools,gen,bench} elsewhere/kernels
touch mine/{mpcat,libmemoscope.a,pipelines.lock,gen/names.inc,bench/matmul,obj/common/base/err.{o,d}} \
	mine/{obj/common/base/gone.o,obj/tests/base/utf8.o,tests/base/utf8.t,tests/tools/mkmodel,tests/libharness.a}
own=(mine/{mpcat.c,obj/mine/a.o,obj/b.o,tests/mine.t,tests/base/mine.t} elsewhere/kernels/ops.t elsewhere/err.o)
touch "${own[@]}"
mkdir mine/tests/empty
ln -s ../../elsewhere/kernels mine/tests/kernels
ln -s ../../elsewhere mine/obj/kernels
passes "make clean BUILD=mine" made clean BUILD=mine
grep -q 'mine has other files, which stay' "$TMP/log"
ok $? "it says what stays"
is "$(find mine elsewhere \( -type f -o -empty \) | sort | paste -sd ' ')" \
	"$(printf '%s\n' "${own[@]}" mine/tests/empty | sort | paste -sd ' ')" "it removes what a build makes, and through no link"
[ -L build ] && [ -x build/mpcat ]
ok $? "and another build is left alone"
mkdir other
touch other/mpcat
fails 2 'other has no build, and nothing is removed' "a folder without a build" \
	bash -c 'make --no-print-directory CUDA=0 clean BUILD=other 2>&1 | sed -n 1p >&2; exit "${PIPESTATUS[0]}"'
[ -e other/mpcat ]
ok $? "its files stay"
mkdir -p small/obj/common
touch small/mpcat
passes "a build and nothing else" made clean BUILD=small
[ ! -e small ]
ok $? "it is gone"
passes "make clean twice" made clean BUILD=small
passes "make clean" made clean
[ ! -L build ] && [ -x "$BUILT/mpcat" ]
ok $? "it removes a link, and not what the link leads to"
quiet "make clean"

is "$(TMPDIR=/nowhere bash -c '. "$ROOT/tests/lib.sh"; echo "a test runs in $TMP"' 2>/dev/null)" \
	"Bail out! There is no folder for temporary files: set TMPDIR to one" "no test runs without a folder of its own"

done_testing
