# lib.sh - a browser for shell tests: Debian's Chromium without a window, driven by curl over WebDriver.
#
# Sourced in place of tests/lib.sh, which it sources. A test calls start_browser, opens the files that it
# made, and ends with done_testing. The browser has a profile of its own under $TMP, finds no other
# machine, and ends with the test, however that ends. Functions that ask the browser print what it
# answers; if it answers with an error they say so on stderr, print nothing and return 1.
#
#	start_browser
#	open_page "$TMP/page.html"
#	click '#next'
#	press Tab Shift+Tab ArrowDown x
#	is "$(text h1)" 'Second page' 'a click on "next" shows the second page'
#	behaves 'the page is quiet and keeps to itself'
#	screenshot second-page
#	done_testing
# shellcheck shell=bash source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
trap 'stop_browser; rm -rf "$TMP"' EXIT
browser=$TMP/browser # profile, logs and the last answer
driver=''            # process of chromedriver
session=''           # address of its session

# ---- start and end ----

# start_browser: skips the whole test where there is no browser. One that does not start is a failure.
start_browser() {
	local program port='' arguments
	for program in chromium chromedriver curl jq; do
		command -v "$program" >/dev/null && continue
		echo "1..0 # SKIP there is no $program: ./deps.sh chromium chromium-driver curl jq"
		exit 0
	done
	mkdir "$browser"
	printf '%s\n' "$browser/profile" >"$browser/name"
	: >"$browser/console"
	: >"$browser/requests"
	: >"$browser/pages"
	# Without this test the driver ends, and without its driver the browser, because they talk by a pipe.
	HOME=$browser XDG_CONFIG_HOME=$browser XDG_CACHE_HOME=$browser TMPDIR=$browser setpriv --pdeathsig TERM \
		chromedriver --port=0 >"$browser/driver.log" 2>&1 </dev/null &
	driver=$!
	while [ -z "$port" ] && kill -0 "$driver" 2>/dev/null; do
		sleep 0.05
		port=$(sed -n 's/.*started successfully on port \([0-9]*\).*/\1/p' "$browser/driver.log")
	done
	# A root user, as in a container, has no sandbox there.
	arguments=$(jq -nc --arg profile "$browser/profile" --arg root "$(id -u)" '["--headless=new", "--remote-debugging-pipe",
		"--user-data-dir=" + $profile, "--window-size=1280,900", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage", "--disable-gpu",
		"--mute-audio", "--lang=en-US", "--force-color-profile=srgb", "--no-proxy-server", "--disable-features=IsolateSandboxedIframes",
		"--host-resolver-rules=MAP * ~NOTFOUND",
		if $root == "0" then "--no-sandbox" else empty end]')
	session=http://127.0.0.1:$port/session
	if [ -n "$port" ] && webdriver POST '' "$(jq -nc --argjson arguments "$arguments" --arg chromium "$(command -v chromium)" \
		'{capabilities: {alwaysMatch: {browserName: "chrome", unhandledPromptBehavior: "ignore",
		"goog:loggingPrefs": {browser: "ALL", performance: "ALL"},
		"goog:chromeOptions": {binary: $chromium, args: $arguments,
			prefs: {session: {restore_on_startup: 4, startup_urls: ["about:blank"]}}}}}}')"; then
		session+=/$(jq -r .value.sessionId "$browser/answer")
		return
	fi
	session=''
	ok 1 "a browser starts"
	sed 's/^/# /' "$browser/driver.log"
	done_testing
	exit 1
}

