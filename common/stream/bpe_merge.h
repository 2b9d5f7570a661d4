/* bpe_merge.h - the tokens of a word: its bytes, joined by the merges in their order. For bpe.c. */
#ifndef MEMOSCOPE_BPE_MERGE_H
#define MEMOSCOPE_BPE_MERGE_H

#include <stdint.h>

#include "common/stream/bpe.h"

struct merge_table; /* own: merge_table_new … merge_table_free */

/* The merges, and what each becomes: result[merge_count]. Of two with the same pair the last one
 * counts, as in the library tokenizers. NULL: memory is out. */
struct merge_table *merge_table_new(const struct bpe_merge *merges, const uint16_t *result,
                                    size_t count);
void merge_table_free(struct merge_table *table); /* NULL is allowed */

/* Join the tokens of a word, in place. Returns how many remain; -1 if memory is out. */
long merge_word(struct merge_table *table, uint16_t *tokens, size_t count);

#endif
