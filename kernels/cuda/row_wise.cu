/* Operations on rows: embedding, layer normalisation, loss. */
#include "kernels/cuda/half.cuh"

#include <math.h>

#define ROWS_OF_BLOCK (THREADS / WARP) /* a warp for each row */
#define GROUP (4 * WARP) /* columns that a warp takes at once */

/* ---- embedding ---- */

struct embed {
	struct values out;
	const int32_t *token, *position;
	const float *wte, *wpe;
	int n, c;
	bool whole;
};

/* A warp for each row. */
KERNEL(embed)
{
	const int row = (int)(blockIdx.x * ROWS_OF_BLOCK + threadIdx.x / WARP);

	if (row >= a.n)
		return;
	const size_t token = (size_t)a.token[row] * a.c, position = (size_t)a.position[row] * a.c;
	for (int j = 4 * (int)(threadIdx.x % WARP); j < a.c; j += GROUP) {
		const size_t left = (size_t)(a.c - j);
		float e[4], p[4];
		take_floats(e, a.wte, token + j, left, a.whole);
		take_floats(p, a.wpe, position + j, left, a.whole);
		UNROLL
		for (int i = 0; i < 4; i++)
			e[i] += p[i];
		put_four(a.out, (size_t)row * a.c + j, left, a.whole, e);
	}
}

void op_embed(struct device *dev, float *out, const int32_t *token, const int32_t *position,
              const float *wte, const float *wpe, int n, int c)
{
	const struct embed a = {
		.out = values_of(out, DTYPE_F32), .token = token, .position = position, .wte = wte,
		.wpe = wpe, .n = n, .c = c,
		.whole = in_fours(out, DTYPE_F32, (size_t)c) && in_fours(wte, DTYPE_F32, (size_t)c) &&
		         in_fours(wpe, DTYPE_F32, (size_t)c),
	};

	LAUNCH(dev, embed, divide_up(n, ROWS_OF_BLOCK), 1, THREADS, 0, a);
}

struct gather {
	const float *x; /* [n,c] */
	float *sum; /* [rows,c]: row index[r] gets row r of x added */
	const int32_t *index; /* [n] */
	int n, c;
	bool whole;
};

#define GATHER_THREADS 512
#define GATHER_WARPS (GATHER_THREADS / WARP)
#define LOOKS 4 /* numbers that a lane looks at together */
#define GATHERED 4 /* rows that a warp takes together */

/* The next of the rows found, LOOKS times WARP of them from `first` on, a bit for each: it is
 * found no more. -1: there is none. All lanes do the same. */
DEVICE int next_row(uint32_t found[LOOKS], int first)
{
	UNROLL
	for (int i = 0; i < LOOKS; i++)
		if (found[i]) {
			const int bit = __ffs((int)found[i]) - 1;
			found[i] &= found[i] - 1;
			return first + WARP * i + bit;
		}
	return -1;
}

/* A block for each row of the sum and each group of its columns: no two write to one place.
 * Its warps go by turns over the rows of x, in an order that is always the same, and then one
 * warp's sum is added after another's. */
KERNEL_OF(gather, GATHER_THREADS)
{
	SHARED(shared); /* [warps][GROUP] */
	const int32_t mine = (int32_t)blockIdx.x;
	const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
	const int col = (int)blockIdx.y * GROUP + 4 * lane;
	float sum[4] = {0, 0, 0, 0};

	for (int first = warp * LOOKS * WARP; first < a.n; first += GATHER_WARPS * LOOKS * WARP) {
		int32_t index[LOOKS];
		uint32_t found[LOOKS];
		UNROLL
		for (int i = 0; i < LOOKS; i++) {
			const int r = first + WARP * i + lane;
			index[i] = r < a.n ? a.index[r] : -1;
		}
		UNROLL
		for (int i = 0; i < LOOKS; i++)
			found[i] = __ballot_sync(0xffffffffu, index[i] == mine);
		for (;;) {
			int row[GATHERED];
			float four[GATHERED][4];
			UNROLL
			for (int i = 0; i < GATHERED; i++)
				row[i] = next_row(found, first);
			if (row[0] < 0)
				break;
			UNROLL
			for (int i = 0; i < GATHERED; i++) {
				UNROLL
				for (int j = 0; j < 4; j++)
					four[i][j] = 0;
				if (row[i] >= 0 && col < a.c)
					take_floats(four[i], a.x, (size_t)row[i] * a.c + col,
					            (size_t)(a.c - col), a.whole);
			}
			UNROLL
			for (int i = 0; i < GATHERED; i++)
				UNROLL
				for (int j = 0; j < 4; j++)
					sum[j] += four[i][j];
		}
	}
	put_floats(shared, (size_t)(warp * GROUP + 4 * lane), sum);
	__syncthreads();
	const int to = (int)blockIdx.y * GROUP + (int)threadIdx.x;
	if (threadIdx.x >= GROUP || to >= a.c)
		return;
	float total = 0;
	for (int i = 0; i < GATHER_WARPS; i++)
		total += shared[i * GROUP + threadIdx.x];
	a.sum[(size_t)mine * a.c + to] += total;
}

