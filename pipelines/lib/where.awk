# where.awk - mean effects of patches by place in the text. Input: a line "id, entry asked for" for each
# text, then lines of act-patch --sweep. Places are the same in two texts if they lie in spans of the same kind at
# the same offset. Of the entries of a text, the one asked for is told from the others, over which the mean
# is taken. What lies between two spans belongs to the first of them.
#
# Output: a line for each place and part, with tabs: number of the place, number of the part, mean effect, group of
# the place, its offset there ("-" if whole spans were patched), part, row of the place where
# it was first seen. A group in which nothing has an effect is left
# out, and of whole spans all that have less than 0.005.
# Variable: each, "row" or "span".
BEGIN { FS = OFS = "\t"; last = 1 }
FNR == NR { asked[$1] = $2; next }
$11 == "-" { next }
$1 != id || $2 != part {
	id = $1; part = $2; kind = "begin"; entry = "-"; offset = -1
	if (!(part in part_number)) { part_number[part] = parts++; name[parts] = part }
}
{
	between = $6 == "-" ? 1 : 0
	if (!between) { kind = $6; entry = $7; offset = $8 }
	else if (each == "row") offset++
	gsub(/[^A-Za-z0-9 _.:-]/, "?", kind) # for gnuplot
	whose = entry == "-" ? "" : entry == asked[id] ? "asked" : "other"
	if (whose == "other") many[kind]
	where = kind "\t" whose
	if (!(where in group_seen)) { group_seen[where]; group[groups++] = where }
	place = where "\t" (each == "row" ? offset : between)
	if (!(place in row)) row[place] = $5
	if (each == "row" && offset + 0 > last) last = offset + 0
	sum[place, part] += $11; n[place, part]++
}
# The entry asked for comes first, then the others, then what belongs to no entry. A kind of which a text has one
# span alone belongs to none.
function rank(where,    word) {
	split(where, word, "\t")
	return word[1] == "begin" ? 0 : !(word[1] in many) || word[2] == "" ? 3 : word[2] == "asked" ? 1 : 2
}
function label(where,    word) {
	split(where, word, "\t")
	return word[1] (rank(where) == 1 ? " (asked for)" : rank(where) == 2 ? " (other lines)" : "")
}
# column: what is left out together
function column(where, o) { return each == "row" ? where : where "\t" o }
END {
	least = each == "row" ? 5e-7 : 0.005
	for (g = 0; g < groups; g++)
		for (o = 0; o <= last; o++)
			for (p = 1; p <= parts; p++)
				if ((group[g] "\t" o, name[p]) in n) {
					effect = mean[g, o, p] = sum[group[g] "\t" o, name[p]] / n[group[g] "\t" o, name[p]]
					if (effect > least || effect < -least) shown[column(group[g], o)]
				}
	for (r = 0; r <= 3; r++)
		for (g = 0; g < groups; g++)
			for (o = 0; o <= last; o++)
				if (rank(group[g]) == r && column(group[g], o) in shown && (group[g] "\t" o) in row) {
					for (p = 1; p <= parts; p++)
						if ((g, o, p) in mean)
							print number + 0, p - 1, mean[g, o, p], (each == "span" && o ? "after " : "") label(group[g]), \
								(each == "row" ? o : "-"), name[p], row[group[g] "\t" o]
					number++
				}
}
