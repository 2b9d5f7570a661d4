/* stats.h - estimates with their 95% intervals: means, shares, and ratios of sums. */
#ifndef MEMOSCOPE_STATS_H
#define MEMOSCOPE_STATS_H

#include <stdbool.h>
#include <stdint.h>

/* An estimate and the ends of its 95% interval; NaN if there are too few observations. */
struct mean {
	uint64_t count; /* of observations; 0: there is no mean */
	double mean, low, high;
};

/* The 0.975 quantiles, which a two-sided 95% interval needs: of the normal distribution,
 * and of Student's t with so many degrees of freedom (at least 1; to 0.1%). */
#define NORMAL_QUANTILE 1.959963984540054
double student_quantile(double freedom);

/* Values that come one at a time: their mean, and the sum of squares about it (Welford
 * 1962). {0} to begin with; the caller's. */
struct moments {
	uint64_t count;
	double mean, squares;
};

void moments_add(struct moments *moments, double value);

/* With Student's interval, which needs two values. */
struct mean moments_mean(const struct moments *moments);

/* How many of how many. {0} to begin with; the caller's. */
struct share {
	uint64_t right, of;
};

void share_add(struct share *share, bool right);

/* With Wilson's interval, which needs one observation. */
struct mean share_mean(const struct share *share);

/* Wilson's 95% interval of a share, of > 0 (Wilson 1927, "Probable Inference, the Law of
 * Succession, and Statistical Inference"). A fraction may be right where each observation is
 * itself a share. */
void wilson_interval(double right, double of, double *low, double *high);

/* The sum of x over the sum of n, both of groups that are independent of each other: for
 * instance x is the loss of a record and n its characters. {0} to begin with; the caller's. */
struct ratio {
	uint64_t groups;
	double x, n, xx, xn, nn; /* sums over groups, of products too */
};

void ratio_add(struct ratio *ratio, double x, double n);

/* With the ratio estimator's interval, by the variance between groups and the normal
 * distribution (W. G. Cochran, Sampling Techniques, 1977, section 2.11). It needs two groups. */
struct mean ratio_mean(const struct ratio *ratio);

#endif
