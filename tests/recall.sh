#!/bin/bash
# recall-score against generations whose score is known: the oracle's.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
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
	$'id\tsample\texact\tname\tnumber\tbook\tasked\tgiven\twant\tdistance' "--each: a header line"
is "$(awk -F '\t' '{ print NF }' each | sort -u) $(wc -l <each)" "10 11" "a line per record"
is "$(awk -F '\t' 'NR > 1 && NR < 5 { print $1, $3, $4, $5, $6, $10 }' each | tr '\n' ';')" \
	"0 1 1 1 1 0;1 0 1 0 0 1;2 0 0 - - -;" "right, a digit off, a stranger"
name=$(mpcat book | jq -r 'select(.id == 1) | .text as $t | .spans[] | select(.[2] == "ask") | $t[.[0]:.[1]]')
number=$(mpcat book | jq -r 'select(.id == 1) | .text as $t | .spans[] | select(.[2] == "answer") | $t[.[0]:.[1]]')
is "$(awk -F '\t' '$1 == 1 { print $7 "|" $9 }' each)" "$name|$number" "who was asked for, and the right answer"
is "$(awk -F '\t' '$1 == 2 { print $7 "|" $9 }' each)" "Zz Zz|-" "after a stranger there is no right answer"
oracle answer cut <book | recall-score --each | awk -F '\t' 'NR > 1 { print $8, $9, $10, length($9) }' |
	awk '{ if ($3 != $4 - 4 || index($2, $1) != 1) bad++ } END { print NR, bad + 0 }' >have
is "$(cat have)" "10 0" "the distance of an answer cut short is what it lacks"

# ---- a model ----

alphabet=$(mpcat --header book | jq -rj .alphabet; echo x)
"$tools/mkmodel" model "${alphabet%x}" 1 1 16 256 1 6
gpt-sample model --from answer --samples 2 book | recall-score >summary
is "$(value records <summary) $(shares exact)" "20 0/20 " "a model that knows nothing"
gpt-sample model --from ask book | recall-score >summary
is "$(value records <summary) $(shares name number)" "10 0/10 0/0 " "neither names"
phonegen --count 0 | gpt-sample model | recall-score >summary
is "$(value records <summary) $(shares exact)" "0 0/0 " "nothing in, nothing counted"
is "$(oracle answer right <book >a; recall-score a a | value records)" 20 "files add up"

# ---- failures ----

gpt-sample model --from number --max-tokens 2 book >early
fails 1 'early: .*record 0: the prompt of [0-9]+ characters ends before the name asked for' \
	"a prompt that ends too early" recall-score early
gpt-sample model --max-tokens 2 book >late
fails 1 'late: .*record 0: the prompt of [0-9]+ characters reaches past' \
	"a prompt with the answer in it" recall-score late
gpt-score model book >scored
fails 1 'scored: .*record 0: no reference' "scores are no generations" recall-score scored
gpt-sample model --prompt '{B}' --max-tokens 1 >alone
fails 1 'alone: .*record 0: no reference' "nor is what came of --prompt" recall-score alone
fails 1 'book: .*generations' "a stream of another kind" recall-score book
head -c -1 a >short
fails 1 'short' "an input that is cut short" recall-score short
[ ! -s "$TMP/stdout" ]
ok $? "has no summary"
fails 1 'standard input' "no input" recall-score
fails 2 'eech' "an unknown option" recall-score --eech
recall-score a >/dev/full 2>have
is "$? $(cat have)" "1 recall-score: standard output: No space left on device" "a full disk"

done_testing
