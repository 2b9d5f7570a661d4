/* Causal attention in tiles (Dao et al. 2022, "FlashAttention"; Dao 2023): scores and
 * probabilities stay in shared memory and registers, only the log-sum-exp of each row is
 * kept. The backward pass makes them again, once by tiles of keys for dk and dv and once
 * by tiles of queries for dq, so that each number has one thread that adds it up, always
 * in the same order.
 *
 * A block is 16 x 16 threads, y and x. Of a product of a tile of queries with one of
 * keys, thread (y, x) makes rows y*R … y*R+R-1 and columns x, x+16 …; of one whose result
 * has the head's width, the same rows and columns x, x+16 …, COLS of them. R, COLS and
 * KEYS are known when a kernel is compiled: one for each COLS of 1, 2, 4 and 8, for head
 * widths up to 16, 32, 64 and 128.
 */
#include "kernels/cuda/attention.cuh"

#include <math.h>

#define SIDE 16
#define BLOCK (SIDE * SIDE)
#define COLS_MAX (HEAD_MAX / SIDE)

/* A row of shared memory for d floats that different threads read at once. */
static inline int pitch_of(int d)
{
	return d | 1;
}

/* to[rows][pitch] = scale * rows of a head from row `first` of its sequence on; zeros
 * past the sequence's end. at: in from, of its row 0; rows are stride apart. */
DEVICE void take_rows(float *to, struct values from, size_t at, size_t stride, int first,
                      int rows, int length, int d, int pitch, float scale)
{
	const int x = threadIdx.x % SIDE, y = threadIdx.x / SIDE;

	for (int r = y; r < rows; r += SIDE)
		for (int j = x; j < d; j += SIDE)
			to[r * pitch + j] = first + r < length
			                  ? scale * value_at(from, at + (size_t)(first + r) * stride + j)
			                  : 0.0f;
}

/* score[i][j] = left[y*rows+i] · right[x+16j], rows of pitch. */
DEVICE void scores(float score[4][4], const float *left, const float *right, int d, int pitch,
                   const int rows, const int keys)
{
	const int x = threadIdx.x % SIDE, y = threadIdx.x / SIDE;

	UNROLL
	for (int i = 0; i < rows; i++)
		UNROLL
		for (int j = 0; j < keys; j++)
			score[i][j] = 0;
	for (int e = 0; e < d; e++) {
		float l[4], r[4];
		UNROLL
		for (int i = 0; i < rows; i++)
			l[i] = left[(y * rows + i) * pitch + e];
		UNROLL
		for (int j = 0; j < keys; j++)
			r[j] = right[(x + SIDE * j) * pitch + e];
		UNROLL
		for (int i = 0; i < rows; i++)
			UNROLL
			for (int j = 0; j < keys; j++)
				score[i][j] += l[i] * r[j];
	}
}

/* ---- forward ---- */

#define ROWS 4 /* of a thread: TILE / SIDE */
#define APART 4 /* rows of probabilities: a warp's two stand in different banks */

