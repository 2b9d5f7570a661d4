# summary.sh - summary.tsv: lines of a key, a tab and a number. KEY_low and KEY_high are the ends
# of the 95% interval of KEY, KEY_of is how many things were counted.
# shellcheck shell=bash

# ---- statistics ----

# wilson: of lines "key<TAB>how many<TAB>of how many" the shares, as recall-score
# prints them: KEY, Wilson's 95% interval KEY_low and KEY_high, KEY_right and KEY_of
wilson() {
	awk -F '\t' -v OFS='\t' '
		{ print $1 "_right", $2 + 0; print $1 "_of", $3 + 0 }
		$3 > 0 {
			n = $3; p = $2 / n; zz = 1.959964 ^ 2
			middle = (p + zz / (2 * n)) / (1 + zz / n)
			half = sqrt(zz * p * (1 - p) / n + zz * zz / (4 * n * n)) / (1 + zz / n)
			print $1, p
			print $1 "_low", (middle - half < 1e-9 ? 0 : middle - half)
			print $1 "_high", (middle + half > 1 - 1e-9 ? 1 : middle + half)
		}'
}

# means: of lines "key<TAB>number" the mean of each key's numbers, and its 95%
# interval by the normal distribution: KEY, KEY_low, KEY_high, KEY_of
means() {
	awk -F '\t' -v OFS='\t' '
		!($1 in n) { key[++keys] = $1 }
		{ # Welford
			d = $2 - mean[$1]
			mean[$1] += d / ++n[$1]
			square[$1] += d * ($2 - mean[$1])
		}
		END {
			for (i = 1; i <= keys; i++) {
				k = key[i]
				half = n[k] > 1 ? 1.959964 * sqrt(square[k] / (n[k] - 1) / n[k]) : 0
				print k, mean[k]; print k "_low", mean[k] - half
				print k "_high", mean[k] + half; print k "_of", n[k]
			}
		}'
}

# ratios: of lines "key<TAB>number<TAB>of how many", a line for each group, the sum of the numbers
# over how many there are, and its 95% interval from the variance between groups: KEY, KEY_low,
# KEY_high, KEY_of. The ratio estimator: Cochran, Sampling Techniques, 1977, section 2.11
ratios() {
	awk -F '\t' -v OFS='\t' '
		!($1 in n) { key[++keys] = $1 }
		{ n[$1]++; x[$1, n[$1]] = $2; m[$1, n[$1]] = $3; sum[$1] += $2; all[$1] += $3 }
		END {
			for (i = 1; i <= keys; i++) {
				k = key[i]; ratio = sum[k] / all[k]; square = 0
				for (j = 1; j <= n[k]; j++)
					square += (x[k, j] - ratio * m[k, j]) ^ 2
				half = n[k] > 1 ? 1.959964 * sqrt(square * n[k] / (n[k] - 1)) / all[k] : 0
				print k, ratio; print k "_low", ratio - half; print k "_high", ratio + half; print k "_of", n[k]
			}
		}'
}

# prefixed WORD: lines "key<TAB>value" with WORD_ before the key
prefixed() {
	sed "s/^/$1_/"
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
# with a message, if a key is missing.
holds() {
	local numbers
	# without words a file need not be there
	[[ $1 =~ [A-Za-z_]{2} ]] || { awk "BEGIN { exit !($1) }"; return; }
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
	awk "BEGIN { exit !($numbers) }"
}
