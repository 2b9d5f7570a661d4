# lib.sh - what all pipelines share. pipelines/NAME sources it first.
#
# After that the script is in the root of the repository, finds the programs of $BUILD
# first, and ends at the first command that fails, with a message that says at which
# stage. The functions are in pipelines/lib, by subject.
# shellcheck shell=bash
set -euo pipefail
unset CDPATH
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C.UTF-8
pipeline=$(basename "$0")
# shellcheck source=pipelines/lib/settings.sh
. pipelines/lib/settings.sh
BUILD=${BUILD:-build}
files BUILD
root=$PWD
cd "$BUILD" 2>/dev/null || refuse "there is no folder of programs $(printf %q "$BUILD"): make builds them, BUILD names it"
BUILD=$PWD
cd "$root"
[[ $BUILD != *:* ]] || refuse "the folder of the programs has a colon in its name, which PATH cannot hold: $(printf %q "$BUILD")"
export BUILD
export PATH=$BUILD:$PATH
stage=starting
trap '[ $? -eq 0 ] || echo "$pipeline: failed while $stage" >&2' EXIT

# say STAGE...: what is done next, on stderr
say() {
	stage=$*
	printf '%s: %s\n' "$pipeline" "$stage" >&2
}

# made NAME FOLDER: the results of the pipeline NAME. If FOLDER holds no report, which is written
# last, the pipeline runs.
made() {
	[ -e "$2/report.md" ] || OUT=$2 "pipelines/$1"
}

# fresh: an empty folder $OUT for results
fresh() {
	rm -rf "$OUT"
	mkdir -p "$OUT"
}

# begin NAME...: a folder $OUT for results. It keeps what a stopped run left there, to go on
# from, if that was a run of the same script with the same values of the variables NAME...
# Anything else there is removed.
begin() {
	local name settings
	settings=$(cksum <"$0" && for name; do echo "$name=${!name}"; done)
	if [ -e "$OUT/report.md" ] || [ "$(cat "$OUT/settings" 2>/dev/null)" != "$settings" ]; then
		fresh
		printf '%s\n' "$settings" >"$OUT/settings"
	fi
}

# shellcheck source=pipelines/lib/records.sh
. pipelines/lib/records.sh
# shellcheck source=pipelines/lib/training.sh
. pipelines/lib/training.sh
# shellcheck source=pipelines/lib/answers.sh
. pipelines/lib/answers.sh
# shellcheck source=pipelines/lib/summary.sh
. pipelines/lib/summary.sh
# shellcheck source=pipelines/lib/report.sh
. pipelines/lib/report.sh
