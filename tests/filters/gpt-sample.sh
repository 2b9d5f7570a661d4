#!/bin/bash
# gpt-sample.sh - gpt-sample: its output does not depend on how the work is divided, its
# probabilities are the network's, and bad input gets one line.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

records() { mpcat --json "$@"; }

phonegen --count 12 --seed 5 >book
take_alphabet book
"$tools/mkmodel" model "$alphabet" 2 2 32 256 1 6
"$tools/mkmodel" short "$alphabet" 1 1 8 100 1 6
"$tools/mkmodel" other "${alphabet}é" 1 1 8 256 1 6
"$tools/mkmodel" digits "0123456789" 1 1 8 256 1 6

# ---- the same to the bit, however the work is cut ----

gpt-sample model --from answer --samples 3 --max-tokens 40 --batch 1 book >batch.1
records batch.1 >want
for cut in '--batch 3' '--batch 64' '--batch 64 --threads 1' '--batch 7 --threads 3' '--threads 0'; do
	# shellcheck disable=SC2086
	gpt-sample model --from answer --samples 3 --max-tokens 40 $cut book >have
	records have | cmp -s - want
	ok $? "$cut: the records of --batch 1"
done
# prompts of one row beside prompts of many
printf '%s\n' '{' 0 '{B}' 7 "$(mpcat --text book | head -c 150 | tr '\n' ' ')" 1-2 '=' >lines
gpt-sample model --prompt - --max-tokens 30 --batch 1 <lines | records >alone
for cut in '--batch 2 --threads 1' '--batch 64 --threads 1' '--batch 64 --threads 2'; do
	# shellcheck disable=SC2086
	gpt-sample model --prompt - --max-tokens 30 $cut <lines | records | cmp -s - alone
	ok $? "prompts of one character and of many, $cut: the records of --batch 1"
done
is "$(wc -l <alone)" 7 "of each of them"
is "$(wc -l <want)" 36 "three samples of each of twelve records"
is "$(jq -c '[.id, .sample]' want | head -4 | tr -d '\n')" '[0,0][0,1][0,2][1,0]' \
	"in the order of the input"
is "$(jq -c .text want | sort -u | wc -l)" 36 "samples differ"
phonegen --count 5 --first 7 --seed 5 | gpt-sample model --from answer --samples 3 --max-tokens 40 >have
records have | cmp -s - <(tail -n 15 want)
ok $? "a piece of the input gives that piece of the output"
tokenize <book | gpt-sample model --from answer --samples 3 --max-tokens 40 >have
records have | cmp -s - want
ok $? "tokens give what text gives"
gpt-sample model --from answer --samples 3 --max-tokens 40 --seed 2 book | records | cmp -s - want
[ $? -eq 1 ]
ok $? "another seed gives something else"
{ phonegen --count 7 --seed 5; phonegen --count 5 --first 7 --seed 5; } |
	gpt-sample model --from answer --samples 3 --max-tokens 40 | records | cmp -s - want
ok $? "segments one after the other are one input"
phonegen --count 7 --seed 5 >a
phonegen --count 5 --first 7 --seed 5 >b
gpt-sample model --from answer --samples 3 --max-tokens 40 a b | records | cmp -s - want
ok $? "so are files"

# ---- answers come as prompts do ----

# Input that stays open behind a second segment, and behind that one's record.
{ phonegen --count 1 --seed 5; phonegen --count 1 --first 1 --seed 5; } >two
mkfifo slow
# soon N: wait for that many records
soon() {
	for ((i = 0; i < 200; i++)); do
		[ "$(mpcat have 2>/dev/null | wc -l)" = "$1" ] && break
		sleep 0.05
	done
}
for command in 'gpt-sample model --from answer --max-tokens 40' 'gpt-score model --from answer'; do
	$command two >want
	$command <slow >have &
	exec 3>slow
	phonegen --count 1 --seed 5 >&3
	soon 1
	is "$(mpcat have 2>/dev/null | wc -l)" 1 "${command%% *}: a text is there before the next one comes"
	phonegen --count 1 --first 1 --seed 5 | head -c -10 >&3
	soon 2
	is "$(mpcat have 2>/dev/null | wc -l)" 2 "and one that no end map stands behind"
	tail -c 10 two >&3
	exec 3>&-
	wait $!
	is "$? $(mpcat have | md5sum)" "0 $(mpcat want | md5sum)" "and the same as of input at once"
done

# ---- against the full forward pass ----

