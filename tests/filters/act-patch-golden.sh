#!/bin/bash
# act-patch-golden.sh - act-patch beside PyTorch's hooks in transformers: testdata/golden/patching.py.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$TMP" || exit 1

# compare WANT HAVE: how many numbers of the table WANT there are, and how many lines and numbers of HAVE are not
# there, too many, or differ by more than 1e-5. The last five columns are numbers or "-"; the others are a line's name.
compare() {
	awk -F '\t' -v OFS='\t' '
		{
			name = $1
			for (i = 2; i <= NF - 5; i++)
				name = name OFS $i
		}
		NR == FNR {
			want[name] = $0
			next
		}
		!(name in want) {
			bad++
			next
		}
		{
			n = split(want[name], value, OFS)
			delete want[name]
			if (n != NF)
				bad++
			for (i = n - 4; i <= n; i++)
				if (value[i] !~ /^-?[0-9]/) { # "-", or the name of a column
					bad += $i != value[i]
				} else {
					count++
					bad += !($i ~ /^-?[0-9]/ && ($i - value[i]) ^ 2 <= 1e-10)
				}
		}
		END {
			for (name in want)
				bad++
			print count + 0 " " bad + 0
		}' "$1" "$2"
}

# golden NAME: compares all tables of a network. Prints how many commands there were, how many numbers, and
# how many of them are wrong
golden() {
	local directory=$ROOT/testdata/golden/$1 number=0 count bad all=0 all_bad=0
	local -a options
	jq -c '.texts[]' "$directory/patching.json" | mptext >texts
	jq -c '.partners[]' "$directory/patching.json" | mptext >partners
	jq -r '.graph[]' "$directory/patching.json" >graph
	rm -f want.*
	awk '/^# / { file = "want." ++n ".options"; print substr($0, 3) >file; next } { print >("want." n) }' \
		"$directory/patching.tsv"
	while [ -e want.$((++number)) ]; do
		read -ra options <"want.$number.options"
		act-patch --quiet --from partners "${options[@]}" "$directory" texts >have
		read -r count bad < <(compare "want.$number" have)
		[ "$bad" -eq 0 ] || echo "# $1: act-patch ${options[*]}: $bad of $count are wrong" >&2
		all=$((all + count)) all_bad=$((all_bad + bad))
	done
	echo "$((number - 1)) $all $all_bad"
}

# A table that is not what it should be is noticed.
head -n 4 "$ROOT/testdata/golden/plain/patching.tsv" | tail -n +2 >some
awk -F '\t' -v OFS='\t' 'NR > 1 { $10 += 2e-5 } 1' some >other
head -n 2 some >short
is "$(compare some some), $(compare some other), $(compare some short), $(compare short some)" "10 0, 10 2, 5 1, 5 1" \
	"numbers that differ, and lines that miss, are counted"

for name in plain:2258 bias:2258 all-kinds:1776; do
	is "$(golden "${name%:*}")" "26 ${name#*:} 0" "${name%:*}: all numbers of transformers and hooks, each to 1e-5"
done

done_testing
