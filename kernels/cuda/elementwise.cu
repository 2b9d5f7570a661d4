/* Operations on each element by itself, and sums over all. */
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/mask.cuh"

#include <math.h>
#include <string.h>

/* The standard normal distribution function; erfc keeps the left tail's digits. */
DEVICE float normal_cdf(float x)
{
	return 0.5f * erfcf(-0.70710678f * x);
}

struct gelu {
	float *y;
	const float *x;
	size_t count;
};

KERNEL(gelu)
{
	for (size_t i = grid_thread(); i < a.count; i += grid_threads())
		a.y[i] = a.x[i] * normal_cdf(a.x[i]);
}

void op_gelu(struct device *dev, void *y, const void *x, size_t count)
{
	const struct gelu a = {.y = (float *)y, .x = (const float *)x, .count = count};

	LAUNCH(dev, gelu, blocks_for(count), 1, THREADS, 0, a);
}

struct gelu_backward {
	float *dx;
	const float *dy, *x;
	size_t count;
};

KERNEL(gelu_backward)
{
	for (size_t i = grid_thread(); i < a.count; i += grid_threads()) {
		const float x = a.x[i], density = 0.39894228f * expf(-0.5f * x * x);
		a.dx[i] = a.dy[i] * (normal_cdf(x) + x * density);
	}
}

void op_gelu_backward(struct device *dev, void *dx, const void *dy, const void *x, size_t count)
{
	const struct gelu_backward a = {
		.dx = (float *)dx, .dy = (const float *)dy, .x = (const float *)x, .count = count,
	};

	LAUNCH(dev, gelu_backward, blocks_for(count), 1, THREADS, 0, a);
}

struct add {
	float *x;
	const float *y;
	size_t count;
};

KERNEL(add)
{
	for (size_t i = grid_thread(); i < a.count; i += grid_threads())
		a.x[i] += a.y[i];
}

void op_add(struct device *dev, float *x, const float *y, size_t count)
{
	const struct add a = {.x = x, .y = y, .count = count};

	if (count > 0)
		LAUNCH(dev, add, blocks_for(count), 1, THREADS, 0, a);
}

struct set_columns {
	float *x;
	const float *value;
	int n, c, first, count;
};

KERNEL(set_columns)
{
	const size_t all = (size_t)a.n * a.count;

	for (size_t i = grid_thread(); i < all; i += grid_threads())
		a.x[i / a.count * a.c + a.first + i % a.count] = a.value[i % a.count];
}

void op_set_columns(struct device *dev, void *x, const float *value, int n, int c, int first,
                    int count)
{
	const struct set_columns a = {
		.x = (float *)x, .value = value, .n = n, .c = c, .first = first, .count = count,
	};

	LAUNCH(dev, set_columns, blocks_for((size_t)n * count), 1, THREADS, 0, a);
}

/* ---- dropout ---- */

struct drop {
	float *x;
	size_t count;
	struct mask mask;
};

/* A thread takes the four elements that one draw is for. */
KERNEL(drop)
{
	const size_t blocks = (a.count + 3) / 4;

	for (size_t block = grid_thread(); block < blocks; block += grid_threads()) {
		uint32_t words[4];
		mask_words(&a.mask, block, words);
		UNROLL
		for (int word = 0; word < 4; word++) {
			const size_t i = 4 * block + (size_t)word;
			if (i < a.count)
				a.x[i] = words[word] < a.mask.drop_below ? 0.0f : a.x[i] * a.mask.scale;
		}
	}
}

void op_dropout(struct device *dev, float *x, size_t count, const struct dropout *dropout)
{
	const struct drop a = {.x = x, .count = count, .mask = mask_of(dropout)};

	if (a.mask.drops)
		LAUNCH(dev, drop, blocks_for((count + 3) / 4), 1, THREADS, 0, a);
}

/* ---- sum of squares: each block's; whoever wants their sum adds them up in order ---- */

/* x summed over a block's threads, for all of them; one sum after another may use the
 * same shared memory, of a double for each warp. */
DEVICE double block_sum(double x, double *shared)
{
	const int warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
	double sum = 0;

	x = lanes_sum_double(x, WARP);
	__syncthreads();
	if (threadIdx.x % WARP == 0)
		shared[warp] = x;
	__syncthreads();
	for (int i = 0; i < warps; i++)
		sum += shared[i];
	return sum;
}

struct norm2 {
	double *sums; /* of each block */
	const float *x;
	size_t count;
};

KERNEL(norm2)
{
	SHARED(shared);
	double sum = 0;

	for (size_t i = grid_thread(); i < a.count; i += grid_threads())
		sum += (double)a.x[i] * a.x[i];
	sum = block_sum(sum, (double *)shared);
	if (threadIdx.x == 0)
		a.sums[blockIdx.x] = sum;
}

int cuda_norm2(struct device *dev, const float *x, size_t count)
{
	const size_t wanted = count / (4 * THREADS) + 1;
	const int blocks = wanted < NORM_BLOCKS ? (int)wanted : NORM_BLOCKS;
	const struct norm2 a = {.sums = dev->sums, .x = x, .count = count};

	LAUNCH(dev, norm2, blocks, 1, THREADS, THREADS / WARP * sizeof(double), a);
	return blocks;
}

double op_norm2(struct device *dev, const float *x, size_t count)
{
	const int blocks = cuda_norm2(dev, x, count);
	double sums[NORM_BLOCKS], sum = 0;

	cuda_download(dev, sums, dev->sums, (size_t)blocks * sizeof *sums);
	for (int i = 0; i < blocks; i++)
		sum += sums[i];
	return sum;
}

/* ---- rounding ---- */

/* The upper half of a float32. */
DEVICE uint16_t bfloat16_of(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof bits);
	if (x != x)
		return 0x7fc0;
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* A sign, five bits of exponent (bias 15), ten of mantissa. */
DEVICE uint16_t half_of(float x)
{
	const float one_half = 0.5f, shifted = fabsf(x) + one_half;
	uint32_t bits, sum, least;

	memcpy(&bits, &x, sizeof bits);
	const uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
	if (x != x)
		return 0x7e00;
	if (size >= 0x477ff000) /* 65520, from which on 2^16 is nearer than 65504 */
		return (uint16_t)(sign | 0x7c00);
	if (size >= 0x38800000) /* 2^-14 */
		return (uint16_t)(sign | (size - (112u << 23) + 0xfff + (size >> 13 & 1)) >> 13);
	/* a multiple of 2^-24, as what is added to 1/2 is rounded to */
	memcpy(&sum, &shifted, sizeof sum);
	memcpy(&least, &one_half, sizeof least);
	return (uint16_t)(sign | (sum - least));
}

struct round_to {
	uint16_t *to;
	const float *from;
	int rows, cols, pitch;
	bool half;
};

KERNEL(round_to)
{
	const size_t all = (size_t)a.rows * a.pitch;

	for (size_t i = grid_thread(); i < all; i += grid_threads()) {
		const size_t row = i / a.pitch;
		const int col = (int)(i % a.pitch);
		const float x = col < a.cols ? a.from[row * a.cols + col] : 0.0f;
		a.to[i] = a.half ? half_of(x) : bfloat16_of(x);
	}
}

void cuda_round(struct device *dev, enum dtype dtype, uint16_t *to, const float *from, int rows,
                int cols, int pitch)
{
	const struct round_to a = {
		.to = to, .from = from, .rows = rows, .cols = cols, .pitch = pitch,
		.half = dtype == DTYPE_F16,
	};

	LAUNCH(dev, round_to, blocks_for((size_t)rows * pitch), 1, THREADS, 0, a);
}
