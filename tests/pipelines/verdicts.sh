#!/bin/bash
# verdicts.sh - what the pipelines conclude from their numbers: every verdict on numbers that are
# made up, for each way that it can come out, and where an interval leaves it open.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# The scripts up to where they begin to work, and then one of their functions.
mkdir "$TMP/pipelines" "$TMP/results"
cp -r "$ROOT"/pipelines/{lib,lib.sh,*.report.sh,*.measure.sh} "$TMP/pipelines"
ln -s "$ROOT/testdata" "$TMP/testdata"
for name in counterfactual probes phonebook-published phonebook-63m digits heads circuit facts temperature sizes qamix-63m \
	capacity memory-or-context transience which-heads quiz-lookup; do
	{
		sed -E '/^(say|begin|mkdir|fresh)( |$)/,$d' "$ROOT/pipelines/$name"
		# as reports do it: with no end at the first command that fails
		# shellcheck disable=SC2016
		echo 'echo "$("$@")"'
	} >"$TMP/pipelines/$name"
done

# numbers KEY=VALUE[:LOW:HIGH]...: lines of a summary
numbers() {
	local pair key value low high
	for pair; do
		key=${pair%%=*}
		IFS=: read -r value low high <<<"${pair#*=}"
		printf '%s\t%s\n' "$key" "$value"
		[ -z "$low" ] || printf '%s\t%s\n' "${key}_low" "$low" "${key}_high" "$high"
	done
}

