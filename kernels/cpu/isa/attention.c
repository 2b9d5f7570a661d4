/* Causal attention by strips of queries, or of keys: scores, softmax and products of one
 * head stay in cache, and only the log-sum-exp of each row is kept. */
#include "kernels/cpu/isa/gemm.h"
#include "kernels/cpu/isa/isa.h"
#include "kernels/cpu/isa/mask.h"
#include "kernels/cpu/isa/math.h"
#include "kernels/cpu/isa/small_heads.h"
#include "kernels/cpu/isa/softmax.h"
#include "kernels/cpu/isa/transpose.h"

#include <math.h>

#define BLOCK 32 /* queries at a time */
#define INLINED static inline __attribute__((always_inline))

/* One head of one sequence: pointers to its first row, of row stride 3c (q, k,
 * v and their gradients) or c (out, dout). */
struct head {
	const float *q, *k, *v;
	int length, width; /* rows, columns (d) */
	ptrdiff_t stride; /* 3c */
	float scale; /* 1 / √d */
	const struct dropout *dropout; /* NULL: none */
	uint64_t mask_first; /* mask index of (query 0, key 0) */
	uint64_t mask_stride; /* mask indices from one query to the next */
};

static struct head head_of(const float *qkv, const struct sequences *seqs, int s, int i, int c,
                           int h, const struct dropout *dropout)
{
	const int first = seqs->begin[s], d = c / h;
	const float *q = qkv + (size_t)first * 3 * c + (size_t)i * d;

	return (struct head){
		.q = q,
		.k = q + c,
		.v = q + 2 * c,
		.length = seqs->begin[s + 1] - first,
		.width = d,
		.stride = 3 * (ptrdiff_t)c,
		.scale = 1.0f / __builtin_sqrtf((float)d),
		.dropout = dropout && dropout->rate > 0 ? dropout : NULL,
		.mask_first = ((uint64_t)first * h + i) * SEQUENCE_MAX,
		.mask_stride = (uint64_t)h * SEQUENCE_MAX,
	};
}

/* Rows first … first+rows-1 of the probabilities before dropout, by their lse: scores
 * [rows][padded] hold q · scaled k on entry. Keys after the query become 0. */
static void probabilities(float *scores, int first, int rows, int padded, const float *lse)
{
	for (int r = 0; r < rows; r++) {
		float *s = scores + (ptrdiff_t)r * padded;
		const float norm = lse[r];
		const int keys = first + r + 1;
#pragma omp simd
		for (int j = 0; j < keys; j++)
			s[j] = exp_clamped(s[j] - norm);
		for (int j = keys; j < padded; j++)
			s[j] = 0;
	}
}

static void mask_rows(const struct head *head, float *x, int first, int rows, int padded)
{
	if (!head->dropout)
		return;
	for (int r = 0; r < rows; r++)
		mask_apply(head->dropout,
		           head->mask_first + (uint64_t)(first + r) * head->mask_stride,
		           x + (ptrdiff_t)r * padded, (size_t)(first + r + 1));
}

/* ---- forward: strips of queries ---- */

#define STRIP (2 * GEMM_ROWS) /* queries, or keys, at a time */

/* to[rows][stride] = scale * from, whose rows of width stand from_stride apart; 0 beyond width. */
static void pack_rows(float *to, int stride, const float *from, ptrdiff_t from_stride, int rows,
                      int width, float scale)
{
	for (int i = 0; i < rows; i++, to += stride, from += from_stride) {
		int j = 0;
		for (; j + VECTOR_LANES <= width; j += VECTOR_LANES)
			vector_store(to + j, vector_load(from + j) * scale);
		for (; j < width; j++)
			to[j] = from[j] * scale;
		for (; j < stride; j++)
			to[j] = 0;
	}
}

