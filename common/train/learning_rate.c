#include "common/train/learning_rate.h"

#include <math.h>

void learning_rate_complete(struct learning_rate *rate)
{
	if (rate->min < 0)
		rate->min = rate->peak / 10;
	if (rate->warmup < 0)
		rate->warmup = rate->steps < 2 * LEARNING_RATE_WARMUP ? rate->steps / 2
		                                                      : LEARNING_RATE_WARMUP;
}

double learning_rate_at(const struct learning_rate *rate, int64_t step)
{
	if (step < rate->warmup)
		return rate->peak * (double)(step + 1) / (double)(rate->warmup + 1);
	if (step >= rate->steps)
		return rate->min;
	const double part = (double)(step - rate->warmup) / (double)(rate->steps - rate->warmup);
	const double left = rate->schedule == SCHEDULE_LINEAR ? 1 - part
	                                                      : 0.5 * (1 + cos(M_PI * part));
	return rate->min + left * (rate->peak - rate->min);
}
