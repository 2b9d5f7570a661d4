# sweep.report.sh - what pipelines/sweep says about its cells: the table, means over seeds, the picture, the report.
# shellcheck shell=bash disable=SC2154 # the pipeline sets axes, metric, goal and so on

# lost: how many cells have neither a result nor a reason
lost() {
	local name n=0
	while IFS= read -r name; do
		[ -n "$(cell_state "$name")" ] || n=$((n + 1))
	done <"$OUT/names"
	echo $n
}

# table: a line for each cell, and a line of names first: the options of the grid, status, what the evaluation printed, val_loss,
# seconds, host, cell. A key of the evaluation that is the name of another column gets evaluation_ before it. "-" is nothing.
table() {
	local name
	while IFS= read -r name; do
		printf '%s\t%s\t%s\n' "$name" "$(cell_state "$name")" "$(cat "$OUT/cells/$name/host" 2>/dev/null)"
	done <"$OUT/names" >"$OUT/states"
	axes="${axes[*]}" folder=$OUT/cells awk -F '\t' -v OFS='\t' '
		BEGIN { n = split(ENVIRON["axes"], axis, " "); for (i = 1; i <= n; i++) taken[axis[i]]; taken["status"]; taken["host"]; taken["cell"] }
		FILENAME == ARGV[1] { state[$1] = $2 == "" ? "none" : $2; host[$1] = $3 == "" ? "-" : $3; next }
		{
			cell[++cells] = $1
			for (i = 2; i <= NF; i++) { at = index($i, "="); of[$1, substr($i, 1, at - 1)] = substr($i, at + 1) }
			if (state[$1] != "done") next
			file = ENVIRON["folder"] "/" $1 "/result.tsv"
			for (line = 1; (getline text <file) > 0; line++) {
				split(text, part, "\t")
				key = part[1]
				own = key ~ /^(val_loss|seconds)$/ && !(($1, key) in value)
				if (!own && (key in taken || key ~ /^(val_loss|seconds)$/)) key = "evaluation_" key
				if (!own && !(key in seen)) { seen[key]; column[++columns] = key }
				if (own) has[key]
				value[$1, key] = part[2]
			}
			close(file)
		}
		END {
			if ("val_loss" in has) column[++columns] = "val_loss"
			column[++columns] = "seconds"
			for (i = 1; i <= n; i++) printf "%s\t", axis[i]
			printf "status"
			for (i = 1; i <= columns; i++) printf "\t%s", column[i]
			print "\thost\tcell"
			for (c = 1; c <= cells; c++) {
				name = cell[c]
				for (i = 1; i <= n; i++) printf "%s\t", (name, axis[i]) in of ? of[name, axis[i]] : "-"
				printf "%s", state[name]
				for (i = 1; i <= columns; i++) printf "\t%s", (name, column[i]) in value ? value[name, column[i]] : "-"
				print "", host[name], name
			}
		}' "$OUT/states" "$OUT/grid.tsv"
	rm "$OUT/states"
}

# has_column NAME: has the table this column, with a number somewhere?
has_column() {
	name=$1 awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == "status") from = i; for (i = from + 1; i < NF - 1; i++) if ($i == ENVIRON["name"]) at = i }
		NR > 1 && at && $at != "-" { found = 1 }
		END { exit !found }' "$OUT/table.tsv"
}

