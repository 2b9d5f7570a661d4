#!/bin/bash
# attn-page.sh - the page of attn-page, as a person uses it: pointed at, clicked and by keys. What it shows is compared
# with what attn-dump and topk-dump print.
# shellcheck source=tests/browser/lib.sh disable=SC2016 # the browser runs what stands in single quotes
. "$(dirname "$0")/lib.sh"
tools=$BUILD/tests/tools
start_browser
cd "$TMP" || exit 1

model=$ROOT/testdata/phonebook
phonegen --count 3 --seed 7 --entries 3 >book
attn-dump --quiet "$model" book >whole
mpcat --json whole >whole.json
gpt-score --quiet --lens "$model" book >scored
head-score -q --over book "$model" >scores
attn-dump --quiet --by-span "$model" book >spans
attn-page --quiet --title 'Phone <books>' whole >plain.html
attn-page --quiet --generations scored --scores scores --by-span spans whole >rich.html

# show FILE [FRAGMENT]: opens it, and waits until it is drawn
show() {
	open_page "$TMP/$1" "${2:-}" && wait_for 'return document.documentElement.dataset.ready === "1"'
}

# readout FIELD: of what the page reads out: row, column, value, sum, heads
readout() {
	js 'return document.getElementById("readout").dataset[arguments[0]]' "$1"
}

# reads ROW COLUMN: waits until the page reads this place out
reads() {
	wait_for 'const {row, column} = document.getElementById("readout").dataset;
		return row === arguments[0] && column === arguments[1]' "$1" "$2"
}

# token I: the selector of a token
token() {
	printf '#text [data-token="%d"]' "$1"
}

# dumped RECORD ROW COLUMN HEAD...: the mean of attn-dump's numbers there
dumped() {
	local record=$1 row=$2 column=$3
	shift 3
	jq -r --argjson id "$record" --argjson q "$row" --argjson k "$column" 'select(.id == $id and
		(["\(.layer).\(.head)"] | inside($ARGS.positional))) | .probs[$q][$k] // 0' whole.json --args -- "$@" |
		awk '{ sum += $1 } END { printf "%.9f", sum / NR }'
}

# near HAVE WANT NAME: passed if they are numbers, and closer than 1/255
near() {
	awk -v have="$1" -v want="$2" 'BEGIN { exit !(have ~ /^[0-9.e-]+$/ && want ~ /^[0-9.e-]+$/ && (have - want) ^ 2 < (1 / 255) ^ 2) }'
	ok $? "$3"
	awk -v have="$1" -v want="$2" 'BEGIN { exit !((have - want) ^ 2 < (1 / 255) ^ 2) }' || echo "# have $1, want $2"
}

# is_one VALUE NAME
is_one() {
	awk -v have="$1" 'BEGIN { exit !((have - 1) ^ 2 < 1e-10) }'
	ok $? "$2"
}

answer=$(jq -r 'select(.id == 0) | .spans[] | select(.[2] == "answer") | .[0]' whole.json | head -n 1)
before=$((answer - 1))

# ---- the first view ----

show plain.html
ok $? "the page is drawn"
is "$(text h1), $(js 'return document.title')" "Phone <books>, Phone <books>" "the title is text"
is "$(text '#model')" "$(tr -d '\n' <<<"$model · 2 layers of 4 heads · 67,296 parameters")" "the model"
is "$(js 'return [...document.querySelectorAll("#text [data-token]")].map(t => t.textContent).join("")')" \
	"$(jq -rj 'select(.id == 0 and .layer == 0 and .head == 0) | .text | gsub("\n"; "↵") | gsub(" "; "·")' whole.json)" \
	"the text, with blanks that are seen"
is "$(js 'return [...document.querySelectorAll("#text .span")].map(s => s.dataset.label).join()')" \
	"$(jq -r 'select(.id == 0 and .layer == 0 and .head == 0) | [.spans[] | .[2] + (if .[3] < 0 then "" else " \(.[3])" end)] | join(",")' whole.json)" \
	"its spans have their names"
