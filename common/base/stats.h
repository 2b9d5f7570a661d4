/* stats.h - a mean of values that come one at a time, with its 95% interval. */
#ifndef MEMOSCOPE_STATS_H
#define MEMOSCOPE_STATS_H

#include <stdint.h>

/* Mean and sum of squares about it (Welford 1962). {0} to begin with; the caller's. */
struct moments {
	uint64_t count;
	double mean, squares;
};

void moments_add(struct moments *moments, double value);

/* A mean with its 95% interval by Student's t. */
struct mean {
	uint64_t count; /* of values; 0: there is no mean */
	double mean, low, high; /* low and high: NaN for one value */
};
struct mean moments_mean(const struct moments *moments);

#endif
