/* answer_origin.h - where an answer came from: which of a book's numbers it was made of.
 *
 * The first of these that holds:
 *
 *   asked       the number beside the name asked for (or written), to the character
 *   other       another entry's number, to the character
 *   stitched    its digits are the beginning of one entry's digits and after that the
 *               end of another's, at least ORIGIN_PIECE digits of each
 *   near        at most ORIGIN_NEAR edits (Levenshtein's) from the number asked for
 *   near_other  at most ORIGIN_NEAR edits from another entry's number
 *   part        at least ORIGIN_RUN digits in a row are those of one entry, at the same
 *               places counted from the beginning or from the end
 *   weights     none of these: nothing in the context accounts for it
 *
 * The bounds are those below which chance would do: of random phone numbers against
 * five entries one in 10^8 is stitched, two in 10^6 near, one in 300 a part; with
 * pieces of 2 digits 4% of the numbers whose end alone is random would be taken for
 * stitched ones, with 3 0.4% are; with runs of 3 digits 4% would be a part. What
 * chance gives with the answers at hand is for chance.h to say.
 */
#ifndef MEMOSCOPE_ANSWER_ORIGIN_H
#define MEMOSCOPE_ANSWER_ORIGIN_H

#include "common/eval/book_line.h"

#define ORIGIN_PIECE 3
#define ORIGIN_NEAR 2
#define ORIGIN_RUN 4

enum answer_origin_kind {
	ORIGIN_ASKED,
	ORIGIN_OTHER,
	ORIGIN_STITCHED,
	ORIGIN_NEAR_ASKED,
	ORIGIN_NEAR_OTHER,
	ORIGIN_PART,
	ORIGIN_WEIGHTS,
	ORIGIN_KINDS
};

struct answer_origin {
	enum answer_origin_kind kind;
	int line, second; /* of which entries it was made, as in their spans; -1: of none */
	/* stitched: how many digits stand before the seam, which is where the answer
	 * leaves the first entry for good; near: how many digits stand before the first
	 * difference; part: before the run. */
	int place;
	int edits; /* of asked and other: 0, of near ones; else -1 */
};

/* The word for a kind, as above. */
const char *answer_origin_word(enum answer_origin_kind kind);

/* Of an answer against a book of at least one entry. Numbers of more than
 * SLICE_DIGITS digits are compared by the first of them where digits are. */
struct answer_origin answer_origin_find(struct slice given, const struct book_line *entry,
                                        uint32_t entries);

#endif