gpt-sample model --from ask --stop '' --samples 2 book >written
topk-dump written | cut -f 1-3,5- >have
gpt-score model written | topk-dump | cut -f 1-3,5- >scored
awk -F '\t' '
	NR == FNR { score[$1, $2, $3, $4] = $0; next }
	FNR == 1 { next }
	{
		n++
		columns = split(score[$1, $2, $3, $4], s, "\t")
		if (columns != NF) { bad++; next }
		# p, entropy and the first candidate; characters may trade places in a tie
		if (($5 - s[5]) ^ 2 > 1e-10 || ($7 - s[7]) ^ 2 > 1e-8 || ($9 - s[9]) ^ 2 > 1e-10)
			bad++
	}
	END { print (n > 1000), bad + 0 }' scored have >result
is "$(cat result)" "1 0" "the cached steps have the probabilities of the full pass"

# ---- what sampling means ----

gpt-sample model --from answer --greedy --max-tokens 30 book >greedy
is "$(topk-dump greedy | awk -F '\t' 'NR > 1' | cut -f 7 | sort -u)" 0 "greedy takes rank 0"
records greedy >want
for as in '--temperature 0' '--top-k 1' '--top-p 0'; do
	# shellcheck disable=SC2086
	gpt-sample model --from answer $as --max-tokens 30 book | records | cmp -s - want
	ok $? "$as is greedy"
done
gpt-sample model --from answer --top-k 3 --samples 20 --max-tokens 5 book | topk-dump |
	awk -F '\t' 'NR > 1 { seen[$7]++ } END { for (i in seen) print i }' | sort >have
is "$(tr '\n' ' ' <have)" "0 1 2 " "--top-k 3 takes ranks 0, 1 and 2"

# Pearson's chi-square of what was drawn against the probabilities of the step.
draws=4000
gpt-sample model --prompt $'{B}\nA' --max-tokens 1 --samples $draws --probs 65535 | topk-dump |
	awk -F '\t' -v draws=$draws 'NR > 1 {
		seen[$5]++
		for (i = 9; i < NF; i += 2) p[$i] = $(i + 1)
	} END {
		for (c in p) {
			sum += p[c]
			if (p[c] * draws < 5) { rare += p[c]; rarely += seen[c]; continue }
			chi += (seen[c] - p[c] * draws) ^ 2 / (p[c] * draws)
			cells++
		}
		if (rare * draws >= 1)
			chi += (rarely - rare * draws) ^ 2 / (rare * draws)
		# mean + 5 standard deviations
		good = (sum - 1) ^ 2 < 1e-8 && cells > 10 && chi < cells + 5 * sqrt(2 * cells)
		print good ? "good" : "chi-square " chi " in " cells " cells, sum " sum
	}' >result
is "$(cat result)" good "characters are as frequent as the probabilities dumped say"

# ---- where a text ends ----

stops() { records "$@" | jq -r .stop | sort -u; }
gpt-sample model --prompt '{B}' --max-tokens 5 >have
is "$(stops have) $(records have | jq -r '.text | length')" "length 8" "--max-tokens"
gpt-sample model --prompt '{B}' --stop '' >have
is "$(stops have) $(records have | jq -r '.text | length')" "context 257" \
	"the context: as many characters, and one that nothing follows"
gpt-sample model --prompt '{B}' --stop '' --samples 2 2>&1 >/dev/null | cmp -s - <(echo "gpt-sample: 2 of 2 texts\
 ended because the context of 256 tokens is full; with --max-tokens a text can be longer")
ok $? "it says so"
is "$(gpt-sample model --prompt '{B}' --stop '' --quiet 2>&1 >/dev/null)" "" "but with --quiet"
is "$(gpt-sample model --prompt '{B}' --max-tokens 5 2>&1 >/dev/null)" "" "and if another limit ended the text"

# more than the context holds: each character after the last 100 before it
sample=(gpt-sample short --prompt '{B}' --stop '' --samples 2)
"${sample[@]}" --max-tokens 150 >slid 2>said
is "$(stops slid) $(records slid | jq -r '.text | length' | sort -u) $(cat said)" "length 153 " \
	"--max-tokens beyond the context: a text of that length"
is "$(mpcat --header slid | jq -c '.sampling | [.max_tokens, .slide, .crop]')" '[150,1,false]' "the header tells how"
is "$(gpt-sample model --prompt '{B}' --quiet | mpcat --header | jq .sampling.slide)" 0 \
	"without --max-tokens no text slides, and the header says so"
