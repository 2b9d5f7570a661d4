/* Rows in bytes: all seats are given, to the largest remainders, and no number is far off. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rng.h"
#include "common/page/quantise.h"
#include "tests/tap.h"

#define LENGTH_MAX 3001

/* Hamilton's method as one says it, for comparison: whole seats, then one at a time. */
static void plain(const float *p, size_t count, double seats, unsigned char *bytes)
{
	static double remainder[LENGTH_MAX];
	double sum = 0, left = seats;

	for (size_t i = 0; i < count; i++)
		sum += (double)p[i];
	for (size_t i = 0; i < count; i++) {
		const double quota = (double)p[i] * (seats / sum);
		bytes[i] = (unsigned char)quota;
		remainder[i] = quota - floor(quota);
		left -= floor(quota);
	}
	for (; left > 0; left--) {
		size_t best = 0;
		for (size_t i = 1; i < count; i++)
			if (remainder[i] > remainder[best])
				best = i;
		bytes[best]++;
		remainder[best] = -1;
	}
}

static long sum_of(const unsigned char *bytes, size_t count)
{
	long sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += bytes[i];
	return sum;
}

/* Rows of one shape, of many lengths. peak: what a number is raised to before the row is divided
 * by its sum. */
static void check_random(double peak, const char *what)
{
	static const size_t lengths[] = {1, 2, 3, 17, 255, 256, 257, 1024, LENGTH_MAX};
	static double raw[LENGTH_MAX];
	static float p[LENGTH_MAX];
	static unsigned char bytes[LENGTH_MAX], want[LENGTH_MAX];
	bool all_given = true, close = true, largest = true, honest = true;
	struct rng rng;

	rng_init(&rng, 1, RNG_TEST, 0);
	for (size_t round = 0; round < 40; round++) {
		const size_t count = lengths[round % (sizeof lengths / sizeof *lengths)];
		double sum = 0, most = 0, seats, far = 0;
		for (size_t i = 0; i < count; i++) {
			raw[i] = pow(rng_uniform(&rng) + 1e-3, peak);
			sum += raw[i];
		}
		for (size_t i = 0; i < count; i++) {
			p[i] = (float)(raw[i] / sum);
			most = fmax(most, (double)p[i]);
		}
		memset(bytes, 77, sizeof bytes);
		const double error = quantise_row(p, count, bytes);
		seats = (double)sum_of(bytes, count);
		all_given &= seats >= QUANTISE_SEATS_MIN && seats <= QUANTISE_SEATS_MAX &&
		             (seats == QUANTISE_SEATS_MAX || seats + 1 > 255 / most * (1 - 1e-5));
		for (size_t i = 0; i < count; i++)
			far = fmax(far, fabs((double)p[i] - bytes[i] / seats));
		close &= far < 1.0 / 255 && far < 1.00001 / seats;
		honest &= fabs(far - error) < 1e-12;
		plain(p, count, seats, want);
		largest &= memcmp(bytes, want, count) == 0;
	}
	ok(all_given, "%s: the bytes sum to S", what);
	ok(close, "%s: each number is within 1 / S and 1 / 255", what);
	ok(honest, "%s: the largest difference is returned", what);
	ok(largest, "%s: the largest remainders have the seats that were left", what);
}

static void check_rows(void)
{
	static const struct {
		const char *what;
		float p[4];
		size_t count;
		unsigned char bytes[4];
	} rows[] = {
		{"one number", {1}, 1, {255}},
		{"one number that was rounded", {0.9999f}, 1, {255}},
		{"one after zeros", {0, 0, 1}, 3, {0, 0, 255}},
		{"halves", {0.5f, 0.5f}, 2, {255, 255}},
		{"equal remainders: the first gets the seat", {0.75f, 0.125f, 0.125f}, 3, {255, 43, 42}},
		{"quarters", {0.25f, 0.25f, 0.25f, 0.25f}, 4, {255, 255, 255, 255}},
		{"next to nothing beside nearly all", {1e-6f, 0.999999f}, 2, {0, 255}},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unsigned char bytes[4] = {9, 9, 9, 9};
		quantise_row(rows[i].p, rows[i].count, bytes);
		if (!ok(memcmp(bytes, rows[i].bytes, rows[i].count) == 0, "%s", rows[i].what))
			printf("# have %d %d %d %d\n", bytes[0], bytes[1], bytes[2], bytes[3]);
	}
	is_near(quantise_row(NULL, 0, NULL), 0, 0, "no number at all");
}

int main(void)
{
	check_rows();
	check_random(0, "equal numbers");
	check_random(1, "numbers of about one size");
	check_random(6, "numbers of many sizes");
	check_random(80, "a few large numbers");
	return done();
}
