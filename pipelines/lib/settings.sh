# settings.sh - what the user sets in the environment, checked before a pipeline begins to work. A
# shell, awk and gnuplot take some texts for commands, where a number or a name is wanted.
# shellcheck shell=bash disable=SC2154 # lib.sh sets pipeline

# refuse MESSAGE...: ends the pipeline, with this line
refuse() {
	trap - EXIT
	printf '%s: %s\n' "$pipeline" "$*" >&2
	exit 2
}

# each_is PATTERN WHAT NAME...: the variables NAME... match the pattern, or are refused: they are not WHAT
each_is() {
	local pattern=$1 what=$2 name
	shift 2
	for name; do
		[[ ${!name} =~ ^($pattern)$ ]] || refuse "$name is not $what: $(printf %q "${!name}")"
	done
}

# each_of PATTERN WHAT NAME...: the same of lists, of which each word matches. There are blanks between words.
each_of() {
	each_is "[[:space:]]*($1)([[:space:]]+($1))*[[:space:]]*" "${@:2}"
}

# distinct NAME...: lists in which no number stands twice, however it is written
distinct() {
	local name again
	for name; do
		again=$(tr -s '[:space:]' '\n' <<<"${!name}" | awk 'NF && seen[sprintf("%.17g", $1)]++ { print $1; exit }')
		[ -z "$again" ] || refuse "$name has a number twice: $again"
	done
}

whole() {
	each_is '0|[1-9][0-9]{0,14}' 'a whole number' "$@"
}

# positive NAME...: whole numbers, and none is 0
positive() {
	each_is '[1-9][0-9]{0,14}' 'a whole number from 1 on' "$@"
}

decimal() {
	each_is '[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?' 'a number' "$@"
}

# decimals NAME...: numbers with blanks between
decimals() {
	each_of '[0-9]+(\.[0-9]+)?' 'a list of numbers' "$@"
}

# at_most LIMIT WHAT NAME...: of numbers, or lists of numbers, none is above LIMIT; one that is, is not WHAT
at_most() {
	local limit=$1 what=$2 name number
	shift 2
	for name; do
		for number in ${!name}; do
			compares "$number <= $limit" || refuse "$name is not $what: $number"
		done
	done
}

# files NAME...: these name files. One gets ./ before it if a program could take it for an option, awk
# for an assignment, or gnuplot for a command.
files() {
	local name
	for name; do
		[[ ${!name} =~ ^(|[/.].*|[A-Za-z0-9_][A-Za-z0-9_./-]*)$ ]] || printf -v "$name" './%s' "${!name}"
	done
}

# words ARRAY NAME: the words of the variable NAME, in ARRAY. Quotes and backslashes hold a word
# together, as in a shell. No other character counts.
words() {
	local -n _words=$1
	mapfile -d '' -t _words < <(xargs -r printf '%s\0' <<<"${!2}" 2>/dev/null)
	wait "$!" || refuse "$2 has a quote that does not end: $(printf %q "${!2}")"
}
