#!/bin/bash
# pieces.sh - models and streams whose tokens are more than characters, in the hands of the programs.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1
tools=$(cd "$BUILD" && pwd)/tests/tools
model=$TMP/model

"$tools/mkmodel" "$model" @testdata/bpe 2 4 16 96 1 6
is "$(cd "$model" && echo *)" \
	"config.json memoscope.json merges.txt model.safetensors tokenizer.json tokenizer_config.json vocab.json" \
	"a model with byte-level BPE has merges"

# ---- tokens ----

# Every text of expected.json, any bytes among them: as mpcat writes it, to tokens and back.
jq -c 'to_entries[] | {id: .key, text: .value.bytes}' testdata/bpe/expected.json >"$TMP/texts.json"
mptext <"$TMP/texts.json" >"$TMP/texts.mp"
ok $? "texts of any bytes"
for vocab in testdata/bpe "$model"; do
	tokenize --vocab "$vocab" <"$TMP/texts.mp" >"$TMP/tokens.mp"
	is "$(mpcat "$TMP/tokens.mp" | jq -c .tokens | md5sum)" \
		"$(jq -c '.[].tokens' testdata/bpe/expected.json | md5sum)" "tokenize --vocab $(basename "$vocab"): the library's tokens"
done
mpcat "$TMP/texts.mp" >"$TMP/texts.again"
tokenize -d <"$TMP/tokens.mp" | mpcat | cmp -s - "$TMP/texts.again"
ok $? "text, tokens, text again is the same"
mpcat --text "$TMP/tokens.mp" | cmp -s - <(mpcat --text "$TMP/texts.mp")
ok $? "mpcat --text, too"
is "$(jq -r 'select(.id == 12 or .id == 5) | .text | type' "$TMP/texts.again" | tr '\n' ' ')" "string array " \
	"text that is not UTF-8 is an array of bytes in JSON"
cmp -s "$TMP/texts.again" <(mptext <"$TMP/texts.again" | mpcat)
ok $? "and comes back from it, as U+0000 does from a string"
is "$(mpcat --header "$TMP/tokens.mp" | jq -c '[.bin.tokens, (.vocab | length), .vocab[0], .bpe.added, (.bpe.merges | length)]')" \
	"[\"u16\",700,\"<|endoftext|>\",[0],$(($(wc -l <testdata/bpe/merges.txt) - 1))]" "the header has the pieces and their merges"
tokenize --vocab "$TMP/tokens.mp" <"$TMP/texts.mp" | mpcat | cmp -s - <(mpcat "$TMP/tokens.mp")
ok $? "which are enough to tokenize"
echo '{"text": [97, 255]}' | mptext >"$TMP/bytes.mp"
fails 1 'record 0: byte 1 of the text is not UTF-8' "a vocabulary of characters has no token for any byte" \
	sh -c "tokenize <'$TMP/bytes.mp'"
echo '{"text": [97, 256]}' >"$TMP/bad.json"
fails 1 'line 1: expected an object with "text", a string or an array of bytes' "256 is no byte" \
	sh -c "mptext <'$TMP/bad.json'"

# ---- spans ----

jq -nc '{text: "Who wrote 12 café? End", spans: [[4, 9, "name", 0, 1], [10, 12, "answer", 0, 2.5],
	[13, 17, "rule", -1, 0]]}' | mptext >"$TMP/spans.mp"
tokenize --vocab "$model" <"$TMP/spans.mp" >"$TMP/spans.tok"
# the model's pieces of each span
is "$(mpcat "$TMP/spans.tok" | jq -c --slurpfile header <(mpcat --header "$TMP/spans.tok") \
	'.tokens as $t | .spans[] | [.[2], ([$t[.[0]:.[1]][] | $header[0].vocab[.]] | flatten | map(tostring) | join("")), .[4]]')" \
	'["name"," wrote",1]