# stop_browser: nothing of it is left then
stop_browser() {
	local left=() round
	[ -n "$driver" ] || return 0
	[ -z "$session" ] || curl -qs --noproxy '*' --max-time 20 -X DELETE "$session" >/dev/null 2>&1
	kill "$driver" 2>/dev/null
	wait "$driver" 2>/dev/null
	driver='' session=''
	# Processes of the browser write into the profile until they end, which they are given ten seconds for.
	for ((round = 0; round < 200; round++)); do
		mapfile -t left < <(grep -lzsFf "$browser/name" /proc/[0-9]*/cmdline | cut -d / -f 3)
		[ ${#left[@]} -gt 0 ] || break
		sleep 0.05
	done
	[ ${#left[@]} -eq 0 ] || kill -KILL "${left[@]}" 2>/dev/null
}

# ---- the driver ----

# webdriver METHOD PATH [JSON]: a command to the driver. Its answer is in $browser/answer.
webdriver() {
	local code
	code=$(curl -qsS --noproxy '*' --max-time 300 -X "$1" -H 'Content-Type: application/json' -o "$browser/answer" \
		-w '%{http_code}' ${3:+--data-binary @-} "$session$2" <<<"${3:-}") || return
	[ "$code" -eq 200 ] && return
	echo "# browser: $1 $2: $(jq -r '.value.message // .' "$browser/answer" | head -n 1)" >&2
	return 1
}

# answer [FILTER]: of what the driver answered: a string as it is, anything else as JSON
answer() {
	jq -rc "${1:-.value}" "$browser/answer"
}

# devtools METHOD [JSON]: a command of the DevTools protocol, for what WebDriver has no command for
devtools() {
	webdriver POST /goog/cdp/execute "$(jq -nc --arg cmd "$1" --argjson params "${2:-{\}}" '{$cmd, $params}')" && answer
}

# ---- pages ----

# open_page FILE [FRAGMENT]: opens a file anew, at #FRAGMENT
open_page() {
	local file page
	file=$(realpath -e -- "$1") || return
	page=file://$(jq -rn --arg file "$file" '$file | split("/") | map(@uri) | join("/")')
	printf '%s\n' "$page" >>"$browser/pages"
	webdriver POST /url '{"url": "about:blank"}' &&
		webdriver POST /url "$(jq -nc --arg url "$page${2:+#$2}" '{$url}')"
}

# js SCRIPT [ARGUMENT...]: what a function of this body returns; `arguments` are strings. Promises are waited for.
js() {
	local script=$1
	shift
	webdriver POST /execute/sync "$(jq -nc --arg script "$script" '{$script, args: $ARGS.positional}' --args -- "$@")" &&
		answer
}

# text SELECTOR: the text of the first such element, as a person sees it
text() {
	js 'return document.querySelector(arguments[0]).innerText' "$1"
}

# wait_for SCRIPT [ARGUMENT...]: until the script returns what is true. Gives up after half a minute.
wait_for() {
	local deadline=$((SECONDS + 30)) value
	until value=$(js "$@") && [[ ! $value =~ ^(false|null|0|)$ ]]; do
		if [ $SECONDS -ge $deadline ]; then
			echo "# browser: waited in vain for: $1" >&2
			return 1
		fi
		sleep 0.05
	done
}

# in_frame SELECTOR: what follows is about the page in this iframe, until in_page
in_frame() {
	webdriver POST /element "$(jq -nc --arg value "$1" '{using: "css selector", $value}')" &&
		webdriver POST /frame "$(jq -c '{id: .value}' "$browser/answer")"
}

in_page() {
	webdriver POST /frame '{"id": null}'
}

# ---- pointer and keys ----

# place SELECTOR [X Y]: where the element is on the screen, after it was scrolled there: its middle, or X and Y
# pixels from its upper left corner
place() {
	js 'const element = document.querySelector(arguments[0]);
		element.scrollIntoView({block: "nearest", inline: "nearest", behavior: "instant"});
		const box = element.getBoundingClientRect();
		return {x: Math.round(box.left + Number(arguments[1] ?? box.width / 2)),
			y: Math.round(box.top + Number(arguments[2] ?? box.height / 2))}' "$@"
}

# pointer PLACE [ACTION...]: moves there, and does these
pointer() {
	local place=$1
	shift
	webdriver POST /actions "$(jq -nc --argjson place "$place" '{actions: [{type: "pointer", id: "mouse",
		parameters: {pointerType: "mouse"}, actions: ([{type: "pointerMove", duration: 0, origin: "viewport"} + $place] +
		($ARGS.positional | map({type: ., button: 0})))}]}' --args -- "$@")"
}

# point SELECTOR [X Y]: moves the pointer there
point() {
	local place
	place=$(place "$@") && pointer "$place"
}

# click SELECTOR [X Y]
click() {
	local place
	place=$(place "$@") && pointer "$place" pointerDown pointerUp
}

# press KEY...: keys by the names that a page sees: a, Enter, ArrowLeft. Shift+Tab is two at once.
press() {
	webdriver POST /actions "$(jq -nc '
		{Backspace: 3, Tab: 4, Enter: 7, Shift: 8, Control: 9, Alt: 10, Escape: 12, Space: 13, PageUp: 14, PageDown: 15, End: 16,
			Home: 17, ArrowLeft: 18, ArrowUp: 19, ArrowRight: 20, ArrowDown: 21, Delete: 23} as $code |
		def value: if . == "" then "+" elif $code[.] then [57344 + $code[.]] | implode
			elif length == 1 then . else error("no key is called " + .) end;
		{actions: [{type: "key", id: "keyboard", actions: [$ARGS.positional[] |
			(if . == "+" then [.] else split("+") end) | map(value) |
			(map({type: "keyDown", value: .}) + (reverse | map({type: "keyUp", value: .})))[]]}]}' --args -- "$@")"
}

# ---- how it is shown ----

# colors dark, colors light: what the user's system prefers
colors() {
	devtools Emulation.setEmulatedMedia "$(jq -nc --arg value "$1" '{features: [{name: "prefers-color-scheme", $value}]}')" \
		>"$browser/ignored"
}

# phone: a screen of 390 by 844 pixels; desktop: the window of 1280 by 900 again
phone() {
	devtools Emulation.setDeviceMetricsOverride '{"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true}' \
		>"$browser/ignored"
}

desktop() {
	devtools Emulation.clearDeviceMetricsOverride >"$browser/ignored"
}

# screenshot NAME: $BUILD/browser/NAME.png is what the window shows. For people: no test looks at it.
screenshot() {
	mkdir -p "$BUILD/browser"
	webdriver GET /screenshot && answer | base64 -d >"$BUILD/browser/$1.png"
}

# whole_screenshot NAME: the same of the whole page, as long as it is
whole_screenshot() {
	mkdir -p "$BUILD/browser"
	devtools Page.captureScreenshot '{"captureBeyondViewport": true}' >"$browser/ignored" &&
		answer .value.data | base64 -d >"$BUILD/browser/$1.png"
}

# print_page NAME: $BUILD/browser/NAME.pdf, on A4. Prints how many pages it has.
print_page() {
	mkdir -p "$BUILD/browser"
	webdriver POST /print '{"page": {"width": 21, "height": 29.7}}' && answer | base64 -d >"$BUILD/browser/$1.pdf" &&
		grep -ac '/Type */Page\>' "$BUILD/browser/$1.pdf"
}

# ---- what it did ----

# console: what the page complained of, from the start of the browser: "LEVEL message", also of exceptions
# and of what its Content-Security-Policy forbids
console() {
	webdriver POST /se/log '{"type": "browser"}' && answer '.value[] | .level + " " + .message' >>"$browser/console" &&
		cat "$browser/console"
}

# requests: the addresses that pages asked for, from the start of the browser, also those that were not
# let through. Long ones are cut.
requests() {
	webdriver POST /se/log '{"type": "performance"}' && answer '.value[].message | fromjson.message |
		select(.method == ("Network.requestWillBeSent", "Network.webSocketCreated", "Network.webTransportCreated")) |
		(.params.request.url // .params.url)[:200]' >>"$browser/requests" && cat "$browser/requests"
}

# behaves NAME: passes if no page that was opened complained, and none asked for anything but itself
# and what it holds. Links by which a browser gets ready to ask make no request, and count too. So do workers,
# because nobody hears of their requests.
behaves() {
	local faults
	faults=$({
		console | grep -vE '^(INFO|DEBUG) '
		requests | grep -vE '^(data:|blob:|about:(blank|srcdoc)$)' | sed 's/#.*//' | grep -vxFf "$browser/pages"
		js 'return [...document.querySelectorAll("link[href]")].map(l => l.getAttribute("href")).join("\n")' |
			grep -vE '^(data:.*|)$'
		devtools Target.getTargets | jq -r '.targetInfos[] | select(.type | test("worker")) | "\(.type) \(.url)"'
	} 2>&1)
	[ -z "$faults" ]
	ok $? "$1"
	[ -z "$faults" ] || printf '%s\n' "$faults" | sed 's/^/# /'
}
