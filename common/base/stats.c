#include "common/base/stats.h"

#include <math.h>

/* Exact up to three degrees of freedom, else by the expansion 26.7.5 of Abramowitz & Stegun
 * 1964. */
double student_quantile(double freedom)
{
	const double x = NORMAL_QUANTILE, x2 = x * x;

	if (freedom < 1.5)
		return 12.706204736174698;
	if (freedom < 2.5)
		return 4.302652729749464;
	if (freedom < 3.5)
		return 3.182446305284263;
	return x + x * (x2 + 1) / 4 / freedom +
	       x * ((5 * x2 + 16) * x2 + 3) / 96 / pow(freedom, 2) +
	       x * (((3 * x2 + 19) * x2 + 17) * x2 - 15) / 384 / pow(freedom, 3) +
	       x * ((((79 * x2 + 776) * x2 + 1482) * x2 - 1920) * x2 - 945) / 92160 /
	       pow(freedom, 4);
}

/* ---- means ---- */

void moments_add(struct moments *moments, double value)
{
	const double from_old = value - moments->mean;

	moments->mean += from_old / (double)++moments->count;
	moments->squares += from_old * (value - moments->mean);
}

struct mean moments_mean(const struct moments *moments)
{
	struct mean mean = {moments->count, moments->mean, NAN, NAN};

	if (moments->count > 1) {
		const double freedom = (double)(moments->count - 1);
		const double half = student_quantile(freedom) *
		                    sqrt(moments->squares / freedom / (double)moments->count);
		mean.low = mean.mean - half;
		mean.high = mean.mean + half;
	}
	return mean;
}

/* ---- shares ---- */

void share_add(struct share *share, bool right)
{
	share->right += right;
	share->of++;
}

void wilson_interval(double right, double of, double *low, double *high)
{
	const double z = NORMAL_QUANTILE, p = right / of;
	const double middle = p + z * z / (2 * of);
	const double half = z * sqrt(p * (1 - p) / of + z * z / (4 * of * of));

	*low = right <= 0 ? 0 : (middle - half) / (1 + z * z / of);
	*high = right >= of ? 1 : (middle + half) / (1 + z * z / of);
}

struct mean share_mean(const struct share *share)
{
	struct mean mean = {share->of, NAN, NAN, NAN};

	if (share->of > 0) {
		mean.mean = (double)share->right / (double)share->of;
		wilson_interval((double)share->right, (double)share->of, &mean.low, &mean.high);
	}
	return mean;
}

/* ---- ratios ---- */

void ratio_add(struct ratio *ratio, double x, double n)
{
	ratio->groups++;
	ratio->x += x;
	ratio->n += n;
	ratio->xx += x * x;
	ratio->xn += x * n;
	ratio->nn += n * n;
}

struct mean ratio_mean(const struct ratio *ratio)
{
	const double groups = (double)ratio->groups, r = ratio->x / ratio->n;
	struct mean mean = {ratio->groups, r, NAN, NAN};

	if (ratio->groups > 1) {
		const double squares = ratio->xx - 2 * r * ratio->xn + r * r * ratio->nn;
		const double half = NORMAL_QUANTILE * sqrt(fmax(squares, 0) * groups / (groups - 1)) /
		                    ratio->n;
		mean.low = r - half;
		mean.high = r + half;
	}
	return mean;
}
