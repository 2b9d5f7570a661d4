#!/bin/bash
# attn-page.sh - attn-page: what stands in the page, beside what attn-dump says. The page itself is
# tried by tests/browser/attn-page.sh.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

# blocks FILE PATTERN: the packed data of the blocks whose tag matches, one a line
blocks() {
	sed -n "s|^<script type=\"text/plain\" data-block=\"$2[^>]*>\([A-Za-z0-9+/=]*\)</script>\$|\1|p" "$1"
}

# block FILE PATTERN: the first of them, unpacked
block() {
	blocks "$1" "$2" | head -n 1 | base64 -d | gunzip
}

# bytes FILE PATTERN: its bytes as numbers, one a line
bytes() {
	block "$1" "$2" | od -An -v -w1 -t u1 | tr -d ' '
}

# check_numbers PAGE JSON RECORD LAYER: the heads of a block beside attn-dump's records (JSON): prints
# how many numbers there are, how many are off by 1/255 or more, and how many rows have a sum that
# no row should have
check_numbers() {
	{
		jq -r --argjson id "$3" --argjson layer "$4" 'select(.id == $id and .layer == $layer) |
			"head", (.rows as $rows | .probs | to_entries[] | "row \($rows[.key])", .value[])' "$2"
		echo page
		bytes "$1" "heads\" data-record=\"$3\" data-layer=\"$4\""
	} | awk '
		function number() { at += 4; return b[at - 4] + 256 * (b[at - 3] + 256 * (b[at - 2] + 256 * b[at - 1])) }
		function take(row,   i, sum, p, off) {
			if (!((heads, row) in begin)) { bad++; return }
			for (i = 0; i <= row; i++) sum += b[at + i]
			if (sum < 255 || sum > 4080) sums++
			for (i = 0; i <= row; i++) {
				off = b[at + i] / sum - want[begin[heads, row] + i]
				if (off * off >= 1 / 255 / 255) bad++
				n++
			}
			at += row + 1
		}
		$1 == "page" { page = 1; next }
		page { b[count++] = $1; next }
		$1 == "head" { all++; next }
		$1 == "row" { begin[all, $2] = m + 0; next }
		{ want[m++] = $1 }
		END {
			for (heads = 1; heads <= all; heads++) {
				for (runs = number(); runs > 0; runs--) { first[runs] = number(); length_[runs] = number(); last = runs > last ? runs : last }
				for (; last > 0; last--) for (row = first[last]; row < first[last] + length_[last]; row++) take(row)
			}
			print n + 0, m - n, bad + 0, sums + 0, count - at
		}'
}

phonegen --count 3 --seed 7 --entries 2 >book
model=$ROOT/testdata/phonebook
attn-dump --quiet "$model" book >whole
attn-page whole >page.html 2>error
is "$? $(cat error)" "0 " "a page, and no word"
mpcat --json whole >whole.json

# ---- one file that is whole, and that lets nothing in or out ----

is "$(head -n 1 page.html) $(tail -n 1 page.html)" "<!DOCTYPE html> </html>" "a file of HTML"
is "$(grep -oiE '(src|href|action|srcset|data|poster)="[^"]*"|url\([^)]*\)|@import|https?:' page.html)" "" "it refers to nothing"
policy=$(sed -n 's/.*http-equiv="Content-Security-Policy" content="\([^"]*\)".*/\1/p' page.html)
# hash FILE: as the policy has it
hash_of() {
	sha256sum <"$1" | cut -d ' ' -f 1 | tr a-f A-F | basenc -d --base16 | base64
}
# inside TAG: what the page has between <TAG> and </TAG>, the last newline included or not
inside() {
	perl -0777 -ne "print \$1 if m|<$1>(.*?)</$1>|s" page.html
}
inside style >page.css
inside script >page.js
is "$policy" "default-src 'none'; style-src 'sha256-$(hash_of page.css)'; script-src 'sha256-$(hash_of page.js)'; base-uri 'none'; form-action 'none'" \
	"a policy that allows its own style and script, by their hashes, and nothing else"
cat "$ROOT"/common/page/attention/{data,look,view,text,readout,heads,matrix,control,start}.js | cmp -s page.js - &&
	cmp -s page.css "$ROOT/common/page/attention/page.css"
ok $? "which are those of the sources"
is "$(grep -c ' style="\| on[a-z]*="' page.html)" 0 "no style and no script in attributes, which it would forbid"
is "$(grep -oE '<script[^>]*>' page.html | sed 's/ data-.*//' | sort | uniq -c | sed 's/^ *//' | paste -sd ,)" \
	'11 <script type="text/plain",1 <script>' "one script, and eleven blocks of data"

