#!/bin/bash
# perturb.sh - the filter perturb: what changes, what stays, and where spans are.
# A file is called by the change that made it:
# shellcheck disable=SC2094
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

printf '%s\n' Ann Zoë Bea-Lou Élodie Maximilian >names
phonegen --count 300 --entries 2-5 --names names --seed 4 >books
phonegen --count 40 --published >published
phonegen --count 40 --query absent >absent

# each EXPRESSION BEFORE AFTER: does it hold for every pair of records? $a is the
# book as it was, $b as it is; lines are [name, number], and so is the question.
each() {
	jq -n -e --slurpfile a <(mpcat "$2") --slurpfile b <(mpcat "$3") '
		def text($r; $span): $r.text[$span[0]:$span[1]];
		def find($r; $kind): [$r.spans[] | select(.[2] == $kind)];
		def lines($r): [find($r; "name"), find($r; "number")] | transpose |
			map([text($r; .[0]), text($r; .[1])]);
		def question($r): [text($r; find($r; "ask")[0]), text($r; find($r; "answer")[0])];
		def asked($r): find($r; "answer")[0][3];
		def digits($s): [$s | scan("[0-9]")];
		def entries($r): [$r.spans[] | select(.[2] == "name" or .[2] == "number")[3]];
		def inorder($r): entries($r) == [range(lines($r) | length) | ., .];
		def written($lines; $question): "{B}\n" + ($lines | map("\(.[0]): \(.[1]) \n") | add // "") +
			"=========\n\($question[0]): \($question[1]) \n{E}\n";
		def swap($i; $j): .[$i] as $x | .[$j] as $y | .[$i] = $y | .[$j] = $x;
		($a | length) == ($b | length) and ([$a, $b] | transpose | all(.[];
			.[0] as $a | .[1] as $b | $a.id == $b.id and inorder($b) and
			$b.text == written(lines($b); question($b)) and ('"$1"')))' >/dev/null
}

# ---- each change ----

perturb --change digit <books >digit
# shellcheck disable=SC2016 # for jq
differs='$b.change as $c | digits(lines($a)[$c.entry][1]) as $was |
	lines($b) == (lines($a) | .[$c.entry][1] = lines($b)[$c.entry][1]) and
	digits(lines($b)[$c.entry][1]) == ($was | .[$c.place - 1] = $c.to) and
	$was[$c.place - 1] == $c.from and $c.from != $c.to'
each "$differs and \$c.entry == asked(\$a) and question(\$b)[1] == lines(\$b)[\$c.entry][1] and
	question(\$b)[0] == question(\$a)[0]" books digit
ok $? "digit: one digit of the number asked for, and the answer follows"
is "$(mpcat digit | jq .change.place | sort -un | xargs)" "1 2 3 4 5 6 7 8 9 10" "any digit"
is "$(mpcat digit | jq -r .change.to | sort -un | xargs)" "0 1 2 3 4 5 6 7 8 9" "may become any"

perturb -c digit --place 10 --digits 3-5 --seed 9 <books >digit
each "$differs and \$c.place == 10 and (\$c.to | test(\"[345]\"))" books digit
ok $? "--place and --digits"
perturb -c digit -k <books >digit
each "$differs and question(\$b) == question(\$a) and find(\$b; \"answer\")[0][4] > 22" books digit
ok $? "--keep-answer: the answer stays, and cannot be known"
perturb -c digit -e other <books >digit
each "$differs and \$c.entry != asked(\$a) and question(\$b) == question(\$a) and
	asked(\$a) == asked(\$b) and find(\$b; \"answer\")[0][4] == find(\$a; \"answer\")[0][4]" books digit
ok $? "--entry other: the question stays"
perturb -c digit <published >digit
each "$differs and question(\$b) == question(\$a)" published digit
ok $? "an answer that was not the entry's number does not follow"
perturb -c digit -e other <absent >digit
each "$differs and asked(\$b) == -1" absent digit
ok $? "--entry other where none is asked for"

perturb -c drop <books >drop
# shellcheck disable=SC2016
each 'lines($b) == (lines($a) | del(.[asked($a)])) and question($b) == question($a) and
	asked($b) == -1 and find($b; "ask")[0][3] == -1 and $b.change == {what: "drop", entry: asked($a)} and
	(find($a; "number")[asked($a)][4] == find($b; "answer")[0][4]) and
	(find($a; "name")[asked($a)][4] == find($b; "ask")[0][4])' books drop
ok $? "drop: the line asked for is gone, and its information is in the question"
perturb -c drop -e other <books >drop
# shellcheck disable=SC2016
each '$b.change.entry as $e | lines($b) == (lines($a) | del(.[$e])) and question($b) == question($a) and
	$e != asked($a) and asked($b) == asked($a) - (if $e < asked($a) then 1 else 0 end)' books drop
ok $? "another line is gone: the one asked for may move up"
phonegen --count 20 --entries 1 >single
perturb -c drop <single >drop
# shellcheck disable=SC2016
each 'lines($b) == [] and question($b) == question($a)' single drop
ok $? "the only line can go"

perturb -c name <books >name
# shellcheck disable=SC2016
each '$b.change as $c | lines($b) == (lines($a) | .[$c.with][0] = .[$c.entry][0]) and
	question($b) == question($a) and $c.entry == asked($a) and $c.with != $c.entry and
	(find($b; "answer")[0][4] - find($a; "answer")[0][4] - 0.693 | fabs) < 0.001' books name
ok $? "name: another entry has the name too, and the answer holds ln 2 more"

perturb -c numbers <books >numbers
# shellcheck disable=SC2016
exchanged='$b.change as $c | $c.entry != $c.with and
	(lines($b) | map(.[1])) == (lines($a) | map(.[1]) | swap($c.entry; $c.with)) and
	(lines($b) | map(.[0])) == (lines($a) | map(.[0]))'
each "$exchanged and \$c.entry == asked(\$a) and question(\$b)[1] == lines(\$a)[\$c.with][1]" books numbers
ok $? "numbers: two entries exchange them, and the answer follows"
perturb -c numbers -k <books >numbers
each "$exchanged and question(\$b) == question(\$a)" books numbers
ok $? "or stays"
phonegen --count 40 --entries 3-5 >three
perturb -c numbers -e other <three >numbers
each "$exchanged and question(\$b) == question(\$a) and \$c.entry != asked(\$a) and
	\$c.with != asked(\$a)" three numbers
ok $? "of two others it stays, too"

perturb -c lines <books >lines
# shellcheck disable=SC2016
each '$b.change as $c | $c.entry != $c.with and lines($b) == (lines($a) | swap($c.entry; $c.with)) and
	$c.entry == asked($a) and asked($b) == $c.with and find($b; "ask")[0][3] == $c.with and
	question($b) == question($a)' books lines
ok $? "lines: two exchange places, and entries go by lines"

perturb -c redraw <books >redraw
# shellcheck disable=SC2016
redrawn='find($a; "number") as $was | (find($b; "number") | map(.[:4])) == ($was | map(.[:4])) and
	([$a.spans, $b.spans] | map(map(select(.[2] != "number"))) | .[0] == .[1]) and
	(lines($b) | map(.[0])) == (lines($a) | map(.[0])) and $b.change == {what: "redraw"} and
	(lines($b) | all(.[]; .[1] | test("^[1-9][0-9]{2}-[0-8]{2}[0-9]-[0-9]{4}$"))) and
	all(find($b; "number")[]; .[4] > 22 and .[4] < 23)'
# shellcheck disable=SC2016
each "$redrawn"' and question($b)[0] == question($a)[0] and
	question($b)[1] == lines($b)[asked($a)][1] and
	([lines($a), lines($b)] | transpose | all(.[]; .[0][1] != .[1][1]))' books redraw
ok $? "redraw: all numbers are others, names and places stay, and the answer follows"
perturb -c redraw -e other <three >redraw
# shellcheck disable=SC2016
each "$redrawn"' and question($b) == question($a) and asked($a) as $asked |
	[lines($a), lines($b)] | transpose | to_entries | all(.[];
	(.value[0][1] == .value[1][1]) == (.key == $asked))' three redraw
ok $? "those of all others"
perturb -c redraw <published >redraw
# shellcheck disable=SC2016
each "$redrawn"' and question($b) == question($a) and
	([lines($a), lines($b)] | transpose | all(.[]; .[0][1] != .[1][1]))' published redraw
ok $? "an answer that was not the entry's number stays"
perturb -c redraw <absent >redraw
each "$redrawn and question(\$b) == question(\$a)" absent redraw
ok $? "a book that asks for no entry is redrawn, too"
perturb -c redraw --digits 1-3 <books >redraw
is "$(mpcat --text redraw | grep -o '[0-9]' | sort -u | xargs)" "1 2 3" "--digits: what all digits become"
is "$(mpcat redraw | jq -c '[.spans[] | select(.[2] == "number")[4]] | unique | length')" \
	"$(mpcat books | jq 1)" "which have the same information"

# Of few names, some books have one twice and no other.
phonegen --count 300 --entries 2-5 >many
perturb -c ask <many >ask
# shellcheck disable=SC2016
each '$b.change as $c | lines($b) == lines($a) and question($b) == lines($a)[$c.with] and
	$c.entry == asked($a) and asked($b) == $c.with and $c.with != $c.entry and
	find($b; "ask")[0][3] == $c.with and question($b)[0] != question($a)[0] and
	([$a.spans, $b.spans] | map(map(select(.[2] != "ask" and .[2] != "answer"))) | .[0] == .[1])' many ask
ok $? "ask: another name is asked for, and the answer is its number"
perturb -c ask -k <many >ask
# shellcheck disable=SC2016
each '$b.change as $c | lines($b) == lines($a) and
	question($b) == [lines($a)[$c.with][0], question($a)[1]] and find($b; "answer")[0][4] > 22' many ask
ok $? "an answer that is kept cannot be known"
grep -E '^.{5}$' "$ROOT/testdata/names.txt" >five
phonegen --count 40 --entries 2-5 --names five >layout
perturb -c ask <layout | mpcat | jq -c '[.text | length] + [.spans[][:3]]' >ask
is "$(cat ask)" "$(mpcat layout | jq -c '[.text | length] + [.spans[][:3]]')" \
	"names of one length: the partner has the same layout"

# ---- the stream ----

for change in digit drop name numbers lines redraw ask; do
	list=names
	[ $change != ask ] || list=$ROOT/testdata/names.txt
	phonegen --count 300 --entries 2-5 --names "$list" --seed 4 >books
	perturb -c $change <books >whole
	{
		phonegen --count 100 --entries 2-5 --names "$list" --seed 4
		phonegen --count 200 --first 100 --entries 2-5 --names "$list" --seed 4
	} | perturb -c $change | mpcat | cmp -s - <(mpcat whole)
	ok $? "$change: a piece of the input gives that piece of the output"
	perturb -c $change -s 2 <books | mpcat | cmp -s - <(mpcat whole)
	is $? "$([ $change = drop ] && echo 0 || echo 1)" "$change: another seed draws otherwise"
	tokenize <whole | tokenize -d | mpcat --text | cmp -s - <(mpcat --text whole)
	ok $? "$change: tokenize takes it"
done
is "$(mpcat --header digit | jq -r '[.chain[].program, (.alphabet | length)] | @tsv')" \
	"$(phonegen --count 0 | mpcat --header | jq -r '["phonegen", "perturb", (.alphabet | length)] | @tsv')" \
	"the header is signed, the alphabet stays"
echo '{"id": 0, "text": "Ann 1 Ann 1", "spans": [[0,3,"name",0,0],[4,5,"number",0,0],[6,9,"ask",0,0],[10,11,"answer",0,0]]}' |
	"$tools/mkstream" text '{"alphabet": " 1An"}' >short
for change in digit redraw; do
	perturb -c $change --digits 1-3 <short | mpcat --header | jq -r .alphabet >alphabet
	is "$(cat alphabet)" " 123An" "$change: digits that may come are in it"
done

# ---- tasks of one's own ----

# words FROM TO...: text on stdin with other words for kinds
words() { mpcat | jq -c --args '.spans[] |= (.[2] |= ({($ARGS.positional[0]): $ARGS.positional[1],
	($ARGS.positional[2]): $ARGS.positional[3]}[.] // .))' "$@" | mptext; }
phonegen --count 40 --entries 2-5 >two
words name key number value <two >own
for what in digit drop name numbers lines redraw ask; do
	is "$(perturb -c $what <own | words key name value number | mpcat)" "$(perturb -c $what <two | words a b c d | mpcat)" \
		"kinds of other words: $what"
done
echo '{"text": "1) 12:ann 2) 34:bob ? bob=34", "spans": [[0,1,"rank",0,0],[3,5,"value",0,0],[6,9,"key",0,0],
	[10,11,"rank",1,0],[13,15,"value",1,0],[16,19,"key",1,0],[22,25,"ask",1,0],[26,28,"answer",1,0]]}' |
	jq -c . | mptext >first
