#!/bin/bash
# tokenize.sh - the filter tokenize: vocabularies from all their sources.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1
export TMP # for commands of sh -c

dropfield=$(cd "$BUILD" && pwd)/tests/tools/dropfield

# items TEXT…: a quiz of these questions
items() {
	jq -nc '$ARGS.positional[] | {question: ., answer: "a"}' --args "$@"
}

# without_alphabet: the stream of stdin, its header without an alphabet
without_alphabet() {
	"$dropfield" alphabet
}

# ---- round trips ----

phonegen --count 200 --entries 1-5 >"$TMP/phone.mp"
mpcat "$TMP/phone.mp" >"$TMP/phone.json"
tokenize <"$TMP/phone.mp" >"$TMP/tokens.mp"
tokenize -d <"$TMP/tokens.mp" | mpcat | cmp -s - "$TMP/phone.json"
ok $? "text to tokens to text"
mpcat "$TMP/tokens.mp" >"$TMP/tokens.json"
tokenize -d <"$TMP/tokens.mp" | tokenize | mpcat | cmp -s - "$TMP/tokens.json"
ok $? "tokens to text to tokens"
is "$(mpcat "$TMP/tokens.mp" | jq -c '[.id, .spans]' | md5sum)" \
	"$(jq -c '[.id, .spans]' "$TMP/phone.json" | md5sum)" "ids and spans stay"
is "$(mpcat --header "$TMP/tokens.mp" | jq -r '.vocab')" \
	"$(mpcat --header "$TMP/phone.mp" | jq -r '.alphabet')" "the alphabet is the vocabulary"
is "$(mpcat --header "$TMP/tokens.mp" | jq -rc '[.chain[].program], .bin.tokens' | tr '\n' ' ')" \
	'["phonegen","tokenize"] u8 ' "the header is signed and tells the width"
is "$(mpcat "$TMP/tokens.mp" | jq -s --rawfile v <(mpcat --header "$TMP/tokens.mp" | jq -j .vocab) '
	($v | explode) as $c | [.[0].tokens[] | $c[.]] | implode' | jq -r .)" \
	"$(head -1 "$TMP/phone.json" | jq -r .text)" "tokens are places in the vocabulary"

# ---- spooling ----

without_alphabet <"$TMP/phone.mp" >"$TMP/bare.mp"
mpcat --header "$TMP/bare.mp" | jq -e 'has("alphabet") | not' >/dev/null
ok $? "a stream without an alphabet"
mkdir "$TMP/spool"
TMPDIR=$TMP/spool tokenize <"$TMP/bare.mp" >"$TMP/spooled.mp"
ok $? "is spooled"
is "$(ls -A "$TMP/spool")" "" "and the temporary file is gone"
is "$(mpcat --header "$TMP/spooled.mp" | jq -r '.vocab')" \
	"$(jq -j .text "$TMP/phone.json" | perl -CS -0777 -ne 'print sort keys %{{map {$_, 1} split //}}')" \
	"its vocabulary is the characters that came, in order"
tokenize -d <"$TMP/spooled.mp" | mpcat | cmp -s - "$TMP/phone.json"
ok $? "its text comes back"
cat "$TMP/bare.mp" "$TMP/bare.mp" | tokenize | tokenize -d | mpcat |
	cmp -s - <(cat "$TMP/phone.json" "$TMP/phone.json")
ok $? "two segments are spooled as one"
TMPDIR=$TMP/nowhere fails 1 'nowhere: cannot make a temporary file' "a TMPDIR that is not there" \
	sh -c "exec tokenize <\"\$TMP/bare.mp\""
phonegen --count 0 | without_alphabet >"$TMP/none.mp"
fails 1 'vocabulary: empty' "nothing to make a vocabulary of" sh -c "exec tokenize <\"\$TMP/none.mp\""

# ---- other characters ----

items 'naïve 猫' '𝔾𝕃 𐐷' 'Ελλάδα' '👩‍🚀' >"$TMP/items.jsonl"
qamix -q --count 20 "$TMP/items.jsonl" >"$TMP/wide.mp"
mpcat "$TMP/wide.mp" | jq -c 'del(.item)' >"$TMP/wide.json"
tokenize <"$TMP/wide.mp" | tokenize -d | mpcat | jq -c . | cmp -s - "$TMP/wide.json"
ok $? "characters beyond the basic plane go there and back"
without_alphabet <"$TMP/wide.mp" | tokenize | tokenize -d | mpcat | jq -c . | cmp -s - "$TMP/wide.json"
ok $? "and by the spool"

# 400 characters: two bytes a token
perl -CS -e 'print chr(0x4e00 + $_) for 0 .. 399' >"$TMP/chars"
items "$(cat "$TMP/chars")" >"$TMP/many.jsonl"
qamix -q --count 3 "$TMP/many.jsonl" | tokenize >"$TMP/many.mp"
is "$(mpcat --header "$TMP/many.mp" | jq -r '.bin.tokens, (.vocab | length)' | tr '\n' ' ')" \
	"u16 408 " "more than 256 characters: tokens of two bytes"
is "$(mpcat "$TMP/many.mp" | jq -s '[.[].tokens[]] | max')" 407 "and of values past 255"
tokenize -d <"$TMP/many.mp" | mpcat --text | grep -qF "$(cat "$TMP/chars")"
ok $? "there and back"

# ---- --vocab ----

