# transience.report.sh - what pipelines/transience concludes, its picture, and the tables of its report.
# shellcheck shell=bash disable=SC2154,SC2153 # pipelines/transience sets the variables

# of_one_decay: those of the directories that have the weight decay of the first one
of_one_decay() {
	directories | awk -F : 'NR == 1 { decay = $2 } $2 == decay'
}

# decayed: those that come again with another weight decay
decayed() {
	directories | awk -F : 'seen[$1]++'
}

# named DIRECTORY: for people
named() {
	echo "${1%:*} people"
}

# times KEY PEOPLE: a step, as how often each person of so many was asked for until then
times() {
	all_of "$1" "$(awk "BEGIN { printf \"%.17g\", $BATCH / $2 }")" 0 ''
}

# ---- verdicts ----

# course DIRECTORY: does looking up never come, come and stay, or come and go? Or is it open? If it goes and memory is not shown
# to take its place, it fades.
course() {
	local key
	key=$(key "$1")
	if holds "${key}_peak_conflict_digits_book_high < $COMES"; then
		echo never
	elif holds "${key}_peak_conflict_digits_book_low > $COMES && ${key}_fall_low > $GOES"; then
		if holds "${key}_rise_low > 0"; then echo goes; else echo fades; fi
	elif holds "${key}_peak_conflict_digits_book_low > $COMES && ${key}_fall_high < $GOES"; then
		echo stays
	else
		echo open
	fi
}

# networks KEY: how many of the networks, of those whose share KEY is
networks() {
	awk -v share="$(of "$1")" -v count="$(of "$1_of")" 'BEGIN { printf "%.0f of %d networks", share * count, count }'
}

# told DIRECTORY: the same, as a part of a sentence
told() {
	local key peak end fall
	key=$(key "$1")
	peak="the book's digits: $(all_of "${key}_peak_conflict_digits_book") at the peak"
	end="$(all_of "${key}_end_conflict_digits_book") at the end"
	fall="a fall of $(all_of "${key}_fall")"
	case $(course "$1") in
	never) echo "with $(named "$1") looking up never comes ($peak)" ;;
	goes) echo "with $(named "$1") it comes and goes in $(networks "${key}_goes") ($peak, $end, $fall; the directory's: $(
		all_of "${key}_peak_conflict_digits_directory"), then $(all_of "${key}_end_conflict_digits_directory"))" ;;
	fades) echo "with $(named "$1") it comes and goes in $(networks "${key}_goes") ($peak, $end, $fall), but that memory takes its
		place is not shown (the directory's digits: $(all_of "${key}_rise") more at the end than at the peak)" ;;
	stays) echo "with $(named "$1") it comes and stays ($peak, $end; right without a book by then: $(
		all_of "${key}_end_closed_exact"))" ;;
	open) echo "with $(named "$1") it is open: it comes and goes in $(networks "${key}_goes") ($peak, $end, $fall)" ;;
	esac
}

# each FUNCTION: what FUNCTION prints for each directory on stdin, as a list
each() {
	local directory
	while read -r directory; do
		flat "$("$1" "$directory")"
		echo
	done | paste -s -d '|' | sed 's/|/; /g'
}

# courses: those of the directories, a line each
courses() {
	local directory
	for directory in $(of_one_decay); do
		course "$directory"
	done
}

verdict() {
	local all
	all=$(courses | sort -u | paste -s -d ' ')
	case $all in
	goes) echo "yes: $(of_one_decay | each told)." ;;
	*goes*never* | *goes*stays*) echo "it depends on how many people there are: $(of_one_decay | each told)." ;;
	*goes*) echo "yes, as far as this run settles it: $(of_one_decay | each told)." ;;
	*open* | *fades*) echo "this run does not settle it: $(of_one_decay | each told)." ;;
	*) echo "no: $(of_one_decay | each told)." ;;
	esac
}

# looks DIRECTORY: what the attention of the strongest head does where looking up goes
looks() {
	local key what
	key=$(key "$1")
	what="is not settled by this run"
	if holds "${key}_attention_fall_low > $GOES"; then
		what="goes too"
	elif holds "${key}_attention_fall_high < $GOES && ${key}_peak_attention_low > $GOES"; then
		what="stays"
	fi
	echo "with $(named "$1") the attention to the character that comes next $what: $(number "${key}_peak_attention" 2) at
		the peak and $(number "${key}_end_attention" 2) at the end"
}

