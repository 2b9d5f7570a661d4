# sweep.grid.sh - the command line of pipelines/sweep, and the cells of its grid.
# shellcheck shell=bash disable=SC2034,SC2154 # the pipeline reads what arguments sets, and sets here and OUT

usage() {
	cat <<-'END'
		Usage: pipelines/sweep --train FILE... --evaluate COMMAND [OPTION...] [--grid FILE] -- OPTIONS OF gpt-train
		Train a network for each cell of a grid, evaluate it, and make a table and a picture.

		After -- stands the grid: options of gpt-train, each with one value or several, as in
		--lr 1e-3 3e-3 --width 64 128 --seed 1 2 3. Each combination is a cell.

		  --train FILE...     token streams to train on; a pattern in quotes is one, too
		  --val FILE          token stream to validate on
		  --evaluate COMMAND  a command of bash, which prints lines "KEY NUMBER", or a number alone. $MODEL is the
		                      model directory.
		  --file FILE...      files and folders that the command or gpt-train reads; hosts get copies
		  --grid FILE         a table of cells: names of options, then a line for each cell, with tabs between
		  -o, --output DIR    where results go (default: out/sweep). What is there is not done again.
		  --metric NAME       the column of the table that is drawn and compared (default: val_loss)
		  --goal min|max      which of its values is best (default: min if its name has loss in it, else max)
		  --x OPTION          the axis of the picture (default: the first option with several values)
		  --series OPTION     a line for each of its values, with the best of all other options at each point
		                      (default: a line for each combination of the other options)
		  --jobs N            cells side by side, on each host (default: here one for each processor; on hosts, one
		                      for each of theirs). Each takes one thread: see --threads of gpt-train.
		  --hosts FILE        machines to work on: the sshloginfile of GNU parallel, which has one on a line
		  --workdir DIR       where hosts keep copies until the end (default: .memoscope-sweep in the home directory)

		Seeds are averaged: the picture has the mean over --seed, with its 95% interval.
	END
}

# arguments WORD...: sets what usage names, as variables of the pipeline
arguments() {
	local word last=''
	while [ $# -gt 0 ]; do
		word=$1
		shift
		if [[ $word == --[a-z]*=* ]]; then
			set -- "${word#*=}" "$@"
			word=${word%%=*}
		elif [[ $word != -* ]]; then
			case $last in
			--train) train+=("$word") ;;
			--file) read_files+=("$word") ;;
			*) refuse "$(printf %q "$word") is no option: see --help; options of gpt-train stand after --" ;;
			esac
			continue
		fi
		last=$word
		case $word in
		-h | --help) trap - EXIT; usage; exit 0 ;;
		--)
			trained_with=("$@")
			return
			;;
		-o) word=--output ;;&
		-o | --train | --val | --evaluate | --file | --grid | --output | --metric | --goal | --x | --series | --jobs | --hosts | --workdir)
			[[ $# -gt 0 && -n $1 ]] || refuse "$word needs a value: see --help"
			case $word in
			--train) train+=("$1") ;;
			--file) read_files+=("$1") ;;
			--output) OUT=$1 ;;
			*) printf -v "${word#--}" %s "$1" ;;
			esac
			shift
			;;
		*) refuse "there is no option $(printf %q "$word"): see --help; options of gpt-train stand after --" ;;
		esac
	done
}

# known: the options of gpt-train, a line each, with an = behind those that take a value
known() {
	gpt-train --help | sed -nE 's/^  (-., |    )--([a-z0-9-]+)(=?).*/\2\3/p'
}

# option WORD: refuses what is no option of gpt-train for a grid
option() {
	case $1 in
	output | metrics | val | resume | overwrite | new-best | quiet | help | usage | version)
		refuse "gpt-train's --$1 is not for a grid, because the sweep sets it" ;;
	esac
	grep -qxE -- "${1//[^a-z0-9-]/_}=?" <<<"$options_known" || refuse "gpt-train has no option $(printf %q "--$1"): gpt-train --help lists them"
}

# flag OPTION: takes it no value? In a grid, its values are yes and no.
flag() {
	grep -qx -- "$1" <<<"$options_known"
}

# add OPTION: the option of a grid, whose values follow
add() {
	local name
	option "$1"
	for name in "${axes[@]}"; do
		[ "$name" != "$1" ] || refuse "--$1 stands twice in the grid"
	done
	axes+=("$1")
}

# one_value OPTION VALUE: refuses what is no value of a cell
one_value() {
	[[ -n $2 && $2 != *[$'\t\n']* ]] || refuse "--$1 has a value that is empty, or has a tab or a newline in it"
	! flag "$1" || [[ $2 =~ ^(yes|no)$ ]] || refuse "--$1 takes no value: write --$1, or yes and no, not $(printf %q "$2")"
}