static void head_forward(struct device *dev, const struct head *head, float *out, int c,
                         float *lse)
{
	const int d = head->width, length = head->length, padded = round_up(length, VECTOR_LANES),
	          wide = round_up(d, VECTOR_LANES);
	float *keys = cpu_scratch(dev, ((size_t)d * padded + (size_t)length * wide +
	                                (size_t)STRIP * padded) * sizeof *keys);
	float *values = keys + (size_t)d * padded, *p = values + (size_t)length * wide;

	transpose_padded(keys, padded, head->k, head->stride, length, d, head->scale);
	pack_rows(values, wide, head->v, head->stride, length, d, 1.0f);
	for (int first = 0; first < length; first += STRIP) {
		const int rows = least(STRIP, length - first), end = first + rows;
		float *o = out + (ptrdiff_t)first * c, sum[STRIP];

		gemm_cached(&(struct gemm){
			.m = rows, .n = round_up(end, VECTOR_LANES), .k = d,
			.a = head->q + first * head->stride, .a_row = head->stride, .a_col = 1,
			.b = keys, .b_row = padded, .b_col = 1,
			.c = p, .c_row = padded,
		});
		for (int r = 0; r < rows; r++) {
			float *row = p + (ptrdiff_t)r * padded;
			const int seen = first + r + 1, zero = round_up(seen, VECTOR_LANES);
			lse[first + r] = softmax_row(row, seen, &sum[r]) + logf(sum[r]);
			if (zero < end)
				memset(row + zero, 0, (size_t)(end - zero) * sizeof *row);
		}
		mask_rows(head, p, first, rows, padded);
		gemm_cached(&(struct gemm){
			.m = rows, .n = d, .k = end,
			.a = p, .a_row = padded, .a_col = 1,
			.b = values, .b_row = wide, .b_col = 1,
			.c = o, .c_row = c,
		});
		for (int r = 0; r < rows; r++) {
			const float inverse = 1.0f / sum[r];
			float *row = o + (ptrdiff_t)r * c;
#pragma omp simd
			for (int j = 0; j < d; j++)
				row[j] *= inverse;
		}
	}
}

void op_attention(struct device *dev, void *out_rows, float *lse, const void *qkv_rows,
                  const struct sequences *seqs, int c, int h, const struct dropout *dropout)
{
	const float *qkv = qkv_rows;
	float *out = out_rows;
	const int n = seqs->begin[seqs->count], d = c / h;

	for (int s = 0; s < seqs->count; s++) {
		const size_t first = (size_t)seqs->begin[s];
		const int length = seqs->begin[s + 1] - seqs->begin[s];
		if (small_heads_fits(d, dropout)) {
			small_heads_forward(dev, out + first * c, lse + first, n, qkv + first * 3 * c,
			                    length, c, h);
			continue;
		}
		for (int i = 0; i < h; i++) {
			struct head head = head_of(qkv, seqs, s, i, c, h, dropout);
			head_forward(dev, &head, out + first * c + (size_t)i * d, c,
			             lse + (size_t)i * n + first);
		}
	}
}

/* ---- backward: strips of keys ---- */

#define QUERIES_MAX 160 /* queries of a block: their part of the matrix stays in cache */

/* A block of queries, columns of matrices whose rows are keys or columns of a head. */
struct queries {
	int first, count, padded;
	int wide; /* of a row of packed columns */
	const float *q, *dout; /* [count][wide]; q is scaled */
	const float *q_turned, *dout_turned; /* [d][padded] */
	const float *lse, *delta; /* [padded] */
	const float *keep; /* [keys][padded], dropout's mask; NULL: none */
	float *p; /* [STRIP][padded] probabilities of a strip of keys */
	float *ds; /* [keys][padded] gradients of the scores, of all keys */
};

/* One row of scores, of key number key of the block, becomes probabilities, and their gradients
 * in ds become gradients of the scores. Queries from column from on; those before the key do not
 * see it. */
INLINED void key_row(int vectors, const struct queries *at, int key, int from, const float *keep,
                     float *p, float *ds)
{
	vector x[VECTOR_EXP];

	for (int i = 0; i < vectors; i++)
		x[i] = vector_load(p + from + i * VECTOR_LANES) -
		       vector_load(at->lse + from + i * VECTOR_LANES);
	vector_exp(vectors, x);
	for (int i = 0; i < vectors; i++) {
		const int column = from + i * VECTOR_LANES, blind = key - column;
		vector dp = vector_load(ds + column), used;
		if (blind > 0)
			x[i] = vector_select(vector_from(least(blind, VECTOR_LANES)), x[i], vector_all(0));
		used = x[i];
		if (keep) {
			const vector kept = vector_load(keep + column);
			used *= kept;
			dp *= kept;
		}
		vector_store(p + column, used);
		vector_store(ds + column, x[i] * (dp - vector_load(at->delta + column)));
	}
}

static void key_rows(const struct queries *at, int key, int from, float *p, float *ds)
{
	const float *keep = at->keep ? at->keep + (ptrdiff_t)(at->first + key) * at->padded : NULL;
	int j = from;

	for (; j + 3 * VECTOR_LANES < at->padded; j += 4 * VECTOR_LANES)
		key_row(4, at, key, j, keep, p, ds);
	for (; j + VECTOR_LANES < at->padded; j += 2 * VECTOR_LANES)
		key_row(2, at, key, j, keep, p, ds);
	if (j < at->padded)
		key_row(1, at, key, j, keep, p, ds);
}

