#!/bin/bash
# lib.sh - pipelines/lib: what a template becomes, what an expression of keys says, tables and
# records.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

mkdir "$TMP/pipelines" "$TMP/out"
cp -r "$ROOT"/pipelines/{lib,lib.sh} "$TMP/pipelines"
ln -s "$ROOT/testdata" "$TMP/testdata"
export OUT="$TMP/out"

# script LINE...: pipelines/some runs these lines after lib.sh. Its stdout is stdout, its stderr is
# $TMP/said.
script() {
	# shellcheck disable=SC2016
	printf '%s\n' '. "$(dirname "$0")/lib.sh"' "$@" >"$TMP/pipelines/some"
	bash "$TMP/pipelines/some" 2>"$TMP/said"
}

printf '%s\t%s\n' exact 0.5 exact_low 0.25 exact_high 0.75 exact_of 12 loss 1.2346 tiny 1e-05 >"$OUT/summary.tsv"

# ---- templates ----

cat >"$TMP/pipelines/some.report.md" <<'END'
# {{$title}}: {{all_of exact}}, {{number loss 2}}{{of nothing}}.
{{printf 'a\nb\n'}}
one \
   two \
{{sum 1 2}} `{{sum 3 4}}` $title {B} {{}
END
# shellcheck disable=SC2016
script 'title="A title"' 'sum() { echo $(($1 + $2)); }' report
is "$(cat "$OUT/report.md")" "# A title: 50.0% (25.0% to 75.0%), 1.23.
a
b
one two 3 \`7\` \$title {B} {{}" "a template: variables, commands, lines that go on in the next"
is "$(cat "$TMP/said")" "some: open $OUT/report.html" "a key that is missing is no error there"
echo '{{no_such_command}}' >"$TMP/pipelines/some.report.md"
script report
grep -q 'no_such_command: command not found' "$TMP/said"
ok $? "a command that is missing is"

# ---- expressions ----

while IFS='|' read -r expression want; do
	is "$(script "holds '$expression' && echo yes || echo no")$(cat "$TMP/said")" "$want" "holds $expression"
done <<'END'
exact > 0.4|yes
exact_low > exact|no
exact_high > 0.5 && exact_of == 12|yes
tiny < 1e-4|yes
-1e-5 > 0|no
exact < nothing|nothe summary has no nothing
END
is "$(script "holds 'exact_high < 0.5 || tiny > 0' && echo yes")" yes "holds: or"
rm "$OUT/summary.tsv"
is "$(script "holds '1e9 > 2' && echo yes")" yes "numbers need no summary"
printf '%s\t%s\n' exact 0.5 exact_low 0.25 exact_high 0.75 loss 1.2346 >"$OUT/summary.tsv"

# ---- settings ----

# refused LIST COMMAND: its exit status, and what it says of this list
refused() {
	LIST=$1 script "$2"
	echo "$? $(cat "$TMP/said")"
}
item="each_of '[1-9]:[0-9]+' 'a list of items' LIST"
is "$(refused $' 1:20\t2:3\n3:4 ' "$item")" "0 " "a list with blanks"
for list in '1:202:3' '1:20,2:3' '' ' ' '1:20 2'; do
	is "$(refused "$list" "$item")" "2 some: LIST is not a list of items: $(printf %q "$list")" "no list: '$list'"
done
for list in '1 0.5 1.0' $'01\n1' '100000000000001 2 100000000000001'; do
	is "$(refused "$list" 'distinct LIST')" "2 some: LIST has a number twice: $(awk 'END { print $NF }' <<<"$list")" "a number twice: ${list//$'\n'/ }"
done
is "$(refused '100000000000001 100000000000002 0.1 0.10000001 0' 'distinct LIST')" "0 " "numbers that are nearly the same"

# ---- tables and pictures ----

is "$(script 'shares exact loss nothing')" ' 50.0% (25.0% to 75.0%) | 123.5% | - |' "cells of shares"
is "$(script 'numbers 3 loss exact')" ' 1.235 | 0.500 (0.250 to 0.750) |' "cells of numbers"
is "$(script 'intervals exact loss nothing')" $'\t0.5\t0.25\t0.75\t1.2346\tNaN\tNaN\tNaN\tNaN\tNaN' "for a plot"
cat >"$TMP/pipelines/some.gnuplot" <<'END'
set print '-'
print sprintf('%s %d %s %g', out, words(list), list, 2 * number)
END
is "$(script "plot some list=\"it's 2.1\" number=3.5")" "$TMP/out 2 it's 2.1 7" "variables of a plot, with a quote"

# ---- stages ----

! script 'say "doing this"' false && [ "$(cat "$TMP/said")" = $'some: doing this\nsome: failed while doing this' ]
ok $? "a command that fails ends the pipeline, which says where"

# ---- answers ----

printf '%s\t%d\n' conflict_book_digit_1_right 2 conflict_book_digit_1_of 4 conflict_book_digit_10_right 3 conflict_book_digit_10_of 6 \
	conflict_directory_digit_1_right 1 conflict_directory_digit_1_of 4 conflict_directory_digit_10_right 0 \
	conflict_directory_digit_10_of 6 conflict_book_digit_1_chance_right 9 conflict_book_right 7 >"$TMP/score"
is "$(script "conflict_digits <'$TMP/score'" | grep -E '(book|directory|_right|_of)	' | paste -sd '\t')" \
	"$(printf '%s\t' conflict_digits_book 0.5 conflict_digits_book_right 5 conflict_digits_book_of 10 \
		conflict_digits_directory 0.1 conflict_digits_directory_right 1 conflict_digits_directory_of 10 | sed 's/.$//')" \
	"digits of conflicts, without those of chance"

# ---- records ----

for jobs in 1 3; do
	script "records_from 5 7 $jobs phonegen --seed 3" >"$TMP/records"
	is "$(mpcat --text "$TMP/records")" "$(phonegen --seed 3 --first 5 --count 7 | mpcat --text)" "records of $jobs jobs"
done
is "$(script HELD_OUT=0.5 'mixed --part val testdata/quiz.jsonl' | mpcat | wc -l)" \
	"$(qamix -q --val 0.5 --part val "$ROOT/testdata/quiz.jsonl" | mpcat | wc -l)" "mixed: questions that are held out"
is "$(script HELD_OUT=0 LONGEST=100 'mixed testdata/quiz.jsonl' | mpcat --json | jq '.text | length' | sort -n | tail -n 1)" \
	"$(qamix -q --max-length 100 "$ROOT/testdata/quiz.jsonl" | mpcat --json | jq '.text | length' | sort -n | tail -n 1)" \
	"mixed: none is longer than LONGEST"
for function in article_asked article_asked_bare; do
	is "$(script $function | mpcat --json | jq -r '.spans[-1] as $at | .text[$at[0]:$at[1]]' | sort | paste -sd ' ')" \
		"8 Ottawa" "$function: the questions of the article"
done

# ---- make ----

# Programs that are there are not built for this.
cat >"$TMP/out/first" <<'END'
#!/bin/sh
echo begins
sleep 0.3
echo ends
END
chmod +x "$TMP/out/first"
cp "$TMP/out/first" "$TMP/out/second"
both="$TMP/out/first $TMP/out/second"
# shellcheck disable=SC2086 # two targets
is "$(make -C "$ROOT" -s -j2 -o all -o "$BUILD/bench/matmul" BUILD="$BUILD" PIPELINES="$both" $both | paste -sd ' ')" \
	"begins ends begins ends" "make -j runs pipelines one after the other, because each takes all processors"

done_testing
