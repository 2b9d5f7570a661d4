/* peak.c - how fast this machine multiplies matrices through the kernel table.
 *
 * peak [THREADS [DEVICE]]: for each type of operand that the device (default: cpu)
 * has a fast product of, one line "type<TAB>GFLOP/s": the sum over THREADS threads
 * (default: one for each processor), each at its own square product
 * for about a second. It is the yardstick of training speed, so that a benchmark can
 * print a ratio.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "kernels/kernels.h"

enum { THREADS_MAX = 256 };

/* What stays in a core's cache, or is to a GPU as nothing beside the product. */
static int side_of(const struct kernels *kernels)
{
	return kernels->single ? 16384 : 768;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct runner {
	pthread_t thread;
	const struct kernels *kernels;
	enum dtype dtype;
	pthread_barrier_t *start;
	double gflops;
};

static float *filled(const struct kernels *kernels, struct device *dev)
{
	size_t count = (size_t)side_of(kernels) * (size_t)side_of(kernels);
	float *host = malloc(count * sizeof(*host)), *memory;
	if (!host)
		abort();
	for (size_t i = 0; i < count; i++)
		host[i] = (float)((double)(i % 257) / 257 - 0.5);
	memory = kernels->alloc(dev, count * sizeof(*host));
	if (!memory)
		abort();
	kernels->upload(dev, memory, host, count * sizeof(*host));
	free(host);
	return memory;
}

static void *run(void *arg)
{
	struct runner *runner = arg;
	const struct kernels *kernels = runner->kernels;
	struct err err = {0};
	struct device *dev = kernels->open(runner->dtype, &err);
	const int side = side_of(kernels);
	float *x, *w, *y, probe;
	double began, took;
	long products = 0;

	if (!dev)
		err_exit(&err);
	x = filled(kernels, dev);
	w = filled(kernels, dev);
	y = filled(kernels, dev);
	kernels->layernorm(dev, x, y, y + side, w, w, NULL, side, side); /* makes activations */
	if (kernels->weights)
		kernels->weights(dev, w, (size_t)side * (size_t)side);
	kernels->linear(dev, y, x, w, NULL, side, side, side); /* warms up */
	kernels->wait(dev);
	pthread_barrier_wait(runner->start);
	began = now();
	do {
		kernels->linear(dev, y, x, w, NULL, side, side, side);
		kernels->download(dev, &probe, y, sizeof(probe));
		products++;
		took = now() - began;
	} while (took < 1);
	runner->gflops = 2.0 * side * side * side * (double)products / took / 1e9;
	kernels->free(dev, x);
	kernels->free(dev, w);
	kernels->free(dev, y);
	kernels->close(dev);
	return NULL;
}

static double peak(const struct kernels *kernels, enum dtype dtype, int threads)
{
	struct runner runners[THREADS_MAX];
	pthread_barrier_t start;
	double sum = 0;

	pthread_barrier_init(&start, NULL, (unsigned)threads);
	for (int i = 0; i < threads; i++) {
		runners[i] = (struct runner){ .kernels = kernels, .dtype = dtype, .start = &start };
		if (pthread_create(&runners[i].thread, NULL, run, &runners[i]) != 0)
			abort();
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(runners[i].thread, NULL);
		sum += runners[i].gflops;
	}
	pthread_barrier_destroy(&start);
	return sum;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	const struct kernels *kernels = kernels_find(argc > 2 ? argv[2] : "cpu", &err);
	long threads = argc > 1 ? atol(argv[1]) : sysconf(_SC_NPROCESSORS_ONLN);

	if (!kernels)
		err_exit(&err);
	if (threads < 1 || threads > THREADS_MAX)
		die_usage("THREADS must be 1 to %d", THREADS_MAX);
	for (enum dtype dtype = DTYPE_F32; dtype < DTYPES; dtype++)
		if (kernels->supports(dtype))
			printf("%s\t%.1f\n", dtype_name(dtype), peak(kernels, dtype, (int)threads));
	return 0;
}
