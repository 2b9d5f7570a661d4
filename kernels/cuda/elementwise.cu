/* Operations on each element by itself, and sums over all. */
#include "kernels/cuda/half.cuh"
#include "kernels/cuda/mask.cuh"
#include "kernels/cuda/normal.h"

#include <math.h>

/* 1 / x of a number from 1 on, to two units in the last place. */
DEVICE float reciprocal(float x)
{
#ifdef __CUDACC__
	return __fdividef(1.0f, x);
#else
	return 1.0f / x;
#endif
}

/* The standard normal distribution: its density φ(x), and returned its distribution function. */
DEVICE float normal_cdf(float x, float *pdf)
{
	const float bell = expf(-0.5f * x * x);
	const float tail = normal_tail(reciprocal(1.0f + NORMAL_SLOPE * fabsf(x)), bell);

	*pdf = NORMAL_PEAK * bell;
	return x < 0 ? tail : 1.0f - tail;
}

/* ---- GELU, and its approximation by tanh ---- */

#define GELU_TANH 1.5957691f /* 2 √(2/π) */
#define GELU_CUBE 0.044715f
#define GELU_TANH_END 12.0f /* from where on float32 knows nothing but 0 or 1 */

struct gelu {
	struct values y, x;
	size_t count;
	bool whole;
};

KERNEL(gelu)
{
	for (size_t i = 4 * grid_thread(); i < a.count; i += 4 * grid_threads()) {
		float x[4];
		take_four(x, a.x, i, a.count - i, a.whole);
		UNROLL
		for (int j = 0; j < 4; j++) {
			float pdf;
			x[j] *= normal_cdf(x[j], &pdf);
		}
		put_four(a.y, i, a.count - i, a.whole, x);
	}
}

void op_gelu(struct device *dev, void *y, const void *x, size_t count)
{
	const enum dtype dtype = cuda_activations(dev);
	const struct gelu a = {
		.y = values_of(y, dtype), .x = values_of(x, dtype), .count = count,
		.whole = in_fours(y, dtype, count) && in_fours(x, dtype, count),
	};

	LAUNCH(dev, gelu, blocks_for((count + 3) / 4), 1, THREADS, 0, a);
}

struct gelu_backward {
	struct values dx, dy, x;
	size_t count;
	bool whole;
};

KERNEL(gelu_backward)
{
	for (size_t i = 4 * grid_thread(); i < a.count; i += 4 * grid_threads()) {
		const struct raw raw_x = take_raw(a.x, i, a.count - i, a.whole);
		const struct raw raw_dy = take_raw(a.dy, i, a.count - i, a.whole);
		float x[4], dy[4];
		read_four(x, &raw_x, a.x.dtype);
		read_four(dy, &raw_dy, a.dy.dtype);
		UNROLL
		for (int j = 0; j < 4; j++) {
			float pdf;
			const float cdf = normal_cdf(x[j], &pdf);
			dy[j] *= cdf + x[j] * pdf;
		}
		put_four(a.dx, i, a.count - i, a.whole, dy);
	}
}

void op_gelu_backward(struct device *dev, void *dx, const void *dy, const void *x, size_t count)
{
	const enum dtype dtype = cuda_activations(dev);
	const struct gelu_backward a = {
		.dx = values_of(dx, dtype), .dy = values_of(dy, dtype), .x = values_of(x, dtype),
		.count = count,
		.whole = in_fours(dx, dtype, count) && in_fours(dy, dtype, count) &&
		         in_fours(x, dtype, count),
	};

	LAUNCH(dev, gelu_backward, blocks_for((count + 3) / 4), 1, THREADS, 0, a);
}

/* σ(2u), u = √(2/π) (x + 0.044715 x³), and 1 - σ. */
DEVICE float gelu_sigmoid(float x, float *rest)
{
	const float e = expf(-GELU_TANH * x * (1.0f + GELU_CUBE * x * x));
	const float s = e < 1e30f ? reciprocal(1.0f + e) : 0.0f;

	*rest = s > 0 ? e * s : 1.0f;
	return s;
}

