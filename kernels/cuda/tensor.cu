/* Causal attention over tensor cores, for activations of 16 bits: as attention.cu's, with
 * scores and probabilities in registers from beginning to end (Dao 2023,
 * "FlashAttention-2").
 *
 * A block is four warps, and a tile of 64 rows: queries, or in one half of the backward
 * pass keys. Each warp has 16 of them, and goes over all columns - keys, or queries - by
 * steps that the block holds in shared memory. What a product leaves in a lane's
 * registers is laid out as the next one wants its left operand: two tiles of 16 x 8 side
 * by side are one of 16 x 16. Widths are compiled in: heads of d columns, a multiple of
 * 8, take the next larger one of 32, 64 and 128, with zeros for what they lack.
 */
#include "kernels/cuda/attention.cuh"
#include "kernels/cuda/mma.cuh"

#include <math.h>

#define BLOCK 128
#define OWN 16 /* rows of a warp */
#define TILES_MAX (HEAD_MAX / 8) /* of 8 columns, in the widest head */
#define STEP_MAX 64 /* columns of a step */
#define LOG2E 1.4426950408889634f
#define LN2 0.6931471805599453f

struct ALIGNED(16) eight {
	uint16_t at[8];
};

/* Rows of shared memory are 16 bytes longer than a head: then those that a load names
 * stand in different banks. */
DEVICE int pitch_of(const int width)
{
	return width + 8;
}

/* to[rows][pitch] = rows of a head from row `first` of its sequence on; zeros past the
 * sequence's end and the head's width. from: its row 0; rows are stride apart. */
DEVICE void take_tile(uint16_t *to, const uint16_t *from, size_t stride, int first, const int rows,
                      int length, int d, const int width)
{
	const int chunks = width / 8;

	for (int i = (int)threadIdx.x; i < rows * chunks; i += BLOCK) {
		const int row = i / chunks, col = i % chunks * 8;
		struct eight eight = {{0, 0, 0, 0, 0, 0, 0, 0}};
		if (first + row < length && col < d)
			eight = *(const struct eight *)(from + (size_t)(first + row) * stride + col);
		*(struct eight *)(to + row * pitch_of(width) + col) = eight;
	}
}

/* A warp's rows of a tile, as left operands. */
DEVICE void take_own(uint32_t own[][4], const uint16_t *tile, const int width)
{
	const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
	const uint16_t *row = tile + (warp * OWN + lane % 16) * pitch_of(width) + lane / 16 * 8;

	UNROLL
	for (int i = 0; i < width / 16; i++)
		load_matrices(own[i], row + 16 * i);
}

/* score[step/8] = own rows · rows of a tile [step][width]. */
DEVICE void scores(float score[][4], uint32_t own[][4], const uint16_t *tile, const int step,
                   const int width, const bool half)
{
	const int lane = threadIdx.x % WARP;
	const uint16_t *row = tile + (lane % 8 + lane / 16 * 8) * pitch_of(width) + lane / 8 % 2 * 8;

	UNROLL
	for (int j = 0; j < step / 8; j++)
		UNROLL
		for (int e = 0; e < 4; e++)
			score[j][e] = 0;
	UNROLL
	for (int i = 0; i < width / 16; i++)
		UNROLL
		for (int j = 0; j < step / 16; j++) {
			uint32_t b[4];
			load_matrices(b, row + 16 * j * pitch_of(width) + 16 * i);
			mma(score[2 * j], own[i], b, half);
			mma(score[2 * j + 1], own[i], b + 2, half);
		}
}