void op_embed_backward(struct device *dev, float *dwte, float *dwpe, const float *dout,
                       const int32_t *token, const int32_t *position, int n, int c, int v,
                       int t)
{
	const struct gather tokens = {
		.x = dout, .sum = dwte, .index = token, .n = n, .c = c,
		.whole = in_fours(dout, DTYPE_F32, (size_t)c),
	};
	const struct gather positions = {
		.x = dout, .sum = dwpe, .index = position, .n = n, .c = c, .whole = tokens.whole,
	};
	const size_t bytes = GATHER_WARPS * GROUP * sizeof(float);

	LAUNCH(dev, gather, v, divide_up(c, GROUP), GATHER_THREADS, bytes, tokens);
	LAUNCH(dev, gather, t, divide_up(c, GROUP), GATHER_THREADS, bytes, positions);
}

/* ---- layer normalisation: a warp for each row ---- */

#define GROUPS_MAX 8 /* that a lane has in hand, where rows are short enough */

struct layernorm {
	struct values out;
	float *mean, *rstd;
	const float *x, *gain, *bias;
	int n, c;
	float epsilon;
	bool whole;
};

/* Rows of any length: read once for the mean, once for the variance, and once more. */
KERNEL(layernorm)
{
	const int row = (int)(blockIdx.x * ROWS_OF_BLOCK + threadIdx.x / WARP);
	const int lane = threadIdx.x % WARP;
	const size_t begin = (size_t)row * a.c;
	float sum = 0, square = 0, x[4];

	if (row >= a.n)
		return;
	for (int j = 4 * lane; j < a.c; j += GROUP) {
		take_floats(x, a.x, begin + j, (size_t)(a.c - j), a.whole);
		sum += (x[0] + x[1]) + (x[2] + x[3]);
	}
	const float mean = lanes_sum(sum, WARP) / (float)a.c;
	for (int j = 4 * lane; j < a.c; j += GROUP) {
		take_floats(x, a.x, begin + j, (size_t)(a.c - j), a.whole);
		UNROLL
		for (int i = 0; i < 4; i++)
			if (j + i < a.c)
				square += (x[i] - mean) * (x[i] - mean);
	}
	const float rstd = 1.0f / sqrtf(lanes_sum(square, WARP) / (float)a.c + a.epsilon);
	for (int j = 4 * lane; j < a.c; j += GROUP) {
		float gain[4], bias[4] = {0, 0, 0, 0};
		take_floats(x, a.x, begin + j, (size_t)(a.c - j), a.whole);
		take_floats(gain, a.gain, (size_t)j, (size_t)(a.c - j), a.whole);
		if (a.bias)
			take_floats(bias, a.bias, (size_t)j, (size_t)(a.c - j), a.whole);
		UNROLL
		for (int i = 0; i < 4; i++)
			x[i] = (x[i] - mean) * rstd * gain[i] + bias[i];
		put_four(a.out, begin + j, (size_t)(a.c - j), a.whole, x);
	}
	if (lane == 0) {
		a.mean[row] = mean;
		a.rstd[row] = rstd;
	}
}

/* Rows of whole fours, and few enough that a lane has its share in hand. */
DEVICE void short_row(const struct layernorm *a, const int groups)
{
	const int row = (int)(blockIdx.x * ROWS_OF_BLOCK + threadIdx.x / WARP);
	const int first = 4 * (int)(threadIdx.x % WARP);
	const size_t begin = (size_t)row * a->c;
	float x[GROUPS_MAX][4], sum = 0, square = 0;

	if (row >= a->n)
		return;
	UNROLL
	for (int g = 0; g < groups; g++)
		if (first + GROUP * g < a->c)
			take_floats(x[g], a->x, begin + first + GROUP * g, 4, true);
	UNROLL
	for (int g = 0; g < groups; g++)
		if (first + GROUP * g < a->c)
			sum += (x[g][0] + x[g][1]) + (x[g][2] + x[g][3]);
	const float mean = lanes_sum(sum, WARP) / (float)a->c;
	UNROLL
	for (int g = 0; g < groups; g++)
		UNROLL
		for (int i = 0; i < 4; i++)
			if (first + GROUP * g < a->c)
				square += (x[g][i] - mean) * (x[g][i] - mean);
	const float rstd = 1.0f / sqrtf(lanes_sum(square, WARP) / (float)a->c + a->epsilon);
	UNROLL
	for (int g = 0; g < groups; g++) {
		const int col = first + GROUP * g;
		float gain[4], bias[4] = {0, 0, 0, 0};
		if (col >= a->c)
			continue;
		take_floats(gain, a->gain, (size_t)col, 4, true);
		if (a->bias)
			take_floats(bias, a->bias, (size_t)col, 4, true);
		UNROLL
		for (int i = 0; i < 4; i++)
			x[g][i] = (x[g][i] - mean) * rstd * gain[i] + bias[i];
		put_four(a->out, begin + col, 4, true, x[g]);
	}
	if (first == 0) {
		a->mean[row] = mean;
		a->rstd[row] = rstd;
	}
}

