#!/bin/bash
# sweep.check.sh - runs on a host of pipelines/sweep: can it train and evaluate? The last line is "ready VERSION", or the first
# says what is wrong.
for program in awk jq mktemp tar xargs; do
	command -v "$program" >/dev/null || {
		echo "$program is not installed there"
		exit 1
	}
done
for program in kit/bin/*; do
	[[ $program != *.so ]] || continue
	said=$("$program" --version 2>&1) || {
		echo "$(basename "$program") does not run there: $(head -n 1 <<<"$said")"
		exit 1
	}
done
echo "ready $(kit/bin/gpt-train --version)"
