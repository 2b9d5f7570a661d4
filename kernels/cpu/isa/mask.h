/* mask.h - dropout masks: element i is kept where a hash of (seed, stream, i)
 * is at least rate. Philox4x32 gives four elements a block (common/base/rng.h). */
#ifndef MEMOSCOPE_ISA_MASK_H
#define MEMOSCOPE_ISA_MASK_H

#include "common/base/rng.h"
#include "kernels/kernels.h"

/* Multiply x[0 … count-1], the elements from first on, by mask / (1 - rate). */
static inline void mask_apply(const struct dropout *dropout, uint64_t first, float *x,
                              size_t count)
{
	const uint32_t key[2] = {(uint32_t)dropout->seed, (uint32_t)(dropout->seed >> 32)};
	const uint64_t stream = *dropout->pass * DROPOUT_PLACES + dropout->place;
	const uint32_t drop_below = (uint32_t)((double)dropout->rate * 0x1p32);
	const float scale = 1.0f / (1.0f - dropout->rate);
	size_t i = 0;

	while (i < count) {
		uint64_t block = (first + i) / 4;
		unsigned word = (first + i) % 4;
		uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32) << 8 | RNG_DROPOUT,
		                       (uint32_t)stream, (uint32_t)(stream >> 32)};
		uint32_t bits[4];
		rng_philox(counter, key, bits);
		for (; word < 4 && i < count; word++, i++)
			x[i] = bits[word] < drop_below ? 0.0f : x[i] * scale;
	}
}

#endif
