# directory.sh - networks that learn a directory of people, and what they answer about them: see phonegen(1).
# shellcheck shell=bash

# given_names: those of three and four letters
given_names() {
	grep -xE '[A-Za-z]{3,4}' testdata/names.txt
}

# short_names: $OUT/names, the same
short_names() {
	given_names >"$OUT/names"
}

# lines_of_books: refuses an $ENTRIES that is no number of lines, and no range of them
lines_of_books() {
	each_is '[1-9][0-9]{0,2}(-[1-9][0-9]{0,2})?' 'a number of lines, or MIN-MAX' ENTRIES
	[ "${ENTRIES%-*}" -le "${ENTRIES#*-}" ] || refuse "ENTRIES: $ENTRIES has more lines at first than at last"
}

# can_draw N [OPTION...]: refuses a directory of N people that has too few for a book of $ENTRIES, or so many that no names
# are left for people of no directory
can_draw() {
	local said fresh
	for fresh in 0 1; do
		said=$(phonegen --people "$1" --names <(given_names) --entries "$ENTRIES" --count 1 --mix open,closed \
			--fresh $fresh "${@:2}" 2>&1 >/dev/null) ||
			refuse "${said#phonegen: }"
	done
}

# people N OPTION...: records of phonegen about a directory of N people, in books of $ENTRIES lines
people() {
	phonegen --people "$1" --names "$OUT/names" --entries "$ENTRIES" "${@:2}"
}

# mix CLOSED: the value of --mix with this share of closed records, 0 to 1; the others are open
mix() {
	awk -v closed="$1" 'BEGIN { printf "open=%.12g,closed=%.12g\n", 1 - closed, closed }'
}

# learn FOLDER STEPS SEED N [PHONEGEN'S OPTION...] [-- GPT-TRAIN'S OPTION...]: a network that has learned from records
# about N people, FOLDER/model; SEED is that of the records and of the network. A training that was stopped goes on.
# Two layers are the least that can look up, and the names and numbers of a book, which nothing predicts, weigh little.
# GPT-TRAIN'S OPTIONs change that. $BATCH is the number of records of a step. A line of a book has at most 25 characters,
# and all the rest of a record 43.
learn() {
	local folder=$1 steps=$2 seed=$3 n=$4 records=() longest=$((25 * ${ENTRIES#*-} + 43))
	shift 4
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		records+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	[ ! -e "$folder/trained" ] || return 0
	people "$n" --seed "$seed" --count $((steps * BATCH)) "${records[@]}" | tokenize | train_into "$folder" "$steps" \
		--layers 2 --heads 4 --width 64 --context $((longest > 128 ? longest : 128)) --optimizer muon --lr 5e-3 --weight-decay 0.01 \
		--weight answer=2,number=0.1,name=0.2 --batch "$BATCH" --seed "$seed" --device cpu --threads 1 --quiet "$@"
}

# asked_people N COUNT OPTION...: COUNT records that no network was trained on, in books of as many lines as it saw at
# most, so that the number asked for does not always stand in the same place
asked_people() {
	ENTRIES=${ENTRIES#*-} people "$1" --seed 999999999 --count "$2" "${@:3}"
}

# ask_people MODEL N COUNT [OPTION...]: what it answers about a directory of N people, as lines of a summary: the right
# share of COUNT open records, closed ones, and open ones about people of no directory (fresh_exact: only the book knows
# them); and of COUNT conflicts, what share follows the book, the directory, both in turn (stitched) or neither, and what
# share of the digits. The OPTIONs are for phonegen.
ask_people() {
	local model=$1 n=$2 count=$3 sort score
	shift 3
	for sort in open closed; do
		asked_people "$n" "$count" "$@" --mix "$sort" | scored --threads 1 "$model" - | counted exact | prefixed "$sort"
	done
	score=$(asked_people "$n" "$count" "$@" --mix conflict | scored --threads 1 "$model" -) || return
	counted "conflict_(book|directory|stitched|neither)" <<<"$score"
	conflict_digits <<<"$score"
	asked_people "$n" "$count" "$@" --fresh 1 | scored --threads 1 "$model" - | counted exact | prefixed fresh
}
