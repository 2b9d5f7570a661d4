# facts.report.sh - what pipelines/facts concludes, and the tables of its report.
# shellcheck shell=bash disable=SC2154 # pipelines/facts sets the variables

# ---- verdicts ----

verdict_prefers() {
	if holds 'given_train_wrong_all_contextual_low > given_train_wrong_all_parametric_high'; then
		echo "Yes, the context comes first"
	elif holds 'given_train_wrong_all_contextual_high < given_train_wrong_all_parametric_low'; then
		echo "No, the weights come first"
	else
		echo "Neither is shown to come first"
	fi
}

verdict_retrieves() {
	if holds 'given_val_keep_all_exact_low > 0.5'; then
		echo "Yes"
	elif holds 'given_val_keep_all_exact_high < 0.5 && given_train_keep_all_exact_low > 0.5'; then
		echo "No, it knows question, fact and answer by heart"
	else
		echo "This run does not settle it"
	fi
}

verdict_words() {
	if holds 'given_train_wrong_words_parametric_low > given_train_wrong_numbers_parametric_high'; then
		echo "Words are known better than numbers"
	elif holds 'given_train_wrong_words_parametric_high < given_train_wrong_numbers_parametric_low'; then
		echo "Numbers are known better than words"
	else
		echo "No difference is shown"
	fi
}

verdict_hallucinates() {
	if holds 'given_train_drop_all_brackets_low > half_train_drop_all_brackets_high'; then
		echo "Yes, since it has seen no question without one"
	else
		echo "Not shown"
	fi
}

# most KIND: the key of the head that attends most to the character that comes next, at its
# place in the fact
most() {
	awk -F '\t' -v word="given_$1_head_" '
		index($1, word) == 1 && $1 ~ /_next$/ && $2 > best { best = $2; key = $1 }
		END { print key }' "$OUT/summary.tsv"
}

# head KEY: a head of most, for people
head_of() {
	awk -F _ '{ print $4 "." $5 }' <<<"$1"
}

# differ: how many heads look at something more or less for words than for numbers, by the intervals
differ() {
	awk -F '\t' '
		$1 ~ /^given_(words|numbers)_head_.*_(low|high)$/ { value[$1] = $2 }
		END {
			for (k in value)
				if (k ~ /^given_words_.*_low$/) {
					high = k; sub(/_low$/, "_high", high)
					low = k; sub(/words/, "numbers", low)
					other = high; sub(/words/, "numbers", other)
					head = k; sub(/_[a-z]+_low$/, "", head)
					heads[head] += value[k] > value[other] || value[high] < value[low]
				}
			for (head in heads) { n++; differ += heads[head] > 0 }
			print differ + 0 " of " n
		}' "$OUT/summary.tsv"
}

verdict_attention() {
	local words numbers
	words=$(most words)
	numbers=$(most numbers)
	if holds "${words}_high < 0.2 && ${numbers}_high < 0.2"; then
		echo "It differs, by the intervals, in $(differ) heads, and none looks the answer up"
	elif holds "${words}_low > 0.2 || ${numbers}_low > 0.2"; then
		echo "It differs, by the intervals, in $(differ) heads; a head looks the answer up"
	else
		echo "It differs, by the intervals, in $(differ) heads; whether one looks the answer up is not shown"
	fi
}

# ---- tables ----

network() {
	[ "$1" = given ] && echo "always with a fact" || echo "also without"
}

# rows FUNCTION: a row for each network, part and kind: its name, and the cells that FUNCTION prints
# for MODEL_PART and KIND
rows() {
	local model part kind
	for model in "${models[@]}"; do
		for part in "${parts[@]}"; do
			for kind in "${kinds[@]}"; do
				echo "| $(network "$model") | $([ "$part" = train ] && echo "trained on" || echo "held out") | $kind |$(
					"$1" "${model}_$part" "$kind")"
			done
		done
	done
}

right() {
	shares "$1_keep_$2_exact" "$1_drop_$2_exact"
}

# follows FACT MODEL_PART KIND: cells about facts that say something else
follows() {
	local key=$2_$1_$3
	shares "$key"_{contextual,parametric,neither,memorization_ratio,likelier}
	numbers 2 "${key}_nats"
}

follows_wrong() {
	follows wrong "$@"
}

follows_other() {
	follows other "$@"
}

# examples: some answers to wrong facts, as they came. Their signs are no marks of Markdown.
examples() {
	local kind
	for kind in "${kinds[@]}"; do
		awk -F '\t' 'FNR > 1 && FNR < 5 {
			gsub(/[][\\`*_|<>&~!]/, "\\\\&")
			printf "| %s | %s | %s |\n", $9, $14, $8
		}' "$OUT/given/train-wrong-$kind/each.tsv"
	done
}

table_heads() {
	local head
	awk -F '\t' '$1 ~ /^given_words_head_[0-9]+_[0-9]+_next$/ { split($1, part, "_"); print part[4] "_" part[5] }' \
		"$OUT/summary.tsv" | sort -t _ -k 1,1n -k 2,2n | while read -r head; do
		echo "| ${head/_/.} |$(shares "given_"{words,numbers}"_head_${head}_next" "given_"{words,numbers}"_head_${head}_contextual" \
			"given_"{words,numbers}"_head_${head}_fact" "given_"{words,numbers}"_head_${head}_question")"
	done
}
