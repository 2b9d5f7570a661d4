/* generation_index.h - generations by id and sample, packed for a page. */
#ifndef MEMOSCOPE_GENERATION_INDEX_H
#define MEMOSCOPE_GENERATION_INDEX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/generation.h"
#include "common/stream/record.h"

struct generation_index; /* own: generation_index_new … generation_index_free */

struct generation_index *generation_index_new(struct err *err);
void generation_index_free(struct generation_index *index); /* NULL is allowed */

/* Add a generation. verdict, on its answer, is taken over; NULL: none. -1 with err set, also if the
 * index has one of this id and sample. */
int generation_index_add(struct generation_index *index, const struct generation *generation,
                         json_t *verdict, struct err *err);

/* A generation of the index. */
struct indexed_generation {
	const char *packed; /* its JSON (generation_json.h), packed (packed.h) */
	size_t packed_size;
	uint32_t same; /* characters that its text and the record's have in common, from 0 on */
};

/* Find the generation of a record, which has text. False if there is none. */
bool generation_index_find(const struct generation_index *index, const struct record *record,
                           uint32_t sample, struct indexed_generation *found);

#endif
