#include "kernels/cpu/level/narrow.h"

#include <math.h>

#include "kernels/cpu/level/math.h"
#include "kernels/cpu/level/turn.h"
#include "kernels/cpu/level/vector.h"

/* What takes d works for every width; where it is inlined with a constant, loops
 * over d are unrolled and their vectors live in registers. */
#define INLINED static inline __attribute__((always_inline))

#define TOGETHER VECTOR_EXP /* pairs of a lane at a time; divides VECTOR_LANES */

/* Buffers are [d][padded]: columns of a sequence turned into rows of a multiple of
 * VECTOR_LANES, 0 beyond the sequence. A pointer goes to a place in the first row,
 * and stride (padded) is what lies between that place and the next row's. */

/* start + a · b, of which all lanes have the same a. */
INLINED vector dot(int d, const float *a, ptrdiff_t stride, const vector *b, vector start)
{
	for (int e = 0; e < d; e++)
		start = vector_madd(vector_all(a[e * stride]), b[e], start);
	return start;
}

/* sum[e] += weight a[e] */
INLINED void add(int d, vector *sum, vector weight, const float *a, ptrdiff_t stride)
{
	for (int e = 0; e < d; e++)
		sum[e] = vector_madd(weight, vector_all(a[e * stride]), sum[e]);
}

INLINED void load(int d, vector *x, const float *from, ptrdiff_t stride)
{
	for (int e = 0; e < d; e++)
		x[e] = vector_load(from + e * stride);
}

INLINED void store(int d, float *to, ptrdiff_t stride, const vector *x)
{
	for (int e = 0; e < d; e++)
		vector_store(to + e * stride, x[e]);
}

/* ---- forward: a lane is a query ---- */

/* Exponentials are of scores less top: a score of the lane that no later one was
 * more than CLOSE above, so they stay below e^CLOSE and one of them is about 1. */
#define CLOSE 8.0f

/* A vector of queries; sum and out are those of the exponentials so far. */
struct queries {
	vector q[NARROW_WIDTH], top, sum, out[NARROW_WIDTH];
};

/* Lanes with a score of top + highest, where that is not close, take it for top.
 * The others are multiplied by 1: what a lane holds never depends on them. */
INLINED void raise_top(int d, struct queries *at, vector highest)
{
	const vector_bits far = (vector_bits)(highest > vector_all(CLOSE));
	vector factor = vector_select(far, -highest, vector_all(0));

	at->top -= factor;
	vector_exp(1, &factor);
	at->sum *= factor;
	for (int e = 0; e < d; e++)
		at->out[e] *= factor;
}

/* The queries see TOGETHER keys and values: on the diagonal lanes from place on
 * the first of them, lanes from place + 1 on the second … */
INLINED void see(int d, struct queries *at, const float *k, const float *v, ptrdiff_t padded,
                 bool diagonal, int place)
{
	vector p[TOGETHER], highest = vector_all(-INFINITY);

	for (int i = 0; i < TOGETHER; i++) {
		p[i] = dot(d, k + i, padded, at->q, -at->top);
		highest = vector_max(diagonal ? vector_select(vector_from(place + i), p[i], highest)
		                              : p[i], highest);
	}
	if (__builtin_expect(vector_any_above(highest, vector_all(CLOSE)), false)) {
		const vector top = at->top;
		raise_top(d, at, highest);
		for (int i = 0; i < TOGETHER; i++)
			p[i] -= at->top - top;
	}
	vector_exp(TOGETHER, p);
	for (int i = 0; i < TOGETHER; i++) {
		if (diagonal)
			p[i] = vector_select(vector_from(place + i), p[i], vector_all(0));
		at->sum += p[i];
		add(d, at->out, p[i], v + i, padded);
	}
}

/* out, q, k, v: [d][padded], k scaled; top, sum [padded]: of which lse is made. */
INLINED void head_forward(int d, float *out, float *top, float *sum, const float *q,
                          const float *k, const float *v, int padded)
{
	for (int first = 0; first < padded; first += VECTOR_LANES) {
		struct queries at = {0};

		load(d, at.q, q + first, padded);
		at.top = dot(d, k, padded, at.q, vector_all(0));
		for (int j = 0; j < first; j += TOGETHER)
			see(d, &at, k + j, v + j, padded, false, 0);
		for (int r = 0; r < VECTOR_LANES; r += TOGETHER)
			see(d, &at, k + first + r, v + first + r, padded, true, r);
		for (int e = 0; e < d; e++)
			at.out[e] /= at.sum;
		store(d, out + first, padded, at.out);
		vector_store(top + first, at.top);
		vector_store(sum + first, at.sum);
	}
}

