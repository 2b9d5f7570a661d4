#!/bin/bash
# capacity.sh - the pipeline that counts what networks remember: with networks that are too small to know anything,
# stopped and gone on, and with made-up numbers.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

export WIDTHS='2 4' GRID='1:1 3:1,2' SEEDS=2
runs capacity JOBS=2
out=$results/capacity
is_value capacity number_nats '22\.6019[0-9]*'
# embeddings of the alphabet and of 43 positions; 12 w^2 + 2 w in each of two layers; w at the end
for width in 2 4; do
	is_value capacity w${width}_parameters $((width * ($(jq length "$out/vocab.json") + 43) + 2 * (12 * width ** 2 + 2 * width) + width))
	is_value capacity w${width}_parameters_inner $((2 * (12 * width ** 2 + 2 * width) + width))
done
is "$(awk -F '\t' '{ print $1, $2 }' "$out/networks.tsv" | sort | uniq -c | xargs)" "2 2 1 4 2 3 2 4 1 4 4 3" \
	"capacity: two networks for each width, number of exposures and directory"
people=$(awk -F '\t' '$1 == 4 { print $3 }' "$out/networks.tsv" | sort -n | tail -n 1)
is_value capacity "w4_e3_n${people}_ratio_of" 2
is_value capacity "w4_e3_n${people}_exact" '[0-9.]+'
is_value capacity w4_e1_peak_people '[0-9]+'
folder=$out/4-3-$people-2
is "$(mpcat --text "$folder/people.mp" | grep -c ': ') $(mpcat --text "$folder/people.mp" | grep ': ' | cut -d : -f 1 | sort -u | wc -l)" \
	"$people $people" "capacity: everyone of the directory once"
is "$(mpcat --text "$folder/people.mp" | grep ': ' | sort)" \
	"$(phonegen --people "$people" --names "$out/names" --entries "$people" --count 1 --directory-seed 2 | mpcat --text |
		sed '/^=/,$d' | grep ': ' | sort)" "capacity: with the number of the directory"
is "$(jq '.training.step * 8' "$folder/model/last/memoscope.json")" $((3 * people)) "capacity: everyone comes three times"
# by another way: the information of the numbers, less what gpt-score finds for each character
gpt-score --quiet --probs 0 --kinds answer "$folder/model" "$folder/people.mp" | topk-dump |
	awk -F '\t' -v n="$people" 'NR == FNR { if ($1 == 4 && $2 == 3 && $3 == n && $4 == 2) have = $5; next }
		FNR > 1 { loss -= log($6) } END { d = have - (n * 22.6019011506 - loss) / log(2); exit !(d < 0.1 && d > -0.1) }' \
		"$out/networks.tsv" -
ok $? "capacity: bits are the information of all numbers less their loss"
is "$(grep -c '^| [0-9,]* | [24] |' "$out/report.md") $(grep -c '^| [24] | [0-9,]* | [0-9,]* |' "$out/report.md")" "4 6" \
	"capacity: tables of peaks and of all networks"

# ---- stopped and gone on ----

whole=$(cat "$out/summary.tsv")
in_place_of gpt-train <<END
#!/bin/bash
# of one network it ends as when the machine is switched off
[[ "\$*" == *4-3-$people-2* ]] || exec "$BUILD/gpt-train" "\$@"
"$BUILD/gpt-train" "\$@" &
until [ -s "$folder/metrics.mp" ]; do
	sleep 0.01
done
kill -9 \$! \$\$
END
rm -r "$out"
! BUILD=$broken OUT="$out" JOBS=1 pipelines/capacity >"$TMP/log" 2>&1 && grep -q '^capacity: failed while training 12 networks' "$TMP/log"
ok $? "capacity: a network that fails fails the pipeline"
[ -d "$folder" ] && [ ! -e "$folder/kept.tsv" ] && [ ! -e "$out/report.md" ]
ok $? "capacity: it is not taken for done"
before=$(stat -c '%n %Y' "$out"/*/kept.tsv)
runs capacity JOBS=2
is "$(cat "$out/summary.tsv")" "$whole" "capacity: run again, it comes to the same numbers"
is "$(grep -vxFf <(stat -c '%n %Y' "$out"/*/kept.tsv) <<<"$before")" "" "capacity: and trains no network twice"

# ---- settings ----

for setting in 'WIDTHS=6 7' 'WIDTHS=0' 'GRID=100' 'GRID=100:1,' 'GRID=0:1' 'SEEDS=0' 'BATCH=0' 'RATE=much'; do
	fails 2 "^capacity: ${setting%%=*} is not a" "capacity: $setting" env "$setting" OUT="$TMP/none" pipelines/capacity
