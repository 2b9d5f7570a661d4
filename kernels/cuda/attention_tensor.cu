/* Causal attention over tensor cores, for activations of 16 bits: as attention.cu's, with
 * scores and probabilities in registers from beginning to end (Dao 2023,
 * "FlashAttention-2").
 *
 * A block is four warps, and a tile of 64 rows: queries, or in one half of the backward
 * pass keys. Each warp has 16 of them, and goes over all columns - keys, or queries - by
 * steps that the block holds in shared memory, the next one on its way meanwhile. What a
 * product leaves in a lane's registers is laid out as the next one wants its left
 * operand: two tiles of 16 x 8 side by side are one of 16 x 16. Widths are compiled in:
 * heads of d columns, a multiple of 8, take the next larger one of 32, 64 and 128, with
 * zeros for what they lack.
 */
#include "kernels/cuda/attention.cuh"
#include "kernels/cuda/mma.cuh"

#include <math.h>

#define BLOCK 128
#define OWN 16 /* rows of a warp */
#define TILES_MAX (HEAD_MAX / 8) /* of 8 columns, in the widest head */
/* Columns of a step: as many as leave registers for two or three blocks at a time. */
#define STEP_MAX 64
#define STEP_OF(width) ((width) > 64 ? 32 : STEP_MAX) /* forward */
#define BACK_STEP 32
#define LOG2E 1.4426950408889634f
#define LN2 0.6931471805599453f

/* Rows of shared memory are 16 bytes longer than a head: then those that a load names
 * stand in different banks. */
DEVICE int pitch_of(const int width)
{
	return width + 8;
}

/* to[rows][pitch] = rows of a head from row `first` of its sequence on; zeros past the
 * sequence's end and the head's width. from: its row 0; rows are stride apart. They are
 * there after arrive(). */
DEVICE void take_tile(uint16_t *to, const uint16_t *from, size_t stride, int first, const int rows,
                      int length, int d, const int width)
{
	const int chunks = width / 8;

	for (int i = (int)threadIdx.x; i < rows * chunks; i += BLOCK) {
		const int number = i / chunks, col = i % chunks * 8;
		/* eight lanes write at once: two rows of four chunks are four rows apart, in different
		 * banks */
		const int row = chunks == 4 ? number / 8 * 8 + number % 2 * 4 + number % 8 / 2 : number;
		const bool there = first + row < length && col < d;
		const size_t at = there ? (size_t)(first + row) * stride + (size_t)col : 0;
		copy_16(to + row * pitch_of(width) + col, from + at, there);
	}
}

