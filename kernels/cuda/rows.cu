/* Operations on rows: embedding, layer normalisation, loss. */
#include "kernels/cuda/half.cuh"

#include <math.h>

/* ---- embedding ---- */

struct embed {
	float *out;
	const int32_t *token, *position;
	const float *wte, *wpe;
	int n, c;
};

KERNEL(embed)
{
	const size_t all = (size_t)a.n * a.c;

	for (size_t i = grid_thread(); i < all; i += grid_threads()) {
		const size_t row = i / a.c, col = i % a.c;
		a.out[i] = a.wte[(size_t)a.token[row] * a.c + col] +
		           a.wpe[(size_t)a.position[row] * a.c + col];
	}
}

void op_embed(struct device *dev, float *out, const int32_t *token, const int32_t *position,
              const float *wte, const float *wpe, int n, int c)
{
	const struct embed a = {
		.out = out, .token = token, .position = position, .wte = wte, .wpe = wpe, .n = n,
		.c = c,
	};

	LAUNCH(dev, embed, blocks_for((size_t)n * c), 1, THREADS, 0, a);
}

struct gather {
	struct values x; /* [n,c] */
	float *sum; /* row index[r] gets row r of x added */
	const int32_t *index;
	int n, c;
	bool whole;
};

#define GATHERED 8 /* rows that a warp looks at together, so that it waits for memory once */
#define GATHER_WARPS (THREADS / WARP)
#define GATHER_COLS (4 * WARP) /* of a block */

/* Does an earlier row have this one's index? All threads learn it. */
DEVICE bool came_before(const int32_t *index, int row, int32_t mine, float *shared)
{
	for (int base = 0; base < row; base += THREADS) {
		const int i = base + (int)threadIdx.x;
		const float here = lanes_max(i < row && index[i] == mine ? 1.0f : 0.0f, WARP);
		float any = 0;
		__syncthreads();
		if (threadIdx.x % WARP == 0)
			shared[threadIdx.x / WARP] = here;
		__syncthreads();
		for (int warp = 0; warp < GATHER_WARPS; warp++)
			any = fmaxf(any, shared[warp]);
		if (any > 0)
			return true;
	}
	return false;
}

/* The block of the first row of an index adds up all rows of that index, its warps by
 * turns and then one warp's sum after another's: no two blocks write to one place, and
 * the order is always the same. */
KERNEL(gather)
{
	SHARED(shared); /* [warps][GATHER_COLS] */
	const int row = (int)blockIdx.x, warp = threadIdx.x / WARP;
	const int lane_col = 4 * (int)(threadIdx.x % WARP);
	const int col = (int)blockIdx.y * GATHER_COLS + lane_col;
	const int32_t mine = a.index[row];
	float sum[4] = {0, 0, 0, 0};

	if (came_before(a.index, row, mine, shared))
		return;
	for (int base = row + warp * GATHERED; base < a.n; base += GATHER_WARPS * GATHERED) {
		float four[GATHERED][4];
		UNROLL
		for (int i = 0; i < GATHERED; i++) {
			const int r = base + i;
			UNROLL
			for (int j = 0; j < 4; j++)
				four[i][j] = 0;
			if (r < a.n && a.index[r] == mine && col < a.c)
				take_four(four[i], a.x, (size_t)r * a.c + col, (size_t)(a.c - col), a.whole);
		}
		UNROLL
		for (int i = 0; i < GATHERED; i++)
			UNROLL
			for (int j = 0; j < 4; j++)
				sum[j] += four[i][j];
	}
	__syncthreads();
	for (int j = 0; j < 4; j++)
		shared[warp * GATHER_COLS + lane_col + j] = sum[j];
	__syncthreads();
	const int mine_col = (int)blockIdx.y * GATHER_COLS + (int)threadIdx.x;
	if (threadIdx.x >= GATHER_COLS || mine_col >= a.c)
		return;
	float total = 0;
	for (int i = 0; i < GATHER_WARPS; i++)
		total += shared[i * GATHER_COLS + threadIdx.x];
	a.sum[(size_t)mine * a.c + mine_col] += total;
}

void op_embed_backward(struct device *dev, float *dwte, float *dwpe, const float *dout,
                       const int32_t *token, const int32_t *position, int n, int c, int v,
                       int t)
{
	const struct gather tokens = {
		.x = values_of(dout, DTYPE_F32), .sum = dwte, .index = token, .n = n, .c = c,
		.whole = in_fours(dout, DTYPE_F32, (size_t)c),
	};
	const struct gather positions = {
		.x = tokens.x, .sum = dwpe, .index = position, .n = n, .c = c, .whole = tokens.whole,
	};
	const size_t bytes = GATHER_WARPS * GATHER_COLS * sizeof(float);

	LAUNCH(dev, gather, n, divide_up(c, GATHER_COLS), THREADS, bytes, tokens);
	LAUNCH(dev, gather, n, divide_up(c, GATHER_COLS), THREADS, bytes, positions);
}