# ---- texts ----

is "$(block page.html about | jq -c '[.layers, .heads, .parameters, (.chain | length)]')" '[2,4,67296,2]' "what the page is about"
for id in 0 1 2; do
	block page.html "record\" data-record=\"$id\" data-id=\"$id\" data-sample=\"0\"" |
		jq -c '.pieces as $p | [[.tokens[] | $p[.] | if type == "array" then add else . end] | join("")] + .spans'
done >have
jq -c 'select(.layer == 0 and .head == 0) | [(.text | gsub("\n"; "\\n") | gsub(" "; "\\s"))] + [.spans[][:4]]' whole.json |
	cmp -s - have
ok $? "each text and its spans, with blanks that are seen"

# ---- numbers ----

for id in 0 1 2; do
	length=$(jq -r "select(.id == $id) | .text | length" whole.json | head -n 1)
	is "$(check_numbers page.html whole.json $id 0), $(check_numbers page.html whole.json $id 1)" \
		"$((4 * length * (length + 1) / 2)) 0 0 0 0, $((4 * length * (length + 1) / 2)) 0 0 0 0" \
		"text $id: all numbers within 1/255 of attn-dump's, each row with 255 to 4080 in all"
done
is "$(block page.html end | jq -c '[.records, .heads, .error > 0 and .error < 1 / 255]')" '[3,24,true]' \
	"the end says how many heads there are, and how far numbers are off"
is "$(block page.html end | jq -c .names)" \
	"$(mpcat --json book | jq -sc '[.[].text[:32] | split("\n") as $parts | [$parts[0]] + ($parts[1:] | map("\\n", .))]')" "and how each text begins"
is "$(($(wc -c <page.html) < 300000))" 1 "three books in eight heads have less than 300 KB"

attn-dump --quiet --rows answer --layer 1 --head 1-3 "$model" book | tee some | attn-page >some.html
mpcat --json some >some.json
is "$(check_numbers some.html some.json 0 1)" "$(jq '[select(.id == 0) | .probs[] | length] | add' some.json |
	awk '{ n += $1 } END { print n }') 0 0 0 0" "rows and heads that attn-dump did not write are not there"
is "$(grep -o 'data-layer="[^>]*"' some.html | sort -u)" 'data-layer="1" data-heads="1,2,3"' "and the page says which are"
cat some <(attn-dump --quiet --layer 0 "$model" book) >both 2>error
attn-page both >both.html 2>error
is "$? $(cat error) $(grep -c 'data-block="record"' both.html) $(grep -c 'data-block="heads"' both.html)" "0  3 6" \
	"parts of the same texts, one after the other, are put together"
attn-page some <(attn-dump --quiet --layer 0 "$model" book) | cmp -s - both.html
ok $? "from several files, too"
attn-page - <whole | cmp -s - page.html
ok $? "from the standard input"

# ---- of a model ----

# rest FILE: the blocks of a page, but for the first, which has the chain of programs
rest() {
	grep '^<script type="text/plain"' "$1" | tail -n +2
}
rest page.html >blocks
attn-page --quiet "$model" book >own.html
[ "$(wc -l <blocks)" -eq 10 ] && rest own.html | cmp -s - blocks
ok $? "a model and texts give what attn-dump gives"
is "$(block own.html about | jq -c '[.layers, .heads, .chain[-1][:9]]')" '[2,4,"attn-page"]' "and the page says what made it"
attn-page --quiet "$model" <book >stdin.html
rest stdin.html | cmp -s - blocks
ok $? "from the standard input, too"
# ---- beside it ----

gpt-score --quiet --lens "$model" book >scored
head-score -q --over book "$model" >scores
attn-dump --quiet --by-span "$model" book >spans
attn-page --generations scored --scores scores --by-span spans --title 'A & <b>' whole >rich.html
is "$(grep -o '<title>.*' rich.html) $(grep -o '<h1>.*' rich.html)" \
	'<title>A &amp; &lt;b&gt;</title> <h1>A &amp; &lt;b&gt;</h1>' "the title"
block rich.html about | jq -r '.scores | .heads | to_entries[] | [.key] + .value | @tsv' | sort >have
awk -F '\t' '$1 ~ /^[0-9]/ { printf "%s.%s", $1, $2; for (i = 3; i <= 6; i++) printf "\t%.4g", $i; print "" }' scores | sort >want
paste have want | awk -F '\t' '{ for (i = 2; i <= 5; i++) if (($i - $(i + 5)) ^ 2 > 1e-8) bad++ } $1 != $6 { bad++ }
	END { print NR, bad + 0 }' >apart
