#!/bin/bash
# qamix.sh - the filter qamix: forms of items, mixing, what is wrong with a line.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

# ten questions that differ in their first 17 characters
quiz=$TMP/ten.jsonl
awk 'NR % 20 == 7' testdata/quiz.jsonl >"$quiz"
platypus=testdata/platypus-sample.jsonl

# item LINE OPTION…: what qamix makes of a file of one line, as JSON
item() {
	printf '%s\n' "$1" >"$TMP/item.jsonl"
	shift
	qamix -q "$@" "$TMP/item.jsonl" | mpcat | jq -c '[.text, (.spans[] | .[:4])]'
}

# ---- records of several jobs ----

for first in 0 5; do
	qamix -q --total 10 --count 5 --first $first "$quiz"
done >"$TMP/jobs"
is "$(mpcat "$TMP/jobs")" "$(qamix -q "$quiz" | mpcat)" "--total: all came"
qamix -q --total 10 --count 5 "$quiz" >"$TMP/jobs"
fails 1 '5 of the 10 records that the header promises' "one did not" mpcat "$TMP/jobs"
fails 2 '^qamix: --total: 9 is less than the 10 records' "less than its own" qamix -q --total 9 "$quiz"

# ---- forms ----

is "$(item '{"question": "Q?", "fact": "a fact", "answer": "yes"}')" \
	'["{B}Q? (a fact): yes{E}\n",[3,5,"question",-1],[7,13,"fact",-1],[16,19,"answer",-1]]' \
	"question, fact and answer"
is "$(item '{"question": "Q?", "fact": "yes, a fact", "answer": "yes"}')" \
	'["{B}Q? (yes, a fact): yes{E}\n",[3,5,"question",-1],[7,10,"contextual",-1],[10,18,"fact",-1],[21,24,"answer",-1]]' \
	"a fact that states the answer"
for fact in '"fact": "",' '"fact": null,' ''; do
	is "$(item '{"question": "Q?", '"$fact"' "answer": "yes"}')" \
		'["{B}Q?: yes{E}\n",[3,5,"question",-1],[7,10,"answer",-1]]' "no fact: $fact"
done
is "$(item '{"question": "Q?", "fact": "a fact", "answer": "yes"}' --fact drop)" \
	'["{B}Q?: yes{E}\n",[3,5,"question",-1],[7,10,"answer",-1]]' "--fact drop"
for fact in keep drop wrong other; do
	is "$(item '{"input": "1 2", "output": "3\n4", "instruction": "Add", "data_source": "x"}' --fact $fact)" \
		'["{B}Add (1 2): 3\n4{E}\n",[3,6,"question",-1],[8,11,"fact",-1],[14,17,"answer",-1]]' \
		"instruction, input and output: --fact $fact"
done
is "$(item '{"input": "", "output": "3", "instruction": "Add"}')" \
	'["{B}Add: 3{E}\n",[3,6,"question",-1],[8,9,"answer",-1]]' "an empty input"
is "$(item '{"input": "3 or 4", "output": "3", "instruction": "Add"}' | jq -c '.[2]')" '[8,14,"fact",-1]' \
	"an input states no answer"
is "$(item '{"question": "né 𝔾?", "answer": "oui"}')" \
	'["{B}né 𝔾?: oui{E}\n",[3,8,"question",-1],[10,13,"answer",-1]]' "spans count code points"
is "$(qamix -q "$quiz" | mpcat | jq '[.spans[][4]] | add' | sort -u)" 0 "nats are 0"
is "$(qamix -q --seed 2 "$quiz" $platypus | mpcat | jq -c '.item | [.file, .line, .topic]' | sort)" \
	"$({ jq -c --arg file "$quiz" '[$file, input_line_number, .topic]' "$quiz"
		jq -c --arg file $platypus '[$file, input_line_number, .data_source]' $platypus; } | sort)" \
	"a record says which item of which file it is, and on what topic"

# ---- files ----

qamix -q "$quiz" | mpcat >"$TMP/whole"
jq -s . "$quiz" >"$TMP/array.json"
jq -sc . "$quiz" >"$TMP/compact.json"
jq --indent 7 . "$quiz" >"$TMP/spread.jsonl"
jq -ac . "$quiz" >"$TMP/escaped.jsonl"
for file in array.json compact.json spread.jsonl escaped.jsonl; do
	qamix -q "$TMP/$file" | mpcat | jq -c 'del(.item)' | cmp -s - <(jq -c 'del(.item)' "$TMP/whole")
	ok $? "the items of $file are those of JSON Lines"
