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

/* The learning rate that a user gets who asks for nothing else, to be completed, and the rows of
 * an option table (options.h) that change it; all but the row for steps. */
#define LEARNING_RATE_DEFAULT {.peak = 1e-3, .min = -1, .warmup = -1, .steps = 5000}
#define LEARNING_RATE_OPTIONS(rate) \
	{.name = "lr", .type = OPTION_REAL, .value = &(rate).peak, .argument = "RATE", .min = 0, \
	 .max = 10, .text = "peak learning rate (default 1e-3)"}, \
	{.name = "min-lr", .type = OPTION_REAL, .value = &(rate).min, .argument = "RATE", .min = 0, \
	 .max = 10, .text = "what the learning rate falls to (default: a tenth of --lr)"}, \
	{.name = "schedule", .type = OPTION_WORD, .value = &(rate).schedule, \
	 .argument = "cosine|linear", \
	 .text = "how the learning rate falls from --lr to --min-lr (default cosine)"}, \
	{.name = "warmup", .type = OPTION_INT, .value = &(rate).warmup, .argument = "N", .min = 0, \
	 .max = 1e9, .text = "steps in which the learning rate rises to --lr (default 100, at most " \
	         "half of --steps)"}

/* The rate of a step, counted from 0. */
double learning_rate_at(const struct learning_rate *rate, int64_t step);

#endif
