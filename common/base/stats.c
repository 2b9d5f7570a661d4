#include "common/base/stats.h"

#include <math.h>

void moments_add(struct moments *moments, double value)
{
	const double from_old = value - moments->mean;

	moments->mean += from_old / (double)++moments->count;
	moments->squares += from_old * (value - moments->mean);
}

/* The 0.975 quantile of Student's t: exact for one and two degrees of freedom,
 * else by the expansion 26.7.5 of Abramowitz & Stegun 1964, good to 0.1%. */
static double student(double freedom)
{
	const double x = 1.959963984540054, x2 = x * x; /* the normal distribution's */

	if (freedom < 1.5)
		return 12.706204736174698;
	if (freedom < 2.5)
		return 4.302652729749464;
	return x + x * (x2 + 1) / 4 / freedom +
	       x * ((5 * x2 + 16) * x2 + 3) / 96 / pow(freedom, 2) +
	       x * (((3 * x2 + 19) * x2 + 17) * x2 - 15) / 384 / pow(freedom, 3) +
	       x * ((((79 * x2 + 776) * x2 + 1482) * x2 - 1920) * x2 - 945) / 92160 /
	       pow(freedom, 4);
}

struct mean moments_mean(const struct moments *moments)
{
	struct mean mean = {moments->count, moments->mean, NAN, NAN};

	if (moments->count > 1) {
		const double freedom = (double)(moments->count - 1);
		const double half = student(freedom) *
		                    sqrt(moments->squares / freedom / (double)moments->count);
		mean.low = mean.mean - half;
		mean.high = mean.mean + half;
	}
	return mean;
}
