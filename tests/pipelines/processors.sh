#!/bin/bash
# processors.sh - how many processors pipelines use: trees of files as control groups have them.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$TMP" || exit 1
# shellcheck source=pipelines/lib/processors.sh
. "$ROOT/pipelines/lib/processors.sh"
nproc() { # the affinity mask
	echo 8
}

# limited WANT NAME LINE...: in the groups LINE... there are WANT processors
limited() {
	local want=$1 name=$2
	shift 2
	printf '%s\n' "$@" >groups
	is "$(set -e; processors_of groups tree)" "$want" "$name"
}

mkdir -p tree/job/step tree/other tree/cpu/batch
limited 8 "no limit" 0::/job/step
echo max 100000 >tree/job/step/cpu.max
limited 8 "version 2, max: no limit" 0::/job/step
echo 350000 100000 >tree/job/step/cpu.max
limited 3 "three and a half processors" 0::/job/step
limited 8 "of this group only" 0::/other
echo 1600000 100000 >tree/job/cpu.max
limited 3 "the group around it has more" 0::/job/step
echo 250000 100000 >tree/job/cpu.max
limited 2 "the group around it has less" 0::/job/step
echo 50000 100000 >tree/job/cpu.max
limited 1 "half a processor is one" 0::/job/step
echo 500000 100000 >tree/cpu.max
limited 5 "a container sees its own group as the root" 0::/docker/0123
limited 5 "so with a namespace of its own" 0::/
echo -1 >tree/cpu/batch/cpu.cfs_quota_us
echo 100000 >tree/cpu/batch/cpu.cfs_period_us
limited 8 "version 1, -1: no limit" 3:cpuset:/batch 2:cpu,cpuacct:/batch
echo 300000 >tree/cpu/batch/cpu.cfs_quota_us
for controllers in cpu,cpuacct cpuacct,cpu cpu; do
	limited 3 "version 1, $controllers" 3:cpuset:/batch "2:$controllers:/batch"
done
limited 8 "another controller has no such limit" 2:cpuacct,cpuset:/batch
limited 8 "lines of another form" nonsense '' :
is "$(set -e; processors_of nowhere tree)" 8 "no such file"

# Programs count the same.
unset -f nproc
is "$(set -e; processors)" "$("$BUILD/tests/tools/processors")" "as many as programs take for --threads"
cd "$ROOT" || exit 1
for pipeline in pipelines/*; do
	if [ ! -f "$pipeline" ] || [ ! -x "$pipeline" ]; then continue; fi
	if grep -n nproc "$pipeline"; then ok 1 "$pipeline: nproc does not know control groups"; fi
done
grep -q 'JOBS:-[$](processors)' pipelines/sizes && grep -q 'JOBS:-[$](processors)' pipelines/phonebook
ok $? "pipelines ask it"
done_testing
