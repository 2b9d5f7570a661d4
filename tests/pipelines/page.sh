#!/bin/bash
# page.sh - pipelines/lib/page.sh: what report.html has of report.md and its pictures, whatever text is in them, and
# what a pipeline says where it cannot be made. tests/browser/report.sh opens it.
# shellcheck source=tests/lib.sh disable=SC2016 # what is text stands in single quotes
. "$(dirname "$0")/../lib.sh"

mkdir "$TMP/pipelines"
cp -r "$ROOT"/pipelines/{lib,lib.sh} "$TMP/pipelines"
cat >"$TMP/pipelines/some" <<'END_OF_PIPELINE'
. "$(dirname "$0")/lib.sh"
results
fresh
mkdir "$OUT/sub"
cp "$PICTURE" "$OUT/curve.png"
cp "$PICTURE" "$OUT/sub/curve.png"
report "This was found" 'and "that"'
END_OF_PIPELINE
export OUT=$TMP/out PICTURE=$ROOT/pipelines/heads.png

# made: pipelines/some makes a report of the template on stdin. What it says is in $TMP/said.
made() {
	rm -rf "$OUT"
	cat >"$TMP/pipelines/some.report.md"
	bash "$TMP/pipelines/some" >"$TMP/stdout" 2>"$TMP/said"
}
# line PATTERN: lines of report.html that match, with the pictures cut short
line() {
	sed -E 's/(;base64,.{8})[^"]*/\1/g' "$OUT/report.html" | grep -E -- "$1"
}

# ---- what is in it ----

made <<'END_OF_REPORT'
# Heads & *tails* <1>

**Verdict: yes:** by 2 > 1.

![a "curve" & more](curve.png) and ![again](sub/curve.png)

| head | right |
| --- | --- |
| 2.1 | 99.6% (99.0% to 99.8%) |
| a\|b | - |

    gpt-train --lr 2e-3 <data >metrics &amp; "done"

- [layer 2 head 1](curve.png)
END_OF_REPORT
is "$?$(cat "$TMP/stdout")" 0 "a report is made"
is "$(cat "$TMP/said")" "some: This was found
some: and \"that\"
some: open $OUT/report.html" "what was found is said, and at last what to open"
is "$(cd "$OUT" && echo *)" "curve.png report.html report.md settings sub" "its files"
is "$(line '<title>')" "<title>Heads &amp; tails &lt;1&gt;</title>" "the title is the first heading, without its marks"
is "$(line '^<h1>')" "<h1>Heads &amp; <em>tails</em> &lt;1&gt;</h1>" "a heading"
is "$(line '^<p><strong>')" "<p><strong>Verdict: yes:</strong> by 2 &gt; 1.</p>" "a verdict"
is "$(line '<t[dh]>' | tr -d '\n')" \
	"<th>head</th><th>right</th><td>2.1</td><td>99.6% (99.0% to 99.8%)</td><td>a|b</td><td>-</td>" "a table"
is "$(line 'gpt-train')" '<pre><code>gpt-train --lr 2e-3 &lt;data &gt;metrics &amp;amp; &quot;done&quot;' "commands"
size=$(png_size "$PICTURE" | sed 's/\(.*\) \(.*\)/width="\1" height="\2"/')
src='src="data:image/png;base64,iVBORw0K"'
is "$(line '<p><img')" "<p><img alt=\"a &quot;curve&quot; &amp; more\" $size $src> and <img alt=\"again\" $size $src></p>" \
	"pictures of the size that they have"
is "$(line '<summary')" \
	"<li><details><summary>layer 2 head 1</summary><img alt=\"layer 2 head 1\" $size $src></details></li>" \
	"a link to a picture is one that unfolds"
is "$(grep -o ';base64,[^"]*' "$OUT/report.html" | sed 's/;base64,//' | while read -r code; do
	base64 -d <<<"$code" | cmp - "$PICTURE" && echo same
done | paste -sd ' ')" "same same same" "they are the pictures"

