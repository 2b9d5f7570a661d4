#!/bin/bash
# recall-score-contextual.sh - recall-score: does an answer follow its context or the weights?
# The generations are written by hand, so that this is known.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$(cd "$BUILD" && pwd)/tests/tools
cd "$TMP" || exit 1

# quiz: the lines "truth|given|fact" on stdin as records of generations, one a line. What
# stands between < and > in the fact is a contextual span; no fact: none.
quiz() {
	jq -Rc '
		def spans: reduce .[] as [$kind, $part] ({text: "", spans: []};
			if $kind == "" or $part == "" then .
			else .spans += [[(.text | length), (.text + $part | length), $kind, -1, 0]] end |
			.text += $part);
		split("|") as [$truth, $given, $fact] |
		($fact | [splits("[<>]")] | to_entries | map([["fact", "contextual"][.key % 2], .value])) as $parts |
		([["", "{B}"], ["question", "Wo?"]] +
			if $fact == "" then [] else [["", " ("]] + $parts + [["", ")"]] end + [["", ": "]]) as $prompt |
		($prompt + [["answer", $truth], ["", "{E}\n"]] | spans) as $reference |
		($prompt | spans | .text) as $before |
		{text: ($before + $given + "{E}\n"), prompt: ($before | length),
			reference: $reference.text, spans: $reference.spans}' | number
}
# number: ids, and all else that a record of generations has
number() { jq -sc 'to_entries[] | {id: .key} + .value + {sample: 0, stop: "stop", steps: []}'; }
generations() { "$tools/mkstream" generations; }
# has KEYS: their lines of the file summary, with blanks
has() { grep -E "^($1)"$'\t' summary | tr '\t\n' '  '; }
keys='(both|contextual|parametric|neither|memorization_ratio)'
counts="${keys}_(right|of)"
# column N FILE: of --each, below its head
column() { recall-score --each "$2" | awk -F '\t' -v n="$1" 'NR > 1 { printf "%s ", $n }'; }

# ---- a context that is wrong ----

generations >wrong < <(quiz <<'END'
Paris|Lyon|The capital is <Lyon>
Paris|Paris|The capital is <Lyon>
Paris|Nice|The capital is <Lyon>
Paris|Lyon|<Lyon> is the capital, and it is <Lyon>
Paris|Nice|<Lyon> or <Nice> is the capital
Paris|Paris|<Lyon> or <Nice> is the capital
Bern|Zürich|Überall heißt es: <Zürich>
Paris||The capital is <Lyon>
END
)
recall-score wrong >summary
is "$(has "$counts")" "contextual_right 4 contextual_of 8 parametric_right 2 parametric_of 8 \
neither_right 2 neither_of 8 memorization_ratio_right 2 memorization_ratio_of 6 " \
	"conflicts: of the context, of the weights, of neither, and all add up"
is "$(has "$keys(_low|_high)?")" "contextual 0.5 contextual_low 0.215216 contextual_high 0.784784 \
parametric 0.25 parametric_low 0.0714792 parametric_high 0.590725 \
neither 0.25 neither_low 0.0714792 neither_high 0.590725 \
memorization_ratio 0.333333 memorization_ratio_low 0.0967714 memorization_ratio_high 0.700007 " \
	"shares and intervals"
is "$(has 'exact_(right|of)')" "exact_right 2 exact_of 8 " "exact goes by the truth alone"
is "$(column 15 wrong)" "context weights neither context context weights context neither " "--each: follows"
is "$(column 14 wrong)" "Lyon Lyon Lyon Lyon Nice Lyon Zürich Lyon " \
	"--each: contextual, of several the one that was given, else the first"

# ---- a context that is right ----

generations >right < <(quiz <<'END'
Paris|Paris|The capital is <Paris>
Paris|Lyon|The capital is <Paris>
Paris|Paris|<Paris> is the capital, and it is <Paris>
END
)
recall-score right >summary
is "$(has "$keys.*")" \
	"both 0.666667 both_low 0.20766 both_high 0.938508 both_right 2 both_of 3 " \
	"no conflict: only how often it is right"
