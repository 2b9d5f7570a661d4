/* block_loader.h - the training examples of a corpus that is read in blocks.
 *
 * An epoch takes the blocks in shuffled order, in groups of as many as memory holds. The records of
 * a group are shuffled together. With PACK_TEXT, a group gives as many windows as its tokens make,
 * at random places of its blocks; no window goes beyond a block. All this is a function of the
 * corpus, the seed and the memory alone.
 */
#ifndef MEMOSCOPE_BLOCK_LOADER_H
#define MEMOSCOPE_BLOCK_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/train/corpus.h"

struct block_loader; /* own: block_loader_new … block_loader_free */

/* The corpus, which is in blocks, must outlive the loader. NULL with err set if its memory (struct
 * corpus_options) is too small, or if there is no example. */
struct block_loader *block_loader_new(struct corpus *corpus, uint64_t seed, struct err *err);
void block_loader_free(struct block_loader *loader); /* NULL is allowed */

size_t block_loader_memory(const struct block_loader *loader); /* bytes, without the corpus */
size_t block_loader_groups(const struct block_loader *loader); /* of an epoch, at least */

/* Copy example number `position` of all epochs, as corpus_record() does. Those of one group come
 * from memory. -1 with err set. */
int block_loader_example(struct block_loader *loader, uint64_t position, uint16_t *token,
                         uint8_t *kind, struct example *example, struct err *err);

#endif
