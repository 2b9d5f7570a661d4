#!/bin/bash
# gpt-score.sh - gpt-score: which characters get a step, and what bad input gives. That its steps
# are those of sampling, and come as records come, is for gpt-sample.sh.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

phonegen --count 12 --seed 5 >book
take_alphabet book
"$tools/mkmodel" model "$alphabet" 2 2 32 256 1 6
"$tools/mkmodel" short "$alphabet" 1 1 8 100 1 6
"$tools/mkmodel" digits "0123456789" 1 1 8 256 1 6

# ---- which characters ----

gpt-score model book | topk-dump | awk -F '\t' 'NR > 1 && $5 != "" { n[$1]++ } END {
	for (i in n) print i, n[i] }' | sort -n >have
mpcat --json book | jq -r '"\(.id) \(.text | length - 1)"' | cmp -s - have
ok $? "gpt-score: a step for every character but the first"
gpt-score model --kinds name,answer book | topk-dump | awk -F '\t' 'NR > 1 { print $1, $3, $4 }' >have
mpcat --json book | jq -r '.id as $id | .spans[] |
	select(.[2] == "name" or .[2] == "answer") | . as $s | range(.[0]; .[1]) |
	"\($id) \(.) \($s[2])"' | cmp -s - have
ok $? "--kinds: steps in those spans only"
gpt-score model --from ask book | topk-dump | awk -F '\t' 'NR > 1 && $1 == 3 { print $3; exit }' >have
is "$(cat have)" "$(mpcat --json book |
	jq -r 'select(.id == 3) | .spans[] | select(.[2] == "ask")[0]')" "--from: from that span on"

# ---- texts longer than the context ----

gpt-sample short --prompt '{B}' --stop '' --samples 2 --max-tokens 150 --probs 99 >written
gpt-score short --slide --lens --probs 99 written >scored
is "$(mpcat --header scored | jq .scoring.slide) $(mpcat --json scored | jq -c '.steps | map(.pos) == [range(1; 153)]' |
	tr '\n' ' ')" "true true true " "--slide: a step for every character but the first"
is "$(paste -d '\n' <(mpcat --json written) <(mpcat --json scored) | jq -s '[range(0; length; 2) as $i | .[$i] as $w |
	.[$i + 1].steps[2:] as $s | range(0; 150) as $j | [$w.steps[$j].p - $s[$j].p, $w.steps[$j].entropy - $s[$j].entropy,
	$s[$j].lens[-1].p - $s[$j].p] | map(fabs) | max] | [length, max < 1e-5] | @text' -r)" "[300,true]" \
	"with the probabilities of the model that wrote them, also in the last lens"
gpt-score short --kinds answer --slide book >part
gpt-score short --slide --threads 3 book >whole
is "$(mpcat --json part | jq '.steps | length' | sort -u) $(mpcat --json part | jq -c '[.id, .steps[]]' | md5sum)" "12 $(mpcat --json whole | jq -c '.spans as $s |
	[.id, (.steps[] | select(.pos as $p | $s | any(.[2] == "answer" and .[0] <= $p and $p < .[1])))]' | md5sum)" \
	"--kinds: the same steps, and no others"

# What transformers' guide computes by windows: testdata/golden/windows.py.
golden=$ROOT/testdata/golden
jq -c '{text}' "$golden/windows.json" | mptext >text.mp
for stride in $(jq -r '.strides | keys[]' "$golden/windows.json"); do
	gpt-score "$golden/all-kinds" --stride "$stride" text.mp >scored
	is "$(mpcat --json scored | jq -c --arg stride "$stride" --slurpfile golden "$golden/windows.json" '
		(.steps | map({key: "\(.pos)", value: .p}) | from_entries) as $have | $golden[0].strides[$stride] as $want |
		[($have | keys) == ($want | keys), ([$want | to_entries[] | $have[.key] - .value | fabs] | max < 1e-5)]')" \
		"[true,true]" "--stride $stride: the places and probabilities of transformers' guide"
done
is "$(mpcat --header scored | jq -c '.scoring | [.slide, .stride]')" "[false,$stride]" "the header tells how"
jq -c '{text: .text[:18]}' "$golden/windows.json" | mptext >fits.mp
is "$(gpt-score "$golden/all-kinds" --stride 3 fits.mp | mpcat --json | md5sum)" \
	"$(gpt-score "$golden/all-kinds" fits.mp | mpcat --json | md5sum)" "--stride: a text that fits has its scores"
gpt-score short --stride 30 --lens --threads 2 book >whole.30
is "$(mpcat --json whole.30 | jq -c '[.text | length - 1] == [.steps | length] and (.steps | all((.lens[-1].p - .p | fabs) < 1e-5))' |
	sort -u)" true "--stride: a step for every character but the first, with its lenses"
is "$(gpt-score short --stride 30 --lens --kinds answer book | mpcat --json | jq -c '[.id, .steps[]]' | md5sum)" \
	"$(mpcat --json whole.30 | jq -c '.spans as $s |
	[.id, (.steps[] | select(.pos as $p | $s | any(.[2] == "answer" and .[0] <= $p and $p < .[1])))]' | md5sum)" \
	"--stride, --kinds: the same steps, and no others"

# ---- more threads than processors ----

more=$(($(nproc --all) + 1))
gpt-score short --slide --threads $more book 2>said >many
is "$(mpcat --json many | md5sum)" "$(mpcat --json whole | md5sum)" "more threads than processors: the same scores"
is "$(grep -c -- "--threads $more: more than the [0-9]* processors\\? that this program may use" said)" 1 "which is said, once"
gpt-score short --slide --threads $more --quiet book 2>said >many
is "$(cat said)" "" "but not with --quiet"

# ---- bad input ----

fails 1 'nowhere/config.json' "a model that is not there" gpt-score nowhere book
fails 1 "record 0: character 0, U\\+007B '\\{'" "a foreign character in a record" gpt-score digits book
tokenize --vocab model <book >tokens
fails 1 "tokens: its vocabulary is not the model's: it has U\\+000A, which is not in the model; tokenize -d" \
	"tokens of another vocabulary" gpt-score digits tokens
fails 1 "record 0: no span of kind 'tone'" "--from a kind that is not there" gpt-score model --from tone book
fails 1 "no record has a span of kind 'tone'" "--kinds of a kind that is not there" gpt-score model --kinds ask,tone book
fails 2 "--kinds: expected words" "--kinds with an empty word" gpt-score model --kinds ask,,tone book
fails 1 "book: .*record 0: a text of [0-9]+ tokens, expected at most 101: the model's context is 100; --stride scores it by windows$" \
	"a record longer than the context" gpt-score short book
fails 2 "--stride: expected at most 100, the model's context" "--stride by more than the context" gpt-score short --stride 101 book
fails 2 "--slide and --stride: expected one of them" "--slide and --stride" gpt-score short --slide --stride 10 book
gpt-score model book >/dev/full 2>have
is "$? $(wc -l <have)" "1 1" "a full disk"
gpt-score model book 2>have | head -c 100 >/dev/null
is "${PIPESTATUS[0]} $(cat have)" "141 " "a closed pipe is quiet"

done_testing