done
mkfifo "$TMP/pipe"
cat "$TMP/array.json" >"$TMP/pipe" &
qamix -q "$TMP/pipe" | mpcat | jq -c 'del(.item)' | cmp -s - <(jq -c 'del(.item)' "$TMP/whole")
ok $? "a pipe"

# What is published: 25,000 items, one line or one array, in little memory.
awk 'BEGIN {
	for (i = 0; i < 25000; i++)
		printf "{\"input\":\"\",\"output\":\"%s $\\\\mathbb{E}[X_{%d}]$ ∑∀ 漢 \\ud835\\udd3e\",\"instruction\":\"Show that %d \\u2265 0.\",\"data_source\":\"MATH/PRM-800K\"}\n", \
			substr("Since it is so, and because it is not otherwise, ", 1, i % 49), i, i
}' >"$TMP/large.jsonl"
jq -sc . "$TMP/large.jsonl" >"$TMP/large.json"
is "$(qamix -q "$TMP/large.jsonl" | mpcat --text | sort | sha256sum)" \
	"$(jq -r '"{B}\(.instruction): \(.output){E}"' "$TMP/large.jsonl" | sort | sha256sum)" \
	"25,000 items of any Unicode, each once"
is "$(qamix -q --count 300 "$TMP/large.json" | mpcat | jq -c 'del(.item)' | sha256sum)" \
	"$(qamix -q --count 300 "$TMP/large.jsonl" | mpcat | jq -c 'del(.item)' | sha256sum)" "as one array"
if ! nm "$(command -v qamix)" 2>/dev/null | grep -q __asan_init; then # which takes all addresses
	(
		ulimit -v 200000
		awk 'BEGIN { for (i = 0; i < 300000; i++) printf "{\"question\":\"%d?%0900d\",\"answer\":\"a\"}\n", i, 0 }' |
			qamix -q --count 3 - >"$TMP/out"
	)
	is "$(mpcat "$TMP/out" | wc -l)" 3 "280 MB of items in less than 200 MB"
fi

# ---- passes ----

qamix -q "$quiz" $platypus --epochs 3 | mpcat >"$TMP/whole"
n=$(($(wc -l <$platypus) + 10))
is "$(wc -l <"$TMP/whole")" $((3 * n)) "three epochs"
for epoch in 0 1 2; do
	is "$(jq -c .item <(tail -n +$((epoch * n + 1)) "$TMP/whole" | head -n $n) | sort | uniq -c | awk '{ print $1 }' | sort | uniq -c | xargs)" \
		"$n 1" "epoch $epoch has every item once"
done
cmp -s <(jq .text "$TMP/whole" | head -n $n) <(jq .text "$TMP/whole" | sed -n "$((n + 1)),$((2 * n))p")
[ $? -eq 1 ]
ok $? "in another order"
is "$(jq .id "$TMP/whole" | cmp - <(seq 0 $((3 * n - 1))) && echo same)" same "ids count"
for cut in 1 31 $((n + 5)); do
	{
		qamix -q "$quiz" $platypus --count $cut
		qamix -q "$quiz" $platypus --epochs 3 --first $cut
	} | mpcat | cmp -s - "$TMP/whole"
	ok $? "pieces cut at $cut are a stream, and the whole"
done
qamix -q "$quiz" $platypus --epochs 3 --seed 2 | mpcat | cmp -s - "$TMP/whole"
[ $? -eq 1 ]
ok $? "another seed, other records"
is "$(qamix -q --first 10 "$quiz" | mpcat | wc -l)" 0 "nothing is left behind the last epoch"

