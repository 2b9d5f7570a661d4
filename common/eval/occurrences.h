/* occurrences.h - how often does each of many texts occur?
 *
 * Of each different text its XXH3 and a count are kept, in a table of 32 to 64 bytes for each. */
#ifndef MEMOSCOPE_OCCURRENCES_H
#define MEMOSCOPE_OCCURRENCES_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/stats.h"
#include "common/eval/slice.h"

/* {0} to begin with; ends with occurrences_release(). */
struct occurrences {
	struct occurrence *slot; /* a hash table; owned */
	size_t slots, different; /* different texts */
	uint64_t all; /* occurrences of all texts */
	uint64_t most; /* of the commonest text */
	uint32_t *text; /* [length] that text; the first one of several; owned */
	size_t length, room;
};

void occurrences_release(struct occurrences *occurrences);

/* Count a text, in one part or two. Texts in two parts are the same if both parts are: second is
 * NULL in codes if there is none. -1 with err set if memory is out. */
int occurrences_add(struct occurrences *occurrences, struct slice first, struct slice second,
                    struct err *err);

/* Of the rarest text. 0: there is none. */
uint64_t occurrences_least(const struct occurrences *occurrences);

/* Of the different texts, those that occur once. */
struct share occurrences_once(const struct occurrences *occurrences);

#endif