is "$(js 'return [...document.querySelectorAll("button[data-head]")].map(h => h.dataset.head).join()')" \
	0.0,0.1,0.2,0.3,1.0,1.1,1.2,1.3 "a picture of each head"
is "$(readout row) $(readout heads)" "$before 0.0,0.1,0.2,0.3,1.0,1.1,1.2,1.3" \
	"it begins with the token before the answer, and the mean of all heads"
near "$(readout value)" "$(dumped 0 "$before" "$(readout column)" 0.0 0.1 0.2 0.3 1.0 1.1 1.2 1.3)" "which is attn-dump's mean"

# ---- pointing ----

click 'button[data-head="1.0"]'
is "$(readout heads)" 1.0 "a click chooses a head"
point "$(token 60)"
wait_for 'return document.getElementById("readout").dataset.row === "60"'
near "$(readout value)" "$(dumped 0 60 "$(readout column)" 1.0)" "pointed at, a token says what it attends to most"
is "$(js 'return [...document.querySelectorAll("#targets tr")].map(r => r.dataset.token).slice(0, 3).join()')" \
	"$(jq -r 'select(.id == 0 and .layer == 1 and .head == 0) | .probs[60] | to_entries | sort_by(-.value) | .[:3] | map(.key) | join(",")' whole.json)" \
	"and to what next"
click "$(token "$before")"
for column in 0 5 20 88; do
	point "$(token "$column")"
	reads "$before" "$column"
	near "$(readout value)" "$(dumped 0 "$before" "$column" 1.0)" "pinned, the number of the token that is pointed at: $column"
done
is_one "$(readout sum)" "the pinned token's row sums to 1"
is "$(js 'return document.querySelector(arguments[0]).getAttribute("aria-selected")' "$(token "$before")")" true "the token is pinned"
near "$(text '#readout .number')" "$(readout value)" "the number is there to see"
point "$(token $((before + 3)))"
reads "$before" $((before + 3))
is "$(readout value)" "" "a token that comes after has no number"

# ---- the address ----

point "$(token 88)"
press r s
wait_for 'return location.hash.includes("direction=by") && location.hash.includes("scale=one")'
is "$(readout column)" "$before" "reversed, the token is a column"
sum=$(jq -r --argjson k "$before" 'select(.id == 0 and .layer == 1 and .head == 0) | [.probs[][$k] // 0] | add' whole.json)
awk -v have="$(readout sum)" -v want="$sum" 'BEGIN { exit !((have - want) ^ 2 < 0.01) }'
ok $? "and all attention to it is what attn-dump's column has"
press r
click "$(token 30)"
point "$(token 10)"
reads 30 10
press '[' # the head before, so that the address is written
wait_for 'return location.hash.includes("heads=0.3") && location.hash.includes("second=10")'
address=$(js 'return location.hash.slice(1)')
value=$(readout value)
near "$value" "$(dumped 0 30 10 0.3)" "the head before"
show plain.html "$address"
is "$(readout row) $(readout column) $(readout heads) $(readout value)" "30 10 0.3 $value" "the address brings the view back"
is "$(js 'return document.querySelector(".t.pinned").dataset.token')" 30 "and the pinned token"
is "$(js 'return document.querySelector("[data-set=\"scale=one\"]").getAttribute("aria-pressed")')" true "and its scale"
for address in 'record=99&heads=9.9,<b>&token=-1&pin=1' 'record=__proto__&token=1e9&heads=all%00&second=5' '%%%' \
	'heads=0.1&token=999999&direction=<script>&scale=constructor&measure=__proto__'; do
	show plain.html "$address"
	is "$(readout row)" "$before" "an address that names nothing of the page: $address"
