/* matmul.c - how fast this machine multiplies matrices: the yardstick of training speed, so that a
 * benchmark can print a share.
 *
 * matmul [THREADS [DEVICE]]: for each type of operand that the device (default: cpu) has a fast
 * product of, one line "type<TAB>GFLOP/s<TAB>what". THREADS threads (default: one for each
 * processor) multiply side by side, each its own operands; the number is their sum.
 *
 * On the CPU the product of floats is not ours: it is the best that oneDNN and OpenBLAS reach, over
 * large squares and the products of a network of width 128, forward and backward. Either library
 * may be missing, but not both. $MEMOSCOPE_ISA holds them to its level as it does memoscope. Other
 * products go through the table of the device.
 */
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	kernels->layernorm(dev, x, y, y + side, w, w, NULL, side, side, 1e-5f); /* makes activations */
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

/* ---- the libraries' products of floats ---- */

/* c[m,n] = op(a) op(b), row-major and dense. */
typedef void matrix_product(bool transpose_a, bool transpose_b, int m, int n, int k,
                            const float *a, const float *b, float *c);

static int (*onednn)(char, char, int64_t, int64_t, int64_t, float, const float *, int64_t,
                     const float *, int64_t, float, float *, int64_t);
static void (*openblas)(int, int, int, int, int, int, float, const float *, int, const float *, int,
                        float, float *, int);
static void (*openmp_threads)(int);

static void onednn_product(bool transpose_a, bool transpose_b, int m, int n, int k, const float *a,
                           const float *b, float *c)
{
	if (openmp_threads)
		openmp_threads(1);
	onednn(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1, a, transpose_a ? m : k,
	       b, transpose_b ? k : n, 0, c, n);
}

static void openblas_product(bool transpose_a, bool transpose_b, int m, int n, int k,
                             const float *a, const float *b, float *c)
{
	enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 }; /* of CBLAS */

	openblas(ROW_MAJOR, transpose_a ? TRANSPOSED : AS_IT_IS, transpose_b ? TRANSPOSED : AS_IT_IS,
	         m, n, k, 1, a, transpose_a ? m : k, b, transpose_b ? k : n, 0, c, n);
}

static void *open_first(const char *const *names)
{
	void *library = NULL;

	for (; *names && !library; names++)
		library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
	return library;
}

/* Each library, held to the level that $MEMOSCOPE_ISA names. */
static void open_libraries(void)
{
	static const char *const dnnl[] = {"libdnnl.so.3", "libdnnl.so.2", NULL},
	                         *const blas[] = {"libopenblas.so.0", NULL},
	                         *const openmp[] = {"libgomp.so.1", NULL};
	const char *level = getenv("MEMOSCOPE_ISA");
	const bool v2 = level && strcmp(level, "v2") == 0, v3 = level && strcmp(level, "v3") == 0;
	void *library;

	if (v2 || v3) {
		setenv("ONEDNN_MAX_CPU_ISA", v2 ? "SSE41" : "AVX2", 1);
		setenv("OPENBLAS_CORETYPE", v2 ? "Nehalem" : "Haswell", 1);
	}
	setenv("OPENBLAS_NUM_THREADS", "1", 1);
	if ((library = open_first(dnnl)) != NULL)
		onednn = (__typeof__(onednn))dlsym(library, "dnnl_sgemm");
	if ((library = open_first(openmp)) != NULL)
		openmp_threads = (__typeof__(openmp_threads))dlsym(library, "omp_set_num_threads");
	if ((library = open_first(blas)) != NULL)
		openblas = (__typeof__(openblas))dlsym(library, "cblas_sgemm");
}

struct shape {
	bool transpose_a, transpose_b;
	int m, n, k;
};

/* Large squares; and of a pass of 512 tokens the products with the weights of a block, then those
 * for the gradients of what went in, and of the weights. */
static const struct shape shapes[] = {
	{false, false, 768, 768, 768},
	{false, false, 1536, 1536, 1536},
	{false, false, 512, 384, 128},
	{false, false, 512, 512, 128},
	{false, false, 512, 128, 512},
	{false, true, 512, 128, 384},
	{false, true, 512, 512, 128},
	{true, false, 128, 384, 512},
	{true, false, 512, 128, 512},
};

