# records.sh - records to train on and to ask about.
# shellcheck shell=bash

# records COUNT JOBS PROGRAM ARGUMENTS...: COUNT records of a generator that
# knows --first, --count and --total, made by JOBS jobs side by side, in order: the
# same stream of records with any number of jobs. If a job fails, who reads them fails.
records() {
	records_from 0 "$@" --total "$1"
}

# records_from BEGIN COUNT JOBS PROGRAM ARGUMENTS...: the same from record BEGIN on, a part of a
# stream. The caller gives --total.
records_from() {
	local begin=$1 count=$2 jobs=$3 piece first
	shift 3
	piece=$(((count + jobs - 1) / jobs))
	for ((first = 0; first < count; first += piece)); do
		echo "$((begin + first)) $((count - first < piece ? count - first : piece))"
	done | {
		# The words go by a variable: parallel would look in them for braces, and a shell for its signs.
		# shellcheck disable=SC2016 # it is for the shells of parallel
		records_command=$(printf '%q ' "$@") PARALLEL_SHELL=$BASH parallel --will-cite --colsep ' ' \
			--keep-order --halt now,fail=1 --jobs "$jobs" 'eval "$records_command" --first {1} --count {2}'
	}
}

# mixed OPTION... FILE...: records of qamix, of which HELD_OUT are held out. None is longer than
# LONGEST characters, if that is set.
mixed() {
	qamix --quiet --val "$HELD_OUT" ${LONGEST:+--max-length "$LONGEST"} "$@"
}

# article_asked: the two questions of the article with the article's facts
article_asked() {
	qamix --quiet - <<-'END'
		{"question": "What is the capital of Canada?", "fact": "The capital of Canada is Ottawa, a city located in the province of Ontario", "answer": "Ottawa"}
		{"question": "How many planets are in our solar system?", "fact": "There are 8 planets in our solar system: Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus, and Neptune", "answer": "8"}
	END
}

# article_asked_bare: the same without facts
article_asked_bare() {
	qamix --quiet - <<-'END'
		{"question": "What is the capital of Canada?", "answer": "Ottawa"}
		{"question": "How many planets are in our solar system?", "answer": "8"}
	END
}
