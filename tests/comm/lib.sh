# shellcheck shell=bash
# lib.sh - for tests of gpt-train in several processes: the MPIs that are here, in $mpis, and what runs
# under the one that $mpi names.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
if grep -q __asan_init "$BUILD/gpt-train"; then
	echo '1..0 # SKIP an MPI keeps memory, which a sanitizer takes for a leak'
	exit 0
fi
# Each MPI of Debian has names of its own, so that several can be there.
mpis=()
for mpi in openmpi mpich; do
	command -v "mpirun.$mpi" >/dev/null && [ -f "$BUILD/tests/comm-mpi.$mpi.so" ] && mpis+=("$mpi")
done
if [ ${#mpis[@]} -eq 0 ]; then
	echo '1..0 # SKIP there is no MPI: neither mpirun.openmpi nor mpirun.mpich, with its mpicc'
	exit 0
fi
# Open MPI: more processes than processors, also in a container, whose user is root
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
cd "$TMP" || exit 1

# ranks N COMMAND...: in N processes, under $mpi
ranks() {
	local count=$1
	shift
	MEMOSCOPE_MPI=$BUILD/tests/comm-mpi.$mpi.so "mpirun.$mpi" -n "$count" "$@"
}

# state FILE: what is in a state, but for the seconds
state() {
	local size
	size=$(od -An -t u8 -N 8 "$1")
	tail -c +$((9 + size)) "$1" | sha256sum
	tail -c +9 "$1" | head -c "$size" | jq -S '.__metadata__ | del(.seconds, .xxh3)'
}

# numbers FILE: the metrics that do not depend on time
numbers() {
	mpcat --json "$1" | jq -c '[.step, .loss, .grad_norm, .lr, .val]'
}

# differences A B: what differs between the files of two runs
differences() {
	local file
	for file in $(cd "$1" && find . -name '*.safetensors' ! -name 'training*'; echo ./config.json); do
		cmp "$1/$file" "$2/$file"
	done
	diff <(cd "$1" && find . -type f | sort) <(cd "$2" && find . -type f | sort)
	diff <(state "$1/last/training.safetensors") <(state "$2/last/training.safetensors")
}

# same A B: the same, with their metrics, A.mp and B.mp
same() {
	differences "$1" "$2"
	diff <(numbers "$1.mp") <(numbers "$2.mp")
}

# speech FILE: what gpt-train said in it, without what launchers say
speech() {
	grep '^gpt-train: ' "$1"
}

# refused STATUS PATTERN NAME: what ran last ended with this status, as $?, and gpt-train said one line
refused() {
	local have=$? lines
	lines=$(speech said | wc -l)
	[ $have -eq "$1" ] && [ "$lines" -eq 1 ] && speech said | grep -Eq -- "$2"
	ok $? "$mpi: $3"
	{ [ $have -eq "$1" ] && [ "$lines" -eq 1 ] && speech said | grep -Eq -- "$2"; } || sed "s/^/# $have: /" said
}
