#include "common/stream/word_cache.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* The texts of the world have few common words: when one of these is full, all is forgotten. */
#define SLOTS (1 << 17) /* a power of two; half of them are used */
#define BYTES (1 << 21) /* of words */
#define TOKENS (1 << 20)

struct word {
	uint64_t hash;
	uint32_t bytes, tokens; /* where they begin */
	uint16_t size, count; /* size 0: a free slot */
};

struct word_cache {
	size_t words, byte_count, token_count;
	struct word word[SLOTS];
	char bytes[BYTES];
	uint16_t tokens[TOKENS];
};

struct word_cache *word_cache_new(void)
{
	return calloc(1, sizeof(struct word_cache));
}

void word_cache_free(struct word_cache *cache)
{
	free(cache);
}

/* The slot of a word, or the free one where it would stand. */
static size_t slot_of(const struct word_cache *cache, const char *word, size_t size, uint64_t hash)
{
	size_t at = hash & (SLOTS - 1);

	while (cache->word[at].size > 0 &&
	       (cache->word[at].hash != hash || cache->word[at].size != size ||
	        memcmp(cache->bytes + cache->word[at].bytes, word, size) != 0))
		at = (at + 1) & (SLOTS - 1);
	return at;
}

const uint16_t *word_cache_get(const struct word_cache *cache, const char *word, size_t size,
                               size_t *count)
{
	if (size > WORD_CACHE_BYTES)
		return NULL;
	const struct word *known = &cache->word[slot_of(cache, word, size, XXH3_64bits(word, size))];
	*count = known->count;
	return known->size > 0 ? cache->tokens + known->tokens : NULL;
}

void word_cache_put(struct word_cache *cache, const char *word, size_t size, const uint16_t *tokens,
                    size_t count)
{
	const uint64_t hash = XXH3_64bits(word, size);

	if (size == 0 || size > WORD_CACHE_BYTES)
		return;
	if (cache->words == SLOTS / 2 || cache->byte_count + size > BYTES ||
	    cache->token_count + count > TOKENS) {
		memset(cache->word, 0, sizeof cache->word);
		cache->words = cache->byte_count = cache->token_count = 0;
	}
	cache->word[slot_of(cache, word, size, hash)] = (struct word){
		.hash = hash,
		.bytes = (uint32_t)cache->byte_count,
		.tokens = (uint32_t)cache->token_count,
		.size = (uint16_t)size,
		.count = (uint16_t)count,
	};
	memcpy(cache->bytes + cache->byte_count, word, size);
	memcpy(cache->tokens + cache->token_count, tokens, count * sizeof *tokens);
	cache->byte_count += size;
	cache->token_count += count;
	cache->words++;
}
