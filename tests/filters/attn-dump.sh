#!/bin/bash
# attn-dump.sh - attn-dump: matrices that explain themselves, from whatever stream.
# tests/model/inspector.c looks at the numbers.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

phonegen --count 3 --seed 5 --entries 3 >book
take_alphabet book
"$tools/mkmodel" model "$alphabet" 2 3 12 256 1 6
attn-dump --quiet model book >whole
mpcat --json whole >whole.json

# ---- a record for each text, layer and head ----

jq -r '"\(.id) \(.sample) \(.layer) \(.head)"' whole.json >have
for id in 0 1 2; do for layer in 0 1; do for head in 0 1 2; do
	echo "$id 0 $layer $head"
done; done; done | cmp -s - have
ok $? "records in the order of texts, layers and heads"
jq -c '{id, text, spans}' whole.json | uniq | cmp -s - <(mpcat book | jq -c '{id, text, spans}')
ok $? "each has the text and its spans"
is "$(jq -c '(.text | length) as $n | [.rows == [range($n)], ([.probs[] | length] == [range(1; $n + 1)])]' \
	whole.json | sort -u)" "[true,true]" "row i of a matrix has i + 1 numbers"
is "$(jq -c '[.probs[] | (add - 1) | fabs < 1e-5] | all' whole.json | sort -u)" true \
	"every row sums to 1"
is "$(jq -c '[.probs[][] | . >= 0] | all' whole.json | sort -u)" true "no number is below 0"
is "$(mpcat --header whole | jq -c '[.stream, .bin.probs, .model.layers, .model.heads, .chain[-1].program]')" \
	'["attention","f32",2,3,"attn-dump"]' "the header"

# ---- what transformers says of the same model and text ----

golden=$ROOT/testdata/golden/plain
codes=$(jq -r 'to_entries | sort_by(.value) | map(.key) | join("")' "$golden/vocab.json"; echo x)
jq -c --arg codes "${codes%x}" '.batch | to_entries[] |
	{id: .key, text: [.value.tokens[] as $t | $codes[$t:$t + 1]] | join(""), spans: []}' \
	"$golden/expected.json" | "$tools/mkstream" text '{}' >sequences
attn-dump "$golden" sequences | mpcat --json >have
# The first eight bytes are the length of the list of tensors, which tells where each begins.
file=$golden/attention.safetensors
length=$(od -An -t u8 -N 8 "$file" | tr -d ' ')
head -c $((length + 8)) "$file" | tail -c +9 >tensors
od -An -v -w4 -t f4 -j $((length + 8)) "$file" | awk '{ print $1 }' >numbers
jq -r --slurpfile numbers numbers --slurpfile tensors tensors '
	$tensors[0]["attention.\(.id)"] as $tensor | $tensor.shape as [$l, $h, $n] |
	($tensor.data_offsets[0] / 4 + (.layer * $h + .head) * $n * $n) as $at |
	.probs | to_entries[] | .key as $q | .value | to_entries[] |
	(.value - $numbers[$at + $q * $n + .key]) | fabs' have |
	awk '{ n++ } $1 > 1e-5 { bad++ } END { print (n > 1000), bad + 0 }' >apart
is "$(cat apart)" "1 0" "equal to transformers' eager attention, number by number"

# ---- the same from text, tokens and generations ----

tokenize --vocab model/vocab.json <book >tokens
attn-dump model tokens | mpcat | cmp -s - whole.json
ok $? "tokens give what their text gives"
gpt-score --quiet model book | attn-dump model | mpcat | cmp -s - whole.json
ok $? "so do generations"
gpt-sample --quiet model --from answer --samples 2 --max-tokens 5 book | tee written |
	attn-dump model --layer 0 --head 0 | mpcat |
	jq -c '[.id, .sample, .text, (.rows | length) == (.text | length), ([.spans[][2]] | unique)]' >have
mpcat written | jq -c '[.id, .sample, .text, true, ["ask", "name", "number", "rule"]]' | cmp -s - have
ok $? "what a model wrote has its rows, and the spans of its prompt"
mpcat written | jq -c '.steps = [] | .stop = "stop" |
	.text = .reference[:if .sample == 0 then -1 else -8 end] + "{"' |
	"$tools/mkstream" generations "$(mpcat --header written | jq -c 'del(.memoscope, .stream, .chain)')" |
	attn-dump model --layer 0 --head 0 | mpcat | jq -c '[.sample, ([.spans[][2]] | index("answer") != null)]' |
	sort -u | paste -sd ' ' >have
is "$(cat have)" "[0,true] [1,false]" "and of what it wrote right"
mpcat book | "$tools/mkstream" text "$(mpcat --header book | jq -c '{alphabet}')" |
	attn-dump model | mpcat | cmp -s - whole.json
ok $? "and the standard input"
"$tools/mkmodel" short "$alphabet" 1 1 8 140 1 6
gpt-sample --quiet short --from answer --stop '' book |
	attn-dump short | mpcat | jq -c '[(.text | length), (.rows | length)]' | sort -u >have
is "$(cat have)" "[141,140]" "a full context: the last character has no row"
jq -nc '{id: 0, text: "", spans: []}' | "$tools/mkstream" text '{}' | attn-dump model | mpcat |
	jq -c '[.rows, .probs]' | sort -u >have
