/* Matrix products of the network: cuBLASLt's for speed, the plain kernel where rows
 * must not depend on their neighbours, or where cuBLASLt has none. */
#include "kernels/cuda/cuda.h"

void cuda_product(struct device *dev, const struct product *product)
{
	if (dev->row_invariant) {
		cuda_matmul(dev, DTYPE_F32, product);
	} else if (!cuda_blas(dev, dev->dtype, product)) {
		cuda_matmul(dev, dev->dtype, product);
		dev->plain_products++;
	}
}

static struct matrix floats(const float *at, int cols)
{
	return (struct matrix){at, DTYPE_F32, cols};
}

static struct matrix activations(const struct device *dev, const void *at, int cols)
{
	return (struct matrix){at, cuda_activations(dev), cols};
}

/* x[n,c] for the products of a backward pass, where it is read twice: rounded once. */
static struct matrix operand(struct device *dev, const float *x, int n, int c)
{
	const int pitch = (int)cuda_pitch((size_t)c);

	if (dev->dtype == DTYPE_F32)
		return floats(x, c);
	uint16_t *to = cuda_scratch(dev, SCRATCH_ROWS, (size_t)n * pitch * sizeof *to);
	cuda_round(dev, dev->dtype, to, x, n, c, pitch);
	return (struct matrix){to, dev->dtype, pitch};
}

void op_linear(struct device *dev, void *y, const void *x, const float *w, const float *b,
               int n, int in, int out)
{
	const struct product product = {
		.m = n, .n = out, .k = in, .a = activations(dev, x, in), .b = floats(w, out), .c = y,
		.c_dtype = cuda_activations(dev), .bias = b,
	};

	cuda_product(dev, &product);
}

void op_linear_residual(struct device *dev, float *y, const float *add, const void *x,
                        const float *w, const float *b, int n, int in, int out)
{
	const struct product product = {
		.m = n, .n = out, .k = in, .a = activations(dev, x, in), .b = floats(w, out), .c = y,
		.add = add, .bias = b,
	};

	cuda_product(dev, &product);
}

/* What dy is to a product, and to a sum of rows. */
static void linear_backward(struct device *dev, void *dx, float *dw, float *db, struct matrix dy,
                            const void *dy_rows, enum dtype dy_dtype, const void *x,
                            const float *w, int n, int in, int out)
{
	const struct product to_x = {
		.transpose_b = true, .m = n, .n = in, .k = out, .a = dy, .b = floats(w, out), .c = dx,
		.c_dtype = cuda_activations(dev),
	};
	const struct product to_w = {
		.transpose_a = true, .m = in, .n = out, .k = n, .a = activations(dev, x, in), .b = dy,
		.c = dw, .add = dw,
	};

	cuda_product(dev, &to_x);
	cuda_product(dev, &to_w);
	if (db)
		cuda_sum_rows(dev, db, dy_rows, dy_dtype, n, out);
}

void op_linear_backward(struct device *dev, void *dx, float *dw, float *db, const void *dy,
                        const void *x, const float *w, int n, int in, int out)
{
	linear_backward(dev, dx, dw, db, activations(dev, dy, out), dy, cuda_activations(dev), x, w,
	                n, in, out);
}

void op_linear_residual_backward(struct device *dev, void *dx, float *dw, float *db,
                                 const float *dy, const void *rounded, const void *x,
                                 const float *w, int n, int in, int out)
{
	const struct matrix read = rounded ? activations(dev, rounded, out)
	                                   : operand(dev, dy, n, out);

	linear_backward(dev, dx, dw, db, read, dy, DTYPE_F32, x, w, n, in, out);
}

void op_unembed(struct device *dev, float *logits, const void *x, const float *wte, int n,
                int c, int v)
{
	const struct product product = {
		.transpose_b = true, .m = n, .n = v, .k = c, .a = activations(dev, x, c),
		.b = floats(wte, c), .c = logits,
	};

	cuda_product(dev, &product);
}

void op_unembed_backward(struct device *dev, void *dx, float *dwte, const float *dlogits,
                         const void *x, const float *wte, int n, int c, int v)
{
	const struct matrix gradient = operand(dev, dlogits, n, v);
	const struct product to_x = {
		.m = n, .n = c, .k = v, .a = gradient, .b = floats(wte, c), .c = dx,
		.c_dtype = cuda_activations(dev),
	};
	const struct product to_wte = {
		.transpose_a = true, .m = v, .n = c, .k = n, .a = gradient,
		.b = activations(dev, x, c), .c = dwte, .add = dwte,
	};

	cuda_product(dev, &to_x);
	cuda_product(dev, &to_wte);
}