DEVICE void forward_tile(const struct forward *a, float *shared, const int cols, const int keys)
{
	const struct shape *s = &a->s;
	const struct tile tile = s->tiles[blockIdx.x];
	const int x = threadIdx.x % SIDE, y = threadIdx.x / SIDE, head = (int)blockIdx.y;
	const int d = s->d, pitch = d | 1, width = SIDE * keys;
	const size_t stride = 3 * (size_t)s->c;
	const size_t q = (size_t)tile.first * stride + (size_t)head * d;
	const int last = tile.begin + TILE < tile.length ? tile.begin + TILE - 1 : tile.length - 1;
	float *queries = shared, *held = queries + TILE * pitch, *p = held + width * pitch;
	float top[ROWS], sum[ROWS], out[ROWS][COLS_MAX];

	if (tile.begin >= tile.length)
		return;
	UNROLL
	for (int i = 0; i < ROWS; i++) {
		top[i] = -INFINITY;
		sum[i] = 0;
		UNROLL
		for (int j = 0; j < cols; j++)
			out[i][j] = 0;
	}
	take_rows(queries, a->qkv, q, stride, tile.begin, TILE, tile.length, d, pitch, s->scale);
	for (int first = 0; first <= last; first += width) {
		float score[4][4];
		take_rows(held, a->qkv, q + s->c, stride, first, width, tile.length, d, pitch, 1.0f);
		__syncthreads();
		scores(score, queries, held, d, pitch, ROWS, keys);
		UNROLL
		for (int i = 0; i < ROWS; i++) {
			const int query = tile.begin + y * ROWS + i;
			float high = -INFINITY;
			UNROLL
			for (int j = 0; j < keys; j++) {
				if (first + x + SIDE * j > query)
					score[i][j] = -INFINITY;
				high = fmaxf(high, score[i][j]);
			}
			high = fmaxf(top[i], lanes_max(high, SIDE));
			const float shrink = expf(top[i] - high);
			top[i] = high;
			sum[i] *= shrink;
			UNROLL
			for (int j = 0; j < cols; j++)
				out[i][j] *= shrink;
			UNROLL
			for (int j = 0; j < keys; j++) {
				const int key = first + x + SIDE * j;
				float e = expf(score[i][j] - high);
				sum[i] += e;
				if (s->mask.drops)
					e *= mask_factor(&s->mask, mask_index(s, head, tile.first + query, key));
				p[(y * ROWS + i) * (width + APART) + x + SIDE * j] = e;
			}
		}
		__syncthreads();
		take_rows(held, a->qkv, q + 2 * s->c, stride, first, width, tile.length, d, pitch, 1.0f);
		__syncthreads();
		for (int key = 0; key < width; key++)
			UNROLL
			for (int i = 0; i < ROWS; i++) {
				const float e = p[(y * ROWS + i) * (width + APART) + key];
				UNROLL
				for (int j = 0; j < cols; j++)
					if (x + SIDE * j < d)
						out[i][j] += e * held[key * pitch + x + SIDE * j];
			}
		__syncthreads();
	}
	UNROLL
	for (int i = 0; i < ROWS; i++) {
		const int query = tile.begin + y * ROWS + i;
		const size_t row = (size_t)(tile.first + query);
		const float total = lanes_sum(sum[i], SIDE);
		if (query >= tile.length)
			continue;
		UNROLL
		for (int j = 0; j < cols; j++)
			if (x + SIDE * j < d)
				set_value(a->out, row * s->c + (size_t)head * d + x + SIDE * j,
				          out[i][j] / total);
		if (x == 0)
			a->lse[(size_t)head * s->n + row] = top[i] + logf(total);
	}
}

/* Wide heads take fewer keys at a time: 64 KiB of shared memory hold either. */
#define FORWARD(name, cols, keys)                          \
	struct name {                                      \
		struct forward of;                         \
	};                                                 \
	KERNEL(name)                                       \
	{                                                  \
		SHARED(shared);                            \
		forward_tile(&a.of, shared, cols, keys);   \
	}
FORWARD(forward_16, 1, 4)
FORWARD(forward_32, 2, 4)
FORWARD(forward_64, 4, 4)
FORWARD(forward_128, 8, 2)

/* ---- backward ---- */

#define STEP 32 /* keys at a time */
#define STEP_PITCH (STEP + 1)

struct delta {
	float *delta; /* [h,n] */
	struct values dout, out;
	int n, h, d;
	int lanes; /* for each row of each head: a power of two */
	bool whole;
};

/* As many lanes as it has fours for each row of each head; a row's heads stand side by side. */
KERNEL(delta)
{
	const int number = (int)((blockIdx.x * THREADS + threadIdx.x) / a.lanes);
	const int row = number / a.h, head = number % a.h;
	const int first = 4 * (int)(threadIdx.x % a.lanes);
	const size_t at = (size_t)number * a.d + first, left = (size_t)(a.d - first);
	float sum = 0;

	if (row < a.n && first < a.d) {
		const struct raw raw_dout = take_raw(a.dout, at, left, a.whole);
		const struct raw raw_out = take_raw(a.out, at, left, a.whole);
		float dout[4], out[4];
		read_four(dout, &raw_dout, a.dout.dtype);
		read_four(out, &raw_out, a.out.dtype);
		UNROLL
		for (int i = 0; i < 4; i++)
			sum += dout[i] * out[i];
	}
	sum = lanes_sum(sum, a.lanes);
	if (row < a.n && threadIdx.x % a.lanes == 0)
		a.delta[(size_t)head * a.n + row] = sum;
}

