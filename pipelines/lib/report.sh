# report.sh - report.md and report.html, and their pictures.
# shellcheck shell=bash disable=SC2154 # lib.sh sets pipeline

# report [LINE...]: $OUT/report.html and, the last thing that a pipeline writes, $OUT/report.md, from
# pipelines/NAME.report.md. Says LINE..., and then which of them to open. In the template {{COMMAND}} stands
# for what the command prints, and {{$NAME}} for a variable. A line that ends with a backslash goes on in
# the next one.
report() {
	local line name=report.html without=''
	filled "pipelines/$pipeline.report.md" >"$OUT/report.new"
	if has_markdown; then
		page "$OUT/report.new" "$OUT" >"$OUT/report.html.new"
		mv "$OUT/report.html.new" "$OUT/report.html"
	else
		name=report.md without=' (for report.html, let make deps install cmark-gfm)'
	fi
	mv "$OUT/report.new" "$OUT/report.md"
	for line; do
		say "$line"
	done
	say "open $(printf %q "${OUT%/}/$name")$without"
}

# filled TEMPLATE: the template with all braces filled in. What they hold sees the variables of the
# pipeline, so those of this function have names of their own.
filled() {
	local _lines _line _command
	mapfile -t _lines < <(sed -e ':again' -e '/\\$/ { N; s/ *\\\n[ \t]*/ /; b again' -e '}' "$1")
	for _line in "${_lines[@]}"; do
		while [[ $_line == *'{{'*'}}'* ]]; do
			printf '%s' "${_line%%'{{'*}"
			_line=${_line#*'{{'}
			_command=${_line%%'}}'*}
			_line=${_line#*'}}'}
			[[ ! $_command =~ ^\$[A-Za-z_]+$ ]] || _command="printf %s \"$_command\""
			printf '%s' "$(eval "$_command")"
		done
		printf '%s\n' "$_line"
	done
}

# flat TEXT...: in one line, with single blanks
flat() {
	tr -s '\t\n ' ' ' <<<"$*" | sed 's/ $//'
}

# indented: stdin as a block of code in Markdown
indented() {
	sed 's/^/    /'
}

# chain STREAM: the commands that the header of a stream of generations names. Those that made its
# model come first.
chain() {
	mpcat --header "$1" | jq -r '(.model.chain // [])[], .chain[] | [.program] + .args |
		map(if test("^[-A-Za-z0-9_./,:=+%@]+$") then . else @sh end) | join(" ")' | indented
}

# ---- tables ----

# shares KEY...: these shares of the summary, as cells of a row
shares() {
	local key
	for key; do
		printf ' %s |' "$(all_of "$key")"
	done
}

# numbers DECIMALS KEY...: these numbers of the summary, as cells of a row
numbers() {
	local decimals=$1 key
	shift
	for key; do
		printf ' %s |' "$(number "$key" "$decimals")"
	done
}

# ---- pictures and pages ----

# attention_page MODEL RECORDS OPTION...: $OUT/attention.html, on which one sees what each head of the model attends to
# over these records. The options are for attn-page.
attention_page() {
	local model=$1 records=$2
	shift 2
	attn-dump --quiet "$model" "$records" | attn-page --quiet --title 'What each head attends to' "$@" >"$OUT/attention.html"
}

# quoted TEXT: as a string for gnuplot, each byte by its code. gnuplot looks for commands behind a
# newline and between backquotes, inside a string too.
quoted() {
	printf '"%s"' "$(printf %s "$1" | od -An -v -t o1 | tr -d '\n' | tr ' ' "\\\\")"
}

# plot FILE [NAME=VALUE...]: a picture by pipelines/FILE.gnuplot. It has the variables NAME, which are
# strings, and `out`, the folder of results.
plot() {
	local file=$1 setting
	shift
	{
		echo "out = $(quoted "$OUT")"
		for setting; do
			echo "${setting%%=*} = $(quoted "${setting#*=}")"
		done
		echo "load 'pipelines/$file.gnuplot'"
	} | gnuplot -
}