["answer"," 12",2.5]
["rule"," ca102195169",0]' "a token belongs to the span that it ends in"
is "$(tokenize -d <"$TMP/spans.tok" | mpcat | jq -c .spans)" \
	'[[4,9,"name",0,1],[10,12,"answer",0,2.5],[13,17,"rule",-1,0]]' "back in text they are what they were"
gpt-score --quiet "$model" "$TMP/spans.mp" >"$TMP/scores.mp"
topk-dump "$TMP/scores.mp" | cut -f 3-5 >"$TMP/table"
is "$(awk -F '\t' '$2 == "answer" || $2 == "rule" { printf "%s:%s:%s ", $1, $2, $3 }' "$TMP/table")" \
	'9:answer:\s12 12:rule:\sc 14:rule:a 15:rule:f\xc3 16:rule:\xa9 ' "topk-dump shows pieces, and bytes that are no character"
gpt-score --quiet "$model" "$TMP/spans.tok" | topk-dump | cut -f 3- | cmp -s - <(topk-dump "$TMP/scores.mp" | cut -f 3-)
ok $? "tokens are scored as their text is"
is "$(recall-score "$TMP/scores.mp" | grep -E '^(floor|excess)_(answer|name|rule)(_of)?.[0-9.]*$' | cut -f 1 | tr '\n' ' ')" \
	"floor_name excess_name excess_name_of floor_answer excess_answer excess_answer_of floor_rule excess_rule excess_rule_of " \
	"recall-score finds the loss of each span"

# ---- prompts ----

gpt-sample "$model" --from answer --max-tokens 3 "$TMP/spans.mp" >"$TMP/sample.mp" 2>"$TMP/stderr"
is "$(mpcat "$TMP/sample.mp" | jq -c '[.prompt, (.text[:9] | if type == "array" then implode else . end), .reference, .spans[1]]')" \
	'[9,"Who wrote","Who wrote 12 café? End",[10,12,"answer",0,2.5]]' "--from cuts before the token that a span begins in"
is "$(cat "$TMP/stderr")" \
	"gpt-sample: 1 of 1 prompts end before the answer span begins, because it begins within a token" "and says so"
gpt-score "$model" --from answer "$TMP/spans.mp" 2>"$TMP/stderr" | mpcat | jq -r '.steps[0].char' >"$TMP/first"
is "$(cat "$TMP/first"; cat "$TMP/stderr")" \
	" 12
gpt-score: in 1 of 1 texts the answer span begins within a token; that token is scored, too" "so does gpt-score"
gpt-score "$model" --from name "$TMP/spans.tok" 2>"$TMP/stderr" | mpcat >/dev/null
is "$(cat "$TMP/stderr")" "gpt-score: in 1 of 1 texts the name span begins within a token; that token is scored, too" \
	"and if it reads tokens"

jq -nc '{text: "Who wrote it?", spans: [[5, 7, "answer", 0, 1]]}' | mptext >"$TMP/within.mp"
fails 1 "record 0: the span of kind 'answer' has no token of its own: it stands within a token that ends behind it" \
	"a span within a token" gpt-sample -q "$model" --from answer "$TMP/within.mp"

# ---- texts that a model writes ----

gpt-sample -q "$model" --prompt '日' --max-tokens 200 --samples 3 --seed 5 >"$TMP/writes.mp"
is "$(mpcat "$TMP/writes.mp" | jq -c '[.stop, (.steps | length), .prompt]' | sort -u)" '["length",200,1]' \
	"200 tokens each, after a prompt of three"
gpt-sample -q "$model" --prompt '日' --max-tokens 200 --samples 3 --seed 5 --output text >"$TMP/writes.txt"
is "$(iconv -f UTF-8 -t UTF-8 "$TMP/writes.txt" | wc -c)" "$(wc -c <"$TMP/writes.txt")" "what people read is UTF-8"
head -c 3 "$TMP/writes.txt" | grep -q 日
ok $? "of a character that came in three pieces"
mpcat "$TMP/writes.mp" | mptext | mpcat --text | cmp -s - <(mpcat "$TMP/writes.mp" |
	jq -c '.text | if type == "array" then {text: .} else {text: .} end' | mptext | mpcat --text)