/* ---- layer normalisation: a warp for each row ---- */

#define LAYERNORM_EPSILON 1e-5f
#define ROWS_OF_BLOCK (THREADS / WARP)

struct layernorm {
	struct values out, x;
	float *mean, *rstd;
	const float *gain, *bias;
	int n, c;
	bool whole;
};

KERNEL(layernorm)
{
	const int row = (int)(blockIdx.x * ROWS_OF_BLOCK + threadIdx.x / WARP);
	const int lane = threadIdx.x % WARP;
	const size_t begin = (size_t)row * a.c;
	float sum = 0, square = 0, x[4];

	if (row >= a.n)
		return;
	for (int j = 4 * lane; j < a.c; j += 4 * WARP) {
		take_four(x, a.x, begin + j, (size_t)(a.c - j), a.whole);
		sum += (x[0] + x[1]) + (x[2] + x[3]);
	}
	const float mean = lanes_sum(sum, WARP) / (float)a.c;
	for (int j = 4 * lane; j < a.c; j += 4 * WARP) {
		take_four(x, a.x, begin + j, (size_t)(a.c - j), a.whole);
		UNROLL
		for (int i = 0; i < 4; i++)
			if (j + i < a.c)
				square += (x[i] - mean) * (x[i] - mean);
	}
	const float rstd = 1.0f / sqrtf(lanes_sum(square, WARP) / (float)a.c + LAYERNORM_EPSILON);
	for (int j = 4 * lane; j < a.c; j += 4 * WARP) {
		take_four(x, a.x, begin + j, (size_t)(a.c - j), a.whole);
		UNROLL
		for (int i = 0; i < 4; i++)
			if (j + i < a.c)
				x[i] = (x[i] - mean) * rstd * a.gain[j + i] + (a.bias ? a.bias[j + i] : 0.0f);
		put_four(a.out, begin + j, (size_t)(a.c - j), a.whole, x);
	}
	if (lane == 0) {
		a.mean[row] = mean;
		a.rstd[row] = rstd;
	}
}

void op_layernorm(struct device *dev, void *out, float *mean, float *rstd, const float *x,
                  const float *gain, const float *bias, int n, int c)
{
	const enum dtype dtype = cuda_activations(dev);
	const struct layernorm a = {
		.out = values_of(out, dtype), .x = values_of(x, DTYPE_F32), .mean = mean, .rstd = rstd,
		.gain = gain, .bias = bias, .n = n, .c = c,
		.whole = in_fours(out, dtype, (size_t)c) && in_fours(x, DTYPE_F32, (size_t)c),
	};

	LAUNCH(dev, layernorm, divide_up(n, ROWS_OF_BLOCK), 1, THREADS, 0, a);
}

struct layernorm_dx {
	struct values dx, dout, x;
	struct values rounded; /* at may be NULL */
	const float *mean, *rstd, *gain;
	int n, c;
	bool whole;
};

KERNEL(layernorm_dx)
{
	const int row = (int)(blockIdx.x * ROWS_OF_BLOCK + threadIdx.x / WARP);
	const int lane = threadIdx.x % WARP;
	const size_t begin = (size_t)row * a.c;
	float sum = 0, sum_xhat = 0; /* of dxhat, of dxhat · xhat */
	float x[4], dout[4], dx[4];

	if (row >= a.n)
		return;
	const float mean = a.mean[row], rstd = a.rstd[row];
	for (int j = 4 * lane; j < a.c; j += 4 * WARP) {
		take_four(x, a.x, begin + j, (size_t)(a.c - j), a.whole);
		take_four(dout, a.dout, begin + j, (size_t)(a.c - j), a.whole);
		UNROLL
		for (int i = 0; i < 4; i++) {
			const float dxhat = j + i < a.c ? dout[i] * a.gain[j + i] : 0.0f;
			sum += dxhat;
			sum_xhat += dxhat * ((x[i] - mean) * rstd);
		}
	}
	sum = lanes_sum(sum, WARP) / (float)a.c;
	sum_xhat = lanes_sum(sum_xhat, WARP) / (float)a.c;
	for (int j = 4 * lane; j < a.c; j += 4 * WARP) {
		take_four(x, a.x, begin + j, (size_t)(a.c - j), a.whole);
		take_four(dout, a.dout, begin + j, (size_t)(a.c - j), a.whole);
		take_four(dx, a.dx, begin + j, (size_t)(a.c - j), a.whole);
		UNROLL
		for (int i = 0; i < 4; i++)
			if (j + i < a.c) {
				const float xhat = (x[i] - mean) * rstd;
				dx[i] += rstd * (dout[i] * a.gain[j + i] - sum - xhat * sum_xhat);
			}
		put_four(a.dx, begin + j, (size_t)(a.c - j), a.whole, dx);
		if (a.rounded.at)
			put_four(a.rounded, begin + j, (size_t)(a.c - j), a.whole, dx);
	}
}