/* delta[h,n] = the sum of each head's dout * out. */
static void sum_delta(struct device *dev, float *to, struct values dout, struct values out, int n,
                      int h, int d)
{
	struct delta a = {
		.delta = to, .dout = dout, .out = out, .n = n, .h = h, .d = d, .lanes = 1,
		.whole = in_fours(dout.at, dout.dtype, (size_t)d) &&
		         in_fours(out.at, out.dtype, (size_t)d),
	};

	while (4 * a.lanes < d) /* HEAD_MAX columns are a warp's */
		a.lanes *= 2;
	LAUNCH(dev, delta, divide_up(n * h, THREADS / a.lanes), 1, THREADS, 0, a);
}

/* For a tile of queries (from `query` on) and one of keys in shared memory: p of the
 * masked probabilities, unless it is NULL, and ds of the scaled gradients of the scores,
 * both [16 rows][STEP_PITCH]. */
DEVICE void backward_scores(const struct backward *a, const struct tile *tile, int head,
                            int query0, int key0, const float *q, const float *g,
                            const float *k, const float *v, float *p, float *ds,
                            const int rows)
{
	const struct shape *s = &a->s;
	const int x = threadIdx.x % SIDE, y = threadIdx.x / SIDE;
	float score[4][4], dp[4][4];

	scores(score, q, k, s->d, s->d | 1, rows, STEP / SIDE);
	scores(dp, g, v, s->d, s->d | 1, rows, STEP / SIDE);
	UNROLL
	for (int i = 0; i < rows; i++) {
		const int query = query0 + y * rows + i;
		const bool inside = query < tile->length;
		const size_t row = (size_t)head * s->n + (size_t)(tile->first + query);
		const float lse = inside ? a->lse[row] : 0, delta = inside ? a->delta[row] : 0;
		UNROLL
		for (int j = 0; j < STEP / SIDE; j++) {
			const int key = key0 + x + SIDE * j, at = (y * rows + i) * STEP_PITCH + x + SIDE * j;
			float e = 0, gradient = 0, factor = 1.0f;
			if (inside && key <= query) {
				if (s->mask.drops)
					factor = mask_factor(&s->mask, mask_index(s, head, tile->first + query, key));
				e = expf(s->scale * score[i][j] - lse);
				gradient = s->scale * e * (dp[i][j] * factor - delta);
			}
			if (p)
				p[at] = e * factor;
			ds[at] = gradient;
		}
	}
}

/* dk and dv of STEP keys: over all queries from the first of them on. */
DEVICE void backward_keys(const struct backward *a, float *shared, const int cols,
                          const int rows)
{
	enum { KEYS = STEP / SIDE }; /* of a thread */
	const struct shape *s = &a->s;
	const int parts = TILE / STEP;
	const struct tile tile = s->tiles[blockIdx.x / parts];
	const int key0 = tile.begin + (int)(blockIdx.x % parts) * STEP, head = (int)blockIdx.y;
	const int x = threadIdx.x % SIDE, y = threadIdx.x / SIDE, d = s->d, pitch = d | 1;
	const int height = SIDE * rows;
	const size_t stride = 3 * (size_t)s->c, column = (size_t)head * d;
	const size_t q = (size_t)tile.first * stride + column;
	const size_t g = (size_t)tile.first * s->c + column;
	float *k = shared, *v = k + STEP * pitch, *queries = v + STEP * pitch;
	float *dout = queries + height * pitch, *p = dout + height * pitch;
	float *ds = p + height * STEP_PITCH;
	float dk[KEYS][COLS_MAX], dv[KEYS][COLS_MAX];

	if (key0 >= tile.length)
		return;
	UNROLL
	for (int i = 0; i < KEYS; i++)
		UNROLL
		for (int j = 0; j < cols; j++)
			dk[i][j] = dv[i][j] = 0;
	take_rows(k, a->qkv, q + s->c, stride, key0, STEP, tile.length, d, pitch, 1.0f);
	take_rows(v, a->qkv, q + 2 * s->c, stride, key0, STEP, tile.length, d, pitch, 1.0f);
	for (int query0 = key0; query0 < tile.length; query0 += height) {
		take_rows(queries, a->qkv, q, stride, query0, height, tile.length, d, pitch, 1.0f);
		take_rows(dout, a->dout, g, (size_t)s->c, query0, height, tile.length, d, pitch, 1.0f);
		__syncthreads();
		backward_scores(a, &tile, head, query0, key0, queries, dout, k, v, p, ds, rows);
		__syncthreads();
		for (int r = 0; r < height; r++)
			UNROLL
			for (int i = 0; i < KEYS; i++) {
				const float e = p[r * STEP_PITCH + y * KEYS + i];
				const float gradient = ds[r * STEP_PITCH + y * KEYS + i];
				UNROLL
				for (int j = 0; j < cols; j++)
					if (x + SIDE * j < d) {
						dv[i][j] += e * dout[r * pitch + x + SIDE * j];
						dk[i][j] += gradient * queries[r * pitch + x + SIDE * j];
					}
			}
		__syncthreads();
	}
	UNROLL
	for (int i = 0; i < KEYS; i++) {
		const int key = key0 + y * KEYS + i;
		const size_t to = (size_t)(tile.first + key) * stride + column + x;
		if (key >= tile.length)
			continue;
		UNROLL
		for (int j = 0; j < cols; j++)
			if (x + SIDE * j < d) {
				set_value(a->dqkv, to + s->c + SIDE * j, dk[i][j]);
				set_value(a->dqkv, to + 2 * s->c + SIDE * j, dv[i][j]);
			}
	}
}

