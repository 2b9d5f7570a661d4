#!/bin/bash
# shard.sh - the filter shard: who stands where, and files whole or not at all.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1
export TMP # for commands of sh -c

# from FILE OPTION…: shard with a file as its input
from() {
	local input=$1
	shift
	shard "$@" <"$input"
}
export -f from

texts() {
	mpcat "$@" | jq -c '.tokens' | sort -u
}

phonegen --count 3000 --entries 1-2 | tokenize >"$TMP/in.mp"
mpcat "$TMP/in.mp" | sort >"$TMP/in.json"

# ---- the division ----

shard --val 0.1 --shards 3 -o "$TMP/new/data" <"$TMP/in.mp"
ok $? "directories are made"
is "$(cd "$TMP/new/data" && echo ./*)" \
	"./train-0000.mp ./train-0001.mp ./train-0002.mp ./val.mp" "the files"
mpcat "$TMP"/new/data/*.mp | sort | cmp -s - "$TMP/in.json"
ok $? "hold the records of the input, each once"
read -r a b c val < <(for f in "$TMP"/new/data/*.mp; do mpcat "$f" | wc -l; done | tr '\n' ' ')
[ $((a - c)) -le 1 ] && [ "$a" -ge "$b" ] && [ "$b" -ge "$c" ]
ok $? "training files differ by at most one record: $a $b $c"
# binomial: 300 of 3000, standard deviation 16.4
[ "$val" -gt 220 ] && [ "$val" -lt 380 ]
ok $? "about a tenth is held out: $val"
for f in "$TMP"/new/data/*.mp; do
	mpcat --header "$f" | jq -r '.chain[-1].program'
done | sort -u | grep -qx shard
ok $? "headers are signed"
is "$(mpcat --header "$TMP/new/data/val.mp" | jq -r '.vocab, .bin.tokens' | md5sum)" \
	"$(mpcat --header "$TMP/in.mp" | jq -r '.vocab, .bin.tokens' | md5sum)" "and keep the vocabulary"

# Duplicates: two names and one line, so that many records have the same text
# but for the number; then the same records twice under other ids.
cat "$TMP/in.mp" "$TMP/in.mp" | shard --val 0.3 --shards 2 -o "$TMP/twice"
is "$(comm -12 <(texts "$TMP"/twice/train-*.mp) <(texts "$TMP/twice/val.mp") | wc -l)" 0 \
	"no record stands on both sides, though each comes twice"
[ "$(mpcat "$TMP/twice/val.mp" | wc -l)" -gt 0 ]
ok $? "and some are held out"
items() { jq -nc '{question: "q\(range(7))", answer: "a"}'; }
items >"$TMP/seven.jsonl"
qamix -q --count 500 "$TMP/seven.jsonl" | tokenize | shard --val 0.4 -o "$TMP/seven"
is "$(comm -12 <(texts "$TMP/seven/train-0000.mp") <(texts "$TMP/seven/val.mp") | wc -l)" 0 \
	"nor with seven texts of many ids"

# The side hangs on the text alone: neither on order, ids, shards nor vocabulary.
held() { mpcat --text "$1" | sort | md5sum; }
tac "$TMP/seven.jsonl" >"$TMP/nevis.jsonl"
echo '{"question": "Ωmega", "answer": "!"}' >>"$TMP/nevis.jsonl"
qamix -q --count 500 --seed 5 "$TMP/nevis.jsonl" | tokenize | shard --val 0.4 --shards 2 -o "$TMP/other"
is "$(comm -12 <(mpcat --text "$TMP"/other/train-*.mp | sort -u) \
	<(mpcat --text "$TMP/seven/val.mp" | sort -u) | wc -l)" 0 \
	"what one data set holds out no other one trains on"
shard --val 0.2 -o "$TMP/less" <"$TMP/in.mp"
is "$(comm -23 <(texts "$TMP/new/data/val.mp") <(texts "$TMP/less/val.mp") | wc -l)" 0 \
	"a greater share holds out the same records and more"
tokenize -d <"$TMP/new/data/val.mp" | tokenize | shard --val 0.1 -o "$TMP/again" 2>"$TMP/stderr"
is "$(mpcat "$TMP/again/train-0000.mp" | wc -l)" 0 "held out once, held out again"
is "$(cat "$TMP/stderr")" "shard: no record came into one of the training files" "which is said"

# ---- the end of a stream ----

ids() { mpcat --tsv=id "$1" | tail -n +2; }
# stretch FIRST COUNT: the numbers of records that follow one another
stretch() { seq "$1" $(($1 + $2 - 1)); }
phonegen --count 70 --entries 1 | tokenize >"$TMP/seventy.mp"
shard --val 0.1 --split tail --shards 3 -o "$TMP/tail" <"$TMP/seventy.mp"
is "$(ids "$TMP/tail/val.mp")" "$(stretch 63 7)" "--split tail holds out the last tenth, in order"
is "$(for f in "$TMP"/tail/train-000[0-2].mp; do ids "$f"; done)" "$(stretch 0 63)" \
	"each training file has a stretch of what stands before"
is "$(for f in "$TMP"/tail/train-*.mp; do ids "$f" | wc -l; done | sort -u | paste -sd ' ')" 21 "of equal size"
cat "$TMP"/tail/*.mp | mpcat | cmp -s - <(mpcat "$TMP/seventy.mp")
ok $? "all files in a row are the input"
is "$(mpcat --header "$TMP/tail/val.mp" | jq .vocab)" "$(mpcat --header "$TMP/seventy.mp" | jq .vocab)" \
	"with the vocabulary of the whole"
for case in "0.1 1" "0.5 2" "0.0001 1" "0.999999 3" "0 0"; do
	read -r share held <<<"$case"
	phonegen --count 3 --entries 1 | tokenize | shard --val "$share" --split tail -o "$TMP/few" 2>/dev/null
	is "$( ([ "$share" = 0 ] || ids "$TMP/few/val.mp") | wc -l) $(ids "$TMP/few/train-0000.mp" | wc -l)" \
		"$held $((3 - held))" "--val $share of three records holds out $held"
done
phonegen --count 0 | tokenize | shard --val 0.1 --split tail -o "$TMP/few" 2>"$TMP/stderr"
is "$? $(ids "$TMP/few/val.mp" | wc -l) $(wc -l <"$TMP/stderr")" "0 0 2" "of none, none, which is said"
cat "$TMP/seventy.mp" "$TMP/seventy.mp" | shard --val 0.25 --split tail -o "$TMP/two"
is "$(ids "$TMP/two/val.mp")" "$(stretch 35 35)" "of several segments, those at the end of all"
find "$TMP/tail" -type f -exec md5sum {} + | sort >"$TMP/before"
for keep in 1 $(($(stat -c %s "$TMP/seventy.mp") - 1)); do
	head -c "$keep" "$TMP/seventy.mp" >"$TMP/cut.mp"
	fails 1 'standard input' "an input of $keep bytes" \
		sh -c "exec shard --val 0.1 --split tail -o \"\$TMP/tail\" <\"\$TMP/cut.mp\""
	find "$TMP/tail" -type f -exec md5sum {} + | sort | cmp -s - "$TMP/before"
	ok $? "leaves all as it was"
done
fails 1 'temporary file' "no room for a copy of the input" \
	sh -c "TMPDIR=/nowhere exec shard --val 0.1 --split tail -o \"\$TMP/tail\" <\"\$TMP/seventy.mp\""
fails 2 'hash' "an unknown split" shard -o "$TMP/x" --val 0.1 --split middle

# ---- earlier files ----

touch "$TMP/new/data/train-00000.mp" "$TMP/new/data/train-abcd.mp" "$TMP/new/data/notes"
shard --shards 2 -o "$TMP/new/data" <"$TMP/in.mp"
is "$(cd "$TMP/new/data" && echo ./*)" \
	"./notes ./train-0000.mp ./train-00000.mp ./train-0001.mp ./train-abcd.mp" \
	"files of an earlier run that have no successor go, others stay"
mpcat "$TMP"/new/data/train-000[01].mp | sort | cmp -s - "$TMP/in.json"
ok $? "without --val all records are for training"

# ---- whole or not at all ----

find "$TMP/new/data" -type f -exec md5sum {} + | sort >"$TMP/before"
size=$(stat -c %s "$TMP/in.mp")
for keep in 0 1 200 $((size / 2)) $((size - 20)) $((size - 1)); do
	head -c $keep "$TMP/in.mp" >"$TMP/cut.mp"
	fails 1 'standard input' "an input of $keep bytes of $size" \
		sh -c "exec shard --shards 3 --val 0.1 -o \"\$TMP/new/data\" <\"\$TMP/cut.mp\""
	find "$TMP/new/data" -type f -exec md5sum {} + | sort | cmp -s - "$TMP/before"
	ok $? "leaves all as it was"
done
perl -0777 -pe 'substr($_, length($_) / 2, 1) ^= "\1"' "$TMP/in.mp" >"$TMP/flipped.mp"
fails 1 'standard input' "a flipped bit" \
	sh -c "exec shard -o \"\$TMP/new/data\" <\"\$TMP/flipped.mp\""
find "$TMP/new/data" -type f -exec md5sum {} + | sort | cmp -s - "$TMP/before"
ok $? "leaves all as it was"
fails 1 'train-0000.mp: cannot write: File too large' "a file past ulimit -f" \
	bash -c "ulimit -f 1; exec shard -o \"\$TMP/new/data\" <\"\$TMP/in.mp\""
find "$TMP/new/data" -type f -exec md5sum {} + | sort | cmp -s - "$TMP/before"
ok $? "leaves all as it was"
mkfifo "$TMP/pipe"
shard -o "$TMP/new/data" <"$TMP/pipe" &
pid=$!
exec 3>"$TMP/pipe"
head -c $((size / 2)) "$TMP/in.mp" >&3
until [ -n "$(find "$TMP/new/data" -name '*.tmp')" ]; do sleep 0.05; done
fails 1 'new/data: another program is writing into it$' "a second one into the same directory" \
	sh -c "exec shard -o \"\$TMP/new/data\" <\"\$TMP/in.mp\""
kill -TERM $pid
wait $pid
is $? 143 "a signal ends it"
exec 3>&-
find "$TMP/new/data" -type f -exec md5sum {} + | sort | cmp -s - "$TMP/before"
ok $? "and leaves all as it was"
shard -o "$TMP/moving" <"$TMP/pipe" 2>"$TMP/stderr" &
pid=$!
exec 3>"$TMP/pipe"
head -c $((size / 2)) "$TMP/in.mp" >&3
until [ -n "$(find "$TMP/moving" -name '*.tmp' 2>/dev/null)" ]; do sleep 0.05; done
mv "$TMP/moving" "$TMP/moved"
mkdir "$TMP/moving"
tail -c +$((size / 2 + 1)) "$TMP/in.mp" >&3
exec 3>&-
wait $pid
is "$? $(cat "$TMP/stderr")" \
	"1 shard: $TMP/moving: it was renamed or replaced meanwhile; it is now $(realpath "$TMP")/moved" \
	"a directory that is renamed meanwhile"
is "$(cd "$TMP" && find moving moved | sort | paste -sd ' ')" "moved moved/train-0000.mp moving" \
	"all of it goes where it is now"
touch "$TMP/new/data/train-0001.mp.77.tmp" "$TMP/new/data/val.mp.77.tmp" "$TMP/new/data/mine.77.tmp"
shard --val 0.1 -o "$TMP/new/data" <"$TMP/in.mp"
is "$(cd "$TMP/new/data" && echo ./*.tmp)" ./mine.77.tmp "removes the temporary files of a killed run, and no others"
rm "$TMP/new/data/mine.77.tmp"
mkdir -p "$TMP/blocked/val.mp/full"
fails 1 'blocked/val.mp: cannot replace' "a directory in a file's place" \
	sh -c "exec shard --val 0.1 -o \"\$TMP/blocked\" <\"\$TMP/in.mp\""
is "$(find "$TMP/blocked" -name '*.tmp')" "" "leaves no temporary file"

# ---- bad input and options ----

fails 2 '^shard: -o: no DIR was given' "no directory" shard
fails 2 "'1' is not a number from 0 to 0.999999$" "all records held out" shard -o "$TMP/x" --val 1
grep -q '^The share of records that are held out, from 0 to 0\.999999\.$' "$ROOT/man/shard.1"
ok $? "as the page says"
fails 2 'val' "a negative share" shard -o "$TMP/x" --val -0.1
fails 2 'shards' "no files" shard -o "$TMP/x" --shards 0
fails 2 'shards' "too many files" shard -o "$TMP/x" --shards 1001
fails 2 'operand' "an operand" shard -o "$TMP/x" "$TMP/in.mp"
fails 1 "a stream of kind 'text', expected 'tokens'; tokenize makes them$" "text" \
	sh -c "phonegen --count 1 | shard -o \"\$TMP/x\""
[ ! -e "$TMP/x" ]
ok $? "and no directory was made"
touch "$TMP/file"
fails 1 'file: not a directory' "a file in the directory's place" \
	sh -c "exec shard -o \"\$TMP/file\" <\"\$TMP/in.mp\""

done_testing
