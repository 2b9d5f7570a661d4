# memory-or-context.report.sh - what pipelines/memory-or-context says about its networks: the summary, tables and verdicts.
# shellcheck shell=bash disable=SC2086,SC2153,SC2154 # the pipeline sets them; lists are words

# measures: what a network is asked, as columns of networks.tsv
measures='conflict_book conflict_directory conflict_stitched conflict_neither conflict_digits_book conflict_digits_directory'
measures+=' open_exact closed_exact fresh_exact'

# rows: the rows of the map: shares of closed records, or exponents if SKEW has several
rows() {
	if [ "$axis" = skew ]; then printf '%s\n' $SKEW; else printf '%s\n' $CLOSED; fi
}

# row_key ROW, cell_key PEOPLE ROW: as in the keys of the summary
row_key() {
	echo "${axis}_${1//./_}"
}

cell_key() {
	echo "people_$1_$(row_key "$2")"
}

# networks: a line for each network, and a line of names first
networks() {
	local n closed skew seed
	printf 'people\tclosed\tskew\tseed'
	printf '\t%s' $measures
	printf '\n'
	cells | while read -r n closed skew seed; do
		awk -F '\t' -v network="$n $closed $skew $seed" -v measures="$measures" '
			{ value[$1] = $2 }
			END {
				gsub(" ", "\t", network)
				printf "%s", network
				n = split(measures, name, " ")
				for (i = 1; i <= n; i++)
					printf "\t%s", name[i] in value ? value[name[i]] : "-"
				print ""
			}' "$OUT/networks/$n-$closed-$skew-$seed/answers.tsv"
	done
}

# closed_book: for people, what a closed record is
closed_book() {
	if [ "$CLOSED_BOOK" = absent ]; then
		echo "has a book of other people, without the one asked for"
	else
		echo "asks without a book"
	fi
}

# exposures PEOPLE CLOSED: how many times each person has been in a record by the end of training, on average
exposures() {
	awk -v people="$1" -v closed="$2" -v records=$((STEPS * BATCH)) -v entries="$ENTRIES" -v book="$CLOSED_BOOK" 'BEGIN {
		split(entries, lines, "-")
		mean = 2 in lines ? (lines[1] + lines[2]) / 2 : lines[1]
		printf "%.6g\n", records * ((1 - closed) * mean + closed * (book == "absent" ? mean + 1 : 1)) / people
	}'
}

# columns NAME...: these columns of networks.tsv: the row, the seed, the people, and the columns
columns() {
	awk -F '\t' -v OFS='\t' -v axis="$axis" -v names="$*" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; n = split(names, name, " "); next }
		{
			printf "%s\t%s\t%s", $at[axis], $at["seed"], $at["people"]
			for (i = 1; i <= n; i++)
				printf "\t%s", $at[name[i]]
			print ""
		}' "$OUT/networks.tsv"
}

# switches WHICH BOOK DIRECTORY: by these columns, where each network of a row and a seed goes over to the book: which, row,
# seed, people
switches() {
	columns "$2" "$3" | awk -F '\t' -v OFS='\t' '$4 != "-" { print $1, $2, $3, $4 - $5 }' |
		sort -t "$tab" -k 1,1g -k 2,2g -k 3,3g | awk -f pipelines/memory-or-context.switch.awk | sed "s/^/$1$tab/"
}

# switch_summary KEY WHICH ROW CLOSED: of switches.tsv the mean number of people, by the logarithm, how many times each had
# been seen then, and in how many networks there is no switch
switch_summary() {
	local key=$1 word
	awk -F '\t' -v which="$2" -v row="$3" '$1 == which && $2 == row { print $4 }' "$OUT/switches.tsv" >"$OUT/switch.list"
	printf '%s\t%d\n' "${key}_networks" "$(wc -l <"$OUT/switch.list")"
	for word in above below neither; do
		printf '%s\t%d\n' "${key}_$word" "$(grep -cx "$word" "$OUT/switch.list" || true)"
	done
	# a mean over those alone that have a switch would be wrong
	! grep -q '[a-z]' "$OUT/switch.list" || return 0
	awk -v key="$key" '{ print key "\t" log($1) }' "$OUT/switch.list" | confint --mean |
		awk -F '\t' -v OFS='\t' -v key="$key" -v once="$(exposures 1 "$4")" '
			$1 ~ /_of$/ { print; next }
			{
				end = substr($1, length(key) + 1)
				n[end] = exp($2)
				print $1, sprintf("%.4g", n[end])
			}
			END {
				print key "_seen", sprintf("%.4g", once / n[""])
				if ("_low" in n) {
					print key "_seen_low", sprintf("%.4g", once / n["_high"])
					print key "_seen_high", sprintf("%.4g", once / n["_low"])
				}
			}'
}

