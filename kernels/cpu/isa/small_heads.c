#include "kernels/cpu/isa/small_heads.h"

#include <math.h>

#include "kernels/cpu/isa/math.h"
#include "kernels/cpu/isa/transpose.h"
#include "kernels/cpu/isa/vector.h"

/* What takes d works for every width; where it is inlined with a constant, loops
 * over d are unrolled and their vectors live in registers. */
#define INLINED static inline __attribute__((always_inline))

#define TOGETHER 4
#define QUERIES 128 /* whose probabilities are kept at a time; VECTOR_LANES divides it */
#define LOG2_E 0x1.715476p+0f /* scores are taken times this, and powers of 2 of them */

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

/* scores[keys][vectors][VECTOR_LANES] of so many vectors of queries from first on, for the keys
 * that the last of them sees; -infinity behind a query. top[vectors]: the largest. */
INLINED void scores_of(int d, int vectors, float *scores, vector *top,
                       vector q[][SMALL_HEADS_WIDTH],
                       const float *k, ptrdiff_t padded, int first)
{
	for (int i = 0; i < vectors; i++)
		top[i] = vector_all(-INFINITY);
	for (int j = 0; j < first; j++)
		for (int i = 0; i < vectors; i++, scores += VECTOR_LANES) {
			const vector s = dot(d, k + j, padded, q[i], vector_all(0));
			top[i] = vector_max(s, top[i]);
			vector_store(scores, s);
		}
	for (int r = 0; r < vectors * VECTOR_LANES; r++)
		for (int i = 0; i < vectors; i++, scores += VECTOR_LANES) {
			const int blind = least(r - i * VECTOR_LANES, VECTOR_LANES);
			vector s = dot(d, k + first + r, padded, q[i], vector_all(0));
			if (blind > 0)
				s = vector_select(vector_from(blind), s, vector_all(-INFINITY));
			top[i] = vector_max(s, top[i]);
			vector_store(scores, s);
		}
}

/* p[TOGETHER] = 2^(score - top) of so many scores, top[vectors] in turn. */
INLINED void exponentials(int vectors, vector *p, const float *scores, const vector *top)
{
	for (int i = 0; i < TOGETHER; i++)
		p[i] = vector_load(scores + i * VECTOR_LANES) - top[i % vectors];
	vector_exp2(TOGETHER, p);
}

/* Sums over keys for a vector of queries, of even keys and of odd ones: neither sum waits for the
 * other. */
struct sums {
	vector p[2], of_v[2][SMALL_HEADS_WIDTH];
};

INLINED void sum_key(int d, int vectors, struct sums *sums, const vector *p, const float *v,
                     ptrdiff_t padded, int odd)
{
	for (int i = 0; i < vectors; i++) {
		sums[i].p[odd] += p[i];
		add(d, sums[i].of_v[odd], p[i], v, padded);
	}
}

/* With few registers exponentials go through memory, so that the sums stay in registers. */
#define FEW_REGISTERS (VECTOR_LANES < 16)

INLINED void sum_keys(int d, int vectors, struct sums *sums, float *scores, const vector *top,
                      const float *v, ptrdiff_t padded, int keys)
{
	vector p[TOGETHER];

	for (int j = 0; j < vectors * keys; j += TOGETHER) {
		float *at = scores + (ptrdiff_t)j * VECTOR_LANES;
		exponentials(vectors, p, at, top);
		for (int i = 0; FEW_REGISTERS && i < TOGETHER; i++)
			vector_store(at + i * VECTOR_LANES, p[i]);
		for (int i = 0; !FEW_REGISTERS && i < TOGETHER / vectors; i++)
			sum_key(d, vectors, sums, p + i * vectors, v + j / vectors + i, padded, i % 2);
	}
	for (int j = 0; FEW_REGISTERS && j < keys; j += 2)
		for (int odd = 0; odd < 2; odd++) {
			for (int i = 0; i < vectors; i++, scores += VECTOR_LANES)
				p[i] = vector_load(scores);
			sum_key(d, vectors, sums, p, v + j + odd, padded, odd);
		}
}