mpcat --header "$TMP/tokens.mp" | jq .vocab >"$TMP/string.json"
mkdir "$TMP/model"
jq 'explode | map([.] | implode) | to_entries | map({(.value): .key}) | add' "$TMP/string.json" \
	>"$TMP/model/vocab.json"
for vocab in string.json model/vocab.json model; do
	tokenize --vocab "$TMP/$vocab" <"$TMP/bare.mp" | mpcat | cmp -s - "$TMP/tokens.json"
	ok $? "--vocab $vocab gives the same tokens"
done
tokenize --vocab <(cat "$TMP/string.json") <"$TMP/bare.mp" | mpcat | cmp -s - "$TMP/tokens.json"
ok $? "so does a pipe"
fails 1 'more than 8388608 bytes' "a pipe without an end" \
	bash -c "tokenize --vocab <(yes) <\"\$TMP/bare.mp\""
printf '%s\n' '{"a": 0, "\n": 7}' >"$TMP/odd.json"
fails 1 'odd.json: "\\n" has no token of its own in 0 to 1' "a character that does not print is escaped" \
	sh -c "exec tokenize --vocab \"\$TMP/odd.json\" <\"\$TMP/phone.mp\""
printf '%s\n' '{"a": 0, "\t\u0007\u00e9": 1}' >"$TMP/odd.json"
fails 1 'odd.json: "\\t\\x07é" is not one character' "so are several" \
	sh -c "exec tokenize --vocab \"\$TMP/odd.json\" <\"\$TMP/phone.mp\""
echo '"zyx{}BE: ()a"' >"$TMP/short.json"
fails 1 'record 0: character [0-9]+, U\+[0-9A-F]{4}.* is not in the vocabulary; without --vocab ' \
	"a character that --vocab lacks is shown with its place" \
	sh -c "exec tokenize --vocab \"\$TMP/short.json\" <\"\$TMP/phone.mp\""
perl -0777 -pe 's/\{B\}\n[A-Z]/{B}\n~/' "$TMP/phone.mp" >"$TMP/foreign.mp"
fails 1 "record 0: character 4, U\+007E '~', is not in the vocabulary; .*; --vocab takes another" \
	"and one that the alphabet lacks" sh -c "exec tokenize <\"\$TMP/foreign.mp\""
tokenize --vocab "$TMP/tokens.mp" <"$TMP/bare.mp" | mpcat | cmp -s - "$TMP/tokens.json"
ok $? "a stream of tokens names a vocabulary, too"
fails 1 "a stream of kind 'text', expected 'tokens'" "a stream of text names none" \
	sh -c "exec tokenize --vocab \"\$TMP/phone.mp\" <\"\$TMP/bare.mp\""
fails 1 "the vocabulary is not that of the first segment: it has U\+[0-9A-F]{4}.*; tokenize --vocab" \
	"streams of two vocabularies, one after the other" \
	sh -c "mptext <\"\$TMP/phone.json\" | tokenize --vocab \"\$TMP/string.json\" >\"\$TMP/one.mp\"
		echo '{\"text\": \"one~\"}' | mptext | tokenize >\"\$TMP/two.mp\"
		cat \"\$TMP/one.mp\" \"\$TMP/two.mp\" | mpcat"
for bad in '{"a": 0, "b": 2}' '{"ab": 0}' '["a"]' '"aa"' '""' '"a'; do
	echo "$bad" >"$TMP/bad.json"
	fails 1 'bad.json: ' "no vocabulary: $bad" \
		sh -c "exec tokenize --vocab \"\$TMP/bad.json\" <\"\$TMP/phone.mp\""
done
fails 1 'missing.json: cannot open' "a missing vocabulary" \
	sh -c "exec tokenize --vocab \"\$TMP/missing.json\" <\"\$TMP/phone.mp\""
fails 1 'spool/vocab.json: cannot open' "a directory without one" \
	sh -c "exec tokenize --vocab \"\$TMP/spool\" <\"\$TMP/phone.mp\""

# ---- bad input, options and outputs ----

fails 1 "a stream of kind 'tokens', expected 'text'" "tokens where text is expected" \
	sh -c "exec tokenize <\"\$TMP/tokens.mp\""
fails 1 "a stream of kind 'text', expected 'tokens'" "text where tokens are expected" \
	sh -c "exec tokenize -d <\"\$TMP/phone.mp\""
for filter in "tokenize:phone" "tokenize:bare" "tokenize -d:tokens"; do
	head -c -1 "$TMP/${filter#*:}.mp" >"$TMP/cut.mp"
	fails 1 'cut off' "${filter%:*}: a stream without its last byte" \
		sh -c "exec ${filter%:*} <\"\$TMP/cut.mp\""
	mpcat "$TMP/stdout" >/dev/null 2>&1
	[ $? -eq 1 ]
	ok $? "and its output is no whole stream"
done
fails 1 'standard input' "an empty input" tokenize
fails 1 'standard output: cannot write' "a full disk" \
	sh -c "exec tokenize <\"\$TMP/phone.mp\" >/dev/full"
fails 2 'vocab' "--vocab with -d" tokenize -d --vocab "$TMP/string.json"
fails 2 'operand' "an operand" tokenize "$TMP/phone.mp"
phonegen --count 100000 | tokenize 2>"$TMP/stderr" | head -c 1000 >/dev/null
[ "${PIPESTATUS[1]}" -eq 141 ] && [ ! -s "$TMP/stderr" ]
ok $? "a closed pipe ends it quietly"

done_testing
