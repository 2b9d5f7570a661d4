#!/bin/bash
# confint.sh - confint: estimates with their intervals, key by key, and lines that are wrong.
# That the intervals are the published ones is for tests/base/stats.c.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$TMP" || exit 1

# lines LINE...: each as it is, blanks as tabs
lines() { printf '%s\n' "$@" | tr ' ' '\t'; }
# confints OPTION LINE...: what confint makes of these lines, in one line
confints() {
	local option=$1
	shift
	lines "$@" | confint "$option" | tr '\t\n' '= '
}

# ---- what is estimated ----

is "$(confints --share 'a 81 263')" "a=0.307985 a_low=0.255289 a_high=0.36621 a_right=81 a_of=263 " \
	"a share, with Wilson's interval, in the form of recall-score"
is "$(confints --share 'a 0 20')" "a=0 a_low=0 a_high=0.161125 a_right=0 a_of=20 " "none of 20"
is "$(confints --share 'a 20 20')" "a=1 a_low=0.838875 a_high=1 a_right=20 a_of=20 " "all of 20"
is "$(confints --share 'a 0 0' 'b 1 1' | cut -d ' ' -f 1-3)" "a_right=0 a_of=0 b=1" \
	"of none there is no share"
is "$(confints --share 'a 3 10' 'b 1 2' 'a 2 10')" "$(confints --share 'a 5 20' 'b 1 2')" \
	"lines of a key are added up; keys stand in the order in which they came"
is "$(confints --share 'a 0.25 1' 'a 0.5 1' | tr ' ' '\n' | grep -E '^a(_right|_of)?=' | xargs)" \
	"a=0.375 a_right=0.75 a_of=2" "a fraction may be right"

is "$(confints --mean 'sleep 1.2' 'sleep 2.4' 'sleep 1.3' 'sleep 1.3' 'sleep 0' 'sleep 1' 'sleep 1.8' \
	'sleep 0.8' 'sleep 4.6' 'sleep 1.4' | sed -E 's/(low=0.700)[0-9]*/\1/; s/(high=2.459)[0-9]*/\1/')" \
	"sleep=1.58 sleep_low=0.700 sleep_high=2.459 sleep_of=10 " "a mean, with Student's interval"
is "$(confints --mean 'a -1e3')" "a=-1000 a_of=1 " "one value: no interval"
is "$(confints --mean 'b 1' 'a 7' 'b 1')" "b=1 b_low=1 b_high=1 b_of=2 a=7 a_of=1 " "values of two keys"

is "$(confints --ratio 'a 3 2' 'a 5 4' 'a 1 1' 'a 7 3')" "a=1.6 a_low=0.992727 a_high=2.20727 a_of=4 " \
	"a ratio of sums, with the interval by the variance between groups"
is "$(confints --ratio 'a -3 2')" "a=-1.5 a_of=1 " "one group: no interval"
is "$(confints --ratio 'a 0 0')" "a_of=1 " "a group of nothing: no ratio"

is "$(confint --mean </dev/null)$(confint --share </dev/null)$(confint --ratio </dev/null)" "" \
	"no lines, no estimates"
lines 'a 1' 'b 2' >one
lines '' 'a 3' >two
is "$(confint --mean one two | tr '\n' ' ' | tr '\t' =)" "$(lines 'a 1' 'b 2' 'a 3' | confint -m | tr '\n' ' ' | tr '\t' =)" \
	"files are read one after the other; empty lines say nothing"
is "$(confint -m one - <two | xargs)" "$(confint -m one two | xargs)" "- is the standard input"
is "$(printf 'a\t1' | confint --mean | xargs)" "a 1 a_of 1" "the last line needs no newline"
is "$(awk 'BEGIN { for (i = 0; i < 20000; i++) print "key" i % 2000 "\t" i % 2000 }' | confint --mean |
	awk -F '\t' '{ n += $1 ~ /_of$/ && $2 == 10; same += $1 == "key" $2 } END { print n, same }')" "2000 2000" \
	"2000 keys"

# ---- what is wrong ----

fails 2 'expected one of --mean, --share and --ratio' "no option" confint
fails 2 'expected one of --mean, --share and --ratio' "two options" confint --mean --share
fails 2 '--median: no such option' "a bad option" confint --median
fails 1 'nothing: cannot open' "a file that is not there" confint --mean nothing
fails 1 'Is a directory|cannot read' "a folder" confint --mean .
# wrong OPTION PATTERN NAME LINE: a second line that is wrong is named
wrong() {
	lines "a 1 1" "$4" >bad
	[ "$1" != --mean ] || lines "a 1" "$4" >bad
	fails 1 "^confint: bad: line 2: $2" "$3" confint "$1" bad
}
wrong --mean 'VALUE is missing' "a key alone" 'a'
wrong --mean 'VALUE is missing' "a key and a tab" 'a '
wrong --mean 'the key is empty' "no key" ' 1'
wrong --mean "VALUE: 'x' is not a number" "a word" 'a x'
wrong --mean "VALUE: 'nan' is not a number" "NaN" 'a nan'
wrong --mean 'more than 2 fields' "a field more" 'a 1 2'
wrong --mean 'VALUE has 80 bytes, expected at most 63' "a long number" "a $(printf '%080d' 1)"
wrong --mean 'the key has 300 bytes, expected at most 255' "a long key" "$(printf '%0300d' 1) 1"
wrong --share 'OF is missing' "a share of nothing said" 'a 1'
wrong --share '2 right of 1' "more right than there are" 'a 2 1'
wrong --share "RIGHT: '-1' is not a number of at least 0" "fewer than none" 'a -1 1'
wrong --ratio 'more than 3 fields' "a field more" 'a 1 2 3'
wrong --ratio "N: '-2' is not" "fewer than none" 'a 1 -2'
printf 'a\t1\na\0b\t2\n' >bad
fails 1 'line 2: the key has a byte 0' "a byte 0" confint --mean bad

lines 'a 1' | confint --mean >/dev/full 2>said
is "$? $(grep -c '^confint: standard output: cannot write' said)" "1 1" "a full disk"
set -o pipefail
awk 'BEGIN { for (i = 0; i < 20000; i++) print "k" i "\t1" }' | confint --mean 2>said | head -n 1 >/dev/null
is "$? $(cat said)" "141 " "a closed pipe ends it quietly"
done_testing