is "$(column 14 right)$(column 15 right)" "Paris Paris Paris both neither both " "--each: both, neither"
generations >mixed < <(quiz <<'END'
Paris|Paris|<Lyon>, some say <Paris>
Paris|Lyon|<Paris>, some say <Lyon>
Paris|Nice|<Lyon>, some say <Paris>
END
)
recall-score mixed >summary
is "$(has "$counts")" "both_right 1 both_of 3 " "a context that states the truth too is no conflict"
is "$(column 14 mixed)$(column 15 mixed)" "Paris Lyon Lyon both context neither " "--each: which was followed"
recall-score right mixed wrong >summary
is "$(has "$counts")" "both_right 3 both_of 6 contextual_right 4 contextual_of 8 parametric_right 2 \
parametric_of 8 neither_right 2 neither_of 8 memorization_ratio_right 2 memorization_ratio_of 6 " \
	"right and wrong contexts are kept apart"

# ---- a context that states nothing ----

generations >none < <(quiz <<'END'
Paris|Paris|
Paris|Lyon|It is on the Seine
END
)
recall-score none >summary
is "$(has "$keys.*")$(has 'exact_(right|of)')" "exact_right 1 exact_of 2 " "no key without contextual spans"
is "$(column 14 none)$(column 15 none)" "- - - - " "--each: -"
generations >late < <(number <<'END'
{"text":"Wo?: Lyon (Lyon)\n","prompt":5,"reference":"Wo?: Bern (Lyon)\n","spans":[[5,9,"answer",-1,0],[11,15,"contextual",-1,0]]}
END
)
is "$(column 8 late)$(column 15 late)" "Lyon - " "what stands after the answer was not in the context"
generations >chosen < <(number <<'END'
{"text":"(7) Jo=7\n","prompt":4,"reference":"(7) Al=8\n","spans":[[1,2,"contextual",-1,0],[4,6,"ask",-1,0],[7,8,"answer",-1,0]]}
{"text":"(7) Al=7\n","prompt":7,"reference":"(7) Al=8\n","spans":[[1,2,"contextual",-1,0],[4,6,"ask",-1,0],[7,8,"answer",-1,0]]}
END
)
is "$(column 8 chosen)$(column 14 chosen)$(column 15 chosen)" "7 7 - 7 - context " \
	"a name that the model chose has no true answer, one that was given has"

# ---- to the character ----

generations >close < <(quiz <<'END'
a land|the sea|A land is by <sea>
a land|sea|A land is by <Sea>
a land|Land|A land is by <sea>
a land|se|A land is by <sea>
a land|sea |A land is by <sea>
END
)
is "$(column 15 close)" "neither neither neither neither neither " "no other case, article, part or blank"
generations >ended < <(quiz <<<'land|sea|By <sea>' | jq -c '.text |= rtrimstr("{E}\n")')
is "$(column 15 ended)" "context " "an answer that the generation ends with"
generations >escaped < <(quiz <<<'x|a\b|It is <a\b>' | jq -c '(.text, .reference) |= gsub("\\\\"; "\t")')
is "$(recall-score --each escaped | awk -F '\t' 'NR == 2 { print NF, $14, $15 }')" '17 a\tb context' \
	"--each: contextual is escaped"
recall-score ended >summary
is "$(has 'memorization_ratio.*')" \
	"memorization_ratio 0 memorization_ratio_low 0 memorization_ratio_high 0.793451 \
memorization_ratio_right 0 memorization_ratio_of 1 " "one answer of the context: no memorization"
recall-score close >summary
is "$(has 'neither|memorization_ratio.*')" "neither 1 memorization_ratio_right 0 memorization_ratio_of 0 " \
	"no ratio of neither"

# ---- a model ----

mpcat wrong | jq -c '{id, text: .reference, spans}' | "$tools/mkstream" text >asked
alphabet=$(mpcat asked | jq -rs '[.[].text | explode[]] | unique | implode'; echo x)
"$tools/mkmodel" model "${alphabet%?x}" 1 1 16 256 1 6
gpt-sample model -q --from answer --max-tokens 6 --samples 3 asked | recall-score >summary
is "$(has '(contextual|parametric|neither)_of|neither')" \
	"contextual_of 24 parametric_of 24 neither 1 neither_of 24 " "a model that knows nothing follows neither"
gpt-score model -q asked | recall-score >summary
is "$(has 'excess_(fact|contextual|answer)_of')" "excess_fact_of 10 excess_contextual_of 11 excess_answer_of 8 " \
	"scored texts: a kind like any other"

done_testing
