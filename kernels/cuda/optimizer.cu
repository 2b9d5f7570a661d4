/* Steps of the optimizers. */
#include "kernels/cuda/launch.cuh"

#include <math.h>

/* ---- clipping ---- */

struct clip {
	struct update *update;
	const struct tally *tallies; /* [count] */
	int count;
};

/* One warp. */
KERNEL(clip)
{
	double loss = 0, norm2 = 0, scale = a.update->mean;

	for (int i = (int)threadIdx.x; i < a.count; i += WARP) {
		loss += a.tallies[i].loss;
		norm2 += a.tallies[i].norm2;
	}
	loss = lanes_sum_double(loss, WARP);
	norm2 = lanes_sum_double(norm2, WARP);
	if (threadIdx.x > 0)
		return;
	const double norm = sqrt(norm2) * scale, most = a.update->norm_max;
	if (most > 0 && norm > most)
		scale *= most / norm;
	a.update->loss = loss;
	a.update->norm = norm;
	/* nor is anything below infinity that is not a number */
	a.update->finite = fabs(loss) < (double)INFINITY && norm < (double)INFINITY;
	a.update->grad_scale = (float)scale;
}

void op_clip(struct device *dev, struct update *update, const struct tally *tallies, int count)
{
	const struct clip a = {.update = update, .tallies = tallies, .count = count};

	LAUNCH(dev, clip, 1, 1, WARP, 0, a);
}

/* ---- AdamW ---- */

#define SPAN_LEAST (4 * THREADS) /* elements of a block, where there are few in all */
#define SPANS_MOST 4096

struct adamw_step {
	float *param;
	const float *grad;
	float *m, *v;
	size_t count, span; /* elements; those of a block, which stand side by side */
	const struct adamw_range *ranges;
	int range_count;
	struct adamw adamw;
	const struct update *update;
};

