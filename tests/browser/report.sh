#!/bin/bash
# report.sh - report.html in a browser: pictures are shown, tables sort by a click and by keys, the attention page in it
# works, it can be read on a phone and on paper, and it asks for nothing.
# shellcheck source=tests/browser/lib.sh
. "$(dirname "$0")/lib.sh"
start_browser

mkdir -p "$TMP/clone" "$TMP/it's out"
cp -r "$ROOT/pipelines" "$TMP/clone"
cat >"$TMP/clone/pipelines/some" <<'END_OF_PIPELINE'
. "$(dirname "$0")/lib.sh"
results
fresh
cp pipelines/heads.png "$OUT/heads.png"
cp pipelines/sizes.png "$OUT/sizes.png"
report
END_OF_PIPELINE
cat >"$TMP/clone/pipelines/some.report.md" <<'END_OF_REPORT'
# Heads <script>document.title = "hostile"</script>

> the words of a claim

**Verdict: yes**

![each head](heads.png)

| model | right | loss | head | |
| --- | --- | --- | --- | --- |
| early | 99.6% (99.0% to 99.8%) | 1.2 (0.9 to 1.5) | 2.10 | Ottawa |
| half | 9.5% (2.0% to 12.0%) | -3 | 10.1 | 8 |
| trained | - | 1e-3 | 2.9 | |
| Untrained | 12% | .5 (0.1 to 0.7) | 0.1 | <b>bold</b> |
| 10 | 100.0% of 20 | −20 | 2.1 | 12 |

A table of one row, and a wide one:

| one | row |
| --- | --- |
| a | b |

| with the fact, right in the first case | with the fact, right in the second case | without the fact, right in the first case | without the fact, right in the second case |
| --- | --- | --- | --- |
| 99.6% (99.0% to 99.8%) | 99.6% (99.0% to 99.8%) | 99.6% (99.0% to 99.8%) | 99.6% (99.0% to 99.8%) |
| 1.6% (1.0% to 99.8%) | 99.6% (99.0% to 99.8%) | 99.6% (99.0% to 99.8%) | 99.6% (99.0% to 99.8%) |

- [layer 0 head 0](sizes.png)

How it was done:

END_OF_REPORT
printf '    phonegen --names %0200d | tokenize\n\n%0200d\n' 0 0 >>"$TMP/clone/pipelines/some.report.md"
OUT="$TMP/it's out" bash "$TMP/clone/pipelines/some" >"$TMP/log" 2>&1
ok $? "a report is made"
open_page "$TMP/it's out/report.html"

# ---- what is shown ----

is "$(js 'return document.title')" 'Heads <script>document.title = "hostile"</script>' "the title, in which HTML is text"
is "$(text h1)" 'Heads <script>document.title = "hostile"</script>' "and the heading"
is "$(js 'return [...document.images].map(i => i.alt + " " + i.complete + " " + i.naturalWidth + " " + i.naturalHeight).join()')" \
	"each head true $(png_size "$ROOT/pipelines/heads.png"),layer 0 head 0 true $(png_size "$ROOT/pipelines/sizes.png")" "pictures"
is "$(js 'return document.querySelector("details img").checkVisibility()')" false "one of a link is folded"
click summary
is "$(js 'return document.querySelector("details img").checkVisibility()')" true "and unfolds by a click"
js 'document.activeElement.blur(); scrollTo(0, 0)' >"$TMP/ignored"

# ---- tables sort ----