done
fails 2 '^capacity: SEEDS is not above 1' "capacity: one network has no interval" env SEEDS=1 OUT="$TMP/none" pipelines/capacity
fails 2 '^capacity: a directory of 200000 people, but .* names make only' "capacity: more people than names" \
	env BATCH=200000 OUT="$TMP/none" pipelines/capacity
fails 2 '^capacity: a directory of [0-9]* people, but .* names make only' "capacity: a size with more people than names" \
	env GRID='1:1,99999' OUT="$TMP/large" pipelines/capacity

# ---- made-up numbers ----

mkdir "$TMP/pipelines" "$TMP/made"
echo "pipeline capacity" >"$TMP/made/settings"
cp -r "$ROOT"/pipelines/{lib,lib.sh,capacity.report.sh} "$TMP/pipelines"
ln -s "$ROOT/testdata" "$TMP/testdata"
{
	sed '/^begin /,$d' "$ROOT/pipelines/capacity"
	# shellcheck disable=SC2016
	echo 'NUMBER_BITS=32; "$@"'
} >"$TMP/pipelines/capacity"
made() {
	OUT=$TMP/made bash "$TMP/pipelines/capacity" "$@"
}

# the mean over many numbers of what phonegen knows of each
awk -v have="$(made number_nats)" '{ sum += $1 } END { d = sum / NR - have; exit !(d < 1e-3 && d > -1e-3) }' <(
	phonegen --published --entries 1 --count 20000 | mpcat | jq '.spans[] | select(.[2] == "answer")[4]')
ok $? "capacity: the information of a number"

# 100 parameters, of which 50 are no embeddings; numbers of 32 bits. One network knows all, one nothing, one a quarter, and
# one less than nothing.
printf '2\t100\t50\n4\t1000\t800\n' >"$TMP/made/shapes.tsv"
awk -v OFS='\t' -v OFMT=%.15g 'BEGIN { b = log(2); print 2, 100, 8, 1, 0, 8; print 2, 100, 8, 2, 32 * b, 0; print 4, 100, 16, 1, 24 * b, 1
	print 4, 100, 16, 2, 33 * b, 0 }' | made knowledge >"$TMP/made/networks.tsv"
is "$(awk -F '\t' -v OFS='\t' '{ for (i = 5; i <= 10; i++) $i = int($i * 1e6 + ($i < 0 ? -0.5 : 0.5)) / 1e6; print }' \
	"$TMP/made/networks.tsv" | cut -f 5-)" \
	"$(printf '%s\t%s\t%s\t%s\t%s\t%s\n' 256 8 2.56 5.12 2.56 2.56 0 0 0 0 2.56 0 128 1 0.128 0.16 0.512 0.032 -16 0 -0.016 -0.02 0.512 0)" \
	"capacity: what a network knows that knows all, nothing, a quarter, less than nothing"
printf '%s\n' '2 100 8 1 256 8 1 2 2.56 2.56' '2 100 8 2 256 8 1.5 3 2.56 2.56' '2 100 16 1 0 1 1.6 2 5 0' '2 100 16 2 0 3 1.2 2 5 0' \
	'2 10 16 1 0 3 -2 -4 5 0' '2 10 16 2 0 3 -3 -6 5 0' | tr ' ' '\t' >"$TMP/made/networks.tsv"
made means >"$TMP/made/means.tsv"
is "$(made peaks "$TMP/made/means.tsv" | grep -vE '_(low|high|of)'$'\t' | tr '\t\n' ' ;')" \
	"w2_e10_peak_people 16;w2_e10_rising 1;w2_e10_peak -2.5;w2_e10_peak_inner -5;w2_e10_peak_exact 3;w2_e100_peak_people 16;w2_e100_rising 1;w2_e100_peak 1.4;w2_e100_peak_inner 2;w2_e100_peak_exact 2;" \
	"capacity: the directory of which most is kept for each parameter"
rising=$'w2_e10_n8_ratio\t-1\nw2_e10_n16_ratio\t-0.9\nw2_e100_n8_ratio\t1\nw2_e100_n16_ratio\t1.05'
is "$(made peaks <(echo "$rising") | grep _rising | tr '\t\n' ' ;')" "w2_e10_rising 1;w2_e100_rising 0;" "capacity: more by over 5%"
is "$(made peaks "$TMP/made/means.tsv" | grep -c "^w2_e100_peak_\(low\|high\|of\)"$'\t')" 3 "capacity: with its interval over seeds"

# The plan: 2 bits of 1000 parameters are 62.5 numbers, which is 64 in whole steps; the longest first, and none twice.
printf '4\t1000\t800\n' >"$TMP/made/shapes.tsv"
is "$(GRID='10:0.01,1,1.01 1000:0.5' made plan | tr '\n' ';')" "4 1000 32 1;4 1000 32 2;4 10 64 1;4 10 64 2;4 10 8 1;4 10 8 2;" \
	"capacity: the networks to train"

done_testing
