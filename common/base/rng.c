#include "common/base/rng.h"

#include <math.h>

#include "common/base/philox.h"

void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
	philox(counter, key, out);
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