# shares OPTION…: how many of so many records are from the ten, and how often the
# least and the most frequent of these came
shares() {
	qamix -q "$@" | mpcat | jq -c .item >"$TMP/items"
	jq -r --arg file "$quiz" 'select(.file == $file) | .line' "$TMP/items" | sort | uniq -c | sort -n |
		awk 'NR == 1 { least = $1 } { n += $1; most = $1 } END { print n + 0, least + 0, most + 0 }'
}
is "$(shares --count 4000 "$quiz:3" $platypus)" "3004 300 301" "weights 3 and 1: of 12 passes and a piece"
is "$(shares "$quiz:3" $platypus)" "250 25 25" "in a pass of 333, each item as often as any"
is "$(shares --epochs 2 "$quiz:0.5" $platypus:.5)" "334 33 34" "weights that are equal"
is "$(shares "$quiz:1e-9" $platypus:1e9)" "0 0 0" "a weight near nothing"
is "$(shares "$quiz=25" $platypus)" "25 2 3" "a count of the one, the other once"
is "$(wc -l <"$TMP/items")" $((25 + n - 10)) "and no more than these"
is "$(shares --epochs 4 "$quiz=25" $platypus=3)" "100 10 10" "counts of both, by the epoch"
is "$(shares "$quiz=0" $platypus)" "0 0 0" "a count of 0"
cp "$quiz" "$TMP/odd:name"
cp "$quiz" "$TMP/odd=name"
is "$(qamix -q --count 2 "$TMP/odd:name" "$TMP/odd:name:2" "$TMP/odd=name" | mpcat | wc -l)" 2 "marks in a name"
is "$(qamix -q --count 0 "$quiz" | mpcat --header | jq -r '.chain[0].args[-1], .stream' | tr '\n' ' ')" \
	"$quiz text " "the header is signed"
for fact in keep drop; do
	is "$(qamix -q --count 0 --fact $fact "$quiz" $platypus | mpcat --header | jq -r .alphabet)" \
		"$(qamix -q --epochs 3 "$quiz" $platypus | mpcat | jq -j .text | perl -CS -0777 -ne \
			'print sort keys %{{map {$_, 1} split //}}')" \
		"the alphabet is the characters of all items: --fact $fact"
done

# ---- what is left out ----

questions() { mpcat "$@" | jq -r '.text[3:] | split("?")[0]' | sort; }
questions <(qamix -q testdata/quiz.jsonl) >"$TMP/all"
for share in 0.1 0.5; do
	qamix -q --val $share testdata/quiz.jsonl >"$TMP/train"
	qamix -q --val $share --part val testdata/quiz.jsonl >"$TMP/val"
	sort <(questions "$TMP/train") <(questions "$TMP/val") | cmp -s - "$TMP/all"
	ok $? "--val $share: each question is in the one part or the other"
	is "$(questions <(tac testdata/quiz.jsonl | qamix -q --seed 9 --val $share --part val --fact drop -))" \
		"$(questions "$TMP/val")" "whatever the order, the seed and the facts"
	is "$(mpcat --header "$TMP/val" | jq .alphabet)" "$(mpcat --header "$TMP/train" | jq .alphabet)" \
		"both have one alphabet"
done
# 101 of 202: standard deviation 7.1
n=$(mpcat "$TMP/val" | wc -l)
[ "$n" -gt 72 ] && [ "$n" -lt 130 ]
ok $? "a half is held out: $n of 202"
is "$(questions <(qamix -q --val 0.1 --part val testdata/quiz.jsonl) | comm -23 - <(questions "$TMP/val"))" "" \
	"what a smaller share holds out, a larger does"
# the question's XXH64, by Python's xxhash, is 0.302823834179 of 2^64
is "$(item '{"question":"Who first set foot on the Moon?","answer":"N"}' --val 0.302823833 | wc -l)" 1 "the hash is XXH64"
is "$(item '{"question":"Who first set foot on the Moon?","answer":"N"}' --val 0.302823835 --part val | wc -l)" 1 \
	"to nine digits"

qamix --max-length 100 testdata/quiz.jsonl 2>"$TMP/said" | mpcat >"$TMP/short"
n=$(jq -c 'select((.question + .fact + .answer | length) + 12 <= 100)' testdata/quiz.jsonl | wc -l)
is "$(wc -l <"$TMP/short") $(jq '.text | length' "$TMP/short" | sort -n | tail -n 1)" "$n 100" \
	"--max-length: no longer ones, and all others"
is "$(cat "$TMP/said")" "qamix: testdata/quiz.jsonl: $n of 202 items, $(jq '.text | length' "$TMP/short" | sort -n | head -n 1) to 100 characters, $(jq -s 'map(.text | length) | add / length * 10 | round / 10' "$TMP/short") on average; left out: $((202 - n)) too long" \
	"what was left out is said, and how long the others are"
is "$(qamix --count 1 --val 0.5 --quiet testdata/quiz.jsonl 2>&1 >/dev/null)" "" "--quiet: it is not"
cat >"$TMP/holes.jsonl" <<-'END'
	{"question":"A?","fact":"It is yes.","answer":"yes"}
	{"question":"B?","fact":"It is not.","answer":"yes"}
	{"question":"C?","answer":"yes"}
	{"question":"D?","fact":"It is no.","answer":"no"}
	{"question":"","fact":"It is no.","answer":"no"}
	{"instruction":"E","output":null}
	{"question":"F?","fact":"There are 2.","answer":"2"}
	{"question":"G?","fact":"It is a very long fact, and yes is its answer.","answer":"yes"}
