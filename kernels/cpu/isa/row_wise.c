/* Operations on rows: embedding, loss. */
#include "kernels/cpu/isa/isa.h"
#include "kernels/cpu/isa/math.h"
#include "kernels/cpu/isa/softmax.h"
#include "kernels/cpu/isa/transpose.h"
#include "kernels/cpu/isa/vector.h"

#include <math.h>

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
                       const int32_t *token, const int32_t *position, int n, int c, int v,
                       int t)
{
	(void)dev;
	(void)v;
	(void)t;
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

void op_cross_entropy(struct device *dev, float *loss, float *dlogits, const float *logits,
                      const int32_t *target, const float *weight, int n, int v)
{
	const int padded = round_up(v, VECTOR_LANES);
	float *e = cpu_scratch(dev, ((size_t)padded + (size_t)n) * sizeof *e), *sums = e + padded;

	for (int i = 0; i < n; i++) {
		const float *l = logits + (size_t)i * v;
		float *d = dlogits ? dlogits + (size_t)i * v : NULL, sum;
		if (target[i] < 0) {
			loss[i] = 0;
			sums[i] = 1;
			for (int j = 0; d && j < v; j++)
				d[j] = 0;
			continue;
		}
		const float aim = l[target[i]];
		memcpy(e, l, (size_t)v * sizeof *e);
		loss[i] = softmax_row(e, v, &sum) - aim; /* which may be large */
		sums[i] = sum;
		if (!d)
			continue;
		const float w = weight ? weight[i] : 1.0f, scale = w / sum;
#pragma omp simd
		for (int j = 0; j < v; j++)
			d[j] = scale * e[j];
		d[target[i]] -= w;
	}
#pragma omp simd
	for (int i = 0; i < n; i++)
		loss[i] += log_positive(sums[i]);
}
