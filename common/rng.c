#include "common/rng.h"

#include <math.h>

void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
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

void rng_init(struct rng *rng, uint64_t seed, enum rng_domain domain, uint64_t index)
{
	rng->key[0] = (uint32_t)seed;
	rng->key[1] = (uint32_t)(seed >> 32);
	rng->counter[0] = 0;
	rng->counter[1] = domain;
	rng->counter[2] = (uint32_t)index;
	rng->counter[3] = (uint32_t)(index >> 32);
	rng->left = 0;
}

uint64_t rng_u64(struct rng *rng)
{
	if (rng->left == 0) {
		rng_philox(rng->counter, rng->key, rng->block);
		rng->counter[0]++;
		rng->left = 2;
	}
	const uint32_t *word = rng->block + 2 * (2 - rng->left);
	rng->left--;
	return word[0] | (uint64_t)word[1] << 32;
}

uint64_t rng_below(struct rng *rng, uint64_t n)
{
	unsigned __int128 product = (unsigned __int128)rng_u64(rng) * n;

	if ((uint64_t)product < n) {
		uint64_t threshold = -n % n;
		while ((uint64_t)product < threshold)
			product = (unsigned __int128)rng_u64(rng) * n;
	}
	return (uint64_t)(product >> 64);
}

double rng_uniform(struct rng *rng)
{
	return (double)(rng_u64(rng) >> 11) * 0x1p-53;
}

double rng_normal(struct rng *rng)
{
	double u = 1.0 - rng_uniform(rng); /* in (0, 1]: its logarithm is finite */
	double v = rng_uniform(rng);

	return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v);
}