END
said() { qamix -l 40 "$@" "$TMP/holes.jsonl" 2>&1 >/dev/null | sed 's/.*holes.jsonl: //'; }
is "$(said)" "5 of 8 items, 14 to 27 characters, 24.0 on average; left out: 2 without a question or an answer, 1 too long" \
	"empty and too long ones"
is "$(said --fact drop)" "6 of 8 items, 12 to 14 characters, 13.5 on average; left out: 2 without a question or an answer" \
	"a fact that is dropped is not too long"
is "$(said --fact wrong)" "2 of 8 items, 25 to 27 characters, 26.0 on average; left out: 2 without a question or an answer, 1 too long, 1 without a fact, 1 whose fact does not state the answer, 1 for which there is no other fact" \
	"--fact wrong: a number, and no other in its place"

# ---- facts that say something else ----

for fact in wrong other; do
	qamix -q --fact $fact --epochs 5 testdata/quiz.jsonl | mpcat >"$TMP/$fact"
	is "$(wc -l <"$TMP/$fact")" 1010 "--fact $fact: all questions, five times"
	# each record beside its item
	jq -c --slurpfile items testdata/quiz.jsonl '.text as $text | $items[.item.line - 1] as $item |
		$items[.item.other - 1] as $other | {$item, $other, fact: ($text | .[5 + ($item.question | length):] |
		.[:length - ($item.answer | length) - 7]), contextual: [.spans[] | select(.[2] == "contextual") | $text[.[0]:.[1]]] | unique,
		answer: (.spans[-1] | $text[.[0]:.[1]])}' "$TMP/$fact" >"$TMP/$fact.beside"
	is "$(jq -c 'select(.answer != .item.answer)' "$TMP/$fact.beside" | head -n 1)" "" "the answer is still the true one"
	is "$(jq -c 'select(.contextual != [.other.answer])' "$TMP/$fact.beside" | head -n 1)" "" \
		"what the fact states is another item's answer"
	is "$(jq -c 'select(.other.answer == .item.answer or .other.question == .item.question)' "$TMP/$fact.beside" | head -n 1)" "" \
		"which is not the same"
	n=$(jq -c '[.item.question, .other.answer]' "$TMP/$fact.beside" | sort -u | wc -l)
	[ "$n" -gt 500 ]
	ok $? "not the same one in each epoch: $n of 1010"
	{
		qamix -q --fact $fact testdata/quiz.jsonl
		qamix -q --fact $fact --epochs 5 --first 202 testdata/quiz.jsonl
	} | mpcat | cmp -s - "$TMP/$fact"
	ok $? "pieces are the whole"
done
is "$(jq -c 'select(.fact != .other.fact)' "$TMP/other.beside" | head -n 1)" "" "--fact other: the fact is the other question's"
is "$(jq -r '. as $record | select(.fact | split(" ") | index($record.item.answer)) | .fact' "$TMP/other.beside" | head -n 1)" "" "and does not state the answer"
is "$(jq -c 'select(.fact == .item.fact)' "$TMP/wrong.beside" | head -n 1)" "" "--fact wrong: the fact is another one"
# with the answer back in its place it is what it was, but for answers that stand there twice
is "$(jq -c '. as $record | select((.fact | split($record.other.answer) | join($record.item.answer)) != .item.fact)' "$TMP/wrong.beside" | head -n 1)" "" \
	"but for the answer it is the same"
is "$(jq -c 'select((.item.answer | test("^[0-9,.]+$")) != (.other.answer | test("^[0-9,.]+$")))' "$TMP/wrong.beside" | head -n 1)" "" \
	"numbers stand for numbers, words for words"
