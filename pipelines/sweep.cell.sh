#!/bin/bash
# sweep.cell.sh NAME - one cell of a sweep: trains a network and evaluates it, here or on a host.
#
# It runs where the folder kit is, which has the programs, the data and the command. Here a cell works in cells/NAME, and goes
# on where it was. A host has a copy of that as start/NAME.tar, works in a folder of its own, and leaves ended/NAME.tar.
# The cell ends with `result.tsv` or with `failed`, which says why, and status 0. Other statuses mean that neither is there,
# because the host failed or the cell was stopped: the cell is for another host, or for another run.
set -uo pipefail
name=$1
stopped=''
trap 'stopped=1' INT TERM HUP
login=${PARALLEL_SSHLOGIN:-:}
if [ "$login" = : ]; then
	cd "$SWEEP_OUT" || exit
	host=$HOSTNAME
	files=$SWEEP_HERE
	folder=$PWD/cells/$name
	[ ! -e "$folder/result.tsv" ] || exit 0
else
	host=${login##*[ /]}
	files=$PWD/kit/files
	folder=$PWD/run/$name.$HOSTNAME.$$
	[ ! -e "ended/$name.tar" ] || exit 0
	# Copies may have failed without a word.
	(cd kit && xargs -r -0 stat -L -c '%s %n' <list.0 | cmp -s - sizes) || {
		echo "$host has no whole copy of programs and data" >&2
		exit 1
	}
	mkdir -p "$folder" ended && tar -xf "start/$name.tar" -C "$folder" || exit
fi
base=$PWD
PATH=$base/kit/bin:$PATH
# shellcheck source=pipelines/lib/training.sh
. kit/training.sh

# failed WHY: the cell has failed
failed() {
	[ -z "$stopped" ] || exit 130
	{
		echo "$1"
		grep -v '^[[:space:]]*$' "$folder/log" | tail -n 1
	} | paste -sd ':' | sed 's/:/: /' >"$folder/failed"
	echo "$(cat "$folder/label") failed on $host"
	leave
}

# leave: what is left for the table
leave() {
	printf '%s\n' "$host" >"$folder/host"
	if [ "$login" != : ]; then
		tar -cf "ended/$name.new" -C "$folder" . && mv "ended/$name.new" "ended/$name.tar" && rm -rf "$folder" || exit
	fi
	exit 0
}

# numbers: of what an evaluation printed, lines KEY, NUMBER with a tab between
numbers() {
	awk -v OFS='\t' '
		function number(x) { return x ~ /^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$/ }
		NF == 1 && number($1) { print "score", $1 }
		NF == 2 && number($2) && $1 ~ /^[A-Za-z_][A-Za-z0-9_.@-]*$/ { print $1, $2 }' "$1"
}

rm -f "$folder/failed"
mapfile -t options <"$folder/options"
steps=$(cat kit/steps) # the default
for option in "${options[@]}"; do
	[[ $option != --steps=* ]] || steps=${option#*=}
done
val=()
[ ! -e kit/val.mp ] || val=(--val "$base/kit/val.mp")
began=$SECONDS
# Names of files in options and in the command are those of the user's folder.
(cd "$files" && train_into "$folder" "$steps" --threads 1 --quiet "${val[@]}" "${options[@]}" "$base"/kit/train/*.mp) \
	>"$folder/log" 2>&1 || failed "gpt-train failed"
rm -f "$folder/model/last/training.safetensors"
(cd "$files" && MODEL=$folder/model exec bash -c "$(cat "$base/kit/evaluate")") >"$folder/evaluation" 2>>"$folder/log" </dev/null ||
	failed "the evaluation failed"
numbers "$folder/evaluation" >"$folder/numbers"
[ -s "$folder/numbers" ] || failed "the evaluation printed no line of a key and a number"
{
	mpcat --tsv=val.loss,seconds "$folder/metrics.mp" | awk -F '\t' '
		NR > 1 && $1 != "" && (best == "" || $1 + 0 < best + 0) { best = $1 }
		NR > 1 && $2 != "" { seconds = $2 }
		END { if (best != "") print "val_loss\t" best; printf "seconds\t%.2f\n", seconds }'
	cat "$folder/numbers"
} >"$folder/result.new" && mv "$folder/result.new" "$folder/result.tsv" || exit
echo "$(cat "$folder/label") took $((SECONDS - began)) s on $host"
leave
