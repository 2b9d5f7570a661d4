#!/bin/bash
# house.sh - the rules of the house, as tests: what CONTRIBUTING.md asks for and
# a compiler does not see.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1
shopt -s lastpipe # what stands after a pipe counts tests in this shell

# none NAME: passed if nothing comes in on stdin; what does is the diagnosis
none() {
	local found
	found=$(cat)
	[ -z "$found" ]
	ok $? "$1"
	[ -z "$found" ] || printf '%s\n' "$found" | sed 's/^/# /'
}

# includes PATH...: "FILE INCLUDED" for every #include "..." of the files below
includes() {
	find "$@" \( -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' \) -exec grep -HEo '^[[:space:]]*#[[:space:]]*include "[^"]+"' {} + |
		sed -E 's/:[^"]*"/ /; s/"$//' | sort
}

# ---- headers stand alone ----

alone() {
	local compiler=$1 header
	while read -r header; do
		"$compiler" -std=gnu11 -D_GNU_SOURCE -DLEVEL=v2 -Wall -Wextra -Werror -Wno-unused-function \
			-I. -fsyntax-only -x c "$header" 2>&1 | head -3
	done < <(find common kernels filters tests -name '*.h' | sort)
}

alone "${CC:-cc}" | none "every header compiles alone"
if command -v clang >/dev/null; then
	alone clang | none "every header compiles alone, by clang"
fi

# ---- rooms ----

includes filters | awk '$2 !~ /^common\// && $2 != "kernels/kernels.h"' |
	none "filters include common/ and kernels/kernels.h only"
includes common | awk '$2 !~ /^common\// && $2 != "kernels/kernels.h" && $2 !~ /^[^/]+\.inc$/' |
	none "common includes common/ and kernels/kernels.h only"
includes kernels |
	awk '$2 !~ /^kernels\// && $2 !~ /^common\/(err|rng|philox)\.h$/' |
	none "kernels include kernels/, common/err.h, common/rng.h and common/philox.h only"
includes filters common tests | awk '$2 ~ /^kernels\/(cpu|cuda)\// && $1 !~ /^tests\//' |
	none "nobody outside kernels/ knows a device"
for device in cpu cuda; do
	includes "kernels/$device" |
		awk -v own="kernels/$device/" '$2 ~ /^kernels\/.*\// && index($2, own) != 1'
done | none "a device includes of kernels/ its own folder and what is for all devices"
grep -nE '^[[:space:]]*#[[:space:]]*(if|elif).*(CUDA|CPU|GPU|DNNL)' filters/*.[ch] common/*.[ch] \
	2>/dev/null | none "no #if for a device outside kernels/"

# ---- code ----

grep -nE '\<(ato(i|l|ll|f)|strto(l|ll|ul|ull|f|d|ld|imax|umax)|sscanf)[[:space:]]*\(' \
	filters/*.c common/*.c kernels/*.c kernels/*/*.c kernels/*/*.cu 2>/dev/null |
	grep -v '^common/options\.c:' | none "numbers are read by options.c alone"
find . -path ./build -prune -o -name 'util*.[ch]' -print | none "no util.h"
git ls-files 2>/dev/null | grep -E '(^|/)[0-9.]+$' | none "no file bears a number's name, as a > in awk leaves it"

while read -r file; do
	width=$(expand -t 4 "$file" | wc -L)
	[ "$width" -le 100 ] || echo "$file: a line of $width columns"
done < <(find filters common kernels tests -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' | sort) |
	none "no line is longer than 100 columns, with tabs of 4"

# What a linker may write to: not const tables, whose section is .data.rel.ro
# because they hold addresses, nor what a sanitizer adds.
objdump -t "$BUILD/libmemoscope.a" |
	awk '/file format/ { object = $1 }
		/ O (\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ && !/ \.data\.rel\.ro/ && !/asan|ubsan|\.LC/ {
			print object, $NF
		}' | none "library code keeps no writable globals"

for program in filters/*.c; do
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
		[ $status -eq 0 ] || echo "--help exits with $status"
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
		comm -23 <(echo "$said") <(echo "$listed") | grep -vxE 'help|usage|version' |
			sed "s|^|not in $page: --|"
		comm -13 <(echo "$said") <(echo "$written") | grep . | sed "s|^|in $page only: --|"
	} | none "$program: --help and the manual page name the same options"
done

for program in filters/*.c; do
	program=$(basename "$program" .c)
	grep -q "^\.It Xr $program 1" man/memoscope.7 || echo "man/memoscope.7 lacks $program"
	grep -q "\`$program\`" README.md || echo "README.md lacks $program"
done | none "memoscope(7) and the README name every program"

for pipeline in pipelines/*; do
	[ "${pipeline%.*}" = "$pipeline" ] || continue
	pipeline=$(basename "$pipeline")
	[ -x "pipelines/$pipeline" ] || echo "pipelines/$pipeline cannot be run"
	grep -q "^\.It Pa $pipeline$" man/memoscope.7 || echo "man/memoscope.7 lacks $pipeline"
	grep -qE "(\`|/)$pipeline\b" README.md || echo "README.md lacks $pipeline"
done | none "pipelines are scripts, and memoscope(7) and the README name each"

{
	help=$(make --no-print-directory help) || echo "make help fails"
	for target in check install pipelines/X $(find pipelines -type f ! -name '*.*'); do
		grep -qE "$target +[a-z0-9]" <<<"$help" || echo "make help lacks $target"
	done
} | none "make help says what there is to make, pipelines among it"

done_testing
