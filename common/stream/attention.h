/* attention.h - the stream of attention matrices (stream(5) is the authority), written and read.
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
	const struct record *record; /* its tokens are the rows and columns */
	const struct vocab *vocab; /* of its tokens, if the stream has them, too; or NULL */
	uint32_t sample;
	int layer, head;
	const int32_t *query; /* [count] the numbers of the rows that there are; rising */
	const float *const *row; /* [count] query[i] + 1 numbers each */
	int count;
};

/* Write one record of such a stream. kinds: of the record's spans. -1 with err set. */
int attention_write(struct stream_writer *writer, const struct attention_record *attention,
                    const struct span_kinds *kinds, struct err *err);

/* ---- reading ---- */

#define ATTENTION_SUM_ERROR 1e-3 /* a row sums to 1, but for this: other programs round more */

/* A stream of attention, opened together with its vocabulary. */
struct attention_reader; /* own: attention_open … attention_close */

/* Open path ("-": standard input). NULL with err set if it is no such stream, or if its header does
 * not say how many layers and heads the model has. */
struct attention_reader *attention_open(const char *path, struct err *err);

/* The header, owned by the reader; and what it says. */
const json_t *attention_reader_header(const struct attention_reader *reader);
int attention_layers(const struct attention_reader *reader);
int attention_heads(const struct attention_reader *reader);

/* The span kinds of all records so far. */
const struct span_kinds *attention_kinds(const struct attention_reader *reader);

/* The next record, which is valid until the next call: 1; at the end: 0; -1 with err set. Its rows
 * rise, are rows of its text, and are numbers from 0 to 1 that sum to 1. Its record has text and
 * spans over its tokens; it has tokens if it has a vocabulary. */
int attention_next(struct attention_reader *reader, struct attention_record *attention,
                   struct err *err);

/* Report what is wrong with the record read last: see stream_bad(). Returns -1. */
int attention_bad(struct attention_reader *reader, struct err *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void attention_close(struct attention_reader *reader); /* NULL is allowed */

#endif
