#!/bin/bash
# mpcat.sh - what mpcat prints of each kind of stream, whole and broken.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
mkstream=$(cd "$BUILD" && pwd)/tests/tools/mkstream
cd "$TMP" || exit 1

phonegen --count 3 --seed 5 >text.mp
tokenize <text.mp >tokens.mp
"$mkstream" metrics >metrics.mp <<'END'
{"step": 1, "loss": 2.5, "lr": 0.1}
{"step": 2, "val": {"loss": 1.25, "kinds": {"answer": {"loss": 0.5, "floor": 0}}}}
END
"$mkstream" attention '{"bin": {"probs": "f32", "wide": "u16", "widest": "u32"}}' >attention.mp <<'END'
{"probs": {"!hex": "c40c0000803ecdcccc3d0000c07f"}, "wide": {"!hex": "c40401000201"}, "widest": {"!hex": "c404ffffffff"}, "bytes": {"!hex": "c40300ff07"}, "none": {"!hex": "c400"}}
END
"$mkstream" generations >generations.mp <<'END'
{"text": "no end"}
{"text": "an end\n"}
{"text": ""}
END

# ---- JSON ----

is "$(mpcat metrics.mp)" '{"step":1,"loss":2.5,"lr":0.1}
{"step":2,"val":{"loss":1.25,"kinds":{"answer":{"loss":0.5,"floor":0}}}}' "JSON by default"
is "$(mpcat --json <metrics.mp)" "$(mpcat metrics.mp)" "--json"
is "$(mpcat -j - <metrics.mp)" "$(mpcat metrics.mp)" "-j, and - for the standard input"
is "$(mpcat attention.mp)" \
	'{"probs":[0.25,0.1,null],"wide":[1,258],"widest":[4294967295],"bytes":[0,255,7],"none":[]}' \
	"binary data is printed as what the header says"
is "$(mpcat tokens.mp | jq -c '.tokens | length')" "$(mpcat text.mp | jq -c '.text | length')" \
	"as many tokens as characters"
is "$(mpcat tokens.mp | jq -c .spans)" "$(mpcat text.mp | jq -c .spans)" "the same spans"

"$mkstream" text >odd.mp <<'END'
{"id": {"!hex": "cfffffffffffffffff"}, "n": -9223372036854775808, "s": "\" \\ \n \t \r \u0001 \u007f é \u2028 😀", "x": [null, true, false, {}, [], ""]}
{"a": 1e300, "b": {"!hex": "cb7ff0000000000000"}, "c": {"!hex": "caff800000"}, "d": 0.30000000000000004, "e": {"!hex": "ca3dcccccd"}, "f": -0.0}
END
is "$(mpcat odd.mp | head -1)" \
	'{"id":"18446744073709551615","n":"-9223372036854775808","s":"\" \\ \n \t \u000d \u0001 \u007f é \u2028 😀","x":[null,true,false,{},[],""]}' \
	"integers in all their digits, strings escaped"
is "$(mpcat odd.mp | jq -r .s | head -1)" "$(printf '" \\ ')" "which jq reads"
is "$(mpcat odd.mp | tail -1)" '{"a":1e+300,"b":null,"c":null,"d":0.30000000000000004,"e":0.1,"f":-0}' \
	"other numbers in as few as read back the same"

# ---- text ----

is "$(mpcat --text text.mp | head -2 | tail -1 | grep -cE '^[A-Za-z-]+ [A-Za-z-]+: [0-9]{3}-[0-9]{3}-[0-9]{4} $')" \
	1 "--text prints text"
is "$(mpcat --text text.mp | sha256sum)" "$(mpcat text.mp | jq -j .text | sha256sum)" "as it is"
is "$(mpcat -t tokens.mp | sha256sum)" "$(mpcat -t text.mp | sha256sum)" "and of tokens"
is "$(mpcat --text generations.mp; echo .)" $'no end\nan end\n.' \
	"of generations, each with a newline at its end"
printf '{"text": ""}\n' | "$mkstream" generations >nothing.mp
is "$(mpcat --text nothing.mp 2>&1; echo $?)" 0 "and nothing of one without any"
fails 1 "^mpcat: metrics.mp: a stream of kind 'metrics' has no text" "none of metrics" \
	mpcat --text metrics.mp

# ---- tables ----

is "$(mpcat --tsv metrics.mp)" $'step\tloss\tlr\n1\t2.5\t0.1\n2\t\t' "--tsv: the first record's fields"
is "$(mpcat --tsv=step,val.kinds.answer.loss,nope metrics.mp 2>error)" \
	$'step\tval.kinds.answer.loss\tnope\n1\t\t\n2\t0.5\t' "fields by path"
