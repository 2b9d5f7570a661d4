#!/bin/bash
# results.sh - the folder of results: what a stopped run left is kept, what a pipeline made is removed, and
# nothing else is.
# shellcheck source=tests/lib.sh disable=SC2016 # pipelines run what stands in single quotes
. "$(dirname "$0")/../lib.sh"
clone=$TMP/clone # a pipeline that takes the source for its results removes this
mkdir "$clone" "$TMP/home"
cp -r "$ROOT/pipelines" "$clone"
ln -s "$ROOT/testdata" "$clone/testdata"
export HOME=$TMP/home OUT=$TMP/out
unset RESULTS_OF
cd "$TMP" || exit 1

# write LINE...: pipelines/some runs these lines after lib.sh
write() {
	printf '%s\n' '. "$(dirname "$0")/lib.sh"' "$@" >"$clone/pipelines/some"
}

# script LINE...: runs them
script() {
	write "$@"
	bash "$clone/pipelines/some"
}

# holds_of FOLDER: its files, in a line
holds_of() {
	(cd "$1" && find . -mindepth 1 | sort | paste -sd ' ')
}

# ---- what is kept ----

# kept SETTING: does the folder keep what a run with SETTING finds there?
kept() {
	script "setting=$1" 'begin setting' '[ -e "$OUT/model" ] && echo kept || : >"$OUT/model"'
}
kept a >first
is "$(cat first)$(kept a)" kept "begin: a run that was stopped goes on"
is "$(kept b)" "" "begin: with another setting it starts again"
for file in some.measure.sh some.steps.awk lib/more.sh; do
	kept b >/dev/null
	echo >>"$clone/pipelines/$file"
	is "$(kept b)" "" "begin: and with another $file"
done
is "$(kept b)" kept "begin: and goes on from there"
: >"$OUT/report.md"
is "$(kept b)" "" "begin: so it does after its end"
mkdir "$OUT/folder"
ln -s "$clone" "$OUT/link"
script fresh
is "$(holds_of "$OUT") $(cat "$OUT/settings")" "./settings pipeline some" "fresh: an empty folder, but for the name of the pipeline"
[ -e "$clone/pipelines/lib.sh" ]
ok $? "a link in it is not followed"
mkdir empty
OUT=$TMP/empty script fresh
is "$(holds_of empty)" ./settings "fresh: a folder that was empty"

# A run that is killed while it removes: the next one knows the folder, and does not go on from half of it.
kept b >/dev/null
: >"$OUT/report.md"
script 'find() { rm "$OUT/report.md"; kill -9 $$; }' 'is_ours() { :; }' 'setting=b' 'begin setting' 2>killed
[ -e "$OUT/model" ]
ok $? "a half is there"
is "$(kept b)" "" "begin: not from what a killed removal left"

# ---- what is refused ----

write 'results; fresh'
mkdir notes
echo mine >notes/thesis
refused() {
	local name=$1 out=$2 pattern=$3
	OUT=$out fails 2 "^some: $pattern" "$name" bash "$clone/pipelines/some"
}
refused "a folder with other files" "$TMP/notes" '.*notes has files that some did not make: choose another OUT, or remove'
printf 'pipeline other\n' >notes/settings
refused "results of another pipeline" "$TMP/notes" '.*notes has files that some did not make'
rm notes/settings
ln -s "$OUT/settings" notes/settings
refused "a mark that is a link" "$TMP/notes" '.*notes has files that some did not make'
refused "a file" "$TMP/notes/thesis" 'OUT must be a folder'
ln -s out link
for name in link link/ link/. link//; do
	refused "a symbolic link, $name" "$TMP/$name" "OUT must not be a symbolic link: choose the folder itself, $TMP/out"
done
ln -s nowhere broken
refused "a link to nothing" "$TMP/broken" 'OUT must not be a symbolic link'
is "$(cat notes/thesis)" mine "the files are still there"

# Nothing is removed here, whatever `results` says. A mark does not help.
write results
for name in "$HOME" "$clone" "$TMP"; do
	printf 'pipeline some\n' >"$name/settings"
done
for name in / // "$HOME" "$HOME/" "$TMP/notes/../home" "$TMP" . ./ .. "$clone"; do
	refused "OUT=$name" "$name" 'OUT must not be .*, which holds more than results: choose a folder of its own'
done
unset HOME
refused "OUT=/ without a home" / 'OUT must not be'
is "$(OUT=$TMP/new bash "$clone/pipelines/some" 2>&1)" "" "another folder is not"
export HOME=$TMP/home

# What is read does not lie in what is emptied.
write 'results QUIZ; fresh'
echo '{}' >"$OUT/my quiz"
for name in "$OUT/my quiz" "$OUT/../out/my quiz"; do
	QUIZ=$name refused "a file to read in the folder" "$OUT" 'QUIZ lies in the folder of results'
done
[ -e "$OUT/my quiz" ]
ok $? "it is still there"
QUIZ='' bash "$clone/pipelines/some"
is "$(holds_of "$OUT")" ./settings "a name that is not set lies nowhere"

# ---- every pipeline ----

count=0
for pipeline in "$ROOT"/pipelines/*; do
	if [ ! -f "$pipeline" ] || [ ! -x "$pipeline" ]; then continue; fi
	name=$(basename "$pipeline")
	rm -f notes/settings
	fails 2 "^$name: .*notes has files that $name did not make" "$name: refuses a folder of other files" \
		env OUT="$TMP/notes" PHONEBOOK="$TMP/none" PUBLISHED="$TMP/none" FACTS="$TMP/none" timeout 20 "$clone/pipelines/$name"
	is "$(cat notes/thesis)" mine "$name: it is as it was"
	count=$((count + 1))
done
[ "$count" -gt 10 ]
ok $? "there are pipelines"
[ ! -e none ]
ok $? "none of them began"
done_testing