done
show plain.html "record=2&token=7&heads=0.1"
js 'location.hash = "record=1&token=9&heads=1.2&pin=1"' >ignored
wait_for 'return document.getElementById("record").selectedIndex === 1'
is "$(js 'return document.getElementById("record").selectedOptions[0].textContent')" \
	"text 1: $(mpcat --json book | jq -r 'select(.id == 1) | .text[:32] | gsub("\n"; "↵")')" "the list names a text by its beginning"
is "$(readout row) $(readout heads)" "9 1.2" "an address that is changed by hand"

# ---- keys ----

show plain.html 'token=40&heads=0.0'
press ArrowRight ArrowRight ArrowLeft
is "$(readout row)" 41 "arrows move the token"
is "$(js 'return document.activeElement.dataset.token')" 41 "and the focus with it"
press Home
is "$(readout row)" 0 "Home"
press End
is "$(readout row)" "$(jq -r 'select(.id == 0) | .text | length - 1' whole.json | head -n 1)" "End"
press ArrowUp ArrowUp
is "$(js 'return text.spanName(view.token)')" "$(js 'return text.spanName(Number(document.activeElement.dataset.token))')" "arrows go up a line"
up=$(readout row)
press ArrowDown ArrowUp
is "$(readout row)" "$up" "and down, and back"
press Home ArrowRight ArrowRight ArrowRight ArrowRight ArrowRight Enter ArrowLeft ArrowLeft
is "$(readout row) $(readout column)" "5 3" "pinned by Enter, the arrows move the second token"
near "$(readout value)" "$(dumped 0 5 3 0.0)" "and its number is read out"
js 'return document.getElementById("live").textContent' >said
grep -q 'Head 0.0: 0\.[0-9]* from .*token 5, .* to .*token 3' said
ok $? "and said to a screen reader"
press Escape
is "$(js 'return view.pinned')" false "Escape lets it go"
press ']' ']'
is "$(readout heads)" 0.2 "the next head but one"
press '}' '}'
is "$(readout heads)" 0.2,0.3,1.0 "two more heads"
near "$(readout value)" "$(dumped 0 "$(readout row)" "$(readout column)" 0.2 0.3 1.0)" "their mean"
press l
is "$(readout heads)" 1.0,1.1,1.2,1.3 "a layer"
press m
is "$(js 'return view.heads.length')" 8 "all heads"
press n
wait_for 'return document.getElementById("record").selectedIndex === 1'
is "$(readout heads | tr ',' '\n' | wc -l)" 8 "the next text, in the same heads"
near "$(readout value)" "$(dumped 1 "$(readout row)" "$(readout column)" 0.0 0.1 0.2 0.3 1.0 1.1 1.2 1.3)" "and its number"
press b
wait_for 'return document.getElementById("record").selectedIndex === 0'
ok $? "and back"
press '?'
is "$(js 'return document.getElementById("help").open')" true "the keys are shown"
press Escape
is "$(js 'return document.getElementById("help").open')" false "and put away"

# ---- heads ----

click 'button[data-head="0.1"]'
press Tab
place=$(place 'button[data-head="1.3"]')
webdriver POST /actions "$(jq -nc --argjson place "$place" '{actions: [
	{type: "key", id: "keyboard", actions: [{type: "keyDown", value: "\ue009"}, {type: "pause"}, {type: "pause"}, {type: "pause"},
		{type: "keyUp", value: "\ue009"}]},
	{type: "pointer", id: "mouse", actions: [{type: "pause"}, {type: "pointerMove", duration: 0, origin: "viewport"} + $place,
		{type: "pointerDown", button: 0}, {type: "pointerUp", button: 0}, {type: "pause"}]}]}')"