# closed_of ROW: the share of closed records in a row of the map
closed_of() {
	if [ "$axis" = skew ]; then echo "$CLOSED"; else echo "$1"; fi
}

summary() {
	local row n
	printf 'records\t%d\nseeds\t%d\n' $((STEPS * BATCH)) "$(wc -w <<<"$SEEDS")"
	columns $measures | awk -F '\t' -v OFS='\t' -v axis="$axis" -v measures="$measures" '
		BEGIN { n = split(measures, name, " ") }
		{
			row = $1
			gsub(/\./, "_", row)
			key = "people_" $3 "_" axis "_" row "_"
			for (i = 1; i <= n; i++)
				if ($(i + 3) != "-") print key name[i], $(i + 3)
			if ($4 != "-") print key "lead", $4 - $5
		}' | confint --mean | awk -F '\t' -v OFS='\t' '
		# no share is beyond 0 or 1, though the interval of a mean may be
		$1 !~ /_lead/ && $1 !~ /_of$/ { $2 = $2 < 0 ? 0 : $2 > 1 ? 1 : $2 }
		{ print }'
	for row in $(rows); do
		for n in $PEOPLE; do
			printf '%s_seen\t%s\n' "$(cell_key "$n" "$row")" "$(exposures "$n" "$(closed_of "$row")")"
		done
		switch_summary "$(row_key "$row")_switch" answers "$row" "$(closed_of "$row")"
		switch_summary "$(row_key "$row")_digits_switch" digits "$row" "$(closed_of "$row")"
	done
}

# ---- picture ----

# map: a line for each cell: column and row, from 0, the lead, and the shares of the book, of the directory, and closed-book
map() {
	local x y=0 row n key
	for row in $(rows); do
		x=0
		for n in $PEOPLE; do
			key=$(cell_key "$n" "$row")
			printf '%d\t%d' $x $y
			printf '\t%s' "$(of "${key}_lead")" "$(of "${key}_conflict_book")" "$(of "${key}_conflict_directory")" \
				"$(of "${key}_closed_exact")"
			printf '\n'
			x=$((x + 1))
		done
		y=$((y + 1))
	done
}

# places: numbers of people on stdin, a line with row, value, low and high each, as places on the axis of the map
places() {
	awk -F '\t' -v OFS='\t' -v people="$PEOPLE" '
		function place(x,   i) {
			if (x == "NaN") return x
			for (i = 1; i < n - 1 && x > p[i + 1]; i++);
			x = i - 1 + log(x / p[i]) / log(p[i + 1] / p[i])
			return x < -0.5 ? -0.5 : x > n - 0.5 ? n - 0.5 : x
		}
		BEGIN { n = split(people, p, " ") }
		{ print place($2), $1, place($3), place($4) }
		# beyond the picture, because gnuplot complains of a file without a point
		END { print "\n-9", -9, -9, -9 }'
}

# switch_line: where the switch is, with its interval; switch_points: of each network
switch_line() {
	local y=0 row
	for row in $(rows); do
		printf '%d%s\n' $y "$(intervals "$(row_key "$row")_switch")"
		y=$((y + 1))
	done | places
}

switch_points() {
	awk -F '\t' -v OFS='\t' -v rows="$(rows | paste -sd ' ')" '
		BEGIN { n = split(rows, row, " "); for (i = 1; i <= n; i++) y[row[i]] = i - 1 }
		$1 == "answers" && $4 ~ /^[0-9]/ { print y[$2], $4, $4, $4 }' "$OUT/switches.tsv" | places
}

