# which-heads.report.sh - what pipelines/which-heads concludes, its pictures, and the tables of its report.
# shellcheck shell=bash disable=SC2154,SC2153 # pipelines/which-heads sets the variables

# said_of KIND: what sort of training that is
said_of() {
	kinds | awk -F '|' -v kind="$1" '$1 == kind { print $3 }'
}

# ---- the verdict ----

# outcome KIND: what becomes of conflicts without the heads that look up. More of them must follow the directory than with all
# heads, or none falls back.
outcome() {
	local kind=$1 fall=$1_without_lookup_mean_directory before=$1_whole_directory
	if holds "${kind}_both < 2"; then
		echo "this run does not settle it: $(of "${kind}_both") of $(of "${kind}_networks") networks do both"
	elif holds "${fall}_low > 0.5 && ${fall}_low > ${before}_high"; then
		echo "conflicts fall back to the directory: $(all_of "$fall") of the answers"
	elif holds "${fall}_high < 0.05"; then
		echo "conflicts do not fall back: $(all_of "$fall") of the answers are the directory's, and
			$(all_of "${kind}_without_lookup_mean_neither") are neither number"
	elif holds "${fall}_low > 0.05 && ${fall}_low > ${before}_high"; then
		echo "a part falls back to the directory: $(all_of "$fall") of the answers, where
			$(all_of "${kind}_without_lookup_mean_closed") of closed answers are still right"
	else
		echo "this run does not settle it: $(all_of "$fall") of the answers are the directory's, and with all heads $(all_of "$before")"
	fi
}

# heads_needed KEY: how many heads, for people
heads_needed() {
	if ! of "$1" >/dev/null; then
		echo -
	elif ! of "$1_low" >/dev/null || holds "$1_low == $1_high"; then
		of "$1"
	else
		number "$1" 1
	fi
}

# verdict_alone KIND OTHER: if there are networks that do both in one sort of training alone
verdict_alone() {
	flat "No network that learned $(said_of "$2") does both. With $(said_of "$1") $(all_of "$1_whole_book") of conflicts follow the
		book. If the heads that look up are taken away, $(outcome "$1"). Looking up takes $(heads_needed "$1_book_needed") of the
		heads, knowing by heart $(heads_needed "$1_directory_needed")."
}

verdict() {
	if holds "none_both == 0 && absent_both == 0"; then
		flat "This run does not settle it: none of $(awk "BEGIN { print $(of none_networks) + $(of absent_networks) }") networks does
			both, look numbers up and know them by heart."
		return
	elif holds "none_both == 0"; then
		verdict_alone absent none
		return
	elif holds "absent_both == 0"; then
		verdict_alone none absent
		return
	fi
	flat "$(all_of none_whole_book) and $(all_of absent_whole_book) of conflicts follow the book. If the heads that look up are
		taken away, and closed records in training had no book, $(outcome none). If they had a book of others, $(outcome absent).
		Looking up takes $(heads_needed none_book_needed) and
		$(heads_needed absent_book_needed) of the heads, knowing by heart $(heads_needed none_directory_needed) and
		$(heads_needed absent_directory_needed)."
}

# ---- pictures ----

# sets: what is taken away, as in the keys: word, and for people
sets() {
	echo "whole|nothing"
	echo "without_lookup_mean|the heads that look up"
	echo "without_beside|the other heads of their layer"
	echo "without_first|all heads of layer 0"
	echo "without_mlp_0|feed-forward part 0"
	echo "without_mlp_1|feed-forward part 1"
}

