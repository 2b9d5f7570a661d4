/* span_mask.h - which tokens of a record are in spans of one kind, as a mask. */
#ifndef MEMOSCOPE_SPAN_MASK_H
#define MEMOSCOPE_SPAN_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/record.h"
#include "common/stream/span.h"

/* {.kind = KIND} to begin with. */
struct span_mask {
	const char *kind; /* NULL: all tokens */
	uint8_t *in; /* [count] of the last record: 1 if its token is in such a span, else 0; owned */
	size_t room;
	bool met; /* has any record so far had such a token? */
};

/* Fill in the mask of a record's first count tokens. kinds: those of its reader. -1 with err set if
 * memory is out. */
int span_mask_find(struct span_mask *mask, const struct record *record, uint32_t count,
                   const struct span_kinds *kinds, struct err *err);
void span_mask_release(struct span_mask *mask);

#endif
