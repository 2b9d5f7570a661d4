/* Causal attention by blocks of queries: scores, softmax and products of one
 * head stay in cache, and only the log-sum-exp of each row is kept. */
#include "kernels/cpu/level/gemm.h"
#include "kernels/cpu/level/level.h"
#include "kernels/cpu/level/mask.h"
#include "kernels/cpu/level/math.h"
#include "kernels/cpu/level/narrow.h"
#include "kernels/cpu/level/turn.h"

#include <math.h>

#define BLOCK 32 /* queries at a time */

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

/* Rows first … first+rows-1 of the probabilities before dropout: scores
 * [rows][padded] hold q · scaled k on entry. Where lse is given it is used,
 * else it is made and stored in made. Keys after the query become 0, as far as
 * width (a multiple of VECTOR_LANES) reaches. */
static void softmax_rows(float *scores, int first, int rows, int padded, int width,
                         const float *lse, float *made)
{
	for (int r = 0; r < rows; r++) {
		float *s = scores + (ptrdiff_t)r * padded;
		const int keys = first + r + 1;
		if (lse == NULL) {
			float top = s[0], sum = 0;
#pragma omp simd reduction(max : top)
			for (int j = 0; j < keys; j++)
				top = s[j] > top ? s[j] : top;
#pragma omp simd reduction(+ : sum)
			for (int j = 0; j < keys; j++) {
				s[j] = exp_clamped(s[j] - top);
				sum += s[j];
			}
			const float inverse = 1.0f / sum;
#pragma omp simd
			for (int j = 0; j < keys; j++)
				s[j] *= inverse;
			made[r] = top + logf(sum);
		} else {
			const float norm = lse[r];
#pragma omp simd
			for (int j = 0; j < keys; j++)
				s[j] = exp_clamped(s[j] - norm);
		}
		for (int j = keys; j < width; j++)
			s[j] = 0;
	}
}

static void mask_rows(const struct head *head, float *x, int first, int rows, int padded)
{
	if (head->dropout == NULL)
		return;
	for (int r = 0; r < rows; r++)
		mask_apply(head->dropout,
		           head->mask_first + (uint64_t)(first + r) * head->mask_stride,
		           x + (ptrdiff_t)r * padded, (size_t)(first + r + 1));
}

