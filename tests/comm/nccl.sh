#!/bin/bash
# nccl.sh - GPUs of several processes joined by NCCL, under each MPI that is here: the same bits as by
# MPI alone. GPUs, their memory and NCCL are what tests/kernels/shim and tests/comm/nccl have in their
# place.
# shellcheck source=tests/comm/lib.sh
. "$(dirname "$0")/lib.sh"
if [ ! -f "$BUILD/tests/comm-nccl.so" ]; then
	echo '1..0 # SKIP there is no header of NCCL, or none of CUDA'
	exit 0
fi
export MEMOSCOPE_CUDA=$BUILD/tests/kernels-shim.so MEMOSCOPE_NCCL=$BUILD/tests/comm-nccl.so MEMOSCOPE_SHIM_GPUS=3

phonegen --count 300 --entries 1 --seed 1 | tokenize | shard --val 0.1 -o data
net=(data/train-0000.mp --val data/val.mp --layers 1 --heads 2 --width 8 --context 128 --batch 3 --warmup 0
	--log-every 1 --eval-every 2 --steps 2 --dtype f32 --optimizer muon --device cuda)

for mpi in "${mpis[@]}"; do
	for count in 2 3; do
		ranks $count gpt-train -o host "${net[@]}" --metrics host.mp --comm mpi --overwrite 2>said
		is "$? $(speech said | grep -c 'gradients go through the host.s memory')" "0 1" \
			"$mpi: $count processes, whose gradients go through the host's memory"
		MEMOSCOPE_MPI_DEVICE_MEMORY=1 ranks $count gpt-train -o device "${net[@]}" --metrics device.mp --overwrite 2>said
		is "$? $(same host device)$(speech said | grep 'gradients go')" "0 " "$mpi: or from GPU to GPU by MPI, with the same bits"
		ranks $count gpt-train -o nccl "${net[@]}" --metrics nccl.mp --comm nccl --overwrite 2>said
		is "$? $(same host nccl)$(speech said | grep 'gradients go')" "0 " "$mpi: or by NCCL"
		[[ $(speech said) =~ "$count processes joined by "[MO].*" and NCCL 2.28.9, each on the GPU" ]]
		ok $? "$mpi: which is said"
		ranks $count gpt-train -o nccl "${net[@]}" --steps 3 --resume --quiet --metrics nccl.mp --comm nccl 2>said
		have=$?
		ranks $count gpt-train -o host "${net[@]}" --steps 3 --resume --quiet --metrics host.mp 2>/dev/null
		is "$have $(differences host nccl)$(speech said)" "0 " "$mpi: and a state goes on by NCCL"
	done

	# ---- what cannot be done ----
	MEMOSCOPE_SHIM_GPUS=2 ranks 3 gpt-train -o bad "${net[@]}" --comm nccl >/dev/null 2>said
	refused 2 '^gpt-train: --comm nccl: 3 processes share 2 GPUs, expected one for each' "more processes than GPUs"
	ranks 2 gpt-train -o bad "${net[@]}" --device cpu --threads 1 --comm nccl >/dev/null 2>said
	refused 2 '^gpt-train: --comm nccl: NCCL joins GPUs, but 2 of 2 processes compute on the CPU' "no GPU"
	ranks 1 gpt-train -o bad "${net[@]}" --comm nccl : -n 1 gpt-train -o bad "${net[@]}" --device cpu --threads 1 --comm nccl \
		>/dev/null 2>said
	refused 2 '^gpt-train: --comm nccl: NCCL joins GPUs, but 1 of 2 processes computes on the CPU' "one has none"
	MEMOSCOPE_NCCL=/dev/null ranks 2 gpt-train -o bad "${net[@]}" --comm nccl >/dev/null 2>said
	refused 2 '^gpt-train: /dev/null cannot be used: ' "an object that is none"
	MEMOSCOPE_NCCL=$BUILD/tests/comm-mpi.$mpi.so ranks 2 gpt-train -o bad "${net[@]}" --comm nccl >/dev/null 2>said
	refused 2 'comm-mpi.* cannot be used: .*comm_nccl' "or another one"
	[ ! -e bad ]
	ok $? "$mpi: nothing is made then"

	# ---- NCCL that fails ----
	for when in init late; do
		STAND_IN_NCCL=$when,1 ranks 2 gpt-train -o bad "${net[@]}" --comm nccl --overwrite >/dev/null 2>said
		have=$?
		sed -i '/^gpt-train: [^r]/d' said # what is said before
		(exit $have)
		refused 1 '^gpt-train: rank 1: NCCL failed: .*(system|internal) error; NCCL_DEBUG=WARN' "$when: one line names who cannot, and all end"
	done
	rm -rf bad
done

# ---- without MPI, without NCCL ----
mpi=none
export MEMOSCOPE_MPI=$BUILD/tests/comm-mpi.${mpis[0]}.so
gpt-train -o alone "${net[@]}" --quiet >alone.mp 2>said
gpt-train -o none "${net[@]}" --quiet --comm nccl >none.mp 2>>said
is "$? $(cat said)$(same alone none)" "0 " "a process alone sends nothing"
fails 2 '^gpt-train: there is no /nowhere, so GPUs cannot be joined by NCCL: this memoscope was built without it' "without NCCL" \
	env MEMOSCOPE_NCCL=/nowhere gpt-train -o bad "${net[@]}" --comm nccl
fails 2 '^gpt-train: there is no /nowhere, so processes cannot be joined' "without MPI" \
	env MEMOSCOPE_MPI=/nowhere gpt-train -o bad "${net[@]}" --comm nccl
fails 2 "^gpt-train: MEMOSCOPE_MPI_DEVICE_MEMORY 'yes' is not known, expected 0 or 1$" \
	"neither yes nor no" env MEMOSCOPE_MPI_DEVICE_MEMORY=yes gpt-train -o bad "${net[@]}" --comm mpi

done_testing