#define SHORT_ROW(name, groups)               \
	struct name {                         \
		struct layernorm of;          \
	};                                    \
	KERNEL(name)                          \
	{                                     \
		short_row(&a.of, groups);     \
	}
SHORT_ROW(layernorm_of_128, 1)
SHORT_ROW(layernorm_of_512, 4)
SHORT_ROW(layernorm_of_1024, 8)

void op_layernorm(struct device *dev, void *out, float *mean, float *rstd, const float *x,
                  const float *gain, const float *bias, int n, int c, float epsilon)
{
	const enum dtype dtype = cuda_activations(dev);
	const struct layernorm a = {
		.out = values_of(out, dtype), .mean = mean, .rstd = rstd, .x = x, .gain = gain,
		.bias = bias, .n = n, .c = c, .epsilon = epsilon,
		.whole = in_fours(out, dtype, (size_t)c) && in_fours(x, DTYPE_F32, (size_t)c) &&
		         in_fours(gain, DTYPE_F32, (size_t)c) && in_fours(bias, DTYPE_F32, (size_t)c),
	};
	const bool is_short = a.whole && c <= GROUPS_MAX * GROUP;
	const struct layernorm_of_128 of_128 = {a};
	const struct layernorm_of_512 of_512 = {a};
	const struct layernorm_of_1024 of_1024 = {a};
	const int blocks = divide_up(n, ROWS_OF_BLOCK);

	if (!is_short)
		LAUNCH(dev, layernorm, blocks, 1, THREADS, 0, a);
	else if (c <= GROUP)
		LAUNCH(dev, layernorm_of_128, blocks, 1, THREADS, 0, of_128);
	else if (c <= 4 * GROUP)
		LAUNCH(dev, layernorm_of_512, blocks, 1, THREADS, 0, of_512);
	else
		LAUNCH(dev, layernorm_of_1024, blocks, 1, THREADS, 0, of_1024);
}

struct layernorm_dx {
	struct values dx, dout;
	struct values rounded; /* at may be NULL */
	const float *x, *mean, *rstd, *gain;
	int n, c;
	bool whole;
};

