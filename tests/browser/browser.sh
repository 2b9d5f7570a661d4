#!/bin/bash
# browser.sh - the browser of tests/browser/lib.sh: it does what tests tell it, notices a page that misbehaves, and
# ends with the test.
# shellcheck source=tests/browser/lib.sh disable=SC2016 # tests run what stands in single quotes
. "$(dirname "$0")/lib.sh"
start_browser

# page NAME [POLICY]: $TMP/NAME is a page with this body, from stdin, and this Content-Security-Policy
page() {
	{
		printf '<!DOCTYPE html><html lang=en><meta charset=utf-8><title>%s</title>\n' "$1"
		printf '<meta name=viewport content="width=device-width">\n'
		[ -z "${2:-}" ] || printf '<meta http-equiv=Content-Security-Policy content="%s">\n' "$2"
		cat
	} >"$TMP/$1"
}

# ---- it does what tests tell it ----

page "it's 100% #1.html" <<'END_OF_PAGE'
<style>@media (prefers-color-scheme: dark) { h1::after { content: "dark" } } @media print { p { break-before: page } }</style>
<h1>Spans &amp; <b>heads</b></h1>
<img alt='' src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==">
<div style="height: 3000px"></div>
<p id=target tabindex=0>here</p><input id=field>
<script>
	const seen = [];
	target.onpointermove = e => seen.push("over " + Math.round(e.offsetX) + "," + Math.round(e.offsetY));
	target.onclick = () => seen.push("click");
	document.onkeydown = e => seen.push((e.shiftKey ? "Shift+" : "") + e.key);
	setTimeout(() => { document.body.dataset.late = "yes"; }, 200);
</script>
END_OF_PAGE
open_page "$TMP/it's 100% #1.html" part=2
is "$(js 'return location.hash')" "#part=2" "a file of any name opens, at a fragment"
is "$(text h1)" "Spans & heads" "text of an element"
is "$(js 'return [arguments.length, arguments[0], arguments[1], null, {a: 0.5}]' '"a b"' '-x')" \
	'[2,"\"a b\"","-x",null,{"a":0.5}]' "a script has arguments, and returns JSON"
is "$(js 'return new Promise(done => setTimeout(() => done("later"), 50))')" later "a promise is waited for"
wait_for 'return document.body.dataset.late === arguments[0]' yes
ok $? "what comes late is waited for"
point '#target' 7 5
is "$(js 'return seen.splice(0).join()')" "over 7,5" "the pointer is where a test moves it, far down the page"
click '#target'
press Tab a + Shift+Tab ArrowDown Escape
is "$(js 'return seen.splice(0).filter(s => !s.startsWith("over")).join(" ")')" \
	"click Tab a Shift++ Shift+Shift Shift+Tab ArrowDown Escape" "clicks and keys arrive"
is "$(js 'return field.value')" "a+" "keys go where the focus is"
colors dark
is "$(js 'return getComputedStyle(document.querySelector("h1"), "::after").content')" '"dark"' "dark colours"
colors light
is "$(js 'return getComputedStyle(document.querySelector("h1"), "::after").content')" 'none' "light colours"
phone
is "$(js 'return innerWidth')" 390 "the width of a phone"
desktop
is "$(js 'return innerWidth > 1000')" true "the width of a desk"
is "$(print_page harness)" 4 "pages on paper"
is "$(head -c 5 "$BUILD/browser/harness.pdf")" "%PDF-" "a PDF"
screenshot harness
is "$(png_size "$BUILD/browser/harness.png" | cut -d ' ' -f 1)" 1280 "a picture of the window"
whole_screenshot harness
[ "$(png_size "$BUILD/browser/harness.png" | cut -d ' ' -f 2)" -gt 3000 ]
ok $? "a picture of the whole page"
page framed.html <<'END_OF_PAGE'
<h1>outside</h1><iframe srcdoc="<h1>inside</h1>"></iframe>
END_OF_PAGE
open_page "$TMP/framed.html"
in_frame iframe
is "$(text h1)" inside "a page inside a page"
in_page
is "$(text h1)" outside "and back"
behaves "pages that keep to themselves"

# error PATTERN NAME COMMAND...: it fails, with one line on stderr
error() {
	local pattern=$1 name=$2
	shift 2
	! "$@" >"$TMP/stdout" 2>"$TMP/stderr" && [ ! -s "$TMP/stdout" ] && [ "$(wc -l <"$TMP/stderr")" -eq 1 ] &&
		grep -q "^# browser: .*$pattern" "$TMP/stderr"
	ok $? "$name"
}
! open_page "$TMP/none.html" 2>"$TMP/stderr"
ok $? "a file that is not there"
error "reading 'innerText'" "an element that is not there" text h7
error "is not defined" "a script that throws" js 'return nothing'
error 'no such element' "a frame that is not there" in_frame '#none'

# ---- it notices a page that misbehaves ----

# caught NAME PATTERN: the page on stdin is opened. behaves fails, and says this.
caught() {
	page bad.html "${POLICY-}"
	webdriver POST /url '{"url": "about:blank"}'
	console >/dev/null
	requests >/dev/null # of the page before
	: >"$browser/console"
	: >"$browser/requests"
	open_page "$TMP/bad.html"
	js 'return new Promise(done => setTimeout(done, 300))' >/dev/null
	(behaves behaves) >"$TMP/log" 2>&1
	grep -q '^not ok .* - behaves' "$TMP/log" && grep -qE "^# .*$2" "$TMP/log"
	ok $? "$1"
	grep -qE "^# .*$2" "$TMP/log" || sed 's/^/# /' "$TMP/log"
}