struct gelu_tanh {
	struct values y, x;
	size_t count;
	bool whole;
};

KERNEL(gelu_tanh)
{
	for (size_t i = 4 * grid_thread(); i < a.count; i += 4 * grid_threads()) {
		float x[4], rest;
		take_four(x, a.x, i, a.count - i, a.whole);
		UNROLL
		for (int j = 0; j < 4; j++)
			x[j] *= gelu_sigmoid(x[j], &rest);
		put_four(a.y, i, a.count - i, a.whole, x);
	}
}

void op_gelu_tanh(struct device *dev, void *y, const void *x, size_t count)
{
	const enum dtype dtype = cuda_activations(dev);
	const struct gelu_tanh a = {
		.y = values_of(y, dtype), .x = values_of(x, dtype), .count = count,
		.whole = in_fours(y, dtype, count) && in_fours(x, dtype, count),
	};

	LAUNCH(dev, gelu_tanh, blocks_for((count + 3) / 4), 1, THREADS, 0, a);
}

struct gelu_tanh_backward {
	struct values dx, dy, x;
	size_t count;
	bool whole;
};

KERNEL(gelu_tanh_backward)
{
	for (size_t i = 4 * grid_thread(); i < a.count; i += 4 * grid_threads()) {
		const struct raw raw_x = take_raw(a.x, i, a.count - i, a.whole);
		const struct raw raw_dy = take_raw(a.dy, i, a.count - i, a.whole);
		float x[4], dy[4];
		read_four(x, &raw_x, a.x.dtype);
		read_four(dy, &raw_dy, a.dy.dtype);
		UNROLL
		for (int j = 0; j < 4; j++) {
			const float near = x[j] < -GELU_TANH_END  ? -GELU_TANH_END
			                   : x[j] > GELU_TANH_END ? GELU_TANH_END : x[j];
			float rest;
			const float s = gelu_sigmoid(near, &rest);
			dy[j] *= s + GELU_TANH * (1.0f + 3 * GELU_CUBE * near * near) * near * rest * s;
		}
		put_four(a.dx, i, a.count - i, a.whole, dy);
	}
}

void op_gelu_tanh_backward(struct device *dev, void *dx, const void *dy, const void *x,
                           size_t count)
{
	const enum dtype dtype = cuda_activations(dev);
	const struct gelu_tanh_backward a = {
		.dx = values_of(dx, dtype), .dy = values_of(dy, dtype), .x = values_of(x, dtype),
		.count = count,
		.whole = in_fours(dx, dtype, count) && in_fours(dy, dtype, count) &&
		         in_fours(x, dtype, count),
	};

	LAUNCH(dev, gelu_tanh_backward, blocks_for((count + 3) / 4), 1, THREADS, 0, a);
}

struct add {
	struct values x, y;
	size_t count;
	bool whole;
};

KERNEL(add)
{
	for (size_t i = 4 * grid_thread(); i < a.count; i += 4 * grid_threads()) {
		float x[4], y[4];
		take_four(x, a.x, i, a.count - i, a.whole);
		take_four(y, a.y, i, a.count - i, a.whole);
		UNROLL
		for (int j = 0; j < 4; j++)
			x[j] += y[j];
		put_four(a.x, i, a.count - i, a.whole, x);
	}
}

void op_add(struct device *dev, float *x, const float *y, size_t count)
{
	const struct add a = {
		.x = values_of(x, DTYPE_F32), .y = values_of(y, DTYPE_F32), .count = count,
		.whole = in_fours(x, DTYPE_F32, count) && in_fours(y, DTYPE_F32, count),
	};

	if (count > 0)
		LAUNCH(dev, add, blocks_for((count + 3) / 4), 1, THREADS, 0, a);
}

struct set_columns {
	struct values x;
	const float *value;
	int n, c, first, count;
};

KERNEL(set_columns)
{
	const size_t all = (size_t)a.n * a.count;

	for (size_t i = grid_thread(); i < all; i += grid_threads())
		set_value(a.x, i / a.count * a.c + a.first + i % a.count, a.value[i % a.count]);
}