is "$(readout heads)" 0.1,1.3 "a click with Ctrl adds a head"
is "$(text '#matrix-title')" "Mean of 2 heads: 0.1, 1.3" "and says so"
js 'document.querySelector("button[data-head=\"1.3\"]").focus()' >ignored
press ArrowUp ArrowLeft Space
is "$(readout heads)" 0.2 "arrows and the space bar choose a head"
# The pictures: the largest number of a row has the last colour of the scale.
wait_for 'return drawn.has(document.querySelector("[data-picture=\"1.0\"]"))'
is "$(js 'const canvas = document.querySelector("[data-picture=\"1.0\"]");
	const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data, end = scales.light.attention.bytes.slice(-3);
	let largest = 0, above = 0;
	for (let y = 0; y < canvas.height; y++) for (let x = 0; x < canvas.width; x++) {
		const at = 4 * (y * canvas.width + x);
		if (x > y) above += data[at + 3] > 0;
		else largest += end.every((c, i) => data[at + i] === c);
	}
	return [above, largest >= canvas.height]')" "[0,true]" "a picture has each row's largest number, and nothing above the diagonal"

# ---- the matrix ----

show plain.html "token=$before&heads=1.0"
where=$(js 'const cell = cellSize(); return [Math.round(matrix.margin + cell * 50.5), Math.round(matrix.margin + cell * 90.5)]')
point '#matrix' "$(jq -r '.[0] + 1' <<<"$where")" "$(jq -r '.[1] + 1' <<<"$where")"
reads 90 50
near "$(readout value)" "$(dumped 0 90 50 1.0)" "the place that is pointed at is read out"
press z ArrowDown ArrowLeft
is "$(readout row) $(readout column)" "91 49" "arrows move through the matrix"
near "$(readout value)" "$(dumped 0 91 49 1.0)" "and read out"
press + + +
is "$(js 'return cellSize() > 2 * fitCell() && document.getElementById("matrix").scrollTop > 0')" true "+ makes it larger, where the place is"
press ArrowRight
near "$(readout value)" "$(dumped 0 91 50 1.0)" "and the arrows go on"
press 0
is "$(js 'return cellSize() === fitCell()')" true "0 shows all of it"
press z
is "$(js 'return document.activeElement.dataset.token')" 91 "z goes back to the text"

# ---- probabilities, scores ----

show rich.html
ok $? "a page with all there is"
best=$(awk -F '\t' '$3 == "all" && $4 == "next" && $5 > best { best = $5; head = $1 "." $2 } END { print head }' spans)
is "$(readout heads)" "$best" "it begins with the head that looks answers up"
is "$(js 'return document.querySelector(arguments[0]).innerText' "button[data-head=\"$best\"]")" \
	"$(awk -F '\t' -v head="$best" '$1 "." $2 == head && $3 == "all" && $4 == "next" { printf "%.2f", $5 }' spans)" "whose score stands below it"
is "$(js 'return [...document.querySelectorAll("#scores table:first-of-type tbody tr:first-child td")].slice(1).map(c => c.innerText).join()')" \
	"$(awk -F '\t' -v head="$best" '$1 "." $2 == head { printf "%.3f,%.3f,%.3f,%.3f", $3, $4, $5, $6 }' scores)" "with head-score's scores"
is "$(text '#verdict')" "✓ answer: 12 of 12 tokens are the likeliest" "the answer is right"
click "$(token $((answer + 2)))"
small='function shown(p) { return p > 0 && p < .0005 ? "<0.001" : sprintf("%.3f", p) }'
topk-dump scored | awk -F '\t' -v at=$((answer + 2)) "$small"'
	$1 == 0 && $3 == at { for (i = 0; i < 3; i++) print shown($(10 + 2 * i)) " " $(9 + 2 * i) }' |
	sed 's/\\s/·/; s/\\n/↵/' >want
js 'return [...document.querySelector("#steps table").rows].slice(0, 3).map(r => r.cells[0].innerText + " " + r.cells[2].innerText).join("\n")' |
	cmp -s - want
