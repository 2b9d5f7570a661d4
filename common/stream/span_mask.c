#include "common/stream/span_mask.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"

int span_mask_find(struct span_mask *mask, const struct record *record, uint32_t count,
                   const struct span_kinds *kinds, struct err *err)
{
	const int kind = mask->kind ? span_kind_find(kinds, mask->kind) : -1;

	if (array_reserve(&mask->in, &mask->room, count) < 0)
		return err_set(err, "out of memory");
	memset(mask->in, mask->kind == NULL, count);
	for (uint32_t i = 0; kind >= 0 && i < record->span_count; i++) {
		const struct span *span = &record->spans[i];
		const uint32_t end = span->end < count ? span->end : count;
		if (span->kind != kind || span->begin >= end)
			continue;
		memset(mask->in + span->begin, 1, end - span->begin);
		mask->met = true;
	}
	return 0;
}

void span_mask_release(struct span_mask *mask)
{
	free(mask->in);
	mask->in = NULL;
	mask->room = 0;
}
