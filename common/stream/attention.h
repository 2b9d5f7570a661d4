/* attention.h - the stream of attention matrices (stream(5) is the authority).
 *
 *   header  "vocab", "model" as in generations; "bin": {"probs": "f32"}
 *   record  "id", "sample": of the record read; "layer", "head": uint, from 0
 *           "text": str, "spans": over its tokens, each a row and a column; "tokens": bin, if
 *           tokens are not characters
 *           "rows": [uint, ...] the queries, rising
 *           "probs": [bin, ...] one for each of "rows": the attention that the query gives to
 *           the keys 0 to itself, row + 1 float32, low byte first, which sum to 1
 */
#ifndef MEMOSCOPE_ATTENTION_H
#define MEMOSCOPE_ATTENTION_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/record.h"
#include "common/stream/span.h"
#include "common/stream/stream.h"
#include "common/stream/vocab.h"

/* The header of such a stream; parameters as for header_new_of_model(). Takes model. The caller
 * owns the result: json_decref(). */
json_t *attention_header(const json_t *from, const struct vocab *vocab, json_t *model, int argc,
                         char **argv);

/* One head's matrix over one record. */
struct attention_record {
	const struct record *record;
	const struct vocab *vocab; /* of its tokens, which are then written, too; or NULL */
	uint32_t sample;
	int layer, head;
	int rows;
	const float *matrix; /* [rows,rows]; row: query, column: key */
	const int32_t *query; /* [count] the rows of the matrix to write; rising, below rows */
	int count;
};

/* Write one record of such a stream. kinds: of the record's spans. -1 with err set. */
int attention_write(struct stream_writer *writer, const struct attention_record *attention,
                    const struct span_kinds *kinds, struct err *err);

#endif
