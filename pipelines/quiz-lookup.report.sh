# quiz-lookup.report.sh - what pipelines/quiz-lookup says about its networks: the summary, tables and verdicts.
# shellcheck shell=bash disable=SC2153,SC2154 # the pipeline sets them

# cells: a line for each kind of network: invented answers of a question, how many questions, key
cells() {
	local k n
	for k in $NONCES; do
		echo "$k all nonces_$k"
	done
	for n in $QUESTIONS; do
		echo "0 $n questions_$n"
	done
}

# shares_of NONCES QUESTIONS KEY: the shares of each network of that kind, a line each
shares_of() {
	local seed
	for ((seed = SEED; seed < SEED + SEEDS; seed++)); do
		awk -F '\t' -v OFS='\t' -v key="$3" '$3 > 0 { print key "_" $1, $2 / $3 }' "$OUT/networks/$1-$2-$seed/shares.tsv"
	done
}

# times QUESTIONS NONCES: how many times each answer of a question came in training, on average
times() {
	awk -v records=$((STEPS * BATCH)) -v n="$1" -v k="$2" 'BEGIN { printf "%.4g\n", k == 0 ? 1 : records / n / k }'
}

summary() {
	local k n key all
	all=$(wc -l <"$OUT/questions-all.jsonl")
	printf 'records\t%d\nquestions\t%d\nheld_out\t%d\n' $((STEPS * BATCH)) "$all" "$(mpcat "$OUT/held.mp" | jq .item.line | sort -u | wc -l)"
	mpcat "$OUT/vocab.mp" | jq -r '"characters\t\(.tokens | length)"' | confint --mean | head -n 1
	while read -r k n key; do
		printf '%s_times\t%s\n' "$key" "$(times "$([ "$n" = all ] && echo "$all" || echo "$n")" "$k")"
		shares_of "$k" "$n" "$key" | confint --mean
	done < <(cells) | awk -F '\t' -v OFS='\t' '
		# no share is beyond 0 or 1, though the interval of a mean may be
		$1 !~ /_(of|times)$/ { $2 = $2 < 0 ? 0 : $2 > 1 ? 1 : $2 }
		{ print }'
}

# ---- picture ----

# points KEY...: for the picture, a line for each of these kinds of networks: answers to trained questions that are looked up
# and by heart, answers to held-out questions that are looked up, each with its interval
points() {
	local key
	for key; do
		echo "${key#*_}$(intervals "$key"_{new_all_lookup,held_all_lookup,new_all_heart})"
	done
}

picture() {
	# shellcheck disable=SC2046,SC2086 # lists of words
	{
		points $(printf 'nonces_%s ' $NONCES) >"$OUT/nonces.tsv"
		points $(printf 'questions_%s ' $QUESTIONS) >"$OUT/questions.tsv"
	}
	[ "$(many)" != nonces_0 ] || echo "$(of questions)$(intervals nonces_0_{new_all_lookup,held_all_lookup,new_all_heart})" >>"$OUT/questions.tsv"
	plot quiz-lookup
}

# ---- verdicts ----

# few, many: the kinds of networks with the fewest and the most answers of a question
few() {
	echo "nonces_${NONCES%% *}"
}

many() {
	echo "nonces_${NONCES##* }"
}

# answers KEY: how many a question has, for people
answers() {
	case ${1#nonces_} in
	0) echo "a new answer each time" ;;
	1) echo "one answer" ;;
	*) echo "${1#nonces_} answers" ;;
	esac
}

# wins context|weights KEY: by the intervals, more new answers to trained questions are looked up than by heart, or fewer
wins() {
	if [ "$1" = context ]; then
		holds "$2_new_all_lookup_low > $2_new_all_heart_high"
	else
		holds "$2_new_all_lookup_high < $2_new_all_heart_low"
	fi
}

verdict_prefers() {
	if wins context "$(few)"; then
		echo "The context comes first, even if a question has $(answers "$(few)")"
	elif wins weights "$(many)"; then
		echo "The weights come first, even with $(answers "$(many)")"
	elif wins weights "$(few)" && wins context "$(many)"; then
		echo "Neither by nature: whether answers change decides"
	else
		echo "This run does not settle it"
	fi
}