void op_set_columns(struct device *dev, void *x, const float *value, int n, int c, int first,
                    int count)
{
	const struct set_columns a = {
		.x = values_of(x, cuda_activations(dev)), .value = value, .n = n, .c = c,
		.first = first, .count = count,
	};

	LAUNCH(dev, set_columns, blocks_for((size_t)n * count), 1, THREADS, 0, a);
}

struct scale_columns {
	struct values x;
	float factor;
	int n, c, first, count;
};

KERNEL(scale_columns)
{
	const size_t all = (size_t)a.n * a.count;

	for (size_t i = grid_thread(); i < all; i += grid_threads()) {
		const size_t at = i / a.count * a.c + a.first + i % a.count;
		set_value(a.x, at, value_at(a.x, at) * a.factor);
	}
}

void op_scale_columns(struct device *dev, void *x, float factor, int n, int c, int first,
                      int count)
{
	const struct scale_columns a = {
		.x = values_of(x, cuda_activations(dev)), .factor = factor, .n = n, .c = c,
		.first = first, .count = count,
	};

	LAUNCH(dev, scale_columns, blocks_for((size_t)n * count), 1, THREADS, 0, a);
}

/* ---- dropout ---- */

struct drop {
	struct values x;
	size_t count;
	struct mask mask;
	bool whole;
};

/* A thread takes the four elements that one draw is for. */
KERNEL(drop)
{
	const size_t blocks = (a.count + 3) / 4;

	for (size_t block = grid_thread(); block < blocks; block += grid_threads()) {
		const size_t i = 4 * block;
		uint32_t words[4];
		float x[4];
		take_floats(x, (const float *)a.x.at, i, a.count - i, a.whole);
		mask_words(&a.mask, block, words);
		UNROLL
		for (int j = 0; j < 4; j++)
			x[j] = words[j] < a.mask.drop_below ? 0.0f : x[j] * a.mask.scale;
		put_four(a.x, i, a.count - i, a.whole, x);
	}
}

void op_dropout(struct device *dev, float *x, size_t count, const struct dropout *dropout)
{
	const struct drop a = {
		.x = values_of(x, DTYPE_F32), .count = count, .mask = mask_of(dropout),
		.whole = in_fours(x, DTYPE_F32, count),
	};

	if (a.mask.drops)
		LAUNCH(dev, drop, blocks_for((count + 3) / 4), 1, THREADS, 0, a);
}

/* ---- sums, of one block, or of blocks whose sums somebody adds up in order ---- */

/* x summed over a block's threads, for all of them, by shared memory that nobody has used: a
 * double for each warp. */
DEVICE double block_sum(double x, double *shared)
{
	const int warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
	double sum = 0;

	x = lanes_sum_double(x, WARP);
	if (threadIdx.x % WARP == 0)
		shared[warp] = x;
	__syncthreads();
	for (int i = 0; i < warps; i++)
		sum += shared[i];
	return sum;
}

#define BLOCK_SUM_BYTES (THREADS / WARP * sizeof(double))

#define SUM_THREADS 1024

struct sum {
	double *sum;
	const float *x;
	size_t count;
	bool whole;
};

KERNEL_OF(sum, SUM_THREADS)
{
	SHARED(shared);
	double sum = 0;

	for (size_t i = 4 * threadIdx.x; i < a.count; i += 4 * blockDim.x) {
		float x[4];
		take_floats(x, a.x, i, a.count - i, a.whole);
		sum += ((double)x[0] + x[1]) + ((double)x[2] + x[3]);
	}
	sum = block_sum(sum, (double *)shared);
	if (threadIdx.x == 0)
		*a.sum += sum;
}

/* One block: it is for the losses of a pass. */
void op_sum(struct device *dev, double *sum, const float *x, size_t count)
{
	const struct sum a = {
		.sum = sum, .x = x, .count = count, .whole = in_fours(x, DTYPE_F32, count),
	};

	LAUNCH(dev, sum, 1, 1, SUM_THREADS, SUM_THREADS / WARP * sizeof(double), a);
}