/* sum[width/8] += p, of own rows and a step's columns, times a tile [step][width]. */
DEVICE void add_product(float sum[][4], float p[][4], const uint16_t *tile, const int step,
                        const int width, const bool half)
{
	const int lane = threadIdx.x % WARP;
	const uint16_t *row = tile + lane % 16 * pitch_of(width) + lane / 16 * 8;

	UNROLL
	for (int i = 0; i < step / 16; i++) {
		const uint32_t a[4] = {
			pair_of(p[2 * i][0], p[2 * i][1], half),
			pair_of(p[2 * i][2], p[2 * i][3], half),
			pair_of(p[2 * i + 1][0], p[2 * i + 1][1], half),
			pair_of(p[2 * i + 1][2], p[2 * i + 1][3], half),
		};
		UNROLL
		for (int j = 0; j < width / 16; j++) {
			uint32_t b[4];
			load_transposed(b, row + 16 * i * pitch_of(width) + 16 * j);
			mma(sum[2 * j], a, b, half);
			mma(sum[2 * j + 1], a, b + 2, half);
		}
	}
}

/* Rows g and g+8 of own rows, times factor of each, to where row `first` and its column 0
 * stand; those past the sequence's end and the head's width stay away. */
DEVICE void put_own(uint16_t *to, size_t stride, float sum[][4], const float factor[2], int first,
                    int length, int d, const int width, const bool half)
{
	const int lane = threadIdx.x % WARP, col = lane % 4 * 2;

	UNROLL
	for (int r = 0; r < 2; r++) {
		const int row = lane / 4 + 8 * r;
		if (first + row >= length)
			continue;
		UNROLL
		for (int j = 0; j < width / 8; j++)
			if (8 * j < d)
				*(uint32_t *)(to + (size_t)row * stride + 8 * j + col) =
					pair_of(factor[r] * sum[j][2 * r],
				                factor[r] * sum[j][2 * r + 1], half);
	}
}

DEVICE void clear(float sum[][4], const int width)
{
	UNROLL
	for (int j = 0; j < width / 8; j++)
		UNROLL
		for (int e = 0; e < 4; e++)
			sum[j][e] = 0;
}

/* ---- forward ---- */

/* One step of the softmax's rows: score becomes the exponentials, of which top and sum
 * are brought up to date, and what sum and out have to be multiplied by. Scores and top
 * are for powers of two. */
DEVICE void soften(float score[][4], float top[2], float sum[2], float shrink[2], float scale,
                   int query0, int key0, const int step)
{
	const int col = threadIdx.x % 4 * 2;

	UNROLL
	for (int r = 0; r < 2; r++) {
		float high = -INFINITY;
		UNROLL
		for (int j = 0; j < step / 8; j++)
			UNROLL
			for (int e = 0; e < 2; e++) {
				float *s = &score[j][2 * r + e];
				*s = key0 + 8 * j + col + e <= query0 + 8 * r ? scale * *s : -INFINITY;
				high = fmaxf(high, *s);
			}
		high = fmaxf(top[r], lanes_max(high, 4));
		shrink[r] = exp2f(top[r] - high);
		top[r] = high;
		sum[r] *= shrink[r];
		UNROLL
		for (int j = 0; j < step / 8; j++)
			UNROLL
			for (int e = 0; e < 2; e++) {
				score[j][2 * r + e] = exp2f(score[j][2 * r + e] - high);
				sum[r] += score[j][2 * r + e];
			}
	}
}

/* The mask's factors of a lane's four scores, from these of the sequence on: two of one row
 * of queries stand side by side, and are drawn together. */
DEVICE void draw(float factor[4], const struct shape *s, int head, int first, int row, int col,
                 const bool transposed)
{
	UNROLL
	for (int r = 0; r < 2; r++) {
		if (!transposed) {
			mask_pair(factor + 2 * r, &s->mask,
			          mask_index(s, head, first + row + 8 * r, col));
			continue;
		}
		UNROLL
		for (int e = 0; e < 2; e++)
			factor[2 * r + e] = mask_factor(&s->mask, mask_index(s, head, first + col + e,
			                                                     row + 8 * r));
	}
}

