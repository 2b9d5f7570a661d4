/* rng.h - counter-based random numbers: Philox4x32-10.
 *
 * J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel Random Numbers: As Easy as 1, 2,
 * 3", SC'11. The state is (seed, domain, index, draw): each record, step or parameter has its own
 * sequence, and it does not matter who computes it or in which order. The struct is the caller's;
 * nothing is allocated.
 */
#ifndef MEMOSCOPE_RNG_H
#define MEMOSCOPE_RNG_H

#include <stdint.h>

/* Who draws. Sequences of different domains never meet under one seed. A sequence depends on the
 * domain's number, so new domains are added at the end. */
enum rng_domain {
	RNG_PHONEGEN = 1,
	RNG_QAMIX,
	RNG_INIT,
	RNG_SHUFFLE,
	RNG_DROPOUT,
	RNG_SAMPLE,
	RNG_TEST,
	RNG_PERTURB,
	RNG_HEADS,
	RNG_ITEMS, /* of a file of questions, a pass */
	RNG_FACT,
	RNG_DIRECTORY, /* the names of a directory's people */
	RNG_PHONE, /* their numbers */
	RNG_NONCE, /* the order of a question's invented answers, */
	RNG_NONCE_END, /* the ends of long ones, */
	RNG_NONCE_CHOICE, /* and which of a few a record has */
	RNG_BLOCKS, /* the order of blocks of training files, of an epoch */
	RNG_GROUP, /* the order of records in blocks that are in memory at once */
};

struct rng {
	uint32_t key[2]; /* the seed */
	uint32_t counter[4]; /* block, domain, index low, index high */
	uint32_t block[4]; /* the block drawn last */
	unsigned left; /* 64-bit words of block not yet used: 0 to 2 */
};

/* Philox4x32-10 of one counter under one key: out gets four words. */
void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Start the sequence (seed, domain, index) at its beginning. */
void rng_init(struct rng *rng, uint64_t seed, enum rng_domain domain, uint64_t index);

/* 64 uniform bits. */
uint64_t rng_u64(struct rng *rng);

/* Uniform in 0 … n-1, exactly (D. Lemire, "Fast Random Integer Generation in
 * an Interval", 2019); n at least 1. */
uint64_t rng_below(struct rng *rng, uint64_t n);

/* Uniform in [0, 1), 53 bits. */
double rng_uniform(struct rng *rng);

/* Standard normal (Box-Muller, one of the pair). */
double rng_normal(struct rng *rng);

#endif
