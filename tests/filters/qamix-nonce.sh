#!/bin/bash
# qamix-nonce.sh - qamix --fact nonce: invented answers.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1
quiz=testdata/quiz.jsonl

# nonce OPTION...: records with invented answers, as JSON
nonce() { qamix -q --fact nonce "$@" | mpcat; }
# beside FILE: each record beside its item: the fact, the answer and what the fact states
beside() {
	jq -c --slurpfile items $quiz '.text as $text | $items[.item.line - 1] as $item | {
		$item, line: .item.line, nonce: .item.nonce, own: .item.answer,
		question: (.spans[0] | $text[.[0]:.[1]]),
		restored: ([.spans[1:-1][] | if .[2] == "contextual" then $item.answer else $text[.[0]:.[1]] end] | join("")),
		answer: (.spans[-1] | $text[.[0]:.[1]]),
		contextual: ([.spans[] | select(.[2] == "contextual") | $text[.[0]:.[1]]] | unique)}' "$1"
}
# except FILE FILTER: the first line that jq's FILTER does not hold for
except() {
	jq -c "select(($2) | not)" "$1" >"$TMP/except" || echo "jq failed"
	head -n 1 "$TMP/except"
}

# ---- every question, in 20 epochs ----

nonce --epochs 20 $quiz >"$TMP/records"
beside "$TMP/records" >"$TMP/beside"
is "$(wc -l <"$TMP/beside")" 4040 "all questions, 20 times"
is "$(except "$TMP/beside" '.question == .item.question')" "" "the question stays"
is "$(except "$TMP/beside" '.contextual == [.answer]')" "" "fact and answer agree"
is "$(except "$TMP/beside" '.own == .item.answer and .answer != .own')" "" \
	"the answer is not the true one, which item.answer has"
is "$(except "$TMP/beside" '.restored == .item.fact')" "" "but for the answer the fact is what it was"
form='gsub("\\p{Lu}"; "A") | gsub("\\p{Ll}"; "a") | gsub("[0-9]"; "9")'
is "$(except "$TMP/beside" "(.answer | $form) == (.own | $form)")" "" \
	"same length, digits for digits, capitals for capitals, the rest stays"
