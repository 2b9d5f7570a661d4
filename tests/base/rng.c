/* Random numbers: Philox's known answers, sequences that do not meet, and
 * distributions. The bounds of the chi-square tests are the 99.99% points; the
 * seeds are fixed, so the outcome is. */
#include "common/base/rng.h"
#include "tests/tap.h"

/* Random123 1.14, tests/kat_vectors: philox4x32 10. */
static const struct {
	uint32_t counter[4], key[2], want[4];
} answers[] = {
	{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
	{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
	 {0xffffffff, 0xffffffff},
	 {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
	{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
	 {0xa4093822, 0x299f31d0},
	 {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static void known_answers(void)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		uint32_t out[4];
		rng_philox(answers[i].counter, answers[i].key, out);
		ok(memcmp(out, answers[i].want, sizeof out) == 0,
		   "Philox4x32-10 gives known answer %zu", i);
	}
}

/* The words of a sequence are those of the blocks it is made of. */
static void sequence(void)
{
	const uint64_t seed = 0x0123456789abcdef, index = 0xfedcba9876543210;
	struct rng rng;
	bool good = true;

	rng_init(&rng, seed, RNG_TEST, index);
	for (uint32_t block = 0; block < 3; block++) {
		const uint32_t counter[4] = {block, RNG_TEST, 0x76543210, 0xfedcba98};
		const uint32_t key[2] = {0x89abcdef, 0x01234567};
		uint32_t want[4];
		rng_philox(counter, key, want);
		good = good && rng_u64(&rng) == (want[0] | (uint64_t)want[1] << 32);
		good = good && rng_u64(&rng) == (want[2] | (uint64_t)want[3] << 32);
	}
	ok(good, "a sequence is its blocks, one after the other");
}

/* First numbers of sequences that differ in one thing are all different. */
static void apart(void)
{
	uint64_t first[3 * 64];
	int count = 0, equal = 0;
	struct rng rng;

	for (int i = 0; i < 64; i++) {
		rng_init(&rng, UINT64_C(1) << i, RNG_TEST, 0);
		first[count++] = rng_u64(&rng);
		rng_init(&rng, 0, RNG_TEST, UINT64_C(1) << i);
		first[count++] = rng_u64(&rng);
		rng_init(&rng, 0, (enum rng_domain)(i + 100), 0);
		first[count++] = rng_u64(&rng);
	}
	for (int i = 0; i < count; i++)
		for (int j = 0; j < i; j++)
			equal += first[i] == first[j];
	is_int(equal, 0, "every bit of seed and index, and the domain, makes another sequence");
}

static double chi_square(const long *have, int cells, double want)
{
	double sum = 0;

	for (int i = 0; i < cells; i++)
		sum += ((double)have[i] - want) * ((double)have[i] - want) / want;
	return sum;
}

static void below(void)
{
	enum { CELLS = 10, DRAWS = 1000000 };
	long count[CELLS] = {0};
	struct rng rng;

	rng_init(&rng, 1, RNG_TEST, 0);
	for (int i = 0; i < DRAWS; i++)
		count[rng_below(&rng, CELLS)]++;
	double x = chi_square(count, CELLS, (double)DRAWS / CELLS);
	ok(x < 33.72, "rng_below(10) is uniform: chi-square %.1f of 9", x);

	/* A range that is no divisor of 2^64 by far: a plain reduction would give
	 * the lower third twice as often. */
	const uint64_t large = UINT64_C(3) << 62;
	long third[3] = {0};
	bool good = true;
	for (int i = 0; i < DRAWS; i++) {
		uint64_t value = rng_below(&rng, large);
		good = good && value < large;
		if (value < large)
			third[value >> 62]++;
	}
	x = chi_square(third, 3, DRAWS / 3.0);
	ok(good && x < 18.42, "rng_below(3 * 2^62) is uniform: chi-square %.1f of 2", x);
	good = true;
	for (int i = 0; i < 1000; i++)
		good = good && rng_below(&rng, 1) == 0;
	ok(good, "rng_below(1) is 0");
}

static void uniform(void)
{
	enum { CELLS = 100, DRAWS = 1000000 };
	long count[CELLS] = {0};
	double sum = 0;
	bool good = true;
	struct rng rng;

	rng_init(&rng, 2, RNG_TEST, 0);
	for (int i = 0; i < DRAWS; i++) {
		double value = rng_uniform(&rng);
		good = good && value >= 0 && value < 1;
		if (value >= 0 && value < 1)
			count[(int)(value * CELLS)]++;
		sum += value;
	}
	double x = chi_square(count, CELLS, (double)DRAWS / CELLS);
	ok(good && x < 161.3, "rng_uniform() is in [0, 1), uniform: chi-square %.1f of 99", x);
	ok(fabs(sum / DRAWS - 0.5) < 4 * sqrt(1.0 / 12 / DRAWS), "its mean is a half: %.5f",
	   sum / DRAWS);
}

static void normal(void)
{
	enum { CELLS = 20, DRAWS = 1000000 };
	long count[CELLS] = {0};
	double sum = 0, squares = 0;
	struct rng rng;

	rng_init(&rng, 3, RNG_TEST, 0);
	for (int i = 0; i < DRAWS; i++) {
		double value = rng_normal(&rng);
		double share = 0.5 * erfc(-value / sqrt(2)); /* of the distribution below it */
		count[share < 1 ? (int)(share * CELLS) : CELLS - 1]++;
		sum += value;
		squares += value * value;
	}
	double x = chi_square(count, CELLS, (double)DRAWS / CELLS);
	ok(x < 50.8, "rng_normal() is normal: chi-square %.1f of 19", x);
	ok(fabs(sum / DRAWS) < 4 / sqrt(DRAWS), "its mean is 0: %.5f", sum / DRAWS);
	ok(fabs(squares / DRAWS - 1) < 4 * sqrt(2.0 / DRAWS), "its variance 1: %.5f",
	   squares / DRAWS);
}

int main(void)
{
	known_answers();
	sequence();
	apart();
	below();
	uniform();
	normal();
	return done();
}
