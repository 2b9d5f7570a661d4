/* attention.h - the attention matrices of a model over one record at a time,
 * and the stream that they are written to (see stream.5):
 *
 *   header  "vocab", "model" as of generations; "bin": {"probs": "f32"}
 *   record  "id", "sample" of the record read; "layer", "head": uint, from 0
 *           "text": str, one token a code point; "spans": its spans
 *           "rows": [uint, …], the queries, rising
 *           "probs": [bin, …], for each of "rows" the attention it gives to the
 *           keys 0 … itself: row + 1 float32, low byte first, which sum to 1
 */
#ifndef MEMOSCOPE_ATTENTION_H
#define MEMOSCOPE_ATTENTION_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/model/model.h"
#include "common/stream/record.h"
#include "kernels/kernels.h"

struct attention; /* own */

/* The model must live as long; it is run on kernels. NULL with err set. */
struct attention *attention_new(const struct model *model, const struct kernels *kernels,
                                struct err *err);
void attention_free(struct attention *attention); /* NULL is allowed */

/* Run the model over a record, which has tokens. Returns the rows of its
 * matrices: one for each token, but at most the model's context, so that what a
 * model wrote until its context was full has none for its last character. -1
 * with err set where the record is longer than that. */
int attention_run(struct attention *attention, const struct record *record, struct err *err);

/* A head's matrix over the record run last, [rows, rows]; row: query, column:
 * key. Owned by attention, valid until the next call. NULL with err set where it
 * is not finite. */
const float *attention_matrix(struct attention *attention, int layer, int head,
                              struct err *err);

/* What a layer's heads gave out over the record run last, before the projection:
 * [rows, width], head i in columns i*d … i*d+d-1, d = width / heads. Owned by
 * attention, valid until the next call. */
const float *attention_outputs(struct attention *attention, int layer);

/* What a head would add to the logits, were one row of the record run last all that
 * it attends to, for each row: [rows, vocab], as gpt_head_logits() in gpt_inspect.h. Owned
 * by attention, valid until the next call. NULL with err set where memory is out. */
const float *attention_head_logits(struct attention *attention, int layer, int head,
                                   struct err *err);

/* A header of such a stream, as header_new_of_model() makes one. Owned by the caller. */
json_t *attention_header(const json_t *from, const struct vocab *vocab, json_t *model, int argc,
                         char **argv);

/* One record of it: the matrix [rows, rows] of a head, of which the rows query[0]
 * … query[count-1] are written. */
struct attention_record {
	const struct record *record;
	uint32_t sample;
	int layer, head;
	int rows;
	const float *matrix;
	const int32_t *query; /* rising, below rows */
	int count;
};
int attention_write(struct stream_writer *writer, const struct attention_record *attention,
                    const struct span_kinds *kinds, struct err *err);

#endif
