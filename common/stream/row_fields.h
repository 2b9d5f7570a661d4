/* row_fields.h - the fields that records with rows of numbers have in common: attention and
 * activations (stream(5)). A row belongs to a token of the record's text.
 */
#ifndef MEMOSCOPE_ROW_FIELDS_H
#define MEMOSCOPE_ROW_FIELDS_H

#include <jansson.h>
#include <msgpack.h>
#include <stddef.h>
#include <stdint.h>

#include "common/stream/record.h"
#include "common/stream/span.h"
#include "common/stream/vocab.h"

/* Add "bin" to a header: the numbers of rows, float32 in field, and tokens that are not
 * characters. */
void row_fields_add_bin(json_t *header, const char *field, const struct vocab *vocab);

/* The rows of a text that a record is about. */
struct text_rows {
	const struct record *record;
	const struct vocab *vocab; /* of its tokens, if the stream has them, too; or NULL */
	const int32_t *row; /* [count] their numbers, rising */
	int count;
};

/* Pack "id" and "sample": 2 fields. */
void row_fields_pack_id(msgpack_packer *packer, const struct record *record, uint32_t sample);

/* How many fields row_fields_pack_text() packs. */
int row_fields_of_text(const struct text_rows *rows);

/* Pack "text", "tokens" if there is a vocabulary, "spans" and "rows". kinds: of the spans. */
void row_fields_pack_text(msgpack_packer *packer, const struct text_rows *rows,
                          const struct span_kinds *kinds);

/* Pack numbers as binary data: float32, low byte first. */
void row_fields_pack_floats(msgpack_packer *packer, const float *values, size_t count);

#endif