# rows [COLUMN]: the cells of a column of the first table, from above
rows() {
	js 'return [...document.querySelector("table").tBodies[0].rows].map(r => r.cells[arguments[0]].innerText).join("; ")' "${1:-0}"
}
# sorted: "COLUMN ORDER" of each column that says it is sorted
sorted() {
	js 'return [...document.querySelectorAll("th[aria-sort]")].map(h => h.cellIndex + " " + h.getAttribute("aria-sort")).join()'
}
# button COLUMN: of the first table
button() {
	echo "th:nth-child($1) button"
}
written='early; half; trained; Untrained; 10'
is "$(rows), $(sorted)" "$written, " "a table as it was written"
click "$(button 2)"
is "$(rows), $(sorted)" "half; Untrained; early; 10; trained, 1 ascending" "shares are sorted as numbers, and what is missing stands last"
click "$(button 2)"
is "$(rows), $(sorted)" "10; early; Untrained; half; trained, 1 descending" "the other way round by another click"
click "$(button 2)"
is "$(rows), $(sorted)" "$written, " "as it was written by a third"
click 'th:nth-child(3)' 2 2
is "$(rows 2)" "−20; -3; 1e-3; .5 (0.1 to 0.7); 1.2 (0.9 to 1.5)" "by a click beside the words of a head, too: numbers below zero, powers of ten, intervals"
click "$(button 4)"
is "$(rows 3), $(sorted)" "0.1; 2.1; 2.9; 2.10; 10.1, 3 ascending" "heads by layer and place"
click "$(button 5)"
is "$(rows 4)" "8; 12; <b>bold</b>; Ottawa; " "numbers before words"
click "$(button 1)"
is "$(rows), $(sorted)" "10; early; half; trained; Untrained, 0 ascending" "words, whatever their case"
click "$(button 1)"
is "$(rows)" "Untrained; trained; half; early; 10" "and the other way round"
is "$(js 'return document.querySelectorAll("table")[1].querySelectorAll("button").length')" 0 "a table of one row has nothing to sort"
is "$(js 'return [...document.querySelectorAll("table")[0].querySelectorAll("th button")].map(b => b.ariaLabel || b.innerText).join()')" \
	"model,right,loss,head,column 5" "each button has a name"

open_page "$TMP/it's out/report.html"
press Tab Tab Tab Enter
is "$(rows), $(sorted)" "half; Untrained; early; 10; trained, 1 ascending" "by keys: Tab and Enter"
press Space
is "$(rows), $(sorted)" "10; early; Untrained; half; trained, 1 descending" "and Space: the head keeps the focus"
is "$(js 'return document.activeElement.innerText')" right "which is seen"
is "$(devtools Accessibility.getFullAXTree | jq -r '[.nodes[] | select(.role.value == "columnheader") | .name.value] | .[:4] | join(",")')" \
	"model,right,loss,head" "a screen reader reads the heads of columns"

# ---- the attention page in it ----

text='a "b" </script> & <i>c</i>'
"$BUILD/tests/tools/mkmodel" "$TMP/model" "$(fold -w 1 <<<"$text" | sort -u | tr -d '\n')" 2 3 12 64 1 6
jq -nc --arg text "$text" '{id: 4, text: $text, spans: [[2, 5, "name", 0, 0]]}' | "$BUILD/tests/tools/mkstream" text '{}' >"$TMP/record"
cat >"$TMP/clone/pipelines/paged" <<'END_OF_PIPELINE'
. "$(dirname "$0")/lib.sh"
results
fresh
attention_page "$MODEL" "$RECORD" --title 'Heads & "heads"'
report
END_OF_PIPELINE
printf '%s\n' '# Report' '' '| a | b |' '| --- | --- |' '| 2 | 3 |' '| 1 | 4 |' '' '[What each head "sees"](attention.html)' '' 'after' \
	>"$TMP/clone/pipelines/paged.report.md"
