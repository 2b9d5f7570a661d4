#include "common/rng.h"
#include "kernels/cpu/level/level.h"
#include "kernels/cpu/level/math.h"
#include "kernels/cpu/level/mask.h"

#include <math.h>

void op_gelu(struct device *dev, void *to, const void *from, size_t count)
{
	const float *x = from;
	float *y = to;

	(void)dev;
#pragma omp simd
	for (size_t i = 0; i < count; i++) {
		float pdf;
		y[i] = x[i] * normal_cdf(x[i], &pdf);
	}
}

void op_gelu_backward(struct device *dev, void *to, const void *gradient, const void *from,
                      size_t count)
{
	const float *dy = gradient, *x = from;
	float *dx = to;

	(void)dev;
#pragma omp simd
	for (size_t i = 0; i < count; i++) {
		float pdf, cdf = normal_cdf(x[i], &pdf);
		dx[i] = dy[i] * (cdf + x[i] * pdf);
	}
}

void op_add(struct device *dev, float *x, const float *y, size_t count)
{
	(void)dev;
#pragma omp simd
	for (size_t i = 0; i < count; i++)
		x[i] += y[i];
}

void op_dropout(struct device *dev, float *x, size_t count, const struct dropout *dropout)
{
	(void)dev;
	if (dropout == NULL || dropout->rate <= 0)
		return;
	mask_apply(dropout, 0, x, count);
}

/* All of count elements, which decay by weight_decay. */
static void adamw_all(float *param, const float *grad, float *m, float *v, size_t count,
                      float weight_decay, const struct adamw *step)
{
	const float beta1 = step->beta1, beta2 = step->beta2, scale = step->grad_scale;
	const float correct1 = (float)(1.0 / (1.0 - pow(beta1, (double)step->step)));
	const float correct2 = (float)(1.0 / (1.0 - pow(beta2, (double)step->step)));
	const float keep = 1.0f - step->lr * weight_decay;
	const float lr = step->lr, epsilon = step->epsilon;

#pragma omp simd
	for (size_t i = 0; i < count; i++) {
		float g = grad[i] * scale;
		float mi = beta1 * m[i] + (1.0f - beta1) * g;
		float vi = beta2 * v[i] + (1.0f - beta2) * g * g;
		m[i] = mi;
		v[i] = vi;
		param[i] = keep * param[i] -
		           lr * (mi * correct1) / (__builtin_sqrtf(vi * correct2) + epsilon);
	}
}

void op_adamw(struct device *dev, float *param, const float *grad, float *m, float *v,
              size_t count, const struct adamw_range *ranges, int range_count,
              const struct adamw *step)
{
	(void)dev;
	(void)count;
	for (int r = 0; r < range_count; r++) {
		const size_t at = ranges[r].begin;
		adamw_all(param + at, grad + at, m + at, v + at, ranges[r].end - at,
		          ranges[r].decay ? step->weight_decay : 0, step);
	}
}

double op_norm2(struct device *dev, const float *x, size_t count)
{
	(void)dev;
	double sum = 0;

#pragma omp simd reduction(+ : sum)
	for (size_t i = 0; i < count; i++)
		sum += (double)x[i] * x[i];
	return sum;
}