is "$(records slid | jq '.steps | map(.pos) == [range(3; 153)]')" "true
true" "positions are those of the text"
for cut in '--batch 1' '--batch 2 --threads 2' '--slide 1'; do
	# shellcheck disable=SC2086
	"${sample[@]}" --max-tokens 150 $cut | records | cmp -s - <(records slid)
	ok $? "$cut: the same"
done
last() { jq -c '.steps[-1] | [.entropy, .top]'; }
records slid | head -n 1 >one
gpt-sample short --prompt "$(jq -j '.text[52:152]' one)x" --crop --max-tokens 1 >/dev/null
ok $? "--crop takes a prompt of 101 characters"
for at in 104 130 152; do
	is "$(jq -j ".text[$at - 100:$at] + \"|\"" one | { IFS= read -r -d '|' p; gpt-sample short --prompt "$p" \
		--max-tokens 1; } | records | last)" "$(jq -c ".steps[$at - 3] | [.entropy, .top]" one)" \
		"character $at: to the bit what follows the 100 characters before it"
	is "$(jq -j ".text[:$at] + \"|\"" one | { IFS= read -r -d '|' p; gpt-sample short --prompt "$p" \
		--crop --max-tokens 1; } | records | last)" "$(jq -c ".steps[$at - 3] | [.entropy, .top]" one)" \
		"and what --crop makes of all before it"
done
"${sample[@]}" --max-tokens 150 --no-slide >have 2>said
is "$(stops have) $(records have | jq -r '.text | length' | sort -u)" "context 101" "--no-slide: the context ends it"
is "$(cat said)" "gpt-sample: 2 of 2 texts ended because the context of 100 tokens is full" "and it says so"
is "$(records have | jq -c .steps)" "$(records slid | jq -c '.steps[:98]')" "with the same characters so far"
"${sample[@]}" --max-tokens 150 --slide 50 >have
is "$(stops have) $(records have | jq -c .steps | sort -u | wc -l)" "length 2" "--slide 50"
[ "$(records have | jq -c '.steps[97:100]')" != "$(records slid | jq -c '.steps[97:100]')" ]
ok $? "makes another text after the context"
is "$(gpt-sample short --prompt '{B}' --stop '' --samples 2 --max-tokens 150 --output text | tr -d '\n' | md5sum)" \
	"$(records slid | jq -j '.text' | tr -d '\n' | md5sum)" "as text: the same"
gpt-sample short --from answer --crop --max-tokens 4 book >have
is "$(records have | jq -c 'select(.prompt > 100) | [(.reference[:.prompt] == .text[:.prompt]), (.steps | map(.pos)) == [range(.prompt; .prompt + 4)]]' | sort | uniq -c | awk '{ print ($1 > 3), $2 }')" \
	'1 [true,true]' "--crop: records longer than the context keep their text and their positions"
recall-score have | grep -q '^records	12$' && [ "$(topk-dump have | wc -l)" -eq 49 ]
ok $? "and recall-score and topk-dump read them"

gpt-sample model --prompt '{B}' --samples 20 --stop a >have
is "$(records have | jq -r 'select(.stop == "stop") | .text | (endswith("a") and (.[:-1] | contains("a") | not))' | sort -u)" \
	true "--stop: where the model has written it"
gpt-sample model --prompt 'ab' --stop ab --max-tokens 3 | records | jq -r '.text[0:2]' >have
is "$(cat have)" ab "the stop string counts only where the model wrote it"
gpt-sample digits --prompt 12 --max-tokens 3 >have
is "$(mpcat --header have | jq -r .sampling.stop)" "" "no default stop where the model lacks its characters"

# ---- the record ----

gpt-sample model --from answer --temperature 0.5 --top-k 9 --top-p 0.9 --seed 3 --probs 2 book >have
is "$(mpcat --header have | jq -c '[.stream, .probs, .sampling.temperature, .sampling.top_k,
	(.sampling.top_p * 10 | round / 10), .sampling.seed, .sampling.from, .model.layers, .model.context,
	(.chain | map(.program))]')" \
	'["generations",2,0.5,9,0.9,3,"answer",2,256,["phonegen","gpt-sample"]]' "the header tells how"
is "$(mpcat --header have | jq -r .vocab)" "${alphabet%$'\n'}" "and names the vocabulary"
is "$(mpcat --json have | jq 'select(.id == 4) |
	(.reference[:.prompt] == .text[:.prompt]) and
	(.prompt == (.spans[] | select(.[2] == "answer") | .[0])) and
	(.steps | all(.top | length == 2)) and
	(.steps | all(.rest + (.top | map(.[1]) | add) - 1 | fabs < 1e-9))')" true \
	"prompt, reference and steps fit together"

