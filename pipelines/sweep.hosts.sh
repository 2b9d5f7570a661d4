# sweep.hosts.sh - how pipelines/sweep runs its cells: here, or on hosts, by GNU parallel.
# shellcheck shell=bash disable=SC2154 # the pipeline sets hosts, jobs and so on

# kit: $OUT/kit, what cells need: the programs, the data, the command. It is links; hosts get copies.
kit() {
	local file i=0 program
	rm -rf "$OUT/kit"
	mkdir -p "$OUT"/kit/{bin,train,files} "$OUT/cells"
	cp pipelines/sweep.cell.sh "$OUT/kit/cell.sh"
	cp pipelines/sweep.check.sh "$OUT/kit/check.sh"
	cp pipelines/lib/training.sh "$OUT/kit/training.sh"
	gpt-train --help | sed -nE '/--steps=/ s/.*\(default ([0-9]+)\).*/\1/p' >"$OUT/kit/steps"
	printf '%s\n' "$evaluate" >"$OUT/kit/evaluate"
	for program in "$BUILD"/*; do
		case ${program##*/} in
		gpt-train | mpcat | *.so) ;;
		*) words_of_command | grep -qxF -- "${program##*/}" || continue ;;
		esac
		if [ -f "$program" ] && [ -x "$program" ]; then ln -s "$program" "$OUT/kit/bin/"; fi
	done
	for file in "${train[@]}"; do
		i=$((i + 1))
		ln -s "$file" "$OUT/kit/train/$(printf %06d $i).mp"
	done
	[ -z "$val" ] || ln -s "$val" "$OUT/kit/val.mp"
	for file in "${read_files[@]}"; do
		[ -n "$hosts" ] || break
		mkdir -p "$OUT/kit/files/$(dirname -- "$file")"
		ln -sfT "$here/$file" "$OUT/kit/files/$file"
	done
	# from the list a host knows that its copy is whole
	(
		cd "$OUT/kit" || exit
		find -L . -type f -print0 | sort -z >../list.0
		mv ../list.0 .
		xargs -0 stat -L -c '%s %n' <list.0 >sizes
	)
}

# words_of_command: what could be names of programs, in the command and in files for it that are scripts
words_of_command() {
	local file
	{
		printf '%s\n' "$evaluate"
		for file in "${read_files[@]}"; do
			file=$(from_here "$file")
			[ -f "$file" ] && [ -x "$file" ] && [ "$(head -c 2 "$file" | tr -d '\0')" = '#!' ] && cat "$file"
		done
		true
	} | grep -aoE '[a-z]+(-[a-z]+)*' | sort -u
}

# ---- hosts ----

# by_ssh: parallel's ssh gives up a host that does not answer, and asks for no password
by_ssh() {
	local more='-o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=4'
	PARALLEL_SSH=${PARALLEL_SSH:-ssh}
	[[ $PARALLEL_SSH != ssh && $PARALLEL_SSH != ssh\ * ]] || PARALLEL_SSH+=" $more"
	PARALLEL_RSYNC_OPTS=${PARALLEL_RSYNC_OPTS:--rLtDzR} # it follows links, and does not copy again what is there
	export PARALLEL_SSH PARALLEL_RSYNC_OPTS
	workdir=${workdir%/}/$(printf '%s' "$HOSTNAME:$OUT" | cksum | cut -d ' ' -f 1)
}

# host_name LOGIN: a line of the file of hosts without groups, the number of processors, and options of ssh
host_name() {
	local name=${1%"${1##*[![:space:]]}"}
	printf '%s\n' "${name##*[ /]}"
}

# check_host LOGIN: copies the programs to a host and tries them there. Prints LOGIN if they run and are of this version;
# says in one line what is wrong else.
check_host() {
	local said name
	name=$(host_name "$1")
	if [ "$name" = : ]; then
		printf '%s\n' "$1"
		return
	fi
	said=$(cd "$OUT" && parallel --will-cite --plain --sshloginfile - --jobs 1 --workdir "$workdir" --basefile kit/bin \
		--basefile kit/check.sh 'bash kit/check.sh' ::: 1 <<<"$1" 2>&1)
	if [ "$(tail -n 1 <<<"$said")" = "ready $(gpt-train --version)" ]; then
		printf '%s\n' "$1"
		return
	fi
	said=$(grep -v -e '^parallel: Warning' -e '^[[:space:]]*$' -e '^ready' -e '^rsync ' <<<"$said" | head -n 1)
	printf '%s: %s takes no part%s: %s\n' "$pipeline" "$name" "$since" "${said:-it does not answer}" >&2
}

# check_hosts FILE SINCE: $OUT/hosts becomes those lines of the file whose hosts can take part; the others do not SINCE. Fails
# if there is none.
check_hosts() {
	local file=$1
	since=$2
	export -f check_host host_name
	export pipeline OUT workdir since
	grep -vE '^[[:space:]]*(#|$)' "$file" | PARALLEL_SHELL=$BASH parallel --will-cite --plain --keep-order --jobs 0 check_host '{}' >"$OUT/hosts.new"
	mv "$OUT/hosts.new" "$OUT/hosts"
	[ -s "$OUT/hosts" ]
}

