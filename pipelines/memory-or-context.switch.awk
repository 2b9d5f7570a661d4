# memory-or-context.switch.awk - with how many people a network goes over from the directory to the book.
#
# Reads lines of row, seed, people, and lead: by how much the share of the book exceeds that of the directory. The lines
# of a row and a seed stand together, and the number of people rises. Writes a line for each row and seed: row, seed, and
# the number of people at which the lead is 0, by interpolation in the logarithm of that number, between the last number with
# which the directory leads and the first one after it with which the book does. There may be none: above (the directory
# leads with the most people), below (the book leads with the fewest and the directory nowhere), or neither. A lead within MARGIN of 0 is none.
BEGIN {
	FS = OFS = "\t"
	margin = 0.05
}

function done() {
	if (!lines)
		return
	if (has_directory && has_book)
		at = sprintf("%.6g", exp(from + (0 - low) / (high - low) * (to - from)))
	else
		at = has_directory ? "above" : has_book ? "below" : "neither"
	print row, seed, at
}

$1 != row || $2 != seed {
	done()
	row = $1
	seed = $2
	lines = has_directory = has_book = 0
}

{ lines++ }

$4 < -margin {
	has_directory = 1
	has_book = 0
	from = log($3)
	low = $4
}

$4 > margin && !has_book {
	has_book = 1
	to = log($3)
	high = $4
}

END { done() }
