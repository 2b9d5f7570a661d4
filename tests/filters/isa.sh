#!/bin/bash
# isa.sh - MEMOSCOPE_ISA: the level of the instruction set is the user's to choose, and what cannot
# be is refused by every program that computes.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$TMP" || exit 1
unset MEMOSCOPE_ISA

phonegen --count 8 --seed 1 --entries 1-2 >text.mp
tokenize <text.mp >tokens.mp
net=(--layers 1 --heads 2 --width 8 --batch 4 --steps 2 --threads 1 --quiet)
gpt-train -o model "${net[@]}" --dtype f32 tokens.mp >metrics.mp
runs=("gpt-train -o none --overwrite ${net[*]} tokens.mp" "gpt-sample model --from answer --max-tokens 5 text.mp"
	"gpt-score model --from answer text.mp" "attn-dump model text.mp" "head-score model")

if [ "$(uname -m)" = x86_64 ]; then
	names='v2, v3 or v4' least=v2
else
	names=native least=native
fi
for run in "${runs[@]}"; do
	program=${run%% *}
	# shellcheck disable=SC2086 # a command in words
	for device in '' '--device cpu'; do
		MEMOSCOPE_ISA=v9 fails 2 "^$program: MEMOSCOPE_ISA=v9 is not known, expected $names\$" \
			"$program $device: an unknown level" $run $device
	done
	[ ! -s stdout ]
	ok $? "$program writes nothing then"
	# shellcheck disable=SC2086
	MEMOSCOPE_ISA='' $run >default 2>"$program.said"
	ok $? "$program: an empty level is none"
	# shellcheck disable=SC2086
	MEMOSCOPE_ISA=$least $run >lowest 2>>"$program.said"
	ok $? "$program runs at $least"
	rm -rf none
done
MEMOSCOPE_ISA=$'v3\nv4' fails 2 'MEMOSCOPE_ISA=v3..v4 is not known' "a level of two lines is told in one" \
	head-score model
MEMOSCOPE_ISA=v9 gpt-train --help >help 2>&1
ok $? "help needs no processor"

# ---- levels of x86-64 ----

if [ "$(uname -m)" = x86_64 ]; then
	MEMOSCOPE_ISA=native fails 2 'MEMOSCOPE_ISA=native is not known' "x86-64 has no native level" \
		head-score model
	MEMOSCOPE_ISA=v2 fails 2 'no bf16 matrix products, expected f32$' "no bfloat16 at v2" \
		gpt-train -o none "${net[@]}" tokens.mp --dtype bf16
	MEMOSCOPE_ISA=v2 gpt-train -o v2 "${net[@]}" tokens.mp --dtype auto >metrics.mp
	grep -aq '"dtype":"f32"' v2/last/training.safetensors
	ok $? "--dtype auto at v2 is f32"
fi

# Processors that this machine is not, by QEMU, where that is installed. An instruction that such a
# processor does not have ends the program. Sanitizers do not run there.
qemu() {
	local processor=$1 program
	program=$(command -v "$2")
	shift 2
	qemu-x86_64 -cpu "$processor" "$program" "$@"
}

if [ "$(uname -m)" = x86_64 ] && command -v qemu-x86_64 >/dev/null &&
	! nm "$(command -v head-score)" 2>/dev/null | grep -q __asan_init; then
	fails 2 '^head-score: this processor is too old: x86-64-v2 \(SSE 4.2\) is the least$' \
		"a processor below v2" qemu core2duo head-score model
	MEMOSCOPE_ISA=v3 fails 2 'MEMOSCOPE_ISA=v3: this processor has no more than v2' \
		"v3 on a processor of v2" qemu Nehalem head-score model
	qemu Nehalem gpt-train -o qemu2 "${net[@]}" tokens.mp >metrics.mp
	ok $? "a processor of v2 computes"
	if MEMOSCOPE_ISA=v3 qemu max,-avx512f head-score model --sequences 2 >here; then # QEMU 7.2 or later
		MEMOSCOPE_ISA=v4 fails 2 'MEMOSCOPE_ISA=v4: this processor has no more than v3' \
			"v4 on a processor of v3" qemu max,-avx512f head-score model
		qemu max,-avx512f gpt-train -o qemu3 "${net[@]}" tokens.mp >metrics.mp
		ok $? "a processor of v3 computes"
	fi
fi

done_testing