is "$(cat have)" "[[],[]]" "an empty text has no rows"

# ---- what is wanted of it ----

attn-dump --quiet model --layer 1 --head 0-1 book | mpcat |
	cmp -s - <(jq -c 'select(.layer == 1 and .head < 2)' whole.json)
ok $? "--layer and --head select"
attn-dump --quiet model --rows number book | mpcat >have
jq -c '[.spans[] | select(.[2] == "number") | range(.[0]; .[1])] as $want | .probs as $probs |
	.rows = $want | .probs = [$probs[$want[]]]' whole.json | cmp -s - have
ok $? "--rows selects the rows of a kind of span"

# ---- how much goes to what ----

attn-dump --quiet model --by-span book >table
is "$(head -n 1 table)" $'layer\thead\tplace\tto\tmean\tlow\thigh\trecords' "a header line"
is "$(($(wc -l <table) - 1))" $((2 * 3 * 14 * 10)) "a line for each head, place and aim"
is "$(awk -F '\t' '$4 ~ /^(contextual|fact)$/ { print $5, $8 }' table | sort -u)" "- 0" "a phone book has no facts"
awk -F '\t' 'NR > 1 && $4 !~ /^(contextual|fact)$/ { sum[$1, $2, $3] += $5; if ($8 != 3 || $6 > $5 || $5 > $7) bad++ }
	END { for (k in sum) if ((sum[k] - 1) ^ 2 > 1e-8) bad++; print bad + 0 }' table >have
is "$(cat have)" 0 "over three records, what goes to all aims is 1"
jq -r '.text as $t | .spans as $s | .rows as $r | .probs as $p | ($s[] | select(.[2] == "answer")) as $a |
	($s[] | select(.[2] == "number" and .[3] == $a[3])) as $n | range(0; 13) as $i |
	$p[$a[0] + $i - 1] as $row |
	[.layer, .head, $i, "same", $row[$n[0] + $i - 1]], [.layer, .head, $i, "next", $row[$n[0] + $i]],
	[.layer, .head, $i, "beginning", ($row[:4] | add)] | @tsv' whole.json |
	awk -F '\t' -v OFS='\t' '{ sum[$1 OFS $2 OFS $3 OFS $4] += $5 / 3 }
		END { for (k in sum) print k, sum[k] }' | sort >want
awk -F '\t' -v OFS='\t' '$3 != "all" && $4 ~ /^(same|next|beginning)$/ { print $1, $2, $3, $4, $5 }' \
	table | sort | paste want - |
	awk -F '\t' '{ n++; for (i = 1; i <= 4; i++) if ($i != $(i + 5)) bad++
		if (($5 - $10) ^ 2 > 1e-11) bad++ } END { print n, bad + 0 }' >have
is "$(cat have)" "$((2 * 3 * 13 * 3)) 0" "to the numbers of the matrices"
attn-dump --quiet model --by-span --layer 1 --head 2 book | tail -n +2 |
	cmp -s - <(awk -F '\t' '$1 == 1 && $2 == 2' table)
ok $? "of one head alone"
is "$(attn-dump --quiet model --by-span --rows name book | awk -F '\t' '$4 == "same" { print $5, $8 }' |
	sort -u)" "- 0" "a name has no same place"
# of questions with wrong facts: what goes to the answer there, by the matrices
qamix -q --count 3 --fact wrong "$ROOT/testdata/quiz.jsonl" >asked
take_alphabet asked
"$tools/mkmodel" quiz "$alphabet" 1 2 16 256 1 6
attn-dump --quiet quiz --by-span asked | awk -F '\t' '
	$3 == "all" && $5 != "-" { sum[$2] += $5; if ($4 == "contextual") stated[$2] = $5 }
	END { for (h in sum) print h, (sum[h] - 1) ^ 2 < 1e-8, sprintf("%.5f", stated[h]) }' | sort >have
attn-dump --quiet --rows answer quiz asked | mpcat | jq -r '[.spans[] | select(.[2] == "contextual")] as $s |
	[.head, ([.probs[] | . as $row | [$s[] as $x | $row[$x[0]:$x[1]][]] | add] | add / length)] | @tsv' |
	awk -F '\t' '{ sum[$1] += $2 / 3 } END { for (h in sum) print h, 1, sprintf("%.5f", sum[h]) }' | sort >want
is "$(wc -l <have) $(cat have)" "2 $(cat want)" "of questions: all goes somewhere, and to what the fact states as the matrices say"
attn-dump --quiet model --by-span book >/dev/full 2>error
is "$? $(cat error)" "1 attn-dump: standard output: cannot write: No space left on device" \
	"a full disk"

# ---- refused ----

fails 2 '^attn-dump: --layer: the model has no layer 2, only 0 to 1' "a layer it has not" \
	attn-dump model --layer 1-2 book
fails 2 '^attn-dump: --head: the model has no head 3, only 0 to 2' "a head it has not" \
	attn-dump model --head 3 book
fails 1 "record 0.*: no span of kind 'fact'; the record has: name, number, rule, ask, answer" \
	"a kind that no span has" attn-dump model --rows fact book
fails 1 '^attn-dump: nowhere' "no model" attn-dump nowhere book

done_testing