is "$(mpcat --tsv=id,spans.0.0,spans.0,spans.99,spans.x text.mp 2>error | cut -f 1,2,4,5)" \
	$'id\tspans.0.0\tspans.99\tspans.x\n0\t4\t\t\n1\t4\t\t\n2\t4\t\t' "elements of arrays"
is "$(mpcat --tsv=val metrics.mp | tail -1)" '{"loss":1.25,"kinds":{"answer":{"loss":0.5,"floor":0}}}' \
	"a map is JSON"
is "$(mpcat --tsv=probs,wide attention.mp | tail -1)" $'[0.25,0.1,null]\t[1,258]' "so is binary data"
"$mkstream" attention '{"bin": {"probs": "f32"}}' >rows.mp <<'END'
{"probs": [{"!hex": "c4040000803f"}, {"!hex": "c4080000803e0000403f"}, {"!hex": "c4040000807f"}], "bytes": {"!hex": "c402fe07"}}
END
is "$(mpcat --tsv=probs.1,probs.0 rows.mp | tail -1)" $'[0.25,0.75]\t[1]' \
	"and a row of a matrix, in the numbers that the header says"
is "$(mpcat --tsv=probs.1.1,probs.0.0,probs.2.0,bytes.0,wide.1 rows.mp 2>error | tail -1)" \
	$'0.75\t1\tinf\t254\t' "an entry of it"
is "$(mpcat --tsv=probs.0.1,probs.3.0,probs.1.x,probs.1.,probs.1.0.0,bytes.2 rows.mp 2>error | tail -1)" \
	$'\t\t\t\t\t' "none where it ends"
is "$(mpcat --tsv=b,c odd.mp | tail -1)" $'inf\t-inf' "infinities have names"
is "$(mpcat --tsv=s odd.mp | sed -n 2p)" \
	'" \\ \n \t \r \x01 \x7f é \u2028 😀' "tabs and the like are escaped"
is "$(mpcat --tsv odd.mp | head -1)" $'id\tn\ts' "arrays are left out"
printf '{"a": {"b": {"c": 1, "d": [1]}, "e": null}}\n' | "$mkstream" metrics >nested.mp
is "$(mpcat --tsv nested.mp)" $'a.b.c\ta.e\n1\t' "maps within maps are columns of their own"
mpcat --tsv=step,nosuch,val.los,val.loss metrics.mp >table 2>said
is "$? $(cat said)" "0 mpcat: no record has a field 'nosuch', 'val.los'" "a field that no record has is told"
is "$(cat table)" $'step\tnosuch\tval.los\tval.loss\n1\t\t\t\n2\t\t\t1.25' "its column is there"
is "$(mpcat --tsv=val.loss metrics.mp 2>&1 >table)" "" "one that some have is none"
"$mkstream" metrics </dev/null >none.mp
is "$(mpcat --tsv=nosuch none.mp 2>&1)" nosuch "without records, nothing can be said"
is "$(mpcat --tsv=a,b none.mp)" $'a\tb' "without records, the head alone"
is "$(mpcat --tsv none.mp)" "" "or nothing, where the head would come from them"
is "$(mpcat --tsv=step metrics.mp none.mp metrics.mp | tr '\n' ' ')" "step 1 2 1 2 " \
	"several files, one table"

# ---- headers ----

is "$(mpcat --header tokens.mp | jq -r '.chain[].program' | tr '\n' ' ')" "phonegen tokenize " \
	"--header: the chain"
is "$(mpcat --header text.mp | jq -c '[.memoscope, .stream, .chain[0].args]')" \
	'[1,"text",["--count","3","--seed","5"]]' "and what stands in it"
gpt-sample -q "$ROOT/testdata/phonebook" --prompt '{B}' --max-tokens 1 --seed 9007199254740992 |
	mpcat --header >seed.json
is "$(jq -c .sampling.seed seed.json)" '"9007199254740992"' "--header: an integer that jq may round is a string"
is "$(mpcat --header text.mp metrics.mp | jq -r .stream | tr '\n' ' ')" "text metrics " \
	"of each file"
is "$(head -c 100 text.mp | mpcat --header 2>/dev/null | wc -l)" "0" "a header that is cut off"
phonegen --count 0 >nothing.mp
is "$(cat text.mp nothing.mp text.mp | mpcat --header | jq -c '[(.segments[] | .records), (.chain | length)]')" \
	"[3,0,3,1]" "of several segments: how many records each has"
