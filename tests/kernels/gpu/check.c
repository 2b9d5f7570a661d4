/* check.c - the GPU against the reference and the CPU: what `make gpu-check` runs.
 *
 * check [quick]: every operation of the table "cuda" in each dtype, then a network
 * beside one on the CPU and 200 steps of training. quick, for compute-sanitizer, which
 * takes its time, and to which memory that is not to be had is an error: few steps, neither
 * large products nor memory, and no half where there is bfloat16, whose kernels are the
 * same. TAP on stdout. */
#include "tests/tap.h"

#include <stdlib.h>

#include "kernels/cuda/cuda.h"
#include "kernels/kernels.h"
#include "tests/kernels/harness/check.h"
#include "tests/kernels/harness/network.h"

/* An operation is done when it returns, or it is not: what a device's memory held
 * before shows where nobody has written. Also what alloc says where there is none. */
static void check_memory(const struct kernels *kernels)
{
	struct err err = {0};
	struct device *dev = kernels->open(DTYPE_F32, &err);

	ok(dev != NULL, "a device opens: %s", err.text);
	if (dev)
		ok(kernels->alloc(dev, (size_t)1 << 50) == NULL, "a petabyte is not to be had");
	if (dev) {
		void *some = kernels->alloc(dev, 64);
		ok(some != NULL, "after which there is memory still");
		kernels->free(dev, some);
	}
	kernels->close(dev);
}

/* cuBLASLt has products for what networks ask for: without them all is right, and slow. */
static void check_products(const struct kernels *k, enum dtype dtype)
{
	static const int sizes[][2] = {{128, 70}, {384, 65}, {512, 71}}; /* width, vocabulary */
	enum { ROWS = 8192, WIDTH = 512 };
	struct err err = {0};
	struct device *dev = k->open(dtype, &err);
	const size_t bytes = (size_t)ROWS * 4 * WIDTH * sizeof(float);
	float *a = k->alloc(dev, bytes), *b = k->alloc(dev, bytes), *c = k->alloc(dev, bytes);

	if (!a || !b || !c)
		abort();
	k->zero(dev, a, bytes);
	k->zero(dev, b, bytes);
	k->zero(dev, c, bytes);
	for (int i = 0; i < 3; i++) {
		const int w = sizes[i][0], v = sizes[i][1];
		const int ends[][2] = {{w, 3 * w}, {w, w}, {w, 4 * w}, {4 * w, w}};
		for (int j = 0; j < 4; j++)
			for (int biased = 0; biased < 2; biased++) {
				const int in = ends[j][0], out = ends[j][1];
				const float *bias = biased ? b : NULL;
				k->linear(dev, c, a, b, bias, ROWS, in, out);
				k->linear_residual(dev, c, c, a, b, bias, ROWS, in, out);
				k->linear_backward(dev, c, b, NULL, a, a, b, ROWS, in, out);
			}
		k->unembed(dev, c, a, b, ROWS, w, v);
		k->unembed_backward(dev, c, b, a, a, b, ROWS, w, v);
	}
	ok(dev->plain_products == 0, "%s: cuBLASLt lacks %d of the networks' products",
	   dtype_name(dtype), dev->plain_products);
	k->free(dev, a);
	k->free(dev, b);
	k->free(dev, c);
	k->close(dev);
}

int main(int argc, char **argv)
{
	const bool quick = argc > 1 && strcmp(argv[1], "quick") == 0;
	const int steps = quick ? 4 : 200;
	struct err err = {0};
	const struct kernels *cuda = kernels_find("cuda", &err), *cpu = kernels_find("cpu", &err);

	if (cuda == NULL) {
		printf("1..0 # SKIP %s\n", err.text);
		return 0;
	}
	if (!quick)
		check_memory(cuda);
	ops_check(cuda, DTYPE_F32, "cuda", ok);
	if (!quick)
		check_products(cuda, DTYPE_F32);
	network_check(cuda, cpu, DTYPE_F32, steps, "network on the GPU", ok);
	for (enum dtype dtype = DTYPE_F16; dtype < DTYPES; dtype++) {
		char label[40];
		if (quick && dtype == DTYPE_F16 && cuda->supports(DTYPE_BF16))
			continue;
		if (!cuda->supports(dtype)) {
			ok(cuda->open(dtype, &err) == NULL && err.status != ERR_NONE,
			   "a GPU without %s says so: %s", dtype_name(dtype), err.text);
			err = (struct err){0};
			continue;
		}
		snprintf(label, sizeof label, "cuda, %s", dtype_name(dtype));
		ops_check(cuda, dtype, label, ok);
		if (!quick)
			check_products(cuda, dtype);
		snprintf(label, sizeof label, "network on the GPU, %s", dtype_name(dtype));
		network_check(cuda, cpu, dtype, steps, label, ok);
	}
	return done();
}