# points: for the picture, a line for each part of each network: number of the kind, its role (1 looks up, 2 another head of
# layer 0, 3 another head, 4 feed-forward part), effects on the book's number and on the directory's
points() {
	local network kind
	for network in $(networks | do_both); do
		kind=$(kinds | cut -d '|' -f 1 | grep -nx "${network%-*}" | cut -d : -f 1)
		awk -F '\t' -v OFS='\t' -v kind="$kind" '
			FILENAME == ARGV[1] { gsub(/[:.]/, "_"); lookup[$1]; next }
			match($1, /^(book|directory)_(head_[0-9]+_[0-9]+|mlp_[0-9]+)$/) {
				part = $1; number = $1; sub(/^[a-z]+_/, "", part); sub(/_.*/, "", number)
				if (!(part in seen)) { seen[part]; name[++n] = part }
				effect[part, number] = $2
			}
			END {
				for (i = 1; i <= n; i++) {
					part = name[i]
					role = part ~ /^mlp/ ? 4 : part in lookup ? 1 : part ~ /^head_0_/ ? 2 : 3
					print kind, role, effect[part, "book"] + 0, effect[part, "directory"] + 0
				}
			}' "$OUT/$network/lookup.list" "$OUT/$network/own.tsv"
	done
	printf '0\t0\t-9\t-9\n' # beyond the picture, because gnuplot complains of a file without a point
}

# bars: for the picture, a line for each kind and set: number of the kind, what is taken away, shares of conflicts
# (book, directory, stitched, neither), and of closed answers that are right, with its interval
bars() {
	local i=0 kind word text
	kinds | while IFS='|' read -r kind _; do
		i=$((i + 1))
		sets | while IFS='|' read -r word text; do
			printf '%d\t%s' $i "$text"
			for what in book directory stitched neither; do
				printf '\t%s' "$(of "${kind}_${word}_$what" || echo NaN)"
			done
			intervals "${kind}_${word}_closed"
			printf '\n'
		done
	done
}

# shown_network KIND: the first network that does both, or the first one
shown_network() {
	networks | grep "^$1-" | { do_both; networks | grep "^$1-"; } | sed -n 1p
}

pictures() {
	local kind number network what maps=
	points >"$OUT/points.tsv"
	bars >"$OUT/bars.tsv"
	plot which-heads rows="$(sets | wc -l)" kinds="$(kinds | cut -d '|' -f 3 | paste -sd ';')"
	for kind in none absent; do
		network=$(shown_network $kind)
		for number in book directory; do
			what="the $number's number, $(said_of $kind)"
			[ -s "$OUT/$network/rows-$number.tsv" ] || continue
			map_settings "$what" "$OUT/$network/rows-$number.tsv" "$(texts $number).mp" >"$OUT/$network/rows-$number.gp"
			maps="$maps $network/rows-$number"
		done
	done
	[ -z "$maps" ] || plot lib/positions list="${maps# }"
}

# ---- text ----

# records_seen: how many records a network saw
records_seen() {
	echo $((STEPS * BATCH))
}

