#!/bin/bash
# records.sh - records by several jobs, as pipelines/lib/records.sh makes them: all of them, or none.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1
# shellcheck source=pipelines/lib/records.sh
. pipelines/lib/records.sh

for jobs in 1 2 3; do
	is "$(records 5 $jobs phonegen --seed 7 | mpcat)" "$(phonegen --count 5 --seed 7 | mpcat)" "$jobs jobs"
done
{
	records_from 0 3 2 phonegen --total 5
	records_from 3 2 2 phonegen --total 5 --entries 2
} >"$TMP/parts"
is "$(mpcat "$TMP/parts" | wc -l)" 5 "a stream of two parts"

# A generator that dies before it writes anything, if it has to begin behind record 0.
cat >"$TMP/dying" <<'END'
#!/bin/bash
[[ " $* " == *" --first 0 "* ]] || exit 1
exec phonegen "$@"
END
chmod +x "$TMP/dying"
records 4 2 "$TMP/dying" 2>/dev/null | mpcat >"$TMP/have" 2>"$TMP/said"
is "$?" 1 "who reads them fails if a job does"
grep -qE '(2|0) of the 4 records|no header' "$TMP/said"
ok $? "and says so"
done_testing
