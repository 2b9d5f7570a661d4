/* mask.cuh - dropout masks, the same as the CPU's (kernels/cpu/level/mask.h): element
 * i is kept where a hash of (seed, stream, i) is at least rate. The pass, which stream
 * is made of, is read on the GPU. */
#ifndef MEMOSCOPE_CUDA_MASK_H
#define MEMOSCOPE_CUDA_MASK_H

#include "kernels/cuda/launch.cuh"

#include "common/philox.h"
#include "common/rng.h"

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

/* 0, or what a kept element is multiplied by. */
DEVICE float mask_factor(const struct mask *mask, uint64_t index)
{
	uint32_t words[4];

	mask_words(mask, index / 4, words);
	const uint32_t low = index & 1 ? words[1] : words[0], high = index & 1 ? words[3] : words[2];
	return (index & 2 ? high : low) < mask->drop_below ? 0.0f : mask->scale;
}

#endif