is "$(perturb -c drop -e other <first | mpcat | jq -r .text)" "2) 34:bob ? bob=34" \
	"a line with its value before its key, and a third field"
is "$(perturb -c numbers <first | mpcat | jq -r .text)" "1) 34:ann 2) 12:bob ? bob=12" \
	"values are exchanged, and the answer with them"

# ---- what cannot be changed ----

# with FILE COMMAND...
with() {
	local file=$1
	shift
	"$@" <"$file"
}
fails 1 'record 0: no entry is asked for' "nobody is asked for" with absent perturb -c digit
fails 1 'record 0: no entry but the one' "there is no other" with single perturb -c digit -e other
fails 1 'record 0: no other entry to go with' "there are no two" with single perturb -c lines
fails 1 'record [0-9]+: no other entry to go with' "there are no two others" \
	with books perturb -c lines -e other
fails 1 'no digit 11 in a number of 10' "there is no such digit" with books perturb -c digit --place 11
fails 1 'digit 1 is 1, and there is no other' "there is nothing to become" \
	with short perturb -c digit --digits 1
fails 1 'record 0: no entry to ask for that has another name' "there is no other name" with single perturb -c ask
fails 1 'record 0: no number but the one' "there is no other number" with single perturb -c redraw -e other
fails 1 'record 0: no entry is asked for' "nobody is asked for, and nobody else can be" with absent perturb -c ask
fails 2 'entry other: not with --change ask' "another one than asked for is asked for" perturb -c ask -e other
fails 2 'change' "nothing to do" perturb
fails 2 'change.*expected digit' "an unknown change" perturb -c letter
fails 2 'entry.*asked or other' "an unknown entry" perturb -c digit -e first
fails 2 'place' "--place without a digit" perturb -c drop --place 2
fails 2 "digits: only with" "--digits of a change that draws none" perturb -c lines --digits 2
fails 2 'digits' "no digit" perturb -c digit --digits 5-10

done_testing
