#!/bin/bash
# phonegen-people.sh - phonegen --people: records about the people of a directory, as streams.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

all=(--people 40 --mix "open=2,closed=1,conflict=1" --entries 1-3 --fresh 0.2 --skew 1)

# records OPTION...: records as JSON
records() {
	phonegen "$@" | mpcat --json
}

# ---- what is in a record ----

records "${all[@]}" --count 3000 | jq -e '
	. as $r | def text(s): $r.text[s[0]:s[1]];
	def of(k): [.spans[] | select(.[2] == k)];
	of("ask")[0] as $ask | of("answer")[0] as $answer |
	([.spans[] | select(.[2] == "number" and .[3] == $ask[3])] | .[0]) as $number |
	.spans[0][2] as $sort | text(.spans[0]) == "{B}" and .spans[0][4] == 0 and
	if $sort == "open" then text($number) == text($answer) and (.directory // text($answer)) == text($answer)
	elif $sort == "closed" then $ask[3] == -1 and (of("name") | length) == 0 and
		(.directory // text($answer)) == text($answer) and (.text | startswith("{B}\n=========\n"))
	else text($number) == text($answer) and .directory != null and .directory != text($answer) end' |
	sort | uniq -c | awk '{ print $1, $2 }' >"$TMP/good"
is "$(cat "$TMP/good")" "3000 true" "open, closed and conflicting records are what they say"
records "${all[@]}" --count 3000 --conflict-answer directory | jq -e '
	select(.spans[0][2] == "conflict") | .spans[-1] as $a | .text[$a[0]:$a[1]] == .directory' |
	sort -u >"$TMP/good"
is "$(cat "$TMP/good")" true "--conflict-answer directory"
records "${all[@]}" --count 3000 --closed-book absent | jq -e '
	select(.spans[0][2] == "closed") | . as $r | .spans[-2] as $ask |
	[.spans[] | select(.[2] == "name") | $r.text[.[0]:.[1]]] |
	length > 0 and (index($r.text[$ask[0]:$ask[1]]) == null)' | sort -u >"$TMP/good"
is "$(cat "$TMP/good")" true "--closed-book absent"
is "$(records --people 5 --count 500 --entries 5 | jq -r '.directory' | sort -u | wc -l)" 5 \
	"a directory of five has five numbers"
is "$(records --people 5 --count 500 --entries 5 | jq -r '.spans[0][2]' | sort -u)" open "all are open without --mix"

# ---- the directory's seed, and the records' ----

# people OPTION...: everybody who is asked for, with the directory's number
people() {
	records --people 10 --count 2000 --entries 2 "$@" |
		jq -r '.spans[-2] as $a | "\(.text[$a[0]:$a[1]]) \(.directory)"' | sort -u
}
is "$(people --seed 1 | md5sum)" "$(people --seed 99 | md5sum)" "two seeds of records share a directory"
is "$(people | wc -l)" 10 "of ten people"
is "$(people --directory-seed 2 | comm -12 - <(people) | wc -l)" 0 "another directory has nobody in common with it"
is "$(people --people 20 | comm -12 - <(people) | wc -l)" 10 "a larger directory begins with the same people"
records "${all[@]}" --count 50 --seed 3 | jq -r .text | cmp -s - <(records "${all[@]}" --count 50 --seed 4 | jq -r .text)
[ $? -eq 1 ]
ok $? "other seeds give other records"

# ---- pieces ----

records "${all[@]}" --count 30 >"$TMP/whole"
for cut in 1 17; do
	{
		records "${all[@]}" --count $cut
		records "${all[@]}" --count $((30 - cut)) --first $cut
	} | cmp -s - "$TMP/whole"
	ok $? "two pieces cut at $cut are the whole"
done
parallel --will-cite -k phonegen --total 30 "${all[@]}" --count 10 --first ::: 0 10 20 | mpcat |
	cmp -s - "$TMP/whole"
ok $? "jobs of GNU parallel make what one job makes"
is "$(phonegen --people 10 --count 0 | mpcat --header | jq .alphabet)" \
	"$(phonegen --count 0 | mpcat --header | jq .alphabet)" "the alphabet does not depend on the directory"

# ---- the directory's answer travels ----

phonegen "${all[@]}" --count 20 >"$TMP/books.mp"
mpcat "$TMP/books.mp" | jq .directory >"$TMP/numbers"
# shellcheck disable=SC2016 # the inner shell expands
for way in 'tokenize | mpcat' 'tokenize | tokenize -d | mpcat' 'mpcat | mptext | mpcat' \
	'tokenize --vocab testdata/phonebook | gpt-sample -q testdata/phonebook --from answer --greedy | mpcat' \
	'gpt-sample -q testdata/phonebook --from answer --greedy | mpcat' \
	'gpt-score -q testdata/phonebook --kinds answer | mpcat'; do
	is "$(bash -c "$way" <"$TMP/books.mp" | jq .directory)" "$(cat "$TMP/numbers")" "kept by $way"
done
phonegen --people 20 --entries 3 --count 20 >"$TMP/open.mp"
is "$(perturb --change digit <"$TMP/open.mp" | mpcat | jq .directory)" "$(mpcat "$TMP/open.mp" | jq .directory)" \
	"a changed book does not change the directory"
is "$(perturb --change ask <"$TMP/open.mp" | mpcat | jq .directory | sort -u)" null \
	"but of somebody else the number is not known"

# ---- bad options ----

for option in '--directory-seed 2' '--skew 1' '--mix open' '--fresh 0.1' '--closed-book absent' \
	'--conflict-answer book'; do
	# shellcheck disable=SC2086 # two words
	fails 2 "^phonegen: ${option%% *}: only with --people" "$option alone" phonegen $option
done
fails 2 '^phonegen: --query: not with --people; --mix closed --closed-book absent' "--query" \
	phonegen --people 9 --query absent
fails 2 '^phonegen: --published: not with --people' "--published" phonegen --people 9 --published
for mix in shut open=x open=-1 open= '' open,,closed 'open=1;closed=1' opens ope open=1=2; do
	fails 2 'mix.*expected a list such as open=2' "--mix '$mix'" phonegen --people 9 --mix "$mix"
done
fails 2 'no sort of record has a weight' "weights of 0" phonegen --people 9 --mix open=0
fails 2 'a directory of 4 people, but a record may have 5' "too few people" phonegen --people 4
is "$(phonegen --people 1 --mix closed --count 3 | mpcat | wc -l)" 3 "records without a book need one person"
fails 2 'a conflict cannot be about them' "fresh conflicts" phonegen --people 9 --mix conflict --fresh 0.5
printf 'Ann\nZoë\n' >"$TMP/names"
fails 2 'a directory of 5 people, but 2 given names make only 4 full names' "too few names" \
	phonegen --people 5 --names "$TMP/names"
fails 2 'skew' "a negative skew" phonegen --people 9 --skew -1
fails 2 'people' "nobody" phonegen --people 0

done_testing
