# which-heads.measure.sh - what pipelines/which-heads measures in one network: see measure.
# shellcheck shell=bash disable=SC2154,SC2153 # pipelines/which-heads sets the variables

# key PART: its name in the summary
key() {
	tr ':.' __ <<<"$1"
}

# parts head|mlp [MODEL]: the heads, or the feed-forward parts, of the network as act-patch names them, a line each
parts() {
	jq -r --arg place "$1" '. as $c | range($c.n_layer) as $l |
		if $place == "head" then range($c.n_head) | "head:\($l).\(.)" else "mlp:\($l)" end' "${2:-$model}/config.json"
}

# ---- patching ----

# texts NUMBER: the questions in which activations are replaced
texts() {
	[ "$1" = book ] && echo "$OUT/trace-book" || echo "$OUT/trace-directory-$kind"
}

# patched NUMBER OPTION...: lines of act-patch, if the partner has another number in the book, or asks for another person
patched() {
	act-patch --quiet --threads 1 --from "$(texts "$1")-partner.mp" "${@:2}" "$model" "$(texts "$1").mp" |
		awk -F '\t' 'NR > 1 && $11 != "-"'
}

# effects NUMBER: NUMBER_PART, the effect if this head or feed-forward part alone is the partner's
effects() {
	local sweep
	for sweep in head mlp; do
		patched "$1" --sweep $sweep --each all
	done | awk -F '\t' -v OFS='\t' -v number="$1" '{ gsub(/[:.]/, "_", $2); print number "_" $2, $11 }' | confint --mean
}

# ranked NUMBER: the heads, those with the largest effects first
ranked() {
	local part
	parts head | while read -r part; do
		printf '%s\t%s\n' "$part" "$(value "$folder/own.tsv" "$1_$(key "$part")" || echo 0)"
	done | sort -s -t $'\t' -k 2,2gr | cut -f 1
}