DEVICE void forward_tile(const struct forward *a, uint16_t *shared, const int width,
                         const bool half)
{
	enum { STEP = STEP_MAX };
	const struct shape *s = &a->s;
	const struct tile tile = s->tiles[blockIdx.x];
	const int head = (int)blockIdx.y, d = s->d, lane = threadIdx.x % WARP;
	const int own = tile.begin + (int)(threadIdx.x / WARP) * OWN; /* the warp's first query */
	const int end = tile.begin + TILE < tile.length ? tile.begin + TILE : tile.length;
	const size_t stride = 3 * (size_t)s->c;
	const uint16_t *q = (const uint16_t *)a->qkv.at + (size_t)tile.first * stride +
	                    (size_t)head * d;
	uint16_t *keys = shared, *values = shared + STEP * pitch_of(width);
	float out[TILES_MAX][4], top[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};
	uint32_t query[TILES_MAX / 2][4];

	if (tile.begin >= tile.length)
		return;
	clear(out, width);
	take_tile(keys, q, stride, tile.begin, TILE, tile.length, d, width);
	__syncthreads();
	take_own(query, keys, width);
	for (int first = 0; first < end; first += STEP) {
		float score[STEP / 8][4], shrink[2];
		__syncthreads();
		take_tile(keys, q + s->c, stride, first, STEP, tile.length, d, width);
		take_tile(values, q + 2 * s->c, stride, first, STEP, tile.length, d, width);
		__syncthreads();
		scores(score, query, keys, STEP, width, half);
		soften(score, top, sum, shrink, s->scale * LOG2E, own + lane / 4, first, STEP);
		UNROLL
		for (int j = 0; s->mask.drops && j < STEP / 8; j++) {
			float factor[4];
			draw(factor, s, head, tile.first, own + lane / 4, first + 8 * j + lane % 4 * 2,
			     false);
			UNROLL
			for (int e = 0; e < 4; e++)
				score[j][e] *= factor[e];
		}
		UNROLL
		for (int j = 0; j < width / 8; j++)
			UNROLL
			for (int e = 0; e < 4; e++)
				out[j][e] *= shrink[e / 2];
		add_product(out, score, values, STEP, width, half);
	}
	UNROLL
	for (int r = 0; r < 2; r++) {
		const int row = own + lane / 4 + 8 * r;
		const float total = lanes_sum(sum[r], 4);
		if (row < tile.length && lane % 4 == 0)
			a->lse[(size_t)head * s->n + (size_t)(tile.first + row)] = LN2 * top[r] + logf(total);
		sum[r] = 1.0f / total;
	}
	put_own((uint16_t *)a->out.at + (size_t)(tile.first + own) * s->c + (size_t)head * d,
	        (size_t)s->c, out, sum, own, tile.length, d, width, half);
}

/* ---- backward ---- */

/* p holds products of q and k, and becomes the masked probabilities; ds those of dout and
 * v, and becomes the gradients of p's products. Rows are keys where transposed, else
 * queries. lse, delta: of the columns' queries [step], or of the rows' [2]. */
DEVICE void backward_scores(float p[][4], float ds[][4], const struct shape *s, int head,
                            const struct tile *tile, int row0, int col0, const float *lse,
                            const float *delta, const bool transposed, const int step)
{
	const int col = threadIdx.x % 4 * 2;

	UNROLL
	for (int j = 0; j < step / 8; j++) {
		float factor[4] = {1, 1, 1, 1};
		if (s->mask.drops)
			draw(factor, s, head, tile->first, row0, col0 + 8 * j + col, transposed);
		UNROLL
		for (int e = 0; e < 4; e++) {
			const int c = 8 * j + col + e % 2, at = transposed ? c : e / 2;
			const int query = transposed ? col0 + c : row0 + e / 2 * 8;
			const int key = transposed ? row0 + e / 2 * 8 : col0 + c;
			const bool inside = key <= query && query < tile->length;
			const float exponent = s->scale * LOG2E * p[j][e] - LOG2E * lse[at];
			const float probability = inside ? exp2f(exponent) : 0.0f;
			p[j][e] = probability * factor[e];
			ds[j][e] = inside ? s->scale * probability * (ds[j][e] * factor[e] - delta[at]) : 0.0f;
		}
	}
}

/* to[count] = of[…], rows from `first` of the sequence on; 0 past its end. of: row 0's. */
DEVICE void take_numbers(float *to, const float *of, int first, int count, int length)
{
	for (int i = (int)threadIdx.x; i < count; i += BLOCK)
		to[i] = first + i < length ? of[first + i] : 0.0f;
}

