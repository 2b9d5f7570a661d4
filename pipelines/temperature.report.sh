# temperature.report.sh - what pipelines/temperature concludes, and the tables of its report.
# shellcheck shell=bash disable=SC2154 # pipelines/temperature sets the variables

# name WORD: of a model, for people
name() {
	[ "$1" = half ] && echo half-trained || echo "$1"
}

# at WORD_SET TEMPERATURE COLUMN [FACTOR [DECIMALS [UNIT]]]: of the summary, for people
at() {
	all_of "$1_${2/./_}_$3" "${@:4}"
}

# since WORD: up to where it repeats itself more than people
since() {
	local from
	from=$(of "$1_bare_gone_from" || true)
	case $from in
		'') echo "by the $(name "$1") model still at $highest" ;;
		0) echo "by the $(name "$1") model nowhere" ;;
		*) echo "by the $(name "$1") model below $from" ;;
	esac
}

verdict_repeats() {
	local word from latest=0
	for word in "${models[@]}"; do
		from=$(of "${word}_bare_gone_from" || echo 1e9)
		holds "$from <= $latest" || latest=$from
	done
	if [ "$latest" = 0 ]; then
		echo "There is none to go away"
	elif [ "$latest" = 1e9 ] || holds "$latest > $from_one"; then
		echo "It stays beyond $from_one"
	elif holds "$latest < 1"; then
		echo "No, it goes away before 1.0"
	else
		echo "Yes"
	fi
}

# best: the temperature at which most questions have a right one among the half-trained
# model's texts, with their fact
best() {
	local t
	for t in $TEMPERATURES; do
		printf '%s\t%s\n' "$t" "$(of "half_fact_${t/./_}_any")"
	done | sort -t "$(printf '\t')" -k 2,2gr -s | head -n 1 | cut -f 1
}

verdict_bangers() {
	local key up=0 down=0
	for key in half_fact_right trained_fact_right trained_bare_recited; do
		! holds "${key}_rise_low > 0" || up=$((up + 1))
		! holds "${key}_rise_high < 0" || down=$((down + 1))
	done
	case $down$up in
		3*) echo "No, the right answers are below 1.0" ;;
		03) echo "Yes" ;;
		?0) [ $down -eq 0 ] && echo "Not shown" || echo "No, as far as it is shown" ;;
		0?) echo "Yes, as far as it is shown" ;;
		*) echo "Not shown" ;;
	esac
}

verdict_yaps() {
	! holds "trained_bare_${from_one/./_}_opens_low > trained_fact_${from_one/./_}_opens_high" && echo "Not shown" || echo "Yes"
}

# texts SET ANSWER: what each model wrote first to the article's question with that answer, a
# row for each temperature
texts() {
	local t word
	printf '| temperature |'
	printf ' %s |' "$(name early)" "$(name half)" "$(name trained)"
	printf '\n| --- | --- | --- | --- |\n'
	for t in greedy $TEMPERATURES; do
		printf '| %s |' "$t"
		for word in "${models[@]}"; do
			awk -F '\t' -v want="$2" '
				NR > 1 && $9 == want && $2 == 0 {
					text = length($8) > 120 ? substr($8, 1, 120) "..." : $8
					gsub(/`/, "\047", text); gsub(/\|/, "\\|", text)
					printf text == "" ? " |" : " `%s` |", text
				}' "$OUT/$word-$1-$t/each.tsv"
		done
		printf '\n'
	done
}

table_repeats() {
	local word t key
	for word in "${models[@]}"; do
		for t in greedy $TEMPERATURES; do
			key=${word}_bare_${t/./_}
			echo "| $(name "$word") | $t |$(shares "$key"_{letters,letters_excess,words,words_excess})$(numbers 0 "${key}_length")$(shares "$key"_{real,opens})"
		done
	done
}

table_right() {
	local word t key held
	for word in "${models[@]}"; do
		for t in greedy $TEMPERATURES; do
			key=${word}_fact_${t/./_}
			held=${word}_fact_held_${t/./_}
			echo "| $(name "$word") | $t |$(shares "$key"_{right,any})$(numbers 1 "${key}_distinct")$(shares "$held"_{right,any})$(numbers 1 "${held}_distinct")$(
				key=${word}_bare_${t/./_}
				shares "$key"_{right,recited}
				numbers 1 "${key}_distinct")"
		done
	done
}

table_rises() {
	local word key
	for word in "${models[@]}"; do
		printf '| %s |' "$(name "$word")"
		for key in fact_right fact_right_last fact_any bare_recited; do
			printf ' %s |' "$(all_of "${word}_${key}_rise" 100 1 '')"
		done
		printf '\n'
	done
}
