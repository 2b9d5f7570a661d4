/* perturb.h - one change to a phone book, or to another list of names and numbers: what does
 * the model say if the book says something else?
 *
 * The book, the name asked for and the answer come from the spans (stream/book.h). A line
 * of the book begins with the first span of a name's entry, and goes up to the first span that
 * is not of it. The
 * spans of the new record mean what they meant in the old one: entries are numbered by
 * their lines, and an answer that was the number of its entry still is, unless it has to be
 * kept.
 *
 * What is drawn is a function of the seed and the record's id.
 */
#ifndef MEMOSCOPE_PERTURB_H
#define MEMOSCOPE_PERTURB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/record.h"
#include "common/stream/span.h"

enum perturb_what {
	PERTURB_DIGIT, /* one digit of the entry's number becomes another */
	PERTURB_DROP, /* the entry's line is removed */
	PERTURB_NAME, /* another entry gets the entry's name */
	PERTURB_NUMBERS, /* the entry and another one exchange their numbers */
	PERTURB_LINES, /* they exchange their places */
	PERTURB_REDRAW, /* all numbers are drawn afresh, each another one than before */
	PERTURB_ASK, /* another entry is asked for, of another name */
	PERTURB_COUNT,
};
extern const char *const perturb_words[PERTURB_COUNT];

struct perturb_options {
	enum perturb_what what;
	bool other; /* change an entry that is not asked for, drawn; else the one asked for. Of
	             * PERTURB_REDRAW: all entries but the one asked for; else all. PERTURB_ASK has
	             * no use for it */
	bool keep; /* the answer's text stays as it is */
	int place; /* which digit, from 1; 0: drawn */
	int digit_min, digit_max; /* new digits are drawn from these. 0 to 9: a redrawn number of
	                           * phone.h's form is drawn by its rules */
	uint64_t seed;
};

/* What was changed in a record. */
struct perturb_change {
	int entry; /* the entry that was changed, as in the old record's spans; -1: several */
	int with; /* the other entry; -1: none */
	int place; /* which digit, from 1; 0: none */
	uint32_t from, to; /* the old digit and the new one, as characters; 0: none */
};

struct perturb; /* own: perturb_new … perturb_free */

/* NULL with err set. */
struct perturb *perturb_new(const struct perturb_options *options, struct err *err);
void perturb_free(struct perturb *perturb); /* NULL is allowed */

/* Change a record of text. *out is owned by perturb and valid until the next call. -1 with
 * err saying what the record lacks. */
int perturb_record(struct perturb *perturb, const struct record *record,
                   const struct span_kinds *kinds, struct record *out,
                   struct perturb_change *change, struct err *err);

#endif
