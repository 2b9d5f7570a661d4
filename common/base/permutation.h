/* permutation.h - a random order of 0 … n-1 that takes no memory.
 *
 * A Feistel network over the smallest even number of bits that holds n, applied until the result
 * is below n (J. Black, P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002, sections
 * 4 and 5); the round function is Philox4x32-10. For small n such a network makes some orders more
 * often than others, so up to PERMUTATION_FEW things are shuffled instead (R. Durstenfeld,
 * "Algorithm 235", 1964). Any place can be computed by itself, in constant expected time.
 */
#ifndef MEMOSCOPE_PERMUTATION_H
#define MEMOSCOPE_PERMUTATION_H

#include <stdint.h>

#include "common/base/rng.h"

#define PERMUTATION_FEW 64

struct permutation {
	uint64_t n;
	uint8_t few[PERMUTATION_FEW]; /* the order, if n is at most PERMUTATION_FEW */
	unsigned bits; /* of either half */
	uint32_t key[2], counter[4]; /* of Philox; counter[0] is the half and the round's */
};

/* The order number (seed, domain, index) of n things. n is at most 2^62; the caller uses domain
 * for nothing else. */
void permutation_init(struct permutation *permutation, uint64_t n, uint64_t seed,
                      enum rng_domain domain, uint64_t index);

/* Which of 0 … n-1 stands at this place. */
uint64_t permutation_at(const struct permutation *permutation, uint64_t place);

#endif