form='gsub("[0-9]"; "9") | gsub("[A-Z][A-Za-z]*"; "A") | gsub("[a-z]+"; "a")'
same=$(jq "select((.item.answer | $form) == (.other.answer | $form))" "$TMP/wrong.beside" | jq -s length)
[ "$same" -gt 850 ] && [ "$same" -lt 1010 ]
ok $? "nearly all are of the same form: $same of 1010"
same=$(jq 'select(.item.topic == .other.topic)' "$TMP/wrong.beside" | jq -s length)
[ "$same" -gt 700 ]
ok $? "most are on the same topic: $same of 1010"
qamix -q --fact wrong --max-length 90 testdata/quiz.jsonl --epochs 20 | mpcat | jq '.text | length' | sort -n >"$TMP/lengths"
[ "$(tail -n 1 "$TMP/lengths")" -le 90 ]
ok $? "no wrong fact makes a record too long"
qamix -q --fact other --max-length 90 testdata/quiz.jsonl --epochs 20 | mpcat | jq '.text | length' | sort -n >"$TMP/lengths"
is "$(tail -n 1 "$TMP/lengths")" 90 "nor another question's fact"
# Of others that are left out for their answer, their question and their length, one is not.
cat >"$TMP/refused.jsonl" <<-'END'
	{"question":"A?","fact":"It is yes.","answer":"yes"}
	{"question":"A?","fact":"It is no.","answer":"no"}
	{"question":"B?","fact":"Yes: yes.","answer":"yes"}
	{"question":"A?","fact":"It's no.","answer":"no"}
	{"question":"B?","fact":"It is nope.","answer":"nope"}
	{"question":"B?","fact":"It is otherwise.","answer":"otherwise"}
END
others() {
	qamix -q "$@" --epochs 20 "$TMP/refused.jsonl" | mpcat --tsv=item.line,item.other | tail -n +2 |
		sort -u | awk '{ printf "%s%s", $1 == last ? "," : (NR > 1 ? " " : "") $1 ":", $2; last = $1 }'
}
is "$(others --fact other)" "1:5,6 2:3,5,6 3:2,4 4:3,5,6 5:1,2,4 6:1,2,4" "--fact other: all that may be"
is "$(others --fact other -l 29)" "1:5 2:3,5 3:2,4 4:3,5 5:1,2,4" "and are short enough"
is "$(others --fact wrong -l 30)" "1:5 2:3,5 3:2,4 4:3,5 5:1,2,4" "--fact wrong: the same"

# --answer stated: the same prompts, another answer
for fact in keep drop wrong other; do
	for answer in true stated; do
		qamix -q --fact $fact --answer $answer testdata/quiz.jsonl | mpcat | jq -c '
			{prompt: .text[:.spans[-1][0]], answer: .text[.spans[-1][0]:.spans[-1][1]],
			contextual: ([.spans[] as $s | select($s[2] == "contextual") | .text[$s[0]:$s[1]]] | unique),
			rest: .text[.spans[-1][1]:]}' >"$TMP/$answer"
	done
	is "$(jq -c '[.prompt, .rest, .contextual]' "$TMP/stated" | cksum)" "$(jq -c '[.prompt, .rest, .contextual]' "$TMP/true" | cksum)" \
		"--fact $fact --answer stated: the prompts are the same"
	case $fact in
	keep | drop) cmp -s "$TMP/stated" "$TMP/true" ;;
	*) [ -z "$(jq -c 'select([.answer] != .contextual)' "$TMP/stated")" ] ;;
	esac
	ok $? "the answer is what a changed fact states"
done
for fact in wrong other; do
	qamix -q --fact $fact --answer stated --max-length 90 testdata/quiz.jsonl --epochs 20 | mpcat | jq '.text | length' | sort -n >"$TMP/lengths"
	[ "$(tail -n 1 "$TMP/lengths")" -le 90 ]
	ok $? "--fact $fact: that answer does not make a record too long"
done

# ---- the questions of testdata ----

# lacking FILTER: the first question of the set that jq's FILTER does not hold for
lacking() {
	jq -r "select(($1) | not) | .question" testdata/quiz.jsonl | head -n 1
}
n=$(jq -c . testdata/quiz.jsonl | wc -l)
[ "$n" -ge 200 ]
ok $? "at least 200 questions: $n"
is "$(lacking 'keys == ["answer", "fact", "question", "topic"] and
	all(.[]; type == "string" and length > 0)')" "" "each has a question, a fact, an answer, a topic"
is "$(lacking '.question | endswith("?")')" "" "a question is one"
is "$(lacking '(.fact | length) > ([.fact, .answer] | (.[0] / .[1]) | join("") | length)')" "" \
	"an answer stands in its fact, word for word"
