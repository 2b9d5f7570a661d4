/* What kernels/cuda/device.c and cublas.c are on a GPU, in plain memory and loops. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/cuda.h"
#include "tests/kernels/harness/ref.h"

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

/* There are as many as $MEMOSCOPE_SHIM_GPUS says, or one. */
static int chosen;

int cuda_choose(int number, struct err *err)
{
	const char *text = getenv("MEMOSCOPE_SHIM_GPUS");
	const int count = text ? *text - '0' : 1;

	(void)err;
	chosen = number % count;
	return count;
}

void cuda_identity(char *text, size_t size)
{
	snprintf(text, size, "shim %d", chosen);
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
	for (int i = 0; i < SCRATCHES; i++)
		free(dev->scratch[i]);
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
	dev->weights = NULL;
	free(memory);
}

void *cuda_host_alloc(struct device *dev, size_t bytes)
{
	return cuda_alloc(dev, bytes);
}

void cuda_host_free(struct device *dev, void *memory)
{
	(void)dev;
	free(memory);
}

/* New memory at every call: nobody may count on what an earlier one held. */
void *cuda_scratch(struct device *dev, enum scratch which, size_t bytes)
{
	free(dev->scratch[which]);
	return dev->scratch[which] = cuda_alloc(dev, bytes);
}

bool cuda_take_scratch(struct device *dev, enum scratch which, size_t bytes)
{
	(void)dev;
	(void)which;
	(void)bytes;
	return true;
}

void cuda_upload(struct device *dev, void *to, const void *from_host, size_t bytes)
{
	cuda_written(dev, to, bytes);
	memcpy(to, from_host, bytes);
}

void cuda_download(struct device *dev, void *to_host, const void *from, size_t bytes)
{
	(void)dev;
	memcpy(to_host, from, bytes);
}

void cuda_copy(struct device *dev, void *to, const void *from, size_t bytes)
{
	cuda_written(dev, to, bytes);
	memcpy(to, from, bytes);
}

void cuda_zero(struct device *dev, void *memory, size_t bytes)
{
	cuda_written(dev, memory, bytes);
	memset(memory, 0, bytes);
}

void cuda_wait(struct device *dev)
{
	(void)dev;
}

void cuda_mark(struct device *dev, int mark)
{
	dev->mark_count = mark + 1 > dev->mark_count ? mark + 1 : dev->mark_count;
}

void cuda_await(struct device *dev, int mark)
{
	if (mark >= dev->mark_count)
		cuda_fail("await", "there is no such mark");
}

void cuda_download_marked(struct device *dev, int mark, void *to_host, const void *from,
                          size_t bytes)
{
	cuda_await(dev, mark);
	memcpy(to_host, from, bytes);
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

/* x[rows,cols] as a product in dtype reads it, to free(). */
static float *operand(struct device *dev, enum dtype dtype, const struct matrix *x, int rows,
                      int cols)
{
	const uint16_t *weights = x->dtype == dtype ? NULL : cuda_rounded_weights(dev, dtype, x->at);
	const bool round = x->dtype != dtype && !weights;
	const int pitch = round ? (int)cuda_pitch((size_t)cols) : x->pitch;
	uint16_t *half = malloc((size_t)rows * pitch * sizeof *half);
	float *back = malloc((size_t)rows * cols * sizeof *back);
	const void *from = weights ? weights : x->at;

	if (!half || !back)
		abort();
	if (round) {
		cuda_round(dev, dtype, half, x->at, rows, cols, pitch);
		from = half;
	}
	for (int i = 0; i < rows * cols; i++) {
		const int at = i / cols * pitch + i % cols;
		back[i] = dtype == DTYPE_F32 ? ((const float *)from)[at]
		                             : (float)ref_value(dtype, ((const uint16_t *)from)[at]);
	}
	for (int i = 0; round && i < rows * pitch; i++)
		if (i % pitch >= cols && half[i] != 0)
			cuda_fail("cuda_round", "its rows do not end in zeros");
	free(half);
	return back;
}

static void put(void *to, enum dtype dtype, size_t at, double value)
{
	if (dtype == DTYPE_F32)
		((float *)to)[at] = (float)value;
	else
		((uint16_t *)to)[at] = ref_bits(dtype, value);
}

static void multiply(const struct product *p, const float *a, const float *b)
{
	for (int i = 0; i < p->m; i++)
		for (int j = 0; j < p->n; j++) {
			const size_t at = (size_t)i * p->n + j;
			double sum = (p->bias ? (double)p->bias[j] : 0) + (p->add ? (double)p->add[at] : 0);
			for (int e = 0; e < p->k; e++)
				sum += (double)a[p->transpose_a ? e * p->m + i : i * p->k + e] *
				       (double)b[p->transpose_b ? j * p->k + e : e * p->n + j];
			put(p->c, p->c_dtype, at, sum);
		}
}

/* Now and then there is none, as cuBLASLt may have none for a shape. */
bool cuda_blas(struct device *dev, enum dtype dtype, const struct product *p)
{
	if ((p->m + p->n + p->k) % 5 == 0)
		return false;
	float *a = p->transpose_a ? operand(dev, dtype, &p->a, p->k, p->m)
	                          : operand(dev, dtype, &p->a, p->m, p->k);
	float *b = p->transpose_b ? operand(dev, dtype, &p->b, p->n, p->k)
	                          : operand(dev, dtype, &p->b, p->k, p->n);
	multiply(p, a, b);
	free(a);
	free(b);
	return true;
}
