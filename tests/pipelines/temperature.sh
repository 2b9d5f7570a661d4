#!/bin/bash
# temperature.sh - the pipelines about temperatures and about the article's largest network on
# quiz and instructions, with networks that are too small to know anything; stopped and gone on.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

# lasting FOLDER: its summary, without how long it took
lasting() {
	grep -v '^train_seconds'$'\t' "$results/$1/summary.tsv"
}

# killed PROGRAM REGEX FILE: the programs of in_place_of, of which this one, where its arguments match, is
# killed as soon as FILE is there, as when the machine is switched off
killed() {
	local programs
	programs=$(cd "$BUILD" && pwd)
	in_place_of "$1" <<-END
		#!/bin/bash
		arguments=\$*
		[[ \$arguments =~ $2 ]] || exec "$programs/$1" "\$@"
		"$programs/$1" "\$@" &
		until [ -e "$3" ]; do sleep 0.01; done
		kill -9 \$! \$\$
	END
}

# ---- qamix-63m ----

export SMALL=1 ASKED=8 EVALUATED=20 EVAL_EVERY=4 MODEL='--layers 1 --heads 2 --width 16'
runs qamix-63m BATCH=32
is_value qamix-63m characters 63477
is_value qamix-63m steps 55 # 7 * 63477 / (32 * 256) is 54.2
is_value qamix-63m epochs '7\.[01][0-9]*'
is_value qamix-63m warmup 2
is_value qamix-63m parameters '[0-9]{4}'
for key in train_keep_exact val_keep_both val_drop_exact train_wrong_contextual val_other_neither val_drop_opens; do
	is_value qamix-63m ${key}_of 8
done
is "$(awk '$1 ~ /_drop_contextual|_article_/' "$results/qamix-63m/summary.tsv")" "" \
	"qamix-63m: without a fact none is followed, and a loss that is not reached has no epoch"
is "$(head -n 1 "$results/qamix-63m/trained/curve.tsv" | cut -f 1) $(tail -n 1 "$results/qamix-63m/trained/curve.tsv" | cut -f 1)" "0 55" \
	"qamix-63m: the curve goes from the untrained network to the last step"
awk '{ value[$1] = $2 } END { d = value["start_loss"] - log(value["vocabulary"]); exit !(d < 0.05 && d > -0.05 &&
	value["best_loss"] < value["start_loss"] - 0.5) }' "$results/qamix-63m/summary.tsv"
ok $? "qamix-63m: it begins at the logarithm of the vocabulary's size, and learns"
is "$(grep -c '^    {B}' "$results/qamix-63m/report.md")" 4 "qamix-63m: the article's prompts"
is "$(mpcat --header "$results/qamix-63m/answers/val-keep/answers.mp" | jq -r '.model.chain[].args | join(" ")' |
	grep -o -- '--pack text')" "--pack text" "qamix-63m: on running text"

# Items of one's own, as a JSON array, longer than the context, in a folder with a blank; a number
# of steps; killed on the way.
jq -sc 'map(.output += " " + (.output * 9))' testdata/platypus-sample.jsonl >"$TMP/a platypus.json"
head -n 60 testdata/quiz.jsonl >"$TMP/a quiz.jsonl"
own=(BATCH=8 STEPS=300 CONTEXT=200 HELD_OUT=0.3 INSTRUCTIONS="$TMP/a platypus.json" QUIZ="$TMP/a quiz.jsonl" EPOCHS=1)
runs qamix-63m "${own[@]}"
is_value qamix-63m steps 300
is_value qamix-63m context 200
is_value qamix-63m characters '[0-9]{6}'
is_value qamix-63m val_wrong_contextual_of '[1-8]'
whole=$(lasting qamix-63m)
killed gpt-train steps.300 "$results/again/trained/model/last/training.safetensors"
! env BUILD="$broken" OUT="$results/again" "${own[@]}" pipelines/qamix-63m >"$TMP/log" 2>&1 &&
	grep -q '^qamix-63m: failed while training' "$TMP/log"
ok $? "qamix-63m: a training that fails fails the pipeline"
[ ! -e "$results/again/trained/trained" ] && [ -e "$results/again/trained/untrained/trained" ] && [ ! -e "$results/again/report.md" ]
ok $? "qamix-63m: it is not taken for done"
killed gpt-sample asked/val-other /
! env BUILD="$broken" OUT="$results/again" "${own[@]}" pipelines/qamix-63m >"$TMP/log" 2>&1 &&
	grep -q '^qamix-63m: failed while asking' "$TMP/log"
ok $? "qamix-63m: so does a program that asks"
[ -e "$results/again/trained/trained" ] && [ -e "$results/again/trained/metrics.mp" ]
ok $? "qamix-63m: after the training came to its end"
env OUT="$results/again" "${own[@]}" pipelines/qamix-63m >"$TMP/log" 2>&1 && ! grep -q '^gpt-train' "$TMP/log"
ok $? "qamix-63m: which is not done again"
is "$(lasting again)" "$whole" "qamix-63m: stopped twice, it comes to the same numbers"
unset SMALL ASKED EVALUATED EVAL_EVERY

