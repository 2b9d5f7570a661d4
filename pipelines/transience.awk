# transience.awk - of steps.tsv (its first line names the columns), for each network: how far looking up comes, and where
# it ends. Lines of a key and a number, one for each network: input of confint --mean. Variables: window, how many models
# that follow each other are taken together, because single ones jump; comes and goes, as pipelines/transience has them.
BEGIN {
	FS = OFS = "\t"
	n_columns = split("open_exact closed_exact fresh_exact conflict_book conflict_directory conflict_stitched" \
		" conflict_neither conflict_digits_book conflict_digits_directory attention", columns, " ")
}
NR == 1 {
	for (i = 1; i <= NF; i++)
		place[$i] = i
	next
}
{
	directory = $place["people"] "_decay_" $place["decay"]
	gsub(/\./, "_", directory)
	if (!(directory in people)) {
		people[directory] = $place["people"]
		order[++n_directories] = directory
	}
	step = $place["step"] + 0
	if (!(step in known)) {
		known[step] = 1
		steps[++n_steps] = step # each network has the same ones, in this order
	}
	if ($place["seed"] > seeds[directory])
		seeds[directory] = $place["seed"]
	for (i = 1; i <= n_columns; i++)
		value[directory, $place["seed"], step, columns[i]] = $place[columns[i]]
}

# mean DIRECTORY SEED I COLUMN: of the models from I on, as many as the window holds
function mean(directory, seed, i, column,    j, sum) {
	for (j = i; j < i + window; j++)
		sum += value[directory, seed, steps[j], column]
	return sum / window
}

# peak DIRECTORY SEED: where the window of models begins in which most digits are the book's; the first of several
function peak(directory, seed,    i, share, most, best) {
	most = -1
	for (i = 1; i + window - 1 <= n_steps; i++) {
		share = mean(directory, seed, i, "conflict_digits_book")
		if (share > most + 1e-9) {
			most = share
			best = i
		}
	}
	return best
}

# went DIRECTORY SEED AT LAST: has looking up come and gone in this network? 1 or 0
function went(directory, seed, at, last,    top) {
	top = mean(directory, seed, at, "conflict_digits_book")
	return top > comes && top - mean(directory, seed, last, "conflict_digits_book") > goes
}

# reached DIRECTORY SEED COLUMN SHARE: the first step at which it is so much, or nothing
function reached(directory, seed, column, share,    i) {
	for (i = 1; i <= n_steps; i++)
		if (value[directory, seed, steps[i], column] >= share)
			return steps[i]
	return ""
}

END {
	last = n_steps - window + 1
	for (d = 1; d <= n_directories; d++) {
		directory = order[d]
		key = "people_" directory
		for (seed = 1; seed <= seeds[directory]; seed++) {
			at = peak(directory, seed)
			print key "_peak_step", (steps[at] + steps[at + window - 1]) / 2
			for (i = 1; i <= n_columns; i++) {
				print key "_peak_" columns[i], mean(directory, seed, at, columns[i])
				print key "_end_" columns[i], mean(directory, seed, last, columns[i])
			}
			print key "_fall", mean(directory, seed, at, "conflict_digits_book") - \
				mean(directory, seed, last, "conflict_digits_book")
			print key "_rise", mean(directory, seed, last, "conflict_digits_directory") - \
				mean(directory, seed, at, "conflict_digits_directory")
			print key "_goes", went(directory, seed, at, last)
			print key "_attention_fall", mean(directory, seed, at, "attention") - mean(directory, seed, last, "attention")
			half = reached(directory, seed, "closed_exact", 0.5)
			print key "_knows", half != ""
			if (half != "")
				print key "_closed_half_step", half
			# the same seed with the decay that comes first
			if (people[directory] in first)
				print key "_gain", mean(directory, seed, last, "conflict_digits_book") - \
					mean(first[people[directory]], seed, last, "conflict_digits_book")
		}
		if (!(people[directory] in first))
			first[people[directory]] = directory
	}
}