ok $? "generations are texts again"
long=$(printf '日%.0s' {1..40})
fails 1 'record 0: a text of 120 tokens, expected at most 97: the model.s context is 96' "a text of 40 characters and 120 tokens" \
	sh -c "jq -nc --arg text $long '{\$text}' | mptext | gpt-score -q '$model'"
fails 2 'a prompt of 120 tokens, expected at most 96' "a prompt of as many" gpt-sample -q "$model" --prompt "$long"
gpt-sample "$model" --prompt '日' --seed 5 2>"$TMP/stderr" >/dev/null
is "$(grep full "$TMP/stderr")" "gpt-sample: 1 of 1 texts ended because the context of 96 tokens is full; with \
--max-tokens a text can be longer" "the context holds tokens"
piece=$(mpcat "$TMP/writes.mp" | jq -rs '[.[0].steps[40:60][].char | select(type == "string") | select(test("^[a-z]{3}"))][0]')
is "$(gpt-sample -q "$model" --prompt '日' --max-tokens 200 --seed 5 --stop "${piece:0:2}" | mpcat |
	jq -r --arg stop "${piece:0:2}" '[.stop, (.steps[-1].char | contains($stop))] | @tsv')" \
	"stop	true" "--stop is found within a piece"

# Their tokens are those that the model wrote, which need not be those that their text becomes.
[ "$(mpcat "$TMP/writes.mp" | jq -c .tokens)" != "$(mpcat "$TMP/writes.mp" | mptext | tokenize --vocab "$model" | mpcat | jq -c .tokens)" ]
ok $? "the tokens of a generation are not those of its text"
gpt-score -q "$model" --slide "$TMP/writes.mp" >"$TMP/scores.mp"
is "$(mpcat "$TMP/scores.mp" | jq -c '[.tokens, [.steps[2:][] | [.char, .rank]]]')" \
	"$(mpcat "$TMP/writes.mp" | jq -c '[.tokens, [.steps[] | [.char, .rank]]]')" "gpt-score scores those"
gpt-sample -q "$model" --prompt '日' --max-tokens 60 --seed 5 >"$TMP/short.mp"
is "$(attn-dump -q "$model" --layer 0 --head 0 "$TMP/short.mp" | mpcat | jq -c .tokens)" "$(mpcat "$TMP/short.mp" | jq -c .tokens)" \
	"attn-dump reads those"
is "$(gpt-sample -q "$model" --greedy --max-tokens 9 "$TMP/short.mp" | mpcat | jq -c '.tokens[:63]')" \
	"$(mpcat "$TMP/short.mp" | jq -c .tokens)" "gpt-sample goes on from those"
"$tools/mkmodel" "$TMP/letters" "$(printf '%b' "$(printf '\\x%x' {32..126})")" 1 1 8 96 1 1
echo '{"text": "Who is who?"}' | mptext | gpt-score -q "$TMP/letters" >"$TMP/letters.mp"
is "$(gpt-score -q "$model" "$TMP/letters.mp" | mpcat | jq -c .tokens)" \
	"$(echo '{"text": "Who is who?"}' | mptext | tokenize --vocab "$model" | mpcat | jq -c .tokens)" \
	"the text of a model with another vocabulary becomes this one's tokens"
mpcat "$TMP/short.mp" | jq -c '.tokens = {"!hex": "c4024100"} | .text = "b" | .prompt = 0 | .steps = []' |
	"$tools/mkstream" generations "$(mpcat --header "$TMP/short.mp" | jq -c '{vocab, bin}')" >"$TMP/bad.mp"
fails 1 'record 0: "tokens" are not those of the text' "tokens of another text" gpt-score -q "$model" "$TMP/bad.mp"

