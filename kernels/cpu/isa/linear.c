/* Matrix products of the network: gemm.h's in float32, oneDNN's in bfloat16. Rows of the former
 * never depend on their neighbours. */
#include <string.h>

#include "kernels/cpu/bf16.h"
#include "kernels/cpu/isa/gemm.h"

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

/* The same as op_linear_residual(), by operands rounded to bfloat16. */
static void rounded_residual(struct device *dev, float *y, const float *add, const float *x,
                             const float *w, const float *b, int n, int in, int out)
{
	start_rows(y, add, b, n, out);
	product(dev, false, false, n, out, in, x, w, add || b, y);
}

void op_linear_residual(struct device *dev, float *y, const float *add, const void *x,
                        const float *w, const float *b, int n, int in, int out)
{
	if (dev->bf16 && !dev->row_invariant) {
		rounded_residual(dev, y, add, x, w, b, n, in, out);
		return;
	}
	gemm_panels(dev, &(struct gemm){
		.m = n, .n = out, .k = in,
		.a = x, .a_row = in, .a_col = 1,
		.b = w, .b_row = out, .b_col = 1,
		.c = y, .c_row = out,
		.start = add, .start_row = out,
		.bias = b,
	});
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
	product(dev, false, true, n, in, out, dy, w, false, dx);
	product(dev, true, false, in, out, n, x, dy, true, dw);
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
	if (dev->row_invariant)
		product_f32(dev, false, true, n, v, c, x, wte, false, logits);
	else
		product(dev, false, true, n, v, c, x, wte, false, logits);
}

void op_unembed_backward(struct device *dev, void *dx, float *dwte, const float *dlogits,
                         const void *x, const float *wte, int n, int c, int v)
{
	product(dev, false, false, n, c, v, dlogits, wte, false, dx);
	product(dev, true, false, v, c, n, dlogits, x, true, dwte);
}
