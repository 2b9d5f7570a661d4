/* A plain product in float32: each element is summed over k from 0 on by one thread, so
 * that its bits depend on nothing but its row and column. */
#include "kernels/cuda/half.cuh"

#define SIDE 64 /* of the result that a block makes */
#define DEPTH 16 /* of the operands that it holds at a time */
#define EACH 4 /* rows and columns of a thread */
#define PITCH (SIDE + 1)

struct matmul {
	struct values a, b, c;
	const float *add, *bias;
	int m, n, k, pitch_a, pitch_b;
	enum dtype dtype; /* that operands are rounded to */
	bool transpose_a, transpose_b;
};

/* to[DEPTH][PITCH]: rows first … of op(x) against depths k0 …, x of op(x)[rows,k]; zeros
 * beyond. by_depth: x stands as [k,rows]. */
DEVICE void take_tile(float *to, struct values x, enum dtype dtype, int pitch, bool by_depth,
                      int first, int rows, int k0, int k)
{
	for (int i = (int)threadIdx.x; i < SIDE * DEPTH; i += THREADS) {
		const int row = by_depth ? i % SIDE : i / DEPTH;
		const int depth = by_depth ? i / SIDE : i % DEPTH;
		const bool inside = first + row < rows && k0 + depth < k;
		const size_t at = by_depth ? (size_t)(k0 + depth) * pitch + first + row
		                           : (size_t)(first + row) * pitch + k0 + depth;
		to[depth * PITCH + row] = inside ? rounded_to(dtype, value_at(x, at)) : 0.0f;
	}
}

KERNEL(matmul)
{
	SHARED(shared);
	float *left = shared, *right = shared + DEPTH * PITCH;
	const int x = threadIdx.x % 16, y = threadIdx.x / 16;
	const int row0 = (int)blockIdx.x * SIDE, col0 = (int)blockIdx.y * SIDE;
	float sum[EACH][EACH] = {{0}};

	for (int k0 = 0; k0 < a.k; k0 += DEPTH) {
		const int depths = a.k - k0 < DEPTH ? a.k - k0 : DEPTH;
		take_tile(left, a.a, a.dtype, a.pitch_a, a.transpose_a, row0, a.m, k0, a.k);
		take_tile(right, a.b, a.dtype, a.pitch_b, !a.transpose_b, col0, a.n, k0, a.k);
		__syncthreads();
		for (int depth = 0; depth < depths; depth++) {
			float l[EACH], r[EACH];
			UNROLL
			for (int i = 0; i < EACH; i++) {
				l[i] = left[depth * PITCH + y + 16 * i];
				r[i] = right[depth * PITCH + x + 16 * i];
			}
			UNROLL
			for (int i = 0; i < EACH; i++)
				UNROLL
				for (int j = 0; j < EACH; j++)
					sum[i][j] += l[i] * r[j];
		}
		__syncthreads();
	}
	UNROLL
	for (int i = 0; i < EACH; i++)
		UNROLL
		for (int j = 0; j < EACH; j++) {
			const int row = row0 + y + 16 * i, col = col0 + x + 16 * j;
			if (row >= a.m || col >= a.n)
				continue;
			const size_t at = (size_t)row * a.n + col;
			float result = sum[i][j];
			if (a.bias)
				result += a.bias[col];
			set_value(a.c, at, a.add ? a.add[at] + result : result);
		}
}

void cuda_matmul(struct device *dev, enum dtype dtype, const struct product *p)
{
	const struct matmul a = {
		.a = values_of(p->a.at, p->a.dtype), .b = values_of(p->b.at, p->b.dtype),
		.c = values_of(p->c, p->c_dtype), .add = p->add, .bias = p->bias, .m = p->m, .n = p->n,
		.k = p->k, .pitch_a = p->a.pitch, .pitch_b = p->b.pitch,
		.dtype = dtype, .transpose_a = p->transpose_a, .transpose_b = p->transpose_b,
	};

	LAUNCH(dev, matmul, divide_up(p->m, SIDE), divide_up(p->n, SIDE), THREADS,
	       2 * DEPTH * PITCH * sizeof(float), a);
}
