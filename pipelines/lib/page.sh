# page.sh - report.html: report.md as one file that any browser opens, without a network.
#
# cmark-gfm makes HTML of the Markdown, and pictures are inside. A policy in the page forbids all that is not in
# the file: the script and the style are those whose hashes it names.
# shellcheck shell=bash

# has_markdown: is the program there that makes HTML of Markdown?
has_markdown() {
	command -v cmark-gfm >/dev/null
}

# page REPORT FOLDER: HTML of a report in Markdown, whose pictures are in FOLDER
page() {
	local body title script style policy
	body=$(markdown <"$1" | with_pictures "$2") || return
	title=$(sed -n '/<h1>/ { s/<[^>]*>//g; p; q }' <<<"$body")
	script=$(<pipelines/lib/report.js)
	style=$(<pipelines/lib/report.css)
	policy="default-src 'none'; img-src data:; script-src $(digest "$script"); style-src $(digest "$style"); base-uri 'none'"
	cat <<-END
		<!DOCTYPE html>
		<html lang="en">
		<meta charset="utf-8">
		<meta http-equiv="Content-Security-Policy" content="$policy; form-action 'none'">
		<meta name="viewport" content="width=device-width, initial-scale=1">
		<meta name="color-scheme" content="light dark">
		<title>$title</title>
		<style>$style</style>
		<main>
		$body
		</main>
		<script>$script</script>
		</html>
	END
}

# digest TEXT: how a policy names a script or a style
digest() {
	local sum
	sum=$(printf %s "$1" | sha256sum)
	# shellcheck disable=SC2059 # the bytes of the sum are the format
	printf "'sha256-%s'" "$(printf "$(sed 's/ .*//; s/../\\x&/g' <<<"$sum")" | base64)"
}

# markdown: HTML of the Markdown on stdin. HTML in it is text, as it is. Other bytes that cmark-gfm and
# browsers would not show become U+FFFD. A table scrolls by itself if the page is too narrow for it.
markdown() {
	LC_ALL=C tr '\000-\010\013-\037\177' '[\032*]' | LC_ALL=C sed 's/</\x01/g' |
		cmark-gfm --validate-utf8 --extension table |
		LC_ALL=C sed -e 's/\x01/\&lt;/g' -e 's/\x1a/\xef\xbf\xbd/g' \
			-e 's|^<table>$|<div class="table" tabindex="0"><table>|' -e 's|^</table>$|</table></div>|'
}

# with_pictures FOLDER: HTML of markdown with the pictures of FOLDER in it. A link to a picture becomes one that
# unfolds. Of a picture that is not there its text is left.
with_pictures() {
	local line tag name text wide high
	sed -E 's|<a href="([A-Za-z0-9._/-]+\.png)">([^<]*)</a>|<details><summary>\2</summary><img src="\1" alt="\2" /></details>|g' |
		while IFS= read -r line; do
			while [[ $line =~ \<img\ src=\"([^\"]*)\"\ alt=\"([^\"]*)\"[^\>]*\> ]]; do
				tag=${BASH_REMATCH[0]} name=${BASH_REMATCH[1]} text=${BASH_REMATCH[2]}
				printf '%s' "${line%%"$tag"*}"
				line=${line#*"$tag"}
				if [[ $name =~ ^[A-Za-z0-9_-][A-Za-z0-9._/-]*\.png$ && $name != *..* && -f $1/$name ]]; then
					read -r wide high <<<"$(od -An -t u4 --endian=big -j 16 -N 8 "$1/$name")" # a PNG has them there
					printf '<img alt="%s" width="%d" height="%d" src="data:image/png;base64,' "$text" "$wide" "$high"
					base64 -w 0 "$1/$name"
					printf '">'
				else
					echo "there is no picture $name for report.html" >&2
					printf '[%s]' "$text"
				fi
			done
			printf '%s\n' "$line"
		done
}