struct norm2 {
	double *sums; /* of each block */
	const float *x;
	size_t count;
	bool whole;
};

#define TOGETHER 4 /* fours of numbers that a thread waits for at once */

KERNEL(norm2)
{
	SHARED(shared);
	const size_t step = 4 * grid_threads();
	double sum = 0;

	for (size_t first = 4 * grid_thread(); first < a.count; first += TOGETHER * step) {
		float x[TOGETHER][4];
		UNROLL
		for (int i = 0; i < TOGETHER; i++) {
			const size_t at = first + i * step;
			UNROLL
			for (int j = 0; j < 4; j++)
				x[i][j] = 0;
			if (at < a.count)
				take_floats(x[i], a.x, at, a.count - at, a.whole);
		}
		UNROLL
		for (int i = 0; i < TOGETHER; i++)
			UNROLL
			for (int j = 0; j < 4; j++)
				sum += (double)x[i][j] * x[i][j];
	}
	sum = block_sum(sum, (double *)shared);
	if (threadIdx.x == 0)
		a.sums[blockIdx.x] = sum;
}

int cuda_norm2(struct device *dev, const float *x, size_t count)
{
	const size_t wanted = count / (4 * THREADS) + 1;
	const int blocks = wanted < NORM_BLOCKS ? (int)wanted : NORM_BLOCKS;
	const struct norm2 a = {
		.sums = dev->sums, .x = x, .count = count, .whole = in_fours(x, DTYPE_F32, count),
	};

	LAUNCH(dev, norm2, blocks, 1, THREADS, BLOCK_SUM_BYTES, a);
	return blocks;
}

struct total {
	double *sum;
	const double *sums;
	int count;
};

/* One warp. */
KERNEL(total)
{
	double sum = 0;

	for (int i = (int)threadIdx.x; i < a.count; i += WARP)
		sum += a.sums[i];
	sum = lanes_sum_double(sum, WARP);
	if (threadIdx.x == 0)
		*a.sum = sum;
}

void op_norm2(struct device *dev, double *sum, const float *x, size_t count)
{
	const struct total a = {
		.sum = sum, .sums = dev->sums, .count = cuda_norm2(dev, x, count),
	};

	LAUNCH(dev, total, 1, 1, WARP, 0, a);
}

/* ---- rounding ---- */

struct round_to {
	struct values to, from;
	int rows, cols, pitch;
	bool whole;
};

/* pitch is a multiple of four. */
KERNEL(round_to)
{
	const size_t all = (size_t)a.rows * a.pitch;

	for (size_t i = 4 * grid_thread(); i < all; i += 4 * grid_threads()) {
		const int col = (int)(i % a.pitch), left = a.cols > col ? a.cols - col : 0;
		float four[4];
		take_four(four, a.from, i / a.pitch * a.cols + col, (size_t)left, a.whole);
		put_four(a.to, i, 4, a.whole, four);
	}
}

void cuda_round(struct device *dev, enum dtype dtype, uint16_t *to, const float *from, int rows,
                int cols, int pitch)
{
	const struct round_to a = {
		.to = values_of(to, dtype), .from = values_of(from, DTYPE_F32), .rows = rows,
		.cols = cols, .pitch = pitch,
		.whole = in_fours(from, DTYPE_F32, (size_t)cols) && cols == pitch &&
		         in_fours(to, dtype, (size_t)pitch),
	};

	LAUNCH(dev, round_to, blocks_for((size_t)rows * pitch / 4), 1, THREADS, 0, a);
}

struct widen {
	float *to;
	struct values from;
	size_t count;
};

KERNEL(widen)
{
	for (size_t i = grid_thread(); i < a.count; i += grid_threads())
		a.to[i] = value_at(a.from, i);
}

void cuda_widen(struct device *dev, float *to, const void *from, size_t count)
{
	const struct widen a = {
		.to = to, .from = values_of(from, cuda_activations(dev)), .count = count,
	};

	LAUNCH(dev, widen, blocks_for(count), 1, THREADS, 0, a);
}
