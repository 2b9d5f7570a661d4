/* Operations on rows: embedding, loss. */
#include "kernels/cpu/level/level.h"
#include "kernels/cpu/level/math.h"
#include "kernels/cpu/level/turn.h"
#include "kernels/cpu/level/vector.h"

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

/* Vector number j / VECTOR_LANES of a row of v logits; -infinity beyond them. */
static vector load_logits(const float *row, int j, int v)
{
	const int rest = v - j;

	return rest >= VECTOR_LANES ? vector_load(row + j)
	                            : vector_select(vector_from(rest), vector_all(-INFINITY),
	                                            vector_load_first(row + j, rest));
}

/* e[v] = e^(logit - largest), and beyond it as far as whole groups of vectors go; *sum is theirs.
 * Returns the largest. */
static float exponentials(float *e, const float *row, int v, float *sum)
{
	vector top = vector_all(-INFINITY), sums = vector_all(0);
	float lanes[VECTOR_LANES], largest;

	for (int j = 0; j < v; j += VECTOR_LANES)
		top = vector_max(load_logits(row, j, v), top);
	vector_store(lanes, top);
	largest = lanes[0];
	for (int l = 1; l < VECTOR_LANES; l++)
		largest = lanes[l] > largest ? lanes[l] : largest;
	for (int j = 0; j < v; j += VECTOR_EXP * VECTOR_LANES) {
		vector x[VECTOR_EXP];
		for (int i = 0; i < VECTOR_EXP; i++) {
			const int at = j + i * VECTOR_LANES;
			x[i] = at < v ? load_logits(row, at, v) - largest : vector_all(-INFINITY);
		}
		vector_exp(VECTOR_EXP, x);
		for (int i = 0; i < VECTOR_EXP; i++) {
			sums += x[i];
			vector_store(e + j + i * VECTOR_LANES, x[i]);
		}
	}
	vector_store(lanes, sums);
	*sum = vector_sum(lanes);
	return largest;
}

void op_cross_entropy(struct device *dev, float *loss, float *dlogits, const float *logits,
                      const int32_t *target, const float *weight, int n, int v)
{
	const int padded = round_up(v, VECTOR_EXP * VECTOR_LANES);
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
		const float aim = l[target[i]], top = exponentials(e, l, v, &sum);
		loss[i] = top - aim; /* top may be large */
		sums[i] = sum;
		if (d == NULL)
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
