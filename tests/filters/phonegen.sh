#!/bin/bash
# phonegen.sh - the filter phonegen: its records as bytes, in pieces, in options.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

# records OPTION…: the records as JSON, without the header and its arguments
records() {
	phonegen "$@" | mpcat --json
}

# layout: passed if stdin, one record after the other, has the article's layout
layout() {
	awk -v entries="$1" '
	BEGIN { name = "[A-Z][a-z]*(-[A-Z][a-z]*)*"
		line = "^" name " " name ": [0-9][0-9][0-9]-[0-9][0-9][0-9]-[0-9][0-9][0-9][0-9] $" }
	{ at = (NR - 1) % (entries + 4)
	  if (at == 0) good = $0 == "{B}"
	  else if (at == entries + 1) good = $0 == "========="
	  else if (at == entries + 3) good = $0 == "{E}"
	  else good = $0 ~ line
	  if (!good) { print "# line " NR ": " $0; bad = 1; exit } }
	END { exit bad || NR == 0 || NR % (entries + 4) != 0 }'
}

# ---- layout ----

phonegen --count 200 | mpcat --text | layout 5
ok $? "records have the article's layout"
phonegen --count 200 --published | mpcat --text | layout 5
ok $? "published ones too"
phonegen --count 200 --query absent --entries 3 | mpcat --text | layout 3
ok $? "absent ones too, with three lines"
is "$(phonegen --count 1 --entries 1 --seed 9 | mpcat --text | tail -c 5 | od -An -c | tr -d ' ')" \
	'\n{E}\n' "a record ends with {E} and a newline"

# The answer, looked up with awk as a person would.
looked_up() {
	awk '/^{B}/ { split("", book); rule = 0; next } /^=/ { rule = 1; next } /^{E}/ { next }
	{ split($0, part, ": ")
	  if (!rule) book[part[1]] = book[part[1]] part[2] ";"
	  else if (!(part[1] in book)) absent++
	  else if (index(book[part[1]], part[2])) right++
	  else wrong++ }
	END { print right + 0, wrong + 0, absent + 0 }'
}
is "$(phonegen --count 500 | mpcat --text | looked_up)" "500 0 0" "the answer is one of the lines"
is "$(phonegen --count 500 --published | mpcat --text | looked_up)" "0 500 0" \
	"a published answer is none of the lines"
is "$(phonegen --count 500 --query absent | mpcat --text | looked_up)" "0 0 500" \
	"an absent name is none of the lines"

# ---- spans ----

is "$(records --count 50 | jq -c '[.spans[] | [.[2], .[3]]] | .[:4] + .[10:11]' | sort -u)" \
	'[["name",0],["number",0],["name",1],["number",1],["rule",-1]]' "kinds and entries of spans"
records --count 50 --entries 1-5 | jq -e '
	. as $r | def text(s): $r.text[s[0]:s[1]];
	(.spans | map(select(.[2] == "ask")))[0] as $ask |
	(.spans | map(select(.[2] == "answer")))[0] as $answer |
	(.spans | map(select(.[2] == "name" and .[3] == $ask[3])))[0] as $name |
	(.spans | map(select(.[2] == "number" and .[3] == $ask[3])))[0] as $number |
	text($ask) == text($name) and text($answer) == text($number) and $ask[3] == $answer[3]' |
	sort -u | grep -qx true
ok $? "spans hold the names and numbers that they say"
is "$(records --count 300 --entries 2-4 | jq '[.spans[] | select(.[2] == "name")] | length' |
	sort -u | tr '\n' ' ')" "2 3 4 " "MIN-MAX lines"

# ---- pieces ----

records --count 30 --entries 1-4 >"$TMP/whole"
for cut in 1 7 29; do
	{
		records --count $cut --entries 1-4
		records --count $((30 - cut)) --first $cut --entries 1-4
	} | cmp -s - "$TMP/whole"
	ok $? "two pieces cut at $cut are the whole"
done
for i in 0 10 20; do phonegen --count 10 --first $i --entries 1-4; done | mpcat | cmp -s - "$TMP/whole"
ok $? "pieces one after the other are a stream"
phonegen --count 30 --entries 1-4 >"$TMP/a.mp"
phonegen --count 30 --entries 1-4 >"$TMP/b.mp"
cmp -s "$TMP/a.mp" "$TMP/b.mp"
ok $? "the same command gives the same bytes"
parallel --will-cite -k phonegen --entries 1-4 --count 10 --first ::: 0 10 20 | mpcat |
	cmp -s - "$TMP/whole"
ok $? "jobs of GNU parallel make what one job makes"
phonegen --count 30 --entries 1-4 --seed 2 | mpcat | cmp -s - "$TMP/whole"
[ $? -eq 1 ]
ok $? "another seed, other records"
is "$(records --count 1 --first 1000000000000 | jq .id)" 1000000000000 "ids are indices"

# md5 OPTION...: of the records. The last bits of nats are libm's, so they are left out.
md5() {
	records "$@" | jq -c '[.id, .text, [.spans[][:4]]]' | md5sum | cut -d ' ' -f 1
}
is "$(md5 --count 2000)" ccac7c18a6334cd339318cb33477abe4 "records are what they always were"
is "$(md5 --count 500 --entries 1-9 --published)" c7545c78d73a48137db77a14076fe94b "published ones too"
is "$(md5 --count 500 --query absent --seed 5 --first 7)" 0949a2854448588f97837036c359249a "absent ones too"

