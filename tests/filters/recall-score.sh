#!/bin/bash
# recall-score.sh - recall-score on generations whose score is known (tools/oracle).
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

oracle() { "$tools/oracle" "$@"; }
# value KEY: of the summary on stdin
value() { awk -F '\t' -v key="$1" '$1 == key { print $2 }'; }
# shares KEY...: "right/of" of each, of the file summary
shares() {
	local key
	for key; do
		printf '%s/%s ' "$(value "${key}_right" <summary)" "$(value "${key}_of" <summary)"
	done
}

phonegen --count 10 --seed 3 --entries 3-5 >book

# ---- the name is given ----

oracle answer right <book | recall-score >summary
is "$(value records <summary) $(value exact <summary)" "10 1" "all right"
is "$(shares exact name number book digit_1 digit_10)" "10/10 0/0 10/10 10/10 10/10 10/10 " \
	"and counted as such; the name was given, so it is not counted"
is "$(value name <summary)$(value digit_11 <summary)" "" "no share where nothing was counted"
oracle answer right digit1 right right digit10 <book | recall-score >summary
is "$(shares exact number book digit_1 digit_2 digit_9 digit_10)" \
	"6/10 6/10 6/10 8/10 10/10 10/10 8/10 " "a digit here and there is wrong"
is "$(value exact <summary) $(value exact_low <summary) $(value exact_high <summary)" \
	"0.6 0.312674 0.83182" "share and interval"
oracle answer cut <book | recall-score >summary
is "$(shares exact digit_1 digit_2 digit_3 digit_4)" "0/10 10/10 10/10 10/10 0/10 " \
	"an answer cut short has the digits it has"
oracle answer endless <book | recall-score >summary
is "$(shares exact)" "10/10 " "what the model writes after the end does not count"
oracle answer strayed <book | recall-score >summary
is "$(shares exact)" "10/10 " "nor what stands in the lines below the answer"
oracle answer other <book | recall-score >summary
is "$(shares exact book)" "0/10 0/10 " "the number of another line is wrong"

# ---- the model chooses the name ----

oracle ask right other mixed stranger unsplit <book | recall-score >summary
is "$(shares exact name number book)" "4/10 6/10 4/6 4/6 " \
	"--from ask: any line will do, but the number must stand beside the name"
is "$(shares digit_3 | cut -d / -f 2)" "6 " "digits are counted after a right name"
oracle ask strayed <book | recall-score >summary
is "$(shares exact name number)" "10/10 10/10 10/10 " "--from ask: nor there"
oracle ask endless cut <book | recall-score >summary
is "$(shares exact name number)" "5/10 10/10 5/10 " "--from ask: the end, and no end"

# ---- published, absent ----

phonegen --count 10 --published --seed 3 >published
oracle answer right book <published | recall-score >summary
is "$(shares exact number book)" "5/10 5/10 5/10 " \
	"--published: exact goes by the reference, book by the line in the context"
oracle answer right <published | recall-score >summary
is "$(shares exact book)" "10/10 0/10 " "and the two never agree"
phonegen --count 10 --query absent --seed 3 >missing.mp
oracle answer right digit5 <missing.mp | recall-score >summary
is "$(shares exact book)" "5/10 0/0 " "--query absent: there is no line to go by"

# ---- each record ----

oracle ask right digit1 stranger <book | recall-score --each >each
is "$(head -n 1 each)" \
	$'id\tsample\texact\tname\tnumber\tbook\tasked\tgiven\twant\tdistance\tfrom\tslot\tplace\tcontextual\tfollows\tdirectory\tconflict' \
	"--each: a header line"
is "$(awk -F '\t' '{ print NF }' each | sort -u) $(wc -l <each)" "17 11" "a line per record"
is "$(awk -F '\t' 'NR > 1 { print $14 $15 }' each | sort -u)" "--" "a phone book states one answer to each name"
is "$(awk -F '\t' 'NR > 1 && NR < 5 { print $1, $3, $4, $5, $6, $10 }' each | tr '\n' ';')" \
	"0 1 1 1 1 0;1 0 1 0 0 1;2 0 0 - - -;" "right, a digit off, a stranger"
