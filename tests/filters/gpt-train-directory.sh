#!/bin/bash
# gpt-train-directory.sh - the directory that gpt-train writes to: that of an earlier run; renamed,
# removed or shared with others while a run trains into it.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$TMP" || exit 1

net=(--layers 1 --heads 1 --width 8 --context 128 --batch 4 --threads 1 --dtype f32 --quiet)
phonegen --count 60 --entries 1 --seed 1 | tokenize >tokens
phonegen --count 60 --entries 1 --seed 2 | tokenize >others
# Bytes of the stream that bring 18 records: four batches, and half of one.
pieces=$(($(phonegen --count 18 --entries 1 --seed 1 | tokenize | wc -c) - 40))
mkfifo pipe

sum() {
	find "$1" -type f -exec cksum {} + | sort
}

step() {
	jq .training.step "$1/memoscope.json"
}

# begin DIR OPTION...: a run that has saved step 4 and waits for more records
begin() {
	local directory=$1
	shift
	gpt-train -o "$directory" "${net[@]}" --steps 8 --eval-every 4 --log-every 1 "$@" <pipe >metrics 2>said &
	process=$!
	exec 3>pipe
	head -c "$pieces" tokens >&3
	for ((i = 0; i < 3000; i++)); do
		[ "$(step "$directory/last" 2>/dev/null)" = 4 ] && break
		sleep 0.02
	done
}

# finish: give it the records that it waits for; $ended becomes its status and message
finish() {
	tail -c +$((pieces + 1)) tokens >&3
	exec 3>&-
	wait $process
	ended="$? $(cat said)"
}

# ---- a directory that holds an earlier run ----

gpt-train tokens -o full "${net[@]}" --steps 4 --checkpoint-every 3 >none.mp
ok $? "a run into a directory that is not there"
# refused NAME: without a word about what to do with the run in "used", no data are read
refused() {
	local before
	before=$(sum used)
	fails 2 "^gpt-train: used: it holds $1 already, expected --resume, .*, or --overwrite" "refused: $2" \
		gpt-train no-such-tokens -o used "${net[@]}" --steps 1
	is "$(sum used)" "$before" "which changes nothing"
	rm -rf used
}
cp -r full used
refused last/training.safetensors "a directory of a run"
mkdir -p used/last
cp full/last/training.safetensors used/last
refused last/training.safetensors "its state alone"
mkdir used
cp full/model.safetensors used
refused model.safetensors "a model"
mkdir used
echo '{}' >used/config.json
refused config.json "a part of a model, or another program's"
mkdir used
cp -r full/step-000003 used
refused step-000003/memoscope.json "a checkpoint"
mkdir used
ln -s ../full used/step-000007
refused step-000007 "a link in a checkpoint's place"
mkdir -p used/last used/step-000003 used/step-notes
touch used/notes used/model.safetensors.77.tmp used/last/training.safetensors.77.tmp used/step-000003/notes
gpt-train tokens -o used "${net[@]}" --steps 1 >none.mp 2>said
is "$? $(cat said)" "0 " "a directory that holds nothing of a run is taken"
is "$(cd used && echo *) $(ls used/step-000003)" \
	"config.json last memoscope.json model.safetensors notes step-000003 step-notes tokenizer.json tokenizer_config.json vocab.json notes" \
	"what else it holds stays"
rm -r used
gpt-train tokens -o used "${net[@]}" --steps 1 --overwrite >none.mp
is "$? $(step used)" "0 1" "--overwrite where nothing is"

# A run that has overwritten another one, and has not saved anything yet.
cp -r full killed
gpt-train -o killed "${net[@]}" --overwrite --steps 8 --log-every 1 <pipe >metrics 2>said &
process=$!
exec 3>pipe
head -c "$pieces" tokens >&3
for ((i = 0; i < 3000; i++)); do [ "$(mpcat --tsv=step metrics 2>/dev/null | tail -n 1)" = 4 ] && break; sleep 0.02; done
kill -KILL $process
wait $process 2>/dev/null
exec 3>&-
fails 1 '^gpt-train: killed/last: no training.safetensors: the run ended before it saved a state; begin it again$' \
	"killed before its first save: there is nothing to resume" gpt-train tokens -o killed "${net[@]}" --resume
is "$(step killed) $(step killed/last) $(step killed/step-000003)" "4 4 3" "the earlier models are there"
gpt-train tokens -o killed "${net[@]}" --overwrite --steps 2 --seed 2 >none.mp
is "$? $(step killed) $(step killed/last) $(cd killed && echo step-*)" "0 2 2 step-*" "begun again: they are gone"
# The model of a checkpoint stands beside none of the earlier run.
gpt-train tokens -o full "${net[@]}" --overwrite --steps 1000000 --checkpoint-every 1 --eval-every 1000000 >metrics &
process=$!
for ((i = 0; i < 3000; i++)); do [ -e full/step-000005/memoscope.json ] && break; sleep 0.02; done
kill -KILL $process
wait $process 2>/dev/null
is "$(ls full/last) $(cd full && echo *.json)" " *.json" "a checkpoint before the first save removes the earlier models, too"
fails 1 'no training.safetensors' "nor is there a state then" gpt-train tokens -o full "${net[@]}" --resume

# ---- a directory that moves ----

