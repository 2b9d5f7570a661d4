/* attention_mass.h - how much attention the characters of one kind of span give
 * to what stands before them, as means over records.
 *
 * The rows are told apart by their place: place p is the pth character of the
 * span, 0 the one before it, from which its first character is predicted. The
 * span's entry is the right one; what counts as the same place is in its span of
 * the kind that is repeated: `number` for `answer`, `name` for `ask`. An answer
 * without an entry repeats the first `contextual` span that has its text.
 */
#ifndef MEMOSCOPE_ATTENTION_MASS_H
#define MEMOSCOPE_ATTENTION_MASS_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/stats.h"
#include "common/stream/record.h"
#include "common/stream/span.h"

/* What attention goes to: each key of a row is in one of these. */
enum mass_to {
	MASS_SAME, /* the same place in the right entry: the character that is read again */
	MASS_NEXT, /* the place after that: the character that is to be written */
	MASS_NUMBER, /* elsewhere in the right entry's number */
	MASS_NAME, /* elsewhere in the other spans of the right entry */
	MASS_OTHERS, /* spans of other entries */
	MASS_SEPARATORS, /* what belongs to no entry */
	MASS_BEGINNING, /* what stands before the first span */
	MASS_QUESTION, /* from the first `ask` on; a `question`, and a span of no entry itself */
	MASS_CONTEXTUAL, /* elsewhere in what states an answer */
	MASS_FACT, /* the rest of a fact */
	MASS_COUNT
};

extern const char *const mass_words[MASS_COUNT];

struct attention_mass; /* own */

/* NULL with err set. */
struct attention_mass *attention_mass_new(int layers, int heads, struct err *err);
void attention_mass_free(struct attention_mass *mass); /* NULL is allowed */

/* Count the rows of a record's spans of a kind (an index into kinds) in one
 * head's matrix [rows, rows]. Once for each layer and head of a record. -1 with
 * err set where memory is out. */
int attention_mass_add(struct attention_mass *mass, const struct record *record,
                       const struct span_kinds *kinds, int kind, int layer, int head,
                       int rows, const float *matrix, struct err *err);

/* Places met so far, 0 among them. */
int attention_mass_places(const struct attention_mass *mass);

#define MASS_ALL_PLACES (-1) /* the mean over a record's places, but for place 0 */

/* The mean over the records in which it had a meaning. */
struct mean attention_mass_mean(const struct attention_mass *mass, int layer, int head, int place,
                                enum mass_to to);

#endif
