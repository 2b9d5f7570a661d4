/* conflict.h - if the book and the directory have different numbers for the name asked for, which
 * of them is an answer? */
#ifndef MEMOSCOPE_CONFLICT_H
#define MEMOSCOPE_CONFLICT_H

#include "common/base/stats.h"
#include "common/eval/slice.h"

struct conflict {
	struct slice book, directory; /* codes NULL: there is no conflict */
};

enum conflict_side {
	CONFLICT_BOOK, /* the book's number, in every character */
	CONFLICT_DIRECTORY, /* the directory's */
	CONFLICT_STITCHED, /* the beginning of one and the end of the other (answer_origin.h) */
	CONFLICT_NEITHER,
	CONFLICT_SIDES
};

const char *conflict_side_word(enum conflict_side side);

enum conflict_side conflict_side_of(struct slice given, const struct conflict *conflict);

/* Sums over answers to conflicts. {0} to begin with. */
struct conflict_tally {
	struct share side[CONFLICT_SIDES];
	struct share memorization; /* the directory's of the book's and the directory's */
	/* Of the places in which the two numbers have different digits: is digit n of the answer the
	 * book's, the directory's? */
	struct share book_digit[SLICE_DIGITS], directory_digit[SLICE_DIGITS];
};

/* Count an answer, unless there is no conflict. */
void conflict_tally_add(struct conflict_tally *tally, struct slice given,
                        const struct conflict *conflict);

#endif
