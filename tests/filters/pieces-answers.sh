#!/bin/bash
# pieces-answers.sh - phone books and quizzes whose tokens are pieces of text: from text and from tokens, each
# program says the same of them.
# shellcheck source=tests/lib.sh disable=SC2016 # of jq
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

"$tools/mkmodel" model "@$ROOT/testdata/bpe" 2 4 16 128 1 6
phonegen --count 20 --seed 3 --entries 1-2 >book.text
qamix -q "$ROOT/testdata/quiz.jsonl" --fact keep --count 20 >true.text
qamix -q "$ROOT/testdata/quiz.jsonl" --fact wrong --count 20 >wrong.text

# both COMMAND FORM: what it says of data in this form, text or tok
both() {
	is "$(eval "$1" <"$data.text")" "$(eval "$1" <"$data.tok")" "$data: $1"
}

for data in book true wrong; do
	tokenize --vocab model <$data.text >$data.tok
	is "$(tokenize -d <$data.tok | mpcat | jq -c '.spans[] | select(.[2] != "fact")')" \
		"$(mpcat $data.text | jq -c '.spans[] | select(.[2] != "fact")')" "$data: spans come back from tokens"
	both data-lint
	both 'gpt-score -q model | recall-score'
	both 'gpt-score -q model --lens | topk-dump --lens'
	both 'gpt-score -q model --from answer --ablate 0.1,1 | topk-dump'
	both 'attn-dump -q model --by-span'
	both 'attn-dump -q model --layer 1 --head 2 --rows answer | mpcat'
	both 'act-dump -q model --at resid_post --layer 1 --rows answer | mpcat'
	both 'head-score -q model --over /dev/stdin'
	both 'gpt-sample -q model --from answer --max-tokens 20 | recall-score --each'
	both 'gpt-sample -q model --from answer --max-tokens 20 | recall-score'
	both 'gpt-sample -q model --from answer --max-tokens 20 --samples 2 | repeat-score'
	both 'gpt-sample -q model --from answer --max-tokens 20 --greedy | topk-dump'
	both 'gpt-sample -q model --from answer --max-tokens 5 --ablate 0.1 | gpt-score -q model | mpcat --text'
done
data=book
both 'gpt-sample -q model --from ask --max-tokens 30 | recall-score --each'
both 'gpt-sample model --from answer --max-tokens 5 2>&1 >/dev/null'
is "$(gpt-sample model --from answer --max-tokens 5 2>&1 >/dev/null <book.tok)" \
	"gpt-sample: 20 of 20 prompts end before the answer span begins, because it begins within a token" "which is said"

for form in text tok; do
	gpt-score -q model --ablate 0.1 --ablate-to mean --mean-over book.$form wrong.text | topk-dump >mean.$form
done
cmp mean.text mean.tok && [ -s mean.tok ]
ok $? "the mean of a head over text is that over its tokens"

# An answer behind a space and the same at the beginning of its fact are other tokens, but the same text.
is "$(attn-dump -q model --by-span <true.tok | awk -F '\t' '$3 == "all" && ($4 == "next" || $4 == "same") { print $8 }' | sort -u)" 20 \
	"attn-dump --by-span finds the place that each answer repeats"
[ "$(attn-dump -q model --by-span true.tok | awk -F '\t' '$3 == "all" && $4 == "next"' | wc -l)" -eq 8 ]
ok $? "in each head"

# ---- right answers ----

# right NUMBER COMMAND...: generations after COMMAND, but as if the model had written NUMBER and the rest
right() {
	local filter=$1
	shift
	"$@" | mpcat | jq -c "$filter"' | .text = .reference[:.prompt] + $wrote | .steps = [] | .stop = "stop"' |
		"$tools/mkstream" generations '{"sampling": {"from": "'"$from"'"}, "probs": 5}'
}
from=answer
for data in book true wrong; do
	for form in text tok; do
		right '.reference[.prompt:] as $wrote' gpt-sample -q model --from answer --max-tokens 1 $data.$form >right.mp
		is "$(recall-score right.mp | grep '^exact_right')" "exact_right	20" "$data.$form: right answers are right"
		right 'first(.spans[] | select(.[2] == "answer")) as $answer | .reference[$answer[0]:] as $wrote' \
			gpt-sample -q model --from answer --max-tokens 1 $data.$form >right.mp
		is "$(recall-score right.mp | grep '^exact_right')" "exact_right	20" "without the space before them, too"
		is "$(repeat-score right.mp | cut -f 3)" "$(recall-score --each right.mp | jq -rR \
			'split("\t")[7] | if . == "given" then "characters" else length end')" "repeat-score counts the answers"
	done
done
from=ask
right '.reference[.prompt:] as $wrote' gpt-sample -q model --from ask --max-tokens 1 book.text >right.mp
is "$(recall-score right.mp | grep -E '^(exact|name)_right' | xargs)" "exact_right 20 name_right 20" "names that the model chose"
is "$(recall-score right.mp | grep ^contextual)" "" "of a book nothing else is said"
from=answer
right '.reference[.prompt:] as $wrote' gpt-sample -q model --from answer --max-tokens 1 wrong.tok >right.mp
is "$(recall-score right.mp | grep -E '^(contextual|parametric)_right' | xargs)" "contextual_right 0 parametric_right 20" \
	"true answers beside a wrong fact"
right 'first(.spans[] | select(.[2] == "contextual")) as $place | first(.spans[] | select(.[2] == "answer")) as $answer |
	(.reference[.prompt:$answer[0]] + .reference[$place[0]:$place[1]] + "{E}\n") as $wrote' \
	gpt-sample -q model --from answer --max-tokens 1 wrong.tok >right.mp
is "$(recall-score right.mp | grep -E '^(contextual|parametric)_right' | xargs)" "contextual_right 20 parametric_right 0" \
	"and answers of the fact"

done_testing
