/* softmax.h - a row of scores becomes exponentials, in an order of summation that depends on the
 * row alone. */
#ifndef MEMOSCOPE_ISA_SOFTMAX_H
#define MEMOSCOPE_ISA_SOFTMAX_H

#include <math.h>

#include "kernels/cpu/isa/vector.h"

static inline float largest_lane(vector x)
{
	float lanes[VECTOR_LANES], top;

	vector_store(lanes, x);
	top = lanes[0];
	for (int l = 1; l < VECTOR_LANES; l++)
		top = lanes[l] > top ? lanes[l] : top;
	return top;
}

/* x[vectors] of s: e^(s - top), 0 from lane keys on. Returns sum and those. */
static inline __attribute__((always_inline)) vector
exponentials(int vectors, float *s, int keys, vector top, vector sum)
{
	vector x[VECTOR_EXP];

	for (int i = 0; i < vectors; i++)
		x[i] = vector_load(s + i * VECTOR_LANES) - top;
	vector_exp(vectors, x);
	for (int i = 0; i < vectors; i++) {
		const int valid = keys - i * VECTOR_LANES;
		if (valid < VECTOR_LANES)
			x[i] = vector_select(vector_from(valid), vector_all(0), x[i]);
		sum += x[i];
		vector_store(s + i * VECTOR_LANES, x[i]);
	}
	return sum;
}

/* One row of scores becomes e^(score - largest), 0 from keys on to the next multiple of a vector;
 * *sum is theirs. Returns the largest. */
static inline float softmax_row(float *s, int keys, float *sum)
{
	const int rest = keys % VECTOR_LANES, whole = keys - rest;
	vector top = vector_all(-INFINITY), sums = vector_all(0);
	float lanes[VECTOR_LANES];
	int j = 0;

	for (; j < whole; j += VECTOR_LANES)
		top = vector_max(vector_load(s + j), top);
	if (rest)
		top = vector_max(vector_select(vector_from(rest), vector_all(-INFINITY),
		                               vector_load(s + whole)), top);
	const float largest = largest_lane(top);
	top = vector_all(largest);
	for (j = 0; j + 3 * VECTOR_LANES < keys; j += 4 * VECTOR_LANES)
		sums = exponentials(4, s + j, keys - j, top, sums);
	for (; j + VECTOR_LANES < keys; j += 2 * VECTOR_LANES)
		sums = exponentials(2, s + j, keys - j, top, sums);
	if (j < keys)
		sums = exponentials(1, s + j, keys - j, top, sums);
	vector_store(lanes, sums);
	*sum = vector_sum(lanes);
	return largest;
}

#endif