/* dq of 16 rows queries: over all keys up to them. */
DEVICE void backward_queries(const struct backward *a, float *shared, const int cols,
                             const int rows)
{
	const struct shape *s = &a->s;
	const int height = SIDE * rows, parts = TILE / height;
	const struct tile tile = s->tiles[blockIdx.x / parts];
	const int query0 = tile.begin + (int)(blockIdx.x % parts) * height;
	const int x = threadIdx.x % SIDE, y = threadIdx.x / SIDE, d = s->d, pitch = d | 1;
	const int head = (int)blockIdx.y;
	const size_t stride = 3 * (size_t)s->c, column = (size_t)head * d;
	const size_t q = (size_t)tile.first * stride + column;
	const size_t g = (size_t)tile.first * s->c + column;
	float *k = shared, *v = k + STEP * pitch, *queries = v + STEP * pitch;
	float *dout = queries + height * pitch, *ds = dout + height * pitch;
	float dq[ROWS][COLS_MAX];

	if (query0 >= tile.length)
		return;
	UNROLL
	for (int i = 0; i < rows; i++)
		UNROLL
		for (int j = 0; j < cols; j++)
			dq[i][j] = 0;
	take_rows(queries, a->qkv, q, stride, query0, height, tile.length, d, pitch, 1.0f);
	take_rows(dout, a->dout, g, (size_t)s->c, query0, height, tile.length, d, pitch, 1.0f);
	for (int key0 = 0; key0 < query0 + height && key0 < tile.length; key0 += STEP) {
		take_rows(k, a->qkv, q + s->c, stride, key0, STEP, tile.length, d, pitch, 1.0f);
		take_rows(v, a->qkv, q + 2 * s->c, stride, key0, STEP, tile.length, d, pitch, 1.0f);
		__syncthreads();
		backward_scores(a, &tile, head, query0, key0, queries, dout, k, v, NULL, ds, rows);
		__syncthreads();
		for (int key = 0; key < STEP; key++)
			UNROLL
			for (int i = 0; i < rows; i++) {
				const float gradient = ds[(y * rows + i) * STEP_PITCH + key];
				UNROLL
				for (int j = 0; j < cols; j++)
					if (x + SIDE * j < d)
						dq[i][j] += gradient * k[key * pitch + x + SIDE * j];
			}
		__syncthreads();
	}
	UNROLL
	for (int i = 0; i < rows; i++) {
		const int query = query0 + y * rows + i;
		const size_t to = (size_t)(tile.first + query) * stride + column + x;
		if (query >= tile.length)
			continue;
		UNROLL
		for (int j = 0; j < cols; j++)
			if (x + SIDE * j < d)
				set_value(a->dqkv, to + SIDE * j, dq[i][j]);
	}
}

