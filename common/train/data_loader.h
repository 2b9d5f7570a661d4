/* data_loader.h - the training examples in their order.
 *
 * From a corpus they never end: its records, shuffled anew for every epoch, or, with
 * PACK_TEXT, windows of the running text at random places (as in nanoGPT). From a stream they
 * come in its order: its records, or consecutive windows of the running text. The order depends
 * on data and seed alone, so skipping makes a resume exact.
 */
#ifndef MEMOSCOPE_DATA_LOADER_H
#define MEMOSCOPE_DATA_LOADER_H

#include <jansson.h>
#include <stdint.h>

#include "common/train/corpus.h"

struct data_loader; /* data_loader_of_… … data_loader_free */

/* The corpus must outlive the loader. NULL with err set if there are no data, or a record does not
 * have 2 to context tokens (PACK_RECORDS). If the corpus is in blocks, the order is that of
 * block_loader.h. */
struct data_loader *data_loader_of_corpus(struct corpus *corpus, uint64_t seed, struct err *err);

/* Open path ("-": standard input) as a token stream. vocab, kinds and header as in
 * corpus_open(), model as in token_stream_open(); vocab and kinds must outlive the loader, which
 * adds kinds as they come. NULL with err set. */
struct data_loader *data_loader_of_stream(const char *path, enum pack pack, int context,
                                          struct vocab **vocab, const char *model,
                                          struct span_kinds *kinds, json_t **header,
                                          struct err *err);
void data_loader_free(struct data_loader *loader); /* NULL is allowed */

/* Copy the next example into token and kind, which have room for context + 1 elements each;
 * *example points there. A window has the id of the record that its last token belongs to.
 * Returns 1; 0 at the end of a stream; -1 with err set, for example if a file of a corpus has
 * changed. */
int data_loader_next(struct data_loader *loader, uint16_t *token, uint8_t *kind,
                     struct example *example, struct err *err);

/* Skip count examples. -1 with err set if a stream has fewer. */
int data_loader_skip(struct data_loader *loader, uint64_t count, struct err *err);

/* How many examples were returned or skipped so far. */
uint64_t data_loader_position(const struct data_loader *loader);

size_t data_loader_memory(const struct data_loader *loader); /* bytes, without its corpus */

/* A hash that tells data apart. Of a corpus: its tokens and record lengths. Of a stream: the
 * tokens of the examples so far, in their order. */
uint64_t data_loader_digest(const struct data_loader *loader);

#endif
