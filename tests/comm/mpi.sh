#!/bin/bash
# mpi.sh - gpt-train in several processes, under each MPI that is here: what they write is what as many
# threads of one process write, to the bit; whatever ends one of them ends all.
# shellcheck source=tests/comm/lib.sh
. "$(dirname "$0")/lib.sh"

phonegen --count 300 --entries 1 --seed 1 | tokenize | shard --val 0.1 -o data
mpcat --header data/val.mp | jq .vocab >vocab
phonegen --count 270 --entries 1 --seed 2 | tokenize --vocab vocab >other.mp
net=(data/train-0000.mp --val data/val.mp --layers 2 --heads 2 --width 16 --context 128 --batch 8 --warmup 0
	--log-every 1 --eval-every 5 --steps 10)

gpt-train -o four "${net[@]}" --threads 4 --quiet >four.mp
gpt-train -o three "${net[@]}" --threads 3 --quiet --optimizer muon --dropout 0.1 --dtype f32 --checkpoint-every 4 >three.mp
cp -r four long
gpt-train -o long "${net[@]}" --threads 4 --quiet --resume --steps 14 >/dev/null

for mpi in "${mpis[@]}"; do
	is "$(ranks 2 "$BUILD/tests/tools/handover" 2>said)" 'whole' "$mpi: what was begun moves on while nobody waits"

	# ---- the same bits ----
	ranks 4 gpt-train -o one "${net[@]}" --threads 1 --metrics one.mp 2>said
	is "$? $(same four one)" "0 " "$mpi: 4 processes of one thread write what 4 threads write"
	is "$(speech said | grep -c 'processes joined by')" 1 "$mpi: one of them speaks"
	[[ $(speech said) =~ rank\ 0\ is\ [0-9]+,\ .*rank\ 3\ is\ [0-9]+ ]]
	ok $? "$mpi: and says which process has which rank"
	ranks 3 gpt-train -o muon "${net[@]}" --threads 1 --quiet --optimizer muon --dropout 0.1 --dtype f32 \
		--checkpoint-every 4 --metrics muon.mp 2>said
	is "$? $(same three muon)$(speech said)" "0 " "$mpi: Muon, dropout and checkpoints"
	ranks 2 gpt-train -o two "${net[@]}" --threads 2 --metrics two.mp --quiet 2>said
	is "$? $(same four two)$(speech said)" "0 " "$mpi: so do 2 processes of two threads"
	ranks 2 gpt-train -o one "${net[@]}" --threads 2 --resume --steps 14 --metrics one.mp --quiet 2>said
	is "$? $(differences long one)$(speech said)" "0 " "$mpi: a state goes on in another number of processes"

	# ---- memory of a device's own: the GPU's kernels, on the machine of tests/kernels/shim ----
	small=("${net[@]}" --layers 1 --width 8 --batch 4 --steps 3 --dtype f32 --optimizer muon)
	MEMOSCOPE_CUDA=$BUILD/tests/kernels-shim.so ranks 2 gpt-train -o gpu "${small[@]}" --device cuda --metrics gpu.mp 2>said
	is "$? $(speech said | grep -c ": 2 processes share 1 GPU$")" "0 1" "$mpi: a device of its own"
	gpt-train -o cpu "${small[@]}" --threads 2 --overwrite --quiet >cpu.mp
	is "$(paste <(mpcat --tsv=loss,grad_norm gpu.mp) <(mpcat --tsv=loss,grad_norm cpu.mp) | awk '
		NR > 1 && $1 != "" && ($1 - $3) ^ 2 < 1e-8 && ($2 / $4 - 1) ^ 2 < 1e-8 { alike++ } END { print alike }')" 3 \
		"$mpi: the losses of two threads, but for rounding"

	# ---- ranks that disagree ----
	ranks 1 gpt-train -o bad "${net[@]}" --threads 1 : -n 1 gpt-train -o bad "${net[@]}" --threads 1 --lr 2e-3 >/dev/null 2>said
	refused 2 'rank 1: lr is 0.002, but 0.001 on rank 0' "another option"
	ranks 1 gpt-train -o bad "${net[@]}" --threads 1 : -n 1 gpt-train -o bad "${net[@]}" --threads 2 >/dev/null 2>said
	refused 2 'rank 1: threads is 2, but 1 on rank 0' "another number of threads"
	ranks 1 gpt-train -o bad "${net[@]}" --threads 1 : -n 1 gpt-train -o bad other.mp "${net[@]:1}" --threads 1 >/dev/null 2>said
	refused 2 'rank 1: data is [0-9a-f]{16}, but [0-9a-f]{16} on rank 0' "other data"
	[ ! -e bad ]
	ok $? "$mpi: nothing is made then"
	ranks 1 gpt-train -o one "${net[@]}" --threads 1 --overwrite : -n 1 gpt-train -o one "${net[@]}" --threads 1 --resume \
		>/dev/null 2>said
	refused 2 'rank 1: begins is resume, but overwrite on rank 0' "one is to resume"
	[ -f one/last/training.safetensors ]
	ok $? "$mpi: and the earlier run is still there"
	cp -r one stale
	gpt-train -o stale "${net[@]}" --threads 2 --resume --steps 15 --quiet >/dev/null 2>&1
	ranks 1 gpt-train -o one "${net[@]}" --threads 1 --resume --steps 20 --quiet : -n 1 gpt-train -o stale "${net[@]}" --threads 1 \
		--resume --steps 20 --quiet >/dev/null 2>said
	refused 2 'rank 1: (step|state) is .*, but .* on rank 0' "another state"
	rm -rf stale

	ranks 1 gpt-train -o one "${net[@]}" --threads 1 --resume --steps 20 : -n 1 gpt-train -o gone "${net[@]}" --threads 1 --resume \
		--steps 20 >/dev/null 2>said
	refused 1 'rank 1: gone/last: there is no such directory here' "the directory to resume from is missing on one host"
	ranks 2 gpt-train -o gone "${net[@]}" --threads 1 --resume >/dev/null 2>said
	refused 1 'gone/last: there is no such directory' "or on all"

	# ---- what cannot be done ----
	ranks 1 gpt-train -o bad "${net[@]}" --threads 1 : -n 1 gpt-train -o bad gone.mp "${net[@]:1}" --threads 1 >/dev/null 2>said
	refused 1 'rank 1: gone.mp: cannot open' "a shard that one process has not"
	ranks 2 gpt-train -o bad gone.mp "${net[@]:1}" --threads 1 >/dev/null 2>said
	refused 1 '^gpt-train: gone.mp: cannot open' "or none has"
	ranks 2 gpt-train -o bad "${net[@]:1}" --threads 1 <data/train-0000.mp >/dev/null 2>said
	refused 2 'standard input has one reader' "the standard input"
	ranks 2 gpt-train -o bad data/train-0000.mp - "${net[@]:1}" --threads 1 <other.mp >/dev/null 2>said
	refused 2 'standard input has one reader' "the standard input beside a file"
	ranks 2 gpt-train -o bad data/train-0000.mp --val - --threads 1 <other.mp >/dev/null 2>said
	refused 2 'standard input has one reader' "the standard input to validate on"
	ranks 2 gpt-train -o bad "${net[@]}" --bad >/dev/null 2>said
	refused 2 '^gpt-train: --bad: no such option; --help lists them$' "an option that is none"
	ranks 1 gpt-train -o bad "${net[@]}" --threads 1 : -n 1 gpt-train -o bad "${net[@]}" --threads x >/dev/null 2>said
	refused 2 "^gpt-train: rank 1: --threads: 'x' is not an integer" "an option that one process has wrong"
	ranks 1 gpt-train -o bad "${net[@]}" --threads 1 : -n 1 env MEMOSCOPE_MPI=/nowhere gpt-train -o bad "${net[@]}" \
		>/dev/null 2>said
	refused 2 '^gpt-train: there is no /nowhere' "one host has no MPI"
	ranks 3 gpt-train -o bad "${net[@]}" --threads 1 --batch 2 >/dev/null 2>said
	refused 2 '^gpt-train: --batch 2: expected at least one sequence for each of the 3 processes' \
		"more processes than records in a batch"
	ranks 2 gpt-train -o one "${net[@]}" --threads 1 >/dev/null 2>said
	refused 2 'holds .* already' "a directory that holds a run"
	ranks 2 gpt-train -o full "${net[@]}" --threads 1 --quiet --metrics /dev/full 2>said
	refused 1 '' "a full disk"
	cp data/train-0000.mp cut.mp
	ranks 1 gpt-train -o cut "${net[@]}" --threads 1 --steps 1000000 --log-every 100000 --eval-every 100 : -n 1 gpt-train -o cut \
		cut.mp "${net[@]:1}" --threads 1 --steps 1000000 --log-every 100000 --eval-every 100 >/dev/null 2>all &
	process=$!
	for ((i = 0; i < 1200; i++)); do
		[ -f cut/last/memoscope.json ] && break
		sleep 0.05
	done
	: >cut.mp
	wait $process
	status=$?
	grep 'cut.mp' all >said
	(exit $status)
	refused 1 '^gpt-train: rank 1: cut.mp: .*cannot be read any more' "a file that one process cannot read any more"
	for other in openmpi mpich; do
		if [ $other = "$mpi" ] || [ ! -f "$BUILD/tests/comm-mpi.$other.so" ]; then continue; fi
		MEMOSCOPE_MPI=$BUILD/tests/comm-mpi.$other.so "mpirun.$mpi" -n 2 gpt-train -o bad "${net[@]}" >/dev/null 2>said
		is "$? $(speech said | sort -u | grep -o 'finds one process: .* of that MPI')" "2 finds one process: start it by the mpirun of that MPI" \
			"$mpi: the object of another MPI"
	done

	# ---- an end before the end ----
	# begin DIR PROCESSES: begins $process in the background, and waits for its first save. It says little: an
	# mpirun of Open MPI that ends its processes no longer reads what they say, and the pipe would be full.
	begin() {
		local i
		set -m # else it ignores SIGINT
		MEMOSCOPE_MPI=$BUILD/tests/comm-mpi.$mpi.so "mpirun.$mpi" -n "$2" gpt-train -o "$1" "${net[@]}" \
			--threads $((4 / $2)) --steps 1000000 --log-every 100000 --eval-every 500 >/dev/null 2>said &
		process=$!
		set +m
		for ((i = 0; i < 1200; i++)); do
			[ -f "$1/last/memoscope.json" ] && break
			sleep 0.05
		done
	}
	# of_rank N: the process of this rank
	of_rank() {
		speech said | grep -o "rank $1 is [0-9]*" | head -n 1 | grep -o '[0-9]*$'
	}
	# lives PROCESS: says so, if it still does after a while
	lives() {
		local i
		for ((i = 0; i < 100; i++)); do
			grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null || return
			sleep 0.1
		done
		echo "$1 lives"
	}
	# resumes DIR: with ranks and with threads, from where it was saved, to the same bits
	resumes() {
		local steps
		steps=$(jq .training.step "$1/last/memoscope.json")
		rm -rf copy
		cp -r "$1" copy
		ranks 4 gpt-train -o "$1" "${net[@]}" --threads 1 --resume --steps $((steps + 3)) --quiet >/dev/null 2>&1 || echo "ends with $?"
		gpt-train -o copy "${net[@]}" --threads 4 --resume --steps $((steps + 3)) --quiet >/dev/null 2>&1
		cmp "$1/last/model.safetensors" copy/last/model.safetensors
		diff <(state "$1/last/training.safetensors") <(state copy/last/training.safetensors)
	}
	for rank in 0 2; do
		# MPICH's transport, UCX, reads the memory of other processes. If it fails to, because that process is
		# dying, it ends all, now and then before the death itself can be seen. Then the line names another rank.
		for ((try = 0; try < 4; try++)); do
			rm -rf dies
			begin dies 4
			began=$SECONDS
			victim=$(of_rank $rank)
			kill -KILL "$victim"
			wait $process
			status=$?
			if [ "$mpi" = openmpi ] || speech said | grep -q "rank $rank, process $victim on .*, died"; then break; fi
		done
		[ $status -ne 0 ] && [ $((SECONDS - began)) -le 30 ]
		ok $? "$mpi: rank $rank is killed, and all end"
		is "$(speech said | grep -c ' died, so ') $(speech said | grep -o "rank $rank, process $victim on .*, died")" \
			"1 rank $rank, process $victim on $(uname -n), died" "$mpi: one line names it"
		is "$(for i in 0 1 2 3; do lives "$(of_rank $i)"; done)" "" "$mpi: none of them lives"
		is "$(resumes dies)" "" "$mpi: the last state goes on"
	done
	export OMPI_MCA_odls_base_sigkill_timeout=4 # seconds to save in; a slow machine may need more than 1
	for signal in INT TERM; do
		rm -rf stops
		begin stops 2
		kill -$signal $process
		wait $process
		is "$(speech said | grep -c 'interrupted at step [0-9]* and saved')" 1 "$mpi: SIG$signal to mpirun: one line says that the run is saved"
		is "$(jq .training.step stops/last/memoscope.json)" \
			"$(speech said | grep -o 'interrupted at step [0-9]*' | grep -o '[0-9]*')" "$mpi: at that step"
		is "$(resumes stops)" "" "$mpi: and it goes on"
	done
	rm -rf stops
	begin stops 4
	kill -TERM "$(of_rank 3)"
	wait $process
	is "$? $(speech said | grep -c 'interrupted at step [0-9]* and saved')" "0 1" "$mpi: a signal to one process ends all, saved"
	unset OMPI_MCA_odls_base_sigkill_timeout
	rm -rf gpu one two muon dies stops full bad cut