# The policy allows the style and the script that are there, by hashes that another program makes.
hash_of() {
	perl -0777 -MDigest::SHA=sha256_base64 -ne "m|<$1>(.*)</$1>|s and print sha256_base64(\$1)" "$OUT/report.html"
}
is "$(line 'Content-Security-Policy' | sed 's/.*content="//; s/">$//')" "default-src 'none'; img-src data:; frame-src blob:; \
base-uri 'none'; form-action 'none'; script-src 'sha256-$(hash_of script)='; style-src 'sha256-$(hash_of style)='" "a policy"
is "$(line '' | sed '/^<style>/,/<\/style>/d; /^<script>/,/<\/script>/d' | grep -oE '(src|href|action)="[^"]*"' | sort -u)" "$src" \
	"nothing outside the file is named"

# ---- a page in it ----

cat >"$TMP/page.html" <<'END_OF_PAGE'
<!DOCTYPE html>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-YQ/+='; style-src 'sha256-one=' 'sha256-two='; img-src http:">
<p>content="script-src 'sha256-no='"</p>
END_OF_PAGE
OUT=$TMP/paged PICTURE=$TMP/page.html
cat >"$TMP/pipelines/some.report.md" <<<'# T

[A "page"](curve.png.html) and [none](none.html)'
sed 's/curve.png/&.html/' "$TMP/pipelines/some" >"$TMP/pipelines/paged"
mv "$TMP/pipelines/some.report.md" "$TMP/pipelines/paged.report.md"
bash "$TMP/pipelines/paged" >"$TMP/log" 2>&1
is "$?$(head -n 1 "$TMP/log")" "0there is no none.html for report.html" "a link to a page"
is "$(line '^<p>')" "<p><a href=\"curve.png.html\" target=\"_blank\">A &quot;page&quot;</a>\
<iframe title=\"A &quot;page&quot;\" loading=\"lazy\"></iframe><script type=\"text/plain\">$(base64 -w 0 "$TMP/page.html")</script>\
 and [none]</p>" "the page is data, with a frame and a link to it"
is "$(line '^<meta .*Content-Security-Policy' | grep -oE "(script|style)-src [^;\"]*" | sed "s/src 'sha256-[^']*'/src/" | paste -sd ,)" \
	"script-src 'sha256-YQ/+=',style-src 'sha256-one=' 'sha256-two='" "its script and its styles are allowed, and nothing else of it"
OUT=$TMP/out PICTURE=$ROOT/pipelines/heads.png

# ---- whatever text there is ----

printf '%s\n' '# T</title><script>alert(1)</script>' '' '<div onclick="x"><img src=x>' '' 'a `</pre><b>` &lt; \<i> <http://a.b>' '' \
	'![out](http://example.org/a.png) [l](javascript:alert(1)) ![up](../out/curve.png) ![up](sub/../curve.png) ![none](none.png) ![curve](<curve.png" onload="x>)' '' \
	'| <script> | a |' '| --- | --- |' '| <!-- | --> |' '' $'    </code>\x01\x02\x1a\x1b[0m\x7f\r \xff \xe2\x80\xa8 \xe2\x80\xae' >"$TMP/hostile"
made <"$TMP/hostile"
is "$?" 0 "hostile text"
is "$(sed -n '/^<main>/,/^<\/main>/p' "$OUT/report.html")" "$(printf '%s\n' '<main>' \
	'<h1>T&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;</h1>' \
	'<p>&lt;div onclick=&quot;x&quot;&gt;&lt;img src=x&gt;</p>' \
	'<p>a <code>&lt;/pre&gt;&lt;b&gt;</code> &lt; \&lt;i&gt; &lt;http://a.b&gt;</p>' \
	'<p>[out] <a href="">l</a> [up] [up] [none] ![curve](&lt;curve.png&quot; onload=&quot;x&gt;)</p>' \
	'<div class="table" role="region" aria-label="Table" tabindex="0"><table>' '<thead>' '<tr>' '<th>&lt;script&gt;</th>' '<th>a</th>' '</tr>' '</thead>' '<tbody>' '<tr>' \
	'<td>&lt;!--</td>' '<td>--&gt;</td>' '</tr>' '</tbody>' '</table></div>' \
	$'<pre><code>&lt;/code&gt;\ufffd\ufffd\ufffd\ufffd[0m\ufffd\ufffd \ufffd \u2028 \u202e' '</code></pre>' '</main>')" "is text"
is "$(sed '$d' "$TMP/said")" "there is no http://example.org/a.png for report.html
there is no ../out/curve.png for report.html
there is no sub/../curve.png for report.html
there is no none.png for report.html
some: This was found
some: and \"that\"" "pictures that are not in the folder are named"

OUT="$TMP/it's \$(touch canary) <b> \"a\"
b"
made <<<'# T'
is "$?$(tail -n 1 "$TMP/said")" "0some: open $(printf %q "$OUT/report.html")" "a folder of any name is written as a shell takes it"
OUT=$TMP/out/
made <<<'# T'
is "$(tail -n 1 "$TMP/said")" "some: open $TMP/out/report.html" "or with a stroke at its end"

# ---- without cmark-gfm ----

mkdir "$TMP/bin"
for program in bash basename dirname cat cp mv mkdir find rm realpath sed; do
	ln -s "$(command -v $program)" "$TMP/bin/"
done
rm -rf "$OUT"
is "$(PATH=$TMP/bin BUILD=$TMP/bin bash "$TMP/pipelines/some" 2>&1; echo "$?")" \
	"some: there will be no report.html: let make deps install cmark-gfm
some: This was found
some: and \"that\"
some: open $TMP/out/report.md (for report.html, let make deps install cmark-gfm)
0" "where cmark-gfm is missing it is said at once, and there is report.md"
is "$(cd "$OUT" && echo *)" "curve.png report.md settings sub" "and no other file"
printf '#!/bin/sh\nexit 1\n' >"$TMP/bin/cmark-gfm"
chmod +x "$TMP/bin/cmark-gfm"
! PATH=$TMP/bin:$PATH BUILD=$TMP/bin bash "$TMP/pipelines/some" >"$TMP/said" 2>&1 && [ ! -e "$OUT/report.md" ] &&
	[ ! -e "$OUT/report.html" ]
ok $? "one that fails fails the pipeline"
is "$(tail -n 1 "$TMP/said")" "some: failed while starting" "which says so"

done_testing