# leave_hosts: removes the copies
leave_hosts() {
	# shellcheck disable=SC2016
	(cd "$OUT" && parallel --will-cite --plain --nonall --jobs 0 --sshloginfile hosts \
		"rm -rf -- $(printf %q "$workdir"); rmdir -- $(printf %q "${workdir%/*}") 2>/dev/null; true") >>"$OUT/parallel.log" 2>&1 || true
}

# ---- run ----

# cell_state NAME: done, failed or nothing
cell_state() {
	if [ -e "$OUT/cells/$1/result.tsv" ]; then
		echo "done"
	elif [ -e "$OUT/cells/$1/failed" ]; then
		echo failed
	fi
}

# gather: what hosts have sent becomes cells/NAME
gather() {
	local file name
	for file in "$OUT"/ended/*.tar; do
		[ -e "$file" ] || continue
		name=$(basename "$file" .tar)
		rm -rf "$OUT/cells/$name.new"
		mkdir -p "$OUT/cells/$name.new"
		tar -xf "$file" -C "$OUT/cells/$name.new"
		rm -rf "$OUT/cells/$name"
		mv "$OUT/cells/$name.new" "$OUT/cells/$name"
		rm "$file"
	done
	rm -rf "$OUT/ended" "$OUT/start"
}

# log_jobs: parallel's log of jobs, with the numbers that cells have now, because cells come and go. A cell that has a result
# is done, another one has failed if it was run. `pending` becomes the cells without a result.
log_jobs() {
	local name
	pending=()
	while IFS= read -r name; do
		[ "$(cell_state "$name")" = "done" ] || pending+=("$name")
	done <"$OUT/names"
	[ -e "$OUT/jobs.tsv" ] || printf 'Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n' >"$OUT/jobs.tsv"
	printf '%s\n' "${pending[@]}" | awk -F '\t' -v OFS='\t' '
		FNR == 1 { pass++ }
		pass == 1 { lacks[$1]; next }
		pass == 2 { number[$1] = FNR; next }
		FNR == 1 { next }
		{
			name = $9
			sub(/.* /, "", name)
			gsub(/[\\\047]/, "", name) # parallel quotes it for a shell
			if (name in number) { $1 = number[name]; $7 = (name in lacks) ? ($7 ? $7 : 1) : 0; line[name] = $0 }
		}
		END {
			for (name in number)
				if (name in line) print line[name]
				else if (!(name in lacks)) print number[name], "-", 0, 0, 0, 0, 0, 0, "bash kit/cell.sh " name
		}' - "$OUT/names" "$OUT/jobs.tsv" | sort -n >"$OUT/jobs.new"
	{ head -n 1 "$OUT/jobs.tsv" && cat "$OUT/jobs.new"; } >"$OUT/jobs.sorted"
	mv "$OUT/jobs.sorted" "$OUT/jobs.tsv"
	rm "$OUT/jobs.new"
}

# run_cells: those that have no result
run_cells() {
	local how=(--jobs "${jobs:-$(processors)}") name command
	if [ -n "$hosts" ]; then
		mkdir -p "$OUT/start" "$OUT/ended"
		for name in "${pending[@]}"; do
			tar -cf "$OUT/start/$name.tar" -C "$OUT/cells/$name" .
		done
		# When a job ends, parallel removes its files from the host, and then each of their folders that is empty, though another
		# job there is yet to write to it. A folder that holds one more file stays.
		: >"$OUT/start/kept"
		: >"$OUT/ended/kept"
		# A job may fail once on each host. A host on which it has not failed comes first.
		how=(${jobs:+--jobs "$jobs"} --sshloginfile hosts --workdir "$workdir" --basefile kit --basefile start/kept
			--basefile ended/kept --transferfile 'start/{}.tar' --return 'ended/{}.tar' --cleanup
			--retries $(($(wc -l <"$OUT/hosts") + 2)))
	fi
	# Hosts do not have these variables. The shell that reads the command may be another one there.
	export SWEEP_OUT=$OUT SWEEP_HERE=$here
	command="bash -c 'cd \"\${SWEEP_OUT:-.}\" && exec bash kit/cell.sh \"\$0\"' {}"
	# An interrupted gpt-train saves, which takes a moment.
	# In the background, so that a signal does not wait for it.
	(
		cd "$OUT" || exit
		export PARALLEL_SHELL=$BASH
		exec parallel --will-cite --plain --joblog jobs.tsv --resume --resume-failed --line-buffer \
			--termseq INT,20000,TERM,1000,KILL,25 "${how[@]}" "$command" :::: names
	) </dev/null > >(trap '' INT TERM HUP && sed -u "s/^/$pipeline: /" >&2) 2>"$OUT/parallel.log" &
	running=$!
	wait "$running" || true
	running=''
	gather
	log_jobs
}
