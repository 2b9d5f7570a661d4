/* data_loader.h - training examples in their order, one after another without end.
 *
 * From a dataset: shuffled anew for every epoch by the seed; or, packed as
 * running text, windows at random places (as nanoGPT does). From a stream: as
 * it comes, whole records, or consecutive windows of the running text. The
 * sequence is a function of data and seed alone, so data_loader_skip() makes a resume
 * exact.
 */
#ifndef MEMOSCOPE_DATA_LOADER_H
#define MEMOSCOPE_DATA_LOADER_H

#include <jansson.h>
#include <stdint.h>

#include "common/train/dataset.h"

enum pack {
	PACK_RECORDS, /* an example is a whole record; its first token has no prediction */
	PACK_TEXT, /* an example is context + 1 tokens of the running text */
};

struct data_loader; /* data_loader_of_… … data_loader_free */

/* The dataset must outlive the loader. NULL with err set where a record does not
 * fit the context, or where there is no data. */
struct data_loader *data_loader_of_dataset(const struct dataset *dataset, enum pack pack,
                                           int context,
                                           uint64_t seed, struct err *err);

/* path is opened as a token stream; *vocab becomes its vocabulary. header, if
 * not NULL, gets a new reference to its header. */
struct data_loader *data_loader_of_stream(const char *path, enum pack pack, int context,
                                          struct vocab **vocab, struct span_kinds *kinds,
                                          json_t **header, struct err *err);
void data_loader_free(struct data_loader *loader); /* NULL is allowed */

/* Copy the next example into token and kind (room for context + 1 each) and
 * *example, whose pointers become these. A window's id is that of the record
 * that holds its last token. 1; 0 at the end of a stream (a dataset
 * has none); -1 with err set. */
int data_loader_next(struct data_loader *loader, uint16_t *token, uint8_t *kind,
                     struct example *example,
                     struct err *err);

/* Pass over the first count examples. -1 with err set where there are fewer. */
int data_loader_skip(struct data_loader *loader, uint64_t count, struct err *err);

/* Examples given or passed over so far. */
uint64_t data_loader_position(const struct data_loader *loader);

/* A number that tells data apart: of a dataset, its tokens and records; of a
 * stream, the examples so far. */
uint64_t data_loader_digest(const struct data_loader *loader);

#endif