/* A tile's rows: keys, whose dk and dv it makes of all queries from the tile on, or
 * queries, whose dq it makes of all keys up to them. */
DEVICE void backward_tile(const struct backward *a, uint16_t *shared, const bool of_keys,
                          const int width, const int step, const bool half)
{
	const struct shape *s = &a->s;
	const struct tile tile = s->tiles[blockIdx.x];
	const int head = (int)blockIdx.y, d = s->d, lane = threadIdx.x % WARP;
	const int own = tile.begin + (int)(threadIdx.x / WARP) * OWN; /* the warp's first row */
	const int begin = of_keys ? tile.begin : 0, last = tile.begin + TILE;
	const int end = of_keys || last > tile.length ? tile.length : last;
	const size_t stride = 3 * (size_t)s->c, column = (size_t)head * d;
	const uint16_t *q = (const uint16_t *)a->qkv.at + (size_t)tile.first * stride + column;
	const uint16_t *g = (const uint16_t *)a->dout.at + (size_t)tile.first * s->c + column;
	const size_t number = (size_t)head * s->n + (size_t)tile.first;
	const float *lse = a->lse + number, *delta = a->delta + number; /* of the sequence */
	uint16_t *one = shared, *other = one + TILE * pitch_of(width); /* keys, values; or q, dout */
	float *step_lse = (float *)(other + TILE * pitch_of(width)), *step_delta = step_lse + step;
	uint32_t rows[TILES_MAX / 2][4], more[TILES_MAX / 2][4];
	float sum[TILES_MAX][4], dv[TILES_MAX][4]; /* dq or dk */
	float row_lse[2], row_delta[2];
	const float plain[2] = {1.0f, 1.0f};
	uint16_t *to = (uint16_t *)a->dqkv.at + (size_t)(tile.first + own) * stride + column;

	if (tile.begin >= tile.length)
		return;
	clear(sum, width);
	clear(dv, width);
	if (of_keys) {
		take_tile(one, q + s->c, stride, tile.begin, TILE, tile.length, d, width);
		take_tile(other, q + 2 * s->c, stride, tile.begin, TILE, tile.length, d, width);
	} else {
		take_tile(one, q, stride, tile.begin, TILE, tile.length, d, width);
		take_tile(other, g, (size_t)s->c, tile.begin, TILE, tile.length, d, width);
	}
	UNROLL
	for (int r = 0; r < 2; r++) {
		const int row = own + lane / 4 + 8 * r;
		row_lse[r] = row < tile.length ? lse[row] : 0.0f;
		row_delta[r] = row < tile.length ? delta[row] : 0.0f;
	}
	__syncthreads();
	take_own(rows, one, width);
	take_own(more, other, width);
	for (int first = begin; first < end; first += step) {
		float p[STEP_MAX / 8][4], ds[STEP_MAX / 8][4];
		__syncthreads();
		if (of_keys) {
			take_tile(one, q, stride, first, step, tile.length, d, width);
			take_tile(other, g, (size_t)s->c, first, step, tile.length, d, width);
			take_numbers(step_lse, lse, first, step, tile.length);
			take_numbers(step_delta, delta, first, step, tile.length);
		} else {
			take_tile(one, q + s->c, stride, first, step, tile.length, d, width);
			take_tile(other, q + 2 * s->c, stride, first, step, tile.length, d, width);
		}
		__syncthreads();
		scores(p, rows, one, step, width, half);
		scores(ds, more, other, step, width, half);
		backward_scores(p, ds, s, head, &tile, own + lane / 4, first,
		                of_keys ? step_lse : row_lse, of_keys ? step_delta : row_delta, of_keys,
		                step);
		if (of_keys)
			add_product(dv, p, other, step, width, half);
		add_product(sum, ds, one, step, width, half);
	}
	put_own(to + (of_keys ? s->c : 0), stride, sum, plain, own, tile.length, d, width, half);
	if (of_keys)
		put_own(to + 2 * s->c, stride, dv, plain, own, tile.length, d, width, half);
}

