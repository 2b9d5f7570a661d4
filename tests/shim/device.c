/* What kernels/cuda/device.c and cublas.c are on a GPU, in plain memory and loops. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/cuda.h"
#include "tests/ref/ref.h"

void cuda_fail(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(1);
}

const struct kernels *kernels_cuda(size_t size, struct err *err)
{
	if (size == sizeof(struct kernels))
		return &kernels_cuda_table;
	err_set(err, "kernels-shim.so is of another version of memoscope");
	return NULL;
}

bool cuda_supports(enum dtype dtype)
{
	return dtype < DTYPES;
}

struct device *cuda_open(enum dtype dtype, struct err *err)
{
	struct device *dev = calloc(1, sizeof *dev);

	if (dev == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	dev->dtype = dtype;
	dev->sums = cuda_alloc(dev, NORM_BLOCKS * sizeof *dev->sums);
	return dev;
}

void cuda_close(struct device *dev)
{
	if (dev == NULL)
		return;
	free(dev->scratch);
	free(dev->sums);
	free(dev->tiles);
	free(dev->begin);
	free(dev);
}

void *cuda_alloc(struct device *dev, size_t bytes)
{
	void *memory;

	(void)dev;
	if (posix_memalign(&memory, 64, bytes ? bytes : 64) != 0)
		abort();
	return memset(memory, 0xff, bytes); /* NaN */
}

void cuda_free(struct device *dev, void *memory)
{
	(void)dev;
	free(memory);
}

/* New memory at every call: nobody may count on what an earlier one held. */
void *cuda_scratch(struct device *dev, size_t bytes)
{
	free(dev->scratch);
	return dev->scratch = cuda_alloc(dev, bytes);
}

void cuda_upload(struct device *dev, void *to, const void *from_host, size_t bytes)
{
	(void)dev;
	memcpy(to, from_host, bytes);
}

void cuda_download(struct device *dev, void *to_host, const void *from, size_t bytes)
{
	(void)dev;
	memcpy(to_host, from, bytes);
}

void cuda_copy(struct device *dev, void *to, const void *from, size_t bytes)
{
	(void)dev;
	memcpy(to, from, bytes);
}

void cuda_zero(struct device *dev, void *memory, size_t bytes)
{
	(void)dev;
	memset(memory, 0, bytes);
}

void cuda_wait(struct device *dev)
{
	(void)dev;
}

bool cuda_replay(struct device *dev, const struct sequences *seqs, uint64_t key)
{
	(void)dev;
	(void)seqs;
	(void)key;
	return false;
}

bool cuda_recorded(struct device *dev)
{
	(void)dev;
	return true;
}

/* ---- products ---- */

/* x[rows,cols] as cuda_round() has it, to free(). */
static float *rounded(struct device *dev, enum dtype dtype, const float *x, int rows, int cols)
{
	const int pitch = (cols + 7) / 8 * 8;
	uint16_t *half = malloc((size_t)rows * pitch * sizeof *half);
	float *back = malloc((size_t)rows * cols * sizeof *back);

	if (!half || !back)
		abort();
	cuda_round(dev, dtype, half, x, rows, cols, pitch);
	for (int i = 0; i < rows * cols; i++)
		back[i] = (float)ref_value(dtype, half[i / cols * pitch + i % cols]);
	for (int i = 0; i < rows * pitch; i++)
		if (i % pitch >= cols && half[i] != 0)
			cuda_fail("cuda_round", "its rows do not end in zeros");
	free(half);
	return back;
}

static void multiply(bool transpose_a, bool transpose_b, int m, int n, int k, const float *a,
                     const float *b, float beta, float *c, const float *bias)
{
	for (int i = 0; i < m; i++)
		for (int j = 0; j < n; j++) {
			double sum = bias ? (double)bias[j] : 0;
			for (int e = 0; e < k; e++)
				sum += (double)a[transpose_a ? e * m + i : i * k + e] *
				       (double)b[transpose_b ? j * k + e : e * n + j];
			float *at = &c[(size_t)i * n + j];
			*at = (float)(beta != 0 ? (double)*at + sum : sum);
		}
}

/* Now and then there is none, as cuBLASLt may have none for a shape. */
bool cuda_blas(struct device *dev, enum dtype dtype, bool transpose_a, bool transpose_b, int m,
               int n, int k, const float *a, const float *b, float beta, float *c,
               const float *bias)
{
	if ((m + n + k) % 5 == 0)
		return false;
	if (dtype == DTYPE_F32) {
		multiply(transpose_a, transpose_b, m, n, k, a, b, beta, c, bias);
		return true;
	}
	float *left = transpose_a ? rounded(dev, dtype, a, k, m) : rounded(dev, dtype, a, m, k);
	float *right = transpose_b ? rounded(dev, dtype, b, n, k) : rounded(dev, dtype, b, k, n);
	multiply(transpose_a, transpose_b, m, n, k, left, right, beta, c, bias);
	free(left);
	free(right);
	return true;
}