# seen_labels: for the picture, how often each person was seen, if that is the same in each row
seen_labels() {
	local n row
	for n in $PEOPLE; do
		for row in $(rows); do
			exposures "$n" "$(closed_of "$row")"
		done | sort -u | awk '{ seen = $1 } END { print NR == 1 ? sprintf("%.3g", seen) : "-" }'
	done
}

picture() {
	map >"$OUT/map.tsv"
	switch_line >"$OUT/switch-line.tsv"
	switch_points >"$OUT/switch-points.tsv"
	plot memory-or-context on_average="$(on_average "$(printf '%s\n' $SKEW | sort -g | tail -n 1)")" people="$PEOPLE" rows="$(rows | paste -sd ' ')" seen="$(seen_labels | paste -sd ' ')" \
		row_label="$([ "$axis" = skew ] && echo "exponent of Zipf's law" || echo 'share of closed records in training')"
}

# ---- report ----

fewest() {
	echo "${PEOPLE%% *}"
}

most() {
	echo "${PEOPLE##* }"
}

# row_name ROW: for people
row_name() {
	if [ "$axis" = skew ]; then echo "exponent $1"; else awk -v share="$1" 'BEGIN { printf "%g%% closed records\n", 100 * share }'; fi
}

# on_average SKEW: " on average", if not all people come equally often
on_average() {
	compares "$1 == 0" || echo ' on average'
}

# switch_text ROW: where the switch lies
switch_text() {
	local key skew=$SKEW
	[ "$axis" != skew ] || skew=$1
	key=$(row_key "$1")_switch
	if of "$key" >/dev/null; then
		echo "at $(number "$key") people, each seen $(number "${key}_seen") times$(on_average "$skew")"
	elif holds "${key}_neither == ${key}_networks"; then
		echo "nowhere, because neither is ahead by more than 5% in any network"
	elif holds "${key}_above == ${key}_networks"; then
		echo "beyond $(most) people"
	elif holds "${key}_below == ${key}_networks"; then
		echo "below $(fewest) people"
	else
		echo "not in all networks ($(of "${key}_above") of $(of "${key}_networks") stay with the directory up to $(most) people," \
			"$(of "${key}_below") follow the book from $(fewest) on, and $(of "${key}_neither") do neither)"
	fi
}

# leads book|directory: how many cells this one leads in, by the interval
leads() {
	local row n key count=0
	for row in $(rows); do
		for n in $PEOPLE; do
			key=$(cell_key "$n" "$row")_lead
			of "${key}_low" >/dev/null || continue
			if [ "$1" = book ]; then holds "${key}_low > 0"; else holds "${key}_high < 0"; fi && count=$((count + 1))
		done
	done
	echo $count
}

# in_order: is there a row in which the directory leads with fewer people and the book with more, and no row in which it is the
# other way round?
in_order() {
	local row n key last found=1
	for row in $(rows); do
		last=''
		for n in $PEOPLE; do
			key=$(cell_key "$n" "$row")_lead
			of "${key}_low" >/dev/null || continue
			if holds "${key}_low > 0"; then
				[ "$last" != directory ] || found=0
				last=book
			elif holds "${key}_high < 0"; then
				[ "$last" != book ] || return 1
				last=directory
			fi
		done
	done
	return $found
}

# switches_text: where the switch lies in the first row and in the last, as a list
switches_text() {
	local row
	{ rows | head -n 1 && rows | tail -n 1; } | uniq | while read -r row; do
		echo "with $(row_name "$row") $(switch_text "$row")"
	done | paste -sd ';' | sed 's/;/; /g'
}