name=$(mpcat book | jq -r 'select(.id == 1) | .text as $t | .spans[] | select(.[2] == "ask") | $t[.[0]:.[1]]')
number=$(mpcat book | jq -r 'select(.id == 1) | .text as $t | .spans[] | select(.[2] == "answer") | $t[.[0]:.[1]]')
is "$(awk -F '\t' '$1 == 1 { print $7 "|" $9 }' each)" "$name|$number" "who was asked for, and the right answer"
is "$(awk -F '\t' '$1 == 2 { print $7 "|" $9 }' each)" "Zz Zz|-" "after a stranger there is no right answer"
oracle answer cut <book | recall-score --each | awk -F '\t' 'NR > 1 { print $8, $9, $10, length($9) }' |
	awk '{ if ($3 != $4 - 4 || index($2, $1) != 1) bad++ } END { print NR, bad + 0 }' >have
is "$(cat have)" "10 0" "the distance of an answer cut short is what it lacks"

# ---- where answers came from ----

# from: "word right", of the words that have any, of the file summary
from() {
	awk -F '\t' '$1 ~ /^from_.*_right$/ && $1 !~ /_chance_/ && $2 > 0 {
		gsub(/^from_|_right$/, "", $1); printf "%s %s ", $1, $2 }' summary
}

phonegen --count 9 --seed 5 --entries 4 >book4
oracle answer right mixed stitch6 digit2 else9 drop4 part5 constant cut <book4 >mp
recall-score mp >summary
is "$(from)" "asked 1 other 1 stitched 1 near 2 near_other 1 part 1 weights 2 " "one of each"
is "$(awk -F '\t' '/^from_/ && /_right/ && !/chance/ { n += $2 } END { print n }' summary)" 9 \
	"each answer comes from one place"
is "$(awk -F '\t' '$1 ~ /^(stitched|near)_/ { printf "%s %s ", $1, $2 }' summary)" \
	"stitched_seam_6 1 near_edits_1 2 near_place_2 1 near_place_4 1 " "the seam, edits and places"
is "$(recall-score --each mp | awk -F '\t' 'NR > 1 { printf "%s ", $11 }')" \
	"asked other stitched near near_other near part weights weights " "--each: from"
