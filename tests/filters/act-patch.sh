#!/bin/bash
# act-patch.sh - act-patch: tables, pairs, options, and a circuit that is known.
# tests/model/gpt_patch.c has the right values of runs, act-patch-golden.sh those of tables.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
model=$ROOT/testdata/phonebook
cd "$TMP" || exit 1

phonegen --count 5 --entries 2 --seed 3 >books
perturb --change numbers <books >partners
patch() {
	act-patch --quiet --from partners "$@" "$model" books
}

# column NAME TABLE...: a column of a table
column() {
	awk -F '\t' -v name="$1" '
		FNR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next }
		{ print $at }' "${@:2}"
}

# ---- tables ----

columns='id	at	layer	head	row	kind	entry	offset	right	partner	effect	is_right	is_partner'
patch --sweep head >heads
is "$(head -n 1 heads)" "$columns" "the columns of a sweep"
is "$(sed 1d heads | cut -f 1-8)" "$(for id in 0 1 2 3 4; do
	for part in 0.0 0.1 0.2 0.3 1.0 1.1 1.2 1.3; do
		printf '%s\thead:%s\t%s\t%s\t-\t-\t-\t-\n' "$id" "$part" "${part%.*}" "${part#*.}"
	done
done)" "a line for each text and head"
is "$(patch --sweep head --layer 1 --head 2-3 | sed 1d)" "$(grep -E $'\thead:1[.][23]\t' heads)" \
	"some layers and heads, with the same numbers"
is "$(patch --sweep z | sed 1d)" "$(sed 1d heads)" "z is head"
is "$(patch --at head:1.3 | sed 1d | cut -f 9-)" "$(grep head:1.3 heads | cut -f 9-)" \
	"one part alone is as in the sweep"
is "$(patch --at 1.3,mlp:0 | cut -f 1-8 | sed -n 2p)" $'0\t1.3,mlp:0\t-\t-\t-\t-\t-\t-' "--at has a line for each text"
patch --sweep resid --each all >whole
is "$(column at whole | sort -u | paste -sd ' ')" "resid:0 resid:1 resid:2" "the stream before each layer, and after the last"
is "$(awk '$2 == "resid:0" || $2 == "resid:2"' whole | cut -f 11-13 | sort -u)" $'1.000000\t0\t1' \
	"with the partner's stream everywhere the answer is the partner's"
patch --paths >paths
is "$(head -n 1 paths)" 'id	from	to	through	right	partner	effect	is_right	is_partner' "the columns of paths"
# 2 layers of 4 heads: from embed 12 + 1, 12 + 1 and 1 edges; from a head of layer 0 1, 12 + 1 and 1,
# from mlp:0 12 + 1 and 1; from a head of layer 1 1 and 1, and from mlp:1 1
is "$(($(wc -l <paths) - 1))" $((5 * (27 + 4 * 15 + 14 + 4 * 2 + 1))) "a line for each text and path"
is "$(column through paths | sort -u | paste -sd ' ')" "- k q v" "through queries, keys and values"
is "$(patch --paths --senders embed,mlp:0 --receivers head:1.3,logits | sed 1d)" \
	"$(awk -F '\t' '($2 == "embed" || $2 == "mlp:0") && ($3 == "head:1.3" || $3 == "logits")' paths)" \
	"some senders and receivers, with the same numbers"

# Tokens that pad the vocabulary are the likeliest in this model, but no greedy answer has them. After each
# character one of the six is the likeliest of those that a text may have.
foreign=$ROOT/testdata/foreign/nanogpt-buffers
model-import "$foreign/ckpt.pt" --meta "$foreign/meta.pkl" -o padded 2>/dev/null
jq -nc '("\nabcé😀" / "") as $all | $all[] as $a | $all[] as $b |
	{text: ($a + $b), spans: [[1, 2, "answer", -1, 0]]}' | mptext >twos
is "$(act-patch -q --from twos --at resid:0 padded twos | column is_right | awk '{ sum += $1 } END { print NR, sum }')" "36 6" \
	"is_right: a token that pads the vocabulary is no answer"
is "$(gpt-sample -q --from answer --greedy --max-tokens 1 padded twos | mpcat --json | jq -r 'select(.text == .reference) | .id')" \
	"$(act-patch -q --from twos --at resid:0 padded twos | awk -F '\t' '$12 == 1 { print $1 }')" "... as gpt-sample has it"

# ---- which rows ----

patch --sweep mlp --each row --layer 1 >rows
length=$(mpcat books | head -n 1 | jq '.spans[] | select(.[2] == "answer") | .[1] - 1')
is "$(awk 'NR == 1 || $1 == 0' rows | column row | paste -sd ' ')" "$(seq 0 $((length - 1)) | paste -sd ' ')" \
	"a line for each row, up to the last one that matters"
