# results.sh - the folder of results, $OUT. A pipeline empties it, so only one that a pipeline of the same
# name made, or that has nothing in it. Its file `settings`, which is written first, says which pipeline
# that was.
# shellcheck shell=bash disable=SC2154 # lib.sh sets pipeline and root

# A pipeline that runs in the folder of another one gets the name of that: see phonebook-published.
owner=${RESULTS_OF:-$pipeline}

# results NAME...: $OUT is where results go, and the variables NAME... name files or folders that are
# read. Refuses an $OUT with files that this pipeline did not make, or in which one of NAME... lies.
results() {
	local name place
	files OUT "$@"
	is_ours
	place=$(realpath -m -- "$OUT")
	for name; do
		[[ -z ${!name} || $(realpath -m -- "${!name}")/ != "$place"/* ]] ||
			refuse "$name lies in the folder of results, which is emptied first: choose another OUT than $(printf %q "$OUT")"
	done
}

# is_ours: refuses an $OUT that this pipeline must not empty
is_ours() {
	local place first='' bare=$OUT kept
	place=$(realpath -m -- "$OUT")
	for kept in "$(realpath -- "$root")" "$(realpath -m -- "${HOME:-/}")"; do
		[[ ${kept%/}/ != "${place%/}"/* ]] ||
			refuse "OUT must not be $(printf %q "$OUT"), which holds more than results: choose a folder of its own"
	done
	while [[ $bare == */ || $bare == */. ]]; do
		bare=${bare%/*}
	done
	[ ! -L "$bare" ] || refuse "OUT must not be a symbolic link: choose the folder itself, $(printf %q "$place")"
	[ -e "$OUT" ] || return 0
	[ -d "$OUT" ] || refuse "OUT must be a folder, and $(printf %q "$OUT") is none: choose another one"
	[ -n "$(find "$OUT" -mindepth 1 -maxdepth 1 -print -quit 2>&1)" ] || return 0
	if [ -f "$OUT/settings" ] && [ ! -L "$OUT/settings" ]; then
		IFS= read -r first <"$OUT/settings" || true
	fi
	[ "$first" = "pipeline $owner" ] ||
		refuse "$(printf %q "$OUT") has files that $owner did not make: choose another OUT, or remove that folder yourself"
}

# made NAME FOLDER: the results of the pipeline NAME. If FOLDER holds no report, which is written
# last, the pipeline runs.
made() {
	[ -e "$2/report.md" ] || RESULTS_OF='' OUT=$2 "pipelines/$1"
}

# fresh: an empty folder $OUT for results, but for the file `settings`
fresh() {
	is_ours
	has_markdown || say "there will be no report.html: let make deps install cmark-gfm"
	mkdir -p "$OUT"
	# It is there before anything else goes: a run that is killed here leaves no half of the results to go
	# on from, and no folder that the next run does not know.
	printf 'pipeline %s\n' "$owner" >"$OUT/settings"
	find "$OUT" -mindepth 1 -maxdepth 1 ! -name settings -exec rm -rf {} +
}

# scripts: all that this pipeline is made of, but for what its report looks like
scripts() {
	local file
	for file in "$0" "pipelines/$pipeline".*.{sh,awk} pipelines/lib/*.{sh,awk}; do
		[ ! -f "$file" ] || cat "$file"
	done
}

# begin NAME...: a folder $OUT for results. It keeps what a stopped run left there, to go on
# from, if that was a run of the same scripts with the same values of the variables NAME...
# Anything else there is removed.
begin() {
	local name settings
	is_ours
	settings=$(echo "pipeline $owner" && scripts | cksum && for name; do echo "$name=${!name}"; done)
	if [ -e "$OUT/report.md" ] || [ "$(cat "$OUT/settings" 2>/dev/null)" != "$settings" ]; then
		fresh
		printf '%s\n' "$settings" >"$OUT/settings"
	fi
}

# keep NAME...: a folder $OUT for results to which later runs add: what is there stays. Refuses other values of the
# variables NAME..., in one line each, than those that it was begun with.
keep() {
	local name was
	is_ours
	mkdir -p "$OUT"
	[ -e "$OUT/settings" ] || printf 'pipeline %s\n' "$owner" >"$OUT/settings"
	for name; do
		if was=$(grep -m 1 "^$name=" "$OUT/settings"); then
			[ "$was" = "$name=${!name}" ] ||
				refuse "$(printf %q "$OUT") was begun with another ${name//_/ }: choose another folder of results, or remove that one yourself"
		else
			printf '%s=%s\n' "$name" "${!name}" >>"$OUT/settings"
		fi
	done
}
