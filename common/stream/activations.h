/* activations.h - the stream of activations (stream(5) is the authority), written.
 *
 *   header  "vocab", "model" as in generations; "bin": {"values": "f32"}
 *   record  "id", "sample": of the record read
 *           "at": str, the place, as "z"; "hook": str, its name in TransformerLens
 *           "layer", "head": uint, from 0; absent if the place is in no block or of no head
 *           "text", "tokens", "spans": as in streams of attention
 *           "rows": [uint, ...] the tokens, rising
 *           "values": [bin, ...] one for each of "rows": float32, low byte first
 */
#ifndef MEMOSCOPE_ACTIVATIONS_H
#define MEMOSCOPE_ACTIVATIONS_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/record.h"
#include "common/stream/row_fields.h"
#include "common/stream/span.h"
#include "common/stream/stream.h"
#include "common/stream/vocab.h"

/* The header of such a stream; parameters as for header_new_of_model(). Takes model. The caller
 * owns the result: json_decref(). */
json_t *activations_header(const json_t *from, const struct vocab *vocab, json_t *model, int argc,
                           char **argv);

/* The activations of one place over one record. */
struct activations_record {
	struct text_rows rows;
	uint32_t sample;
	const char *at, *hook; /* the place's names */
	int layer, head; /* -1: none */
	const float *values; /* the first token's */
	size_t width, stride; /* numbers of a row; from one token's to the next one's */
};

/* Write one record of such a stream. kinds: of the record's spans. -1 with err set. */
int activations_write(struct stream_writer *writer, const struct activations_record *activations,
                      const struct span_kinds *kinds, struct err *err);

#endif