mpcat books | jq -r '.id as $id | .spans[] | [$id, .[0], .[2], if .[3] < 0 then "-" else .[3] end, 0] | @tsv' >spans
is "$(awk -F '\t' -v OFS='\t' '$8 == 0 { print $1, $5, $6, $7, $8 }' rows)" "$(cat spans)" "where spans begin"
patch --sweep mlp --each span --layer 1 >by-span
is "$(awk -F '\t' -v OFS='\t' '$6 != "-" && NR > 1 { print $1, $5, $6, $7 }' by-span)" "$(cut -f 1-4 spans)" \
	"a line for each span"
is "$(awk -F '\t' 'NR > 1 && $6 == "-" && ($7 != "-" || $8 != "-")' by-span)" "" "between spans there is no entry"
patch --sweep resid --rows number --each span --layer 0 >numbers
is "$(column kind numbers | sort -u)" number "rows of one kind only"
patch --at resid:0 --rows number >all-numbers
is "$(sed 1d all-numbers | cut -f 9-)" "$(patch --sweep resid --rows number --each all --layer 0 | sed 1d | cut -f 9-)" \
	"all rows of a kind at once"

# With all paths but one, that one is patched.
patch --paths >paths
head -n 1 paths | cut -f 2-4 >from-to
for number in 9 13 40 58 70 90 98 110; do
	number=$((number + 1))
	sed -n '1,111p' paths | cut -f 2-4 | sed "${number}d" >all-but
	paste <(patch --graph all-but | sed -n 2p | cut -f 9-11) <(sed -n "${number}p" paths | cut -f 5-7)
done | awk '{ for (i = 1; i <= 3; i++) wrong += ($i - $(i + 3)) ^ 2 > 1e-8; n += $6 > 0.005 } END { print NR, wrong + 0, (n > 1) }' >have
is "$(cat have)" "8 0 1" "all paths but one as a graph: the effect of that path"
{ printf 'from\tto\tthrough\r\n'; sed -n '2,111p' paths | cut -f 2-6 | sed 's/$/\r/'; } >windows
is "$(patch --graph windows | sed 1d | awk -F '\t' '($9 ^ 2 > 1e-8) { print }')" "" \
	"all paths as a graph: as without a patch; a table of Windows"
awk -F '\t' 'NR == 1 || $1 == 0' paths >table
is "$(patch --graph table | sed 1d | cut -f 9-)" "$(patch --graph windows | sed 1d | cut -f 9-)" "the table of --paths itself"
is "$(patch --graph windows | cut -f 1-8 | sed -n 2p)" $'0\twindows\t-\t-\t-\t-\t-\t-' "--graph has a line for each text"
cp windows $'a\ttab'
is "$(patch --graph $'a\ttab' | sed 1d)" "$(patch --graph windows | sed '1d; s/windows/a\\ttab/')" "a tab in the name of a graph is escaped"
is "$(patch --graph - <windows | sed 1d | cut -f 3-)" "$(patch --graph windows | sed 1d | cut -f 3-)" \
	"a graph from the standard input"

# ---- pairs ----

patch --except head:0,mlp:0-1 >except
is "$(sed 1d except | cut -f 9-)" "$(patch --at head:1 | sed 1d | cut -f 9-)" "all parts but some"
act-patch --quiet --from books --at resid:1,mlp:0,head:1,k:0.1 --rows number "$model" books >self
is "$(sed 1d self | cut -f 9- | sort -u)" $'0.000000\t-\t-\t1\t-' "patched with itself, a text stays as it is"
for how in '--sweep resid' --paths '--except 0' '--graph windows'; do
	for threads in 1 3 16; do # with 16, some share the work on a text
		# shellcheck disable=SC2086
		patch $how --threads "$threads" >"threads-$threads"
	done
	cmp -s threads-1 threads-3 && cmp -s threads-1 threads-16
	ok $? "$how: the number of threads does not matter"
done
perturb --change digit <books >digits
is "$(act-patch -q --from digits --at resid:0 "$model" books | column is_partner | paste -sd ' ')" \
	"1 1 1 1 1" "partners with one digit changed"
# The lines of the partner stand elsewhere: numbers fit by span, the rest does not.
perturb --change lines <books >moved
act-patch -q --from moved --at resid:1 --rows number "$model" books >fits 2>&1
ok $? "rows that fit by span and offset are enough"
fails 1 'books: .* id 2, with its partner of moved: .* id 2: row 46 ' "rows that do not fit name both records" \
	act-patch -q --from moved --at resid:1 "$model" books

