/* slice.h - a stretch of a text, as code points. */
#ifndef MEMOSCOPE_SLICE_H
#define MEMOSCOPE_SLICE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/stream/span.h"

#define SLICE_DIGITS 32 /* digits of a number that are compared one by one */

/* The codes belong to someone else, and the slice is valid as long as they are. codes NULL:
 * there is no such text; of an empty one they are not NULL. */
struct slice {
	const uint32_t *codes;
	uint32_t length;
};

/* Code points begin … end-1 of codes. */
struct slice slice_of(const uint32_t *codes, uint32_t begin, uint32_t end);

/* The text of a span; codes are the record's. */
struct slice slice_of_span(const uint32_t *codes, const struct span *span);

bool slice_equal(struct slice a, struct slice b);

bool slice_is_digit(uint32_t code); /* 0 to 9 */

/* Of the first SLICE_DIGITS digits of want: is the nth one in the same place in given?
 * Returns their count. */
int slice_digits(struct slice given, struct slice want, bool digit[SLICE_DIGITS]);

#endif
