# temperature.rises.awk - of questions.tsv, by how much three shares of each question are higher at
# temperatures from 1 on than below 1 (KEY_rise), and at the last temperature (KEY_last_rise).
BEGIN { FS = OFS = "\t"; split("right any recited", what, " "); split("6 7 16", column, " ") }

NR == 1 || $3 == "greedy" { next }

{
	q = $1 "_" $2 SUBSEP $4
	if (!(q in seen)) { seen[q]; order[++m] = q }
	if ($3 < 1) below[q]++
	else above[q]++
	for (w = 1; w <= 3; w++) {
		if ($3 < 1) low[q, w] += $column[w]
		else high[q, w] += $column[w]
		if ($3 == last) end[q, w] = $column[w]
	}
}

END {
	for (i = 1; i <= m; i++) {
		q = order[i]; split(q, part, SUBSEP)
		for (w = 1; below[q] && above[q] && w <= 3; w++) {
			print part[1] "_" what[w] "_rise", high[q, w] / above[q] - low[q, w] / below[q]
			print part[1] "_" what[w] "_last_rise", end[q, w] - low[q, w] / below[q]
		}
	}
}