# The GPU's kernels add in another order.
phonegen --count 1 --entries 1 --seed 3 | tee book | perturb --change redraw >redrawn
take_alphabet book
"$BUILD/tests/tools/mkmodel" small "$alphabet" 2 2 8 128 1 6
for how in "--sweep head" "--sweep resid --each span" "--paths"; do
	# shellcheck disable=SC2086
	act-patch -q --from redrawn $how small book >here
	# shellcheck disable=SC2086
	MEMOSCOPE_CUDA=$BUILD/tests/kernels-shim.so act-patch -q --device cuda --from redrawn $how small book >there
	is "$(paste here there | awk -F '\t' 'NR > 1 {
			for (i = NF / 2 - 4; i <= NF / 2 - 2; i++)
				wrong += ($i - $(i + NF / 2)) ^ 2 > 1e-7
		} END { print (NR > 4), wrong + 0 }')" "1 0" "--device cuda $how: the numbers of the CPU"
done

# ---- a circuit that is known ----

# means VALUE KEY...: the mean of a column, by the values of others, if it exceeds 0.1
means() {
	awk -F '\t' -v columns="$*" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; count = split(columns, name, " "); next }
		$at[name[1]] != "-" {
			key = $at[name[2]]
			for (i = 3; i <= count; i++)
				key = key " " $at[name[i]]
			sum[key] += $at[name[1]]; n[key]++
		}
		END { for (key in sum) if (sum[key] / n[key] > 0.1) print key }' | sort
}

"$BUILD/tests/tools/mkcircuit" circuit abcdefgh 12
letters 60 1 >texts
letters 60 2 >others
patch_circuit() {
	act-patch --quiet --from others "$@" circuit texts
}
is "$(patch_circuit --paths | means effect from to through)" "$(printf '%s\n' 'embed head:0.0 v' \
	'embed head:1.1 q' 'embed head:1.1 v' 'head:0.0 head:1.1 k' 'head:1.1 logits -')" \
	"of all paths, those of the circuit that was made"
is "$(patch_circuit --sweep head | means effect at)" "$(printf 'head:0.0\nhead:1.1')" "of all heads, those two"
is "$(patch_circuit --sweep mlp --each all | means effect at)" "" "and no feed-forward part"
is "$(patch_circuit --except head:0.0,head:1.1 | column is_right | sort | uniq -c | xargs)" "60 1" \
	"with all other parts from another text, each answer is right"
is "$(patch_circuit --except head:0.0 | column is_partner | sort | uniq -c | xargs)" \
	"$(patch_circuit --at head:1.1 | column is_partner | sort | uniq -c | xargs)" "without the second head it is the partner's"
printf '%s\n' 'embed head:0.0 v' 'embed head:1.1 q' 'embed head:1.1 v' 'head:0.0 head:1.1 k' 'head:1.1 logits -' |
	tr ' ' '\t' >graph
is "$(patch_circuit --graph graph | column is_right | sort | uniq -c | xargs)" "60 1" \
	"with all paths from another text but those of the circuit, each answer is right"
act-patch --from others --graph graph circuit texts 2>&1 >/dev/null | grep -c 'do not lead' >said
is "$(cat said)" 0 "they lead from embed to logits"
for path in 3 4 5; do # without one of these nothing leads there, but for the values
	sed "${path}d" graph >less
	[ "$path" -eq 5 ] && wanted=1 || wanted=0
	is "$(act-patch --from others --graph less circuit texts 2>&1 >/dev/null |
		grep -c '^act-patch: less: its paths do not lead from embed to logits')" "$wanted" "what leads nowhere is said: $path"
done
for path in 1 2 3 4 5; do
	sed "${path}d" graph >less
	is "$(patch_circuit --graph less | awk -F '\t' 'NR > 1 { right += $12 } END { print right < 40 }')" 1 \
		"... but not without its path $path"
done
act-patch -q --from others --sweep resid --each row circuit texts >trace
# Before the first layer: at the earlier letter, at the one behind it, at the last one, and where a patch
# writes that letter once more.
is "$(awk -F '\t' 'NR > 1 && $2 == "resid:0" && $9 < -1 { n[$1]++ } END { for (id in n) wrong += n[id] > 4 || n[id] < 1; print wrong + 0 }' trace)" \
	0 "the stream before the first layer matters at few letters"
is "$(awk -F '\t' 'NR > 1 && $2 == "resid:2" && $11 != "-" && $11 != 0 && $5 != 8 || $2 == "resid:2" && $5 == 8 && $11 != "-" && $11 != 1' trace)" \
	"" "after the last layer it matters at the last letter alone"

# ---- bad input ----