# A model that is certain of one token: the one that ends texts, or padding.
"$tools/mkmodel" "$TMP/ends" @testdata/bpe 1 1 8 32 1 1 0
jq '.eos_token_id = 0' "$TMP/ends/config.json" >"$TMP/config.json" && mv "$TMP/config.json" "$TMP/ends"
for how in --greedy --temperature=0.5 --top-k=3; do
	is "$(gpt-sample -q "$TMP/ends" --prompt 'Who is' $how --max-tokens 9 | mpcat | jq -r '[.stop, .text, (.steps | length)] | @tsv')" \
		"stop	Who is<|endoftext|>	1" "$how: the model's eos_token_id ends a text"
	is "$(gpt-sample -q "$TMP/ends" --prompt 'Who is' $how --max-tokens 9 --stop '?' | mpcat | jq -r '[.stop, (.steps | length)] | @tsv')" \
		"length	9" "but not with --stop"
done
is "$(gpt-sample -q "$TMP/ends" --prompt 'Who is' --greedy --max-tokens 9 --stop 'text|><|end' | mpcat | jq -r '[.stop, (.steps | length)] | @tsv')" \
	"stop	2" "whose text may be in two tokens"
mkdir "$TMP/padded"
cp testdata/bpe/tokenizer.json "$TMP/padded"
echo '{"vocab_size": 704}' >"$TMP/padded/config.json"
"$tools/mkmodel" "$TMP/pads" "@$TMP/padded" 1 1 8 32 1 1 702
is "$(gpt-sample -q "$TMP/pads" --prompt 'Who' --samples 50 --max-tokens 20 | mpcat |
	jq -s 'map(.steps[] | select(.char == "" or .rank == 0)) | length')" 0 "a token without text is never written"
is "$(gpt-sample -q "$TMP/pads" --prompt 'Who' --greedy --max-tokens 1 | mpcat | jq -c '.steps[0] | [.rank, .top[0][0], .top[0][1] > 0.99]')" \
	'[1,"",true]' "not even the likeliest"
is "$(gpt-sample -q "$TMP/pads" --prompt 'Who' --greedy --max-tokens 1 | topk-dump | awk 'NR == 2 { print NF, $9 }')" \
	'18 \-' "topk-dump has a field for it"

# ---- tables ----

# Blanks, newlines, controls, characters that are blank, and bytes that are no character.
echo '{"text": [97, 32, 9, 10, 27, 194, 160, 194, 155, 160, 195, 40, 92, 255]}' | mptext >"$TMP/odd.mp"
gpt-score -q "$model" "$TMP/odd.mp" >"$TMP/odd.scores"
is "$(mpcat --tsv=text "$TMP/odd.mp" | tail -n 1)" "a \t\n\x1b"$'\u00a0'"\u009b\xa0\xc3(\\\\\xff" "mpcat --tsv"
is "$(topk-dump "$TMP/odd.scores" | cut -f 5 | tail -n +2 | tr -d '\n')" "\s\t\n\x1b\xc2\xa0\xc2\x9b\xa0\xc3(\\\\\xff" \
	"topk-dump shows pieces in the same way"
is "$(mpcat --tsv=text "$TMP/odd.mp" | tail -n 1 | gpt-sample -q "$model" --prompt - --max-tokens 1 | mpcat |
	jq -c '.text[:14]')" "$(mpcat "$TMP/odd.mp" | jq -c .text)" "which a prompt may be written in"
is "$(script -qec "mpcat --text '$TMP/odd.mp'" /dev/null </dev/null | tr -d '\r')" \
	$'a \t\n\\x1b\u00a0\\u009b\\xa0\\xc3(\\\\xff' "mpcat on a terminal, too, where a newline is one"
shown=$'a \t\n\\x1b\u00a0\\u009b\\xa0\\xc3(\\\\xff'
written=$(gpt-sample -q "$model" --prompt $'a \t\n\e\u00a0\u009b\xa0\xc3(\\\xff' --max-tokens 1 --output text)
is "${written:0:${#shown}}" "$shown" "and gpt-sample"

