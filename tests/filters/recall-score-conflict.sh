#!/bin/bash
# recall-score-conflict.sh - recall-score: if book and directory disagree, whose number is an answer?
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

oracle() { "$tools/oracle" "$@"; }
# counts: of the keys of conflicts that are not digits, from the file summary
counts() {
	awk -F '\t' '/^conflict_[a-z_]*_right/ && !/chance|digit/ { right = $2; key = $1; next }
		key && $1 == substr(key, 1, length(key) - 5) "of" { printf "%s %s/%s ", substr(key, 10, length(key) - 15), right, $2; key = "" }' summary
}
phonegen --people 50 --mix conflict --count 100 --entries 2-4 >conflicts
phonegen --people 50 --count 20 --entries 2-4 --fresh 0.5 >open

# ---- whose number ----

oracle answer book known sewn4 constant <conflicts | recall-score >summary
is "$(counts)" "book 25/100 directory 25/100 stitched 25/100 neither 25/100 memorization_ratio 25/50 " \
	"a quarter each"
is "$(awk -F '\t' '/^conflict_book(_low|_high)?\t/ { printf "%s ", $2 }' summary)" "0.25 0.175452 0.343045 " \
	"with Wilson's interval"
is "$(awk -F '\t' '$1 == "exact_right" { print $2 }' summary)" 25 "the answer is the book's"
awk -F '\t' '/^conflict_(book|directory)_digit_[0-9]*_(right|of)/ { v[$1] = $2 }
	END { for (i = 1; i <= 10; i++) {
			b = "conflict_book_digit_" i; d = "conflict_directory_digit_" i
			if (v[b "_of"] != v[d "_of"] || v[b "_of"] < 70 || v[b "_of"] > 99) bad = 1
			# half of the answers have the first digits of the book, a quarter the last ones
			share = v[b "_right"] / v[b "_of"]
			if (share < (i <= 4 ? 0.4 : 0.15) || share > (i <= 4 ? 0.65 : 0.4)) bad = 1
			share = v[d "_right"] / v[d "_of"]
			if (share < (i <= 4 ? 0.15 : 0.4) || share > (i <= 4 ? 0.4 : 0.65)) bad = 1 }
		exit bad }' summary
ok $? "digit by digit, where the two differ"
oracle answer right <conflicts | recall-score >summary
is "$(counts)" "book 100/100 directory 0/100 stitched 0/100 neither 0/100 memorization_ratio 0/100 " "all from the book"
is "$(awk -F '\t' '/^conflict_(book|directory)_digit_[0-9]*\t/ { print $1, $2 }' summary |
	sed 's/_[0-9]* / /' | sort -u)" $'conflict_book_digit 1\nconflict_directory_digit 0' "and every digit"
is "$(awk -F '\t' '/^conflict_(book|directory)_chance_(right|of)/ { printf "%s ", $2 }' summary)" "0 100 0 100 " \
	"by chance, none"
phonegen --people 3 --mix conflict --count 200 --entries 2 --conflict-answer directory >two
oracle answer known <two | recall-score >summary
is "$(counts)" "book 0/200 directory 200/200 stitched 0/200 neither 0/200 memorization_ratio 200/200 " \
	"--conflict-answer directory: all from the directory"
is "$(awk -F '\t' '$1 == "conflict_directory_chance" { print ($2 > 0.2 && $2 < 0.5) }' summary)" 1 \
	"where chance finds the number of one of three people"

# ---- which records are conflicts ----

oracle answer right <open | recall-score >summary
is "$(grep -c conflict summary)" 0 "open records have no conflict"
oracle answer known <conflicts >of-conflicts
oracle answer right <open >of-open
recall-score of-conflicts of-open >summary
is "$(counts)" "book 0/100 directory 100/100 stitched 0/100 neither 0/100 memorization_ratio 100/100 " \
	"nor have they a part in those of others"
perturb --change digit --keep-answer <open | oracle answer book | recall-score >summary
fresh=$(mpcat open | jq .directory | grep -c null)
is "$(counts)" "book $((20 - fresh))/$((20 - fresh)) directory 0/$((20 - fresh)) stitched 0/$((20 - fresh)) \
neither 0/$((20 - fresh)) memorization_ratio 0/$((20 - fresh)) " \
	"perturb makes conflicts of open records, but not of $fresh fresh ones"
phonegen --people 50 --mix closed --count 30 |
	gpt-sample -q "$ROOT/testdata/phonebook" --from answer --greedy --max-tokens 12 | recall-score >summary
is "$(grep -c conflict summary) $(awk -F '\t' '$1 == "exact_of" { print $2 }' summary)" "0 30" \
	"closed records are right or wrong"
oracle ask right <conflicts | recall-score >summary
is "$(grep -c conflict summary)" 0 "a model that chose the name was not asked"

# ---- one line for each ----

oracle answer book known sewn4 constant <conflicts | recall-score --each >each
is "$(head -n 5 each | cut -f 17)" $'conflict\nbook\ndirectory\nstitched\nneither' "--each: whose"
is "$(tail -n +2 each | cut -f 16)" "$(mpcat conflicts | jq -r .directory)" "--each: the directory's number"
is "$(oracle answer right <open | recall-score --each | tail -n +2 | cut -f 16,17)" \
	"$(mpcat open | jq -r '"\(.directory // "-")\t-"')" "no conflict"

done_testing
