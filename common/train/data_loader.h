/* data_loader.h - training examples in their order, one after another without end.
 *
 * From a corpus: shuffled anew for every epoch by the seed; or, packed as
 * running text, windows at random places (as nanoGPT does). From a stream: as
 * it comes, whole records, or consecutive windows of the running text. The
 * sequence is a function of data and seed alone, so feed_skip() makes a resume
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

struct feed; /* feed_… … feed_free */

/* The corpus must outlive the feed. NULL with err set where a record does not
 * fit the context, or where there is no data. */
struct feed *feed_corpus(const struct corpus *corpus, enum pack pack, int context,
                         uint64_t seed, struct err *err);

/* path is opened as a token stream; *vocab becomes its vocabulary. header, if
 * not NULL, gets a new reference to its header. */
struct feed *feed_stream(const char *path, enum pack pack, int context,
                         struct vocab **vocab, struct span_kinds *kinds,
                         json_t **header, struct err *err);
void feed_free(struct feed *feed); /* NULL is allowed */

/* Copy the next example into token and kind (room for context + 1 each) and
 * *example, whose pointers become these. A window's id is that of the record
 * that holds its last token. 1; 0 at the end of a stream (a corpus
 * has none); -1 with err set. */
int feed_next(struct feed *feed, uint16_t *token, uint8_t *kind, struct example *example,
              struct err *err);

/* Pass over the first count examples. -1 with err set where there are fewer. */
int feed_skip(struct feed *feed, uint64_t count, struct err *err);

/* Examples given or passed over so far. */
uint64_t feed_position(const struct feed *feed);

/* A number that tells data apart: of a corpus, its tokens and records; of a
 * stream, the examples so far. */
uint64_t feed_digest(const struct feed *feed);

#endif