# points: of the table, a line for each combination of options but the seed, and a line of names first: point, the options,
# and the mean of the metric over seeds, the ends of its interval (NaN of one seed), how many seeds. The interval of a share ends at
# 0 and 1; a metric is a share if the table has how many are right, NAME_right, of NAME_of. The means go to summary.tsv, too.
points() {
	axes="${axes[*]}" metric=$metric awk -F '\t' '
		NR == 1 { n = split(ENVIRON["axes"], axis, " "); for (i = NF; i > n; i--) if ($i == ENVIRON["metric"]) at = i; next }
		{
			key = ""
			for (i = 1; i <= n; i++) if (axis[i] != "seed") key = key "\t" $i
			if (!(key in point)) { point[key] = ++points; print points key >"/dev/stderr" }
			if (at && $at != "-") print "point_" point[key] "\t" $at
		}' "$OUT/table.tsv" 2>"$OUT/points.new" | confint --mean |
		awk -F '\t' -v OFS='\t' -v share="$(has_column "${metric}_right" && has_column "${metric}_of" && echo 1)" '
			share && $1 ~ /_(low|high)$/ { $2 = $2 < 0 ? 0 : $2 > 1 ? 1 : $2 }
			{ print }' >"$OUT/summary.tsv"
	{
		printf 'point'
		for name in "${axes[@]}"; do [ "$name" = seed ] || printf '\t%s' "$name"; done
		printf '\tmean\tlow\thigh\tnetworks\n'
		awk -F '\t' -v OFS='\t' '
			FILENAME == ARGV[1] { value[$1] = $2; next }
			function of(end) { return ("point_" $1 end) in value ? value["point_" $1 end] : "NaN" }
			{ print $0, of(""), of("_low"), of("_high"), of("_of") == "NaN" ? 0 : of("_of") }' "$OUT/summary.tsv" "$OUT/points.new"
	} >"$OUT/points.tsv"
	rm "$OUT/points.new"
	best=$(goal=$goal awk -F '\t' 'NR > 1 && $(NF - 3) != "NaN" {
		if (best == "" || (ENVIRON["goal"] == "min" ? $(NF - 3) < value : $(NF - 3) > value)) { best = $1; value = $(NF - 3) }
	} END { print best }' "$OUT/points.tsv")
	printf 'best\t%s\n' "$best" >>"$OUT/summary.tsv"
	awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = at[$i] ? at[$i] : i; next } { n[$at["status"]]++ }
		END { print "cells\t" NR - 1 "\ncells_done\t" n["done"] + 0 "\ncells_failed\t" n["failed"] + 0 }' "$OUT/table.tsv" >>"$OUT/summary.tsv"
}

# varying: the options with several values, a line each, without the seed
varying() {
	awk -F '\t' '
		NR == 1 { for (i = 2; i <= NF - 4; i++) name[i] = $i; next }
		{ for (i in name) if (!((i, $i) in seen)) { seen[i, $i]; values[i]++ } }
		END { for (i = 2; i in name; i++) if (values[i] > 1) print name[i] }' "$OUT/points.tsv"
}

# fixed: options with one value, in words
fixed() {
	local name
	for name in "${axes[@]}"; do
		[ "$name" = seed ] || grep -qxF -- "$name" <<<"$vary" ||
			name=$name awk -F '\t' 'NR == 1 { for (i = NF; i > 1; i--) if ($i == ENVIRON["name"]) at = i } NR == 2 { print $1 = ENVIRON["name"] " " $at }' "$OUT/points.tsv"
	done | paste -sd '|' | sed 's/|/, /g'
}

