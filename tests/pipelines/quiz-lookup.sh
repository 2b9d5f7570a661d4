#!/bin/bash
# quiz-lookup.sh - pipelines/quiz-lookup: networks that are too small to know anything, a run that is stopped, and what answers
# are, on answers that are made up.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1
name=quiz-lookup

# Records are fewer than answers of a question, and more than questions.
export STEPS=5 BATCH=8 NONCES='1  4 0' QUESTIONS='5 12' SEEDS=2 SEED=5 ROUNDS=2
runs $name JOBS=2
found=$results/$name
is_value $name questions 45
is_value $name held_out 16
is_value $name records 40
for key in nonces_1 nonces_4 nonces_0 questions_5 questions_12; do
	for share in trained_all_lookup new_all_lookup new_all_heart new_words_neither new_numbers_heart held_all_lookup; do
		is_value $name ${key}_${share}_of 2
	done
done
is "$(awk -F '\t' '$1 ~ /_(lookup|heart|neither)$/ { key = $1; sub(/_[a-z]*$/, "", key); sum[key] += $2 }
	END { for (key in sum) printf "%.6g\n", sum[key] }' "$found/summary.tsv" | sort | uniq -c | tr -s ' ')" " 45 1" \
	"what answers are adds up to all of them: five kinds of networks, three sorts of questions, three kinds of answers"
is "$(awk '$1 ~ /_all_lookup|_left/ { print $1, $3 }' "$found/networks/1-all-5/shares.tsv" | paste -sd ' ')" \
	"trained_all_lookup 40 new_all_lookup 90 new_left 90 held_all_lookup 32" "how many answers there are"
is_value $name nonces_4_times "$(awk 'BEGIN { printf "%.4g", 40 / 45 / 4 }')"
is_value $name questions_5_times 1
is "$(wc -l <"$found/nonces.tsv") $(wc -l <"$found/questions.tsv")" "3 3" "points of the picture"
is "$(grep -cE '^\| (1|4|new each time|5|12|45) \|' "$found/report.md")" 9 "lines of the tables"
is "$(sed -n '/^| question | the fact says/,/^$/p' "$found/report.md" | grep -c '^| .*? |')" 6 "some answers"

# The right answer is the fact's; what was asked is new, and of the same questions.
numbers_of() {
	mpcat "$1" | jq '.item.nonce' | sort -n | uniq | paste -sd ' '
}
is "$(numbers_of "$found/networks/4-all-5/new.mp")" "4 5" "answers that are new after four"
is "$(numbers_of "$found/networks/0-5-5/new.mp")" "8 9" "answers that are new after eight passes"
is "$(numbers_of "$found/networks/1-all-6/trained.mp")" "0" "one answer"
answers=$(qamix -q --fact nonce --seed 6 --count 40 "$found/questions-5.jsonl" | mpcat | jq -r '.spans[-1] as $s | .text[$s[0]:$s[1]]' | sort)
is "$(mpcat "$found/networks/0-5-6/new.mp" | jq -r '.spans[] as $s | select($s[2] == "contextual") | .text[$s[0]:$s[1]]' | sort |
	comm -12 - <(echo "$answers"))" "" "none of them was in the training"
is "$(mpcat "$found/networks/0-5-6/trained.mp" | jq -r '.spans[] as $s | select($s[2] == "contextual") | .text[$s[0]:$s[1]]' | sort |
	comm -23 - <(echo "$answers"))" "" "all answers of the training were"
is "$(comm -12 <(sort "$found/questions-all.jsonl") <(mpcat "$found/held.mp" | jq '.item.line' | sort -u | while read -r line; do
	sed -n "${line}p" "$found/questions.jsonl"; done | sort))" "" "held-out questions are not trained on"
is "$(head -n 5 "$found/questions-all.jsonl" | cksum)" "$(cksum <"$found/questions-5.jsonl")" "fewer questions are a part of more"

# A network that was cut off, and networks that had not begun.
goes_on $name 10 shares.tsv

# Questions of one's own, as an array, with signs that a table or a shell could take for its own.
jq -sc 'map(select((.answer | length) > 3))[:40] | map(.question += " \\ $(x) | `y`\t?") + [{instruction: "i", output: "long enough"}]' \
	testdata/quiz.jsonl >"$TMP/a quiz.json"
runs $name JOBS=2 QUIZ="$TMP/a quiz.json" NONCES='2 16' QUESTIONS=3 LONGEST=150 HELD_OUT=0.4
is "$(awk '$1 ~ /^(questions|held_out)$/ { sum += $2 } END { print sum }' "$found/summary.tsv")" \
	"$(qamix -q --fact nonce --max-length 150 "$found/questions.jsonl" | mpcat | wc -l)" "all of them are asked"
is_value $name nonces_16_new_all_heart_of 2
grep -q 'Do more questions help, if each answer is new? Not asked' "$found/report.md"
ok $? "nothing is said of answers that are always new, if there are none"

# ---- what is refused ----

while IFS='|' read -r setting status want; do
	env "$setting" OUT="$TMP/none" pipelines/$name >"$TMP/log" 2>&1
	is $? "$status" "$setting: exit status"
	grep -q "^$name: $want" "$TMP/log"
	ok $? "$setting: $want"
done <<'END'
NONCES=1|2|NONCES has one number
NONCES=4 1|2|the numbers of NONCES must rise
NONCES=0 4|2|the numbers of NONCES must rise
NONCES=4 4|2|the numbers of NONCES must rise
NONCES=many|2|NONCES is not a list
QUESTIONS=0|2|QUESTIONS is not a list
QUESTIONS=9 3|2|the numbers of QUESTIONS must rise
SEEDS=1|2|SEEDS is not above 1
RATE=fast|2|RATE is not a number
QUESTIONS=45|1|QUESTIONS has 45, and there are 45 questions to train on
END

# ---- what an answer is ----

# Question 1 had the answers aa and bb, question 2 had 12. The facts of two records state one of these.
printf '%s\t%s\n' 1 aa 1 bb 2 12 >"$TMP/known"
printf '%s\t%s\n' 7 1 8 1 9 1 10 2 11 2 12 1 13 1 >"$TMP/lines"
{
	printf '%s\t%s\t%s\n' id given contextual
	printf '%s\t%s\t%s\n' 7 cc cc 8 aa cc 9 12 cc 10 12 34 11 12 12 12 bb aa 13 AA 1,5
} >"$TMP/each"
is "$(awk -v key=new -f pipelines/$name.answers.awk "$TMP/known" "$TMP/lines" "$TMP/each" | tr '\t' ' ')" "new_all_lookup 1 5
new_all_heart 2 5
new_all_neither 2 5
new_words_lookup 1 3
new_words_heart 1 3
new_words_neither 1 3
new_numbers_lookup 0 2
new_numbers_heart 1 2
new_numbers_neither 1 2
new_left 2 7" "the fact's, by heart, or neither"
is "$(awk -v key=held -f pipelines/$name.answers.awk /dev/null "$TMP/lines" "$TMP/each" | tr '\t' ' ' | head -n 2)" "held_all_lookup 2 7
held_all_neither 5 7" "if none is known, none is by heart"

done_testing