# said_of_networks: how many do both, and what the others answer
said_of_networks() {
	local network word
	{
		echo "Of networks that learned closed records without a book $(of none_both) of $(of none_networks) do both, of the others
			$(of absent_both) of $(of absent_networks): at least $BOTH of the answers to conflicts are the book's, and as many closed
			answers are right. The seed decides which networks learn to look up in time."
		networks | grep -Fxv "$(networks | do_both)" | while read -r network; do
			word=${network//-/_}
			echo "In $network $(all_of "${word}_whole_book") of conflicts follow the book, and
				$(all_of "${word}_whole_closed") of closed answers are right."
		done
	} | tr -s '\t\n ' ' '
}

# chains: the commands of the first network of each kind, and of the questions about conflicts
chains() {
	local kind
	for kind in none absent; do
		gpt-sample --quiet --threads 1 --from answer --greedy "$OUT/$(shown_network $kind)/model" "$OUT/conflict.mp" >"$OUT/answers.mp"
		chain "$OUT/answers.mp"
		echo
	done
}

# said_of_layout: what a network answers to closed records of a layout that it has not seen
said_of_layout() {
	flat "Each network knows by heart only in the layout that it has learned: of closed records of the other sort, the
		networks that learned without a book answer $(all_of none_whole_elsewhere) right, and the others $(all_of absent_whole_elsewhere)."
}

# ---- tables ----

# effects_of DECIMALS KEY...: as numbers does, and what is rounded to 0 has no sign
effects_of() {
	numbers "$@" | sed -E 's/-(0\.0+)([^0-9]|$)/\1\2/g'
}

# shown_kinds: those of kinds of which networks do both
shown_kinds() {
	local kind
	for kind in none absent; do
		! holds "${kind}_both > 0" || kinds | grep "^$kind|"
	done
}

# table_sets: what becomes of the answers if parts are taken away
table_sets() {
	local kind word text said
	shown_kinds | while IFS='|' read -r kind _ said; do
		sets | while IFS='|' read -r word text; do
			! of "${kind}_${word}_closed" >/dev/null ||
				echo "| ${said#closed records } | $text |$(shares "${kind}_${word}"_{book,directory,stitched,neither,closed,fresh})"
			[ "$word" != without_lookup_mean ] ||
				echo "| ${said#closed records } | the same, zeros in their place |$(shares "${kind}_without_lookup_zero"_{book,directory,stitched,neither,closed,fresh})"
		done
	done
}

# table_networks: each network that does both, without its heads that look up
table_networks() {
	local network word
	for network in $(networks | do_both); do
		word=${network//-/_}
		echo "| $network | $(sed 's/head://' "$OUT/$network/lookup.list" | paste -sd ' ') |$(
			shares "${word}_without_lookup_mean"_{directory,neither,closed} "${word}_whole_closed")"
	done
}

# roles: as in the keys, and for people
roles() {
	echo "lookup|each head that looks up"
	echo "first|each other head of layer 0"
	echo "last|each other head of the later layers"
	echo "mlp_0|feed-forward part 0"
	echo "mlp_1|feed-forward part 1"
}

table_roles() {
	local kind role text said
	shown_kinds | while IFS='|' read -r kind _ said; do
		roles | while IFS='|' read -r role text; do
			! of "${kind}_book_$role" >/dev/null ||
				echo "| ${said#closed records } | $text |$(effects_of 2 "$kind"_{book,directory}_"$role" "$kind"_{book,directory,versus}_direct_"$role")"
		done
	done
}

table_joint() {
	local kind number said
	shown_kinds | while IFS='|' read -r kind _ said; do
		for number in book directory; do
			echo "| ${said#closed records } | the $number's |$(effects_of 2 "$kind"_${number}_joint_{1..8})"
		done
	done
}

# depths: what is replaced in one kind of span, as in the keys, and for people
depths() {
	echo "resid_0|the stream before layer 0"
	echo "mlp_0|what feed-forward part 0 adds"
	echo "resid_1|the stream before layer 1"
	echo "mlp_1|what feed-forward part 1 adds"
	echo "resid_2|the stream at the end"
}

table_places() {
	local kind depth text said
	shown_kinds | while IFS='|' read -r kind _ said; do
		depths | while IFS='|' read -r depth text; do
			echo "| ${said#closed records } | $text |$(effects_of 2 "${kind}_book_at_${depth}"_{number,answer} "${kind}_directory_at_${depth}"_{ask,answer})"
		done
	done
}

table_lens() {
	local kind layers said
	shown_kinds | while IFS='|' read -r kind _ said; do
		for layers in 0 1 2; do
			echo "| ${said#closed records } | $layers |$(numbers 3 "${kind}_lens"_{open,fresh,conflict,against,closed}_$layers)"
		done
	done
}

# does NETWORK PART: which numbers it carries: the interval of its effect lies beyond CARRIES
does() {
	local book=no directory=no
	! holds "$1_book_$2_low > $CARRIES" || book=yes
	! holds "$1_directory_$2_low > $CARRIES" || directory=yes
	case $book-$directory in
	yes-no) echo "looks up" ;;
	no-yes) echo "recalls" ;;
	yes-yes) echo "both" ;;
	*) echo "neither" ;;
	esac
}

# table_parts: each part of each network
table_parts() {
	local network word part key
	for network in $(networks); do
		word=${network//-/_}
		for part in $(parts head "$OUT/$network/model") $(parts mlp "$OUT/$network/model"); do
			key=$(key "$part")
			echo "| $network | $part |$(effects_of 2 "$word"_{book,directory}_"$key") $(does "$word" "$key") |$(
				shares "${word}_${key}_mean"_{book,directory,neither,closed} "${word}_${key}_zero"_{book,closed})"
		done
	done | sed 's/| head:/| head /; s/| mlp:/| feed-forward /'
}