# ---- temperature ----

# The first time there are no models, and pipelines/facts is run; a few questions do.
export FACTS=$TMP/facts SAMPLES=3 QUESTIONS=5 TEMPERATURES='0.01 0.5 1.0 1.5'
export QUIZ="$TMP/a quiz.jsonl" HELD_OUT=0.3
MODEL='--layers 1 --heads 2 --width 16 --context 256' RECIPE='--lr 1e-2' STEPS=60 BATCH=16 KEEP_EVERY=30 ROUNDS=1 \
	runs temperature
[ -e "$FACTS/report.md" ]
ok $? "temperature: where there are no models, pipelines/facts is run"
for model in early half trained; do
	for key in fact_greedy_right bare_0_01_any bare_held_1_0_opens bare_0_5_letters fact_held_1_5_distinct bare_1_5_real bare_0_5_recited; do
		is_value temperature ${model}_${key}_of 5
	done
	is_value temperature ${model}_fact_right_rise_of 5
done
is_value temperature early_step '30|60'
is_value temperature half_step '30|60'
is_value temperature questions_held 5
is "$(awk -F '\t' '$1 ~ /_greedy_distinct$/ && $2 != 1' "$results/temperature/summary.tsv")" "" \
	"temperature: greedy has one answer"
is "$(tail -n +2 "$results/temperature/questions.tsv" | wc -l)" $((3 * 4 * 5 * 5)) \
	"temperature: models, sets, temperatures and questions"
is "$(grep -c '^| greedy | `' "$results/temperature/report.md")" 4 "temperature: samples side by side"
# by another way: of the texts of one question how many differ, how long they are, how many open
# a bracket, and how many of their 4-grams of characters stood before
first=$(mpcat --json "$results/temperature/trained-bare-1.0/answers.mp" | jq -s '.[0].id')
is "$(mpcat --json "$results/temperature/trained-bare-1.0/answers.mp" | jq -rs --argjson id "$first" '
	def mean: add / length * 1000 | round;
	[.[] | select(.id == $id) | .text[.prompt:] | sub("[{]E[}].*"; ""; "s")] |
	[(unique | length), (map(length) | mean), (map(if startswith("(") then 1 else 0 end) | mean), (map(select(length > 3) |
		ascii_downcase | gsub("[\n\t]"; " ") | gsub("[^ -~]"; "\u0001") | . as $text |
		[range(length - 3) | $text[.:. + 4]] | 1 - (unique | length) / length) | mean)] | @tsv')" \
	"$(awk -F '\t' -v OFS='\t' -v id="$first" '$1 == "trained" && $2 == "bare" && $3 == "1.0" && $4 == id {
		print $8, int($9 * 1000 + 0.5), int($14 * 1000 + 0.5), int($12 * 1000 + 0.5) }' "$results/temperature/questions.tsv")" \
	"temperature: what is counted of a question"
whole=$(cat "$results/temperature/summary.tsv")

# Stopped where the third model has begun, by a program that is killed; run again, it goes on.
killed gpt-sample 'given/model.--from.*temperature=0.5.*/bare.mp' /
rm -rf "$results/again"
! BUILD=$broken OUT="$results/again" pipelines/temperature >"$TMP/log" 2>&1 &&
	grep -q '^temperature: failed while asking those' "$TMP/log"
ok $? "temperature: a program that fails fails the pipeline"
[ -d "$results/again/trained-bare-0.01" ] && [ ! -e "$results/again/trained-bare-0.5" ] && [ ! -e "$results/again/report.md" ]
ok $? "temperature: what was not whole is not kept"
touch -d 2001-01-01 "$results/again"/*/answers.mp
OUT="$results/again" pipelines/temperature >"$TMP/log" 2>&1
ok $? "temperature: it goes on"
is "$(find "$results/again" -name answers.mp -newermt 2002-01-01 | sed 's/.*again.//' | grep -vc '^trained-\(bare\|fact_held\|bare_held\|article\)')" \
	0 "temperature: what was there is not asked again"
is "$(cat "$results/again/summary.tsv")" "$whole" "temperature: it comes to the same numbers"

# Other questions, at other temperatures.
head -n 100 testdata/platypus-sample.jsonl | jq -s . >"$TMP/a sample.json"
runs temperature INSTRUCTIONS="$TMP/a sample.json" HELD_OUT=0.2 LONGEST=200 \
	TEMPERATURES='0.9 2' QUESTIONS=4 SAMPLES=2
is_value temperature half_fact_held_0_9_right_of 4
is_value temperature trained_bare_2_distinct '[12](\.[0-9]*)?'

TEMPERATURES='1.0 1.5' OUT="$TMP/none" pipelines/temperature >"$TMP/log" 2>&1
is $? 2 "temperature: temperatures on both sides of 1"

done_testing