/* ---- sums over rows: stretches of them in scratch, then the stretches ---- */

#define STRETCH 128 /* rows */
#define STRETCH_SHORT 32 /* of rows of few columns, layernorm_short's */
#define STRIPES (THREADS / WARP) /* of a stretch, a warp at each */

struct sum_rows {
	float *sum, *sum_xhat; /* [stretches,c] of x; of x · xhat, or NULL */
	struct values x;
	const float *y, *mean, *rstd; /* xhat = (y - mean) rstd */
	int n, c;
};

KERNEL(sum_rows)
{
	SHARED(shared);
	const int lane = threadIdx.x % WARP, stripe = threadIdx.x / WARP;
	const int col = (int)(blockIdx.x * WARP) + lane;
	const int begin = (int)blockIdx.y * STRETCH;
	const int end = begin + STRETCH < a.n ? begin + STRETCH : a.n;
	float sum = 0, sum_xhat = 0;

	for (int row = begin + stripe; row < end && col < a.c; row += STRIPES) {
		const float x = value_at(a.x, (size_t)row * a.c + col);
		sum += x;
		if (a.sum_xhat)
			sum_xhat += x * ((a.y[(size_t)row * a.c + col] - a.mean[row]) * a.rstd[row]);
	}
	shared[threadIdx.x] = sum;
	shared[THREADS + threadIdx.x] = sum_xhat;
	__syncthreads();
	if (stripe > 0 || col >= a.c)
		return;
	for (int i = 1; i < STRIPES; i++) {
		sum += shared[i * WARP + lane];
		sum_xhat += shared[THREADS + i * WARP + lane];
	}
	a.sum[(size_t)blockIdx.y * a.c + col] = sum;
	if (a.sum_xhat)
		a.sum_xhat[(size_t)blockIdx.y * a.c + col] = sum_xhat;
}

struct sum_stretches {
	float *sum; /* [c] */
	const float *part; /* [stretches,c] */
	int stretches, c;
};

/* A warp at each of some stripes of the stretches. */
KERNEL(sum_stretches)
{
	SHARED(shared);
	const int lane = threadIdx.x % WARP, stripe = threadIdx.x / WARP;
	const int col = (int)(blockIdx.x * WARP) + lane;
	float sum = 0;

	for (int i = stripe; i < a.stretches && col < a.c; i += STRIPES)
		sum += a.part[(size_t)i * a.c + col];
	shared[threadIdx.x] = sum;
	__syncthreads();
	if (stripe > 0 || col >= a.c)
		return;
	for (int i = 1; i < STRIPES; i++)
		sum += shared[i * WARP + lane];
	a.sum[col] += sum;
}

static void add_stretches(struct device *dev, float *sum, const float *part, int stretches,
                          int c)
{
	const struct sum_stretches a = {
		.sum = sum, .part = part, .stretches = stretches, .c = c,
	};

	LAUNCH(dev, sum_stretches, divide_up(c, WARP), 1, THREADS, THREADS * sizeof *part, a);
}

size_t cuda_sums_bytes(int n, int c)
{
	const size_t wide = (size_t)divide_up(n, STRETCH) * 4 * (size_t)c;
	const size_t norm = 2 * (size_t)divide_up(n, STRETCH_SHORT) * (size_t)c;

	return (wide > norm ? wide : norm) * sizeof(float);
}

void cuda_sum_rows(struct device *dev, float *sum, const void *x, enum dtype dtype, int n, int c)
{
	const int stretches = divide_up(n, STRETCH);
	float *part = (float *)cuda_scratch(dev, SCRATCH_ROWS, (size_t)stretches * c * sizeof *part);
	const struct sum_rows a = {
		.sum = part, .sum_xhat = NULL, .x = values_of(x, dtype), .y = NULL, .mean = NULL,
		.rstd = NULL, .n = n, .c = c,
	};

	LAUNCH(dev, sum_rows, divide_up(c, WARP), stretches, THREADS, 2 * THREADS * sizeof *part, a);
	add_stretches(dev, sum, part, stretches, c);
}

