# lib.sh - what all pipelines share. pipelines/NAME sources it first.
#
# After that the script is in the root of the repository, finds the programs of $BUILD
# first, and ends at the first command that fails, with a message that says at which
# stage. The functions are in pipelines/lib, by subject.
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

# made FOLDER: the results of the pipeline of that name. If FOLDER holds no report, which is
# written last, the pipeline runs.
made() {
	[ -e "$1/report.md" ] || OUT=$1 "pipelines/$(basename "$1")"
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
