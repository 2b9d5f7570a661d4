/* kv_cache.h - decoding over a key-value cache: keys and values of the tokens so far are kept,
 * so that a new token costs one row and not a pass over the whole text. */
#ifndef MEMOSCOPE_KV_CACHE_H
#define MEMOSCOPE_KV_CACHE_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt.h"

struct kv_cache;

/* Room for slots sequences of up to context tokens each. The network must outlive the cache.
 * NULL with err set if memory is out. */
struct kv_cache *kv_cache_new(struct gpt *gpt, int slots, struct err *err);
void kv_cache_free(struct kv_cache *cache); /* NULL is allowed */

/* Slot to becomes a copy of slot from. */
void kv_cache_copy_slot(struct kv_cache *cache, int from, int to);

/* Append count tokens to sequences, and compute the logits of some of these rows.
 *
 * Row r is token[r] of sequence slot[r] at position[r]. Rows of one slot stand in rising order
 * and follow what the slot holds; a position that the slot holds already takes the slot back
 * to there first. count: 1 to rows_max of the network.
 * want[wanted]: the rows whose logits the caller wants, in any order, wanted <= count;
 * logits[wanted,vocab]: those, in the order of want. All host memory, the caller's.
 *
 * The bits of a row do not depend on the other slots: the device computes row-invariant
 * products in this call. */
void kv_cache_decode(struct kv_cache *cache, int count, const int32_t *token,
                     const int32_t *slot, const int32_t *position, int wanted,
                     const int32_t *want, float *logits);

#endif