enum { SHAPES = sizeof shapes / sizeof *shapes, LARGEST = 1536, ROUNDS = 3 };
static const double seconds = 0.06; /* of a round of one product */

struct library_runner {
	pthread_t thread;
	pthread_barrier_t *start;
	matrix_product *product;
	double gflops[SHAPES]; /* the best round */
};

static float *random_floats(size_t count)
{
	float *x;

	if (posix_memalign((void **)&x, 64, count * sizeof *x) != 0)
		abort();
	for (size_t i = 0; i < count; i++)
		x[i] = (float)((double)(i % 257) / 257 - 0.5);
	return x;
}

static void *run_library(void *arg)
{
	struct library_runner *runner = arg;
	const size_t most = (size_t)LARGEST * LARGEST;
	float *a = random_floats(most), *b = random_floats(most), *c = random_floats(most);

	for (int s = 0; s < SHAPES; s++) {
		const struct shape *at = &shapes[s];
		const double flops = 2.0 * at->m * at->n * at->k;
		for (int round = 0; round < ROUNDS; round++) {
			long products = 0;
			double began, took;
			runner->product(at->transpose_a, at->transpose_b, at->m, at->n, at->k, a, b, c);
			pthread_barrier_wait(runner->start);
			began = now();
			do {
				runner->product(at->transpose_a, at->transpose_b, at->m, at->n, at->k, a,
				                b, c);
				products++;
			} while ((took = now() - began) < seconds);
			runner->gflops[s] = fmax(runner->gflops[s],
			                         flops * (double)products / took / 1e9);
		}
	}
	free(a);
	free(b);
	free(c);
	return NULL;
}

/* The best sum of the threads over all shapes; *best is where. */
static double library_peak(matrix_product *multiply, int threads, int *best)
{
	struct library_runner *runners = calloc((size_t)threads, sizeof *runners);
	double sum[SHAPES] = {0};
	pthread_barrier_t start;

	if (!runners)
		abort();
	pthread_barrier_init(&start, NULL, (unsigned)threads);
	for (int i = 0; i < threads; i++) {
		runners[i].start = &start;
		runners[i].product = multiply;
		if (pthread_create(&runners[i].thread, NULL, run_library, &runners[i]) != 0)
			abort();
	}
	*best = 0;
	for (int i = 0; i < threads; i++)
		pthread_join(runners[i].thread, NULL);
	for (int s = 0; s < SHAPES; s++) {
		for (int i = 0; i < threads; i++)
			sum[s] += runners[i].gflops[s];
		if (sum[s] > sum[*best])
			*best = s;
	}
	pthread_barrier_destroy(&start);
	free(runners);
	return sum[*best];
}

/* The line of the better library. */
static void print_floats(int threads)
{
	int at[2] = {0, 0};
	double gflops[2] = {0, 0};

	open_libraries();
	if (!onednn && !openblas)
		die("neither oneDNN nor OpenBLAS is here to be measured by");
	if (onednn)
		gflops[0] = library_peak(onednn_product, threads, &at[0]);
	if (openblas)
		gflops[1] = library_peak(openblas_product, threads, &at[1]);
	const int best = gflops[1] > gflops[0];
	const struct shape *s = &shapes[at[best]];
	printf("f32\t%.1f\t%s, %s[%d,%d] %s[%d,%d]", gflops[best], best ? "OpenBLAS" : "oneDNN",
	       s->transpose_a ? "transposed " : "", s->transpose_a ? s->k : s->m,
	       s->transpose_a ? s->m : s->k, s->transpose_b ? "transposed " : "",
	       s->transpose_b ? s->n : s->k, s->transpose_b ? s->k : s->n);
	if (onednn && openblas)
		printf("; %s reaches %.1f", best ? "oneDNN" : "OpenBLAS", gflops[!best]);
	putchar('\n');
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
	for (enum dtype dtype = DTYPE_F32; dtype < DTYPES; dtype++) {
		if (dtype == DTYPE_F32 && strcmp(kernels->name, "cpu") == 0)
			print_floats((int)threads);
		else if (kernels->supports(dtype))
			printf("%s\t%.1f\tmemoscope, [%d,%d] [%d,%d]\n", dtype_name(dtype),
			       peak(kernels, dtype, (int)threads), side_of(kernels), side_of(kernels),
			       side_of(kernels), side_of(kernels));
	}
	return 0;
}
