/* philox.h - Philox4x32-10, the function under rng.h and the masks of dropout:
 * J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel Random Numbers: As
 * Easy as 1, 2, 3", SC'11.
 */
#ifndef MEMOSCOPE_PHILOX_H
#define MEMOSCOPE_PHILOX_H

#include <stdint.h>

/* What stands before the function, for who compiles it for another machine. */
#ifndef PHILOX_INLINE
#define PHILOX_INLINE static inline
#endif

/* out gets four words, a function of counter and key. */
PHILOX_INLINE void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
	uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
	uint32_t k0 = key[0], k1 = key[1];

	for (int round = 0; round < 10; round++) {
		uint64_t a = (uint64_t)0xD2511F53u * c0;
		uint64_t b = (uint64_t)0xCD9E8D57u * c2;
		c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)b;
		c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)a;
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

#endif