/* out, q, k, v: [d][padded], k scaled so that powers of 2 are meant; top, sum [padded]: of which
 * lse is made; scores[padded][2][VECTOR_LANES] is scratch. For so many vectors of queries from
 * first on. */
INLINED void queries_forward(int d, int vectors, float *out, float *top, float *sum,
                             const float *q, const float *k, const float *v, int padded,
                             float *scores, int first)
{
	const int keys = first + vectors * VECTOR_LANES;
	vector at[2][SMALL_HEADS_WIDTH], largest[2];
	struct sums sums[2] = {0};

	for (int i = 0; i < vectors; i++)
		load(d, at[i], q + first + i * VECTOR_LANES, padded);
	scores_of(d, vectors, scores, largest, at, k, padded, first);
	sum_keys(d, vectors, sums, scores, largest, v, padded, keys);
	for (int i = 0; i < vectors; i++) {
		const int to = first + i * VECTOR_LANES;
		const vector all = sums[i].p[0] + sums[i].p[1];
		for (int e = 0; e < d; e++)
			at[i][e] = (sums[i].of_v[0][e] + sums[i].of_v[1][e]) / all;
		store(d, out + to, padded, at[i]);
		vector_store(top + to, largest[i]);
		vector_store(sum + to, all);
	}
}

INLINED void head_forward(int d, float *out, float *top, float *sum, const float *q,
                          const float *k, const float *v, int padded, float *scores)
{
	int first = 0;

	for (; FEW_REGISTERS && first + VECTOR_LANES < padded; first += 2 * VECTOR_LANES)
		queries_forward(d, 2, out, top, sum, q, k, v, padded, scores, first);
	for (; first < padded; first += VECTOR_LANES)
		queries_forward(d, 1, out, top, sum, q, k, v, padded, scores, first);
}

static void forward_of_width(int d, float *out, float *top, float *sum, const float *q,
                             const float *k, const float *v, int padded, float *scores)
{
	switch (d) {
	case 1: head_forward(1, out, top, sum, q, k, v, padded, scores); break;
	case 2: head_forward(2, out, top, sum, q, k, v, padded, scores); break;
	case 3: head_forward(3, out, top, sum, q, k, v, padded, scores); break;
	case 4: head_forward(4, out, top, sum, q, k, v, padded, scores); break;
	}
}

void small_heads_forward(struct device *dev, float *out, float *lse, ptrdiff_t lse_stride,
                         const float *qkv, int length, int c, int h)
{
	const int d = c / h, padded = round_up(length, VECTOR_LANES);
	const ptrdiff_t size = (ptrdiff_t)c * padded;
	float *q = cpu_scratch(dev, (4 * (size_t)size + (2 + 2 * VECTOR_LANES) * (size_t)padded) *
	                            sizeof *q);
	float *k = q + size, *v = k + size, *o = v + size, *scores = o + size,
	      *top = scores + 2 * VECTOR_LANES * padded, *sum = top + padded;

	transpose_padded(q, padded, qkv, 3 * c, length, c, 1.0f);
	transpose_padded(k, padded, qkv + c, 3 * c, length, c, LOG2_E / __builtin_sqrtf((float)d));
	transpose_padded(v, padded, qkv + 2 * c, 3 * c, length, c, 1.0f);
	for (int i = 0; i < h; i++) {
		const ptrdiff_t at = (ptrdiff_t)i * d * padded;
		float *row = lse + i * lse_stride;

		forward_of_width(d, o + at, top, sum, q + at, k + at, v + at, padded,
		                 scores);
#pragma omp simd
		for (int r = 0; r < length; r++)
			row[r] = top[r] / LOG2_E + log_positive(sum[r]);
	}
	turn(out, c, o, padded, c, length, 1.0f);
}

/* ---- backward: a lane is a key ---- */

/* A vector of keys; k is scaled, and dk is still to be. */
struct keys {
	vector k[SMALL_HEADS_WIDTH], v[SMALL_HEADS_WIDTH], dk[SMALL_HEADS_WIDTH], dv[SMALL_HEADS_WIDTH];
};

/* What keys need of the queries: q and dout [d][padded], -lse (of powers of 2) and -delta
 * [padded]. Those beyond the sequence have an lse of infinity and so probabilities of 0. */
