#include "common/page/quantise.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define DIGITS 4 /* of a remainder, in base 256: it counts as a fraction of 32 bits */

/* A number of a row that has a quota, in seats. */
struct quota {
	long whole;
	uint32_t remainder; /* in 2^-32 */
};

static struct quota quota_of(float p, double seats_each)
{
	const double quota = (double)p * seats_each, whole = floor(quota);

	return (struct quota){(long)whole, (uint32_t)((quota - whole) * 0x1p32)};
}

/* The remainder that the left largest ones of a row reach; left is at least 1. *equal: how many of
 * those that are equal to it are among them. A radix select: a digit for each pass. */
static uint32_t threshold(const float *p, size_t count, double seats_each, long left, long *equal)
{
	uint32_t found = 0, mask = 0;

	for (int digit = DIGITS - 1; digit >= 0; digit--) {
		long bucket[256] = {0};
		int at = 255;
		for (size_t i = 0; i < count; i++) {
			const struct quota quota = quota_of(p[i], seats_each);
			if ((quota.remainder & mask) == found)
				bucket[quota.remainder >> 8 * digit & 0xff]++;
		}
		while (at > 0 && bucket[at] < left)
			left -= bucket[at--];
		found |= (uint32_t)at << 8 * digit;
		mask |= (uint32_t)0xff << 8 * digit;
	}
	*equal = left;
	return found;
}

/* Give the seats that are left, after each number got its whole ones. */
static void give_left(const float *p, size_t count, double seats_each, long left,
                      unsigned char *bytes)
{
	long equal;
	const uint32_t least = threshold(p, count, seats_each, left, &equal);

	for (size_t i = 0; i < count; i++) {
		const struct quota quota = quota_of(p[i], seats_each);
		if (quota.remainder > least || (quota.remainder == least && equal-- > 0))
			bytes[i]++;
	}
}

double quantise_row(const float *p, size_t count, unsigned char *bytes)
{
	double sum = 0, most = 0, seats, error = 0;
	long left;

	for (size_t i = 0; i < count; i++) {
		sum += (double)p[i];
		most = fmax(most, (double)p[i]);
	}
	if (count == 0)
		return 0;
	seats = fmin(floor(QUANTISE_SEATS_MIN * sum / most), QUANTISE_SEATS_MAX);
	seats = fmax(seats, QUANTISE_SEATS_MIN);
	left = (long)seats;
	for (size_t i = 0; i < count; i++) {
		const struct quota quota = quota_of(p[i], seats / sum);
		bytes[i] = (unsigned char)quota.whole;
		left -= quota.whole;
	}
	/* What a product rounds away is far below one seat, so left is 0 to count - 1, and no number
	 * that has 255 seats has a remainder. */
	if (left > 0)
		give_left(p, count, seats / sum, left, bytes);
	for (size_t i = 0; i < count; i++)
		error = fmax(error, fabs((double)p[i] - bytes[i] / seats));
	return error;
}
