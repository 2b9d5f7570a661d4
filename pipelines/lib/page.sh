# page.sh - report.html: report.md as one file that any browser opens, without a network.
#
# cmark-gfm makes HTML of the Markdown. Pictures are inside, and so are pages of attn-page. A policy in the page
# forbids all that is not in the file: scripts and styles are those whose hashes it names.
# shellcheck shell=bash

# has_markdown: is the program there that makes HTML of Markdown?
has_markdown() {
	command -v cmark-gfm >/dev/null
}

# page REPORT FOLDER: HTML of a report in Markdown, which names pictures and pages of FOLDER
page() {
	local html body title script style policy
	html=$(markdown <"$1") || return
	body=$(with_files "$2" <<<"$html") || return
	title=$(sed -n '/<h1>/ { s/<[^>]*>//g; p; q }' <<<"$html")
	script=$(<pipelines/lib/report.js)
	style=$(<pipelines/lib/report.css)
	# A page in the report is under the policy of the report and under its own.
	policy="default-src 'none'; img-src data:; frame-src blob:; base-uri 'none'; form-action 'none'"
	policy+="; script-src $(digest "$script")$(allowed script-src "$2" <<<"$html")"
	policy+="; style-src $(digest "$style")$(allowed style-src "$2" <<<"$html")"
	cat <<-END
		<!DOCTYPE html>
		<html lang="en">
		<meta charset="utf-8">
		<meta http-equiv="Content-Security-Policy" content="$policy">
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
			-e 's|^<table>$|<div class="table" role="region" aria-label="Table" tabindex="0"><table>|' -e 's|^</table>$|</table></div>|'
}

# with_files FOLDER: HTML of markdown with the pictures of FOLDER in it, and the pages that it links to. A link to a
# picture becomes one that unfolds. A page is data, which report.js gives to its frame. Of what is not there
# the text is left.
with_files() {
	local line tag name text wide high
	sed -E 's|<a href="([A-Za-z0-9._/-]+\.png)">([^<]*)</a>|<details><summary>\2</summary><img src="\1" alt="\2" /></details>|g' |
		while IFS= read -r line; do
			while [[ $line =~ \<img\ src=\"([^\"]*)\"\ alt=\"([^\"]*)\"[^\>]*\>|$page_link ]]; do
				tag=${BASH_REMATCH[0]} name=${BASH_REMATCH[1]}${BASH_REMATCH[3]} text=${BASH_REMATCH[2]}${BASH_REMATCH[4]}
				printf '%s' "${line%%"$tag"*}"
				line=${line#*"$tag"}
				if [[ ! $name =~ ^[A-Za-z0-9_-][A-Za-z0-9._/-]*\.(png|html)$ || $name == *..* || ! -f $1/$name ]]; then
					echo "there is no $name for report.html" >&2
					printf '[%s]' "$text"
				elif [[ $name == *.png ]]; then
					read -r wide high <<<"$(od -An -t u4 --endian=big -j 16 -N 8 "$1/$name")" # a PNG has them there
					printf '<img alt="%s" width="%d" height="%d" src="data:image/png;base64,' "$text" "$wide" "$high"
					base64 -w 0 "$1/$name"
					printf '">'
				else
					printf '<a href="%s" target="_blank">%s</a><iframe title="%s" loading="lazy"></iframe>' "$name" "$text" "$text"
					printf '<script type="text/plain">'
					base64 -w 0 "$1/$name"
					printf '</script>'
				fi
			done
			printf '%s\n' "$line"
		done
}

# a link to a page, as markdown writes it
page_link='<a href="([A-Za-z0-9._/-]+\.html)">([^<]*)</a>'

# allowed DIRECTIVE FOLDER: the hashes that the policies of the pages allow to which HTML on stdin links, with a blank
# before each
allowed() {
	local name
	{ grep -oE "$page_link" || true; } | cut -d '"' -f 2 | sort -u | while read -r name; do
		[ -f "$2/$name" ] || continue
		grep -aom 1 '<meta http-equiv="Content-Security-Policy" content="[^"]*"' "$2/$name" | grep -oE "$1 [^;\"]*" |
			grep -oE " 'sha256-[A-Za-z0-9+/=]+'" || true
	done | sort -u | tr -d '\n'
}
