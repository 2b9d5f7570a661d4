/* answer_origin.h - which of a book's numbers was an answer made of?
 *
 * The origin of an answer is the first of these that fits:
 *
 *   asked       it is the number beside the name asked for (or written)
 *   other       it is another entry's number
 *   stitched    its digits are the beginning of one entry's digits and then the end of
 *               another's, at least ORIGIN_PIECE digits of each
 *   near        at most ORIGIN_NEAR edits (Levenshtein) lead to it from the number asked for
 *   near_other  at most ORIGIN_NEAR edits lead to it from another entry's number
 *   part        at least ORIGIN_RUN digits in a row are one entry's, in the same places
 *               counted from the beginning or from the end
 *   weights     none of these: nothing in the context explains it
 *
 * The bounds keep chance small. Of random phone numbers against five entries one in 10^8
 * is stitched, two in 10^6 are near and one in 300 is a part. If only the end of a number is
 * random, 4% would be stitched with pieces of 2 digits, and 0.4% are with 3; with runs of 3
 * digits 4% of random numbers would be a part. chance_baseline.h measures what chance gives
 * with the answers of a given model.
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
	int line, second; /* the entries that it was made of, as in their spans; -1: none */
	/* How many digits stand before the place that matters. stitched: before the seam, where
	 * the answer leaves the first entry for good; near: before the first difference; part:
	 * before the run. */
	int place;
	int edits; /* asked and other: 0; near ones: how many; else -1 */
};

/* The word for a kind, as above. */
const char *answer_origin_word(enum answer_origin_kind kind);

/* The origin of an answer, with a book of at least one entry. If digits are compared, only
 * the first SLICE_DIGITS of a number count. */
struct answer_origin answer_origin_find(struct slice given, const struct book_line *entry,
                                        uint32_t entries);

#endif