is "$(cat apart)" "8 0" "head-score's scores"
is "$(block rich.html about | jq -c '[.scores.columns, (.scores.chance | length)]')" \
	'[["previous","duplicate","induction","copying"],4]' "their names, and chance"
is "$(block rich.html about | jq -r '.bySpan.columns as $c | .bySpan.heads["1.0"][$c | index("next")] * 1e3 | round')" \
	"$(awk -F '\t' '$1 == 1 && $2 == 0 && $3 == "all" && $4 == "next" { printf "%.0f", $5 * 1000 }' spans)" "attention by span"
for table in scores spans; do
	[ $table = scores ] && option=--scores || option=--by-span
	attn-page "$option" - whole <$table >piped.html
	attn-page "$option" <(sed 's/$/\r/' $table) whole >windows.html
	attn-page "$option" $table whole >plain.html
	cmp -s piped.html plain.html && cmp -s windows.html plain.html
	ok $? "$option from the standard input, and with lines of Windows"
done
block rich.html 'generation" data-record="1"' | jq -c '.steps[] | [.[0], (.[1] * 1000 | round), .[2], (.[5] | length), (.[6] | length)]' >have
mpcat --json scored | jq -c 'select(.id == 1) | .steps[] | [.pos, (.p * 1000 | round), .rank, (.top | length), (.lens | length)]' >want
paste have want | awk -F '[][,\t]+' '($2 != $7 || ($3 - $8) ^ 2 > 1 || $4 != $9 || $5 != $10 || $6 != $11) { bad++ }
	END { print (NR > 100), bad + 0 }' >apart
is "$(cat apart)" "1 0" "the steps of gpt-score, with candidates and lens"
is "$(grep -o 'data-block="generation" data-record="1" data-same="[0-9]*"' rich.html)" \
	"data-block=\"generation\" data-record=\"1\" data-same=\"$(jq -r 'select(.id == 1) | .text | length' whole.json | head -n 1)\"" \
	"which is of the whole text"
gpt-sample --quiet --from answer --greedy "$model" book >written
attn-page --generations written whole 2>error >written.html
is "$?" 0 "what gpt-sample wrote"
for id in 0 1 2; do
	block written.html "generation\" data-record=\"$id\"" | jq -r '.verdict.right'
done >have
recall-score --each written | tail -n +2 | head -n 3 | cut -f 3 | sed 's/1/true/; s/0/false/' | cmp -s - have
ok $? "with recall-score's verdict"
mpcat --json written | jq -c 'select(.id != 1)' | "$tools/mkstream" generations \
	"$(mpcat --header written | jq -c 'del(.memoscope, .stream, .chain)')" >fewer
attn-page --generations fewer whole 2>error >fewer.html
is "$? $(cat error)" "0 attn-page: 1 of 3 records have no generation with their id and sample in fewer" "a text without a generation is told"

# ---- hostile texts ----

header='{"vocab":"ab","bin":{"probs":"f32"},"model":{"directory":"</script><b>","layers":1,"heads":1}}'
# a row of a number that is 1, behind zeros, as binary data
row() {
	printf '{"!hex":"c5%04x%0*d0000803f"}' $((4 * ($1 + 1))) $((8 * $1 + 1)) 0 | sed 's/00000803f"/0000803f"/'
}
hostile='</script><script>alert(1)</script>"'\''&<!--\u2028\u2029\u202e\u200f\u001b\u0000\u05d0{{data}}]]>'
{
	echo '{"id":18446744073709551615,"sample":4294967295,"layer":0,"head":0,"text":"'"${hostile//\"/\\\"}"'","spans":[],"rows":[0,2],"probs":['"$(row 0),$(row 2)"']}' |
		sed 's/18446744073709551615/9007199254740993/'
	echo '{"id":1,"sample":0,"layer":0,"head":0,"text":"none","spans":[],"rows":[],"probs":[]}'
	echo '{"id":2,"sample":0,"layer":0,"head":0,"text":"","spans":[],"rows":[],"probs":[]}'
} >hostile.json
"$tools/mkstream" attention "$header" <hostile.json >hostile
attn-page --title '</title><script>' hostile >hostile.html 2>error
is "$? $(cat error)" "0 " "hostile texts, a text without rows, and an empty one"
is "$(grep -c 'alert\|<b>\|</script><script' hostile.html)" 0 "nothing of a text is in the page but packed"
is "$(grep -oE '</?script' hostile.html | sort | uniq -c | sed 's/^ *//' | paste -sd ,)" "9 </script,9 <script" "so there are as many scripts as there should be"
is "$(block hostile.html record | jq -c '.pieces | map(select(type == "array")) | map(.[1])')" \
	'["\\u2028","\\u2029","\\u202e","\\u200f","\\x1b","\\x00"]' "what a browser would obey is escaped"
