/* Operations on rows: embedding, layer normalisation, loss. */
#include "kernels/cpu/level/level.h"
#include "kernels/cpu/level/math.h"

#include <math.h>

#define LAYERNORM_EPSILON 1e-5f

void op_embed(struct device *dev, float *out, const int32_t *token, const int32_t *position,
              const float *wte, const float *wpe, int n, int c)
{
	(void)dev;
	for (int i = 0; i < n; i++) {
		float *o = out + (size_t)i * c;
		const float *e = wte + (size_t)token[i] * c, *p = wpe + (size_t)position[i] * c;
#pragma omp simd
		for (int j = 0; j < c; j++)
			o[j] = e[j] + p[j];
	}
}

void op_embed_backward(struct device *dev, float *dwte, float *dwpe, const float *dout,
                       const int32_t *token, const int32_t *position, int n, int c)
{
	(void)dev;
	for (int i = 0; i < n; i++) {
		const float *d = dout + (size_t)i * c;
		float *e = dwte + (size_t)token[i] * c, *p = dwpe + (size_t)position[i] * c;
#pragma omp simd
		for (int j = 0; j < c; j++) {
			e[j] += d[j];
			p[j] += d[j];
		}
	}
}

void op_layernorm(struct device *dev, float *out, float *mean, float *rstd, const float *x,
                  const float *gain, const float *bias, int n, int c)
{
	(void)dev;
	for (int i = 0; i < n; i++) {
		const float *xi = x + (size_t)i * c;
		float *o = out + (size_t)i * c;
		float sum = 0, square = 0;
#pragma omp simd reduction(+ : sum)
		for (int j = 0; j < c; j++)
			sum += xi[j];
		float m = sum / (float)c;
#pragma omp simd reduction(+ : square)
		for (int j = 0; j < c; j++)
			square += (xi[j] - m) * (xi[j] - m);
		float r = 1.0f / __builtin_sqrtf(square / (float)c + LAYERNORM_EPSILON);
		if (bias) {
#pragma omp simd
			for (int j = 0; j < c; j++)
				o[j] = (xi[j] - m) * r * gain[j] + bias[j];
		} else {
#pragma omp simd
			for (int j = 0; j < c; j++)
				o[j] = (xi[j] - m) * r * gain[j];
		}
		mean[i] = m;
		rstd[i] = r;
	}
}

void op_layernorm_backward(struct device *dev, float *dx, float *dgain, float *dbias,
                           const float *dout, const float *x, const float *mean,
                           const float *rstd, const float *gain, int n, int c)
{
	(void)dev;
	for (int i = 0; i < n; i++) {
		const float *xi = x + (size_t)i * c, *d = dout + (size_t)i * c;
		float *dxi = dx + (size_t)i * c;
		const float m = mean[i], r = rstd[i];
		float sum = 0, sum_xhat = 0; /* of dxhat, of dxhat · xhat */
#pragma omp simd reduction(+ : sum, sum_xhat)
		for (int j = 0; j < c; j++) {
			float xhat = (xi[j] - m) * r;
			float dxhat = d[j] * gain[j];
			sum += dxhat;
			sum_xhat += dxhat * xhat;
			dgain[j] += d[j] * xhat;
		}
		sum /= (float)c;
		sum_xhat /= (float)c;
#pragma omp simd
		for (int j = 0; j < c; j++) {
			float xhat = (xi[j] - m) * r;
			dxi[j] += r * (d[j] * gain[j] - sum - xhat * sum_xhat);
		}
		if (dbias) {
#pragma omp simd
			for (int j = 0; j < c; j++)
				dbias[j] += d[j];
		}
	}
}

void op_cross_entropy(struct device *dev, float *loss, float *dlogits, const float *logits,
                      const int32_t *target, const float *weight, int n, int v)
{
	(void)dev;
	for (int i = 0; i < n; i++) {
		const float *l = logits + (size_t)i * v;
		float *d = dlogits ? dlogits + (size_t)i * v : NULL;
		if (target[i] < 0) {
			loss[i] = 0;
			for (int j = 0; d && j < v; j++)
				d[j] = 0;
			continue;
		}
		float top = l[0], sum = 0;
#pragma omp simd reduction(max : top)
		for (int j = 0; j < v; j++)
			top = l[j] > top ? l[j] : top;
#pragma omp simd reduction(+ : sum)
		for (int j = 0; j < v; j++)
			sum += exp_clamped(l[j] - top);
		loss[i] = logf(sum) + (top - l[target[i]]); /* top may be large */
		if (d == NULL)
			continue;
		const float w = weight ? weight[i] : 1.0f, scale = w / sum;
#pragma omp simd
		for (int j = 0; j < v; j++)
			d[j] = scale * exp_clamped(l[j] - top);
		d[target[i]] -= w;
	}
}
