#include "common/base/rng.h"
#include "kernels/cpu/isa/isa.h"
#include "kernels/cpu/isa/math.h"
#include "kernels/cpu/isa/mask.h"

#include <math.h>

void op_gelu(struct device *dev, void *to, const void *from, size_t count)
{
	const float *x = from;
	float *y = to;

	(void)dev;
#pragma omp simd
	for (size_t i = 0; i < count; i++)
		y[i] = gelu_of(x[i]);
}

void op_gelu_backward(struct device *dev, void *to, const void *gradient, const void *from,
                      size_t count)
{
	const float *dy = gradient, *x = from;
	float *dx = to;

	(void)dev;
#pragma omp simd
	for (size_t i = 0; i < count; i++)
		dx[i] = dy[i] * gelu_slope(x[i]);
}

void op_gelu_tanh(struct device *dev, void *to, const void *from, size_t count)
{
	const float *x = from;
	float *y = to;

	(void)dev;
#pragma omp simd
	for (size_t i = 0; i < count; i++)
		y[i] = gelu_tanh_of(x[i]);
}

void op_gelu_tanh_backward(struct device *dev, void *to, const void *gradient, const void *from,
                           size_t count)
{
	const float *dy = gradient, *x = from;
	float *dx = to;

	(void)dev;
#pragma omp simd
	for (size_t i = 0; i < count; i++)
		dx[i] = dy[i] * gelu_tanh_slope(x[i]);
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
	if (!dropout || dropout->rate <= 0)
		return;
	mask_apply(dropout, 0, x, count);
}

/* All of count elements, which decay by weight_decay. */
static void adamw_all(float *param, const float *grad, float *m, float *v, size_t count,
                      float weight_decay, const struct adamw *adamw, const struct update *update)
{
	const float beta1 = adamw->beta1, beta2 = adamw->beta2, epsilon = adamw->epsilon;
	const float lr = update->lr, scale = update->grad_scale;
	const float correct1 = update->correct1, correct2 = update->correct2;
	const float keep = 1.0f - lr * weight_decay;

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
              const struct adamw *adamw, const struct update *update)
{
	(void)dev;
	(void)count;
	for (int r = 0; update->finite && r < range_count; r++) {
		const size_t at = ranges[r].begin;
		adamw_all(param + at, grad + at, m + at, v + at, ranges[r].end - at,
		          ranges[r].decay ? adamw->weight_decay : 0, adamw, update);
	}
}

void op_norm2(struct device *dev, double *sum, const float *x, size_t count)
{
	double all = 0;

	(void)dev;
#pragma omp simd reduction(+ : all)
	for (size_t i = 0; i < count; i++)
		all += (double)x[i] * x[i];
	*sum = all;
}
