# temperature.awk - what each question got at one temperature. Reads recall-score's each.tsv and
# repeat-score's table side by side: a line for each text. Prints a line for each question: `key`,
# then the columns of questions.tsv from id on.
BEGIN { FS = OFS = "\t" }

function mean(sum, n) { return n > 0 ? sum / n : "-" }

NR == 1 { next }

{
	id = $1; text = $8
	if (!(id in n)) order[++ids] = id
	n[id]++; right[id] += $3
	# right behind a fact of the model's own, too
	pieces = split(text, piece, /\): /)
	recited[id] += $3 || (pieces > 1 && piece[pieces] == $9)
	if (!((id, text) in seen)) { seen[id, text]; distinct[id]++ }
	opens[id] += text ~ /^\(/
	characters[id] += $18
	if ($19 != "-") { letter_texts[id]++; letters[id] += $19; letters_excess[id] += $20 }
	if ($21 != "-") { word_texts[id]++; words[id] += $21; words_excess[id] += $22 }
	written[id] += $23; known[id] += $24
}

END {
	for (i = 1; i <= ids; i++) {
		id = order[i]
		print key, id, n[id], right[id] / n[id], (right[id] > 0), distinct[id], characters[id] / n[id],
			mean(words[id], word_texts[id]), mean(words_excess[id], word_texts[id]),
			mean(letters[id], letter_texts[id]), mean(letters_excess[id], letter_texts[id]),
			opens[id] / n[id], mean(known[id], written[id]), recited[id] / n[id]
	}
}
