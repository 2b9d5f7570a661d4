#!/bin/bash
# house.sh - the rules of the house that a machine can check and a compiler does not.
#
# A rule fails if it finds no file to look at: none() counts what sources() and found() listed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1
shopt -s lastpipe # what stands after a pipe counts tests in this shell

# none NAME: passes if stdin is empty and files were looked at; what stdin has is the diagnosis
none() {
	local faults
	faults=$(cat)
	if [ ! -s "$TMP/looked" ] || grep -qx 0 "$TMP/looked"; then
		faults+="${faults:+$'\n'}no file was looked at"
	fi
	: >"$TMP/looked"
	[ -z "$faults" ]
	ok $? "$1"
	[ -z "$faults" ] || printf '%s\n' "$faults" | sed 's/^/# /'
}

# found COMMAND...: runs a command that lists files, and counts its lines
found() {
	"$@" | tee "$TMP/found"
	wc -l <"$TMP/found" >>"$TMP/looked"
}

# sources FOLDER...: all files of C and CUDA below
sources() {
	found find "$@" \( -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' \)
}

# includes FOLDER...: "FILE INCLUDED" for every #include "..." of the files below
includes() {
	sources "$@" | xargs -r grep -HEo '^[[:space:]]*#[[:space:]]*include "[^"]+"' |
		sed -E 's/:[^"]*"/ /; s/"$//' | sort
}

# ---- headers stand alone ----

# alone COMPILER: what it says of each header by itself
alone() {
	found find common kernels filters tests -name '*.h' | sort | while read -r header; do
		"$1" -std=gnu11 -D_GNU_SOURCE -DISA=v2 -Wall -Wextra -Werror -Wno-unused-function \
			-I. -fsyntax-only -x c "$header" 2>&1 | head -3
	done
}

alone "${CC:-cc}" | none "every header compiles alone"
if command -v clang >/dev/null; then
	alone clang | none "every header compiles alone, by clang"
fi

# ---- rooms: who may include whom ----

# may ROOM PATTERN: the files of common/ROOM include its own room and what matches PATTERN
may() {
	includes "common/$1" | awk -v own="common/$1/" -v allowed="^($2)" \
		'index($2, own) != 1 && $2 !~ allowed' | none "common/$1 includes itself${3:+, $3}"
}

may base '$-'
may stream 'common/base/' 'base'
may data 'common/(base|stream)/|names\.inc$' 'base, stream'
may comm 'common/base/' 'base'
may page 'common/(base|stream)/|attention_hashes\.inc$' 'base, stream'
may model 'common/(base|stream)/|kernels/kernels\.h$' 'base, stream and the table of kernels'
may train 'common/(base|stream|model|comm)/|kernels/kernels\.h$' 'base, stream, model, comm and the table of kernels'
for room in sample eval; do
	may $room 'common/(base|stream|model)/|kernels/kernels\.h$' 'base, stream, model and the table of kernels'
done
found find common -mindepth 1 -maxdepth 1 |
	grep -vE '^common/(base|stream|data|comm|model|train|sample|eval|page)$' | none "common holds its nine rooms, nothing else"
includes filters | awk '$2 !~ /^common\// && $2 != "kernels/kernels.h"' |
	none "filters include common/ and kernels/kernels.h only"
includes kernels |
	awk '$2 !~ /^kernels\// && $2 !~ /^common\/base\/(err|object|rng|philox)\.h$/' |
	none "kernels include kernels/, and err.h, object.h, rng.h and philox.h of base only"
for device in cpu cuda; do
	includes "kernels/$device" |
		awk -v own="kernels/$device/" '$2 ~ /^kernels\/.*\// && index($2, own) != 1'
done | none "a device includes of kernels/ its own folder and what is for all devices"
sources filters common | xargs -r grep -nE '^[[:space:]]*#[[:space:]]*(if|elif).*(CUDA|CPU|GPU|DNNL)' |
	none "no #if for a device outside kernels/"

# ---- what stands where ----

found git ls-files 2>/dev/null | sed 's|/.*||' | sort -u |
	grep -vxE '\.ci|\.gitignore|CONTRIBUTING\.md|LICENSE|Makefile|NEWS\.md|README\.md|deps\.sh|common|filters|kernels|man|pipelines|testdata|tests' |
	none "the root holds what is listed here, nothing else"
found find tests -mindepth 1 -maxdepth 1 |
	grep -vxE 'tests/(base|stream|data|comm|model|train|sample|eval|page|kernels|filters|pipelines|browser|bench|fuzz|tools|(house|man|lib)\.sh|check\.mk|(tap|folder)\.h)' |
	none "tests has the rooms of the house, browser, bench, fuzz and tools"
for program in $(found find filters -name '*.c'); do
	program=$(basename "$program" .c)
	[ -f "tests/filters/$program.sh" ] ||
		echo "no test in tests/filters bears the name $program"
done | none "every filter has a test of its name"

# ---- code ----

found find common filters -name '*.[ch]' | tr '\n' '\0' | xargs -0 wc -l | awk '$1 > 500 && $2 != "total"' |
	none "no file of common and filters has more than 500 lines"

sources filters common kernels |
	xargs -r grep -nE '\<(ato(i|l|ll|f)|strto(l|ll|ul|ull|f|d|ld|imax|umax)|sscanf)[[:space:]]*\(' |
	grep -v '^common/base/options\.c:' | none "numbers are read by options.c alone"
sources filters common kernels tests | grep '/util' | none "no util.h"
sources filters common | xargs -r grep -nE '^[[:space:]]*\{"[a-z-]+", (.[a-z].|0), OPTION_' |
	none "rows of option tables name their fields"

sources filters common kernels tests | sort | while read -r file; do
	width=$(expand -t 4 "$file" | wc -L)
	[ "$width" -le 100 ] || echo "$file: a line of $width columns"
done | none "no line is longer than 100 columns, with tabs of 4"

# What a linker may write to: not const tables, whose section is .data.rel.ro
# because they hold addresses, nor what a sanitizer adds.
objdump -t "$(found ls "$BUILD/libmemoscope.a")" |
	awk '/file format/ { object = $1 }
		/ O (\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ && !/ \.data\.rel\.ro/ && !/asan|ubsan|\.LC/ {
			print object, $NF
		}' | none "library code keeps no writable globals"

for program in $(found find filters -name '*.c'); do
	program=$(basename "$program" .c)
	ldd "$BUILD/$program" 2>/dev/null | grep -iE 'cuda|cublas|nccl'
done | none "no program is linked with a GPU's library"

# ---- programs and their pages ----

for source in filters/*.c; do
	program=$(basename "$source" .c)
	page=man/$program.1
	help=$("$program" --help </dev/null 2>&1)
	status=$?
	{
		found ls "$source" >/dev/null
		[ $status -eq 0 ] || echo "--help exits with $status"
		[ "$("$program" -h </dev/null 2>&1)" = "$help" ] || echo "-h is not --help"
		version=$("$program" --version </dev/null 2>&1) || echo "--version fails"
		grep -qE "^$program .*[0-9]+\.[0-9]+" <<<"$version" || echo "--version says: $version"
		[ -f "$page" ] || echo "there is no $page"
	} | none "$program: --help, --version, a manual page"
	[ -f "$page" ] || continue
	said=$(grep -oE '^ +(-., )?--[a-z][a-z0-9-]*' <<<"$help" | grep -oE '[a-z][a-z0-9-]*$' | sort -u)
	written=$(grep -E '^\.(It|Op) ' "$page" | grep -oE 'Fl (-|Fl )[a-z][a-z0-9-]*' |
		sed -E 's/Fl (-|Fl )//' | sort -u)
	listed=$(grep -E '^\.It ' "$page" | grep -oE 'Fl (-|Fl )[a-z][a-z0-9-]*' |
		sed -E 's/Fl (-|Fl )//' | sort -u)
	{
		found ls "$page" >/dev/null
		comm -23 <(echo "$said") <(echo "$listed") | grep -vxE 'help|usage|version' |
			sed "s|^|not in $page: --|"
		comm -13 <(echo "$said") <(echo "$written") | grep . | sed "s|^|in $page only: --|"
	} | none "$program: --help and the manual page name the same options"
done

for program in $(found find filters -name '*.c'); do
	program=$(basename "$program" .c)
	grep -q "^\.It Xr $program 1" man/memoscope.7 || echo "man/memoscope.7 lacks $program"
	grep -q "\`$program\`" README.md || echo "README.md lacks $program"
done | none "memoscope(7) and the README name every program"

for pipeline in $(found find pipelines -type f ! -name '*.*'); do
	pipeline=$(basename "$pipeline")
	[ -x "pipelines/$pipeline" ] || echo "pipelines/$pipeline cannot be run"
	[ -f "pipelines/$pipeline.report.md" ] || echo "pipelines/$pipeline has no template of its report"
	[ "$(wc -l <"pipelines/$pipeline")" -le 250 ] || echo "pipelines/$pipeline has more than 250 lines"
	grep -q "^\.It Pa $pipeline$" man/memoscope.7 || echo "man/memoscope.7 lacks $pipeline"
	grep -qE "(\`|/)$pipeline\b" pipelines/RESULTS.md || echo "pipelines/RESULTS.md lacks $pipeline"
done | none "pipelines are short scripts with a template, and memoscope(7) and pipelines/RESULTS.md name each"

{
	help=$(make --no-print-directory help) || echo "make help fails"
	for target in check install pipelines/X $(found find pipelines -type f ! -name '*.*'); do
		grep -qE "$target +[a-z0-9]" <<<"$help" || echo "make help lacks $target"
	done
} | none "make help says what there is to make, pipelines among it"

done_testing