begin one
mv one moved
gpt-train others -o one "${net[@]}" --steps 5 >none.mp
before=$(sum one)
finish
is "$ended" "1 gpt-train: one: it was renamed or replaced meanwhile; it is now $PWD/moved; the model of step 8 is there" \
	"a directory that is renamed: exit 1, and it is said"
mpcat metrics >/dev/null 2>&1
is "$?" 1 "and the metrics have no end"
is "$(sum one)" "$before" "the directory that took its name is as its own run left it"
is "$(step moved) $(step moved/last)" "8 8" "all is saved in the one that was renamed"
gpt-train -o moved "${net[@]}" --resume --steps 10 <tokens >none.mp
is "$? $(step moved)" "0 10" "from which a resume goes on"

begin parent/one
mv parent parent2
finish
is "$ended" "1 gpt-train: parent/one: it was renamed or replaced meanwhile; it is now $PWD/parent2/one; the model of step 8 is there" \
	"a directory whose parent is renamed"

begin saved
mv saved moved2
kill -TERM $process
for ((i = 0; i < 500; i++)); do kill -0 $process 2>/dev/null || break; sleep 0.02; done
finish
is "$ended" "1 gpt-train: saved: it was renamed or replaced meanwhile; it is now $PWD/moved2; the model of step 4 is there" \
	"renamed after the last save, and then interrupted: exit 1"

begin two
rm -r two
finish
is "$ended" "1 gpt-train: two: it was removed meanwhile: step 8 is not saved" "a directory that is removed: exit 1"
[ ! -e two ]
ok $? "and it is not made again"

begin two
rm -r two/last
mkdir two/last
finish
is "$ended" "1 gpt-train: two/last: it was removed meanwhile: step 8 is not saved" "its last that is removed"
is "$(ls two/last)" "" "nothing is written into the one that took its name"
rm -r two

begin two --checkpoint-every 5
mv two moved3
mkdir two
finish
is "$ended" "1 gpt-train: two: it was renamed or replaced meanwhile; it is now $PWD/moved3; the model of step 4 is there" \
	"renamed before a checkpoint"
is "$(find two) $(step moved3/step-000005)" "two 5" "it goes where the others are"
rm -r two

ln -s moved3 linked
gpt-train tokens -o linked "${net[@]}" --resume --steps 6 >none.mp 2>said # the data are others
is "$? $(step moved3/last)" "0 6" "a symbolic link that stays may lead to the directory"

# ---- a directory within another one ----

cp -r moved2 model
begin two
fails 1 '^gpt-train: two: another gpt-train is training into it$' "a second run into the same directory" \
	gpt-train tokens -o two "${net[@]}" --steps 1 --resume
ln -s two/last way
for place in two/last way two/./last; do
	fails 1 "^gpt-train: $place: another gpt-train is training into it$" "-o $place beside a running -o two" \
		gpt-train tokens -o $place "${net[@]}" --steps 1
done
fails 1 '^gpt-train: two/step-000006: another gpt-train is training into the directory around it$' \
	"-o two/step-000006 beside a running -o two" gpt-train tokens -o two/step-000006 "${net[@]}" --steps 1
for place in two two/last way; do
	fails 1 "^model-average: $place: another program is writing into it$" \
		"model-average -o $place beside it" model-average -o $place model
done
fails 1 '^model-average: two/step-000006: another gpt-train is training into the directory around it$' \
	"model-average -o two/step-000006" model-average -o two/step-000006 model
gpt-train tokens -o two/other "${net[@]}" --steps 1 >none.mp
is "$? $(step two/other)" "0 1" "a directory of another name within it is free"
finish
is "$ended" "0 " "all that leaves the run alone"
is "$(step two) $(step two/last)" "8 8" "and what it writes"

for place in nest/last nest/step-000006; do
	begin $place
	fails 1 '^gpt-train: nest: another gpt-train is training into it$' "-o nest beside a running -o $place" \
		gpt-train others -o nest "${net[@]}" --steps 1
	finish
	is "$ended" "0 " "which ends well"
	rm -r nest
done

# ---- symbolic links ----

mkdir -p links elsewhere
ln -s "$PWD/elsewhere" links/last
begin links
fails 1 '^gpt-train: links2/last: another program is writing into it$' "two runs whose last leads to one directory" \
	bash -c 'mkdir links2; ln -s ../elsewhere links2/last; exec "$@"' - gpt-train others -o links2 "${net[@]}" --overwrite
finish
is "$ended $(step elsewhere)" "0  8" "a last that leads elsewhere"
mkdir loop
ln -s . loop/last
fails 1 '^gpt-train: loop/last: it leads to loop, expected a directory of its own$' "a last that leads to the directory itself" \
	gpt-train tokens -o loop "${net[@]}" --steps 1
gpt-train tokens -o kept "${net[@]}" --steps 1 >none.mp
cp -r model earlier
before=$(sum earlier)
ln -s ../earlier kept/step-000002
fails 1 '^gpt-train: kept/step-000002: a symbolic link, expected a directory; nothing is written through it$' \
	"a link in a checkpoint's place" gpt-train tokens -o kept "${net[@]}" --resume \
	--steps 4 --checkpoint-every 2
is "$(sum earlier)" "$before" "what it leads to stays"

done_testing
