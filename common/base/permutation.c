#include "common/base/permutation.h"

#include <string.h>

#define ROUNDS 8

/* All orders alike. */
static void shuffle(struct permutation *permutation, struct rng *rng)
{
	for (uint8_t i = 0; i < permutation->n; i++) {
		uint64_t j = rng_below(rng, i + 1u);
		permutation->few[i] = permutation->few[j];
		permutation->few[j] = i;
	}
}

void permutation_init(struct permutation *permutation, uint64_t n, uint64_t seed,
                      enum rng_domain domain, uint64_t index)
{
	struct rng rng;

	rng_init(&rng, seed, domain, index);
	permutation->n = n;
	permutation->bits = 1;
	memcpy(permutation->key, rng.key, sizeof rng.key);
	memcpy(permutation->counter, rng.counter, sizeof rng.counter);
	while (permutation->bits < 31 && n > UINT64_C(1) << 2 * permutation->bits)
		permutation->bits++;
	if (n <= PERMUTATION_FEW)
		shuffle(permutation, &rng);
}

static uint64_t network(const struct permutation *permutation, uint64_t place)
{
	uint32_t mask = (uint32_t)((UINT64_C(1) << permutation->bits) - 1);
	uint32_t left = (uint32_t)(place >> permutation->bits), right = (uint32_t)place & mask;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t counter[4], out[4];
		memcpy(counter, permutation->counter, sizeof counter);
		counter[0] = right;
		counter[1] |= round << 16; /* domains are small numbers */
		rng_philox(counter, permutation->key, out);
		uint32_t next = left ^ (out[0] & mask);
		left = right;
		right = next;
	}
	return (uint64_t)left << permutation->bits | right;
}

uint64_t permutation_at(const struct permutation *permutation, uint64_t place)
{
	if (permutation->n <= PERMUTATION_FEW)
		return permutation->few[place];
	do
		place = network(permutation, place);
	while (place >= permutation->n);
	return place;
}
