/* loss_scale.h - the factor on the loss in half precision.
 *
 * Half precision (DTYPE_F16) cannot hold small gradients. So the loss is multiplied by a
 * scale before the backward pass, and the gradient is divided by it afterwards, in float32
 * (Micikevicius et al. 2018, "Mixed Precision Training", section 3.2). The scale is a power
 * of two, so it rounds nothing. It starts at 2^16. If a gradient is not finite, the step is
 * skipped and the scale is halved. After 2000 steps at one scale it is doubled.
 */
#ifndef MEMOSCOPE_LOSS_SCALE_H
#define MEMOSCOPE_LOSS_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/kernels.h"

struct loss_scale {
	double scale; /* of the mean loss: a power of two, at least 1; 0: the loss is not scaled */
	int64_t steps; /* taken since the scale last changed */
	int64_t skipped; /* steps skipped so far */
};

/* The scale that a training in dtype starts with. */
struct loss_scale loss_scale_first(enum dtype dtype);

/* The factor on each token's weighted loss, if the weights of the batch add up to weight_sum.
 * The scale is meant for the mean loss, but the network sums losses: so the factor is the
 * scale divided by the smallest power of two above weight_sum. (Division by weight_sum itself
 * would round.) Then no gradient of a logit is larger than the scale, however large the batch
 * and the weights. 1 if the loss is not scaled. */
double loss_scale_factor(const struct loss_scale *scale, double weight_sum);

/* A step was taken. */
void loss_scale_count(struct loss_scale *scale);

/* The gradient of a step was not finite: halve the scale and count the step as skipped. False,
 * and nothing changes, if the loss is not scaled or half the scale would be less than 1. */
bool loss_scale_halve(struct loss_scale *scale);

#endif
