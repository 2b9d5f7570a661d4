# quiz-lookup.answers.awk - what answers to invented facts are: the fact's, one of those that the network was trained on, or
# neither. Files: line of the question and a known answer; id and line of each record; the table of recall-score --each.
# A record whose fact states a known answer of its question tells nothing, and is left out. If no answers are known, none is
# by heart.
BEGIN { FS = OFS = "\t" }
FILENAME == ARGV[1] { known[$1, $2]; any = 1; next }
FILENAME == ARGV[2] { line[$1] = $2; next }
FNR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
{
	stated = $at["contextual"]
	given = $at["given"]
	question = line[$at["id"]]
	if ((question, stated) in known) {
		left++
		next
	}
	what = given == stated ? "lookup" : (question, given) in known ? "heart" : "neither"
	kind = stated ~ /^[0-9][0-9.,]*$/ ? "numbers" : "words"
	n["all"]++
	n[kind]++
	count["all", what]++
	count[kind, what]++
}
END {
	kinds = split("all words numbers", kind_of, " ")
	whats = split("lookup heart neither", what_of, " ")
	for (i = 1; i <= kinds; i++)
		for (j = 1; j <= whats; j++)
			if (any || what_of[j] != "heart")
				print key "_" kind_of[i] "_" what_of[j], count[kind_of[i], what_of[j]] + 0, n[kind_of[i]] + 0
	if (any)
		print key "_left", left + 0, left + n["all"]
}