static void forward_of_width(int d, float *out, float *top, float *sum, const float *q,
                             const float *k, const float *v, int padded)
{
	switch (d) {
	case 1: head_forward(1, out, top, sum, q, k, v, padded); break;
	case 2: head_forward(2, out, top, sum, q, k, v, padded); break;
	case 3: head_forward(3, out, top, sum, q, k, v, padded); break;
	case 4: head_forward(4, out, top, sum, q, k, v, padded); break;
	}
}

void narrow_forward(struct device *dev, float *out, float *lse, ptrdiff_t lse_stride,
                    const float *qkv, int length, int c, int h)
{
	const int d = c / h, padded = round_up(length, VECTOR_LANES);
	const ptrdiff_t size = (ptrdiff_t)c * padded;
	float *q = cpu_scratch(dev, (4 * (size_t)size + 2 * (size_t)padded) * sizeof *q);
	float *k = q + size, *v = k + size, *o = v + size, *top = o + size, *sum = top + padded;

	turn_padded(q, padded, qkv, 3 * c, length, c, 1.0f);
	turn_padded(k, padded, qkv + c, 3 * c, length, c, 1.0f / __builtin_sqrtf((float)d));
	turn_padded(v, padded, qkv + 2 * c, 3 * c, length, c, 1.0f);
	for (int i = 0; i < h; i++) {
		const ptrdiff_t at = (ptrdiff_t)i * d * padded;
		float *row = lse + i * lse_stride;

		forward_of_width(d, o + at, top, sum, q + at, k + at, v + at, padded);
#pragma omp simd
		for (int r = 0; r < length; r++)
			row[r] = top[r] + log_positive(sum[r]);
	}
	turn(out, c, o, padded, c, length, 1.0f);
}

/* ---- backward: a lane is a key ---- */

/* A vector of keys; k is scaled, and dk is still to be. */
struct keys {
	vector k[NARROW_WIDTH], v[NARROW_WIDTH], dk[NARROW_WIDTH], dv[NARROW_WIDTH];
};

/* What keys need of the queries: q and dout [d][padded], -lse and -delta [padded].
 * Those beyond the sequence have an lse of infinity and so probabilities of 0. */
struct asked {
	const float *q, *dout;
	float *minus_lse, *minus_delta;
	float *dq; /* [padded][d][VECTOR_LANES]: to be summed over the lanes */
};

/* TOGETHER queries from first on see the keys: on the diagonal the first sees the
 * lanes up to place, the second up to place + 1 … */
INLINED void seen(int d, struct keys *at, const struct asked *asked, ptrdiff_t padded, int first,
                  bool diagonal, int place)
{
	vector p[TOGETHER];

	for (int i = 0; i < TOGETHER; i++)
		p[i] = dot(d, asked->q + first + i, padded, at->k,
		           vector_all(asked->minus_lse[first + i]));
	vector_exp(TOGETHER, p);
	for (int i = 0; i < TOGETHER; i++) {
		const float *q = asked->q + first + i, *dout = asked->dout + first + i;
		float *dq = asked->dq + (ptrdiff_t)(first + i) * d * VECTOR_LANES;

		if (diagonal)
			p[i] = vector_select(vector_from(place + i + 1), vector_all(0), p[i]);
		const vector ds = p[i] * dot(d, dout, padded, at->v,
		                             vector_all(asked->minus_delta[first + i]));
		add(d, at->dv, p[i], dout, padded);
		add(d, at->dk, ds, q, padded);
		for (int e = 0; e < d; e++, dq += VECTOR_LANES)
			vector_store(dq, vector_madd(ds, at->k[e], vector_load(dq)));
	}
}

