/* recall.h - is what a model answered right?
 *
 * Truth comes from the reference's spans alone: `answer` is what is to be
 * retrieved, `ask` the name it is asked for under, `name` and `number` of one
 * entry stand beside each other in the book. What the model wrote is cut where
 * the text between `ask` and `answer` stands in it, and where the text after
 * `answer` in its line does; the number's form is not looked at.
 */
#ifndef MEMOSCOPE_RECALL_H
#define MEMOSCOPE_RECALL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/generation.h"
#include "common/span.h"

#define RECALL_DIGITS 32 /* digits of an answer that are told apart */

enum recall_truth {
	RECALL_WRONG,
	RECALL_RIGHT,
	RECALL_UNDEFINED, /* there is nothing to compare with */
};

/* Code points of the recall's, until its next judgement; NULL: none. */
struct recall_slice {
	const uint32_t *codes;
	uint32_t length;
};

struct recall_verdict {
	bool chose; /* the model wrote the name, or part of it (--from ask) */
	/* exact: the name was given: the answer is the reference's;
	 *        the model chose it: it is in the book, the number beside it follows.
	 * name: the name that the model wrote is in the book; undefined where it was given.
	 * number: the number is right, given a name that is: undefined after a wrong one.
	 * book: the number stands beside the name asked for or written; undefined
	 *       where that name is not in the book. */
	enum recall_truth exact, name, number, book;
	struct recall_slice asked; /* the name asked for, or written */
	struct recall_slice want; /* the right answer; NULL after a wrong name */
	struct recall_slice given; /* the model's answer */
	uint32_t distance; /* Levenshtein's, given to want; 0 where want is NULL */
	int digits; /* in want, RECALL_DIGITS at most */
	bool digit[RECALL_DIGITS]; /* does the nth one stand in its place? */
};

struct recall; /* memory for one judgement at a time; own */

struct recall *recall_new(struct err *err);
void recall_free(struct recall *recall); /* NULL is allowed */

/* Judge a generation. -1 with err saying why it cannot be judged. */
int recall_judge(struct recall *recall, const struct generation *generation,
                 const struct span_kinds *kinds, struct recall_verdict *verdict,
                 struct err *err);

/* How many of how many. */
struct recall_share {
	uint64_t right, of;
};

struct recall_tally {
	uint64_t records;
	struct recall_share exact, name, number, book, digit[RECALL_DIGITS];
};

void recall_count(struct recall_tally *tally, const struct recall_verdict *verdict);

/* Wilson's 95% interval of a share (Wilson 1927, "Probable Inference, the Law of
 * Succession, and Statistical Inference"); of at least 1. */
void recall_interval(const struct recall_share *share, double *low, double *high);

#endif