# verdict_switch: up to how many answers of a question do the weights win, and from how many on does the context?
verdict_switch() {
	local k below='' from='' still=yes
	for k in $NONCES; do
		if wins context "nonces_$k"; then
			from=${from:-nonces_$k} still=''
		elif [ "$still" ] && wins weights "nonces_$k"; then
			below=nonces_$k
		else
			from='' still=''
		fi
	done
	if [ "$from" = "$(few)" ] || [ "$below" = "$(many)" ]; then
		echo "The $([ "$from" ] && echo "context wins" || echo "weights win") with all numbers of answers that were tried"
		return
	fi
	below=${below:+with $(answers "$below")$([ "$below" = "$(few)" ] || echo " and fewer")}
	from=${from:+with $(answers "$from")$([ "$from" = "$(many)" ] || echo " and more")}
	if [ "$from" ] && [ "$below" ]; then
		echo "The weights win $below, the context wins $from"
	elif [ "$from" ]; then
		echo "The context wins $from"
	elif [ "$below" ]; then
		echo "The weights win $below"
	else
		echo "This run does not settle it"
	fi
}

# verdict_retrieves: is the answer to a held-out question looked up?
verdict_retrieves() {
	local held many
	held=$(many)_held_all_lookup
	many=$(many)_new_all_lookup
	if holds "${held}_low > 0.5"; then
		echo "Yes, in facts that it has never seen, too"
	elif holds "${held}_high < 0.5 && ${held}_high < ${many}_low"; then
		echo "Only in facts that it knows"
	elif holds "${held}_high < 0.5"; then
		echo "No"
	else
		echo "This run does not settle it"
	fi
}

# verdict_questions: do more questions make it look up in facts that it has never seen?
verdict_questions() {
	local fewest=questions_${QUESTIONS%% *}_held_all_lookup most=nonces_0_held_all_lookup
	if [ "$(many)" != nonces_0 ]; then
		echo "Not asked"
	elif holds "${fewest}_high < ${most}_low"; then
		echo "Yes, more questions help"
	elif holds "${fewest}_low > ${most}_high"; then
		echo "No, fewer questions do better after a training of the same length"
	else
		echo "This run does not settle it"
	fi
}

verdict_words() {
	local words numbers
	words=$(many)_new_words_lookup
	numbers=$(many)_new_numbers_lookup
	if ! of "$words" >/dev/null || ! of "$numbers" >/dev/null; then
		echo "Not asked"
	elif holds "${words}_low > ${numbers}_high"; then
		echo "Words are looked up more often"
	elif holds "${words}_high < ${numbers}_low"; then
		echo "Numbers are looked up more often"
	else
		echo "No difference is shown"
	fi
}

# ---- tables ----

# list SUFFIX: for each number of answers of a question this share, as a list
list() {
	local k
	for k in $NONCES; do
		echo "with $(answers "nonces_$k") $(all_of "nonces_$k$1")"
	done | paste -sd ';' | sed 's/;/; /g'
}

table_nonces() {
	local k
	for k in $NONCES; do
		echo "| $([ "$k" = 0 ] && echo "new each time" || echo "$k") | $(of "nonces_${k}_times") |$(
			shares "nonces_$k"_{trained_all_lookup,new_all_lookup,new_all_heart,new_all_neither,held_all_lookup})"
	done
}

table_kinds() {
	local k
	for k in $NONCES; do
		echo "| $([ "$k" = 0 ] && echo "new each time" || echo "$k") |$(
			shares "nonces_$k"_{new_words_lookup,new_numbers_lookup,new_words_heart,new_numbers_heart})"
	done
}

table_questions() {
	local n
	for n in $QUESTIONS; do
		echo "| $n |$(shares "questions_$n"_{new_all_lookup,new_all_heart,held_all_lookup})"
	done
	[ "$(many)" != nonces_0 ] || echo "| $(of questions) |$(shares nonces_0_{new_all_lookup,new_all_heart,held_all_lookup})"
}

# examples: some answers to held-out questions by the first network with the most answers of a question
examples() {
	mpcat "$OUT/networks/${NONCES##* }-all-$SEED/held.mp" | jq -r '.spans[0] as $q | .text[$q[0]:$q[1]]' |
		paste - <(tail -n +2 "$OUT/networks/${NONCES##* }-all-$SEED/held.mp.each" | cut -f 8,14) | head -n 6 |
		awk -F '\t' '{ gsub(/[][\\`*_|<>&~!]/, "\\\\&"); printf "| %s | %s | %s |\n", $1, $3, $2 }'
}