#define BACKWARD(keys_name, queries_name, cols, rows)             \
	struct keys_name {                                        \
		struct backward of;                               \
	};                                                        \
	struct queries_name {                                     \
		struct backward of;                               \
	};                                                        \
	KERNEL(keys_name)                                         \
	{                                                         \
		SHARED(shared);                                   \
		backward_keys(&a.of, shared, cols, rows);         \
	}                                                         \
	KERNEL(queries_name)                                      \
	{                                                         \
		SHARED(shared);                                   \
		backward_queries(&a.of, shared, cols, rows);      \
	}
BACKWARD(keys_16, queries_16, 1, 2)
BACKWARD(keys_32, queries_32, 2, 2)
BACKWARD(keys_64, queries_64, 4, 2)
BACKWARD(keys_128, queries_128, 8, 1)

/* ---- launches ---- */

static struct shape shape_of(struct device *dev, const struct sequences *seqs, int c, int h,
                             const struct dropout *dropout)
{
	const int d = c / h;

	cuda_tiles(dev, seqs);
	if (d > HEAD_MAX)
		cuda_fail("attention", "heads are wider than 128, which the GPU has no kernel for");
	const struct shape shape = {
		.tiles = dev->tiles, .n = seqs->begin[seqs->count], .c = c, .d = d,
		.h = h, .scale = 1.0f / sqrtf((float)d), .mask = mask_of(dropout),
	};
	return shape;
}

void op_attention(struct device *dev, void *out, float *lse, const void *qkv,
                  const struct sequences *seqs, int c, int h, const struct dropout *dropout)
{
	const enum dtype dtype = cuda_activations(dev);
	const struct forward a = {
		.out = values_of(out, dtype), .qkv = values_of(qkv, dtype), .lse = lse,
		.s = shape_of(dev, seqs, c, h, dropout),
	};
	const int d = c / h, width = SIDE * (d > 64 ? 2 : 4);
	const size_t bytes = ((size_t)(TILE + width) * pitch_of(d) + TILE * (width + APART)) *
	                     sizeof *lse;
	const struct forward_16 a16 = {a};
	const struct forward_32 a32 = {a};
	const struct forward_64 a64 = {a};
	const struct forward_128 a128 = {a};

	if (tensor_forward(dev, &a))
		return;
	if (d <= 16)
		LAUNCH(dev, forward_16, dev->tile_count, h, BLOCK, bytes, a16);
	else if (d <= 32)
		LAUNCH(dev, forward_32, dev->tile_count, h, BLOCK, bytes, a32);
	else if (d <= 64)
		LAUNCH(dev, forward_64, dev->tile_count, h, BLOCK, bytes, a64);
	else
		LAUNCH(dev, forward_128, dev->tile_count, h, BLOCK, bytes, a128);
}

