#!/bin/bash
# data-lint.sh - data-lint on data whose faults are known.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

# value KEY: of the file report
value() { awk -F '\t' -v key="$1" '$1 == key { print $2 }' report; }
# counts KEY...: "count/of" of each
counts() {
	local key
	for key; do
		printf '%s/%s ' "$(value "${key}_count")" "$(value "${key}_of")"
	done
}
# lint STATUS NAME [ARGUMENT...]: the report is left in the file report
lint() {
	local want=$1 name=$2
	shift 2
	data-lint "$@" >report
	is $? "$want" "$name"
}
# records: text records from JSON on stdin
records() { "$tools/mkstream" text; }

# ---- phone books ----

phonegen --count 500 --entries 1-5 >book
lint 0 "the fixed generator's records are clean" book
is "$(counts answer_derived answer_in_context ask_in_book ambiguous)" \
	"500/500 500/500 500/500 0/500 " "every answer can be derived"
is "$(grep -c '^#' report) $(grep -c '^# Every answer can be derived' report)" "1 1" \
	"and one sentence says so"
is "$(value digits_own) $(awk -v d="$(value digits_other)" 'BEGIN { print (d > 0.09 && d < 0.12) }')" \
	"1 1" "its digits are those of the line asked for; of others by chance"
is "$(value records) $(value characters) $(value longest)" \
	"$(mpcat book | jq -s -r '[length, ([.[].text | length] | add), ([.[].text | length] | max)] | join(" ")')" \
	"records, characters, the longest"
cp report text.report
tokenize <book >tokens
lint 0 "tokens" tokens
is "$(cat report)" "$(cat text.report)" "say the same as their text"
data-lint <book | cmp -s - text.report
ok $? "so does standard input"
lint 0 "several files" book tokens
is "$(counts answer_derived)" "1000/1000 " "add up, whichever of the two they are"

phonegen --count 2000 --published >published
lint 3 "the published generator's are not" published
is "$(counts answer_derived answer_in_context ask_in_book)" "0/2000 0/2000 2000/2000 " \
	"no answer can be derived, though its name is there"
is "$(grep '^#' report)" "# The answer's number is independent of the context: in none of 2000 records \
does it stand beside the name that is asked for, and its digits agree with the number there by chance; \
that costs 22.602 nats per record, which no model can save." "one sentence says so, and what it costs"
phonegen --count 300 --published --entries 1 | data-lint | grep -q '^# .*independent'
ok $? "books of one line, too"

phonegen --count 200 --query absent >strangers
lint 3 "names that are not in the book" strangers
is "$(counts answer_derived ask_in_book)" "0/200 0/200 " "are asked for in vain"
is "$(grep -c '^#' report) $(grep -c independent report)" "2 0" \
	"which is not what independent means"
cat book published >mixed
lint 3 "some of each" mixed
is "$(counts answer_derived) $(grep -c '^# 2000 of 2500 answers cannot' report)" "500/2500  1" \
	"are counted"

# ---- the floor ----

mpcat mixed | jq -r '.spans[] | [.[2], .[4]] | @tsv' | awk -F '\t' '
	{ n[$1]++; s[$1] += $2; all += $2 }
	END { for (k in n) printf "floor_%s\t%.6g\nfloor_%s_of\t%d\n", k, s[k] / n[k], k, n[k]
		printf "floor\t%.6g\n", all / 2500 }' | sort >want
lint 3 "the floor" mixed
is "$(grep -E '^floor(_(name|number|rule|ask|answer)(_of)?)?'$'\t' report | sort)" "$(cat want)" \
	"is what the spans say"

# ---- made by hand ----