/* Copies of all threads are there, and what they did before is done. */
DEVICE void arrive(void)
{
	copies_end();
	__syncthreads();
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
 * stand; those past the sequence's end and the head's width stay away. Of two tiles side by
 * side two neighbours exchange a word: so each has two to write at once, and four lanes a
 * sector of memory. */
DEVICE void put_own(uint16_t *to, size_t stride, float sum[][4], const float factor[2], int first,
                    int length, int d, const int width, const bool half)
{
	const int lane = threadIdx.x % WARP;
	const bool odd = lane % 2;

	UNROLL
	for (int r = 0; r < 2; r++) {
		const int row = lane / 4 + 8 * r;
		UNROLL
		for (int j = 0; j < width / 16; j++) {
			const float *one = &sum[2 * j][2 * r], *two = &sum[2 * j + 1][2 * r];
			const uint32_t left = pair_of(factor[r] * one[0], factor[r] * one[1], half);
			const uint32_t right = pair_of(factor[r] * two[0], factor[r] * two[1], half);
			const uint32_t got = __shfl_xor_sync(0xffffffffu, odd ? left : right, 1);
			const uint64_t both = odd ? got | (uint64_t)right << 32 : left | (uint64_t)got << 32;
			const int col = 16 * j + (odd ? 8 : 0);
			if (first + row < length && col < d)
				STORE(uint64_t, to + (size_t)row * stride + col + lane % 4 / 2 * 4, both);
		}
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

/* Keys and values of a step, into its half of shared memory. */
DEVICE void take_step(uint16_t *to, const uint16_t *q, const struct shape *s, size_t stride,
                      int first, int length, const int width, const int step)
{
	take_tile(to, q + s->c, stride, first, step, length, s->d, width);
	take_tile(to + step * pitch_of(width), q + 2 * s->c, stride, first, step, length, s->d,
	          width);
}

DEVICE void forward_tile(const struct forward *a, uint16_t *shared, const int width,
                         const int step, const bool half)
{
	const struct shape *s = &a->s;
	const struct tile tile = s->tiles[blockIdx.x];
	const int head = (int)blockIdx.y, d = s->d, lane = threadIdx.x % WARP;
	const int own = tile.begin + (int)(threadIdx.x / WARP) * OWN; /* the warp's first query */
	const int end = tile.begin + TILE < tile.length ? tile.begin + TILE : tile.length;
	const size_t stride = 3 * (size_t)s->c;
	const uint16_t *q = (const uint16_t *)a->qkv.at + (size_t)tile.first * stride +
	                    (size_t)head * d;
	float out[TILES_MAX][4], top[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};
	uint32_t query[TILES_MAX / 2][4];

	if (tile.begin >= tile.length)
		return;
	clear(out, width);
	take_tile(shared, q, stride, tile.begin, TILE, tile.length, d, width);
	arrive();
	take_own(query, shared, width);
	__syncthreads();
	take_step(shared, q, s, stride, 0, tile.length, width, step);
	for (int first = 0, turn = 0; first < end; first += step, turn = !turn) {
		const uint16_t *keys = shared + turn * 2 * step * pitch_of(width);
		float score[STEP_MAX / 8][4], shrink[2];
		arrive();
		if (first + step < end)
			take_step(shared + !turn * 2 * step * pitch_of(width), q, s, stride, first + step,
			          tile.length, width, step);
		scores(score, query, keys, step, width, half);
		soften(score, top, sum, shrink, s->scale * LOG2E, own + lane / 4, first, step);
		UNROLL
		for (int j = 0; s->mask.drops && j < step / 8; j++) {
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
		add_product(out, score, keys + step * pitch_of(width), step, width, half);
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

/* What a step's columns are: rows of one, other - queries and gradients of the output, or
 * keys and values - and, of queries, the two numbers of each. */
struct step {
	uint16_t *one, *other; /* [step][pitch] */
	float *lse, *delta; /* [step] */
};

/* The step in one half of shared memory, or the other; own rows are all of it. */
DEVICE struct step step_at(uint16_t *shared, int turn, const int width, const int step)
{
	uint16_t *at = shared + turn * (2 * step * pitch_of(width) + 4 * step);
	const struct step made = {
		at, at + step * pitch_of(width), (float *)(at + 2 * step * pitch_of(width)),
		(float *)(at + 2 * step * pitch_of(width)) + step,
	};

	return made;
}

/* What of a sequence and a head a kernel of the backward pass reads: their row 0. */
struct source {
	const uint16_t *q, *dout;
	const float *lse, *delta;
	size_t stride; /* of q */
	int length;
};

DEVICE void take_columns(const struct step *to, const struct source *from, const struct shape *s,
                         const bool of_keys, int first, const int width, const int step)
{
	if (!of_keys) {
		take_tile(to->one, from->q + s->c, from->stride, first, step, from->length, s->d, width);
		take_tile(to->other, from->q + 2 * s->c, from->stride, first, step, from->length, s->d,
		          width);
		return;
	}
	take_tile(to->one, from->q, from->stride, first, step, from->length, s->d, width);
	take_tile(to->other, from->dout, (size_t)s->c, first, step, from->length, s->d, width);
	for (int i = (int)threadIdx.x; i < step; i += BLOCK) {
		const bool there = first + i < from->length;
		const int at = there ? first + i : 0;
		copy_4(to->lse + i, from->lse + at, there);
		copy_4(to->delta + i, from->delta + at, there);
	}
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
	const size_t number = (size_t)head * s->n + (size_t)tile.first;
	const struct source from = {
		(const uint16_t *)a->qkv.at + (size_t)tile.first * stride + column,
		(const uint16_t *)a->dout.at + (size_t)tile.first * s->c + column,
		a->lse + number, a->delta + number, stride, tile.length,
	};
	uint16_t *others = shared + TILE * pitch_of(width); /* own rows of the second kind */
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
		take_tile(shared, from.q + s->c, stride, tile.begin, TILE, tile.length, d, width);
		take_tile(others, from.q + 2 * s->c, stride, tile.begin, TILE, tile.length, d, width);
	} else {
		take_tile(shared, from.q, stride, tile.begin, TILE, tile.length, d, width);
		take_tile(others, from.dout, (size_t)s->c, tile.begin, TILE, tile.length, d, width);
	}
	UNROLL
	for (int r = 0; r < 2; r++) {
		const int row = own + lane / 4 + 8 * r;
		row_lse[r] = row < tile.length ? from.lse[row] : 0.0f;
		row_delta[r] = row < tile.length ? from.delta[row] : 0.0f;
	}
	arrive();
	take_own(rows, shared, width);
	take_own(more, others, width);
	__syncthreads();
	const struct step start = step_at(shared, 0, width, step);
	take_columns(&start, &from, s, of_keys, begin, width, step);
	for (int first = begin, turn = 0; first < end; first += step, turn = !turn) {
		const struct step now = step_at(shared, turn, width, step);
		const struct step next = step_at(shared, !turn, width, step);
		float p[STEP_MAX / 8][4], ds[STEP_MAX / 8][4];
		arrive();
		if (first + step < end)
			take_columns(&next, &from, s, of_keys, first + step, width, step);
		scores(p, rows, now.one, step, width, half);
		scores(ds, more, now.other, step, width, half);
		backward_scores(p, ds, s, head, &tile, own + lane / 4, first,
		                of_keys ? now.lse : row_lse, of_keys ? now.delta : row_delta, of_keys,
		                step);
		if (of_keys)
			add_product(dv, p, now.other, step, width, half);
		add_product(sum, ds, now.one, step, width, half);
	}
	put_own(to + (of_keys ? s->c : 0), stride, sum, plain, own, tile.length, d, width, half);
	if (of_keys)
		put_own(to + 2 * s->c, stride, dv, plain, own, tile.length, d, width, half);
}

/* ---- kernels: of each width and type ---- */

#define TENSOR_KERNELS(type, width, half)                                             \
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
		forward_tile(&a.of, (uint16_t *)shared, width, STEP_OF(width), half); \
	}                                                                             \
	KERNEL(tensor_keys_##type##_##width)                                          \
	{                                                                             \
		SHARED(shared);                                                       \
		backward_tile(&a.of, (uint16_t *)shared, true, width, BACK_STEP, half); \
	}                                                                             \
	KERNEL(tensor_queries_##type##_##width)                                       \
	{                                                                             \
		SHARED(shared);                                                       \
		backward_tile(&a.of, (uint16_t *)shared, false, width, BACK_STEP, half); \
	}
TENSOR_KERNELS(half, 32, true)
TENSOR_KERNELS(half, 64, true)
TENSOR_KERNELS(half, 128, true)
TENSOR_KERNELS(bfloat, 32, false)
TENSOR_KERNELS(bfloat, 64, false)
TENSOR_KERNELS(bfloat, 128, false)

/* ---- launches ---- */

static bool whole(struct values x)
{
	return (uintptr_t)x.at % 16 == 0;
}

static bool fits(const struct shape *s, struct values qkv)
{
	return qkv.dtype != DTYPE_F32 && s->d % 8 == 0 && s->d <= HEAD_MAX && whole(qkv);
}

/* Two steps of two tiles each, and of the numbers that go with them; no less than two tiles
 * of own rows. */
static size_t shared_bytes(int width, int step)
{
	const size_t pitch = (size_t)width + 8, own = 2 * TILE * pitch;
	const size_t steps = 2 * (2 * (size_t)step * pitch + 4 * (size_t)step);

	return (own > steps ? own : steps) * sizeof(uint16_t);
}

#define LAUNCH_FORWARD(type, width)                                                       \
	do {                                                                              \
		const struct tensor_##type##_##width args = {*a};                         \
		LAUNCH(dev, tensor_##type##_##width, dev->tile_count, a->s.h, BLOCK,      \
		       shared_bytes(width, STEP_OF(width)), args);                        \
	} while (0)

#define LAUNCH_BACKWARD(type, width)                                                      \
	do {                                                                              \
		const struct tensor_keys_##type##_##width keys = {*a};                    \
		const struct tensor_queries_##type##_##width queries = {*a};              \
		const size_t bytes = shared_bytes(width, BACK_STEP);                      \
		LAUNCH(dev, tensor_keys_##type##_##width, dev->tile_count, a->s.h, BLOCK, \
		       bytes, keys);                                                      \
		LAUNCH(dev, tensor_queries_##type##_##width, dev->tile_count, a->s.h,     \
		       BLOCK, bytes, queries);                                            \
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

bool tensor_forward(struct device *dev, const struct forward *a)
{
	if (!fits(&a->s, a->qkv) || (uintptr_t)a->out.at % 4)
		return false;
	if (a->qkv.dtype == DTYPE_F16)
		BY_WIDTH(LAUNCH_FORWARD, half);
	else
		BY_WIDTH(LAUNCH_FORWARD, bfloat);
	return true;
}

bool tensor_backward(struct device *dev, const struct backward *a)
{
	if (!fits(&a->s, a->qkv) || !whole(a->dout) || (uintptr_t)a->dqkv.at % 4)
		return false;
	if (a->qkv.dtype == DTYPE_F16)
		BY_WIDTH(LAUNCH_BACKWARD, half);
	else
		BY_WIDTH(LAUNCH_BACKWARD, bfloat);
	return true;
}
