/* Matrix products of the network: oneDNN's for speed, gemm.h's where rows must
 * not depend on their neighbours. */
#include "kernels/cpu/level/gemm.h"
#include "kernels/cpu/level/level.h"

/* y[n,out] starts as add, each row with the bias; either may be NULL. */
static void start_rows(float *y, const float *add, const float *b, int n, int out)
{
	if (add && add != y && !b)
		memcpy(y, add, (size_t)n * out * sizeof *y);
	if (!b)
		return;
	for (int i = 0; i < n; i++) {
		float *yi = y + (size_t)i * out;
		if (add) {
			const float *from = add + (size_t)i * out;
#pragma omp simd
			for (int j = 0; j < out; j++)
				yi[j] = from[j] + b[j];
		} else {
			memcpy(yi, b, (size_t)out * sizeof *b);
		}
	}
}

void op_linear_residual(struct device *dev, float *y, const float *add, const void *x,
                        const float *w, const float *b, int n, int in, int out)
{
	const bool accumulate = add || b;

	start_rows(y, add, b, n, out);
	if (dev->row_invariant) {
		float *panel = cpu_scratch(dev, (size_t)in * VECTOR_LANES * sizeof *panel);
		gemm(n, out, in, x, in, 1, w, out, y, out, accumulate, panel);
	} else {
		cpu_product(dev, false, false, n, out, in, x, w, accumulate ? 1.0f : 0.0f, y);
	}
}

void op_linear(struct device *dev, void *y, const void *x, const float *w, const float *b,
               int n, int in, int out)
{
	op_linear_residual(dev, y, NULL, x, w, b, n, in, out);
}

void op_linear_residual_backward(struct device *dev, void *dx, float *dw, float *db,
                                 const float *dy, const void *rounded, const void *x,
                                 const float *w, int n, int in, int out)
{
	(void)rounded; /* it is dy */
	cpu_product(dev, false, true, n, in, out, dy, w, 0.0f, dx);
	cpu_product(dev, true, false, in, out, n, x, dy, 1.0f, dw);
	for (int i = 0; db && i < n; i++) {
		const float *d = dy + (size_t)i * out;
#pragma omp simd
		for (int j = 0; j < out; j++)
			db[j] += d[j];
	}
}

void op_linear_backward(struct device *dev, void *dx, float *dw, float *db, const void *dy,
                        const void *x, const float *w, int n, int in, int out)
{
	op_linear_residual_backward(dev, dx, dw, db, dy, NULL, x, w, n, in, out);
}

void op_unembed(struct device *dev, float *logits, const void *x, const float *wte, int n,
                int c, int v)
{
	if (!dev->row_invariant) {
		cpu_product(dev, false, true, n, v, c, x, wte, 0.0f, logits);
		return;
	}
	/* gemm() reads its second operand along the columns of the result. */
	float *turned = cpu_scratch(dev, (size_t)c * ((size_t)v + VECTOR_LANES) * sizeof *turned);
	for (int i = 0; i < v; i++)
		for (int j = 0; j < c; j++)
			turned[(size_t)j * v + i] = wte[(size_t)i * c + j];
	gemm(n, v, c, x, c, 1, turned, v, logits, v, false, turned + (size_t)c * v);
}

void op_unembed_backward(struct device *dev, void *dx, float *dwte, const float *dlogits,
                         const void *x, const float *wte, int n, int c, int v)
{
	cpu_product(dev, false, false, n, c, v, dlogits, wte, 0.0f, dx);
	cpu_product(dev, true, false, v, c, n, dlogits, x, 1.0f, dwte);
}