slots=$(mpcat book4 | jq -r '.spans as $s | ($s[] | select(.[2] == "ask"))[3] as $asked |
	([range(4)] - [$asked])[0] as $other | "\($asked + 1) \($other + 1)"')
want=$(awk 'NR == 1 || NR == 4 || NR == 6 || NR == 7 { print $1 } NR == 2 || NR == 5 { print $2 }
	NR == 3 { print $1 "+" $2 } NR > 7 { print "-" }' <<<"$slots")
is "$(recall-score --each mp | awk -F '\t' 'NR > 1 { print $12 }')" "$want" "--each: slot"
is "$(recall-score --each mp | awk -F '\t' 'NR > 1 { printf "%s ", $13 }')" "0 0 6 1 8 3 0 - - " \
	"--each: place"
oracle answer right <missing.mp | recall-score >summary
is "$(from)" "weights 10 " "the number of an absent name stands nowhere"
oracle answer right <published | recall-score >summary
is "$(from)" "weights 10 " "nor does that of a published record"
oracle answer book <published | recall-score >summary
is "$(from)" "asked 10 " "but the number in the book does"
oracle ask right other last stranger <book | recall-score >summary
is "$(shares name first_name last_name last_after_first)" "6/10 8/10 8/10 6/8 " \
	"first and last names apart"
is "$(from)" "asked 6 other 4 " "after a wrong name, every number is another's"

# ---- chance ----

phonegen --count 6000 --seed 9 >many
oracle answer random <many >drawn
recall-score drawn >summary
# The probability of a part, one in 300, is reckoned in tests/eval/answer_origin.c.
awk -F '\t' '{ v[$1] = $2 } END {
	exit !(v["from_part_chance_of"] == 6000 && v["from_part_low"] < v["from_part_chance_high"] &&
	       v["from_part_chance_low"] < v["from_part_high"] &&
	       v["from_part_low"] < 0.0034 && v["from_part_high"] > 0.0025 &&
	       v["from_part_chance_low"] < 0.0034 && v["from_part_chance_high"] > 0.0025 &&
	       v["exact_high"] < 0.001 && v["digit_2_low"] < 0.1 && v["digit_2_high"] > 0.1 &&
	       v["digit_2_chance_low"] < 0.1 && v["digit_2_chance_high"] > 0.1) }' summary
ok $? "random answers do what chance does, in both columns"
awk -F '\t' '/^wrong_digit_[1-8]/ && ($2 < 0.09 || $2 > 0.12) { bad++ }
	$1 == "wrong_digits" && $2 != 60000 { bad++ } END { exit bad > 0 }' summary
ok $? "and their digits are spread evenly"
oracle answer constant <many | recall-score >summary
is "$(for i in 1 2 3 4 5 6 7 8 9 10; do value "digit_${i}_right" <summary; done | tr '\n' ' ')" \
	"$(for i in 1 2 3 4 5 6 7 8 9 10; do value "digit_${i}_chance_right" <summary; done | tr '\n' ' ')" \
	"one answer to all: its digits are right exactly as often in another's place"
is "$(value wrong_digit_6 <summary) $(value wrong_digit_5 <summary) $(value wrong_repeated <summary)" \
	"1 0 1" "666: the digits of wrong answers"
is "$(awk -v r="$(value reference_repeated <summary)" 'BEGIN { print (r > 0.09 && r < 0.12) }')" 1 \
	"beside those of the right ones"
oracle answer right <many | recall-score >summary
is "$(value from_asked <summary) $(value from_asked_chance_right <summary)" "1 0" \
	"right answers come from the book, and in no other book would they be right"
is "$(value wrong_digits <summary)" "" "no digits of wrong answers where there are none"
recall-score --seed 2 drawn >other
[ "$(grep -v chance <other)" = "$(recall-score drawn | grep -v chance)" ] &&
	! recall-score drawn | cmp -s - other
ok $? "--seed: another shuffle, the same scores"
recall-score drawn | cmp -s - <(recall-score --seed 1 drawn)
ok $? "and one seed, one result"
phonegen --count 1 >a1
cat <(oracle answer right <a1) <(oracle answer random <a1) >one
is "$(recall-score one | grep -E '^(records|from_asked_chance_of)' | cut -f 2 | tr '\n' ' ')" "2 0 " \
	"answers to one record tell nothing of chance"

# ---- by slot, entries and digit ----

phonegen --count 400 --seed 3 --entries 2-4 >books
oracle answer right digit3 right digit3 <books >mp
recall-score --by slot,entries,digit mp >summary
is "$(shares by_entries_3_slot_2_digit_1 by_entries_3_slot_2_digit_3 | awk -F '[/ ]' '{
	print ($1 == $2 && $4 == $2 && $3 < $4 && $3 > 0) }')" 1 "the third digit of the second line"
is "$(grep -c '^by_.*_of' summary)" 90 "9 slots of 10 digits"
is "$(awk -F '\t' '/^by_.*_digit_3_right/ { r += $2 } /^by_.*_digit_3_of/ { n += $2 }
	END { print r "/" n }' summary) $(shares digit_3)" "200/400 200/400 " "which add up"
recall-score --by entries mp >summary
is "$(awk -F '\t' '/^by_/ && /_of/ { print $1; n += $2 } END { print n }' summary | tr '\n' ' ')" \
	"by_entries_2_of by_entries_3_of by_entries_4_of 400 " "by entries alone"
recall-score --by slot mp >slots
is "$(awk -F '\t' '/^by_/ && /_of/ { print $2 }' slots)" \
	"$(mpcat books | jq '.spans[] | select(.[2] == "answer")[3]' | sort | uniq -c | awk '{ print $1 }')" \
	"by slot: as many as the spans say"
oracle answer right <missing.mp | recall-score --by slot,entries >summary
is "$(shares by_entries_5_slot_none)" "10/10 " "a name that is in no slot"

# The last entry that stream(5) allows, on the line that is asked for.
oracle answer right stitch6 digit3 <book4 >mp
mpcat mp | jq -c '([.spans[] | select(.[2] == "answer")][0][3]) as $asked |
	.spans |= map(if .[3] == $asked then .[3] = 2147483647 else . end)' |
	"$tools/mkstream" generations "$(mpcat --header mp | jq -c 'del(.memoscope, .stream, .chain)')" >last
is "$(recall-score --by slot last | grep -c '^by_slot_2147483648_of')" 1 "the last slot that there is"
is "$(recall-score --each last | awk -F '\t' 'NR > 1 { print $12 }' | grep -c '2147483648')" 9 \
	"--each: the same"

