/* learning_rate.h - the learning rate of each optimizer step.
 *
 * It rises in equal parts during the warm-up, falls from its peak to its minimum, and
 * stays there. The cosine is that of Loshchilov & Hutter 2017 ("SGDR: stochastic gradient
 * descent with warm restarts", equation 5), without restarts.
 */
#ifndef MEMOSCOPE_LEARNING_RATE_H
#define MEMOSCOPE_LEARNING_RATE_H

#include <stdint.h>

/* How the rate falls after the warm-up. */
enum schedule {
	SCHEDULE_COSINE,
	SCHEDULE_LINEAR,
};

struct learning_rate {
	double peak; /* the rate of the first step after the warm-up */
	double min; /* the rate of step `steps`, and of all steps after it */
	enum schedule schedule;
	int64_t warmup; /* steps before the peak */
	int64_t steps; /* of the warm-up and the fall together */
};

/* Numbers below 0 become the defaults: for min a tenth of the peak; for warmup LEARNING_RATE_WARMUP
 * steps, but at most half of all. */
#define LEARNING_RATE_WARMUP 100
void learning_rate_complete(struct learning_rate *rate);

/* The rate of a step, counted from 0. */
double learning_rate_at(const struct learning_rate *rate, int64_t step);

#endif