/* ---- kernels: of each width and type, and by how many columns at a time ---- */

#define TENSOR_KERNELS(type, width, step, half)                                       \
	struct tensor_##type##_##width {                                              \
		struct forward of;                                                    \
	};                                                                            \
	struct tensor_keys_##type##_##width {                                         \
		struct backward of;                                                   \
	};                                                                            \
	struct tensor_queries_##type##_##width {                                      \
		struct backward of;                                                   \
	};                                                                            \
	KERNEL(tensor_##type##_##width)                                               \
	{                                                                             \
		SHARED(shared);                                                       \
		forward_tile(&a.of, (uint16_t *)shared, width, half);                 \
	}                                                                             \
	KERNEL(tensor_keys_##type##_##width)                                          \
	{                                                                             \
		SHARED(shared);                                                       \
		backward_tile(&a.of, (uint16_t *)shared, true, width, step, half);    \
	}                                                                             \
	KERNEL(tensor_queries_##type##_##width)                                       \
	{                                                                             \
		SHARED(shared);                                                       \
		backward_tile(&a.of, (uint16_t *)shared, false, width, step, half);   \
	}
TENSOR_KERNELS(half, 32, 64, true)
TENSOR_KERNELS(half, 64, 32, true)
TENSOR_KERNELS(half, 128, 32, true)
TENSOR_KERNELS(bfloat, 32, 64, false)
TENSOR_KERNELS(bfloat, 64, 32, false)
TENSOR_KERNELS(bfloat, 128, 32, false)

/* ---- launches ---- */

static bool whole(struct values x)
{
	return (uintptr_t)x.at % 16 == 0;
}

static bool fits(const struct shape *s, struct values qkv)
{
	return qkv.dtype != DTYPE_F32 && s->d % 8 == 0 && s->d <= HEAD_MAX && whole(qkv);
}

/* Two tiles of 64 rows, or of a step. */
static size_t shared_bytes(int width)
{
	return 2 * TILE * (size_t)(width + 8) * sizeof(uint16_t);
}

#define LAUNCH_FORWARD(type, width)                                                       \
	do {                                                                              \
		const struct tensor_##type##_##width args = {*a};                         \
		LAUNCH(dev, tensor_##type##_##width, dev->tile_count, h, BLOCK,           \
		       shared_bytes(width), args);                                        \
	} while (0)

#define LAUNCH_BACKWARD(type, width)                                                      \
	do {                                                                              \
		const struct tensor_keys_##type##_##width keys = {*a};                    \
		const struct tensor_queries_##type##_##width queries = {*a};              \
		const size_t bytes = shared_bytes(width) + 2 * STEP_MAX * sizeof(float);  \
		LAUNCH(dev, tensor_keys_##type##_##width, dev->tile_count, h, BLOCK, bytes, keys); \
		LAUNCH(dev, tensor_queries_##type##_##width, dev->tile_count, h, BLOCK, bytes,     \
		       queries);                                                          \
	} while (0)

#define BY_WIDTH(launch, type)            \
	do {                              \
		if (a->s.d <= 32)         \
			launch(type, 32); \
		else if (a->s.d <= 64)    \
			launch(type, 64); \
		else                      \
			launch(type, 128); \
	} while (0)

bool tensor_forward(struct device *dev, const struct forward *a, int h)
{
	if (!fits(&a->s, a->qkv) || (uintptr_t)a->out.at % 4)
		return false;
	if (a->qkv.dtype == DTYPE_F16)
		BY_WIDTH(LAUNCH_FORWARD, half);
	else
		BY_WIDTH(LAUNCH_FORWARD, bfloat);
	return true;
}

bool tensor_backward(struct device *dev, const struct backward *a, int h)
{
	if (!fits(&a->s, a->qkv) || !whole(a->dout) || (uintptr_t)a->dqkv.at % 4)
		return false;
	if (a->qkv.dtype == DTYPE_F16)
		BY_WIDTH(LAUNCH_BACKWARD, half);
	else
		BY_WIDTH(LAUNCH_BACKWARD, bfloat);
	return true;
}