# curves: lines of the picture: series, place on the axis, mean, low, high, the value of the option as text. If --series
# is given, at each point the best of the other options.
curves() {
	x=$x series=$series goal=$goal vary=$(paste -sd ' ' <<<"$vary") awk -F '\t' -v OFS='\t' '
		NR == 1 {
			for (i = 2; i <= NF - 4; i++) at[$i] = i
			n = split(ENVIRON["vary"], option, " ")
			x = ENVIRON["x"]; series = ENVIRON["series"]
			next
		}
		{ row[NR] = $0; if ($at[x] !~ /^[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?$/) words = 1 }
		END {
			for (r = 2; r <= NR; r++) {
				$0 = row[r]
				label = ""
				if (series != "")
					label = series " " $at[series]
				else
					for (i = 1; i <= n; i++) if (option[i] != x) label = label (label == "" ? "" : ", ") option[i] " " $at[option[i]]
				value = x == "" ? "" : $at[x]
				if (!(label in number)) { number[label] = ++labels; name[labels] = label }
				if (!(value in place)) { place[value] = words ? ++places : value + 0 }
				key = number[label] OFS place[value]
				mean = $(NF - 3)
				if (mean == "NaN" || (key in best && (ENVIRON["goal"] == "min" ? best[key] <= mean : best[key] >= mean))) continue
				best[key] = mean
				line[key] = key OFS mean OFS $(NF - 2) OFS $(NF - 1) OFS value
			}
			for (key in line) print line[key]
			for (i = 1; i <= labels; i++) print name[i] >"/dev/stderr"
		}' "$OUT/points.tsv" 2>"$OUT/labels" | sort -t $'\t' -k 1,1n -k 2,2g >"$OUT/curves.tsv"
}

# log_scale: is the axis to be a logarithmic one?
log_scale() {
	awk -F '\t' '{ if (NR == 1 || $2 < low) low = $2; if ($2 > high) high = $2; if ($6 != $2 && $6 + 0 != $2) words = 1; if ($6 !~ /[0-9]/) words = 1 }
		END { exit !(!words && low > 0 && high >= 8 * low) }' "$OUT/curves.tsv"
}

# ---- words ----

# setting POINT: its options that vary, in words
setting() {
	point=$1 vary=$(paste -sd ' ' <<<"$vary") awk -F '\t' '
		NR == 1 { for (i = 2; i <= NF - 4; i++) at[$i] = i; n = split(ENVIRON["vary"], option, " "); next }
		$1 == ENVIRON["point"] { for (i = 1; i <= n; i++) printf "%s%s %s", (i > 1 ? ", " : ""), option[i], $at[option[i]]; print "" }' "$OUT/points.tsv"
}

# significant KEY: a value of the summary with its interval, to four digits
significant() {
	awk -F '\t' -v key="$1" '{ value[$1] = $2 } END {
		if (!(key in value)) print "-"
		else if (!((key "_low") in value)) printf "%.4g\n", value[key]
		else printf "%.4g (%.4g to %.4g)\n", value[key], value[key "_low"], value[key "_high"] }' "$OUT/summary.tsv"
}

# rivals: how many other points have an interval that overlaps that of the best one
rivals() {
	best=$best awk -F '\t' '
		FNR == 1 { pass++; next }
		pass == 1 { if ($1 == ENVIRON["best"]) { low = $(NF - 2); high = $(NF - 1) }; next }
		$1 != ENVIRON["best"] && $(NF - 2) != "NaN" && $(NF - 2) <= high && $(NF - 1) >= low { n++ }
		END { print n + 0 }' "$OUT/points.tsv" "$OUT/points.tsv"
}

verdict() {
	local where n points
	if [ -z "$best" ]; then
		echo "No cell has a result."
		return
	fi
	where=$(setting "$best")
	points=$(($(wc -l <"$OUT/points.tsv") - 1))
	echo -n "The best $metric is $(significant "point_$best")${where:+, at $where}."
	if [ "$points" -eq 1 ]; then
		echo
	elif ! of "point_${best}_low" >/dev/null; then
		echo " It is of one network, so nobody knows how much of it is chance: sweep over --seed, too."
	else
		n=$(rivals)
		echo " Of the other $((points - 1)) combinations, $n have intervals that overlap its interval."
	fi
}

# table_points: the points, a row each, the best one in bold
table_points() {
	local name point
	{ cat <<<"$vary"; echo "$metric"; echo networks; } | grep . | awk '{ printf "| %s ", $0; rule = rule "| --- " } END { print "|"; print rule "|" }'
	tail -n +2 "$OUT/points.tsv" | cut -f 1 | while read -r point; do
		name=$(significant "point_$point")
		[ "$point" != "$best" ] || name="**$name**"
		setting "$point" | vary=$(paste -sd ' ' <<<"$vary") awk '{
			n = split(ENVIRON["vary"], option, " ")
			for (i = 1; i <= n; i++) {
				sub(/^[^ ]* /, "")
				at = i < n ? index($0, ", " option[i + 1] " ") : 0
				printf "| %s ", at ? substr($0, 1, at - 1) : $0
				$0 = substr($0, at + 2)
			} }'
		printf '| %s | %s |\n' "$name" "$(of "point_${point}_of" || echo 0)"
	done
}