#define LAUNCH_BACKWARD(width)                                                             \
	do {                                                                               \
		const struct keys_##width keys = {a};                                      \
		const struct queries_##width queries = {a};                                \
		LAUNCH(dev, keys_##width, tiles * (TILE / STEP), h, BLOCK, bytes, keys);   \
		LAUNCH(dev, queries_##width, tiles * (TILE / height), h, BLOCK, bytes, queries); \
	} while (0)

void op_attention_backward(struct device *dev, void *dqkv, const void *dout, const void *out,
                           const float *lse, const void *qkv, const struct sequences *seqs,
                           int c, int h, const struct dropout *dropout)
{
	const int n = seqs->begin[seqs->count], d = c / h, height = SIDE * (d > 64 ? 1 : 2);
	const enum dtype dtype = cuda_activations(dev);
	float *rows = (float *)cuda_scratch(dev, SCRATCH_ROWS, (size_t)h * n * sizeof *rows);
	const struct backward a = {
		.dqkv = values_of(dqkv, dtype), .dout = values_of(dout, dtype),
		.qkv = values_of(qkv, dtype), .lse = lse, .delta = rows,
		.s = shape_of(dev, seqs, c, h, dropout),
	};
	const int tiles = dev->tile_count;
	const size_t bytes = (2 * (size_t)(STEP + height) * pitch_of(d) +
	                      2 * (size_t)height * STEP_PITCH) * sizeof *rows;

	sum_delta(dev, rows, a.dout, values_of(out, dtype), n, h, d);
	if (tensor_backward(dev, &a))
		return;
	if (d <= 16)
		LAUNCH_BACKWARD(16);
	else if (d <= 32)
		LAUNCH_BACKWARD(32);
	else if (d <= 64)
		LAUNCH_BACKWARD(64);
	else
		LAUNCH_BACKWARD(128);
}

/* ---- one head's matrix ---- */

struct probs {
	float *probs;
	struct values qkv;
	const float *lse; /* of the sequence's first row, and this head */
	int length, d;
	size_t q, k, stride; /* in qkv: of the same; from row to row */
	float scale;
};

KERNEL(probs)
{
	const int query = (int)(blockIdx.y * SIDE + threadIdx.x / SIDE);
	const int key = (int)(blockIdx.x * SIDE + threadIdx.x % SIDE);
	float score = 0;

	if (query >= a.length || key >= a.length)
		return;
	for (int e = 0; e < a.d && key <= query; e++)
		score += value_at(a.qkv, a.q + (size_t)query * a.stride + e) *
		         value_at(a.qkv, a.k + (size_t)key * a.stride + e);
	a.probs[(size_t)query * a.length + key] =
		key <= query ? expf(a.scale * score - a.lse[query]) : 0.0f;
}

void op_attention_probs(struct device *dev, float *to, const void *qkv, const float *lse,
                        int n, int first, int length, int head, int c, int h)
{
	const int d = c / h, blocks = divide_up(length, SIDE);
	const size_t q = (size_t)first * 3 * c + (size_t)head * d;
	const struct probs a = {
		.probs = to, .qkv = values_of(qkv, cuda_activations(dev)),
		.lse = lse + (size_t)head * n + first, .length = length, .d = d, .q = q, .k = q + c,
		.stride = 3 * (size_t)c, .scale = 1.0f / sqrtf((float)d),
	};

	LAUNCH(dev, probs, blocks, blocks, BLOCK, 0, a);
}

/* ---- the cache: keys [slots][c][t], so that those of all positions stand side by side;
 * values [slots][t][c] ---- */

struct store {
	struct values cache_k, cache_v, qkv;
	const int32_t *slot, *place;
	int n, t, c;
};

KERNEL(store)
{
	const size_t all = (size_t)a.n * a.c;

	for (size_t i = grid_thread(); i < all; i += grid_threads()) {
		const size_t row = i / a.c, j = i % a.c;
		const size_t slot = (size_t)a.slot[row] * a.t * a.c, place = (size_t)a.place[row];
		const size_t at = row * 3 * a.c + j;
		set_value(a.cache_k, slot + j * a.t + place, value_at(a.qkv, at + a.c));
		set_value(a.cache_v, slot + place * a.c + j, value_at(a.qkv, at + 2 * a.c));
	}
}

#define CACHED_WARPS 8
#define CACHED_THREADS (CACHED_WARPS * WARP)
#define TOGETHER 8 /* numbers of the cache that a thread waits for at once */

struct cached {
	struct values out, cache_k, cache_v, qkv;
	const int32_t *slot, *place;
	int t, c, d;
	int width; /* d, up to a multiple of TOGETHER */
	float scale;
};

/* q · the key that stands at k, k+t …; q: with zeros behind it. */
DEVICE float cached_score(const struct cached *a, const float *q, size_t k)
{
	float score = 0;

	for (int e0 = 0; e0 < a->d; e0 += TOGETHER) {
		uint32_t key[TOGETHER];
		UNROLL
		for (int i = 0; i < TOGETHER; i++)
			key[i] = e0 + i < a->d ? word_at(a->cache_k, k + (size_t)(e0 + i) * a->t) : 0;
		UNROLL
		for (int i = 0; i < TOGETHER; i++)
			score += q[e0 + i] * value_of_word(key[i], a->cache_k.dtype);
	}
	return a->scale * score;
}

/* The sum of weight[p] times the value of position p, at v + p c, for every CACHED_WARPS-th of
 * them from first to end. */
DEVICE float cached_sum(const struct cached *a, const float *weight, size_t v, int first, int end)
{
	float sum = 0;

	for (int p0 = first; p0 < end; p0 += TOGETHER * CACHED_WARPS) {
		uint32_t value[TOGETHER];
		UNROLL
		for (int i = 0; i < TOGETHER; i++) {
			const int p = p0 + i * CACHED_WARPS;
			value[i] = p < end ? word_at(a->cache_v, v + (size_t)p * a->c) : 0;
		}
		UNROLL
		for (int i = 0; i < TOGETHER; i++) {
			const int p = p0 + i * CACHED_WARPS;
			sum += (p < end ? weight[p] : 0.0f) * value_of_word(value[i], a->cache_v.dtype);
		}
	}
	return sum;
}

/* A block for each row and head: the keys among its threads, then the values' columns
 * among the lanes and the positions among the warps. */
KERNEL(cached)
{
	SHARED(shared);
	const int row = (int)blockIdx.x, head = (int)blockIdx.y, d = a.d;
	const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
	const int end = a.place[row] + 1;
	const size_t slot = (size_t)a.slot[row] * a.t * a.c, column = (size_t)head * d;
	float *q = shared, *weight = q + a.width, *part = weight + a.t; /* [width], [t], [warps][d] */
	float *of_warp = part + CACHED_WARPS * d; /* [2][warps] */
	float top = -INFINITY, sum = 0;

	for (int e = (int)threadIdx.x; e < a.width; e += CACHED_THREADS)
		q[e] = e < d ? value_at(a.qkv, (size_t)row * 3 * a.c + column + (size_t)e) : 0.0f;
	__syncthreads();
	for (int p = (int)threadIdx.x; p < end; p += CACHED_THREADS) {
		weight[p] = cached_score(&a, q, slot + column * a.t + (size_t)p);
		top = fmaxf(top, weight[p]);
	}
	top = lanes_max(top, WARP);
	if (lane == 0)
		of_warp[warp] = top;
	__syncthreads();
	for (int i = 0; i < CACHED_WARPS; i++)
		top = fmaxf(top, of_warp[i]);
	for (int p = (int)threadIdx.x; p < end; p += CACHED_THREADS) {
		weight[p] = expf(weight[p] - top);
		sum += weight[p];
	}
	sum = lanes_sum(sum, WARP);
	if (lane == 0)
		of_warp[CACHED_WARPS + warp] = sum;
	__syncthreads();
	sum = 0;
	for (int i = 0; i < CACHED_WARPS; i++)
		sum += of_warp[CACHED_WARPS + i];
	for (int j = lane; j < d; j += WARP)
		part[warp * d + j] = cached_sum(&a, weight, slot + column + (size_t)j, warp, end);
	__syncthreads();
	for (int j = (int)threadIdx.x; j < d; j += CACHED_THREADS) {
		float out = 0;
		for (int i = 0; i < CACHED_WARPS; i++)
			out += part[i * d + j];
		set_value(a.out, (size_t)row * a.c + column + (size_t)j, out / sum);
	}
}

void op_cache_store(struct device *dev, void *cache_k, void *cache_v, const void *qkv,
                    const int32_t *slot, const int32_t *place, int n, int t, int c, int h)
{
	const enum dtype dtype = cuda_activations(dev);
	const struct store keep = {
		.cache_k = values_of(cache_k, dtype), .cache_v = values_of(cache_v, dtype),
		.qkv = values_of(qkv, dtype), .slot = slot, .place = place, .n = n, .t = t, .c = c,
	};

	(void)h;
	LAUNCH(dev, store, blocks_for((size_t)n * c), 1, THREADS, 0, keep);
}

void op_attention_cached(struct device *dev, void *out, void *cache_k, void *cache_v,
                         const void *qkv, const int32_t *slot, const int32_t *place, int n,
                         int t, int c, int h)
{
	const int d = c / h;
	const enum dtype dtype = cuda_activations(dev);
	const struct cached a = {
		.out = values_of(out, dtype), .cache_k = values_of(cache_k, dtype),
		.cache_v = values_of(cache_v, dtype), .qkv = values_of(qkv, dtype), .slot = slot,
		.place = place, .t = t, .c = c, .d = d, .width = divide_up(d, TOGETHER) * TOGETHER,
		.scale = 1.0f / sqrtf((float)d),
	};
	const size_t floats = (size_t)a.width + (size_t)t + CACHED_WARPS * (size_t)d +
	                      2 * CACHED_WARPS;

	op_cache_store(dev, cache_k, cache_v, qkv, slot, place, n, t, c, h);
	LAUNCH(dev, cached, n, h, CACHED_THREADS, floats * sizeof(float), a);
}
