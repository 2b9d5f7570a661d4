# temperature.awk - what each question got at one temperature. Reads recall-score's each.tsv and
# repeat-score's table side by side: a line for each text. Prints a line for each question: `key`,
# then the columns of questions.tsv from id on.
BEGIN { FS = OFS = "\t" }

function mean(sum, n) { return n > 0 ? sum / n : "-" }

NR == 1 { for (i = NF; i > 0; i--) at[$i] = i; next } # id and sample, of both, are the first ones

{
	id = $at["id"]; text = $at["given"]
	if (!(id in n)) order[++ids] = id
	n[id]++; right[id] += $at["exact"]
	# right behind a fact of the model's own, too
	pieces = split(text, piece, /\): /)
	recited[id] += $at["exact"] || (pieces > 1 && piece[pieces] == $at["want"])
	if (!((id, text) in seen)) { seen[id, text]; distinct[id]++ }
	opens[id] += text ~ /^\(/
	characters[id] += $at["characters"]
	if ($at["repeated_characters"] != "-") { letter_texts[id]++; letters[id] += $at["repeated_characters"]; letters_excess[id] += $at["excess_characters"] }
	if ($at["repeated_words"] != "-") { word_texts[id]++; words[id] += $at["repeated_words"]; words_excess[id] += $at["excess_words"] }
	written[id] += $at["words"]; known[id] += $at["known"]
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
