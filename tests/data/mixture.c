/* Orders that take no memory, and what is mixed by them. */
#include <stdlib.h>

#include "common/base/permutation.h"
#include "common/data/mixture.h"
#include "tests/tap.h"

/* ---- permutations ---- */

static bool is_order(const struct permutation *order)
{
	bool *seen = calloc(order->n + 1, 1), good = true;

	for (uint64_t place = 0; good && place < order->n; place++) {
		uint64_t at = permutation_at(order, place);
		good = at < order->n && !seen[at];
		if (good)
			seen[at] = true;
	}
	free(seen);
	return good;
}

static void orders(void)
{
	struct permutation order;
	bool good = true;

	for (uint64_t n = 1; n < 300; n++) {
		permutation_init(&order, n, 1, RNG_TEST, n);
		good = good && is_order(&order);
	}
	ok(good, "1 to 299 things: every one has its place");
	static const uint64_t sizes[] = {4095, 4096, 4097, 65535, 65536, 65537, 1000003};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		permutation_init(&order, sizes[i], 2, RNG_TEST, 0);
		ok(is_order(&order), "so has every one of %ju", (uintmax_t)sizes[i]);
	}
	permutation_init(&order, UINT64_C(1) << 62, 1, RNG_TEST, 0);
	good = true;
	for (uint64_t place = 0; place < 1000; place++)
		good = good && permutation_at(&order, place << 52) < order.n;
	ok(good, "2^62 things have their places among 2^62");
}

/* All orders of four things come equally often, over indexes and over seeds. */
static void likely(void)
{
	enum { N = 4, ORDERS = 256, DRAWS = 240000 };
	static const char *const names[] = {"indexes", "seeds"};

	for (int by = 0; by < 2; by++) {
		long count[ORDERS] = {0};
		int orders_met = 0;
		double x = 0;
		for (uint64_t i = 0; i < DRAWS; i++) {
			struct permutation order;
			int code = 0;
			permutation_init(&order, N, by ? i : 1, RNG_TEST, by ? 1 : i);
			for (uint64_t place = 0; place < N; place++)
				code = code * N + (int)permutation_at(&order, place);
			count[code]++;
		}
		for (int code = 0; code < ORDERS; code++) {
			if (count[code] == 0)
				continue;
			orders_met++;
			x += pow((double)count[code] - DRAWS / 24.0, 2) / (DRAWS / 24.0);
		}
		/* 99.99% of chi-square with 23 degrees of freedom */
		ok(orders_met == 24 && x < 59.0, "all 24 orders of four, alike over %s: chi-square %.1f",
		   names[by], x);
	}
}

/* Of more things, what stands at the first two places, over indexes. */
static void pairs(uint64_t n, double most)
{
	enum { DRAWS = 400000 };
	long *count = calloc(n * n, sizeof *count);
	double want = DRAWS / (double)(n * (n - 1)), x = 0;

	for (uint64_t i = 0; i < DRAWS; i++) {
		struct permutation order;
		permutation_init(&order, n, 1, RNG_TEST, i);
		count[permutation_at(&order, 0) * n + permutation_at(&order, 1)]++;
	}
	for (uint64_t i = 0; i < n * n; i++)
		if (i % (n + 1) != 0)
			x += pow((double)count[i] - want, 2) / want;
	ok(x < most, "pairs of %ju come alike: chi-square %.0f of %ju", (uintmax_t)n, x,
	   (uintmax_t)(n * (n - 1) - 1));
	free(count);
}

/* Neighbours do not stay neighbours. */
static void apart(void)
{
	enum { N = 10007 };
	struct permutation order, other;
	long neighbours = 0, same = 0;

	permutation_init(&order, N, 1, RNG_TEST, 1);
	permutation_init(&other, N, 1, RNG_TEST, 2);
	for (uint64_t place = 0; place + 1 < N; place++) {
		uint64_t a = permutation_at(&order, place), b = permutation_at(&order, place + 1);
		neighbours += a + 1 == b || b + 1 == a;
		same += a == permutation_at(&other, place);
	}
	ok(neighbours < 15, "two of them are expected to be neighbours still: %ld", neighbours);
	ok(same < 10, "one is expected where it is in another order: %ld", same);
}