KERNEL(layernorm_dx)
{
	const int row = (int)(blockIdx.x * ROWS_OF_BLOCK + threadIdx.x / WARP);
	const int lane = threadIdx.x % WARP;
	const size_t begin = (size_t)row * a.c;
	float sum = 0, sum_xhat = 0; /* of dxhat, of dxhat · xhat */
	float x[4], dout[4], dx[4], gain[4];

	if (row >= a.n)
		return;
	const float mean = a.mean[row], rstd = a.rstd[row];
	for (int j = 4 * lane; j < a.c; j += GROUP) {
		take_floats(x, a.x, begin + j, (size_t)(a.c - j), a.whole);
		take_four(dout, a.dout, begin + j, (size_t)(a.c - j), a.whole);
		take_floats(gain, a.gain, (size_t)j, (size_t)(a.c - j), a.whole);
		UNROLL
		for (int i = 0; i < 4; i++) {
			const float dxhat = dout[i] * gain[i]; /* 0 past the row's end */
			sum += dxhat;
			sum_xhat += dxhat * ((x[i] - mean) * rstd);
		}
	}
	sum = lanes_sum(sum, WARP) / (float)a.c;
	sum_xhat = lanes_sum(sum_xhat, WARP) / (float)a.c;
	for (int j = 4 * lane; j < a.c; j += GROUP) {
		take_floats(x, a.x, begin + j, (size_t)(a.c - j), a.whole);
		take_four(dout, a.dout, begin + j, (size_t)(a.c - j), a.whole);
		take_floats(dx, (const float *)a.dx.at, begin + j, (size_t)(a.c - j), a.whole);
		take_floats(gain, a.gain, (size_t)j, (size_t)(a.c - j), a.whole);
		UNROLL
		for (int i = 0; i < 4; i++) {
			const float xhat = (x[i] - mean) * rstd;
			dx[i] += rstd * (dout[i] * gain[i] - sum - xhat * sum_xhat);
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

#define STRETCHES_THREADS 512
#define STRETCHES_WARPS (STRETCHES_THREADS / WARP)
#define TOGETHER 8 /* numbers that a thread waits for at once */

/* A warp at each of some stripes of the stretches. */
KERNEL_OF(sum_stretches, STRETCHES_THREADS)
{
	SHARED(shared);
	const int lane = threadIdx.x % WARP, stripe = threadIdx.x / WARP;
	const int col = (int)(blockIdx.x * WARP) + lane;
	float sum = 0;

	for (int first = stripe; first < a.stretches; first += TOGETHER * STRETCHES_WARPS) {
		float part[TOGETHER];
		UNROLL
		for (int i = 0; i < TOGETHER; i++) {
			const int at = first + i * STRETCHES_WARPS;
			part[i] = at < a.stretches && col < a.c ? a.part[(size_t)at * a.c + col] : 0.0f;
		}
		UNROLL
		for (int i = 0; i < TOGETHER; i++)
			sum += part[i];
	}
	shared[threadIdx.x] = sum;
	__syncthreads();
	if (stripe > 0 || col >= a.c)
		return;
	for (int i = 1; i < STRETCHES_WARPS; i++)
		sum += shared[i * WARP + lane];
	a.sum[col] += sum;
}

static void add_stretches(struct device *dev, float *sum, const float *part, int stretches,
                          int c)
{
	const struct sum_stretches a = {
		.sum = sum, .part = part, .stretches = stretches, .c = c,
	};

	LAUNCH(dev, sum_stretches, divide_up(c, WARP), 1, STRETCHES_THREADS,
	       STRETCHES_THREADS * sizeof *part, a);
}

size_t cuda_sums_bytes(int n, int c, int wide)
{
	const size_t sums = (size_t)divide_up(n, STRETCH) * (size_t)wide;
	const size_t norm = 2 * (size_t)divide_up(n, STRETCH_SHORT) * (size_t)c;

	return (sums > norm ? sums : norm) * sizeof(float);
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

struct layernorm_short {
	struct values dx, dout;
	struct values rounded; /* at may be NULL */
	float *dgain, *dbias; /* [blocks,c] */
	const float *x, *gain, *mean, *rstd;
	int n, c;
};

/* dx of a row, of which a lane has its share in hand, and what its columns of dgain and dbias
 * get of it. */
DEVICE void short_dx(const struct layernorm_short *a, int row, const float *gain,
                     float dgain[][4], float dbias[][4], const int groups)
{
	const int first = 4 * (int)(threadIdx.x % WARP);
	const size_t begin = (size_t)row * a->c;
	const float mean = a->mean[row], rstd = a->rstd[row];
	float x[GROUPS_MAX][4], dx[GROUPS_MAX][4];
	struct raw raw[GROUPS_MAX];
	float sum = 0, sum_xhat = 0; /* of dxhat, of dxhat · xhat */

	UNROLL
	for (int g = 0; g < groups; g++) {
		const size_t at = begin + first + GROUP * g;
		if (first + GROUP * g >= a->c)
			continue;
		take_floats(x[g], a->x, at, 4, true);
		raw[g] = take_raw(a->dout, at, 4, true);
		take_floats(dx[g], (const float *)a->dx.at, at, 4, true);
	}
	UNROLL
	for (int g = 0; g < groups; g++) {
		float dout[4], gains[4];
		if (first + GROUP * g >= a->c)
			continue;
		read_four(dout, &raw[g], a->dout.dtype);
		take_floats(gains, gain, (size_t)(first + GROUP * g), 4, true);
		UNROLL
		for (int i = 0; i < 4; i++) {
			const float xhat = (x[g][i] - mean) * rstd;
			const float dxhat = dout[i] * gains[i];
			dgain[g][i] += dout[i] * xhat;
			dbias[g][i] += dout[i];
			sum += dxhat;
			sum_xhat += dxhat * xhat;
		}
	}
	sum = lanes_sum(sum, WARP) / (float)a->c;
	sum_xhat = lanes_sum(sum_xhat, WARP) / (float)a->c;
	UNROLL
	for (int g = 0; g < groups; g++) {
		const int col = first + GROUP * g;
		float dout[4], gains[4];
		if (col >= a->c)
			continue;
		read_four(dout, &raw[g], a->dout.dtype);
		take_floats(gains, gain, (size_t)col, 4, true);
		UNROLL
		for (int i = 0; i < 4; i++)
			dx[g][i] += rstd * (dout[i] * gains[i] - sum -
			                    (x[g][i] - mean) * rstd * sum_xhat);
		put_four(a->dx, begin + col, 4, true, dx[g]);
		if (a->rounded.at)
			put_four(a->rounded, begin + col, 4, true, dx[g]);
	}
}

/* to = four, and what stands there already. */
DEVICE void add_four(float *to, const float four[4], bool already)
{
	float sum[4] = {0, 0, 0, 0};

	if (already)
		take_floats(sum, to, 0, 4, true);
	UNROLL
	for (int i = 0; i < 4; i++)
		sum[i] += four[i];
	put_floats(to, 0, sum);
}

/* dx of a stretch of rows, and its part of dgain and dbias, for which all has been read
 * then: a lane adds up its columns, then one warp after the other adds its own. */
DEVICE void short_rows(const struct layernorm_short *a, float *shared, const int groups)
{
	const int warp = threadIdx.x / WARP, first = 4 * (int)(threadIdx.x % WARP);
	const int begin = (int)blockIdx.x * STRETCH_SHORT;
	const int end = begin + STRETCH_SHORT < a->n ? begin + STRETCH_SHORT : a->n;
	float *gain = shared + 2 * a->c;
	float dgain[GROUPS_MAX][4] = {{0}}, dbias[GROUPS_MAX][4] = {{0}};

	for (int col = (int)threadIdx.x; col < a->c; col += THREADS)
		gain[col] = a->gain[col];
	__syncthreads();
	for (int row = begin + warp; row < end; row += STRIPES)
		short_dx(a, row, gain, dgain, dbias, groups);
	for (int turn = 0; turn < STRIPES; turn++) {
		UNROLL
		for (int g = 0; g < groups; g++) {
			const int col = first + GROUP * g;
			if (warp != turn || col >= a->c)
				continue;
			add_four(shared + col, dgain[g], turn > 0);
			add_four(shared + a->c + col, dbias[g], turn > 0);
		}
		__syncthreads();
	}
	for (int col = (int)threadIdx.x; col < a->c; col += THREADS) {
		a->dgain[(size_t)blockIdx.x * a->c + col] = shared[col];
		a->dbias[(size_t)blockIdx.x * a->c + col] = shared[a->c + col];
	}
}

/* shared: [3][c] */
#define SHORT_ROWS(name, groups)                        \
	struct name {                                   \
		struct layernorm_short of;              \
	};                                              \
	KERNEL(name)                                    \
	{                                               \
		SHARED(shared);                         \
		short_rows(&a.of, shared, groups);      \
	}
SHORT_ROWS(layernorm_short_128, 1)
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
	                   in_fours(rounded, dtype, (size_t)c) &&
	                   in_fours(gain, DTYPE_F32, (size_t)c);
	const bool is_short = whole && c <= GROUPS_MAX * GROUP;
	const int stretches = divide_up(n, is_short ? STRETCH_SHORT : STRETCH);
	float *part = (float *)cuda_scratch(dev, SCRATCH_ROWS,
	                                    2 * (size_t)stretches * c * sizeof *part);
	float *part_xhat = part + (size_t)stretches * c;
	const struct layernorm_short all = {
		.dx = values_of(dx, DTYPE_F32), .dout = values_of(dout, dtype),
		.rounded = values_of(rounded, dtype), .dgain = part_xhat, .dbias = part, .x = x,
		.gain = gain, .mean = mean, .rstd = rstd, .n = n, .c = c,
	};
	const struct layernorm_dx a = {
		.dx = all.dx, .dout = all.dout, .rounded = all.rounded, .x = x, .mean = mean,
		.rstd = rstd, .gain = gain, .n = n, .c = c, .whole = whole,
	};
	const struct sum_rows sums = {
		.sum = part, .sum_xhat = part_xhat, .x = a.dout, .y = x, .mean = mean, .rstd = rstd,
		.n = n, .c = c,
	};

	const struct layernorm_short_128 all_128 = {all};
	const struct layernorm_short_512 all_512 = {all};
	const struct layernorm_short_1024 all_1024 = {all};
	const size_t bytes = 3 * (size_t)c * sizeof *part;

	if (is_short && c <= GROUP) {
		LAUNCH(dev, layernorm_short_128, stretches, 1, THREADS, bytes, all_128);
	} else if (is_short && c <= 4 * GROUP) {
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