OUT="$TMP/paged" MODEL=$TMP/model RECORD=$TMP/record bash "$TMP/clone/pipelines/paged" >"$TMP/log" 2>&1
ok $? "a report with an attention page is made"
rm "$TMP/paged/attention.html"
open_page "$TMP/paged/report.html"
is "$(js 'return scrollY + " " + document.querySelector("iframe").title')" '0 What each head "sees"' "the page is in a frame with a name"
js 'document.querySelector("iframe").scrollIntoView()' >"$TMP/ignored"
in_frame iframe
wait_for 'return document.querySelector("main") && !document.querySelector("main").hidden'
ok $? "it is shown, though the file that it was made of is gone"
is "$(text h1)" 'Heads & "heads"' "it is the page"
is "$(js 'return [...document.querySelectorAll("#heads canvas")].length')" 6 "with a picture of each head"
is "$(js 'return document.querySelector("#text").textContent.includes("</script>")')" true "whatever text it has"
before=$(js 'return location.hash')
click '#heads canvas'
press Home ArrowRight
wait_for 'return location.hash !== arguments[0]' "$before"
ok $? "it takes clicks and keys, and its view has an address"
in_page
click "$(button 1)"
is "$(rows)" "1; 2" "the script of the report works beside it"
click a
webdriver GET /window/handles
webdriver POST /window "$(jq -c '{handle: .value[-1]}' "$browser/answer")"
wait_for 'return document.querySelector("main") && !document.querySelector("main").hidden'
is "$(text h1)" 'Heads & "heads"' "the link opens it in a tab of its own"
webdriver DELETE /window
webdriver POST /window "$(jq -c '{handle: .value[0]}' "$browser/answer")"
print_page paged >"$TMP/ignored"
behaves "it asks for nothing, either"
open_page "$TMP/it's out/report.html"
click "$(button 1)"

# ---- how it is shown ----

# fits: does the page have its width, so that only tables scroll?
fits() {
	js 'return document.documentElement.scrollWidth <= innerWidth'
}
# contrast: the least contrast between text and what lies behind it, by WCAG 2, over some kinds of text
contrast() {
	js '
		const lights = c => c.match(/[\d.]+/g).slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		const light = c => { const [r, g, b] = lights(c); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
		const behind = e => { const c = getComputedStyle(e).backgroundColor; return /, 0\)/.test(c) ? behind(e.parentElement) : c; };
		return Math.min(...["h1", "p", "blockquote p", "p strong", "td", "th", "th[aria-sort] button", "pre", "summary"].map(s => {
			const e = document.querySelector(s), a = light(getComputedStyle(e).color), b = light(behind(e));
			return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); })) >= 4.5'
}
is "$(fits) $(contrast)" "true true" "at a desk: no line is too wide, and text stands out"
screenshot report-light
colors dark
is "$(js 'const light = getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).map(Number); return light[0] < 64')" \
	true "dark where the user wants it"
is "$(contrast)" true "and text stands out"
screenshot report-dark
colors light
phone
open_page "$TMP/it's out/report.html"
is "$(fits)" true "on a phone no line is too wide"
is "$(js 'const t = document.querySelectorAll(".table")[2]; return t.scrollWidth > t.clientWidth && t.clientWidth < innerWidth')" true \
	"a table that is wider scrolls by itself"
is "$(js 'const i = document.images[0]; return i.getBoundingClientRect().right <= innerWidth')" true "a picture is as wide as the phone"
whole_screenshot report-phone
desktop
pages=$(print_page report)
[ "$pages" -ge 1 ] && [ "$pages" -le 3 ]
ok $? "it prints on few pages"
behaves "no complaint, and nothing is asked for"

# ---- its policy ----

# adds HTML: the report with this in its text, as if it had not been escaped
adds() {
	awk -v html="$1" '{ print } /^<main>/ { print html }' "$TMP/it's out/report.html" >"$TMP/changed.html"
	open_page "$TMP/changed.html"
}
adds '<script>document.title = "hostile"</script><p style="color: red" id=red>red</p><img src="data:," onerror="document.title = 1">'
is "$(js 'return document.title.slice(0, 5) + getComputedStyle(red).color')" "Heads$(js 'return getComputedStyle(document.body).color')" \
	"no other script runs, and no other style counts"
(behaves "") >"$TMP/log"
is "$(grep -c 'Content Security Policy' "$TMP/log")" 3 "the browser says so, each time"
done_testing
