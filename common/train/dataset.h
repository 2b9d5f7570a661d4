/* dataset.h - token records in memory: validation sets.
 *
 * The tokens of all records stand one after another. Each token has the kind of the span that
 * covers it (SPAN_OTHER: none does).
 */
#ifndef MEMOSCOPE_DATASET_H
#define MEMOSCOPE_DATASET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/span.h"
#include "common/stream/vocab.h"

struct dataset {
	size_t count; /* records */
	size_t token_count;
	uint64_t *id; /* [count], owned, as all arrays */
	uint64_t *begin; /* [count + 1]: the place of a record's first token; the last: token_count */
	uint16_t *token; /* [token_count] */
	uint8_t *kind; /* [token_count] */
	float *nats; /* [token_count]: the information of a span, at its first token; else 0 */

	/* The caller's, set before any are loaded. */
	uint64_t most_records, most_tokens; /* those behind as many are not kept; 0: all are kept */
	int context; /* each record must have 2 tokens to so many, kept or not; 0: any number */
	const char *model; /* whose vocabulary all streams must have, for messages: token_stream.h */

	/* private: what the arrays have room for */
	size_t record_room; /* elements of id and of begin */
	size_t token_room;
};

/* A sequence to train or validate on. It points into memory of its owner: a dataset or batch. */
struct example {
	uint64_t id; /* of a record */
	const uint16_t *token; /* [length] */
	const uint8_t *kind; /* [length]: of each token */
	int length;
};

/* Add the records of the token stream at path to a zeroed dataset, or to one that has records. All
 * are read and checked, also those that are not kept.
 * *vocab is NULL or the vocabulary that the stream must have; NULL becomes the stream's (the
 * caller's to free). Words of new kinds are added to kinds. If header is not NULL and *header
 * is NULL, *header becomes a new reference to the stream's header. -1 with err set; the dataset
 * must be released in either case. */
int dataset_load(struct dataset *dataset, const char *path, struct vocab **vocab,
                 struct span_kinds *kinds, json_t **header, struct err *err);
size_t dataset_memory(const struct dataset *dataset); /* bytes */
void dataset_release(struct dataset *dataset); /* a zeroed one is allowed */

/* Cut the running text of all records into pieces of length tokens, which take the place of
 * the records: this validates what training with PACK_TEXT learns. The last piece may be
 * shorter; a last piece of a single token is dropped. A piece has the id of the record that
 * its first token belongs to. -1 with err set. */
int dataset_cut(struct dataset *dataset, size_t length, struct err *err);

/* The index of the record that token number `token` of the dataset belongs to. */
size_t dataset_record_at(const struct dataset *dataset, uint64_t token);

/* The information in the first count records, by kind, in nats: no model's loss on them can be
 * lower on average. Spans at the beginning of a record do not count, because a record's first
 * token is not predicted. nats[SPAN_KINDS] is overwritten. */
void dataset_nats(const struct dataset *dataset, size_t count, double *nats);

/* Is there a token among the first count records whose kind has a weight above 0, in
 * weight[SPAN_KINDS]? The first token of a record does not count: it is not predicted. */
bool dataset_weighted(const struct dataset *dataset, size_t count, const float *weight);

/* A hash that tells the first count records apart from others: of their tokens and lengths. */
uint64_t dataset_digest(const struct dataset *dataset, size_t count);

/* Record number index; it lives as long as the dataset and until more is loaded. */
struct example dataset_example(const struct dataset *dataset, size_t index);

/* -1 with err set if a record of length tokens cannot be trained or validated on alone: it needs
 * 2 tokens or more, and not more than the context. */
int example_check_length(uint32_t length, int context, struct err *err);

/* Write the kind of each token of a record: kind[record->length]. */
struct record;
void example_kinds(const struct record *record, uint8_t *kind);

#endif