/* ---- layer normalisation, backward ---- */

#define GROUP (4 * WARP) /* columns */
#define GROUPS_MAX 8 /* of four columns that a lane has in hand, where rows are short enough */

struct layernorm_short {
	struct values dx, dout, x, gain;
	struct values rounded; /* at may be NULL */
	float *dgain, *dbias; /* [blocks,c] */
	const float *mean, *rstd;
	int n, c;
};

/* dx of a stretch of rows, and its part of dgain and dbias, for which all has been read
 * then: a lane adds up its columns, then one warp after the other adds its own. */
DEVICE void short_rows(const struct layernorm_short *a, float *shared, const int groups)
{
	const int warp = threadIdx.x / WARP, first = 4 * (int)(threadIdx.x % WARP);
	const int begin = (int)blockIdx.x * STRETCH_SHORT;
	const int end = begin + STRETCH_SHORT < a->n ? begin + STRETCH_SHORT : a->n;
	float dgain[GROUPS_MAX][4] = {{0}}, dbias[GROUPS_MAX][4] = {{0}};

	for (int row = begin + warp; row < end; row += STRIPES) {
		const float mean = a->mean[row], rstd = a->rstd[row];
		const size_t at = (size_t)row * a->c;
		float xhat[GROUPS_MAX][4], dout[GROUPS_MAX][4], dx[4], gain[4];
		float sum = 0, sum_xhat = 0; /* of dxhat, of dxhat · xhat */
		UNROLL
		for (int g = 0; g < groups; g++) {
			const int col = first + GROUP * g;
			if (col >= a->c)
				continue;
			take_four(xhat[g], a->x, at + col, 4, true);
			take_four(dout[g], a->dout, at + col, 4, true);
			take_four(gain, a->gain, (size_t)col, 4, true);
			UNROLL
			for (int i = 0; i < 4; i++) {
				const float dxhat = dout[g][i] * gain[i];
				xhat[g][i] = (xhat[g][i] - mean) * rstd;
				dgain[g][i] += dout[g][i] * xhat[g][i];
				dbias[g][i] += dout[g][i];
				sum += dxhat;
				sum_xhat += dxhat * xhat[g][i];
			}
		}
		sum = lanes_sum(sum, WARP) / (float)a->c;
		sum_xhat = lanes_sum(sum_xhat, WARP) / (float)a->c;
		UNROLL
		for (int g = 0; g < groups; g++) {
			const int col = first + GROUP * g;
			if (col >= a->c)
				continue;
			take_four(dx, a->dx, at + col, 4, true);
			take_four(gain, a->gain, (size_t)col, 4, true);
			UNROLL
			for (int i = 0; i < 4; i++)
				dx[i] += rstd * (dout[g][i] * gain[i] - sum - xhat[g][i] * sum_xhat);
			put_four(a->dx, at + col, 4, true, dx);
			if (a->rounded.at)
				put_four(a->rounded, at + col, 4, true, dx);
		}
	}
	for (int turn = 0; turn < STRIPES; turn++) {
		UNROLL
		for (int g = 0; g < groups; g++)
			UNROLL
			for (int i = 0; i < 4; i++) {
				const int col = first + GROUP * g + i;
				if (warp != turn || col >= a->c)
					continue;
				shared[col] = dgain[g][i] + (turn > 0 ? shared[col] : 0.0f);
				shared[a->c + col] = dbias[g][i] + (turn > 0 ? shared[a->c + col] : 0.0f);
			}
		__syncthreads();
	}
	for (int col = (int)threadIdx.x; col < a->c; col += THREADS) {
		a->dgain[(size_t)blockIdx.x * a->c + col] = shared[col];
		a->dbias[(size_t)blockIdx.x * a->c + col] = shared[a->c + col];
	}
}

/* shared: [2][c] */
#define SHORT_ROWS(name, groups)                        \
	struct name {                                   \
		struct layernorm_short of;              \
	};                                              \
	KERNEL(name)                                    \
	{                                               \
		SHARED(shared);                         \
		short_rows(&a.of, shared, groups);      \
	}
SHORT_ROWS(layernorm_short_512, 4)
SHORT_ROWS(layernorm_short_1024, 8)