/* The first range that ends behind element i, or range_count. */
DEVICE int range_of(const struct adamw_range *ranges, int range_count, size_t i)
{
	int low = 0, high = range_count;

	while (low < high) {
		const int middle = (low + high) / 2;
		if (ranges[middle].end > i)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* A block's elements are of few ranges: each thread looks for its first one, and then
 * goes on from range to range. */
KERNEL(adamw_step)
{
	const size_t begin = blockIdx.x * a.span;
	const size_t end = begin + a.span < a.count ? begin + a.span : a.count;
	const struct update update = *a.update;
	const float keep = 1.0f - update.lr * a.adamw.weight_decay;
	const float beta1 = a.adamw.beta1, beta2 = a.adamw.beta2;
	int next = range_of(a.ranges, a.range_count, begin + threadIdx.x);
	struct adamw_range range = {0, 0, false};

	for (size_t i = begin + threadIdx.x; update.finite && i < end; i += blockDim.x) {
		while (i >= range.end && next < a.range_count)
			range = a.ranges[next++];
		if (i < range.begin || i >= range.end)
			continue;
		const float g = a.grad[i] * update.grad_scale, param = a.param[i];
		const float m = beta1 * a.m[i] + (1.0f - beta1) * g;
		const float v = beta2 * a.v[i] + (1.0f - beta2) * g * g;
		a.m[i] = m;
		a.v[i] = v;
		a.param[i] = (range.decay ? keep : 1.0f) * param -
		             update.lr * (m * update.correct1) /
		                     (sqrtf(v * update.correct2) + a.adamw.epsilon);
	}
}

void op_adamw(struct device *dev, float *param, const float *grad, float *m, float *v,
              size_t count, const struct adamw_range *ranges, int range_count,
              const struct adamw *adamw, const struct update *update)
{
	const size_t share = (count / SPANS_MOST + THREADS) / THREADS * THREADS;
	const size_t span = share > SPAN_LEAST ? share : SPAN_LEAST;
	const struct adamw_step a = {
		.param = param, .grad = grad, .m = m, .v = v, .count = count, .span = span,
		.ranges = ranges, .range_count = range_count, .adamw = *adamw, .update = update,
	};

	cuda_written(dev, param, count * sizeof *param);
	if (count > 0 && range_count > 0)
		LAUNCH(dev, adamw_step, (count + span - 1) / span, 1, THREADS, 0, a);
}

/* ---- Muon ---- */

#define ROUNDS 5

/* Of the quintic that drives singular values towards 1 (Jordan et al. 2024): steep
 * at 0, and between 0.7 and 1.2 after five rounds. */
#define QUINTIC_A 3.4445f
#define QUINTIC_B (-4.7750f)
#define QUINTIC_C 2.0315f

struct muon_momentum {
	float *x, *m; /* [rows,cols], [rows,stride] */
	const float *grad; /* [rows,stride] */
	int rows, cols, stride;
	float momentum;
	const struct update *update;
};

KERNEL(muon_momentum)
{
	const size_t all = (size_t)a.rows * a.cols;
	const float fresh = 1.0f - a.momentum, scale = a.update->grad_scale;
	const bool finite = a.update->finite;

	for (size_t i = grid_thread(); finite && i < all; i += grid_threads()) {
		const size_t at = i / a.cols * a.stride + i % a.cols;
		const float g = a.grad[at] * scale;
		const float m = a.momentum * a.m[at] + fresh * g;
		a.m[at] = m;
		a.x[i] = a.momentum * m + fresh * g;
	}
}

struct muon_scale {
	float *x;
	const double *sums; /* of squares: [blocks] */
	int blocks;
	size_t count;
};

KERNEL(muon_scale)
{
	double norm2 = 0;

	for (int i = 0; i < a.blocks; i++)
		norm2 += a.sums[i];
	const float over = norm2 > 0 ? (float)(1.0 / sqrt(norm2)) : 0.0f;
	for (size_t i = grid_thread(); i < a.count; i += grid_threads())
		a.x[i] *= over;
}

struct muon_quintic {
	float *p; /* [side,side] y² becomes a + b y + c y² */
	const float *y;
	int side;
};

KERNEL(muon_quintic)
{
	const size_t all = (size_t)a.side * a.side;

	for (size_t i = grid_thread(); i < all; i += grid_threads())
		a.p[i] = QUINTIC_B * a.y[i] + QUINTIC_C * a.p[i] +
		         (i / a.side == i % a.side ? QUINTIC_A : 0.0f);
}

struct muon_step {
	float *param; /* [rows,stride] */
	const float *x;
	int rows, cols, stride;
	float weight_decay, size; /* size: what a step is of, times the learning rate */
	const struct update *update;
};

KERNEL(muon_step)
{
	const size_t all = (size_t)a.rows * a.cols;
	const float lr = a.update->lr, keep = 1.0f - lr * a.weight_decay, size = lr * a.size;
	const bool finite = a.update->finite;

	for (size_t i = grid_thread(); finite && i < all; i += grid_threads()) {
		float *param = a.param + i / a.cols * a.stride + i % a.cols;
		*param = keep * *param - size * a.x[i];
	}
}

/* In float32 whatever the device's dtype is: rounding spoils small singular values
 * first, and they are what this is for. */
static void product_f32(struct device *dev, bool transpose_a, bool transpose_b, int m, int n,
                        int k, const float *left, const float *right, float *to)
{
	const struct product product = {
		.transpose_a = transpose_a, .transpose_b = transpose_b, .m = m, .n = n, .k = k,
		.a = {left, DTYPE_F32, transpose_a ? m : k}, .b = {right, DTYPE_F32, transpose_b ? k : n},
		.c = to, .c_dtype = DTYPE_F32, .add = NULL, .bias = NULL,
	};

	if (!cuda_blas(dev, DTYPE_F32, &product))
		cuda_matmul(dev, DTYPE_F32, &product);
}

/* Make x[rows,cols], of norm 1, nearly orthonormal along its shorter side; it ends up
 * in *x or *next. y, p: square of the shorter side. */
static float *orthogonalize(struct device *dev, float *x, float *next, float *y, float *p,
                            int rows, int cols)
{
	const bool tall = rows > cols;
	const int s = tall ? cols : rows, l = tall ? rows : cols;
	const struct muon_quintic a = {.p = p, .y = y, .side = s};

	for (int round = 0; round < ROUNDS; round++) {
		float *from = x;
		product_f32(dev, tall, !tall, s, s, l, x, x, y);
		product_f32(dev, false, false, s, s, s, y, y, p);
		LAUNCH(dev, muon_quintic, blocks_for((size_t)s * s), 1, THREADS, 0, a);
		if (tall)
			product_f32(dev, false, false, rows, cols, s, x, p, next);
		else
			product_f32(dev, false, false, rows, cols, s, p, x, next);
		x = next;
		next = from;
	}
	return x;
}

void op_muon(struct device *dev, float *param, const float *grad, float *m, int rows, int cols,
             int stride, const struct muon *muon, const struct update *update)
{
	const int s = rows < cols ? rows : cols, l = rows < cols ? cols : rows;
	const size_t whole = (size_t)rows * cols, square = (size_t)s * s;
	float *x = (float *)cuda_scratch(dev, SCRATCH_ROWS, (2 * whole + 2 * square) * sizeof *x);
	float *next = x + whole, *y = next + whole, *p = y + square;
	const struct muon_momentum momentum = {
		.x = x, .m = m, .grad = grad, .rows = rows, .cols = cols, .stride = stride,
		.momentum = muon->momentum, .update = update,
	};

	cuda_written(dev, param, ((size_t)(rows - 1) * stride + cols) * sizeof *param);
	LAUNCH(dev, muon_momentum, blocks_for(whole), 1, THREADS, 0, momentum);
	const struct muon_scale scale = {
		.x = x, .sums = dev->sums, .blocks = cuda_norm2(dev, x, whole), .count = whole,
	};
	LAUNCH(dev, muon_scale, blocks_for(whole), 1, THREADS, 0, scale);
	const struct muon_step a = {
		.param = param, .x = orthogonalize(dev, x, next, y, p, rows, cols), .rows = rows,
		.cols = cols, .stride = stride, .weight_decay = muon->weight_decay,
		.size = 0.2f * sqrtf((float)l), .update = update,
	};
	LAUNCH(dev, muon_step, blocks_for(whole), 1, THREADS, 0, a);
}
