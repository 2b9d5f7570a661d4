#include <math.h>
#include <string.h>

#include "kernels/cpu/isa/gemm.h"
#include "kernels/cpu/isa/transpose.h"

#define ROUNDS 5

/* Of the quintic that drives singular values towards 1 (Jordan et al. 2024): steep
 * at 0; five rounds bring those from 0.003 on to between 0.68 and 1.21. */
static const float a = 3.4445f, b = -4.7750f, c = 2.0315f;

/* y[s,s] = z zᵀ, where element (i, p) of z[s,k] is x[i * row + p * col] and one of these strides
 * is 1: blocks of columns as far down as their diagonal, which are then turned over it. */
static void square(struct device *dev, float *y, const float *x, ptrdiff_t row, ptrdiff_t col,
                   int s, int k)
{
	enum { BLOCK = 32 };

	for (int j = 0; j < s; j += BLOCK) {
		const int n = s - j < BLOCK ? s - j : BLOCK;
		gemm_panels(dev, &(struct gemm){
			.m = j + n, .n = n, .k = k,
			.a = x, .a_row = row, .a_col = col,
			.b = x + j * row, .b_row = col, .b_col = row,
			.c = y + j, .c_row = s,
		});
		turn(y + (ptrdiff_t)j * s, s, y + j, s, j, n, 1.0f);
	}
}

/* Make x[rows,cols], of norm 1, nearly orthonormal along its shorter side. In
 * float32 whatever the device's dtype is: rounding spoils small singular values
 * first, and they are what this is for. next: as x; y, p: square of the shorter side. */
static void orthogonalize(struct device *dev, float *x, float *next, float *y, float *p, int rows,
                          int cols)
{
	const bool tall = rows > cols;
	const int s = tall ? cols : rows, l = tall ? rows : cols;

	for (int round = 0; round < ROUNDS; round++) {
		square(dev, y, x, tall ? 1 : l, tall ? s : 1, s, l);
		square(dev, p, y, s, 1, s, s); /* y is symmetric */
#pragma omp simd
		for (int i = 0; i < s * s; i++)
			p[i] = b * y[i] + c * p[i];
		for (int i = 0; i < s; i++)
			p[(size_t)i * s + i] += a;
		if (tall)
			product_f32(dev, false, false, rows, cols, s, x, p, false, next);
		else
			product_f32(dev, false, false, rows, cols, s, p, x, false, next);
		memcpy(x, next, (size_t)rows * cols * sizeof *x);
	}
}

void op_muon(struct device *dev, float *param, const float *grad, float *m, int rows, int cols,
             int stride, const struct muon *muon, const struct update *update)
{
	const int s = rows < cols ? rows : cols, l = rows < cols ? cols : rows;
	const size_t whole = (size_t)rows * cols, square = (size_t)s * s;
	float *x = cpu_scratch(dev, (2 * whole + 2 * square) * sizeof *x);
	const float momentum = muon->momentum, fresh = 1.0f - momentum;
	const float scale = update->grad_scale, keep = 1.0f - update->lr * muon->weight_decay;
	const float size = update->lr * 0.2f * sqrtf((float)l);
	double norm2;

	if (!update->finite)
		return;
	for (int i = 0; i < rows; i++) {
		const float *gi = grad + (size_t)i * stride;
		float *mi = m + (size_t)i * stride, *xi = x + (size_t)i * cols;
#pragma omp simd
		for (int j = 0; j < cols; j++) {
			const float g = gi[j] * scale;
			mi[j] = momentum * mi[j] + fresh * g;
			xi[j] = momentum * mi[j] + fresh * g;
		}
	}
	op_norm2(dev, &norm2, x, whole);
	const float over = norm2 > 0 ? (float)(1.0 / sqrt(norm2)) : 0;
#pragma omp simd
	for (size_t i = 0; i < whole; i++)
		x[i] *= over;
	orthogonalize(dev, x, x + whole, x + 2 * whole, x + 2 * whole + square, rows, cols);
	for (int i = 0; i < rows; i++) {
		float *pi = param + (size_t)i * stride;
		const float *xi = x + (size_t)i * cols;
#pragma omp simd
		for (int j = 0; j < cols; j++)
			pi[j] = keep * pi[j] - size * xi[j];
	}
}