/* What a strip of keys gets from the block's queries: dk and dv, rows of stride, begin or grow. */
static void strip_backward(const struct head *head, const struct queries *at, int first, int rows,
                           float *dk, float *dv)
{
	const int d = head->width, key = first - at->first; /* below 0: all queries see them */
	const int seen = key > 0 ? key : 0, from = seen / VECTOR_LANES * VECTOR_LANES;
	float *ds = at->ds + (ptrdiff_t)first * at->padded;
	struct gemm scores = {
		.m = rows, .n = at->padded - from, .k = d,
		.a = head->k + first * head->stride, .a_row = head->stride, .a_col = 1,
		.b = at->q_turned + from, .b_row = at->padded, .b_col = 1,
		.c = at->p + from, .c_row = at->padded,
	};
	struct gemm gradient = {
		.m = rows, .n = d, .k = at->count - seen,
		.a = at->p + seen, .a_row = at->padded, .a_col = 1,
		.b = at->dout + (ptrdiff_t)seen * at->wide, .b_row = at->wide, .b_col = 1,
		.c = dv, .c_row = head->stride,
		.start = key < 0 ? dv : NULL, .start_row = head->stride,
	};

	gemm_cached(&scores);
	scores.a = head->v + first * head->stride;
	scores.b = at->dout_turned + from;
	scores.c = ds + from;
	gemm_cached(&scores);
	for (int r = 0; r < rows; r++)
		key_rows(at, key + r, from, at->p + (ptrdiff_t)r * at->padded,
		         ds + (ptrdiff_t)r * at->padded);
	gemm_cached(&gradient);
	gradient.a = ds + seen;
	gradient.b = at->q + (ptrdiff_t)seen * at->wide;
	gradient.c = dk;
	gradient.start = key < 0 ? dk : NULL;
	gemm_cached(&gradient);
}

/* keep[keys][padded] = the mask of the block's queries, turned by way of rows[keys]. */
static void keep_of(const struct head *head, const struct queries *at, float *keep, float *row)
{
	const int keys = at->first + at->count;

	for (int i = 0; i < at->count; i++) {
		for (int j = 0; j < keys; j++)
			row[j] = 1;
		mask_rows(head, row, at->first + i, 1, keys);
		for (int j = 0; j < keys; j++)
			keep[(ptrdiff_t)j * at->padded + i] = row[j];
	}
	for (int j = 0; j < keys; j++)
		for (int i = at->count; i < at->padded; i++)
			keep[(ptrdiff_t)j * at->padded + i] = 0;
}

/* Scratch of head_backward(), in floats. */
static size_t backward_room(int length, int d, bool dropout)
{
	const size_t padded = (size_t)round_up(least(length, QUERIES_MAX + STRIP), VECTOR_LANES),
	             wide = (size_t)round_up(d, VECTOR_LANES);

	return (size_t)length * wide + padded * (2 * wide + 2 * (size_t)d + 2 + STRIP) +
	       (size_t)length * (padded * (dropout ? 2 : 1) + 1);
}

/* dq, dk, dv: as q, k, v. delta_i = Σ_j dout_ij out_ij (Dao et al. 2022,
 * equation 4); with dropout it still is, since out is made of the dropped
 * probabilities. */
