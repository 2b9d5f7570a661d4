#!/bin/bash
# quizzes.sh - the pipelines about questions and facts, with networks that are too small to
# know anything; stopped and gone on.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

# ---- sizes ----

export STEPS=20 BATCH=4 EVAL_EVERY=10 SIZES='1.7k:1e-2:2.9 30k:3e-3:9'
runs sizes JOBS=2
for key in size_1_7k_start size_1_7k_best size_1_7k_best_low size_30k_last_train; do
	is_value sizes $key '[0-9]\.[0-9]+'
done
is_value sizes size_1_7k_best_of 24
is_value sizes questions 178
is_value sizes size_30k_article_epoch 0
is "$(awk '$1 ~ /1_7k_article_/' "$results/sizes/summary.tsv")" "" "sizes: a loss that is not reached has no epoch"
# an untrained network gives all characters much the same probability
awk '{ value[$1] = $2 } END { exit !(value["size_1_7k_start"] < log(value["vocabulary"]) + 0.05 &&
	value["size_1_7k_start"] > log(value["vocabulary"]) - 0.05) }' "$results/sizes/summary.tsv"
ok $? "sizes: the curve begins at the logarithm of the vocabulary's size"
# the mean loss over the held-out questions is the validation's, by another program
awk -F '\t' 'NR == FNR { value[$1] = $2; next } $2 < best || FNR == 1 { best = $2 }
	END { d = value["size_30k_best"] - best; exit !(d < 1e-4 && d > -1e-4) }' \
	"$results/sizes/summary.tsv" "$results/sizes/30k/curve.tsv"
ok $? "sizes: gpt-score finds the loss that gpt-train found"

# A job that was cut off, and one that had not begun.
whole=$(cat "$results/sizes/summary.tsv")
in_place_of gpt-train <<END
#!/bin/bash
# of the larger network, which is first, it ends as when the machine is switched off
case "\$*" in
*untrained*) exec "$(cd "$BUILD" && pwd)/gpt-train" "\$@" ;;
*)
	"$(cd "$BUILD" && pwd)/gpt-train" "\$@" &
	until [ -s "$results/sizes/30k/metrics.mp" ]; do
		sleep 0.01 # the header stands there if the first step is under way
	done
	kill -9 \$!
	kill -9 \$\$ ;;
esac
END
rm "$results/sizes/report.md" "$results/sizes"/*/trained "$results/sizes/jobs.tsv"
rm -r "$results/sizes"/*/model "$results/sizes"/*/metrics.mp
! BUILD=$broken OUT="$results/sizes" JOBS=1 pipelines/sizes >"$TMP/log" 2>&1 && grep -q '^sizes: failed' "$TMP/log"
ok $? "sizes: a job that fails fails the pipeline"
[ -s "$results/sizes/30k/metrics.mp" ] && ! mpcat "$results/sizes/30k/metrics.mp" >/dev/null 2>&1
ok $? "sizes: what it measured has no end"
runs sizes JOBS=2
is "$(cat "$results/sizes/summary.tsv")" "$whole" "sizes: run again, it comes to the same numbers"

# ---- facts ----

export STEPS=20 KEEP_EVERY=10 ROUNDS=2 MODEL='--layers 1 --heads 2 --width 16 --context 256'
runs facts
is_value facts train_words 115
is_value facts train_numbers 63
for key in given_train_keep_all_exact half_train_drop_all_exact given_train_keep_all_both; do
	is_value facts ${key}_of 178
done
for key in given_train_wrong_all_contextual half_train_wrong_all_parametric given_train_other_all_likelier \
	given_train_wrong_all_nats; do
	is_value facts ${key}_of 356
done
is_value facts given_train_recited_fact_of 178
is_value facts given_val_recited_answer_of 24
is_value facts half_val_wrong_numbers_neither_of 12
is_value facts given_words_head_0_1_contextual '0\.[0-9]+'
is "$(awk '$1 ~ /_drop_.*contextual/' "$results/facts/summary.tsv")" "" "facts: without a fact, none is followed"
is "$(wc -l <"$results/facts/course.tsv")" 2 "facts: every model on the way"
# attention adds up: the answer's rows look at the fact, the question and little else
awk '$1 ~ /^given_words_head_0_0_(next|contextual|fact|question)$/ { sum += $2 } END { exit !(sum > 0.6 && sum < 1) }' \
	"$results/facts/summary.tsv"
ok $? "facts: shares of attention"
# both answers' prompts are the same
for set in train-wrong-words val-other-numbers; do
	is "$(mpcat "$results/facts/asked/$set.mp" | jq -c '[.id, .text[:.spans[-1][0]]]' | cksum)" \
		"$(mpcat "$results/facts/asked/$set-stated.mp" | jq -c '[.id, .text[:.spans[-1][0]]]' | cksum)" \
		"facts: $set: one prompt for both answers"
done

# Ctrl-C in the second training: it is said, and the next run goes on with it. A few questions do.
head -n 40 testdata/quiz.jsonl >"$TMP/few.jsonl"
few=(QUIZ="$TMP/few.jsonl" HELD_OUT=0.3)
in_place_of gpt-train <<END
#!/bin/bash
# ends as at Ctrl-C, in good order, after 10 steps
case "\$*" in
*half*) set -- "\${@/#20/10}" ;;
esac
exec "$(cd "$BUILD" && pwd)/gpt-train" "\$@"
END
! env BUILD="$broken" OUT="$results/facts" "${few[@]}" pipelines/facts >"$TMP/log" 2>&1 &&
	grep -q '^facts: stopped at step 10 of 20: run it again to go on$' "$TMP/log"
ok $? "facts: a training that was stopped says so"
began=$(stat -c %Y "$results/facts/given/trained")
runs facts "${few[@]}"
is "$(stat -c %Y "$results/facts/given/trained")" "$began" "facts: the first training is not done again"
grep -q 'going on from step 10' "$TMP/log"
ok $? "facts: the second goes on"
is "$(mpcat --tsv=step,loss "$results/facts/half/metrics.mp" | awk -F '\t' '$2 != "" { print $1 }' | paste -sd ' ')" "step 10 20" "and does not begin anew"
runs facts ROUNDS=1 "${few[@]}"
is_value facts given_train_wrong_all_contextual_of "$(qamix -q --val 0.3 --max-length 256 "$TMP/few.jsonl" | mpcat | wc -l)"

done_testing
