/* mask.cuh - dropout masks, the same as the CPU's (kernels/cpu/isa/mask.h): element
 * i is kept where a hash of (seed, stream, i) is at least rate. The pass, which stream
 * is made of, is read on the GPU. */
#ifndef MEMOSCOPE_CUDA_MASK_H
#define MEMOSCOPE_CUDA_MASK_H

#include "kernels/cuda/launch.cuh"

#include "common/base/philox.h"
#include "common/base/rng.h"

struct mask {
	uint32_t key[2];
	const uint64_t *pass;
	uint32_t place;
	uint32_t drop_below; /* of a word of 32 bits */
	float scale; /* 1 / (1 - rate) */
	bool drops; /* false: rate 0 */
};

static inline struct mask mask_of(const struct dropout *dropout)
{
	struct mask mask = {{0, 0}, NULL, 0, 0, 1.0f, false};

	if (dropout == NULL || dropout->rate <= 0)
		return mask;
	mask.key[0] = (uint32_t)dropout->seed;
	mask.key[1] = (uint32_t)(dropout->seed >> 32);
	mask.pass = dropout->pass;
	mask.place = dropout->place;
	mask.drop_below = (uint32_t)((double)dropout->rate * 4294967296.0);
	mask.scale = 1.0f / (1.0f - dropout->rate);
	mask.drops = true;
	return mask;
}

/* The words of elements 4 block … 4 block + 3. */
DEVICE void mask_words(const struct mask *mask, uint64_t block, uint32_t words[4])
{
	const uint64_t stream = *mask->pass * DROPOUT_PLACES + mask->place;
	const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32) << 8 | RNG_DROPOUT,
	                             (uint32_t)stream, (uint32_t)(stream >> 32)};

	philox(counter, mask->key, words);
}

/* Of elements index and index + 1, index even: 0, or what a kept one is multiplied by. */
DEVICE void mask_pair(float factor[2], const struct mask *mask, uint64_t index)
{
	uint32_t words[4];

	mask_words(mask, index / 4, words);
	factor[0] = (index & 2 ? words[2] : words[0]) < mask->drop_below ? 0.0f : mask->scale;
	factor[1] = (index & 2 ? words[3] : words[1]) < mask->drop_below ? 0.0f : mask->scale;
}

DEVICE float mask_factor(const struct mask *mask, uint64_t index)
{
	float factor[2];

	mask_pair(factor, mask, index & ~(uint64_t)1);
	return index & 1 ? factor[1] : factor[0];
}

#endif
