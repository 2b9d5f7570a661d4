#!/bin/bash
# man.sh - run the examples of the manual pages.
#
# In a literal block a line that begins "$ " is a command (going on in the next
# line after a backslash or a pipe), and the lines up to the next one are the
# whole of its stdout, or the beginning where a line "..." follows. After a comment
# '.\" rounded' the block's numbers that have a point may differ by a thousandth of
# themselves, or by a millionth: processors add up in another order. Everything else
# is the same to the character, and so are the numbers of blocks without the comment.
# A block after '.\" file NAME' is that file. After '.\" fewer steps' gpt-train takes two steps, so
# of each line only the first word is compared.
# The commands of a page run one after another in a folder with a link testdata: to what make
# installs in share/memoscope.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1

# examples PAGE FOLDER: FOLDER/N.command and FOLDER/N.want for the Nth example, and FOLDER.cwd/NAME
# for each file
examples() {
	awk -v folder="$2" '
	# Text as it is printed: mdoc writes \e for a backslash, \& for nothing …
	function plain(line,    out, i, two, four) {
		out = ""
		for (i = 1; i <= length(line); i++) {
			if (substr(line, i, 1) != "\\") {
				out = out substr(line, i, 1)
				continue
			}
			two = substr(line, i + 1, 1)
			four = substr(line, i + 1, 3)
			if (four in special) {
				out = out special[four]
				i += 3
			} else {
				out = out (two == "e" ? "\\" : two == "&" ? "" : two)
				i++
			}
		}
		return out
	}
	BEGIN {
		special["(aq"] = "\047"; special["(dq"] = "\""; special["(ha"] = "^"
		special["(ti"] = "~"; special["(ga"] = "`"; special["(rs"] = "\\"
		special["(en"] = "–"; special["(em"] = "—"
	}
	/^\.Bd -literal/ { inside = 1; shown = more = rounded = fewer = 0; file = ""; next }
	inside && /^\.\\" rounded$/ { rounded = 1; next }
	inside && /^\.\\" fewer steps$/ { fewer = 1; next }
	inside && /^\.\\" file / { file = folder ".cwd/" $3; next }
	/^\.Ed/ { inside = 0; next }
	!inside || /^\.\\"/ { next }
	{ line = plain($0) }
	file != "" { print line >file; next }
	!more && line ~ /^\$ / {
		n++
		shown = 1
		command = folder "/" n ".command"
		want = folder "/" n ".want"
		printf "" >want
		if (rounded)
			printf "" >(folder "/" n ".rounded")
		if (fewer)
			printf "" >(folder "/" n ".fewer")
		line = substr(line, 3)
		print line >command
		more = line ~ /[|\\]$/
		next
	}
	more { print line >command; more = line ~ /[|\\]$/; next }
	shown { print line >want }
	' "$1"
}

# rounded HAVE WANT: are the files equal, but for how their numbers with a point were rounded?
# One of the two may have none: 1 is 0.9999996.
rounded() {
	awk '
		function number(word) { return word ~ /^-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?$/ }
		function size(x) { return x < 0 ? -x : x }
		function same(a, b) {
			return a == b "" || (number(a) && number(b) && (a b) ~ /[.e]/ &&
				size(a - b) <= (size(b) > 1e-3 ? size(b) * 1e-3 : 1e-6))
		}
		FILENAME == ARGV[1] { have[FNR] = $0; lines = FNR; next }
		{
			wanted = FNR
			n = split(have[FNR], word)
			bad = FNR > lines || n != NF
			for (i = 1; i <= n && !bad; i++)
				bad = !same(word[i], $i)
			if (bad)
				print "line " FNR ": have " have[FNR] ", want " $0
		}
		END { if (wanted < lines) print lines " lines, want " wanted + 0 }' "$1" "$2"
}

# matches HAVE WANT: are the files equal, up to a line "..." of WANT?
matches() {
	local lines
	lines=$(grep -nxm1 -F '...' "$2" | cut -d: -f1)
	if [ -n "$lines" ]; then
		diff <(head -n $((lines - 1)) "$1") <(head -n $((lines - 1)) "$2")
	else
		diff "$1" "$2"
	fi
}

# What gpt-train is in a block of fewer steps.
mkdir "$TMP/fewer"
printf '#!/bin/sh\nexec "%s/gpt-train" "$@" --steps 2 --eval-every 1 --warmup 1 --quiet\n' "$BUILD" >"$TMP/fewer/gpt-train"
chmod +x "$TMP/fewer/gpt-train"

mkdir -p "$TMP/share/memoscope"
ln -s "$ROOT"/testdata/*.* "$ROOT/testdata/phonebook" "$ROOT/testdata/foreign/nanogpt" "$TMP/share/memoscope"

for page in man/*.[1-9]; do
	name=$(basename "$page")
	mkdir -p "$TMP/$name" "$TMP/$name.cwd"
	ln -s "$TMP/share/memoscope" "$TMP/$name.cwd/testdata"
	examples "$page" "$TMP/$name"
	for ((n = 1; ; n++)); do
		example=$TMP/$name/$n
		[ -e "$example.command" ] || break
		if grep -q python3 "$example.command" && ! command -v python3 >/dev/null; then
			ok 0 "$name: $(head -1 "$example.command") # SKIP no python3, and what follows"
			n=$((n + 1))
			break
		fi
		path=$PATH
		[ ! -e "$example.fewer" ] || path=$TMP/fewer:$PATH
		(cd "$TMP/$name.cwd" && PATH=$path exec timeout 120 bash "$example.command") \
			>"$example.have" 2>"$example.stderr" </dev/null
		status=$?
		if [ -e "$example.fewer" ]; then
			difference=$(diff <(cut -f 1 "$example.have") <(cut -f 1 "$example.want"))
		elif [ -e "$example.rounded" ]; then
			difference=$(rounded "$example.have" "$example.want")
		else
			difference=$(matches "$example.have" "$example.want")
		fi
		[ $status -eq 0 ] && [ -z "$difference" ]
		ok $? "$name: $(head -1 "$example.command")"
		if [ $status -ne 0 ] || [ -n "$difference" ]; then
			{
				echo "exit $status"
				cat "$example.stderr"
				printf '%s\n' "$difference"
			} | sed 's/^/# /'
		fi
	done
	[ "$name" != "${name%.1}" ] || continue
	[ $n -gt 1 ]
	ok $? "$name: has an example"
done

# No page trains twice into one directory: gpt-train refuses that. Commands that go on in the next
# line count as one.
is "$(for page in man/*.[1-9]; do
	sed -e '/^\./d' -e :a -e '/[\\|]e*$/{N;s/[\\]*e*\n/ /;ba' -e '}' "$page" | grep -E '(^|\$ |\| *)gpt-train ' |
		grep -Ev -e '--(resume|overwrite)' | grep -Eo -e ' -o [^ ]+' | sort | uniq -d | sed "s|^|$page|"
done)" "" "no page trains twice into one directory"

# Is a picture mostly black? gnuplot reads it back as a table of x, y, red, green, blue.
dark=$(cd "$TMP/attn-dump.1.cwd" &&
	gnuplot -e 'set table; plot "head.png" binary filetype=png with rgbimage' 2>&1 |
	awk '$1 ~ /^[0-9]+$/ && NF >= 7 { n++; dark += $3 + $4 + $5 < 90 }
		END { print n == 640000 ? dark / n < 0.1 : "no picture" }')
is "$dark" 1 "attn-dump.1: its picture is not black"

done_testing