# ---- heads ----

attn-dump -q "$model" --layer 0 --head 1 "$TMP/spans.mp" >"$TMP/attention.mp"
is "$(mpcat "$TMP/attention.mp" | jq -c '[(.tokens | length), (.rows | length), .spans[1]]')" \
	"$(mpcat "$TMP/spans.tok" | jq -c '[(.tokens | length), (.tokens | length), .spans[1]]')" \
	"rows and spans of attention are those of tokens"
is "$(attn-dump -q "$model" --by-span "$TMP/spans.mp" | awk -F '\t' '$4 == "beginning" && $3 == "all" && $8 == 1' | wc -l)" 8 \
	"attn-dump --by-span has a mean for each head"
head-score -q "$model" --sequences 2 | awk 'END { exit NR != 10 }'
ok $? "head-score scores each head"

# ---- data-lint ----

is "$(data-lint "$TMP/spans.tok")" "$(data-lint "$TMP/spans.mp")" "data-lint says of tokens what it says of their text"
phonegen --count 50 --seed 2 --entries 1-3 | tokenize --vocab "$model" >"$TMP/books.tok"
longest=$(mpcat "$TMP/books.tok" | jq '.tokens | length' | sort -n | tail -n 1)
data-lint --context "$longest" "$TMP/books.tok" >"$TMP/report"
is "$? $(awk '$1 == "too_long" { print $2 }' "$TMP/report")" "0 0" "--context counts tokens: the longest record fits"
data-lint --context $((longest - 1)) "$TMP/books.tok" >"$TMP/report"
is "$? $(awk '$1 == "too_long_count" { print $2 }' "$TMP/report")" \
	"3 $(mpcat "$TMP/books.tok" | jq "select(.tokens | length == $longest) | 1" | wc -l)" "and does not fit one that is shorter"
for n in 30 70; do
	data-lint --context $n "$TMP/books.tok" >"$TMP/report"
	is "$(awk '/^window_lost_(count|of)/ { print $2 }' "$TMP/report" | xargs)" \
		"$(mpcat "$TMP/books.tok" | jq -r '.spans as $s | ($s[] | select(.[2] == "ask"))[3] as $e |
			[($s[] | select(.[2] == "name" and .[3] == $e))[0], ($s[] | select(.[2] == "answer"))[0]] | @tsv' |
			awk -v n=$n '{ all += n; lost += $2 - $1 - 1 < n ? $2 - $1 - 1 : n } END { print lost, all }')" \
		"windows of $n and one tokens that lose the entry"
done

# ---- training ----

mptext --lines <README.md | tokenize --vocab "$model" >"$TMP/train.mp"
gpt-train -q "$TMP/train.mp" --pack text -o "$TMP/trained" --layers 1 --heads 1 --width 8 --context 32 --batch 4 --steps 2 \
	--threads 1 >/dev/null 2>&1
ok $? "a model is trained on tokens that are pieces"
for file in vocab.json merges.txt tokenizer.json; do
	cmp -s "$TMP/trained/$file" "$model/$file"
	ok $? "its $file is that of the tokens"
done
gpt-score -q "$TMP/trained" "$TMP/spans.mp" | mpcat | jq -e '.steps | length > 5' >/dev/null
ok $? "and it scores texts"

# ---- other vocabularies ----

mkdir "$TMP/other"
jq '.model.vocab |= (to_entries | map(if .key == "~" then .key = "Ģ~" else . end) | from_entries)' \
	testdata/bpe/tokenizer.json >"$TMP/other/tokenizer.json"
tokenize --vocab "$TMP/other" <"$TMP/spans.mp" >"$TMP/spans.tok"
fails 1 "vocabulary is not the model's: it has '.x..~', which is not in the model" "tokens of another vocabulary" \
	gpt-score -q "$model" "$TMP/spans.tok"

done_testing
