# answers.sh - what a model answers, and how likely it finds answers.
# shellcheck shell=bash

# answer MODEL BOOKS FOLDER OPTION...: what gpt-sample answers to books, in
# FOLDER/answers.mp, its score in score.tsv, and the score book by book in each.tsv
answer() {
	local model=$1 books=$2 folder=$3
	shift 3
	mkdir -p "$folder"
	gpt-sample --quiet "$model" "$@" "$books" >"$folder/answers.mp"
	recall-score "$folder/answers.mp" >"$folder/score.tsv"
	recall-score --each "$folder/answers.mp" >"$folder/each.tsv"
}

# scored MODEL BOOKS... [OPTION...]: the score of greedy answers to books, on stdout
scored() {
	gpt-sample --quiet --from answer --greedy "$@" | recall-score
}

# answer_losses MODEL BOOKS... [OPTION...]: the loss of the true answer, of each record: id, nats
answer_losses() {
	gpt-score --quiet --probs 0 --kinds answer "$@" | topk-dump | awk -F '\t' -v OFS='\t' '
		NR > 1 { if (!($1 in sum)) id[++n] = $1; sum[$1] -= log($6 > 0 ? $6 : 1e-45) }
		END { for (i = 1; i <= n; i++) print id[i], sum[id[i]] }'
}

# counted KEY[|KEY...]: of recall-score's summary on stdin these shares, with their intervals
# and counts
counted() {
	grep -E "^($1)(_low|_high|_right|_of)?"$'\t'
}

# digit_groups: of recall-score's summary on stdin digits 1-3, 4-6 and 7-10 together, and
# all of them: how many are right, as digits_begin, digits_middle, digits_end and digits_all
digit_groups() {
	awk -F '\t' -v OFS='\t' '
		match($1, /^digit_[0-9]+_(right|of)$/) {
			split($1, word, "_")
			group = word[2] <= 3 ? "begin" : word[2] <= 6 ? "middle" : "end"
			n[group, word[3]] += $2; n["all", word[3]] += $2
		}
		END {
			m = split("begin middle end all", name, " ")
			for (i = 1; i <= m; i++)
				print "digits_" name[i], n[name[i], "right"] + 0, n[name[i], "of"] + 0
		}' | confint --share
}

# conflict_digits: of recall-score's summary on stdin, where the numbers of book and directory have different digits: what
# share of the digits of the answers is the book's, and what share the directory's
conflict_digits() {
	awk -F '\t' -v OFS='\t' '
		match($1, /^conflict_(book|directory)_digit_[0-9]+_(right|of)$/) {
			split($1, word, "_")
			n[word[2], word[5]] += $2
		}
		END {
			print "conflict_digits_book", n["book", "right"] + 0, n["book", "of"] + 0
			print "conflict_digits_directory", n["directory", "right"] + 0, n["directory", "of"] + 0
		}' | confint --share
}

# brackets KEY EACH...: how many answers open with a bracket, as a fact does
brackets() {
	local key=$1
	shift
	awk -F '\t' -v OFS='\t' -v key="$key" '
		FNR > 1 { n++; brackets += $8 ~ /^ ?\(/ }
		END { print key, brackets + 0, n + 0 }' "$@" | confint --share
}
