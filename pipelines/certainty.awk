# certainty.awk - at each letter and digit, how certain a model is and how certain one can be. Reads
# the list of names, letters.tsv and spans.tsv. Writes lines for confint --mean to the file that the
# environment calls `means`, and for confint --share to `shares`. `certain`: the probability from which on a letter is certain.
#
# What can be known of a letter is a count of names: of the names that begin with the letters so
# far, how many go on with this one. For a first name in a line these are the names of the list (a
# blank ends one), for a name asked for the five of the book. Keys: first_ and ask_, then
#   p_N, exact_p_N              probability of the Nth letter, by the model and by counting
#   entropy_N, exact_entropy_N  of its distribution, in nats
#   letters, exact_letters      after how many letters all that come are certain
#   within_N, exact_within_N    in how many names that is N letters or fewer
# number_N and answer_N: the entropy at each digit.
BEGIN { FS = "\t"; means = ENVIRON["means"]; shares = ENVIRON["shares"] }

function put(key, value) { print key "\t" value >means }

# of a set of names that begin alike, kept in count[set, beginning]: the
# entropy of the letter that comes
function entropy(set, begin,    h, i, c, share, all) {
	if ((set, begin) in known)
		return known[set, begin]
	all = count[set, begin]
	for (i = 1; i <= length(alphabet); i++) {
		c = count[set, begin substr(alphabet, i, 1)]
		if (c > 0)
			h -= (share = c / all) * log(share)
	}
	return known[set, begin] = h + 0
}
function add(set, name,    i) {
	for (i = 0; i <= length(name); i++)
		count[set, substr(name, 1, i)]++
}

# a name letter by letter; its characters stand from place on
function compare_name(kind, set, record, place, name,    i, p, h, exact, sure, exact_sure, n) {
	n = length(name)
	for (i = 1; i <= n; i++) {
		p = probability[record, place + i - 1]
		h = spread[record, place + i - 1]
		exact = count[set, substr(name, 1, i)] / count[set, substr(name, 1, i - 1)]
		if (p < certain)
			sure = i
		if (exact < certain)
			exact_sure = i
		put(kind "_p_" i, p); put(kind "_exact_p_" i, exact)
		put(kind "_entropy_" i, h); put(kind "_exact_entropy_" i, entropy(set, substr(name, 1, i - 1)))
	}
	put(kind "_letters", sure + 0); put(kind "_exact_letters", exact_sure + 0)
	put(kind "_more_letters", sure - exact_sure)
	names[kind]++
	for (i = 0; i <= 8; i++) {
		within[kind, i] += sure <= i
		exact_within[kind, i] += exact_sure <= i
	}
}

BEGIN {
	alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz- :\047"
	names["first"] = names["ask"] = 0
}
FILENAME == ARGV[1] { add("list", $1 " "); next }
FILENAME == ARGV[2] { if (FNR > 1) { probability[$1, $2] = $3; spread[$1, $2] = $4 }; next }
$2 == "name" {
	add("book " $1, $4 ":")
	split($4, part, " ")
	compare_name("first", "list", $1, $3, part[1] " ")
}
$2 == "ask" { compare_name("ask", "book " $1, $1, $3, $4) }
$2 == "number" || $2 == "answer" {
	digit = 0
	for (i = 1; i <= length($4); i++)
		if (substr($4, i, 1) ~ /[0-9]/)
			put($2 "_" ++digit, spread[$1, $3 + i - 1])
}
END {
	for (kind in names)
		for (i = 0; i <= 8; i++) {
			print kind "_within_" i "\t" within[kind, i] + 0 "\t" names[kind] >shares
			print kind "_exact_within_" i "\t" exact_within[kind, i] + 0 "\t" names[kind] >shares
		}
}