static void head_backward(struct device *dev, const struct head *head, float *dq, float *dk,
                          float *dv, const float *dout, const float *out, int c,
                          const float *lse)
{
	const int d = head->width, length = head->length, wide = round_up(d, VECTOR_LANES);
	const int blocks = (length + QUERIES_MAX - 1) / QUERIES_MAX;
	const int most = round_up((length + blocks - 1) / blocks, STRIP);
	const size_t padded = (size_t)round_up(least(length, most), VECTOR_LANES);
	const ptrdiff_t stride = head->stride;
	float *keys = cpu_scratch(dev, backward_room(length, d, head->dropout) * sizeof *keys);
	float *q = keys + (size_t)length * wide, *g = q + padded * wide, *qt = g + padded * wide,
	      *gt = qt + d * padded, *of_query = gt + d * padded, *delta = of_query + padded,
	      *p = delta + padded, *ds = p + STRIP * padded, *keep = ds + length * padded,
	      *row = keep + (head->dropout ? length * padded : 0);

	pack_rows(keys, wide, head->k, stride, length, d, head->scale);
	for (int first = 0; first < length; first += most) {
		const int count = least(most, length - first), end = first + count;
		const float *qi = head->q + first * stride, *gi = dout + (ptrdiff_t)first * c,
		            *oi = out + (ptrdiff_t)first * c;
		const struct queries at = {
			.first = first, .count = count, .padded = round_up(count, VECTOR_LANES),
			.wide = wide, .q = q, .dout = g, .q_turned = qt, .dout_turned = gt,
			.lse = of_query, .delta = delta, .keep = head->dropout ? keep : NULL,
			.p = p, .ds = ds,
		};

		pack_rows(q, wide, qi, stride, count, d, head->scale);
		pack_rows(g, wide, gi, c, count, d, 1.0f);
		transpose_padded(qt, at.padded, qi, stride, count, d, head->scale);
		transpose_padded(gt, at.padded, gi, c, count, d, 1.0f);
		for (int i = 0; i < at.padded; i++) {
			float sum = 0;
#pragma omp simd reduction(+ : sum)
			for (int j = 0; j < (i < count ? d : 0); j++)
				sum += gi[(ptrdiff_t)i * c + j] * oi[(ptrdiff_t)i * c + j];
			delta[i] = sum;
			of_query[i] = i < count ? lse[first + i] : 0;
		}
		if (head->dropout)
			keep_of(head, &at, keep, row);
		for (int j = 0; j < end; j += STRIP)
			strip_backward(head, &at, j, least(STRIP, end - j), dk + j * stride,
			               dv + j * stride);
		for (int i = 0; i < count; i += STRIP) {
			const int rows = least(STRIP, count - i);
			gemm_cached(&(struct gemm){
				.m = rows, .n = d, .k = first + i + rows,
				.a = ds + i, .a_row = 1, .a_col = at.padded,
				.b = keys, .b_row = wide, .b_col = 1,
				.c = dq + (first + i) * stride, .c_row = stride,
			});
		}
	}
}

void op_attention_backward(struct device *dev, void *dqkv_rows, const void *dout_rows,
                           const void *out_rows, const float *lse, const void *qkv_rows,
                           const struct sequences *seqs, int c, int h,
                           const struct dropout *dropout)
{
	const float *dout = dout_rows, *out = out_rows, *qkv = qkv_rows;
	float *dqkv = dqkv_rows;
	const int n = seqs->begin[seqs->count], d = c / h;

	for (int s = 0; s < seqs->count; s++) {
		const size_t first = (size_t)seqs->begin[s];
		const int length = seqs->begin[s + 1] - seqs->begin[s];
		if (small_heads_fits(d, dropout)) {
			small_heads_backward(dev, dqkv + first * 3 * c, dout + first * c, out + first * c,
			                     lse + first, n, qkv + first * 3 * c, length, c, h);
			continue;
		}
		for (int i = 0; i < h; i++) {
			struct head head = head_of(qkv, seqs, s, i, c, h, dropout);
			const size_t column = (size_t)i * d;
			float *dq = dqkv + first * 3 * c + column;
			head_backward(dev, &head, dq, dq + c, dq + 2 * c, dout + first * c + column,
			              out + first * c + column, c, lse + (size_t)i * n + first);
		}
	}
}

void op_attention_probs(struct device *dev, float *probs, const void *qkv, const float *lse,
                        int n, int first, int length, int head_index, int c, int h)
{
	const int32_t begin[2] = {0, length};
	const struct sequences one = {.count = 1, .begin = begin, .longest = length};
	const struct head head = head_of((const float *)qkv + (size_t)first * 3 * c, &one, 0,
	                                 head_index, c, h, NULL);
	const int d = head.width, padded = round_up(length, VECTOR_LANES);
	float *keys = cpu_scratch(dev, ((size_t)d + BLOCK) * padded * sizeof *keys);
	float *p = keys + (size_t)d * padded;

	transpose_padded(keys, padded, head.k, head.stride, length, d, head.scale);
	for (int row = 0; row < length; row += BLOCK) {
		const int rows = length - row < BLOCK ? length - row : BLOCK;
		gemm_cached(&(struct gemm){
			.m = rows, .n = padded, .k = d,
			.a = head.q + row * head.stride, .a_row = head.stride, .a_col = 1,
			.b = keys, .b_row = padded, .b_col = 1,
			.c = p, .c_row = padded,
		});
		probabilities(p, row, rows, padded, lse + (size_t)head_index * n + first + row);
		for (int r = 0; r < rows; r++)
			memcpy(probs + (size_t)(row + r) * length, p + (ptrdiff_t)r * padded,
			       (size_t)length * sizeof *p);
	}
}