parts='[scan("[0-9]+|\\p{L}+")]'
is "$(except "$TMP/beside" "[(.answer | $parts), (.own | $parts)] | transpose |
	all(.[0] != .[1] and ((.[0] | startswith(\"0\") | not) or (.[1] | startswith(\"0\"))))")" "" \
	"no number and no word stays as it was; no zero at the beginning"
is "$(except "$TMP/beside" '.answer | test("[aeiou]{2}|[b-df-hj-np-tv-z]{2}"; "i") | not')" "" \
	"consonants and vowels take turns"
is "$(except "$TMP/beside" '[.answer] - (.item.fact | [scan("[0-9]+|\\p{L}+")]) != []')" "" \
	"the fact did not have it before"
is "$(except "$TMP/beside" '.nonce >= 0')" "" "item.nonce is its number"
is "$(jq -c 'select(.own | length > 1) | [.line, .answer]' "$TMP/beside" | sort | uniq -d)" "" "a new one in each epoch"
is "$(jq -c 'select(.own | length > 1) | [.line, .nonce]' "$TMP/beside" | sort | uniq -c | awk '{ print $1 }' | sort -u)" 1 \
	"numbered by the epoch"
is "$(jq -r 'select(.own | test("^[0-9]$")) | [.line, .answer] | @tsv' "$TMP/beside" | sort | uniq -c | awk '$1 < 2 || $1 > 5')" "" \
	"of a single digit all others, in turn"
is "$(qamix -q --fact nonce --first 4040 --count 202 $quiz | mpcat | jq '.item.nonce' | sort -n | tail -n 1)" 20 \
	"after these epochs the next one"
is "$(jq '[.spans[][4]] | add' "$TMP/records" | sort -u)" 0 "nats are 0"

# ---- purity ----

for cut in 1 202 777; do
	{
		qamix -q --fact nonce --count $cut $quiz
		qamix -q --fact nonce --epochs 20 --first $cut $quiz
	} | mpcat | cmp -s - "$TMP/records"
	ok $? "pieces cut at $cut are the whole"
done
seq 0 7 200 | xargs -I I qamix -q --fact nonce --nonces 5 --total 203 --first I --count 7 $quiz | mpcat |
	cmp -s - <(nonce --nonces 5 --count 203 $quiz)
ok $? "and so are jobs, with --nonces"
# An answer depends on the question, not on the file: twenty questions backwards, under one seed
answers() { jq -r '[.question, .nonce, .answer] | @tsv' "$1" | sort -u; }
head -n 20 $quiz >"$TMP/twenty.jsonl"
tac "$TMP/twenty.jsonl" >"$TMP/backwards.jsonl"
nonce --nonces 2 --epochs 30 "$TMP/twenty.jsonl" >"$TMP/forward"
nonce --nonces 2 --epochs 30 "$TMP/backwards.jsonl" >"$TMP/backward"
is "$(jq -r '[(.text | split("?")[0]), .item.nonce, .text] | @tsv' "$TMP/backward" | sort -u)" \
	"$(jq -r '[(.text | split("?")[0]), .item.nonce, .text] | @tsv' "$TMP/forward" | sort -u)" "in another file they are the same"
nonce --seed 2 --epochs 20 $quiz >"$TMP/seed"
beside "$TMP/seed" >"$TMP/seed.beside"
is "$(comm -12 <(jq -c 'select(.own | length > 4) | [.line, .answer]' "$TMP/beside" | sort) \
	<(jq -c 'select(.own | length > 4) | [.line, .answer]' "$TMP/seed.beside" | sort))" "" "another seed, other answers"

# ---- invented in place of an invented one ----

nonce --nonces 1 $quiz | jq -c '.spans as $s | .text | {question: .[$s[0][0]:$s[0][1]],
	fact: .[$s[1][0]:$s[-2][1]], answer: .[$s[-1][0]:$s[-1][1]]}' >"$TMP/invented.jsonl"
nonce --nonces 1 "$TMP/invented.jsonl" | jq -r '.text[.spans[-1][0]:.spans[-1][1] - 1], .item.answer[:-1]' |
	paste - - | awk -F '\t' 'length($1) > 3 { n++; alike += $1 == $2 } END { print n, alike + 0 }' >"$TMP/again"
is "$(sed 's/.* //' "$TMP/again")" 0 "another answer, not its neighbour in an order"
[ "$(sed 's/ .*//' "$TMP/again")" -gt 100 ]
ok $? "of more than 100"

# ---- how many ----

nonce --nonces 3 --epochs 100 $quiz >"$TMP/three"
beside "$TMP/three" >"$TMP/three.beside"
is "$(answers "$TMP/three.beside" | cut -f 1 | uniq -c | awk '{ print $1 }' | sort | uniq -c | xargs)" "202 3" \
	"--nonces 3: each question has three, in 100 epochs"
is "$(answers "$TMP/three.beside" | cut -f 1,3 | uniq -d)" "" "no two of them are equal"
is "$(jq .nonce "$TMP/three.beside" | sort -u | xargs)" "0 1 2" "with the numbers 0 to 2"
# 20200 records on 606 cells of 33.3 each: within a question the sum is 100, so 404 degrees of
# freedom; Wilson and Hilferty's bound of 1e-5
answers_all() { jq -r '[.line, .nonce] | @tsv' "$1" | sort | uniq -c; }
is "$(answers_all "$TMP/three.beside" | awk '
	{ cells++; sum += ($1 - 100 / 3) ^ 2 / (100 / 3) }
	END { f = 404; t = 2 / (9 * f); print cells, (sum < f * (1 - t + 4.265 * sqrt(t)) ^ 3), (sum > f * (1 - t - 4.265 * sqrt(t)) ^ 3) }')" \
	"606 1 1" "which come alike, and not in turn"
nonce --nonces 1 --epochs 5 $quiz >"$TMP/one"
beside "$TMP/one" >"$TMP/one.beside"
answers "$TMP/one.beside" >"$TMP/one.answers"
is "$(wc -l <"$TMP/one.answers")" 202 "--nonces 1: one answer for good"
is "$(comm -23 "$TMP/one.answers" <(answers "$TMP/three.beside"))" "" "which is one of three, too"
# of the digit 8 there are eight others, of which the fact has two
printf '%s\n' '{"question": "A?", "fact": "8, not 3 or 5", "answer": "8"}' >"$TMP/digit.jsonl"
for k in 0 100; do
	is "$(nonce --nonces $k --epochs 200 "$TMP/digit.jsonl" | jq -r '.text[7:8]' | sort | uniq -c |
		awk '{ printf "%s ", $2; n += $1 } $1 < 10 { print "few" } END { print n }')" "1 2 4 6 7 9 200" \
		"--nonces $k: as many as there are"
done

# ---- the answer of the record ----

nonce --answer stated --epochs 20 $quiz | cmp -s - "$TMP/records"
ok $? "--answer stated is the default"
nonce --answer true --epochs 20 $quiz >"$TMP/true"
is "$(jq -c '[.text[:.spans[-1][0]], .spans[:-1], .item.nonce]' "$TMP/true" | cksum)" \
	"$(jq -c '[.text[:.spans[-1][0]], .spans[:-1], .item.nonce]' "$TMP/records" | cksum)" "--answer true: the same prompts"
beside "$TMP/true" >"$TMP/true.beside"
is "$(except "$TMP/true.beside" '.answer == .item.answer and .own == null')" "" "with the answer of the file"
is "$(qamix -q --fact wrong --answer stated $quiz | mpcat | jq -r '[.item.line, .item.answer] | @tsv' | sort -n)" \
	"$(jq -r '[input_line_number, .answer] | @tsv' $quiz)" "--fact wrong --answer stated: item.answer, too"
is "$(qamix -q --answer stated $quiz | mpcat | jq -c 'select(.item | has("answer") or has("nonce"))')" "" \
	"a fact that is kept has neither answer nor number"

# scored OPTION...: what recall-score makes of a model that follows the fact, the file or neither,
# one record after another
tools=$(cd "$BUILD" && pwd)/tests/tools
scored() {
	nonce --count 30 "$@" $quiz | jq -c --slurpfile items $quiz '.text as $text | $items[.item.line - 1].answer as $true |
		([.spans[] | select(.[2] == "contextual")][0] | $text[.[0]:.[1]]) as $stated | .spans[-1][0] as $prompt |
		{id, $prompt, text: ($text[:$prompt] + [$stated, $true, "#"][.id % 3] + "{E}\n"), reference: $text, spans,
			sample: 0, stop: "stop", steps: []}' | "$tools/mkstream" generations |
		recall-score | grep -E '^(both|contextual|parametric|neither)_(right|of)' | tr '\t\n' '  '
}
is "$(scored --answer true)" \
	"contextual_right 10 contextual_of 30 parametric_right 10 parametric_of 30 neither_right 10 neither_of 30 " \
	"recall-score: as the fact says, as the file says, neither"
is "$(scored)" "both_right 10 both_of 30 " "and of stated answers, how many follow the fact"
is "$(qamix -q --fact nonce $quiz | data-lint | head -n 1)" \
	"# Every answer can be derived from the context: it stands there." "data-lint finds the answers"

# ---- parts, lengths, characters ----

for part in train val; do
	is "$(nonce --val 0.3 --part $part --epochs 2 $quiz | jq .item.line | sort)" \
		"$(qamix -q --val 0.3 --part $part --epochs 2 $quiz | mpcat | jq .item.line | sort)" "--part $part"
done
qamix --fact nonce --max-length 100 --epochs 3 $quiz 2>"$TMP/said" | mpcat | jq '.text | length' | sort -n >"$TMP/lengths"
is "$(cat "$TMP/said")" "$(qamix --max-length 100 $quiz 2>&1 >"$TMP/out")" "--max-length: invented answers are no longer"
is "$(cat "$TMP/lengths")" "$(for _ in 1 2 3; do mpcat "$TMP/out"; done | jq '.text | length' | sort -n)" "in any record"
alphabet() { qamix -q --count 0 "$@" $quiz | mpcat --header | jq -r .alphabet; }
is "$(comm -23 <(jq -r '.text[:-1] | explode[] | [.] | implode' "$TMP/records" | sort -u) <(alphabet --fact nonce | grep -o . | sort -u))" "" \
	"the alphabet has all characters"
is "$(alphabet --fact nonce --val 0.3 --part val --seed 5 --nonces 2)" "$(alphabet --fact nonce)" "in either part, whatever the seed"
is "$(printf '%s\n' '{"question": "?", "fact": "7", "answer": "7"}' | qamix -q --count 0 --fact nonce - | mpcat --header | jq -r .alphabet)" \
	$'\n ()123456789:?BE{}' "and no others"
qamix -q --fact nonce $quiz | tokenize >"$TMP/nonce.mp"
{ cat "$TMP/nonce.mp"; qamix -q --fact drop $quiz | tokenize --vocab "$TMP/nonce.mp"; } | mpcat >"$TMP/both"
is "$(wc -l <"$TMP/both")" 404 "with its vocabulary, other records can follow"

# ---- what is left out ----

cat >"$TMP/holes.jsonl" <<-'END'
	{"question":"A?","fact":"It is yes.","answer":"yes"}
	{"question":"B?","fact":"It is not.","answer":"yes"}
	{"question":"C?","answer":"yes"}
	{"question":"D?","fact":"It is 東京.","answer":"東京"}
	{"question":"E?","fact":"1 2 3 4 5 6 7 8 9","answer":"8"}
	{"instruction":"F","input":"It is no.","output":"no"}
	{"question":"G?","fact":"It's Čapek: Čapek!","answer":"Čapek"}
END
qamix --fact nonce "$TMP/holes.jsonl" 2>"$TMP/said" >"$TMP/out"
is "$(sed 's/.*holes.jsonl: //' "$TMP/said")" "3 of 7 items, 24 to 37 characters, 29.3 on average; left out: \
1 without a fact, 1 whose fact does not state the answer, 2 for which no answer can be invented" "questions are left out, by reason"
is "$(mpcat "$TMP/out" | jq -r 'select(.item.line == 6).text')" '{B}F (It is no.): no{E}' "an instruction stays"
mpcat "$TMP/out" | jq -r 'select(.item.line == 7).text' |
	grep -qE "^\{B\}G\? \(It's ([AEIOU][a-z]{4}): \1!\): \1\{E\}$"
ok $? "a word with an accent, twice"
fails 1 'no answer can be invented: nothing to draw from' "nothing is left" \
	qamix --fact nonce <(sed -n 4,5p "$TMP/holes.jsonl")
fails 2 '^qamix: --nonces: only --fact nonce invents answers' "--nonces without nonce" qamix --nonces 3 $quiz
fails 2 'nonces' "a negative number" qamix --fact nonce --nonces -1 $quiz

done_testing