# swept: the options that vary, as words
swept() {
	paste -sd '|' <<<"${vary:-$x}" | sed 's/|/, /g'
}

counts() {
	echo "$(of cells_done) of $(of cells) cells have a result."
	[[ " ${axes[*]} " != *" seed "* ]] || echo "The mean over seeds has its 95% interval (Student's t) in brackets, if there are two seeds or more."
}

picture() {
	[ ! -s "$OUT/curves.tsv" ] || echo "![$metric by $x](sweep.png)"
}

# drawn: what the lines are, if they are the best of several combinations
drawn() {
	local others
	others=$(grep -vxF -e "$x" -e "$series" <<<"$vary" | paste -sd '|' | sed 's/|/, /g')
	[ -z "$series" ] || [ -z "$others" ] || echo "Each point of the picture has the best of all values of: $others."
}

# choice: what the best of many is worth
choice() {
	[ "$(wc -l <"$OUT/points.tsv")" -lt 3 ] ||
		echo "The best of many is partly the luckiest: with other seeds, or on other questions, its mean is likely to be a little worse."
}

all_have() {
	local words
	words=$(fixed)
	echo "${words:-nothing in common but gpt-train\'s defaults}"
}

# continues: how to go on
continues() {
	echo "The same command goes on where it stopped and tries failed cells again; with more values, it runs the new cells alone."
}

# table_hosts: who did what
table_hosts() {
	awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["status"] != "none" { host = $at["host"]; cells[host]++; failed[host] += $at["status"] == "failed"; seconds[host] += $at["seconds"] }
		END { for (host in cells) printf "| %s | %d | %d | %.0f |\n", host, cells[host] - failed[host], failed[host], seconds[host] }' "$OUT/table.tsv" | sort
}

# failures: which cells have no result, and why, as a list
failures() {
	local name
	while IFS= read -r name; do
		case $(cell_state "$name") in
		failed) printf '%s\n' "- $(cat "$OUT/cells/$name/label"): $(tr '|<`' '   ' <"$OUT/cells/$name/failed")" ;;
		'') echo "- $(cat "$OUT/cells/$name/label"): it was not run to its end" ;;
		esac
	done <"$OUT/names" | { grep . || echo "All cells have a result."; }
}

# conclude: table, summary, picture and report. Ends with status 1 if a cell has no result, and with 2 if the table has no
# such metric.
conclude() {
	local without
	table >"$OUT/table.new"
	mv "$OUT/table.new" "$OUT/table.tsv"
	without=$(($(wc -l <"$OUT/names") - $(awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } $at["status"] == "done"' "$OUT/table.tsv" | wc -l)))
	if [ "$without" -lt "$(wc -l <"$OUT/names")" ] && ! has_column "$metric"; then
		refuse "--metric: the table has no numbers called $(printf %q "$metric"); it has $(head -n 1 "$OUT/table.tsv" | tr '\t' '\n' |
			sed '1,/^status$/d; /^host$/,$d' | head -n 12 | paste -sd ' ')"
	fi
	points
	vary=$(varying)
	[ -n "$x" ] || x=$(head -n 1 <<<"$vary")
	[ -n "$x" ] || x=$(printf '%s\n' "${axes[@]}" | grep -vx -m 1 seed || true)
	curves
	if [ -s "$OUT/curves.tsv" ]; then
		plot sweep metric="$metric" x="$x" labels="$(cat "$OUT/labels")" logarithmic="$(log_scale && echo 1 || echo 0)" \
			ticks="$(cut -f 2,6 "$OUT/curves.tsv" | sort -u -k 1,1g)" \
			range="$(cut -f 2 "$OUT/curves.tsv" | sort -g | sed -n '1p;$p' | paste -sd ' ')" \
			flat="$(cut -f 3 "$OUT/curves.tsv" | sort -u | awk 'NR == 1 { x = $1 } END { if (NR == 1) print x }')"
	fi
	report "$(verdict)"
	if [ "$without" -gt 0 ]; then
		trap - EXIT
		say "$without of $(wc -l <"$OUT/names") cells have no result; report.md says why. The same command tries them again"
		exit 1
	fi
}