is "$(LC_ALL=C grep -c $'\xe2\x80\xa8\|\xe2\x80\xae' hostile.html)" 0 "and not in the page as it is"
is "$(block hostile.html 'record" data-record="2"' | jq -c .)" '{"pieces":[],"tokens":[],"at":null,"spans":[]}' "the empty text"
yes 0123456789 | tr -d '\n' | head -c 100000 >digits
{
	printf '{"id":0,"sample":0,"layer":0,"head":0,"text":"'
	cat digits
	printf '","spans":[],"rows":[0],"probs":[%s]}\n' "$(row 0)"
} | "$tools/mkstream" attention "$header" | attn-page >long.html
is "$? $(block long.html record | jq '.tokens | length') $(($(wc -c <long.html) < 100000))" "0 100000 1" "100,000 tokens of text"

# ---- refused ----

head -c 20000 whole >half
fails 1 '^attn-page: half: ' "a stream that was cut off" attn-page half
is "$(grep -c '<script>' "$TMP/stdout")" 0 "and the page has no script, so that it says it is not whole"
"$tools/mkstream" attention "$header" </dev/null >none
fails 1 '^attn-page: no attention came, so there is nothing to show$' "nothing to show" attn-page none
fails 1 '^attn-page: book: .*attention' "another kind of stream" attn-page book
fails 1 '^attn-page: whole: ' "attention for a model to read" attn-page "$model" whole
fails 1 '^attn-page: .*config\.json: cannot open' "a directory that is no model" attn-page "$TMP" book
"$tools/mkstream" attention '{"vocab":"ab","bin":{"probs":"f32"}}' </dev/null >shapeless
fails 1 "shapeless: the header's \"model\": expected \"layers\" and \"heads\"" "no shape" attn-page shapeless
fails 1 'hostile: its model has 1 layers of 1 heads, but that of the file before has 2 of 4' "models of two shapes" \
	attn-page whole hostile
fails 1 'book: expected the table that head-score prints' "a stream for a table" attn-page --scores book whole
fails 1 'scores: line 1: expected the table that attn-dump --by-span prints' "one table for the other" attn-page --by-span scores whole
awk -F '\t' -v OFS='\t' '$1 == 1 && $2 == 3 { $2 = 4 } { print }' scores >wider
fails 1 'wider: it has head 1.4, but the model has 2 layers of 4 heads' "scores of another model" attn-page --scores wider whole
awk -F '\t' -v OFS='\t' '$1 == 1 { $1 = 2 } { print }' spans >deeper
fails 1 'deeper: it has head 2.0, but' "attention by span of another model" attn-page --by-span deeper whole
fails 1 "book: .* expected 'attention'; attn-dump makes it of a model and such a stream" "a text without a model" attn-page book
fails 2 ': a model is the first operand: attn-page MODEL FILE' "a model behind its text" attn-page book "$model"
fails 1 'book: ' "a text for a generation" attn-page --generations book whole
fails 1 'a second generation with id 0 and sample 0' "generations that come twice" attn-page --generations <(cat scored scored) whole
sed 's/"rows":\[0,2\]/"rows":[2,0]/' hostile.json | "$tools/mkstream" attention "$header" >falling
fails 1 'falling.*record 0: row 1 of "rows": expected a whole number' "rows that fall" attn-page falling
sed 's/"layer":0/"layer":1/' hostile.json | "$tools/mkstream" attention "$header" >layer
fails 1 'record 0: "layer": expected a whole number from 0 to 0' "a layer that the model has not" attn-page layer
head -n 1 hostile.json | "$tools/mkstream" attention "${header/\"layers\":1/\"layers\":65536}" >deep
fails 1 'the model has 65536 layers of 1 heads, but a page shows 16384 heads at most' "more heads than a browser shows" attn-page deep
sed 's/,{"!hex":"c5000c/,{"!hex":"c50008/; s/0000000000803f"}\]/00803f"}]/' hostile.json | "$tools/mkstream" attention "$header" >short 2>/dev/null
fails 1 'record 0: row 2 of "probs": expected 12 bytes' "a row that is too short" attn-page short
attn-page whole >/dev/full 2>error
is "$? $(cat error)" "1 attn-page: standard output: cannot write: No space left on device" "a full disk"
fails 2 'no-such' "an option that it has not" attn-page --no-such

done_testing
