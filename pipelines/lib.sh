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

# shellcheck source=pipelines/lib/results.sh
. pipelines/lib/results.sh
# shellcheck source=pipelines/lib/processors.sh
. pipelines/lib/processors.sh
# shellcheck source=pipelines/lib/records.sh
. pipelines/lib/records.sh
# shellcheck source=pipelines/lib/training.sh
. pipelines/lib/training.sh
# shellcheck source=pipelines/lib/directory.sh
. pipelines/lib/directory.sh
# shellcheck source=pipelines/lib/answers.sh
. pipelines/lib/answers.sh
# shellcheck source=pipelines/lib/where.sh
. pipelines/lib/where.sh
# shellcheck source=pipelines/lib/summary.sh
. pipelines/lib/summary.sh
# shellcheck source=pipelines/lib/page.sh
. pipelines/lib/page.sh
# shellcheck source=pipelines/lib/report.sh
. pipelines/lib/report.sh
