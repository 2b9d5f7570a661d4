#include "common/train/loss_scale.h"

#include <math.h>

#define FIRST 0x1p16
#define GROWTH 2000 /* steps at one scale, after which it is doubled */

struct loss_scale loss_scale_first(enum dtype dtype)
{
	return (struct loss_scale){.scale = dtype == DTYPE_F16 ? FIRST : 0};
}

double loss_scale_factor(const struct loss_scale *scale, double weight_sum)
{
	int exponent;

	if (scale->scale == 0)
		return 1;
	frexp(weight_sum, &exponent);
	return ldexp(scale->scale, -exponent);
}

void loss_scale_count(struct loss_scale *scale)
{
	if (scale->scale > 0 && ++scale->steps >= GROWTH) {
		scale->scale *= 2;
		scale->steps = 0;
	}
}

bool loss_scale_halve(struct loss_scale *scale)
{
	if (scale->scale < 2)
		return false;
	scale->scale /= 2;
	scale->steps = 0;
	scale->skipped++;
	return true;
}
