# summary.sh - summary.tsv: lines of a key, a tab and a number. KEY_low and KEY_high are the ends
# of the 95% interval of KEY, KEY_of is how many things were counted: see confint(1).
# shellcheck shell=bash

# prefixed WORD: lines "key<TAB>value" with WORD_ before the key
prefixed() {
	word=$1 awk '{ print ENVIRON["word"] "_" $0 }'
}

# ---- what a summary says ----

# value FILE KEY: the value of a key. Fails if there is none.
value() {
	awk -F '\t' -v key="$2" '$1 == key { print $2; found = 1 } END { exit !found }' "$1"
}

# of KEY: its value in $OUT/summary.tsv
of() {
	value "$OUT/summary.tsv" "$1"
}

# shown FILE KEY [FACTOR [DECIMALS [UNIT]]]: a value with its interval, for people:
# "98.9% (98.0% to 99.4%)"; by default as a share. "-" if there is none.
shown() {
	awk -F '\t' -v key="$2" -v by="${3:-100}" -v decimals="${4:-1}" -v unit="${5-%}" '
		function number(x) { return sprintf("%." decimals "f%s", x * by, unit) }
		{ value[$1] = $2 }
		END {
			if (!(key in value))
				print "-"
			else if (!((key "_low") in value))
				print number(value[key])
			else
				print number(value[key]) " (" number(value[key "_low"]) " to " number(value[key "_high"]) ")"
		}' "$1"
}

# all_of KEY [FACTOR [DECIMALS [UNIT]]]: the same of $OUT/summary.tsv
all_of() {
	shown "$OUT/summary.tsv" "$@"
}

# number KEY [DECIMALS]: as all_of does, with no unit: "1.234 (1.2 to 1.3)"
number() {
	all_of "$1" 1 "${2:-0}" ''
}

# intervals KEY...: for a plot, value, low and high of each KEY, with a tab before each.
# NaN if there is none.
intervals() {
	awk -F '\t' -v keys="$*" '
		{ value[$1] = $2 }
		function of(k) { return k in value ? value[k] : "NaN" }
		END {
			n = split(keys, key, " ")
			for (i = 1; i <= n; i++)
				printf "\t%s\t%s\t%s", of(key[i]), of(key[i] "_low"), of(key[i] "_high")
		}' "$OUT/summary.tsv"
}

# holds EXPRESSION: is it true? Its words are keys of $OUT/summary.tsv: 'exact_low > 0.5'. False,
# with a message, if a key is missing or its value is no number.
holds() {
	local numbers
	# without words a file need not be there
	[[ $1 =~ [A-Za-z_]{2} ]] || { compares "$1"; return; }
	numbers=$(awk -F '\t' -v text="$1" '
		{ value[$1] = $2 }
		END {
			while (match(text, /[0-9.]+(e[-+]?[0-9]+)?|[A-Za-z_][A-Za-z0-9_]*/)) {
				word = substr(text, RSTART, RLENGTH)
				before = before substr(text, 1, RSTART - 1)
				text = substr(text, RSTART + RLENGTH)
				if (word ~ /^[A-Za-z_]/ && !(word in value)) {
					print "the summary has no " word >"/dev/stderr"
					exit 1
				}
				before = before (word in value ? "(" value[word] ")" : word)
			}
			print before text
		}' "$OUT/summary.tsv") || return
	compares "$numbers"
}

# compares EXPRESSION: of numbers alone. awk works it out, and would run commands that stand in it.
compares() {
	if [[ ! $1 =~ ^[-+0-9.eE\<\>=\&|!\(\)\ ]+$ ]]; then
		echo "not an expression of numbers: $1" >&2
		return 1
	fi
	awk "BEGIN { exit !($1) }"
}