ok $? "a token's candidates"
is "$(grep -c '<0.001' want)" 2 "of which small ones are not shown as nothing"
topk-dump --lens scored | awk -F '\t' -v at=$((answer + 2)) "$small"' $1 == 0 && $3 == at { print $9 " " shown($6) }' >want
js 'return [...document.querySelectorAll("#steps div:first-child table")[1].rows].map(r => r.cells[0].innerText + " " + r.cells[1].innerText).join("\n")' |
	cmp -s - want
ok $? "its probability after each layer"
press c
is "$(js 'return [...document.querySelectorAll("#text [data-token]")].filter(t => t.style.backgroundColor).length')" \
	"$(mpcat --json scored | jq -r 'select(.id == 0) | .steps | length')" "each token that has a probability has its colour"
is "$(text '#text-legend' | tr '\n' ' ' | sed 's/ *$//')" "probability 1 0" "and the legend says so"
screenshot attn-page

gpt-sample --quiet --from answer --greedy "$model" book >written
mpcat --json written | jq -c 'if .id == 1 then .text |= sub("[0-9](?=[^0-9]*$)"; "x") | .steps = [] else . end' |
	"$tools/mkstream" generations "$(mpcat --header written | jq -c 'del(.memoscope, .stream, .chain)')" >wrong
attn-page --quiet --generations wrong whole >wrong.html
show wrong.html
is "$(text '#verdict')" "✓ right: $(recall-score --each written | awk -F '\t' '$1 == 0 { print $8 }')" "what a model wrote is right"
show wrong.html record=1
is "$(text '#verdict' | sed 's/: .*//') $(js 'return document.getElementById("verdict").className')" "✗ wrong wrong" "or wrong"

# ---- what is missing, and what is hostile ----

attn-dump --quiet --rows answer --layer 1 --head 0-1 "$model" book | attn-page --quiet >some.html
show some.html
is "$(text '#heads-note')" "The data has 2 of the model's 8 heads." "heads that are not there are told"
point "$(token 3)"
wait_for 'return document.getElementById("readout").dataset.row === "3"'
is "$(readout value) $(text '#readout p' | grep -c 'no row here')" " 1" "and rows"