done

# ---- without MPI ----
mpi=none
MEMOSCOPE_MPI=/nowhere gpt-train -o alone "${net[@]}" --threads 4 --quiet >alone.mp 2>said
is "$? $(cat said)$(same four alone)" "0 " "a process alone needs no MPI"
MEMOSCOPE_MPI=/nowhere OMPI_COMM_WORLD_SIZE=2 gpt-train -o none "${net[@]}" --threads 4 --quiet --comm none >none.mp 2>said
is "$? $(cat said)$(same four none)" "0 " "nor one with --comm none"
fails 2 '^gpt-train: there is no /nowhere, so processes cannot be joined: this memoscope was built without MPI$' "--comm mpi without MPI" \
	env MEMOSCOPE_MPI=/nowhere gpt-train -o bad "${net[@]}" --comm mpi
for launcher in OMPI_COMM_WORLD PMI MV2_COMM_WORLD; do
	fails 2 '^gpt-train: there is no /nowhere' "several processes without MPI: $launcher" \
		env MEMOSCOPE_MPI=/nowhere ${launcher}_SIZE=2 ${launcher}_RANK=1 gpt-train -o bad "${net[@]}"
done
fails 2 '^gpt-train: there is no /nowhere' "or by srun" env MEMOSCOPE_MPI=/nowhere SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=1 gpt-train -o bad "${net[@]}"
SLURM_NTASKS=8 MEMOSCOPE_MPI=/nowhere gpt-train -o batch "${net[@]}" --threads 4 --quiet >batch.mp 2>said
is "$? $(cat said)" "0 " "a batch script of Slurm is one process, whatever its job has"
fails 2 '^gpt-train: /dev/null cannot be used: ' "an object that is none" env MEMOSCOPE_MPI=/dev/null gpt-train -o bad "${net[@]}" --comm mpi
is "$(ldd "$BUILD/gpt-train" | grep -i mpi)" "" "no program is linked with MPI"

done_testing