static void head_forward(struct device *dev, const struct head *head, float *out, int c,
                         float *lse)
{
	const int d = head->width, padded = round_up(head->length, VECTOR_LANES);
	float *keys = cpu_scratch(dev, ((size_t)d * padded + (size_t)BLOCK * padded +
	                                (size_t)padded * VECTOR_LANES) * sizeof *keys);
	float *p = keys + (size_t)d * padded, *panel = p + (size_t)BLOCK * padded;

	turn_padded(keys, padded, head->k, head->stride, head->length, d, head->scale);
	for (int first = 0; first < head->length; first += BLOCK) {
		const int rows = head->length - first < BLOCK ? head->length - first : BLOCK;
		const int end = first + rows, width = round_up(end, VECTOR_LANES);
		gemm(rows, width, d, head->q + first * head->stride, head->stride, 1, keys, padded,
		     p, padded, false, NULL);
		softmax_rows(p, first, rows, padded, width, NULL, lse + first);
		mask_rows(head, p, first, rows, padded);
		gemm(rows, d, end, p, padded, 1, head->v, head->stride, out + (ptrdiff_t)first * c, c,
		     false, panel);
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
		if (narrow_fits(d, dropout)) {
			narrow_forward(dev, out + first * c, lse + first, n, qkv + first * 3 * c,
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

/* dq, dk, dv: as q, k, v. delta_i = Σ_j dout_ij out_ij (Dao et al. 2022,
 * equation 4); with dropout it still is, since out is made of the dropped
 * probabilities. */
static void head_backward(struct device *dev, const struct head *head, float *dq, float *dk,
                          float *dv, const float *dout, const float *out, int c,
                          const float *lse)
{
	const int d = head->width, length = head->length, padded = round_up(length, VECTOR_LANES);
	const size_t turned = (size_t)d * padded, block = (size_t)BLOCK * padded;
	float *keys = cpu_scratch(dev, (2 * turned + 3 * block + (size_t)padded * VECTOR_LANES) *
	                               sizeof *keys);
	float *values = keys + turned, *p = values + turned, *dropped = p + block,
	      *ds = dropped + block, *panel = ds + block;
	const ptrdiff_t stride = head->stride;

	turn_padded(keys, padded, head->k, stride, length, d, head->scale);
	turn_padded(values, padded, head->v, stride, length, d, 1.0f);
	for (int j = 0; j < length; j++) {
		memset(dk + j * stride, 0, (size_t)d * sizeof *dk);
		memset(dv + j * stride, 0, (size_t)d * sizeof *dv);
	}
	for (int first = 0; first < length; first += BLOCK) {
		const int rows = length - first < BLOCK ? length - first : BLOCK;
		const int end = first + rows, width = round_up(end, VECTOR_LANES);
		const float *q = head->q + first * stride, *o = out + (ptrdiff_t)first * c,
		            *g = dout + (ptrdiff_t)first * c;
		float *used = p;

		gemm(rows, width, d, q, stride, 1, keys, padded, p, padded, false, NULL);
		softmax_rows(p, first, rows, padded, width, lse + first, NULL);
		gemm(rows, width, d, g, c, 1, values, padded, ds, padded, false, NULL);
		if (head->dropout) {
			used = dropped;
			for (int r = 0; r < rows; r++)
				memcpy(dropped + (ptrdiff_t)r * padded, p + (ptrdiff_t)r * padded,
				       (size_t)width * sizeof *p);
			mask_rows(head, dropped, first, rows, padded);
			mask_rows(head, ds, first, rows, padded);
		}
		gemm(end, d, rows, used, 1, padded, g, c, dv, stride, true, panel);
		for (int r = 0; r < rows; r++) {
			float *dsr = ds + (ptrdiff_t)r * padded;
			const float *pr = p + (ptrdiff_t)r * padded;
			float delta = 0;
#pragma omp simd reduction(+ : delta)
			for (int j = 0; j < d; j++)
				delta += g[(ptrdiff_t)r * c + j] * o[(ptrdiff_t)r * c + j];
#pragma omp simd
			for (int j = 0; j < width; j++)
				dsr[j] = head->scale * pr[j] * (dsr[j] - delta);
		}
		gemm(rows, d, end, ds, padded, 1, head->k, stride, dq + first * stride, stride, false,
		     panel);
		gemm(end, d, rows, ds, 1, padded, q, stride, dk, stride, true, panel);
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
		if (narrow_fits(d, dropout)) {
			narrow_backward(dev, dqkv + first * 3 * c, dout + first * c, out + first * c,
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

	turn_padded(keys, padded, head.k, head.stride, length, d, head.scale);
	for (int row = 0; row < length; row += BLOCK) {
		const int rows = length - row < BLOCK ? length - row : BLOCK;
		gemm(rows, padded, d, head.q + row * head.stride, head.stride, 1, keys, padded, p,
		     padded, false, NULL);
		softmax_rows(p, row, rows, padded, padded, lse + (size_t)head_index * n + first + row,
		             NULL);
		for (int r = 0; r < rows; r++)
			memcpy(probs + (size_t)(row + r) * length, p + (ptrdiff_t)r * padded,
			       (size_t)length * sizeof *p);
	}
}

/* The cache keeps k turned, [slots][c][t], so that the scores of a query are
 * vectors along positions; v stays [slots][t][c]. */
void op_attention_cached(struct device *dev, void *out_rows, void *cache_k, void *cache_v,
                         const void *qkv, const int32_t *slot, const int32_t *place, int n,
                         int t, int c, int h)
{
	float *out = out_rows;
	const int d = c / h;
	const float scale = 1.0f / __builtin_sqrtf((float)d);
	float *scores = cpu_scratch(dev, (size_t)t * sizeof *scores);

	for (int r = 0; r < n; r++) {
		const float *q = (const float *)qkv + (size_t)r * 3 * c, *k = q + c, *v = q + 2 * c;
		float *keys = (float *)cache_k + (size_t)slot[r] * t * c;
		float *values = (float *)cache_v + (size_t)slot[r] * t * c;
		const int end = place[r] + 1;

		for (int j = 0; j < c; j++)
			keys[(size_t)j * t + place[r]] = k[j];
		memcpy(values + (size_t)place[r] * c, v, (size_t)c * sizeof *v);
		for (int i = 0; i < h; i++) {
			float lse, *o = out + (size_t)r * c + (size_t)i * d;
			memset(scores, 0, (size_t)end * sizeof *scores);
			for (int j = 0; j < d; j++) {
				const float qj = scale * q[i * d + j], *key = keys + (size_t)(i * d + j) * t;
#pragma omp simd
				for (int p = 0; p < end; p++)
					scores[p] += qj * key[p];
			}
			softmax_rows(scores, place[r], 1, t, end, NULL, &lse);
			memset(o, 0, (size_t)d * sizeof *o);
			for (int p = 0; p < end; p++) {
				const float w = scores[p], *value = values + (size_t)p * c + (size_t)i * d;
#pragma omp simd
				for (int j = 0; j < d; j++)
					o[j] += w * value[j];
			}
		}
	}
}