# concludes NAME FUNCTION VERDICT KEY=VALUE...: that is the verdict, and there is no message. A VERDICT
# that ends with "..." is its beginning.
concludes() {
	local name=$1 function=$2 want=$3 verdict
	shift 3
	printf 'pipeline %s\n' "$name" >"$TMP/results/settings"
	numbers "$@" >"$TMP/results/summary.tsv"
	# shellcheck disable=SC2086 # a FUNCTION may have arguments
	verdict=$(OUT=$TMP/results PHONEBOOK=$TMP/phonebook bash "$TMP/pipelines/$name" $function 2>"$TMP/said")
	[[ $want != *... || ${verdict:0:${#want}-3}... != "$want" ]] || verdict=$want
	is "$verdict$(cat "$TMP/said")" "$want" "$name $function: $want"
}

# ---- the phone book ----

concludes counterfactual verdict 'The answer follows the book' digit_became=0.99:0.98:1 drop_old=0:0:0.004
concludes counterfactual verdict 'This model does not follow its context' digit_became=0.1:0.08:0.12 drop_old=0:0:0.004
concludes counterfactual verdict 'This run does not settle it' digit_became=0.5:0.47:0.53 drop_old=0:0:0.004
# all of 12 books
concludes counterfactual verdict 'This run does not settle it' digit_became=1:0.76:1 drop_old=0:0:0.24

concludes probes verdict_absent 'mostly out of the book' absent_from_weights=0.2:0.1:0.3
concludes probes verdict_absent 'mostly not out of the book' absent_from_weights=0.8:0.7:0.9
concludes probes verdict_absent 'about as often out of the book as not' absent_from_weights=0.5:0.4:0.6

learned=(excess_answer=0.004:-0.002:0.01 published_published_exact=0:0:0.004)
concludes phonebook-published verdict 'The data, not the network' "${learned[@]}" fixed_fixed_exact=0.99:0.98:1
concludes phonebook-published verdict 'Not shown by this run' "${learned[@]}" fixed_fixed_exact=0.1:0.08:0.12
concludes phonebook-published verdict 'Not shown by this run' excess_answer=3:2:4 published_published_exact=0:0:0.004 \
	fixed_fixed_exact=0.99:0.98:1

concludes phonebook-63m verdict 'Not size and not training' fixed_exact=0.99:0.98:1 published_exact=0:0:0.004
concludes phonebook-63m verdict 'Not shown by this run' fixed_exact=0.5:0.4:0.6 published_exact=0:0:0.004

middle=half_digits_middle=0.5:0.45:0.55
concludes digits verdict_digits 'Compared with the middle of a number, the beginning is easier and the end is harder, in a half-trained model' \
	$middle half_digits_begin=0.7:0.65:0.75 half_digits_end=0.3:0.25:0.35 half_step=5
concludes digits verdict_digits \
	'Compared with the middle of a number, the beginning is not shown to differ and the end is easier, in a half-trained model' \
	$middle half_digits_begin=0.54:0.49:0.59 half_digits_end=0.7:0.65:0.75 half_step=5
concludes digits verdict_names 'Last names are harder' half_last_name=0.3:0.2:0.4 half_first_name=0.6:0.5:0.7
concludes digits verdict_names 'Last names are easier' half_last_name=0.9:0.8:1 half_first_name=0.6:0.5:0.7
concludes digits verdict_names 'No difference is shown' half_last_name=0.5:0.4:0.6 half_first_name=0.6:0.5:0.7
wrong=(published_half_wrong_commonest=6 published_wrong_commonest=6)
greedy=published_half_wrong_commonest_share
drawn=drawn_half_wrong_commonest_share
concludes digits verdict_666 'It is neither in the data nor a liking for one digit...' "${wrong[@]}" $greedy=0.4:0.39:0.41 \
	$drawn=0.11:0.1:0.12
concludes digits verdict_666 'One digit is liked, even if answers are drawn' "${wrong[@]}" $greedy=0.4:0.39:0.41 \
	$drawn=0.2:0.19:0.21
concludes digits verdict_666 'No digit is liked' "${wrong[@]}" $greedy=0.11:0.1:0.12 $drawn=0.11:0.1:0.12
concludes digits verdict_666 'This run does not settle it' "${wrong[@]}" $greedy=0.18:0.12:0.26 $drawn=0.11:0.1:0.12

mkdir -p "$TMP/phonebook/model"
echo '{"n_layer": 1, "n_head": 2}' >"$TMP/phonebook/model/config.json"
printf '0.0\n0.1\n' >"$TMP/results/heads.list"
heads=(matter=1 head_0_0_next=0.7 head_0_1_next=0.1 head_0_0_cost=5:4:6 head_0_1_cost=0.2:0:0.4)
concludes heads verdict 'an answer needs 1 of 2 heads, 0.0 most of all; more than a fifth of its attention is given to the character that comes next by 0.0. Half of the last model'"'"'s accuracy is there from step 600 on.' \
	"${heads[@]}" whole_exact=0.99:0.98:1 right_from_step=600
concludes heads verdict 'an answer needs 1 of 2 heads, 0.0 most of all; more than a fifth of its attention is given to the character that comes next by no head...' \
	"${heads[@]/next=0.7/next=0.1}" whole_exact=0.99:0.98:1 right_from_step=600
concludes heads verdict 'this model is no good to find out:...' "${heads[@]}" whole_exact=0:0:0.01
concludes heads verdict 'this run does not settle it:...' "${heads[@]}" whole_exact=0.5:0.4:0.6
concludes heads verdict 'this run does not settle it:...' "${heads[@]/cost=5:4:6/cost=0.2:0:0.4}" whole_exact=0.99:0.98:1

printf 'head:0.1\nhead:1.0\nmlp:0\n' >"$TMP/results/graph.list"
printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' >"$TMP/results/graph.tsv" numbers embed head:1.0 v 0.4 0.3 0.5 \
	numbers head:1.0 logits - 0.5 0.4 0.6 numbers mlp:0 logits - -0.9 -1 -0.8 asked head:0.1 head:1.0 q 0.3 0.2 0.4 \
	asked embed head:1.0 q 0.2 0.1 0.3 asked embed head:0.1 v 0.7 0.6 0.8 asked head:1.0 logits - 0.6 0.5 0.7
graph=(heads=4 mlps=2 graph_heads=2 graph_mlps=1 graph_paths=7 whole_exact=0.99:0.98:1)
concludes circuit verdict 'the graph is enough: with everything outside the graph taken from another book, 97.0% (96.0% to 98.0%) of the answers are right, and 99.0% (98.0% to 100.0%) with nothing taken. The graph has 2 of 4 heads (0.1 and 1.0) and 1 of 2 feed-forward parts (0). The strongest way of the digits: the text → head 1.0 (as its values, 0.40) → the answer (0.50). The strongest way of the choice of line: the text → head 0.1 (as its values, 0.70) → head 1.0 (as its queries, 0.30) → the answer (0.60).' \
	"${graph[@]}" graph_exact=0.97:0.96:0.98
concludes circuit verdict 'the graph does most of it:...' "${graph[@]}" graph_exact=0.96:0.95:0.97
concludes circuit verdict 'the graph does a part of it:...' "${graph[@]}" graph_exact=0.5:0.4:0.6
concludes circuit verdict 'the graph is not enough:...' "${graph[@]}" graph_exact=0.4:0.35:0.45
concludes circuit verdict 'this run does not settle it:...' "${graph[@]/0.99:0.98:1/0.5:0.4:0.6}" graph_exact=0.49:0.39:0.59
concludes circuit verdict 'this model is no good to find out: 1.0% (0.5% to 2.0%) of its answers are right.' \
	"${graph[@]/0.99:0.98:1/0.01:0.005:0.02}" graph_exact=0:0:0.01
concludes circuit verdict 'this run finds no graph: no path from the text to the answer has an effect beyond 0.01.' \
	"${graph[@]/paths=7/paths=0}" graph_exact=0:0:0.01

# ---- heads that look up ----

both=(none_whole_book=0.96:0.9:0.99 none_whole_directory=0.02:0:0.06 none_whole_closed=1:0.98:1 none_without_lookup_mean_neither=0.6:0.5:0.7
	none_without_lookup_mean_closed=0.5:0.4:0.6)
fall=none_without_lookup_mean_directory
others=("${both[@]/none/absent}" none_both=3 none_networks=4 absent_both=3 absent_networks=4 "${fall/none/absent}=0.6:0.51:0.7" none_book_needed=1:1:1 absent_book_needed=2:2:2
	none_directory_needed=8:8:8 absent_directory_needed=7:6:8)
follow='96.0% (90.0% to 99.0%)'
# falls OUTCOME SHARE KEY=VALUE...: that is said of training without a book
falls() {
	concludes which-heads verdict "$2 and 96.0% (90.0% to 99.0%) of conflicts follow the book. If the heads that look up are taken away, and closed records in training had no book, $1..." \
		"${others[@]}" "${@:3}"
}
falls 'conflicts fall back to the directory: 60.0% (51.0% to 70.0%) of the answers. If they' "$follow" "${both[@]}" $fall=0.6:0.51:0.7
falls 'a part falls back to the directory: 40.0% (10.0% to 70.0%) of the answers, where 50.0% (40.0% to 60.0%) of' "$follow" "${both[@]}" \
	$fall=0.4:0.1:0.7
falls "this run does not settle it: 40.0% (0.0% to 90.0%) of the answers are the directory's, and with all heads 2.0% (0.0% to 6.0%). If they" "$follow" "${both[@]}" $fall=0.4:0:0.9
# no more than with all heads
falls "this run does not settle it: 20.0% (10.0% to 30.0%) of the answers are the directory's, and with all heads 15.0% (5.0% to 25.0%). If they" \
	"$follow" "${both[@]/none_whole_directory=0.02:0:0.06/none_whole_directory=0.15:0.05:0.25}" $fall=0.2:0.1:0.3
concludes which-heads verdict 'This run does not settle it: none of 8 networks does both, look numbers up and know them by heart.' \
	none_both=0 none_networks=4 absent_both=0 absent_networks=4
concludes which-heads verdict "No network that learned closed records with a book of others does both. With closed records without a book $follow of conflicts follow the book. If the heads that look up are taken away, conflicts fall back to the directory: 60.0% (51.0% to 70.0%) of the answers. Looking up takes 1 of the heads, knowing by heart 8." \
	"${others[@]/absent_both=3/absent_both=0}" "${both[@]}" $fall=0.6:0.51:0.7
concludes which-heads verdict 'No network that learned closed records without a book does both. With closed records with a book of others ...' \
	"${others[@]/none_both=3/none_both=0}"
others=("${others[@]/none_both=3/none_both=1}")
falls 'this run does not settle it: 1 of 4 networks do both. If they' "$follow" "${both[@]}" $fall=0.6:0.51:0.7
others=("${others[@]/none_both=1/none_both=3}")
concludes which-heads verdict "$follow and $follow of conflicts follow the book. If the heads that look up are taken away, and closed records in training had no book, conflicts do not fall back: 0.0% (0.0% to 1.0%) of the answers are the directory's, and 60.0% (50.0% to 70.0%) are neither number. If they had a book of others, conflicts fall back to the directory: 60.0% (51.0% to 70.0%) of the answers. Looking up takes 1 and 2 of the heads, knowing by heart 8 and 7.0 (6.0 to 8.0)." \
	"${others[@]}" "${both[@]}" $fall=0:0:0.01

# ---- a directory ----

export PEOPLE='32 512' CLOSED='0 0.5'
few=people_32_closed_0
many=people_512_closed_0
few_closed=people_32_closed_0_5
many_closed=people_512_closed_0_5
weights=-1:-1:-0.9
book=0.9:0.8:1
open=0.1:-0.2:0.4
places=(seeds=3 closed_0_switch=90:80:100 closed_0_switch_seen=142:128:160 closed_0_5_switch_networks=3 closed_0_5_switch_above=1
	closed_0_5_switch_below=0 closed_0_5_switch_neither=2)
prefers=(concludes memory-or-context verdict_prefers)
"${prefers[@]}" 'Neither by nature: it depends on how many people there are. The weights win with few people, the context with many, and they change places with 0% closed records at 90 (80 to 100) people, each seen 142 (128 to 160) times; with 50% closed records not in all networks (1 of 3 stay with the directory up to 512 people, 0 follow the book from 32 on, and 2 do neither)' \
	"${places[@]}" "${few}_lead=$weights" "${many}_lead=$book" "${few_closed}_lead=$weights" "${many_closed}_lead=$open"
"${prefers[@]}" 'The context, as far as this run shows: it wins in 1 of 4 cells, and the weights in none' \
	"${places[@]}" "${few}_lead=$open" "${many}_lead=$book"
"${prefers[@]}" 'The weights, as far as this run shows: they win in 2 of 4 cells, and the context in none' \
	"${places[@]}" "${few}_lead=$weights" "${many}_lead=$weights"
"${prefers[@]}" 'This run does not settle it: in no cell does one of the two win, by the interval over networks' \
	"${places[@]}" "${few}_lead=$open"
# the other way round, or by the share of closed records alone
for leads in "$book $weights $weights $book" "$book $weights $open $open" "$book $book $weights $weights" "$open $book $weights $open"; do
	read -ra lead <<<"$leads"
	"${prefers[@]}" 'Neither by nature, but it is not the number of people alone that decides: the weights win in...' \
		"${places[@]}" "${few}_lead=${lead[0]}" "${many}_lead=${lead[1]}" "${few_closed}_lead=${lead[2]}" "${many_closed}_lead=${lead[3]}"
done
"${prefers[@]}" 'Neither by nature: it depends on how many people there are. The weights win with few people, the context with many...' \
	"${places[@]}" "${few}_lead=$book" "${many}_lead=$book" "${few_closed}_lead=$weights" "${many_closed}_lead=$book"
CLOSED=0 concludes memory-or-context switches_text 'with 0% closed records nowhere, because neither is ahead by more than 5% in any network' closed_0_switch_networks=3 \
	closed_0_switch_above=0 closed_0_switch_below=0 closed_0_switch_neither=3
CLOSED=0 SKEW='0 1' concludes memory-or-context switches_text 'with exponent 0 at 90 people, each seen 142 times; with exponent 1 at 80 people, each seen 99 times on average' \
	skew_0_switch=90 skew_0_switch_seen=142 skew_1_switch=80 skew_1_switch_seen=99
# one network has no interval
"${prefers[@]}" 'This run does not settle it...' "${places[@]/seeds=3/seeds=1}" "${few}_lead=-1" "${many}_lead=1"
classes=(concludes memory-or-context verdict_classes)
"${classes[@]}" 'Yes: in each of 2 rows the book leads by more with 512 people than with 32' \
	"${few}_lead=$weights" "${many}_lead=$open" "${few_closed}_lead=$weights" "${many_closed}_lead=$book"
"${classes[@]}" 'Yes, as far as it is shown: in 1 of 2 rows the book leads by more with 512 people than with 32' \
	"${few}_lead=$weights" "${many}_lead=$book" "${few_closed}_lead=$open" "${many_closed}_lead=$open"
"${classes[@]}" 'No: in 1 of 2 rows the book leads by less with 512 people than with 32' \
	"${few}_lead=$book" "${many}_lead=$weights"
"${classes[@]}" 'This run does not settle it' "${few}_lead=$book" "${many}_lead=$weights" "${few_closed}_lead=$weights" "${many_closed}_lead=$book"
shift=(concludes memory-or-context verdict_shift)
"${shift[@]}" 'Yes, the weights win with more people: up to 300 (200 to 400) people, in place of 90 (80 to 100)' \
	closed_0_switch=90:80:100 closed_0_5_switch=300:200:400
"${shift[@]}" 'The other way round: the weights win with fewer people, 60 (50 to 70) in place of 90 (80 to 100)' \
	closed_0_switch=90:80:100 closed_0_5_switch=60:50:70
"${shift[@]}" 'No difference is shown: 90 (80 to 100) people, and 95 (85 to 105)' closed_0_switch=90:80:100 closed_0_5_switch=95:85:105
"${shift[@]}" 'This run does not settle it: no interval for the first row or the last' closed_0_switch=90:80:100
both=(concludes memory-or-context verdict_both)
"${both[@]}" 'Here it can, with all people alike: 512 people with 50% closed records (90.0% (80.0% to 100.0%) of conflicts, 70.0% (60.0% to 80.0%) closed)' \
	"${many_closed}_conflict_book=0.9:0.8:1" "${many_closed}_closed_exact=0.7:0.6:0.8" "${many}_conflict_book=0.9:0.8:1" "${many}_closed_exact=0:0:0.1"
"${both[@]}" "Not shown: there is no cell in which the intervals have both the book's share of the conflicts and the right closed answers above half" \
	"${many_closed}_conflict_book=0.9:0.4:1" "${many_closed}_closed_exact=0.7:0.6:0.8"
unset PEOPLE CLOSED

# arm KEY PEAK END FALL ATTENTION_FALL: numbers of one directory
arm() {
	local key=people_$1
	echo "${key}_peak_conflict_digits_book=$2 ${key}_end_conflict_digits_book=$3 ${key}_fall=$4 ${key}_attention_fall=$5" \
		"${key}_peak_attention=0.6:0.5:0.7 ${key}_end_attention=0.5:0.4:0.6" \
		"${key}_peak_conflict_digits_directory=0.1:0:0.2 ${key}_end_conflict_digits_directory=0.7:0.6:0.8" \
		"${key}_rise=0.6:0.5:0.7" "${key}_goes=0.6666667 ${key}_goes_of=3 ${key}_end_closed_exact=0.4:0.3:0.5"
}
never="0.06:0.04:0.08 0:0:0 0.06:0.04:0.08 0:0:0"
goes="0.5:0.4:0.6 0.2:0.1:0.3 0.3:0.2:0.4 0.05:0.02:0.08"
stays="0.9:0.8:1 0.9:0.8:1 0:-0.04:0.04 0:0:0"
unclear="0.5:0.4:0.6 0.3:0.1:0.5 0.2:0.04:0.36 0.1:0.05:0.15"
# goings ARM ARM VERDICT: the verdict on a directory of 9 people and one of 20
goings() {
	# shellcheck disable=SC2046,SC2086 # words
	DIRECTORIES='9:0.01 20:0.01' concludes transience verdict "$3" $(arm 9_decay_0_01 $1) $(arm 20_decay_0_01 $2)
}
told="it comes and goes in 2 of 3 networks (the book's digits: 50.0% (40.0% to 60.0%) at the peak, 20.0% (10.0% to 30.0%) at the end, a fall of 30.0% (20.0% to 40.0%); the directory's: 10.0% (0.0% to 20.0%), then 70.0% (60.0% to 80.0%))"
goings "$goes" "$goes" "yes: with 9 people $told; with 20 people $told."
goings "$never" "$goes" "it depends on how many people there are: with 9 people looking up never comes (the book's digits: 6.0% (4.0% to 8.0%) at the peak); with 20 people $told."
goings "$goes" "$stays" 'it depends on how many people there are: with 9 people it comes and goes in 2 of 3 networks (...'
goings "$goes" "$unclear" 'yes, as far as this run settles it: with 9 people it comes and goes in 2 of 3 networks (...'
goings "$never" "$stays" "no: with 9 people looking up never comes (the book's digits: 6.0% (4.0% to 8.0%) at the peak); with 20 people it comes and stays (the book's digits: 90.0% (80.0% to 100.0%) at the peak, 90.0% (80.0% to 100.0%) at the end; right without a book by then: 40.0% (30.0% to 50.0%))."
goings "$stays" "$never" 'no: with 9 people it comes and stays (...'
goings "$never" "$unclear" 'this run does not settle it: with 9 people looking up never comes (...'
goings "$unclear" "$unclear" "this run does not settle it: with 9 people it is open: it comes and goes in 2 of 3 networks (the book's digits: 50.0% (40.0% to 60.0%) at the peak, 30.0% (10.0% to 50.0%) at the end, a fall of 20.0% (4.0% to 36.0%)); with 20 people it is open:..."
# a fall that counts, of a peak that may be none
goings "0.3:0.05:0.55 0.1:0.1:0.1 0.2:0.12:0.28 0:0:0" "$unclear" 'this run does not settle it: with 9 people it is open: it...'
# it falls, and the directory's digits do not rise
fades=(people_9_decay_0_01_rise=0.3:-0.1:0.7)
# shellcheck disable=SC2046,SC2086
DIRECTORIES=9:0.01 concludes transience verdict "this run does not settle it: with 9 people it comes and goes in 2 of 3 networks (the book's digits: 50.0% (40.0% to 60.0%) at the peak, 20.0% (10.0% to 30.0%) at the end, a fall of 30.0% (20.0% to 40.0%)), but that memory takes its place is not shown (the directory's digits: 30.0% (-10.0% to 70.0%) more at the end than at the peak)." \
	$(arm 9_decay_0_01 $goes) "${fades[@]}"
# shellcheck disable=SC2046,SC2086
DIRECTORIES=9:0.01 concludes transience verdict_attention 'with 9 people the attention to the character that comes next stays...' \
	$(arm 9_decay_0_01 $goes) "${fades[@]}"
# attention that never was there does not stay
# shellcheck disable=SC2046,SC2086
DIRECTORIES=9:0.01 concludes transience verdict_attention 'with 9 people the attention to the character that comes next is not settled...' \
	$(arm 9_decay_0_01 $goes) people_9_decay_0_01_peak_attention=0.07:0.05:0.09
for knows in 1:180 0.6666667:'in 2 of 3 networks'; do
	concludes transience 'half_step people_9' "${knows#*:}" people_9_knows="${knows%:*}" people_9_knows_of=3 people_9_closed_half_step=180
done
while IFS='|' read -r fall want; do
	# shellcheck disable=SC2046,SC2086
	DIRECTORIES=9:0.01 concludes transience verdict_attention "$want" $(arm 9_decay_0_01 ${goes% *} $fall)
done <<'END'
0.3:0.2:0.4|with 9 people the attention to the character that comes next goes too: 0.60 (0.50 to 0.70) at the peak and 0.50 (0.40 to 0.60) at the end.
0:-0.04:0.04|with 9 people the attention to the character that comes next stays: 0.60 (0.50 to 0.70) at the peak and 0.50 (0.40 to 0.60) at the end.
0.1:0.05:0.15|with 9 people the attention to the character that comes next is not settled by this run:...
END
# shellcheck disable=SC2046,SC2086
DIRECTORIES=9:0.01 concludes transience verdict_attention 'this run does not tell...' $(arm 9_decay_0_01 $stays)
while IFS='|' read -r gain want; do
	# shellcheck disable=SC2046,SC2086
	DIRECTORIES='9:0.01 9:0.3' concludes transience verdict_decay "with 9 people and a weight decay of 0.3, $want: at the end..." \
		$(arm 9_decay_0_01 $goes) $(arm 9_decay_0_3 $unclear) people_9_decay_0_3_gain=$gain
done <<'END'
0.2:0.1:0.3|looking up lasts better
-0.2:-0.3:-0.1|less is left of looking up
0.1:-0.1:0.3|whether looking up lasts is not settled
END
# shellcheck disable=SC2046,SC2086
DIRECTORIES='9:0.01 20:0.3' concludes transience verdict_decay 'this run does not tell...' $(arm 9_decay_0_01 $goes)

# ---- questions ----

follows=given_train_wrong_all_contextual
recalls=given_train_wrong_all_parametric
concludes facts verdict_prefers 'Yes, the context comes first' $follows=0.6:0.5:0.7 $recalls=0.2:0.1:0.3
concludes facts verdict_prefers 'No, the weights come first' $follows=0.2:0.1:0.3 $recalls=0.6:0.5:0.7
concludes facts verdict_prefers 'Neither is shown to come first' $follows=0.4:0.3:0.5 $recalls=0.5:0.4:0.6
new=given_val_keep_all_exact
trained=given_train_keep_all_exact
concludes facts verdict_retrieves 'Yes' $new=0.8:0.7:0.9 $trained=1:0.98:1
concludes facts verdict_retrieves 'No, it knows question, fact and answer by heart' $new=0:0:0.1 $trained=1:0.98:1
concludes facts verdict_retrieves 'This run does not settle it' $new=0.4:0.3:0.6 $trained=1:0.98:1
concludes facts verdict_retrieves 'This run does not settle it' $new=0:0:0.1 $trained=0.1:0:0.2
words=given_train_wrong_words_parametric
numbers=given_train_wrong_numbers_parametric
concludes facts verdict_words 'Words are known better than numbers' $words=0.8:0.7:0.9 $numbers=0.2:0.1:0.3
concludes facts verdict_words 'Numbers are known better than words' $words=0.2:0.1:0.3 $numbers=0.8:0.7:0.9
concludes facts verdict_words 'No difference is shown' $words=0.4:0.3:0.5 $numbers=0.5:0.4:0.6
concludes facts verdict_hallucinates 'Yes, since it has seen no question without one' \
	given_train_drop_all_brackets=0.9:0.8:1 half_train_drop_all_brackets=0.1:0:0.2
concludes facts verdict_hallucinates 'Not shown' \
	given_train_drop_all_brackets=0.3:0.2:0.4 half_train_drop_all_brackets=0.3:0.2:0.4
looks=(given_words_head_0_0_next given_numbers_head_0_0_next)
concludes facts verdict_attention 'It differs, by the intervals, in 1 of 1 heads; a head looks the answer up' \
	"${looks[0]}=0.7:0.6:0.8" "${looks[1]}=0.3:0.2:0.4"
concludes facts verdict_attention 'It differs, by the intervals, in 0 of 1 heads, and none looks the answer up' \
	"${looks[0]}=0.03:0.02:0.04" "${looks[1]}=0.03:0.02:0.04"
concludes facts verdict_attention 'It differs, by the intervals, in 0 of 1 heads; whether one looks the answer up is not shown' \
	"${looks[0]}=0.2:0.1:0.3" "${looks[1]}=0.2:0.1:0.3"

concludes temperature verdict_repeats 'There is none to go away' early_bare_gone_from=0 half_bare_gone_from=0 \
	trained_bare_gone_from=0
concludes temperature verdict_repeats 'No, it goes away before 1.0' early_bare_gone_from=0.5 half_bare_gone_from=0 \
	trained_bare_gone_from=0
concludes temperature verdict_repeats 'Yes' early_bare_gone_from=1.0 half_bare_gone_from=0 trained_bare_gone_from=0
concludes temperature verdict_repeats 'It stays beyond 1.0' early_bare_gone_from=1.2 half_bare_gone_from=0 \
	trained_bare_gone_from=0
concludes temperature verdict_repeats 'It stays beyond 1.0' half_bare_gone_from=0 trained_bare_gone_from=0
up=0.2:0.1:0.3
down=-0.2:-0.3:-0.1
same=0:-0.1:0.1
while IFS='|' read -r half trained recited want; do
	concludes temperature verdict_bangers "$want" "half_fact_right_rise=$half" \
		"trained_fact_right_rise=$trained" "trained_bare_recited_rise=$recited"
done <<END
$down|$down|$down|No, the right answers are below 1.0
$up|$up|$up|Yes
$down|$same|$down|No, as far as it is shown
$same|$up|$same|Yes, as far as it is shown
$up|$down|$down|Not shown
$same|$same|$same|Not shown
END
concludes temperature verdict_yaps 'Yes' trained_bare_1_0_opens=0.9:0.8:1 trained_fact_1_0_opens=0.1:0:0.2
concludes temperature verdict_yaps 'Not shown' trained_bare_1_0_opens=0.2:0.1:0.3 trained_fact_1_0_opens=0.1:0:0.2

# ---- facts that change ----

# lookups WHICH...: the shares of new answers that are looked up and by heart, with 1, 4, 16 and 64 answers and with new ones each time
lookups() {
	local k
	for k in 1 4 16 64 0; do
		case $1 in
		context) echo "nonces_${k}_new_all_lookup=0.3:0.2:0.4 nonces_${k}_new_all_heart=0:0:0.1" ;;
		weights) echo "nonces_${k}_new_all_lookup=0:0:0.1 nonces_${k}_new_all_heart=0.3:0.2:0.4" ;;
		open) echo "nonces_${k}_new_all_lookup=0.3:0:0.6 nonces_${k}_new_all_heart=0.1:0:0.2" ;;
		esac
		shift
	done
}
while IFS='|' read -r shares prefers switch; do
	# shellcheck disable=SC2046,SC2086 # lists of words
	concludes quiz-lookup verdict_prefers "$prefers" $(lookups $shares)
	# shellcheck disable=SC2046,SC2086
	concludes quiz-lookup verdict_switch "$switch" $(lookups $shares)
done <<'END'
weights weights weights weights context|Neither by nature: whether answers change decides|The weights win with 64 answers and fewer, the context wins with a new answer each time
weights open context context context|Neither by nature: whether answers change decides|The weights win with one answer, the context wins with 16 answers and more
weights weights context weights context|Neither by nature: whether answers change decides|The weights win with 4 answers and fewer, the context wins with a new answer each time
context context context context context|The context comes first, even if a question has one answer|The context wins with all numbers of answers that were tried
weights weights weights weights weights|The weights come first, even with a new answer each time|The weights win with all numbers of answers that were tried
open open context context context|This run does not settle it|The context wins with 16 answers and more
weights open weights open open|This run does not settle it|The weights win with one answer
open weights context open open|This run does not settle it|This run does not settle it
END
no=0.1:0:0.3 yes=0.9:0.8:1 open=0.5:0.2:0.8
held=nonces_0_held_all_lookup
new=nonces_0_new_all_lookup
concludes quiz-lookup verdict_retrieves 'Yes, in facts that it has never seen, too' $held=$yes $new=$yes
concludes quiz-lookup verdict_retrieves 'Only in facts that it knows' $held=$no $new=$yes
concludes quiz-lookup verdict_retrieves 'Only in facts that it knows' $held=0:0:0 $new=$open
concludes quiz-lookup verdict_retrieves 'No' $held=$no $new=$open
concludes quiz-lookup verdict_retrieves 'This run does not settle it' $held=$open $new=$yes
fewest=questions_10_held_all_lookup
concludes quiz-lookup verdict_questions 'Yes, more questions help' $fewest=$no $held=$yes
concludes quiz-lookup verdict_questions 'No, fewer questions do better after a training of the same length' $fewest=$yes $held=$no
concludes quiz-lookup verdict_questions 'This run does not settle it' $fewest=$open $held=$yes
NONCES='1 2' concludes quiz-lookup verdict_questions 'Not asked' $fewest=$open
words=nonces_0_new_words_lookup
numbers=nonces_0_new_numbers_lookup
concludes quiz-lookup verdict_words 'Words are looked up more often' $words=$yes $numbers=$no
concludes quiz-lookup verdict_words 'Numbers are looked up more often' $words=$no $numbers=$yes
concludes quiz-lookup verdict_words 'No difference is shown' $words=$open $numbers=$yes
concludes quiz-lookup verdict_words 'Not asked' $words=$open

sizes=() reached=()
for size in 1_7k 30k 207k; do
	sizes+=("size_${size}_best=2.2:2.1:2.3" "size_${size}_last_train=1")
	reached+=("size_${size}_article_epoch=9")
done
concludes sizes verdict_losses 'As the article says,...' "${sizes[@]}" "${reached[@]}"
concludes sizes verdict_losses 'Not on new questions:...' "${sizes[@]}" "${reached[@]:1}"
lasts=(size_1_7k_last=2.2 size_30k_last=2.2 size_207k_last=2.2)
concludes sizes verdict_overfit 'Not within this training: 1.7k not by more...' "${sizes[@]}" "${lasts[@]}"
concludes sizes verdict_overfit 'They overfit: 30k from epoch...' "${sizes[@]}" "${lasts[@]/30k_last=2.2/30k_last=2.4}"

concludes qamix-63m verdict_loss "The article's 1.2 is reached, at epoch 5.0" article_epoch=5 parameters=9
concludes qamix-63m verdict_loss "The article's 1.2 is not reached by this run of 9 parameters" parameters=9
concludes qamix-63m verdict_overfit 'It overfits' best_loss=1.2 last_loss=1.3
concludes qamix-63m verdict_overfit 'It does not overfit' best_loss=1.2 last_loss=1.205
concludes qamix-63m verdict_facts 'It retrieves facts from the context' val_keep_exact=0.8:0.7:0.9 val_drop_exact=0:0:0.1 \
	val_wrong_contextual=0.5:0.4:0.6 train_keep_exact=0.9:0.8:1
concludes qamix-63m verdict_facts 'It knows questions by heart' val_keep_exact=0.1:0:0.2 val_drop_exact=0:0:0.1 \
	val_wrong_contextual=0:0:0.1 train_keep_exact=0.9:0.8:1
concludes qamix-63m verdict_facts 'Not shown by this run' val_keep_exact=0.1:0:0.2 val_drop_exact=0:0:0.1 \
	val_wrong_contextual=0:0:0.1 train_keep_exact=0.2:0.1:0.3

# ---- memory against context ----

# capacity_says VERDICT PEAK1000 PEAK100: PEAK... are those of the widths 6, 8 and 12. Of the widths RISING,
# more is left of each larger directory.
capacity_says() {
	local exposures width peaks keys=() want=$1
	shift
	for exposures in 1000 100; do
		read -ra peaks <<<"$1"
		for width in 6 8 12; do
			keys+=("w${width}_e${exposures}_peak=${peaks[0]}" "w${width}_e${exposures}_rising=$(
				[[ " ${RISING:-} " == *" $width "* ]] && echo 1 || echo 0)")
			peaks=("${peaks[@]:1}")
		done
		shift
	done
	concludes capacity verdict "$want" "${keys[@]}"
}
many='2.1:2:2.2 2.2:2.1:2.3 2.3:2.2:2.4'
few='0.1:0:0.2 0.2:0.1:0.3 0.3:0.2:0.4'
open='2:0.9:2.9 2:0.9:2.9 2:0.9:2.9'
for exposures in 1,000:2 100:1; do
	IFS=: read -r times claim <<<"$exposures"
	while IFS='|' read -r peaks numbers want; do
		want="After $times exposures, networks of width 6, 8 and 12 keep at most $numbers bits a parameter: ${want//BITS/$claim}"
		GRID=$([ "$times" = 100 ] && echo 100:1 || echo 1000:1) capacity_says "$want" "$peaks" "$peaks"
	done <<-END
		$many|2.10 (2.00 to 2.20), 2.20 (2.10 to 2.30) and 2.30 (2.20 to 2.40)|Allen-Zhu & Li's value, BITS, is reached.
		$few|0.10 (0.00 to 0.20), 0.20 (0.10 to 0.30) and 0.30 (0.20 to 0.40)|less than Allen-Zhu & Li's value, BITS.
		$open|2.00 (0.90 to 2.90), 2.00 (0.90 to 2.90) and 2.00 (0.90 to 2.90)|this run does not settle whether Allen-Zhu & Li's value, BITS, is reached.
		${few%% *} ${open%% *} ${many%% *}|0.10 (0.00 to 0.20), 2.00 (0.90 to 2.90) and 2.10 (2.00 to 2.20)|Allen-Zhu & Li's value, BITS, is reached by width 12, not reached by width 6, not settled for width 8.
		${few%% *} ${many% *}|0.10 (0.00 to 0.20), 2.10 (2.00 to 2.20) and 2.20 (2.10 to 2.30)|Allen-Zhu & Li's value, BITS, is reached by width 8 and 12, not reached by width 6.
		${open% *} ${few%% *}|2.00 (0.90 to 2.90), 2.00 (0.90 to 2.90) and 0.10 (0.00 to 0.20)|Allen-Zhu & Li's value, BITS, is not reached by width 12, not settled for width 6 and 8.
	END
done
capacity_says 'After 1,000 exposures, networks of width 6, 8 and 12 keep at most 2.10 (2.00 to 2.20), 2.20 (2.10 to 2.30) and 2.30 (2.20 to 2.40) bits a parameter: Allen-Zhu & Li'"'"'s value, 2, is reached. After 100 exposures, networks of width 6, 8 and 12 keep at most 0.10 (0.00 to 0.20), 0.20 (0.10 to 0.30) and 0.30 (0.20 to 0.40) bits a parameter: less than Allen-Zhu & Li'"'"'s value, 1.' \
	"$many" "$few"
more="keep most of the largest directory, and might keep more of a larger one."
GRID=100:1 RISING='6 8 12' capacity_says "After 100 exposures, networks of width 6, 8 and 12 keep at most 0.10 (0.00 to 0.20), 0.20 (0.10 to 0.30) and 0.30 (0.20 to 0.40) bits a parameter: this run does not settle whether Allen-Zhu & Li's value, 1, is reached. Networks of width 6, 8 and 12 $more" "$few" "$few"
GRID=100:1 RISING='8 12' capacity_says "After 100 exposures, networks of width 6, 8 and 12 keep at most 0.10 (0.00 to 0.20), 0.10 (0.00 to 0.20) and 2.10 (2.00 to 2.20) bits a parameter: Allen-Zhu & Li's value, 1, is reached by width 12, not reached by width 6, not settled for width 8. Networks of width 8 $more" "$few" "${few%% *} ${few%% *} ${many%% *}"
GRID=1000:1 RISING='6 8 12' capacity_says "After 1,000 exposures, networks of width 6, 8 and 12 keep at most 2.10 (2.00 to 2.20), 2.20 (2.10 to 2.30) and 2.30 (2.20 to 2.40) bits a parameter: Allen-Zhu & Li's value, 2, is reached." "$many" "$many"
GRID=10:1 capacity_says 'This run has no networks with 100 or 1,000 exposures, so it does not settle it.' "$many" "$few"

# Texts of a model in a table of Markdown: signs stay signs.
mkdir -p "$TMP/results/given/train-wrong-words" "$TMP/results/given/train-wrong-numbers"
printf '%s\n' head '1\t2\t3\t4\t5\t6\t7\ta|<b>_x_ `c\n![d](e)\t*true*\t10\t11\t12\t13\tthe ~fact~ & all' |
	sed 's/\\t/\t/g' | tee "$TMP/results/given/train-wrong-words/each.tsv" >"$TMP/results/given/train-wrong-numbers/each.tsv"
printf 'pipeline facts\n' >"$TMP/results/settings"
is "$(OUT=$TMP/results bash "$TMP/pipelines/facts" examples 2>&1 | sort -u)" \
	'| \*true\* | the \~fact\~ \& all | a\|\<b\>\_x\_ \`c\\n\!\[d\](e) |' "facts: answers, as they came"

done_testing
