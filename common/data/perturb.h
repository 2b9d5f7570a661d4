/* perturb.h - one change to a phone book: what would the model say if the book
 * said something else?
 *
 * Where things stand is taken from spans: `name` and `number` of one entry beside
 * each other are a line of the book, which goes up to the next span; `ask` and
 * `answer` are the question. Spans of what comes out say what those of what went
 * in did: entries are numbered by their lines, and an answer that was the number
 * of its entry still is, unless it is to be kept.
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
	PERTURB_DIGIT, /* one digit of the entry's number is another one */
	PERTURB_DROP, /* the entry's line is taken out */
	PERTURB_NAME, /* another entry is given the entry's name */
	PERTURB_NUMBERS, /* the entry and another one exchange numbers */
	PERTURB_LINES, /* they exchange places */
	PERTURB_COUNT,
};
extern const char *const perturb_words[PERTURB_COUNT];

struct perturb_options {
	enum perturb_what what;
	bool other; /* the entry is one that is not asked for, drawn; else the one asked for */
	bool keep; /* the answer's text stays as it is */
	int place; /* which digit, from 1; 0: drawn */
	int digit_min, digit_max; /* what a digit becomes is drawn from these, 0 to 9 */
	uint64_t seed;
};

/* What was done to a record. */
struct perturb_change {
	int entry; /* the entry that was changed, by its line in what went in */
	int with; /* the other one; -1: none */
	int place; /* which digit, from 1; 0: none */
	uint32_t from, to; /* the digit as a character; 0: none */
};

struct perturb; /* own: perturb_new … perturb_free */

/* NULL with err set. */
struct perturb *perturb_new(const struct perturb_options *options, struct err *err);
void perturb_free(struct perturb *perturb); /* NULL is allowed */

/* Change a record of text. What comes out is owned by perturb, valid until the next
 * call. -1 with err saying what the record lacks. */
int perturb_record(struct perturb *perturb, const struct record *record,
                   const struct span_kinds *kinds, struct record *out,
                   struct perturb_change *change, struct err *err);

#endif