# grid_table FILE: `rows` becomes the cells of a table, `axes` its columns
grid_table() {
	local line field i n=1
	local -a head fields
	[[ -f $1 && -r $1 ]] || refuse "there is no file $(printf %q "$1") for --grid"
	rows=()
	while IFS= read -r line || [ -n "$line" ]; do
		line=${line%$'\r'}
		mapfile -t fields < <(tr '\t' '\n' <<<"$line") # keeps fields that are empty
		if [ $n -eq 1 ]; then
			head=("${fields[@]#--}")
			for field in "${head[@]}"; do add "$field"; done
		elif [ -n "$line" ]; then
			[ ${#fields[@]} -eq ${#head[@]} ] ||
				refuse "line $n of $(printf %q "$1") has ${#fields[@]} fields, and the first line names ${#head[@]} options"
			line=''
			for i in "${!fields[@]}"; do
				[ -n "${fields[i]}" ] || continue # gpt-train's default
				one_value "${head[i]}" "${fields[i]}"
				line+=$'\t'${head[i]}=${fields[i]}
			done
			rows+=("$line")
		fi
		n=$((n + 1))
	done <"$1"
}

# cells_of WORD...: `rows` becomes the cells, a line each: OPTION=VALUE with a tab before each. `axes` becomes the options,
# in order.
cells_of() {
	local word name='' row values=()
	local -a more
	rows=('')
	axes=()
	[ -z "$grid" ] || grid_table "$grid"
	# cross: each cell so far with each value of the option
	cross() {
		[ -n "$name" ] || return 0
		if [ ${#values[@]} -eq 0 ]; then
			flag "$name" || refuse "--$name needs a value, or several"
			values=(yes)
		fi
		again=$(printf '%s\n' "${values[@]}" | awk 'seen[$0 ~ /^[-+]?[0-9.]+([eE][-+]?[0-9]+)?$/ ? sprintf("%.17g", $0) : $0]++ { print; exit }')
		[ -z "$again" ] || refuse "--$name has a value twice: $again"
		more=()
		for row in "${rows[@]}"; do
			for word in "${values[@]}"; do
				more+=("$row"$'\t'"$name=$word")
			done
		done
		rows=("${more[@]}")
	}
	while [ $# -gt 0 ]; do
		if [[ $1 == --* ]]; then
			cross
			name=${1#--} values=()
			[[ $name != *=* ]] || values=("${name#*=}")
			name=${name%%=*}
			add "$name"
			[ ${#values[@]} -eq 0 ] || one_value "$name" "${values[0]}"
		else
			[ -n "$name" ] || refuse "the grid begins with $(printf %q "$1"): an option of gpt-train comes first, such as --lr"
			one_value "$name" "$1"
			values+=("$1")
		fi
		shift
	done
	cross
	[[ ${#axes[@]} -gt 0 && ${#rows[@]} -gt 0 && -n ${rows[0]} ]] ||
		refuse "the grid is empty: give options of gpt-train after --, as in -- --lr 1e-3 3e-3, or a table with --grid"
}

# named: of cells on stdin, as cells_of makes them, lines NAME, OPTION=VALUE... in the order of options, with tabs between.
# The name of a cell does not depend on the order in which its options were given. It has letters, digits and ._- only, because
# parallel and some versions of rsync do not agree about how to quote others. A line "again A B" ends it if two are the same.
named() {
	LC_ALL=C awk -F '\t' -v OFS='\t' -v longest=200 '
		BEGIN { for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i }
		# tells texts apart whose names would be the same
		function sum(text, i, h) {
			h = 7
			for (i = 1; i <= length(text); i++) h = (h * 65599 + code[substr(text, i, 1)]) % 2147483647
			return sprintf("%08x", h)
		}
		{
			n = split(substr($0, 2), part, FS)
			for (i = 2; i <= n; i++) {
				word = part[i]
				for (j = i - 1; j >= 1 && part[j] > word; j--) part[j + 1] = part[j]
				part[j + 1] = word
			}
			text = line = name = ""
			plain = 1
			for (i = 1; i <= n; i++) {
				at = index(part[i], "=")
				value = substr(part[i], at + 1)
				if (value !~ /^[A-Za-z0-9.+-]+$/ || value ~ /--|[+]/) plain = 0
				gsub(/[^A-Za-z0-9.-]/, "_", value)
				text = text "," part[i]
				line = line OFS part[i]
				name = name (i > 1 ? "--" : "") substr(part[i], 1, at - 1) "_" value
			}
			if (!plain || length(name) > longest) name = substr(name, 1, longest - 9) "." sum(text)
			if (name in row) { print "again", row[name], NR; exit }
			row[name] = NR
			print name line
		}'
}

# options_of CELL: the options for gpt-train, a line each; CELL is a line of named
options_of() {
	tr '\t' '\n' <<<"$1" | tail -n +2 | while IFS= read -r word; do
		if ! flag "${word%%=*}"; then
			printf -- '--%s\n' "$word"
		elif [ "${word#*=}" = yes ]; then
			printf -- '--%s\n' "${word%%=*}"
		fi
	done
}

# label_of NAME: what tells this cell of $OUT/grid.tsv from the others, for people
label_of() {
	name=$1 awk -F '\t' '
		{ for (i = 2; i <= NF; i++) n[$i]++ }
		$1 == ENVIRON["name"] { own = $0 }
		END {
			words = split(own, word, FS)
			for (i = 2; i <= words; i++)
				if (n[word[i]] < NR) { sub(/=/, " ", word[i]); text = text (text == "" ? "" : ", ") word[i] }
			print text == "" ? ENVIRON["name"] : text
		}' "$OUT/grid.tsv"
}