usage() {
	fails 2 "$1" "usage: ${*:2}" act-patch "${@:2}" "$model" books
}
usage '--from: the stream of the partners is missing' --at head:0
usage 'expected one of --at, --except, --graph, --paths and --sweep' --from partners
usage 'expected only one of --at' --from partners --at head:0 --paths
usage '--sweep: .*expected one of' --from partners --sweep brain
usage '--sweep: .*expected one of' --from partners --sweep result
usage '--at: ' --from partners --at head:7.1
usage '--at: ' --from partners --at ln_final:0
usage '--except: ' --from partners --except resid:1
usage '--except: names all parts' --from partners --except 0-1,mlp:0-1
usage 'expected only one of --at' --from partners --at head:0 --except mlp:0
usage '--each: only with --sweep' --from partners --at head:0 --each row
usage '--head: only with --sweep' --from partners --paths --head 1
usage "--head: 'mlp' has none" --from partners --sweep mlp --head 1
usage '--layer: the model has no layer 2' --from partners --sweep mlp --layer 2
usage '--senders: only with --paths' --from partners --sweep mlp --senders embed
usage '--senders: embed stands there twice' --from partners --paths --senders embed,embed
usage "--senders: '': expected layer.head" --from partners --paths --senders ,embed
usage "--receivers: '': expected layer.head" --from partners --paths --receivers logits,,mlp:0
usage "--at: 'mlp': expected its layer, too, like mlp:0" --from partners --at mlp
usage '--rows: not with --graph' --from partners --graph windows --rows number
usage '--graph: the standard input' --from - --graph -
fails 2 '--graph: the standard input' "a graph and texts both from the standard input" \
	act-patch --from partners --graph - "$model"
refuse_graph() {
	fails 1 "$1" "a graph: $2" act-patch --from partners --graph bad "$model" books
}
printf 'embed\thead:0.0\n' >bad
refuse_graph 'bad: line 1: expected a sender, a receiver' 'two words'
printf 'from\tto\tthrough\nembed\thead:0.0\tx\n' >bad
refuse_graph "bad: line 2: the model has no path from 'embed' to 'head:0.0' through 'x'" 'a word that is wrong'
printf 'head:1.0\thead:0.0\tv\n' >bad
refuse_graph 'the model has no path' 'backwards'
printf 'from\tto\tthrough\n\n' >bad
refuse_graph 'bad: no path' 'none'
printf 'embed\thead:0.0\tv\0\n' >bad
refuse_graph 'bad: not a text' 'a NUL'
rm bad
refuse_graph 'bad: .*No such file' 'no file'
usage 'no path: ' --from partners --paths --senders mlp:1 --receivers head:0
usage '--receivers: .*expected one of these places: head, mlp, logits$' --from partners --paths --receivers resid:1
fails 2 'standard input' 'both from the standard input' act-patch --from - --at 0 "$model"
fails 1 "no span of kind 'poem'" "an answer of a kind that is not there" act-patch -q --from partners --at 0 --answer poem "$model" books
fails 1 "no span of kind 'poem'" "rows of a kind that is not there" act-patch -q --from partners --at 0 --rows poem "$model" books
# answers TEXT BEGIN END: a stream of a text whose answer is from BEGIN to END
answers() {
	printf '{"id":1,"text":"%s","spans":[[%d,%d,"answer",-1,0]]}\n' "$@" | mptext
}
answers ab 0 2 >first
answers ab 1 2 >second
answers cd 1 2 >other
is "$(act-patch -q --from other --at resid:0 "$model" second | column effect)" 1.000000 "a text of two tokens"
fails 1 'id 1, .* id 1: the answer has the first token of a text' "an answer that nothing stands before" \
	act-patch -q --from first --at resid:0 "$model" first
fails 1 "no token in a span of kind 'answer' is before the last one of the answer" "rows of an answer of one token" \
	act-patch -q --from other --at resid:0 --rows answer "$model" second
phonegen --count 3 --entries 2 --seed 3 >few
fails 1 'id 3' "a partner that is missing" act-patch -q --from few --at 0 "$model" books
is "$(wc -l <stdout)" 4 "... after the lines of those before it"
head -c 600 partners >half
fails 1 'half: ' "partners that end too early" act-patch -q --from half --at 0 "$model" books
act-patch -q --from partners --at 0 "$model" books >/dev/full 2>err
is "$? $(grep -c 'No space left' err)" "1 1" "a full disk"
phonegen --count 9 --entries 2 --seed 3 >nine
perturb --change numbers <nine | head -c 2600 >half
act-patch -q --threads 1 --from half --sweep resid "$model" nine >/dev/full 2>err
is "$? $(grep -c 'No space left' err)" "1 1" "... ends the run at once: it does not come to the end of the partners"

done_testing