# line NAME NUMBER, and so on: a record asks for the last name, whose answer is the last number
hand() {
	local id=$1 text='' spans='' entry=0 kinds=(name number)
	shift
	while [ $# -gt 0 ]; do
		[ $# -gt 2 ] || kinds=(ask answer)
		spans+=",[${#text},$((${#text} + ${#1})),\"${kinds[0]}\",$entry,0]"
		text+="$1: "
		spans+=",[${#text},$((${#text} + ${#2})),\"${kinds[1]}\",$entry,0]"
		text+="$2 / "
		entry=$((entry + 1))
		shift 2
	done
	printf '{"id": %s, "text": "%s", "spans": [%s]}\n' "$id" "$text" "${spans#,}"
}
{
	hand 0 Ann 111 Bea 222 Ann 111 # clean
	hand 1 Ann 111 Ann 222 Ann 222 # ambiguous
	hand 2 Ann 111 Ann 111 Ann 111 # twice the same
	hand 3 Ann 111 Bea 222 Ann 222 # beside another name
	hand 4 Ann 111 Bea 222 Cid 333 # neither
	hand 5 Ann 111 Bea 222 Bea 322 # two digits of three
} | records >made
lint 3 "made by hand" made
is "$(counts answer_derived answer_in_context ask_in_book duplicate_names ambiguous)" \
	"3/6 4/6 5/6 2/6 1/6 " "derived, in the context, in the book, twice, ambiguous"
# own: 3 (0), 0 + 3 (1), 3 + 3 (2), 0 (3), - (4), 2 (5); other: 0 (0), 3 (3), 0 (5)
is "$(counts digits_own digits_other)" "14/21 3/9 " "digits in their places"
is "$(grep -c '^#' report)" 4 "a sentence for each fault"
hand 0 Ann 111 Ann 222 Bea 333 Bea 333 | records >twice
lint 0 "a name that stands twice but is not asked for is no fault" twice
is "$(counts duplicate_names ambiguous)" "1/1 0/1 " "but is counted"

# A task of one's own: the same records with kinds of other words say the same.
mpcat book | jq -c '.spans[] |= (.[2] |= ({name: "key", number: "value"}[.] // .))' | mptext >own
lint 0 "kinds of other words" own
is "$(sed 's/^floor_key/floor_name/; s/^floor_value/floor_number/' report)" "$(cat text.report)" \
	"say what name and number say"
mpcat published | jq -c '.spans[] |= (.[2] |= ({name: "key", number: "value"}[.] // .))' | mptext >own
lint 3 "the published task in other words" own
is "$(grep -c '^# The answer.s number is independent of the context' report)" 1 "is as bad as before"

# Sums have no entries: an answer that stands nowhere may be worked out.
for a in 3 12 30; do
	printf '{"id": %d, "text": "%d+12=%d", "spans": [[0, %d, "question", -1, 1], [%d, %d, "answer", -1, 0]]}\n' \
		$a $a $((a + 12)) $((${#a} + 3)) $((${#a} + 4)) $((${#a} + 6))
done | records >sums
lint 0 "sums" sums
is "$(grep '^#' report)" "# Cannot tell whether 3 of 3 answers can be derived: they do not stand in the \
context, and no entries and no fact are marked that they could follow from. A model must work them \
out, or know them." "nobody can tell"
is "$(value answer_undecided_count) $(value answer_derived_of)" "3 " "which is counted"
lint 0 "sums beside records of which it can be told" book sums
is "$(grep -c '^# The other 500 can be derived from the context\.$' report)" 1 "which are told"
lint 3 "sums beside wrong answers" made sums
is "$(grep -c '^# 3 of the other 6 answers cannot be derived' report)" 1 "which are not all"

# A quiz has no names: the answer must stand before itself.
{
	printf '%s\n' '{"id": 0, "text": "Who? (Ann did): Ann", "spans": [[16,19,"answer",-1,0]]}'
	printf '%s\n' '{"id": 1, "text": "Who? (Ann did): Bea", "spans": [[6,13,"fact",-1,0],[16,19,"answer",-1,0]]}'
	printf '%s\n' '{"id": 2, "text": "No question.", "spans": []}'
} | records >quiz
lint 3 "a quiz" quiz
is "$(counts answer_derived answer_in_context) $(value records)" "1/2 1/2  3" \
	"an answer that stands in the fact, and one that does not"
is "$(value floor) $(value floor_character) $(value floor_answer) $(value floor_answer_of)" "- - - 2" \
	"nobody knows the floor of what people wrote"
hand 0 Ann 111 | jq -c '.spans = []' | records >bare
lint 0 "no spans at all" bare
is "$(value floor) $(value floor_character)" "- -" "hold no floor"
is "$(grep '^#' report)" "# No record has an answer, so there is nothing to derive." "are said to be none"
printf '' | records >none
lint 0 "no records" none
is "$(value records)" 0 "are none"

# ---- context ----

longest=$(mpcat book | jq '.text | length' | sort -n | tail -n 1)
lint 0 "a context that the longest record just fits" --context "$longest" book
lint 3 "and one that it does not" --context $((longest - 1)) book
[ "$(value too_long_count)" -ge 1 ] &&
	is "$(value too_long_count)" "$(mpcat book | jq "select(.text | length == $longest) | 1" | wc -l)" \
		"counts the records"
# Windows one by one: N of them hold the answer's first token as one to predict.
for n in 40 120; do
	mpcat book | jq -r '.spans as $s | ($s[] | select(.[2] == "ask"))[3] as $e |
		[($s[] | select(.[2] == "name" and .[3] == $e))[0], ($s[] | select(.[2] == "answer"))[0]] |
		@tsv' | awk -v n=$n '{ for (w = $2 - n; w < $2; w++) { all++; lost += w > $1 } }
			END { printf "%d/%d ", lost, all }' >want
	data-lint --context $n book >report
	is "$(counts window_lost)" "$(cat want)" "windows of $n and one tokens that lose the entry"
done

# ---- both sides of a split ----

shard --val 0.2 -o data <tokens
lint 0 "what shard divides" --val data/val.mp data/train-0000.mp
is "$(value both_sides)" 0 "has nothing on both sides"
phonegen --count 7 --first 490 --entries 1-5 >held
cat held held >twice
lint 3 "records on both sides" --val twice tokens
is "$(counts both_sides)" "7/500 " "are counted, as text or as tokens"
is "$(grep -c '^# 7 of 500 records stand on both sides' report)" 1 "and said"

# ---- failures ----

head -c -1 book >short
fails 1 'short: .*cut off' "an input that is cut short" data-lint short
[ ! -s "$TMP/stdout" ]
ok $? "has no report"
fails 1 'short: .*cut off' "held-out records that are cut short" data-lint --val short book
"$tools/mkstream" metrics </dev/null >numbers
fails 1 "numbers: .*'text' or 'tokens'" "a stream of another kind" data-lint numbers
fails 1 'standard input' "no input" data-lint
fails 2 '--context' "a context of nothing" data-lint --context 0 book
fails 2 'vall' "an unknown option" data-lint --vall book
data-lint book >/dev/full 2>have
is "$? $(cat have)" "1 data-lint: standard output: cannot write: No space left on device" "a full disk"

# ---- a directory ----

phonegen --people 30 --count 300 --mix closed >closed.mp
lint 0 "closed records are to be known, which is nothing wrong" closed.mp
is "$(counts answer_derived answer_known)$(grep '^#' report)" "0/300 300/300 # 300 of 300 answers cannot be \
derived from the context, but are the directory's: a model must know them." "and the report says so"
phonegen --people 30 --count 300 --mix conflict --conflict-answer directory >conflicts
lint 0 "conflicts with the directory's answer are, too" conflicts
is "$(counts answer_derived answer_known conflicts)$(grep -c independent report)" "0/300 300/300 300/300 0" \
	"although no answer stands beside its name"
phonegen --people 30 --count 300 --mix open,conflict >open
lint 0 "conflicts with the book's answer can be derived" open
is "$(counts answer_derived conflicts)" "300/300 $(mpcat open | jq -r '.spans[0][2]' | grep -c conflict)/300 " \
	"and are counted"
phonegen --people 30 --count 300 --mix closed --fresh 0.5 >fresh
lint 3 "what is neither in the book nor in the directory is wrong" fresh
fresh=$(mpcat fresh | jq .directory | grep -c null)
is "$(counts answer_derived answer_known)$(grep -c "^# $fresh of 300 .*, nor are they the directory's" report)" \
	"0/300 $((300 - fresh))/300 1" "for a record without a book, too"
is "$(counts fresh)" "$fresh/300 " "and counted as fresh"
tokenize <fresh | data-lint | cmp -s - report
ok $? "tokens say the same"

# ---- how often ----

phonegen --people 20 --count 500 --entries 2 --mix open,closed --skew 1 >often
lint 0 "people" --people often
mpcat often | jq -r '. as $r | def text(s): $r.text[s[0]:s[1]];
	.spans as $s | ["asked", text($s[-2])], ["fact", text($s[-2]) + ": " + text($s[-1])],
	(range(0; $s | length) | select($s[.][2] == "name") | ["listed", text($s[.])],
		["fact", text($s[.]) + ": " + text($s[. + 1])]) | @tsv' | sort | uniq -c | sort -k2,2 -k1,1nr |
	awk -F '\t' '{ split($1, part, " "); kind = part[2]; n = part[1]
		if (kind != last) { if (last) print least; printf "%s %d %s ", kind, n, $2 } last = kind; least = n }
	END { print least }' >wanted
for key in people_asked:asked people_listed:listed facts:fact; do
	is "${key#*:} $(value "${key%:*}_most") $(value "${key%:*}_most_text") $(value "${key%:*}_least")" \
		"$(grep "^${key#*:} " wanted)" "${key%:*}: the commonest, the rarest"
done
is "$(value people_asked) $(value people_asked_occurrences) $(value people_listed)" "20 500 20" "all are met"
tokenize <often | data-lint --people | cmp -s - report
ok $? "tokens say the same"
phonegen --count 50 --entries 2 >often
lint 0 "without a directory" --people often
is "$(value people_asked_once) $(value facts_most) $(value facts_least) $(value fresh)" "1 2 1 " \
	"nobody is asked for twice, and a fact occurs in its line and in the answer"
data-lint often | cmp -s - <(grep -vE '^(people|facts)' report)
ok $? "all else is as it is without --people"

done_testing