# joint NUMBER: NUMBER_joint_K, the effect of the K heads with the largest effects, if all of them are the partner's
joint() {
	local k heads
	mapfile -t heads < <(ranked "$1")
	for ((k = 1; k <= ${#heads[@]}; k++)); do
		patched "$1" --at "$(IFS=,; echo "${heads[*]:0:k}")" |
			awk -F '\t' -v OFS='\t' -v key="$1_joint_$k" '{ sum += $11 } END { if (NR) print key, sum / NR }'
	done
}

# needed NUMBER: how many of them it takes until the effect is ENOUGH; all, if it never is
needed() {
	grep "^$1_joint_" "$folder/shared.tsv" | awk -F '\t' -v enough="$ENOUGH" '
		!found { k++; found = $2 >= enough } END { print k + 0 }'
}

# places NUMBER: NUMBER_at_PART_SPAN, the effect of the residual stream before a layer, of a feed-forward part or a head,
# in the rows of one kind of span alone. The lines of the book that are not asked for are left out. Of heads, those of a
# layer whose effects in that span are largest count.
places() {
	local sweep
	asked_entries "$(texts "$1").mp" >"$folder/asked.tsv"
	for sweep in resid mlp; do
		patched "$1" --sweep $sweep --each span
	done | where "$folder/asked.tsv" span | awk -F '\t' -v OFS='\t' -v number="$1" '
		$4 !~ /^after / && $4 !~ /other lines/ {
			sub(/ \(.*/, "", $4); gsub(/:/, "_", $6)
			print number "_at_" $6 "_" $4, $3
		}'
}

# ---- ablation ----

# answered KEY OPTION...: what is answered, with these options of gpt-sample: of conflicts KEY_book, KEY_directory,
# KEY_stitched and KEY_neither, of closed records KEY_closed, of fresh people KEY_fresh: KEY, right, of
answered() {
	local key=$1 sort
	shift
	for sort in conflict "closed-$kind" fresh; do
		scored --threads 1 "$@" "$model" "$OUT/$sort.mp" | awk -F '\t' -v OFS='\t' -v key="$key" -v sort="$sort" '
			match($1, sort == "conflict" ? "^conflict_(book|directory|stitched|neither)_(right|of)$" : "^exact_(right|of)$") {
				n = split($1, word, "_")
				count[word[n - 1], word[n]] = $2
			}
			END {
				sub(/-.*/, "", sort)
				if (sort != "conflict") { print key "_" sort, count["exact", "right"] + 0, count["exact", "of"] + 0; exit }
				m = split("book directory stitched neither", what, " ")
				for (i = 1; i <= m; i++) print key "_" what[i], count[what[i], "right"] + 0, count[what[i], "of"] + 0
			}'
	done
}

# elsewhere: whole_elsewhere, the right answers to closed records of the other kind, of which it saw none
elsewhere() {
	scored --threads 1 "$model" "$OUT/closed-$([ "$kind" = none ] && echo absent || echo none).mp" |
		awk -F '\t' '$1 == "exact_right" { right = $2 } $1 == "exact_of" { print "whole_elsewhere\t" right "\t" $2 }'
}

# without KEY PARTS [zero|mean]: the same without these parts
without() {
	local to=(--ablate-to mean --mean-over "$OUT/seen-$kind.mp")
	[ "${3:-mean}" = mean ] || to=()
	[ -z "$2" ] || answered "$1" --ablate "$2" "${to[@]}"
}

# ---- lens and attribution ----

# lens: lens_SORT_L, the mean probability of the right digit after L layers; in conflicts also lens_against_L, that of
# the directory's digit, where it is another one
lens() {
	local sort
	for sort in open fresh conflict "closed-$kind"; do
		gpt-score --quiet --threads 1 --kinds answer --lens --probs 20 "$model" "$OUT/$sort.mp" | topk-dump --lens |
			awk -F '\t' -v OFS='\t' -v sort="${sort%-*}" '
				NR == FNR { directory[$1] = $2; next }
				FNR == 1 { next }
				$1 != record { record = $1; place = 0; before = "" }
				$3 != before { before = $3; place++ }
				$5 !~ /^[0-9]$/ { next }
				{ sum[$9] += $6; n[$9]++ }
				sort == "conflict" && substr(directory[$1], place, 1) != $5 {
					others[$9]++
					for (i = 10; i < NF; i += 2) if ($i == substr(directory[$1], place, 1)) against[$9] += $(i + 1)
				}
				END {
					for (l = 0; l in n; l++) print "lens_" sort "_" l, sum[l] / n[l]
					for (l = 0; l in others; l++) print "lens_against_" l, against[l] / others[l]
				}' <(directories "$sort") -
	done
}

# directories SORT: of these questions, id and the directory's number; none if it is not another one than the book's
directories() {
	[ "$1" = conflict ] && mpcat --tsv=id,directory "$OUT/$1.mp" || echo id
}

# direct: NUMBER_direct_PART, what a part adds to the logit of the right digit, less that of the runner-up, in conflicts
# (the book) and closed records (the directory). versus_direct_PART: at the first digit of conflicts, what it adds to the
# logit of the book's digit, less that of the directory's, where these two are the likeliest.
direct() {
	local number
	for number in book directory versus; do
		gpt-score --quiet --threads 1 --kinds answer --attribute --probs 0 "$model" "$(attributed $number)" | topk-dump --attribute |
			awk -F '\t' -v OFS='\t' -v number="$number" '
				NR == FNR { first[$1] = $2; next }
				FNR == 1 { next }
				$1 != record { record = $1; begin = $3 }
				number == "versus" ? $3 == begin && $6 == first[$1] && $5 != $6 : $5 ~ /^[0-9]$/ {
					gsub(/[:.]/, "_", $8); sum[$8] += number == "versus" ? -$9 : $9; n[$8]++
				}
				END { for (part in n) print number "_direct_" part, sum[part] / n[part] }' <(first_digits) -
	done
}

# attributed NUMBER: the questions of direct
attributed() {
	case $1 in
	book) echo "$OUT/conflict.mp" ;;
	directory) echo "$OUT/closed-$kind.mp" ;;
	versus) echo "$OUT/versus.mp" ;;
	esac
}

# first_digits: of each conflict, id and the first digit of the book's number
first_digits() {
	mpcat --json "$OUT/conflict.mp" |
		jq -r 'select(.spans) | .text as $text | [.id, (.spans[] | select(.[2] == "answer") | $text[.[0]:.[0] + 1])] | @tsv'
}

# attention: next_HEAD, how much attention the answers of conflicts give to the character that comes next in the book
attention() {
	attn-dump --quiet --by-span "$model" "$OUT/conflict.mp" | awk -F '\t' -v OFS='\t' '
		$3 == "all" && $4 == "next" && $5 != "-" { print "next_head_" $1 "_" $2, $5 }'
}

# ---- all of it ----

# measure: of the network $model, of $kind, in $folder. Numbers that mean the same in all networks go to shared.tsv, as
# lines for over_networks. Those of single parts, with their intervals over records, go to own.tsv.
measure() {
	local number part to heads
	for number in book directory; do
		effects $number
	done >"$folder/own.tsv"
	{ direct; attention; } >>"$folder/own.tsv"
	for number in book directory; do
		joint $number
		places $number
	done >"$folder/shared.tsv"
	mapfile -t heads < <(ranked book | head -n "$(needed book)")
	printf '%s\n' "${heads[@]}" >"$folder/lookup.list"
	{
		printf '%s\t%s\n' book_needed "$(needed book)" directory_needed "$(needed directory)"
		answered whole
		elsewhere
		for to in mean zero; do
			without "without_lookup_$to" "$(IFS=,; echo "${heads[*]}")" $to
		done
		without without_beside "$(beside | paste -sd ,)"
		without without_first "$(parts head | { grep '^head:0' || true; } | paste -sd ,)"
		for part in $(parts mlp); do
			without "without_$(key "$part")" "$part"
		done
		lens
		by_role
	} >>"$folder/shared.tsv"
	for number in book directory; do
		asked_entries "$(texts $number).mp" >"$folder/asked.tsv"
		patched $number --sweep resid --each row | where "$folder/asked.tsv" row >"$folder/rows-$number.tsv"
	done
	for part in $(parts head) $(parts mlp); do
		for to in mean zero; do
			without "$(key "$part")_$to" "$part" $to
		done
	done | confint --share | grep -v '_right	' >>"$folder/own.tsv"
}

# beside: the other heads of the layers in which heads look up
beside() {
	parts head | grep -E "^($(cut -d . -f 1 "$folder/lookup.list" | sort -u | paste -sd '|'))\\." |
		{ grep -Fxv -f "$folder/lookup.list" || true; }
}

# by_role: of the effects of single parts, of what they add to the logit, and of attention, the mean for each role, as
# NUMBER_ROLE, NUMBER_direct_ROLE and next_ROLE. Roles are lookup, the heads that look up; first, the other heads of layer 0;
# last, those of later layers; and each feed-forward part.
by_role() {
	awk -F '\t' -v OFS='\t' '
		FILENAME == ARGV[1] { gsub(/[:.]/, "_"); lookup[$1]; next }
		{ value[$1] = $2 }
		END {
			for (k in value)
				if (match(k, /^(book|directory|versus|next)_(direct_)?/) && k !~ /_(low|high|of)$/) {
					what = substr(k, 1, RLENGTH); part = substr(k, RLENGTH + 1)
					if (part !~ /^(head|mlp)_/) continue
					role = part in lookup ? "lookup" : part ~ /^mlp/ ? part : part ~ /^head_0_/ ? "first" : "last"
					sum[what role] += value[k]; n[what role]++
				}
			for (k in sum) print k, sum[k] / n[k]
		}' "$folder/lookup.list" "$folder/own.tsv"
}
