#include "common/model/kv_cache.h"

#include <assert.h>
#include <stdlib.h>

#include "common/model/gpt_internal.h"

struct kv_cache {
	struct gpt *gpt;
	void **keys, **values; /* [layers] device memory [slots,context,width], activations */
};

struct kv_cache *kv_cache_new(struct gpt *gpt, int slots, struct err *err)
{
	const struct gpt_config *config = &gpt->config;
	const size_t bytes = (size_t)slots * config->context * config->width * gpt->activation_size;
	struct kv_cache *cache = calloc(1, sizeof *cache);
	bool good = cache != NULL;

	if (good) {
		cache->gpt = gpt;
		cache->keys = calloc((size_t)config->layers, sizeof *cache->keys);
		cache->values = calloc((size_t)config->layers, sizeof *cache->values);
		good = cache->keys && cache->values;
	}
	for (int l = 0; good && l < config->layers; l++) {
		cache->keys[l] = gpt->k->alloc(gpt->dev, bytes);
		cache->values[l] = gpt->k->alloc(gpt->dev, bytes);
		good = cache->keys[l] && cache->values[l];
	}
	if (!good) {
		kv_cache_free(cache);
		err_set(err, "out of memory for a key-value cache of %d sequences", slots);
		return NULL;
	}
	return cache;
}

void kv_cache_free(struct kv_cache *cache)
{
	if (!cache)
		return;
	for (int l = 0; l < cache->gpt->config.layers; l++) {
		if (cache->keys)
			cache->gpt->k->free(cache->gpt->dev, cache->keys[l]);
		if (cache->values)
			cache->gpt->k->free(cache->gpt->dev, cache->values[l]);
	}
	free(cache->keys);
	free(cache->values);
	free(cache);
}

void kv_cache_attention(struct kv_cache *cache, int l, int first, int count, void *att)
{
	struct gpt *gpt = cache->gpt;
	const size_t row = 3 * (size_t)gpt->config.width * gpt->activation_size;

	gpt->k->attention_cached(gpt->dev, att, cache->keys[l], cache->values[l],
	                         (const char *)gpt->blocks[l].qkv + (size_t)first * row,
	                         gpt->slot + first, gpt->position + first, count,
	                         gpt->config.context, gpt->config.width, gpt->config.heads);
}

void kv_cache_store(struct kv_cache *cache, int l, int n)
{
	struct gpt *gpt = cache->gpt;

	gpt->k->cache_store(gpt->dev, cache->keys[l], cache->values[l], gpt->blocks[l].qkv, gpt->slot,
	                    gpt->position, n, gpt->config.context, gpt->config.width,
	                    gpt->config.heads);
}

void kv_cache_copy_slot(struct kv_cache *cache, int from, int to)
{
	struct gpt *gpt = cache->gpt;
	const size_t bytes = (size_t)gpt->config.context * (size_t)gpt->config.width *
	                     gpt->activation_size;

	for (int l = 0; l < gpt->config.layers; l++)
		for (int which = 0; which < 2; which++) {
			char *memory = which == 0 ? cache->keys[l] : cache->values[l];
			gpt->k->copy(gpt->dev, memory + (size_t)to * bytes,
			             memory + (size_t)from * bytes, bytes);
		}
}

/* A block over n rows, whose attention is over the cache. */
static void decode_block(struct kv_cache *cache, int l, int n)
{
	struct gpt *gpt = cache->gpt;

	gpt_block_qkv(gpt, l, n);
	kv_cache_attention(cache, l, 0, n, gpt->blocks[l].att);
	gpt_block_rest(gpt, l, n, gpt->blocks[l].x);
}

/* How many of the wanted rows follow one another, counted from the first one. */
static int consecutive(const int32_t *want, int wanted)
{
	int count = wanted > 0;

	while (count < wanted && want[count] == want[0] + count)
		count++;
	return count;
}

/* The last block: rows whose logits nobody wants need keys and values only. The output has the
 * wanted rows, in their order. */
static void decode_last_block(struct kv_cache *cache, int count, int wanted, const int32_t *want)
{
	struct gpt *gpt = cache->gpt;
	const int last = gpt->config.layers - 1;
	const size_t c = (size_t)gpt->config.width;
	const struct block_activations *a = &gpt->blocks[last];

	gpt_block_qkv(gpt, last, count);
	if (consecutive(want, wanted) < count) /* else attention stores all, in their order */
		kv_cache_store(cache, last, count);
	for (int i = 0, run; i < wanted; i += run) {
		run = consecutive(want + i, wanted - i);
		gpt->k->copy(gpt->dev, gpt->branch + (size_t)i * c, a->x + (size_t)want[i] * c,
		             (size_t)run * c * sizeof *a->x);
		kv_cache_attention(cache, last, want[i], run,
		                   (char *)a->att + (size_t)i * c * gpt->activation_size);
	}
	gpt->ablated.row_of = want;
	if (wanted > 0)
		gpt_block_rest(gpt, last, wanted, gpt->branch);
	gpt->ablated.row_of = NULL;
}

void kv_cache_decode(struct kv_cache *cache, int count, const int32_t *token,
                     const int32_t *slot, const int32_t *position, int wanted,
                     const int32_t *want, float *logits)
{
	struct gpt *gpt = cache->gpt;
	const struct kernels *k = gpt->k;
	const float rate = gpt->dropout.rate;

	assert(count >= 1 && count <= gpt->rows_max && wanted <= count);
	assert(gpt->hook.places == 0);
	gpt->dropout.rate = 0; /* decoding drops nothing, even if passes do */
	k->row_invariant(gpt->dev, true);
	gpt_upload_rows(gpt, gpt->slot, slot, count, sizeof *slot);
	gpt_upload_rows(gpt, gpt->token, token, count, sizeof *token);
	gpt_upload_rows(gpt, gpt->position, position, count, sizeof *position);
	gpt_embed(gpt, count);
	for (int l = 0; l < gpt->config.layers - 1; l++)
		decode_block(cache, l, count);
	decode_last_block(cache, count, wanted, want);
	gpt_unembed(gpt, gpt->x_last, gpt->weights.ln_f_b, wanted, logits);
	k->row_invariant(gpt->dev, false);
	gpt->dropout.rate = rate;
}