# ---- header ----

is "$(phonegen --count 0 | mpcat --header | jq -r '.stream, .chain[0].program, (.chain[0].args | join(" "))' |
	tr '\n' ' ')" "text phonegen --count 0 " "the header is signed"
is "$(records --count 2000 | jq -r .text | grep -o . | sort -u | wc -l)" \
	"$(phonegen --count 0 | mpcat --header | jq '.alphabet | length - 1')" \
	"the alphabet is what records hold"
is "$(phonegen --count 0 | mpcat | wc -c)" 0 "no records make an empty stream"

# ---- records of several jobs ----

# jobs TOTAL FIRST...: a job of two records from each FIRST on
jobs() {
	local total=$1 first
	shift
	for first; do
		phonegen --total "$total" --count 2 --first "$first"
	done >"$TMP/jobs"
}
jobs 6 0 2 4
is "$(mpcat "$TMP/jobs")" "$(records --count 6)" "--total: all came"
is "$(mpcat --header "$TMP/jobs" | jq -c '[.total, (.segments[] | .records)]')" '[6,2,2,2]' "the header says how many"
is "$(tokenize <"$TMP/jobs" | mpcat --header | jq .total)" null "which readers do not pass on"
# shellcheck disable=SC2086 # several words
for reader in mpcat 'mpcat --header' data-lint; do
	for firsts in '0 4' '2'; do
		jobs 6 $firsts
		fails 1 ': byte [0-9]*, end of the input: [24] of the 6 records that the header promises: a job' \
			"$reader: only jobs $firsts" $reader "$TMP/jobs"
	done
	jobs 2 0 2
	fails 1 'end of the input: 4 of the 2 records that the header promises: jobs wrote too many' \
		"$reader: a job too many" $reader "$TMP/jobs"
done
jobs 6 0 2
tokenize <"$TMP/jobs" 2>"$TMP/said" | shard -o "$TMP/sharded" 2>/dev/null
is "$?" 1 "a pipeline fails at its end"
fails 2 '^phonegen: --total: 1 is less than the 2 records of this job' "less than its own" \
	phonegen --total 1 --count 2

# ---- names ----

printf 'Ann\nZoë\n' >"$TMP/names"
is "$(phonegen --names "$TMP/names" --count 0 | mpcat --header | jq -r .alphabet | tail -n +2)" \
	" -0123456789:=ABEZno{}ë" "names of a file make the alphabet"
is "$(records --names testdata/names.txt --count 20 | md5sum)" "$(records --count 20 | md5sum)" \
	"the bundled names are testdata/names.txt"
is "$(phonegen --names - --count 3 <"$TMP/names" | mpcat | md5sum)" \
	"$(phonegen --names "$TMP/names" --count 3 | mpcat | md5sum)" "names from the standard input"
fails 1 '^phonegen: standard input:2: ' "and a message that says so" bash -c "printf 'Ann\nA1\n' | phonegen --names -"
is "$(phonegen --names <(cat "$TMP/names") --count 3 | mpcat | md5sum)" \
	"$(phonegen --names "$TMP/names" --count 3 | mpcat | md5sum)" "names from a pipe"
is "$(phonegen --names /dev/stdin --count 3 <"$TMP/names" | mpcat | md5sum)" \
	"$(phonegen --names "$TMP/names" --count 3 | mpcat | md5sum)" "or the standard input"
is "$(printf '\357\273\277' | cat - "$TMP/names" | phonegen --names /dev/stdin --count 3 | mpcat | md5sum)" \
	"$(phonegen --names "$TMP/names" --count 3 | mpcat | md5sum)" "a byte order mark is none of them"
fails 1 "phonegen: $TMP: cannot read: Is a directory" "a folder" phonegen --names "$TMP"
printf 'Ann\nMary Ann\n' >"$TMP/bad"
fails 1 'bad:2: character U\+0020' "a bad name is shown with its line" phonegen --names "$TMP/bad"
[ ! -s "$TMP/stdout" ]
ok $? "and nothing is written"
fails 1 'missing: cannot open' "a missing list of names" phonegen --names "$TMP/missing"

# ---- bad options and outputs ----

fails 2 'entries.*0' "no entries" phonegen --entries 0
fails 2 'entries.*1001' "too many entries" phonegen --entries 1001
fails 2 'entries.*5-2' "a range the wrong way round" phonegen --entries 5-2
fails 2 'count' "a negative count" phonegen --count -1
fails 2 'count' "a count that is no number" phonegen --count many
fails 2 'seed' "a seed that is no integer" phonegen --seed 1.5
fails 2 'query.*present or absent' "an unknown query" phonegen --query maybe
fails 2 'operand' "an operand" phonegen 10
fails 2 'none is absent' "no name can be absent" \
	phonegen --names "$TMP/names" --query absent --entries 4
# shellcheck disable=SC2016 # the inner shell expands
fails 1 'standard output: cannot write' "a full disk" sh -c 'exec phonegen >/dev/full'
phonegen --count 1000000 2>"$TMP/stderr" | head -c 1000 >/dev/null
[ "${PIPESTATUS[0]}" -eq 141 ] && [ ! -s "$TMP/stderr" ]
ok $? "a closed pipe ends it quietly"

done_testing