is "$(lacking '(.question + .fact + .answer | length) < 240')" "" "a record fits into a context of 256"
is "$(lacking '[.[] | test("[\n{}]|^ | $")] | any | not')" "" "no mark and no stray blank in a text"
is "$(jq -r '.question | ascii_downcase' testdata/quiz.jsonl | sort | uniq -d)" "" "none comes twice"
n=$(jq -r 'select(.answer | test("^[0-9]+$")) | .answer' testdata/quiz.jsonl | wc -l)
[ "$n" -ge 40 ]
ok $? "at least 40 answers are numbers: $n"
is "$(jq -r .topic testdata/quiz.jsonl | sort | uniq -c | awk '$1 < 20 { print $2 }')" "" \
	"at least 20 questions of each topic"
is "$(jq -r .topic testdata/quiz.jsonl | sort -u | tr '\n' ' ')" \
	"arithmetic art biology geography history language space units " "the topics"

# ---- the instructions of testdata, in the fields of Open-Platypus ----

n=$(jq -c . $platypus | wc -l)
[ "$n" -ge 300 ]
ok $? "at least 300 instructions: $n"
is "$(jq -r 'select((keys == ["data_source", "input", "instruction", "output"] and
	all(.[]; type == "string") and (.instruction != "") and (.output != "")) | not) |
	.instruction' $platypus)" "" "each has the four fields, and an instruction and an output in them"
is "$(jq -c '[.instruction, .input]' $platypus | sort | uniq -d)" "" "none comes twice"
for source in arithmetic logic proof calculus; do
	[ "$(jq -r .data_source $platypus | grep -cx "own/$source")" -ge 15 ]
	ok $? "there is $source among them"
done

# ---- bad lines ----

bad() {
	printf '%s\n\n%s\n' '{"question": "Q?", "answer": "yes"}' "$1" >"$TMP/bad.jsonl"
	fails 1 "bad.jsonl:[34]: $2" "refused: $1" qamix "$TMP/bad.jsonl"
	[ ! -s "$TMP/stdout" ]
	ok $? "and nothing is written"
}
bad '{"question": "Q?", "answer": ' 'column'
bad 'Q? yes' 'column'
bad '{"question": "Q?", "answer": "a"} {}' 'neither'
bad '["Q?", "yes"]' 'not an object'
bad '{"answer": "yes"}' 'neither a "question" nor an "instruction"'
bad '{"question": "Q?", "instruction": "I", "answer": "a"}' 'both'
bad '{"question": "Q?"}' '"answer" is missing'
bad '{"question": 7, "answer": "a"}' '"question" is no string'
bad '{"question": "Q?", "answer": 7}' '"answer" is no string'
bad '{"question": "Q?", "fact": [], "answer": "a"}' '"fact" is no string'
bad '{"instruction": "I"}' '"output" is missing'
bad '{"question": "a\u0000b", "answer": "a"}' 'column'
bad '{"question": "Q?", "question": "Q?", "answer": "a"}' 'column'
bad "$(printf '{"question": "\377", "answer": "a"}')" 'column'

: >"$TMP/empty.jsonl"
fails 1 'empty.jsonl: 0 of 0 items: nothing to draw from' "a file without items" qamix "$TMP/empty.jsonl"
fails 1 'quiz.jsonl: 0 of 202 items; left out: 202 too long: nothing to draw from' "nothing that is short enough" \
	qamix -l 9 testdata/quiz.jsonl
fails 1 '202 not held out: nothing' "a part that holds nothing" qamix --part val testdata/quiz.jsonl
fails 1 'missing.jsonl: cannot open' "a missing file" qamix "$TMP/missing.jsonl"
fails 1 'cannot read' "a folder" qamix "$TMP"
fails 2 'operand' "no file" qamix
fails 2 "is not a number from" "a weight of 0" qamix "$quiz:0"
fails 2 "is not a number" "a weight that is no number" qamix "$quiz:3x"
fails 2 "is not a" "a count that is no whole number" qamix "$quiz=3.5"
fails 2 'some files have a weight, others a count' "weights beside counts" qamix "$quiz:3" "$platypus=3"
fails 2 'all counts are 0' "counts of 0" qamix "$quiz=0"
fails 2 'more than can be counted' "too many epochs" qamix -q --epochs 1000000000 "$quiz=1000000000000"
fails 2 'count' "a negative count" qamix --count -2 "$quiz"
fails 2 'fact' "a fact of another sort" qamix --fact maybe "$quiz"
fails 1 'standard output: cannot write' "a full disk" sh -c 'exec "$@" >/dev/full' - qamix -q "$quiz"

done_testing
