/* attention_mass.h - how much attention the characters of one kind of span give to what
 * stands before them, as means over records.
 *
 * Rows are counted by their place. Place p is the pth character of the span; place 0 is the
 * character before it, whose row predicts the first one. The right entry is the span's own.
 * "The same place" means the same place in the span that is repeated: an `answer` repeats
 * the `number` of its entry, an `ask` the `name` (book_source()), and an answer without an
 * entry the first `contextual` span that has its text. If tokens are pieces, the text may be
 * divided into other ones there: the next place is then in the piece in which the text goes on.
 */
#ifndef MEMOSCOPE_ATTENTION_MASS_H
#define MEMOSCOPE_ATTENTION_MASS_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/stats.h"
#include "common/stream/record.h"
#include "common/stream/span.h"

/* What attention goes to. Each key of a row is in one of these. */
enum mass_to {
	MASS_SAME, /* the same place in the right entry: the character that was read last */
	MASS_NEXT, /* the place after it: the character that has to be written */
	MASS_NUMBER, /* elsewhere in the right entry's number */
	MASS_NAME, /* elsewhere in the right entry's other spans */
	MASS_OTHERS, /* spans of other entries */
	MASS_SEPARATORS, /* what belongs to no entry */
	MASS_BEGINNING, /* what stands before the first span */
	MASS_QUESTION, /* from the `ask` on; a `question`; the span itself, if it has no entry */
	MASS_CONTEXTUAL, /* elsewhere in a `contextual` span */
	MASS_FACT, /* the rest of a fact */
	MASS_COUNT
};

extern const char *const mass_words[MASS_COUNT];

struct attention_mass; /* own */

/* vocab: of the records' tokens; NULL: each is a character. NULL with err set. */
struct attention_mass *attention_mass_new(int layers, int heads, const struct vocab *vocab,
                                          struct err *err);
void attention_mass_free(struct attention_mass *mass); /* NULL is allowed */

/* Count the rows of a record's spans of a kind (an index into kinds) in one head's matrix
 * [rows, rows]. To be called once for each layer and head of a record. -1 with err set if
 * memory is out. */
int attention_mass_add(struct attention_mass *mass, const struct record *record,
                       const struct span_kinds *kinds, int kind, int layer, int head,
                       int rows, const float *matrix, struct err *err);

/* How many places there are so far, with place 0. */
int attention_mass_places(const struct attention_mass *mass);

#define MASS_ALL_PLACES (-1) /* the mean over a record's places from 1 on */

/* The mean over the records that have this place and this `to`. */
struct mean attention_mass_mean(const struct attention_mass *mass, int layer, int head, int place,
                                enum mass_to to);

#endif
