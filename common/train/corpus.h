/* corpus.h - the records of training files, which stay in their files.
 *
 * Opening reads all files once, from beginning to end, and checks them as any reader of a stream
 * does. What is kept is where each record begins, in 4 bytes. A record is unpacked again, from the
 * mapped file, when it is asked for. Of what cannot be mapped, a pipe, the packed records are kept
 * in memory. Files that are too large for that are read in blocks of records (block_loader.h).
 */
#ifndef MEMOSCOPE_CORPUS_H
#define MEMOSCOPE_CORPUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/span.h"
#include "common/stream/vocab.h"
#include "common/train/dataset.h"

enum pack {
	PACK_RECORDS, /* an example is a whole record */
	PACK_TEXT, /* an example is a window of the running text: context + 1 tokens */
};

struct corpus_options {
	enum pack pack;
	int context; /* the most tokens that an example predicts from */
	const char *model; /* whose vocabulary all streams must have, for messages: token_stream.h */
	uint64_t memory; /* if the files have more bytes, they are read in blocks; 0: never */
};

/* What the records are like. */
struct corpus_facts {
	size_t count; /* records */
	uint64_t token_count;
	uint64_t digest; /* dataset_digest() of all of them; if in blocks, another one */
	bool seen[SPAN_KINDS]; /* the kinds that tokens have */
	bool predicted[SPAN_KINDS]; /* that tokens have which are not the first of an example */
	uint64_t bare; /* records without spans, and at most a third as long as the context */
	uint32_t longest; /* tokens of a record */
	struct {
		size_t index; /* of the first record that does not fit; corpus_facts.count: none */
		uint64_t id;
		uint32_t length;
	} unfit; /* by example_check_length() */
};

struct packed_reader;
struct corpus; /* own: corpus_open … corpus_free */

/* Open count token streams. vocab, kinds and header as in dataset_load(); both *vocab and kinds
 * must outlive the corpus. NULL with err set. */
struct corpus *corpus_open(char **paths, int count, const struct corpus_options *options,
                           struct vocab **vocab, struct span_kinds *kinds, json_t **header,
                           struct err *err);
void corpus_free(struct corpus *corpus); /* NULL is allowed */

const struct corpus_options *corpus_options(const struct corpus *corpus);
const struct corpus_facts *corpus_facts(const struct corpus *corpus);

/* Bytes of memory, without the mapped files: what is read of them is in the system's cache. */
size_t corpus_memory(const struct corpus *corpus);

/* Consecutive records of a file. */
struct corpus_block {
	uint64_t offset; /* of its bytes among those of all files */
	uint32_t bytes; /* records, and maybe ends and headers of segments between them */
	uint32_t records, tokens;
};

/* All blocks in order, and their number. NULL if the records are mapped: the functions below this
 * one are for these. */
const struct corpus_block *corpus_blocks(const struct corpus *corpus, size_t *count);

/* Read all bytes of block number index. -1 with err set if its file has changed. */
int corpus_read_block(const struct corpus *corpus, size_t index, char *bytes, struct err *err);

/* What is wrong with a record in a block: err names file and byte. Returns -1. */
int corpus_bad_block(const struct corpus *corpus, size_t index, size_t byte, const struct err *why,
                     struct err *err);

/* What packed records of the corpus are read with. */
struct packed_reader *corpus_reader(struct corpus *corpus);

/* Copy record number index, of 2 to context tokens, into token and kind, which have room for
 * context + 1 elements each; *example points there. -1 with err set if its file has changed. */
int corpus_record(struct corpus *corpus, size_t index, uint16_t *token, uint8_t *kind,
                  struct example *example, struct err *err);

/* The same of context + 1 tokens of the running text, from token number begin on: only with
 * PACK_TEXT. They have the id of the record that the last one belongs to. */
int corpus_window(struct corpus *corpus, uint64_t begin, uint16_t *token, uint8_t *kind,
                  struct example *example, struct err *err);

#endif