# ---- bad input ----

fails 2 'exactly|operand|MODEL|argument' "no model" gpt-sample
fails 1 'nowhere/config.json' "a model that is not there" gpt-sample nowhere --prompt a
cp -r model cut
head -c 1000 model/model.safetensors >cut/model.safetensors
fails 1 'cut/model.safetensors' "a model that is cut short" gpt-sample cut --prompt a
fails 2 "U\\+00DF 'ß'" "a foreign character in --prompt" gpt-sample model --prompt 'aß'
fails 2 "U\\+00DF 'ß'" "a foreign character in --stop" gpt-sample model --prompt a --stop 'ß'
fails 1 "record 0: character 0, U\\+007B '\\{'" "a foreign character in a record" gpt-sample digits book
[ "$(tail -c 20 "$TMP/stdout" | grep -c end)" -eq 0 ]
ok $? "and there is no end map"
tokenize --vocab other <book >tokens
fails 1 "tokens: its vocabulary is not the model's: it has U\\+00E9 'é', which is not in the model; tokenize -d" \
	"tokens of a larger vocabulary" gpt-sample model tokens
fails 1 "record 0: no span of kind 'tone'; the record has: name, number, rule, ask, answer" \
	"--from a kind that is not there" gpt-sample model --from tone book
fails 1 "book: .*record 0: a prompt of [0-9]+ tokens, expected at most 100: the model's context is 100; with --crop the model reads its end$" \
	"a prompt longer than the context" gpt-sample short --from answer book
fails 2 "--slide: not with --no-slide" "--slide with --no-slide" gpt-sample model --prompt a --slide 2 --no-slide
fails 2 "--slide: expected at most 100" "--slide by more than the context" gpt-sample short --prompt a --slide 101
fails 2 "--max-tokens: expected at most [0-9]+ with --probs 9: no stream has larger records" \
	"a text longer than a record can be" gpt-sample short --prompt a --probs 9 --max-tokens 1000000
fails 2 "prompt of 101 tokens" "--prompt longer than the context" \
	gpt-sample short --prompt "$(printf '%0101d' 0)"
fails 2 "--prompt: character 3, U\+005C .*; .n is a newline in \\$'...' or in a line of --prompt -$" \
	"a --prompt whose backslash the shell has left alone" gpt-sample model --prompt 'Ann\nBea'
fails 2 "U\+00DF 'ß', is not in the vocabulary$" "another character that the model lacks" gpt-sample model --prompt 'Annß'
fails 2 "expected at least one" "an empty --prompt" gpt-sample model --prompt ''
fails 2 "not with input files" "--prompt beside a file" gpt-sample model --prompt a book
fails 2 "not with --prompt" "--prompt with --from" gpt-sample model --prompt a --from ask
for bad in '--temperature -1' '--temperature nan' '--top-k -1' '--top-p 1.5' '--samples 0' \
	'--max-tokens -1' '--slide 0' '--probs -1' '--batch 0' '--threads -1' '--threads 257' '--seed -1' '--seed x'; do
	# shellcheck disable=SC2086
	fails 2 "${bad% *}: " "$bad" gpt-sample model --prompt a $bad
done
fails 1 'generations' "a stream of another kind" gpt-sample model <(
	head -c 0 /dev/null
	printf '\203\251memoscope\001\246stream\247metrics\245chain\220\202\243end\000\244xxh3\000')
fails 1 'standard input' "no input at all" gpt-sample model --from answer
gpt-sample model --prompt '{B}' --max-tokens 5 --samples 500 >/dev/full 2>have
is "$? $(wc -l <have)" "1 1" "a full disk"
gpt-sample model --prompt '{B}' --samples 500 2>have | head -c 100 >/dev/null
is "${PIPESTATUS[0]} $(cat have)" "141 " "a closed pipe is quiet"
phonegen --count 0 | gpt-sample model --from answer | records >have
is "$(wc -c <have)" 0 "no records in, none out"
head -c -1 book >cut.mp
fails 1 'cut.mp' "an input that is cut short" gpt-sample model --from answer --max-tokens 1 cut.mp
is "$(mpcat "$TMP/stdout" >/dev/null 2>&1; echo $?)" 1 "gives an output that is cut short"

done_testing