/* dk, dv, k, v: [d][padded], k scaled. asked->dq: overwritten. */
INLINED void head_backward(int d, float *dk, float *dv, const float *k, const float *v,
                           const struct asked *asked, int padded, float scale)
{
	memset(asked->dq, 0, (size_t)d * padded * VECTOR_LANES * sizeof *asked->dq);
	for (int first = 0; first < padded; first += VECTOR_LANES) {
		struct keys at = {0};

		load(d, at.k, k + first, padded);
		load(d, at.v, v + first, padded);
		for (int r = 0; r < VECTOR_LANES; r += TOGETHER)
			seen(d, &at, asked, padded, first + r, true, r);
		for (int i = first + VECTOR_LANES; i < padded; i += TOGETHER)
			seen(d, &at, asked, padded, i, false, 0);
		for (int e = 0; e < d; e++)
			at.dk[e] *= scale;
		store(d, dk + first, padded, at.dk);
		store(d, dv + first, padded, at.dv);
	}
}

static void backward_of_width(int d, float *dk, float *dv, const float *k, const float *v,
                              const struct asked *asked, int padded, float scale)
{
	switch (d) {
	case 1: head_backward(1, dk, dv, k, v, asked, padded, scale); break;
	case 2: head_backward(2, dk, dv, k, v, asked, padded, scale); break;
	case 3: head_backward(3, dk, dv, k, v, asked, padded, scale); break;
	case 4: head_backward(4, dk, dv, k, v, asked, padded, scale); break;
	}
}

/* asked->minus_lse, and asked->minus_delta of dout and out [d][padded]: delta_i =
 * Σ_j dout_ij out_ij (Dao et al. 2022, equation 4). */
static void prepare(int d, const struct asked *asked, const float *out, const float *lse,
                    int length, int padded)
{
	for (int i = 0; i < padded; i++)
		asked->minus_lse[i] = i < length ? -lse[i] : -INFINITY;
	for (int i = 0; i < padded; i += VECTOR_LANES) {
		vector minus = vector_all(0);
		for (int e = 0; e < d; e++)
			minus = vector_madd(-vector_load(asked->dout + e * padded + i),
			                    vector_load(out + e * padded + i), minus);
		vector_store(asked->minus_delta + i, minus);
	}
}

void narrow_backward(struct device *dev, float *dqkv, const float *dout, const float *out,
                     const float *lse, ptrdiff_t lse_stride, const float *qkv, int length, int c,
                     int h)
{
	const int d = c / h, padded = round_up(length, VECTOR_LANES);
	const ptrdiff_t size = (ptrdiff_t)c * padded;
	const float scale = 1.0f / __builtin_sqrtf((float)d);
	float *q = cpu_scratch(dev, (7 * (size_t)size + (2 + (size_t)d * VECTOR_LANES) * padded) *
	                            sizeof *q);
	float *k = q + size, *v = k + size, *g = v + size, *o = g + size, *dk = o + size,
	      *dv = dk + size, *rest = dv + size;
	struct asked asked = {
		.minus_lse = rest, .minus_delta = rest + padded, .dq = rest + 2 * padded,
	};

	turn_padded(q, padded, qkv, 3 * c, length, c, 1.0f);
	turn_padded(k, padded, qkv + c, 3 * c, length, c, scale);
	turn_padded(v, padded, qkv + 2 * c, 3 * c, length, c, 1.0f);
	turn_padded(g, padded, dout, c, length, c, 1.0f);
	turn_padded(o, padded, out, c, length, c, 1.0f);
	for (int i = 0; i < h; i++) {
		const ptrdiff_t at = (ptrdiff_t)i * d * padded;
		float *dq = dqkv + i * d;

		asked.q = q + at;
		asked.dout = g + at;
		prepare(d, &asked, o + at, lse + i * lse_stride, length, padded);
		backward_of_width(d, dk + at, dv + at, k + at, v + at, &asked, padded, scale);
		for (int r = 0; r < length; r++)
			for (int e = 0; e < d; e++)
				dq[r * 3 * (ptrdiff_t)c + e] =
					vector_sum(asked.dq + (r * d + e) * VECTOR_LANES);
	}
	turn(dqkv + c, 3 * c, dk, padded, c, length, 1.0f);
	turn(dqkv + 2 * c, 3 * c, dv, padded, c, length, 1.0f);
}