caught "an exception" 'SEVERE .*not a function' <<<'<script>document.nothing()</script>'
caught "a promise that fails" 'SEVERE .*Uncaught.*lost' <<<'<script>Promise.reject(new Error("lost"))</script>'
caught "console.error" 'SEVERE .*"oh"' <<<'<script>console.error("oh")</script>'
caught "console.warn" 'WARNING .*"hm"' <<<'<script>console.warn("hm")</script>'
caught "a picture from the network" 'http://example.org/a.png' <<<'<img src="http://example.org/a.png">'
caught "another file" '/none.css' <<<'<link rel=stylesheet href=none.css>'
caught "a style from the network" 'https://example.org/a.css' <<<'<style>@import "https://example.org/a.css";</style>'
caught "a script that asks" 'https://example.org/ask' <<<'<script>fetch("https://example.org/ask").catch(() => 0)</script>'
caught "a socket" 'wss://example.org/' <<<'<script>new WebSocket("wss://example.org/")</script>'
caught "a beacon" 'https://example.org/b' <<<'<script>navigator.sendBeacon("https://example.org/b", "x")</script>'
caught "a worker" 'worker blob:' <<<'<script>new Worker(URL.createObjectURL(new Blob(["self.onmessage = () => 0"])))</script>'
caught "a page that leaves" 'http://example.org/away' <<<'<script>location = "http://example.org/away"</script>'
caught "a name that is looked up beforehand" '//example.org' <<<'<link rel=dns-prefetch href="//example.org">'
caught "a picture in a frame" 'http://example.org/f.png' <<'END_OF_PAGE'
<iframe srcdoc='<img src="http://example.org/f.png">'></iframe>
END_OF_PAGE
caught "a picture in a frame of another origin" 'http://example.org/s.png' <<'END_OF_PAGE'
<iframe sandbox srcdoc='<img src="http://example.org/s.png">'></iframe>
END_OF_PAGE
caught "an exception in such a frame" 'SEVERE .*not a function' <<'END_OF_PAGE'
<iframe sandbox=allow-scripts srcdoc='<script>document.nothing()</script>'></iframe>
END_OF_PAGE
POLICY="default-src 'none'"
caught "a script that the policy forbids" 'SEVERE .*Content Security Policy' <<<'<script>document.title = "x"</script>'
caught "a style that the policy forbids" 'SEVERE .*Content Security Policy' <<<'<p style="color: red">red</p>'
caught "a request that the policy stops" 'http://example.org/p.png' <<<'<img src="http://example.org/p.png">'
caught "a style that the policy forbids in a frame" 'SEVERE .*Content Security Policy' <<'END_OF_PAGE'
<iframe srcdoc='<p style="color: red">red</p>'></iframe>
END_OF_PAGE

stop_browser

# ---- it ends with the test ----

# left: the processes of a test in $TMP/own
left() {
	grep -lzsFf "$TMP/own.name" /proc/[0-9]*/cmdline
}
# gone NAME: none is left. Ends of processes are waited for.
gone() {
	local deadline=$((SECONDS + 20))
	while [ -n "$(left)" ] && [ $SECONDS -lt $deadline ]; do
		sleep 0.1
	done
	is "$(left)" "" "$1: no process is left"
}
# begin_test SCRIPT: a test with a browser, in $TMP/own, is at work: $test is its process
begin_test() {
	mkdir "$TMP/own"
	printf '%s\n' "$TMP/own/" >"$TMP/own.name"
	# It does not outlive this test.
	TMPDIR=$TMP/own setpriv --pdeathsig KILL setsid env --default-signal bash -c \
		'. "$1"; start_browser; : >"$2/begun"; '"$1" - "$ROOT/tests/browser/lib.sh" "$TMP" 2>"$TMP/log" &
	test=$!
	until [ -e "$TMP/begun" ] || ! kill -0 $test; do
		sleep 0.05
	done
	rm "$TMP/begun"
}
# ended SIGNAL SCRIPT WHOM NAME: the signal goes to the test, or to its group if WHOM is -
ended() {
	local took
	begin_test "$2"
	[ -n "$(left)" ]
	ok $? "$4: a browser is there"
	: >"$TMP/seen"
	[ -z "$1" ] || kill -s "$1" -- "$3$test"
	took=$SECONDS
	wait $test 2>/dev/null
	[ $((SECONDS - took)) -lt 100 ]
	ok $? "$4: it ends"
	gone "$4"
	[ "$1" = KILL ] || is "$(find "$TMP/own" -mindepth 1)" "" "$4: no file is left"
	rm -rf "$TMP/own" "$TMP/seen"
}
seen='until [ -e "$2/seen" ]; do sleep 0.1; done' # else it could be gone before it is looked at
ended '' "$seen; exit 3" '' "a test that fails"
ended '' "$seen; unset nothing; echo \"\$nothing\"" '' "a test with an error"
ended INT 'sleep 120' - "Ctrl-C"
ended TERM 'sleep 120' '' "a test that is stopped"
ended KILL 'sleep 120' '' "a test that is killed"

mkdir "$TMP/few"
for program in bash dirname mktemp rm cat curl jq; do
	ln -s "$(command -v $program)" "$TMP/few/$program"
done
is "$(PATH=$TMP/few bash -c '. "$1"; start_browser; ok 1 never' - "$ROOT/tests/browser/lib.sh" 2>/dev/null)" \
	"1..0 # SKIP there is no chromium: ./deps.sh chromium chromium-driver curl jq" "without a browser a test is skipped"

done_testing
