#include "common/permutation.h"

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

static uint32_t half_mask(const struct permutation *permutation)
{
	return (uint32_t)((UINT64_C(1) << permutation->bits) - 1);
}

/* What a round adds to the one half, of the other. */
static uint32_t round_of(const struct permutation *permutation, uint32_t round, uint32_t half)
{
	uint32_t counter[4], out[4];

	memcpy(counter, permutation->counter, sizeof counter);
	counter[0] = half;
	counter[1] |= round << 16; /* domains are small numbers */
	rng_philox(counter, permutation->key, out);
	return out[0] & half_mask(permutation);
}

static uint64_t network(const struct permutation *permutation, uint64_t place)
{
	uint32_t left = (uint32_t)(place >> permutation->bits);
	uint32_t right = (uint32_t)place & half_mask(permutation);

	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t next = left ^ round_of(permutation, round, right);
		left = right;
		right = next;
	}
	return (uint64_t)left << permutation->bits | right;
}

/* The same backwards. */
static uint64_t network_back(const struct permutation *permutation, uint64_t thing)
{
	uint32_t left = (uint32_t)(thing >> permutation->bits);
	uint32_t right = (uint32_t)thing & half_mask(permutation);

	for (uint32_t round = ROUNDS; round-- > 0;) {
		uint32_t last = right ^ round_of(permutation, round, left);
		right = left;
		left = last;
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

uint64_t permutation_place(const struct permutation *permutation, uint64_t thing)
{
	uint64_t place = 0;

	if (permutation->n <= PERMUTATION_FEW) {
		while (permutation->few[place] != thing)
			place++;
		return place;
	}
	do
		thing = network_back(permutation, thing);
	while (thing >= permutation->n);
	return thing;
}