verdict_attention() {
	local directory gone
	gone=$(for directory in $(of_one_decay); do
		case $(course "$directory") in
		goes | fades) echo "$directory" ;;
		esac
	done)
	if [ -z "$gone" ]; then
		echo "this run does not tell, because there is no directory with which looking up is shown to go."
	else
		echo "$(each looks <<<"$gone")."
	fi
}

# lasts DIRECTORY: what more decay does
lasts() {
	local key base what
	key=$(key "$1")
	base=$(directories | awk -F : -v people="${1%:*}" '$1 == people { print; exit }')
	what="whether looking up lasts is not settled"
	if holds "${key}_gain_low > 0"; then
		what="looking up lasts better"
	elif holds "${key}_gain_high < 0"; then
		what="less is left of looking up"
	fi
	echo "with $(named "$1") and a weight decay of ${1#*:}, $what: at the end $(all_of "${key}_end_conflict_digits_book") of
		the digits of conflicts are the book's, with ${base#*:} it is $(all_of "$(key "$base")_end_conflict_digits_book"), a
		difference of $(all_of "${key}_gain")"
}

verdict_decay() {
	if [ -z "$(decayed)" ]; then
		echo "this run does not tell, because all networks of a directory have the same weight decay."
	else
		echo "$(decayed | each lasts)."
	fi
}

# ---- tables and pictures ----

table() {
	local directory key
	for directory in $(directories); do
		key=$(key "$directory")
		echo "| ${directory%:*} | ${directory#*:} |$(numbers 0 "${key}_peak_step") $(times "${key}_peak_step" "${directory%:*}") |$(
			shares "$key"_{peak,end}_conflict_digits_book "${key}_fall" "$key"_{peak,end}_conflict_digits_directory)$(
			numbers 2 "$key"_{peak,end}_attention) $(networks "${key}_goes" | cut -d ' ' -f 1) |"
	done
}

table_whole() {
	local directory key
	for directory in $(directories); do
		key=$(key "$directory")
		echo "| ${directory%:*} | ${directory#*:} |$(shares "$key"_{peak,end}_conflict_{book,directory,stitched,neither})"
	done
}

# half_step KEY: the step at which networks know half of the numbers. A mean over those alone that come so far would be wrong.
half_step() {
	if holds "$1_knows == 1"; then number "$1_closed_half_step"; else echo "in $(networks "$1_knows")"; fi
}

table_memory() {
	local directory key
	for directory in $(directories); do
		key=$(key "$directory")
		echo "| ${directory%:*} | ${directory#*:} |$(shares "$key"_{peak,end}_closed_exact) $(half_step "$key") |$(
			shares "$key"_end_open_exact "$key"_{peak,end}_fresh_exact)"
	done
}

# curves: curves.tsv has the columns of steps.tsv, one network after the other, with an empty line between two, and the
# mean of the networks of each directory as seed 0. The first column is the place of the directory.
curves() {
	awk -F '\t' -v OFS='\t' '
		NR == 1 { next }
		{
			directory = $1 ":" $2
			if (!(directory in place)) place[directory] = ++n
			if (directory " " $3 != network) print ""
			network = directory " " $3
			at = place[directory]
			if (!((at, $4) in count)) steps[at, ++many[at]] = $4
			count[at, $4]++
			head[at] = $1 OFS $2
			for (i = 5; i <= NF; i++) sum[at, $4, i] += $i
			columns = NF
			print at, $0
		}
		END {
			for (at = 1; at <= n; at++) {
				print ""
				for (j = 1; j <= many[at]; j++) {
					step = steps[at, j]
					printf "%d\t%s\t0\t%d", at, head[at], step
					for (i = 5; i <= columns; i++) printf "\t%s", sum[at, step, i] / count[at, step]
					print ""
				}
			}
		}' "$OUT/steps.tsv" >"$OUT/curves.tsv"
}

pictures() {
	curves
	plot transience list="$(directories | paste -sd ' ')" batch="$BATCH"
}

# the_chain: the commands that made the first network
the_chain() {
	local model
	model=$OUT/$(directories | head -n 1 | tr : -)-1/model
	jq -r '.chain[] | [.program] + .args | map(if test("^[-A-Za-z0-9_./,:=+%@]+$") then . else @sh end) | join(" ")' \
		"$model/memoscope.json" | indented
}
