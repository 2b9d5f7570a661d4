/* dataset.h - token records in memory: what a validation set is, and shards.
 *
 * Tokens of all records stand one after another; each has the kind of the span
 * that covers it (SPAN_OTHER where none does).
 */
#ifndef MEMOSCOPE_DATASET_H
#define MEMOSCOPE_DATASET_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/span.h"
#include "common/stream/vocab.h"

struct dataset {
	size_t count; /* records */
	size_t token_count;
	uint64_t *id; /* [count] */
	uint64_t *begin; /* [count + 1]: where a record's tokens begin */
	uint16_t *token; /* [token_count] */
	uint8_t *kind; /* [token_count] */
	float *nats; /* [token_count]: information, on the first token of its span */
	size_t counted; /* private: room */
	size_t token_room;
};

/* One training or validation example; owned by where it came from. */
struct example {
	uint64_t id;
	const uint16_t *token;
	const uint8_t *kind; /* of each token */
	int length;
};

/* Add the records of token streams to a zeroed (or filled) dataset. *vocab is
 * NULL to begin with and becomes the streams' vocabulary (the caller's); a
 * stream of another vocabulary is an error. chain, if not NULL, gets a new
 * reference to the first header. -1 with err set. */
int dataset_load(struct dataset *dataset, const char *path, struct vocab **vocab,
                 struct span_kinds *kinds, json_t **header, struct err *err);
void dataset_release(struct dataset *dataset);

/* Take the records for running text and cut it into pieces of length tokens, the
 * last one maybe shorter; a single token left over goes. What is evaluated where
 * windows of the running text are trained on. -1 with err set. */
int dataset_cut(struct dataset *dataset, size_t length, struct err *err);

/* The index of the record that holds a token of the dataset. */
size_t dataset_record_at(const struct dataset *dataset, uint64_t token);

/* Information by kind in the first count records, in nats: the floor of any
 * model's loss on them. Spans that begin with a record count for nothing: its
 * first token is not predicted. nats has SPAN_KINDS elements. */
void dataset_nats(const struct dataset *dataset, size_t count, double *nats);

struct example dataset_example(const struct dataset *dataset, size_t index);

/* Spread a record's spans over its tokens: kind[length]. */
struct record;
void example_kinds(const struct record *record, uint8_t *kind);

#endif
