/* check.c - the GPU against the reference and the CPU: what `make gpu-check` runs.
 *
 * check [quick]: every operation of the table "cuda" in each dtype, then a network
 * beside one on the CPU and 200 steps of training. quick: few steps, for
 * compute-sanitizer, which takes its time. TAP on stdout. */
#include "tests/tap.h"

#include "kernels/kernels.h"
#include "tests/ref/check.h"
#include "tests/ref/network.h"

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

int main(int argc, char **argv)
{
	const int steps = argc > 1 && strcmp(argv[1], "quick") == 0 ? 4 : 200;
	struct err err = {0};
	const struct kernels *cuda = kernels_find("cuda", &err), *cpu = kernels_find("cpu", &err);

	if (cuda == NULL) {
		printf("1..0 # SKIP %s\n", err.text);
		return 0;
	}
	check_memory(cuda);
	ops_check(cuda, DTYPE_F32, "cuda", ok);
	network_check(cuda, cpu, DTYPE_F32, steps, "network on the GPU", ok);
	for (enum dtype dtype = DTYPE_F16; dtype < DTYPES; dtype++) {
		char label[40];
		if (!cuda->supports(dtype)) {
			ok(cuda->open(dtype, &err) == NULL && err.status != ERR_NONE,
			   "a GPU without %s says so: %s", dtype_name(dtype), err.text);
			err = (struct err){0};
			continue;
		}
		snprintf(label, sizeof label, "cuda, %s", dtype_name(dtype));
		ops_check(cuda, dtype, label, ok);
		snprintf(label, sizeof label, "network on the GPU, %s", dtype_name(dtype));
		network_check(cuda, cpu, dtype, steps, label, ok);
	}
	return done();
}