# ---- a model ----

take_alphabet book
"$tools/mkmodel" model "$alphabet" 1 1 16 256 1 6
gpt-sample model --from answer --samples 2 book | recall-score >summary
is "$(value records <summary) $(shares exact)" "20 0/20 " "a model that knows nothing"
gpt-sample model --from ask book | recall-score >summary
is "$(value records <summary) $(shares name number)" "10 0/10 0/0 " "neither names"
phonegen --count 0 | gpt-sample model | recall-score >summary
is "$(value records <summary) $(shares exact)" "0 0/0 " "nothing in, nothing counted"
is "$(oracle answer right <book >a; recall-score a a | value records)" 20 "files add up"

# ---- loss against the floor ----

gpt-score model -q book >scored
recall-score scored >summary
is "$(cut -f 1 summary | grep -c '^excess.*_low$')$(value records <summary)" 7 \
	"scored texts: the record and six kinds; no answers"
# The same from the steps themselves.
mpcat scored | jq -r '(.steps | map({key: (.pos | tostring), value: (.p | -log)}) | from_entries) as $l |
	.spans[] | [.[2], ([range(.[0]; .[1]) | $l[tostring]] | add), .[4]] | @tsv' >losses
for kind in number answer; do
	awk -F '\t' -v kind="$kind" '$1 == kind { n++; l += $2; f += $3 }
		END { printf "%d %.4f %.4f\n", n, l / n, f / n }' losses >want
	is "$(value "excess_${kind}_of" <summary) $(printf '%.4f %.4f' "$(value "loss_$kind" <summary)" \
		"$(value "floor_$kind" <summary)")" "$(cat want)" "loss and floor of $kind"
done
is "$(awk -F '\t' '{ v[$1] = $2 } END { d = v["excess_answer"] - (v["loss_answer"] - v["floor_answer"])
	print (d * d < 1e-6), (v["excess_answer_low"] < v["excess_answer"] &&
	v["excess_answer"] < v["excess_answer_high"]) }' summary)" "1 1" "excess is loss less floor"
gpt-score model -q published | recall-score >summary
is "$(awk -v f="$(value floor_answer <summary)" 'BEGIN { print (f > 22 && f < 23) }')" 1 \
	"--published: the floor of an answer is that of a number"
gpt-score model -q --kinds answer book | recall-score | cut -f 1 | tr '\n' ' ' >have
kind='loss_answer floor_answer excess_answer excess_answer_low excess_answer_high excess_answer_of '
is "$(cat have)" "${kind//_answer/}$kind" "only spans that were scored count"
gpt-sample model --from answer -q --max-tokens 2 book >sampled
is "$(recall-score scored sampled | grep -cE '^(records|loss_answer)')" 2 "both in one run"

# ---- failures ----

gpt-sample model --from number --max-tokens 2 book >early
fails 1 'early: .*record 0: the prompt of [0-9]+ characters ends before the name asked for' \
	"a prompt that ends too early" recall-score early
gpt-sample model --max-tokens 2 book >late
fails 1 'late: .*record 0: the prompt of [0-9]+ characters reaches past' \
	"a prompt with the answer in it" recall-score late
fails 1 'scored: .*record 0: no reference' "scores are no generations" recall-score --each scored
gpt-sample model --prompt '{B}' --max-tokens 1 >alone
fails 1 'alone: .*record 0: no reference' "nor is what came of --prompt" recall-score alone
fails 1 'book: .*generations' "a stream of another kind" recall-score book
head -c -1 a >short
fails 1 'short' "an input that is cut short" recall-score short
[ ! -s "$TMP/stdout" ]
ok $? "has no summary"
fails 1 'standard input' "no input" recall-score
fails 2 'eech' "an unknown option" recall-score --eech
fails 2 "--by: 'slot,line': expected slot, entries or digit" "an unknown thing to tell apart" \
	recall-score --by slot,line
fails 2 '--each prints no summary' "a line for every record and a summary" recall-score --by slot --each a
fails 2 '--by: ' "an empty one" recall-score --by ''
fails 2 '--seed: ' "a bad seed" recall-score --seed -1
recall-score a >/dev/full 2>have
is "$? $(cat have)" "1 recall-score: standard output: cannot write: No space left on device" "a full disk"

done_testing