is "$(cat text.mp nothing.mp | mpcat --header | jq -c '[.segments[].chain[0].args[1]]')" '["3","0"]' \
	"and where it comes from"
is "$(mpcat --header text.mp | jq -c 'has("segments")')" false "not of one"
is "$(mpcat --header text.mp | jq -c 'del(.segments)')" \
	"$(cat text.mp nothing.mp | mpcat --header | jq -c 'del(.segments)')" "all else is that of the first"
head -c "$(($(wc -c <text.mp) - 1))" text.mp >cut.mp
fails 1 'cut.mp: byte [0-9]+, record 3: the stream is cut off here' "a stream whose end is cut off" \
	mpcat --header cut.mp
is "$(jq -r .stream "$TMP/stdout")" text "and its header, which came"
(
	set -o pipefail
	phonegen --count 20000 | mpcat --header >/dev/null
)
is "$?" 0 "all is read: nobody is cut off"
fails 2 "exclude one another" "one way of printing at a time" mpcat --json --text text.mp
fails 2 "exclude one another" "--tsv and --header" mpcat --tsv --header text.mp

# ---- broken streams ----

# cut N: the first N bytes of the text stream
cut_off() { head -c "$1" text.mp >cut.mp; }
size=$(stat -c %s text.mp)
whole=$(mpcat text.mp)
good=0
for n in $(seq 0 40 $((size - 1))) $((size - 1)); do
	cut_off "$n"
	printed=$(mpcat cut.mp 2>error)
	[ $? -eq 1 ] && [ "$(wc -l <error)" -eq 1 ] &&
		[ "${whole:0:${#printed}}" = "$printed" ] && good=$((good + 1))
done
is "$good" "$((1 + (size - 1) / 40 + 1))" "of a stream that is cut off, what came is printed; then it fails"
cut_off $((size - 1))
fails 1 "^mpcat: cut.mp: byte [0-9]+, record 3: the stream is cut off here" "it says where" mpcat cut.mp
is "$(cat "$TMP/stdout")" "$whole" "though the records are all there"

printf '{"s": {"!hex": "a2c328"}}\n' | "$mkstream" metrics >latin.mp
for way in --json --tsv=s; do
	fails 1 "record 0: text that is not UTF-8" "$way: text that is not UTF-8" mpcat $way latin.mp
done
printf '{"text": {"!hex": "a2c328"}}\n' | "$mkstream" text >latin.mp
fails 1 'record 0: "text" is not UTF-8' "--text: the same" mpcat --text latin.mp
printf '{"p": {"!hex": "c403000000"}}\n' | "$mkstream" attention '{"bin": {"p": "f32"}}' >odd.mp
for way in --json --tsv=p --tsv=p.0; do
	fails 1 'record 0: "p" has 3 bytes, which are not f32' "$way: three bytes are no float" \
		mpcat $way odd.mp
done
"$mkstream" attention '{"bin": {"p": "f16"}}' >odd.mp </dev/null
fails 1 "header: \"bin\": the type of 'p' is not u8, u16, u32 or f32" "an unknown type" mpcat odd.mp
"$mkstream" tokens >odd.mp </dev/null
fails 1 'header: no "vocab"' "--text without a vocabulary" mpcat --text odd.mp
fails 1 "no/such.mp: cannot open: No such file" "a file that is not there" mpcat no/such.mp

# ---- output ----

for way in --json --text --tsv --header; do
	mpcat $way text.mp >/dev/full 2>error
	is "$? $(cat error)" "1 mpcat: standard output: cannot write: No space left on device" \
		"$way: a full disk"
done
phonegen --count 20000 >large.mp
for way in --json --text --tsv; do
	mpcat $way large.mp 2>error | head -1 >/dev/null
	is "${PIPESTATUS[0]} $(cat error)" "141 " "$way: a closed pipe is quiet"
done

# Metrics are printed as they come, not when a buffer is full.
mkfifo live
mpcat --tsv=step <live >printed &
exec 3>live
head -c "$(($(stat -c %s metrics.mp) - 10))" metrics.mp >&3
for ((i = 0; i < 100; i++)); do
	[ "$(cat printed)" = $'step\n1\n2' ] && break
	sleep 0.1
done
is "$(cat printed)" $'step\n1\n2' "metrics are printed as they come"
tail -c 10 metrics.mp >&3
exec 3>&-
wait $!
is "$?" 0 "and the end is waited for"

done_testing
