#!/bin/bash
# findings.sh - every pipeline that asks the phone book's model, with one that is
# too small to know anything: its answers are wrong, and everything else is as it is.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

export PHONEBOOK=$TMP/phonebook
export RECORDS=12

# The first one finds no model, and has it made.
export STEPS=40 BATCH=8 ASKED=20 EVAL_EVERY=20 KEEP_EVERY=20 MODEL='--layers 2 --heads 2 --width 16'
runs counterfactual
[ -e "$PHONEBOOK/report.md" ]
ok $? "where there is no model, pipelines/phonebook is run"
for key in base_exact_of digit_right_of drop_old_of name_same_of digit_became_of answer_kept_of; do
	is_value counterfactual $key 12
done
is_value counterfactual digit_new_rose '-?[0-9.e-]+'

is "$(mpcat --json "$results/counterfactual/digit/first.mp" | jq -r .reference)" \
	"$(mpcat --json "$results/counterfactual/digit/books.mp" | jq -rs '.[0].text')" "counterfactual: the page has the first changed book"
read -r place was became < <(mpcat --tsv=change.place,change.from,change.to "$results/counterfactual/digit/books.mp" | sed -n 2p)
grep -q "^Digit $place of the number asked for was $was, and became $became\. Point" "$results/counterfactual/report.md"
ok $? "counterfactual: and the report says what was changed in it"

runs phonebook-published
for key in published_published_exact published_fixed_book fixed_published_exact fixed_fixed_digits; do
	is_value phonebook-published ${key}_of '20|200'
done
is_value phonebook-published floor_answer '22\.[56][0-9]*'
is_value phonebook-published fixed_floor_answer 0

# as small as the others here, and on the CPU
runs phonebook-63m DEVICE=cpu
for key in fixed_exact_of published_exact_of; do
	is_value phonebook-63m $key 20
done

runs probes TEMPERATURES='0.5 1.5'
for key in lines_1_exact lines_5_exact short_8_exact answer_greedy_exact answer_0_5_exact ask_1_5_exact \
	absent_from_weights absent_from_other_chance twice_from_asked all_same_from_asked; do
	is_value probes ${key}_of 12
done
is_value probes lines_1_longest '[1-9][0-9]'

runs digits PUBLISHED="$results/phonebook-published" GLANCE=8
is_value digits half_step '20|40'
for key in half_digit_1 half_forced_10 trained_digits_all published_digit_3_chance crossed_exact published_first_name; do
	is_value digits ${key}_of '12|120'
done
is "$(wc -l <"$results/digits/steps.tsv")" 2 "digits: every model on the way"

runs certainty
is_value certainty first_entropy_1_of 60
is_value certainty ask_within_4_of 12
is_value certainty answer_10_of 12
# The exact numbers are those of the books and the list, whatever the model is: at the first
# letter of a line's name the entropy of first letters; at that of a name asked for, the book's.
is "$(awk '{ n[substr($0, 1, 1)]++ } END { for (i in n) h -= n[i] / NR * log(n[i] / NR); printf "%.4f", h }' \
	testdata/names.txt)" "$(awk '$1 == "first_exact_entropy_1" { printf "%.4f", $2 }' "$results/certainty/summary.tsv")" \
	"certainty: the list's entropy at the first letter"
is "$(phonegen --count 12 --seed 51 | mpcat --text | awk '
	/^{B}/ { split("", n); m = 0; next } /^=/ { for (i in n) h -= n[i] / m * log(n[i] / m); rule = 1; next }
	rule { rule = 0; next } /:/ { n[substr($0, 1, 1)]++; m++ } END { printf "%.4f", h / 12 }')" \
	"$(awk '$1 == "ask_exact_entropy_1" { printf "%.4f", $2 }' "$results/certainty/summary.tsv")" \
	"certainty: the book's entropy at the first letter of the name asked for"

runs heads GLANCE=8
for key in whole_exact head_0_0_without_exact head_1_1_without_exact head_0_1_cost head_1_0_mean_cost; do
	is_value heads ${key}_of 12
done
is_value heads head_1_1_next '0\.[0-9]+'
is_value heads head_0_1_books_induction '0\.[0-9]+'
is_value heads right_from_step '(20|40)?' # nothing if the last model has no answer right
is "$(grep -cE '^[01]	[01]	' "$results/heads/scores.tsv") $(head -n 1 "$results/heads/by-span.tsv" | cut -f 1-4 | tr '\t' ' ')" \
	"4 layer head place to" "heads: the page has the scores of four heads, and attention by span"
is "$(awk -F '\t' '{ print NF }' "$results/heads/steps.tsv" | xargs)" "11 11" "heads: two models on the way, four heads"

runs circuit PROOF=10 DRAWS=2
for key in numbers_head_1_1 asked_mlp_0; do
	is_value circuit ${key}_of 12
done
is_value circuit graph_exact_of 10

done_testing