void op_layernorm_backward(struct device *dev, float *dx, float *dgain, float *dbias,
                           void *rounded, const void *dout, const float *x,
                           const float *mean, const float *rstd, const float *gain, int n,
                           int c)
{
	const enum dtype dtype = cuda_activations(dev);
	const bool whole = in_fours(dx, DTYPE_F32, (size_t)c) && in_fours(dout, dtype, (size_t)c) &&
	                   in_fours(x, DTYPE_F32, (size_t)c) &&
	                   in_fours(rounded, dtype, (size_t)c);
	const bool is_short = whole && c <= GROUPS_MAX * GROUP && in_fours(gain, DTYPE_F32, (size_t)c);
	const int stretches = divide_up(n, is_short ? STRETCH_SHORT : STRETCH);
	float *part = (float *)cuda_scratch(dev, SCRATCH_ROWS,
	                                    2 * (size_t)stretches * c * sizeof *part);
	float *part_xhat = part + (size_t)stretches * c;
	const struct layernorm_short all = {
		.dx = values_of(dx, DTYPE_F32), .dout = values_of(dout, dtype),
		.x = values_of(x, DTYPE_F32), .gain = values_of(gain, DTYPE_F32),
		.rounded = values_of(rounded, dtype), .dgain = part_xhat, .dbias = part, .mean = mean,
		.rstd = rstd, .n = n, .c = c,
	};
	const struct layernorm_dx a = {
		.dx = all.dx, .dout = all.dout, .x = all.x, .rounded = all.rounded, .mean = mean,
		.rstd = rstd, .gain = gain, .n = n, .c = c, .whole = whole,
	};
	const struct sum_rows sums = {
		.sum = part, .sum_xhat = part_xhat, .x = a.dout, .y = x, .mean = mean, .rstd = rstd,
		.n = n, .c = c,
	};

	const struct layernorm_short_512 all_512 = {all};
	const struct layernorm_short_1024 all_1024 = {all};
	const size_t bytes = 2 * (size_t)c * sizeof *part;

	if (is_short && c <= 512) {
		LAUNCH(dev, layernorm_short_512, stretches, 1, THREADS, bytes, all_512);
	} else if (is_short) {
		LAUNCH(dev, layernorm_short_1024, stretches, 1, THREADS, bytes, all_1024);
	} else {
		LAUNCH(dev, layernorm_dx, divide_up(n, ROWS_OF_BLOCK), 1, THREADS, 0, a);
		LAUNCH(dev, sum_rows, divide_up(c, WARP), stretches, THREADS,
		       2 * THREADS * sizeof *part, sums);
	}
	add_stretches(dev, dgain, part_xhat, stretches, c);
	if (dbias)
		add_stretches(dev, dbias, part, stretches, c);
}

/* ---- loss: a warp for each row ---- */

struct cross_entropy {
	float *loss, *dlogits;
	const float *logits;
	const int32_t *target;
	const float *weight;
	int n, v;
};

KERNEL(cross_entropy)
{
	const int row = (int)(blockIdx.x * ROWS_OF_BLOCK + threadIdx.x / WARP);
	const int lane = threadIdx.x % WARP;
	float top = -INFINITY, sum = 0;

	if (row >= a.n)
		return;
	const float *logits = a.logits + (size_t)row * a.v;
	float *dlogits = a.dlogits ? a.dlogits + (size_t)row * a.v : NULL; /* may be logits */
	const int target = a.target[row];
	if (target < 0) {
		if (lane == 0)
			a.loss[row] = 0;
		for (int j = lane; dlogits && j < a.v; j += WARP)
			dlogits[j] = 0;
		return;
	}
	const float right = logits[target];
	for (int j = lane; j < a.v; j += WARP)
		top = fmaxf(top, logits[j]);
	top = lanes_max(top, WARP);
	for (int j = lane; j < a.v; j += WARP)
		sum += expf(logits[j] - top);
	sum = lanes_sum(sum, WARP);
	if (lane == 0)
		a.loss[row] = logf(sum) + (top - right); /* top may be large */
	const float weight = a.weight ? a.weight[row] : 1.0f, scale = weight / sum;
	__syncwarp(); /* all have read what may be written over now */
	for (int j = lane; dlogits && j < a.v; j += WARP)
		dlogits[j] = scale * expf(logits[j] - top) - (j == target ? weight : 0.0f);
}

void op_cross_entropy(struct device *dev, float *loss, float *dlogits, const float *logits,
                      const int32_t *target, const float *weight, int n, int v)
{
	const struct cross_entropy a = {
		.loss = loss, .dlogits = dlogits, .logits = logits, .target = target,
		.weight = weight, .n = n, .v = v,
	};

	LAUNCH(dev, cross_entropy, divide_up(n, ROWS_OF_BLOCK), 1, THREADS, 0, a);
}
