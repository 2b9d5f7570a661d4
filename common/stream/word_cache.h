/* word_cache.h - the tokens of words that came before, for bpe.c. */
#ifndef MEMOSCOPE_WORD_CACHE_H
#define MEMOSCOPE_WORD_CACHE_H

#include <stddef.h>
#include <stdint.h>

#define WORD_CACHE_BYTES 64 /* longer words are not kept */

struct word_cache; /* own: word_cache_new … word_cache_free. It takes some megabytes at most. */

struct word_cache *word_cache_new(void); /* NULL: memory is out */
void word_cache_free(struct word_cache *cache); /* NULL is allowed */

/* The tokens of a word, valid until the next word_cache_put(), and their count. NULL: unknown. */
const uint16_t *word_cache_get(const struct word_cache *cache, const char *word, size_t size,
                               size_t *count);

/* Keep the tokens of a word that word_cache_get() does not know. There are at most as many as
 * bytes. */
void word_cache_put(struct word_cache *cache, const char *word, size_t size, const uint16_t *tokens,
                    size_t count);

#endif