struct asked {
	const float *q, *dout;
	float *minus_lse, *minus_delta;
	float *dq; /* [padded][d][VECTOR_LANES]: to be summed over the lanes */
};

/* p[count][VECTOR_LANES], the probabilities of a vector of keys for queries from first on, a
 * multiple of TOGETHER. */
INLINED void probabilities(int d, float *p, const vector *keys, const struct asked *asked,
                           ptrdiff_t padded, int first, int count)
{
	for (int j = first; j < first + count; j += TOGETHER) {
		vector x[TOGETHER];
		for (int i = 0; i < TOGETHER; i++)
			x[i] = dot(d, asked->q + j + i, padded, keys,
			           vector_all(asked->minus_lse[j + i]));
		vector_exp2(TOGETHER, x);
		for (int i = 0; i < TOGETHER; i++, p += VECTOR_LANES)
			vector_store(p, x[i]);
	}
}

/* What comes of them. */
INLINED void gradients(int d, struct keys *at, const float *p, const struct asked *asked,
                       ptrdiff_t padded, int first, int count)
{
	float *dq = asked->dq + (ptrdiff_t)first * d * VECTOR_LANES;
	struct keys sum = *at;

	for (int i = first; i < first + count; i++, p += VECTOR_LANES) {
		const vector pi = vector_load(p);
		const vector ds = pi * dot(d, asked->dout + i, padded, sum.v,
		                           vector_all(asked->minus_delta[i]));
		add(d, sum.dv, pi, asked->dout + i, padded);
		add(d, sum.dk, ds, asked->q + i, padded);
		for (int e = 0; e < d; e++, dq += VECTOR_LANES)
			vector_store(dq, vector_madd(ds, sum.k[e], vector_load(dq)));
	}
	*at = sum;
}

/* dk, dv, k, v: [d][padded], k scaled. asked->dq: overwritten. */
INLINED void head_backward(int d, float *dk, float *dv, const float *k, const float *v,
                           const struct asked *asked, int padded, float scale)
{
	float p[QUERIES * VECTOR_LANES];

	memset(asked->dq, 0, (size_t)d * padded * VECTOR_LANES * sizeof *asked->dq);
	for (int first = 0; first < padded; first += VECTOR_LANES) {
		struct keys at = {0};

		load(d, at.k, k + first, padded);
		load(d, at.v, v + first, padded);
		for (int i = first; i < padded; i += QUERIES) {
			const int count = least(QUERIES, padded - i);
			probabilities(d, p, at.k, asked, padded, i, count);
			for (int r = 0; i == first && r < VECTOR_LANES; r++) /* sees keys up to its own */
				vector_store(p + r * VECTOR_LANES,
				             vector_select(vector_from(r + 1), vector_all(0),
				                           vector_load(p + r * VECTOR_LANES)));
			gradients(d, &at, p, asked, padded, i, count);
		}
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
		asked->minus_lse[i] = i < length ? -LOG2_E * lse[i] : -INFINITY;
	for (int i = 0; i < padded; i += VECTOR_LANES) {
		vector minus = vector_all(0);
		for (int e = 0; e < d; e++)
			minus = vector_madd(-vector_load(asked->dout + e * padded + i),
			                    vector_load(out + e * padded + i), minus);
		vector_store(asked->minus_delta + i, minus);
	}
}

void small_heads_backward(struct device *dev, float *dqkv, const float *dout, const float *out,
                          const float *lse, ptrdiff_t lse_stride, const float *qkv, int length,
                          int c,
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

	transpose_padded(q, padded, qkv, 3 * c, length, c, 1.0f);
	transpose_padded(k, padded, qkv + c, 3 * c, length, c, LOG2_E * scale);
	transpose_padded(v, padded, qkv + 2 * c, 3 * c, length, c, 1.0f);
	transpose_padded(g, padded, dout, c, length, c, 1.0f);
	transpose_padded(o, padded, out, c, length, c, 1.0f);
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
					vector_sum(asked.dq + (r * d + e) * VECTOR_LANES) / LOG2_E;
	}
	turn(dqkv + c, 3 * c, dk, padded, c, length, 1.0f);
	turn(dqkv + 2 * c, 3 * c, dv, padded, c, length, 1.0f);
}