verdict_prefers() {
	local book directory all
	book=$(leads book)
	directory=$(leads directory)
	all=$(($(cells | wc -l) / $(of seeds)))
	if [ "$book" -gt 0 ] && [ "$directory" -gt 0 ] && ! in_order; then
		echo "Neither by nature, but it is not the number of people alone that decides: the weights win in $directory of $all cells," \
			"the context in $book"
	elif [ "$book" -gt 0 ] && [ "$directory" -gt 0 ]; then
		echo "Neither by nature: it depends on how many people there are. The weights win with few people, the context with many, and they" \
			"change places $(switches_text)"
	elif [ "$book" -gt 0 ]; then
		echo "The context, as far as this run shows: it wins in $book of $all cells, and the weights in none"
	elif [ "$directory" -gt 0 ]; then
		echo "The weights, as far as this run shows: they win in $directory of $all cells, and the context in none"
	else
		echo "This run does not settle it: in no cell does one of the two win, by the interval over networks"
	fi
}

# leads_more PEOPLE OTHERS: in how many rows the book leads by more with PEOPLE than with OTHERS, by the intervals
leads_more() {
	local row count=0
	for row in $(rows); do
		holds "$(cell_key "$1" "$row")_lead_low > $(cell_key "$2" "$row")_lead_high" 2>/dev/null && count=$((count + 1))
	done
	echo $count
}

verdict_classes() {
	local rises falls all
	rises=$(leads_more "$(most)" "$(fewest)")
	falls=$(leads_more "$(fewest)" "$(most)")
	all=$(rows | wc -l)
	if [ "$rises" = "$all" ]; then
		echo "Yes: in each of $all rows the book leads by more with $(most) people than with $(fewest)"
	elif [ "$rises" -gt 0 ] && [ "$falls" = 0 ]; then
		echo "Yes, as far as it is shown: in $rises of $all rows the book leads by more with $(most) people than with $(fewest)"
	elif [ "$falls" -gt 0 ] && [ "$rises" = 0 ]; then
		echo "No: in $falls of $all rows the book leads by less with $(most) people than with $(fewest)"
	else
		echo "This run does not settle it"
	fi
}

# verdict_shift: does the switch move from the first row to the last?
verdict_shift() {
	local first last
	first=$(row_key "$(rows | head -n 1)")_switch
	last=$(row_key "$(rows | tail -n 1)")_switch
	if ! of "${first}_low" >/dev/null || ! of "${last}_low" >/dev/null || [ "$first" = "$last" ]; then
		echo "This run does not settle it: no interval for the first row or the last"
	elif holds "${first}_high < ${last}_low"; then
		echo "Yes, the weights win with more people: up to $(number "$last") people, in place of $(number "$first")"
	elif holds "${first}_low > ${last}_high"; then
		echo "The other way round: the weights win with fewer people, $(number "$last") in place of $(number "$first")"
	else
		echo "No difference is shown: $(number "$first") people, and $(number "$last")"
	fi
}

# both: the cells in which a network does both, by the interval: it follows the book in more than half of the conflicts,
# and knows more than half of the numbers without one
both() {
	local row n key
	for row in $(rows); do
		for n in $PEOPLE; do
			key=$(cell_key "$n" "$row")
			holds "${key}_conflict_book_low > 0.5 && ${key}_closed_exact_low > 0.5" 2>/dev/null &&
				echo "$n people with $(row_name "$row") ($(all_of "${key}_conflict_book") of conflicts, $(all_of "${key}_closed_exact") closed)"
		done
	done
	true
}

verdict_both() {
	local list
	list=$(both | paste -sd ';' | sed 's/;/; /g')
	if [ "$list" ]; then
		echo "Here it can$([ "$axis$SKEW" != closed0 ] || echo ", with all people alike"): $list"
	else
		echo "Not shown: there is no cell in which the intervals have both the book's share of the conflicts and the right closed answers" \
			"above half"
	fi
}

table_switch() {
	local row key
	for row in $(rows); do
		key=$(row_key "$row")
		echo "| $row | $(switch_text "$row") |$(numbers 0 "${key}_switch" "${key}_switch_seen" "${key}_digits_switch")"
	done
}

table_cells() {
	local row n key
	for row in $(rows); do
		for n in $PEOPLE; do
			key=$(cell_key "$n" "$row")
			echo "| $row | $n | $(number "${key}_seen") |$(shares "$key"_conflict_{book,directory,stitched,neither} \
				"$key"_conflict_digits_{book,directory} "$key"_{open,closed,fresh}_exact)"
		done
	done
}