show plain.html
alone=$(js 'for (const head of text.heads.values())
		for (let i = 0; i < text.length; i++)
			if (text.rowCount > i && ![...Array(text.rowCount - i).keys()].some(k => head.value(i + k, i)))
				return `heads=${head.layer}.${head.head}&token=${i}&direction=by`')
show plain.html "$alone"
is "$(text '#readout p' | grep -c 'nothing attends to it') $(text '#targets')" "1 " "a token that nothing attends to, and no list of what does"

header='{"vocab":"ab","bin":{"probs":"f32"},"model":{"directory":"</script><b>","layers":1,"heads":1}}'
{
	printf '%s' '{"id":0,"sample":0,"layer":0,"head":0,"text":"</script><b>x</b>\"'\''&<!--\u2028\u202e\u200f\u001b\u0000\u05d0\u05d1{{data}}",'
	printf '%s\n' '"spans":[[0,4,"name",0,0]],"rows":[0],"probs":[{"!hex":"c500040000803f"}]}'
	echo '{"id":1,"sample":0,"layer":0,"head":0,"text":"none","spans":[],"rows":[],"probs":[]}'
	echo '{"id":2,"sample":0,"layer":0,"head":0,"text":"","spans":[],"rows":[],"probs":[]}'
} | "$tools/mkstream" attention "$header" >hostile
attn-page --quiet --title '</title><script>document.title=1</script>' hostile >hostile.html
show hostile.html
is "$(js 'return document.querySelectorAll("#text b, #model b, h1 *").length')" 0 "a text makes no elements"
is "$(js 'return document.getElementById("text").textContent')" "</script><b>x</b>\"'&<!--\\u2028\\u202e\\u200f\\x1b\\x00אב{{data}}" "it is shown, and escaped"
is "$(text h1)" "</title><script>document.title=1</script>" "a title, too"
is "$(js 'const context = document.createElement("canvas").getContext("2d");
	context.font = "13px ui-monospace, \"DejaVu Sans Mono\", monospace";
	return Math.max(...text.pieces.map(p => context.measureText(pieceString(p)).width)) <= matrix.margin - 7')" true "an escape has room beside the matrix"
is "$(js 'const box = i => document.querySelector(`[data-token="${i}"]`).getBoundingClientRect().left;
	return box(28) < box(29) || [28, 29].map(i => document.querySelector(`[data-token="${i}"]`).textContent)')" true "letters from right to left keep their places"
press n
wait_for 'return document.getElementById("record").selectedIndex === 1'
is "$(text '#heads-note') $(js 'return document.getElementById("matrix-panel").hidden')" "The data has no rows of this text. true" "a text without attention"
press n
wait_for 'return document.getElementById("record").selectedIndex === 2'
is "$(text '#readout')" "This text has no tokens." "an empty text"
press ArrowLeft Enter r n b
wait_for 'return document.getElementById("record").selectedIndex === 1'
ok $? "is left by a key"

head -c 100000 <(yes 'a line of text' | tr '\n' ' ') >long
printf '{"id":0,"sample":0,"layer":0,"head":0,"text":"%s","spans":[],"rows":[0],"probs":[{"!hex":"c500040000803f"}]}\n' "$(tr ' ' '_' <long)" |
	"$tools/mkstream" attention "$header" | attn-page --quiet >long.html
show long.html
is "$(js 'return document.querySelectorAll("#text [data-token]").length')" 100000 "100,000 tokens"
press End
is "$(readout row)" 99999 "to the end of them"

sed '/<script>/,$d' plain.html >cut.html
open_page "$TMP/cut.html"
is "$(text '#status' | grep -c 'not whole')" 1 "a page that was cut off says so"

# ---- inside another page, which has the address ----

echo '<!DOCTYPE html><meta charset=utf-8><iframe></iframe>' >outer.html
open_page "$TMP/outer.html"
js 'document.querySelector("iframe").srcdoc = arguments[0]' "$(cat some.html)" >ignored
in_frame iframe
wait_for 'return document.documentElement.dataset.ready === "1"'
js 'document.querySelector("button[data-head=\"1.1\"]").click();
	return new Promise(done => setTimeout(done, 400))' >ignored
is "$(readout heads)" 1.1 "the page works inside another one"
in_page

# ---- how it looks ----

show rich.html
bright=$(js 'return getComputedStyle(document.body).backgroundColor')
colors dark
wait_for 'return getComputedStyle(document.body).backgroundColor !== arguments[0]' "$bright"
is "$(js 'return document.querySelector(".t.current ~ .t, #text [style]") !== null && painted.filter(p => p !== -1).every(p => p.includes("dark"))')" true "dark colours are those of the dark scale"
is "$(js 'const contrast = (a, b) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
	return Object.values(scales).flatMap(Object.values).every(scale => scale.ink.every((ink, i) =>
		contrast(luminance([...scale.bytes.slice(3 * i, 3 * i + 3)]), ink === "#000000" ? 0 : 1) >= 4.5))')" true \
	"tokens stand out from every colour, by WCAG 2"
colors light
phone
show rich.html
is "$(js 'return document.documentElement.scrollWidth <= innerWidth')" true "nothing is wider than a phone"
desktop
is "$(js 'const seen = [...document.querySelectorAll("button, select, [role=listbox], [role=group], [role=application]")];
	return seen.filter(e => !(e.getAttribute("aria-label") || e.innerText.trim() || e.getAttribute("aria-labelledby") || e.labels?.length)).map(e => e.outerHTML.slice(0, 60))')" \
	"[]" "whatever can be used has a name"
show rich.html
[ "$(print_page attn-page)" -le 3 ]
ok $? "on paper it has three pages at most"
behaves "no page complained, and nothing left any page"

done_testing