/* ---- mixtures ---- */

static void weigh(void)
{
	static const struct {
		const char *name;
		uint64_t items[3], share[3];
		double weight[3];
	} rows[] = {
		{"alike", {5, 5, 5}, {5, 5, 5}, {1, 1, 1}},
		{"in proportion, whatever the items", {1, 1, 38}, {20, 10, 10}, {2, 1, 1}},
		{"largest remainder", {10, 0, 0}, {6, 3, 1}, {0.6, 0.28, 0.12}},
		{"ties go to the first", {1, 0, 0}, {1, 0, 0}, {1, 1, 1}},
		{"next to nothing", {3, 3, 0}, {0, 6, 0}, {1e-9, 1e9, 0}},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct mixture_file file[3] = {{0}};
		struct mixture mixture = {.file = file, .files = 3};
		uint64_t sum = 0;
		bool good = true;
		for (int j = 0; j < 3; j++) {
			file[j].items = rows[i].items[j];
			sum += rows[i].items[j];
		}
		mixture_weigh(&mixture, rows[i].weight);
		for (int j = 0; j < 3; j++)
			good = good && file[j].share == rows[i].share[j];
		ok(good && mixture.pass == sum, "shares: %s", rows[i].name);
	}
}

/* In every pass each file has its share; over passes each item of a file comes before
 * any comes again. */
static void passes(void)
{
	enum { FILES = 3, PASSES = 40, ITEMS = 7 };
	struct mixture_file file[FILES] = {{7, 3}, {5, 5}, {2, 9}};
	struct mixture mixture = {.file = file, .files = FILES, .seed = 3};
	long come[FILES][ITEMS] = {{0}};
	bool shares = true, rounds = true, numbers = true;
	uint64_t numbered[FILES][ITEMS][PASSES * 9 / 2 / 64 + 1] = {{{0}}}; /* a bit for each round */
	int orders[2][17];

	mixture_sum(&mixture);
	is_int((long long)mixture.pass, 17, "a pass is the sum of the shares");
	for (uint64_t i = 0; i < PASSES * mixture.pass; i++) {
		static uint64_t had[FILES];
		struct mixture_place place;
		if (i % mixture.pass == 0)
			memset(had, 0, sizeof had);
		mixture_at(&mixture, i, &place);
		const int at = place.file;
		const uint64_t item = place.item, bit = UINT64_C(1) << place.round % 64;
		numbers = numbers && !(numbered[at][item][place.round / 64] & bit);
		numbered[at][item][place.round / 64] |= bit;
		if (i < 2 * mixture.pass)
			orders[i / mixture.pass][i % mixture.pass] = at;
		had[at]++;
		come[at][item]++;
		if (i % mixture.pass == mixture.pass - 1)
			for (int j = 0; j < FILES; j++)
				shares = shares && had[j] == file[j].share;
		if (had[at] != file[at].share)
			continue;
		/* within a pass order is shuffled; at its end whole rounds are known */
		long least = come[at][0], most = come[at][0];
		for (uint64_t k = 1; k < file[at].items; k++) {
			least = come[at][k] < least ? come[at][k] : least;
			most = come[at][k] > most ? come[at][k] : most;
		}
		rounds = rounds && most - least <= 1;
	}
	for (int at = 0; at < FILES; at++)
		for (uint64_t item = 0; item < file[at].items; item++)
			for (uint64_t n = 0; n < (uint64_t)come[at][item]; n++)
				numbers = numbers && numbered[at][item][n / 64] >> n % 64 & 1;
	ok(numbers, "the rounds of an item are 0, 1, 2 and so on, each once");
	ok(shares, "every file has its share of every pass");
	ok(rounds, "no item comes again before the others of its file");
	ok(memcmp(orders[0], orders[1], sizeof orders[0]) != 0, "passes are shuffled each by itself");
}

int main(void)
{
	orders();
	likely();
	pairs(33, 1230); /* 99.99% points */
	pairs(65, 4508);
	pairs(100, 10430);
	pairs(250, 63565);
	apart();
	weigh();
	passes();
	return done();
}
