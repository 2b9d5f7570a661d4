/* Means, shares and ratios: their intervals against published values. */
#include "common/base/stats.h"
#include "tests/tap.h"

/* The 0.975 quantiles of Student's t, as every table has them (NIST/SEMATECH e-Handbook of
 * Statistical Methods, 1.3.6.7.2). */
static void quantiles(void)
{
	static const struct {
		int freedom;
		double quantile;
	} rows[] = {
		{1, 12.706}, {2, 4.303}, {3, 3.182}, {4, 2.776}, {5, 2.571}, {7, 2.365}, {10, 2.228},
		{20, 2.086}, {30, 2.042}, {60, 2.000}, {100, 1.984},
	};
	char what[64];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(what, sizeof what, "Student's t with %d degrees of freedom", rows[i].freedom);
		is_near(student_quantile(rows[i].freedom), rows[i].quantile, 0.0005, what);
	}
	is_near(student_quantile(1e9), NORMAL_QUANTILE, 1e-8, "with many it is the normal one");
}

static void means(void)
{
	/* Student, "The probable error of a mean", Biometrika 6 (1908): the hours of sleep that
	 * the second drug gave more than the first. R prints the interval under ?t.test. */
	static const double sleep[] = {1.2, 2.4, 1.3, 1.3, 0, 1.0, 1.8, 0.8, 4.6, 1.4};
	struct moments moments = {0};
	struct mean mean = moments_mean(&moments);

	ok(mean.count == 0 && isnan(mean.low), "no values, no mean");
	for (size_t i = 0; i < sizeof sleep / sizeof *sleep; i++) {
		moments_add(&moments, sleep[i]);
		mean = moments_mean(&moments);
		if (i == 0)
			ok(mean.mean == 1.2 && isnan(mean.low) && isnan(mean.high),
			   "one value: a mean, and no interval");
	}
	is_int((long long)mean.count, 10, "ten values");
	is_near(mean.mean, 1.58, 1e-12, "their mean");
	is_near(mean.low, 0.7001142, 0.0005, "low");
	is_near(mean.high, 2.4598858, 0.0005, "high");

	/* NIST/SEMATECH e-Handbook, 1.3.5.2, heat flow meter: 195 values. */
	moments = (struct moments){195, 9.261460, 0.022789 * 0.022789 * 194};
	mean = moments_mean(&moments);
	is_near(mean.low, 9.258242, 1e-6, "of many: low");
	is_near(mean.high, 9.264679, 1e-6, "of many: high");
}

static void shares(void)
{
	/* R. G. Newcombe, "Two-sided confidence intervals for the single proportion:
	 * comparison of seven methods", Statistics in Medicine 17 (1998), table I,
	 * method 3: to four decimals. */
	static const struct {
		struct share share;
		double low, high;
	} rows[] = {
		{{81, 263}, 0.2553, 0.3662},
		{{15, 148}, 0.0624, 0.1605},
		{{0, 20}, 0, 0.1611},
		{{1, 29}, 0.0061, 0.1718},
		{{20, 20}, 0.8389, 1}, /* the third one turned round */
		{{5, 10}, 0.2366, 0.7634},
	};
	struct share share = {0};
	char what[64];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct mean mean = share_mean(&rows[i].share);
		snprintf(what, sizeof what, "%d of %d: low", (int)rows[i].share.right,
		         (int)rows[i].share.of);
		is_near(mean.low, rows[i].low, 0.00005, what);
		snprintf(what, sizeof what, "%d of %d: high", (int)rows[i].share.right,
		         (int)rows[i].share.of);
		is_near(mean.high, rows[i].high, 0.00005, what);
	}
	ok(share_mean(&share).count == 0 && isnan(share_mean(&share).mean), "of none: no share");
	for (int i = 0; i < 5; i++)
		share_add(&share, i % 2 == 0);
	ok(share.right == 3 && share.of == 5 && share_mean(&share).mean == 0.6, "counted: 3 of 5");

	double low, high, lower, higher;
	wilson_interval(2.5, 10, &low, &high);
	wilson_interval(2, 10, &lower, &higher);
	ok(low > lower && high > higher, "a fraction may be right");
}

static void ratios(void)
{
	/* r = 16 / 10; what x exceeds r n by: -0.2, -1.4, -0.6, 2.2; their squares: 7.2 */
	static const double groups[][2] = {{3, 2}, {5, 4}, {1, 1}, {7, 3}};
	const double half = NORMAL_QUANTILE * sqrt(7.2 * 4 / 3) / 10;
	struct ratio ratio = {0};
	struct moments moments = {0};
	struct mean mean;

	for (int i = 0; i < 4; i++) {
		ratio_add(&ratio, groups[i][0], groups[i][1]);
		mean = ratio_mean(&ratio);
		if (i == 0)
			ok(mean.mean == 1.5 && isnan(mean.low) && isnan(mean.high),
			   "one group: a ratio, and no interval");
	}
	is_int((long long)mean.count, 4, "four groups");
	is_near(mean.mean, 1.6, 1e-12, "the ratio of their sums");
	is_near(mean.low, 1.6 - half, 1e-12, "low");
	is_near(mean.high, 1.6 + half, 1e-12, "high");

	ratio = (struct ratio){0};
	for (int i = 0; i < 1000; i++) {
		ratio_add(&ratio, i % 7, 1);
		moments_add(&moments, i % 7);
	}
	is_near(ratio_mean(&ratio).high, moments_mean(&moments).high, 0.001,
	        "groups of one each: the interval of a mean");
}

int main(void)
{
	quantiles();
	means();
	shares();
	ratios();
	return done();
}
