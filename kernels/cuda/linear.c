/* Matrix products of the network: cuBLASLt's for speed, the plain kernel where rows
 * must not depend on their neighbours, or where cuBLASLt has none. */
#include "kernels/cuda/cuda.h"

void cuda_product(struct device *dev, bool transpose_a, bool transpose_b, int m, int n, int k,
                  const float *a, const float *b, float beta, float *c, const float *bias)
{
	if (dev->row_invariant ||
	    !cuda_blas(dev, dev->dtype, transpose_a, transpose_b, m, n, k, a, b, beta, c, bias))
		cuda_matmul(dev, transpose_a, transpose_b, m, n, k, a, b, beta, c, bias);
}

void op_linear(struct device *dev, void *y, const void *x, const float *w, const float *b,
               int n, int in, int out)
{
	op_linear_residual(dev, y, NULL, x, w, b, n, in, out);
}

void op_linear_backward(struct device *dev, void *dx, float *dw, float *db, const void *dy,
                        const void *x, const float *w, int n, int in, int out)
{
	op_linear_residual_backward(dev, dx, dw, db, dy, x, w, n, in, out);
}

void op_linear_residual(struct device *dev, float *y, const float *add, const void *x,
                        const float *w, const float *b, int n, int in, int out)
{
	if (add && add != y)
		cuda_copy(dev, y, add, (size_t)n * out * sizeof *y);
	cuda_product(dev, false, false, n, out, in, x, w, add ? 1.0f : 0.0f, y, b);
}

void op_linear_residual_backward(struct device *dev, void *dx, float *dw, float *db,
                                 const float *dy, const void *x, const float *w, int n, int in,
                                 int out)
{
	cuda_product(dev, false, true, n, in, out, dy, w, 0.0f, dx, NULL);
	cuda_product(dev, true, false, in, out, n, x, dy, 1.0f, dw, NULL);
	if (db)
		cuda_sum_rows(dev, db, dy, n, out);
}

void op_unembed(struct device *dev, float *logits, const void *x, const float *wte, int n,
                int c, int v)
{
	cuda_product(dev, false, true, n, v, c, x, wte, 0.0f, logits, NULL);
}

void op_unembed_backward(struct device *dev, void *dx, float *dwte, const float *dlogits,
                         const void *x, const float *wte, int n, int c, int v)
{
	cuda_product(dev, false, false, n, c, v, dlogits, wte, 0.0f, dx, NULL);
	cuda_product(dev, true, false, v, c, n, dlogits, x, 1.0f, dwte, NULL);
}
