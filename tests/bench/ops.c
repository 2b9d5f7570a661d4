/* ops.c - how long each operation of a training pass takes.
 *
 * ops [DEVICE [DTYPE [ROWS WIDTH HEADS VOCABULARY]]]: a line for each, as often as it is
 * called in a block of the network (or once, outside of blocks):
 * "operation<TAB>microseconds<TAB>GB/s<TAB>GFLOP/s<TAB>share", with the bytes that it has
 * to move and the multiplications and additions that it has to make, and its share of a
 * network of LAYERS blocks. By default on cuda, in the device's best dtype, 64 sequences of
 * 256 tokens and the width of the article's 63M parameters. What it says of a single
 * operation is more than that costs in a pass that is launched as one graph.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/model/backend.h"
#include "kernels/kernels.h"

enum { LAYERS = 20, CONTEXT = 256, PARAMETERS_OF_BLOCK = 12, OPS_MAX = 40 };

struct bench {
	const struct kernels *k;
	struct device *dev;
	enum dtype dtype;
	int n, c, h, v;
	double element; /* bytes of an activation */
	struct sequences sequences;
	/* device memory of n * 4c floats each: activations, the residual stream, results */
	void *in, *out, *other;
	float *x, *y, *logits;
	float *weight, *grad, *m, *mean, *rstd, *lse; /* weights [4c,4c], as are grad and m */
	int32_t *token, *position;
	struct adamw_range *range;
	struct update *update;
	double *sum;
	/* what has been measured */
	struct line {
		const char *name;
		double calls, seconds, bytes, flops;
	} line[OPS_MAX];
	int lines;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *must(void *memory)
{
	if (memory)
		return memory;
	fprintf(stderr, "ops: out of memory\n");
	exit(1);
}

/* Normal enough numbers of about 1: activations get them through a layer norm. */
static float *floats(struct bench *b, size_t count)
{
	float *host = must(malloc(count * sizeof *host));
	float *at = must(b->k->alloc(b->dev, count * sizeof *at));

	for (size_t i = 0; i < count; i++)
		host[i] = (float)((double)(i * 2654435761u % 1000003) / 250000 - 2);
	b->k->upload(b->dev, at, host, count * sizeof *at);
	free(host);
	return at;
}

static int32_t *integers(struct bench *b, int below)
{
	int32_t *host = must(malloc((size_t)b->n * sizeof *host));
	int32_t *at = must(b->k->alloc(b->dev, (size_t)b->n * sizeof *at));

	for (int i = 0; i < b->n; i++)
		host[i] = below == CONTEXT ? i % below : (int32_t)((unsigned)i * 40503u % (unsigned)below);
	b->k->upload(b->dev, at, host, (size_t)b->n * sizeof *at);
	free(host);
	return at;
}

static void open_bench(struct bench *b)
{
	const size_t wide = (size_t)b->n * 4 * (size_t)b->c;
	const size_t square = 16 * (size_t)b->c * (size_t)b->c;
	const int count = (b->n + CONTEXT - 1) / CONTEXT;
	int32_t *begin = must(malloc((size_t)(count + 1) * sizeof *begin));
	const struct adamw_range range = {0, square, true};
	const struct update update = {.correct1 = 10, .correct2 = 100, .grad_scale = 1, .finite = true};

	for (int i = 0; i <= count; i++)
		begin[i] = i < count ? i * CONTEXT : b->n;
	b->sequences = (struct sequences){count, begin, b->n < CONTEXT ? b->n : CONTEXT};
	b->element = (double)dtype_size(b->k->activations(b->dev));
	b->x = floats(b, wide);
	b->y = floats(b, wide);
	b->in = floats(b, wide);
	b->out = floats(b, wide);
	b->other = floats(b, wide);
	b->logits = floats(b, (size_t)b->n * (size_t)b->v);
	b->weight = floats(b, square);
	b->grad = floats(b, square);
	b->m = floats(b, 2 * square);
	b->mean = floats(b, (size_t)b->n);
	b->rstd = floats(b, (size_t)b->n);
	b->lse = floats(b, (size_t)b->n * (size_t)b->h);
	b->token = integers(b, b->v);
	b->position = integers(b, CONTEXT);
	b->range = must(b->k->alloc(b->dev, sizeof *b->range));
	b->k->upload(b->dev, b->range, &range, sizeof range);
	b->update = must(b->k->alloc(b->dev, sizeof *b->update));
	b->k->upload(b->dev, b->update, &update, sizeof update);
	b->sum = must(b->k->alloc(b->dev, sizeof *b->sum));
	void *made[] = {b->in, b->out, b->other};
	for (int i = 0; i < 3; i++)
		b->k->layernorm(b->dev, made[i], b->mean, b->rstd, b->x, b->weight, NULL, b->n, 4 * b->c,
		                1e-5f);
	if (b->k->weights)
		b->k->weights(b->dev, b->weight, square);
}

/* Time `call`, which there are so many of, for about a fifth of a second. */
#define TIME(b, name_, calls_, bytes_, flops_, call)                                       \
	do {                                                                               \
		double took_ = 0;                                                          \
		long times_ = 0;                                                           \
		call;                                                                      \
		(b)->k->wait((b)->dev);                                                    \
		for (long many_ = 1; took_ < 0.2; many_ *= 2) {                            \
			const double began_ = now();                                       \
			for (times_ = 0; times_ < many_; times_++)                         \
				call;                                                      \
			(b)->k->wait((b)->dev);                                            \
			took_ = now() - began_;                                            \
		}                                                                          \
		(b)->line[(b)->lines++] = (struct line){name_, calls_, took_ / (double)times_, \
		                                        bytes_, flops_};                   \
	} while (0)

static void forward(struct bench *b)
{
	const struct kernels *k = b->k;
	struct device *dev = b->dev;
	const int n = b->n, c = b->c, h = b->h;
	const double nc = (double)n * c, e = b->element, cc = (double)c * c;
	const struct dropout none = {0, 0, NULL, 0};

	TIME(b, "layernorm", 2, nc * (4 + e), 0,
	     k->layernorm(dev, b->out, b->mean, b->rstd, b->x, b->weight, NULL, n, c, 1e-5f));
	TIME(b, "linear, to q, k, v", 1, 4 * nc * e + 3 * cc * e, 6 * nc * c,
	     k->linear(dev, b->out, b->in, b->weight, NULL, n, c, 3 * c));
	TIME(b, "attention", 1, 4 * nc * e, 2 * nc * CONTEXT,
	     k->attention(dev, b->out, b->lse, b->in, &b->sequences, c, h, &none));
	TIME(b, "linear_residual, of attention", 1, nc * (e + 8) + cc * e, 2 * nc * c,
	     k->linear_residual(dev, b->y, b->x, b->in, b->weight, NULL, n, c, c));
	TIME(b, "linear, to four times the width", 1, 5 * nc * e + 4 * cc * e, 8 * nc * c,
	     k->linear(dev, b->out, b->in, b->weight, NULL, n, c, 4 * c));
	TIME(b, "gelu", 1, 8 * nc * e, 0, k->gelu(dev, b->out, b->in, 4 * (size_t)n * (size_t)c));
	TIME(b, "gelu_tanh, in other networks", 0, 8 * nc * e, 0,
	     k->gelu_tanh(dev, b->out, b->in, 4 * (size_t)n * (size_t)c));
	TIME(b, "linear_residual, of four times the width", 1, nc * (4 * e + 8) + 4 * cc * e,
	     8 * nc * c, k->linear_residual(dev, b->y, b->x, b->in, b->weight, NULL, n, 4 * c, c));
}

static void backward(struct bench *b)
{
	const struct kernels *k = b->k;
	struct device *dev = b->dev;
	const int n = b->n, c = b->c, h = b->h;
	const double nc = (double)n * c, e = b->element, cc = (double)c * c;
	const struct dropout none = {0, 0, NULL, 0};

	TIME(b, "linear_residual_backward, of four times the width", 1,
	     nc * 9 * e + cc * (4 * e + 32), 16 * nc * c,
	     k->linear_residual_backward(dev, b->out, b->grad, NULL, b->x, b->other, b->in, b->weight,
	                                 n, 4 * c, c));
	TIME(b, "gelu_backward", 1, 12 * nc * e, 0,
	     k->gelu_backward(dev, b->out, b->in, b->other, 4 * (size_t)n * (size_t)c));
	TIME(b, "linear_backward, to four times the width", 1, 6 * nc * e + cc * (4 * e + 32),
	     16 * nc * c,
	     k->linear_backward(dev, b->out, b->grad, NULL, b->in, b->other, b->weight, n, c, 4 * c));
	TIME(b, "layernorm_backward", 2, nc * (12 + 2 * e), 0,
	     k->layernorm_backward(dev, b->y, b->grad, NULL, b->out, b->in, b->x, b->mean, b->rstd,
	                           b->weight, n, c));
	TIME(b, "linear_residual_backward, of attention", 1, nc * 3 * e + cc * (e + 8),
	     4 * nc * c,
	     k->linear_residual_backward(dev, b->out, b->grad, NULL, b->x, b->other, b->in, b->weight,
	                                 n, c, c));
	TIME(b, "attention_backward", 1, 8 * nc * e, 5 * nc * CONTEXT,
	     k->attention_backward(dev, b->out, b->other, b->other, b->lse, b->in, &b->sequences, c, h,
	                           &none));
	TIME(b, "linear_backward, to q, k, v", 1, 5 * nc * e + cc * (3 * e + 24), 12 * nc * c,
	     k->linear_backward(dev, b->out, b->grad, NULL, b->in, b->other, b->weight, n, c, 3 * c));
}

/* What there is once in a pass or a step, as a part of a block. */
static void outside(struct bench *b)
{
	const struct kernels *k = b->k;
	struct device *dev = b->dev;
	const int n = b->n, c = b->c, v = b->v;
	const double nc = (double)n * c, nv = (double)n * v, e = b->element, part = 1.0 / LAYERS;
	const size_t square = 16 * (size_t)c * (size_t)c;
	const double steps = PARAMETERS_OF_BLOCK / 16.0; /* of the square, in a block */
	const struct adamw adamw = {.beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-8f};

	TIME(b, "embed", part, nc * 4, 0,
	     k->embed(dev, b->x, b->token, b->position, b->weight, b->weight, n, c));
	TIME(b, "unembed", part, nc * e + nv * 4, 2 * nc * v,
	     k->unembed(dev, b->logits, b->in, b->weight, n, c, v));
	TIME(b, "cross_entropy", part, nv * 8, 0,
	     k->cross_entropy(dev, b->mean, b->logits, b->logits, b->token, NULL, n, v));
	TIME(b, "unembed_backward", part, 2 * nc * e + nv * 4, 4 * nc * v,
	     k->unembed_backward(dev, b->out, b->grad, b->logits, b->in, b->weight, n, c, v));
	TIME(b, "embed_backward", part, nc * 8, 0,
	     k->embed_backward(dev, b->grad, b->grad + 4 * (size_t)c * (size_t)c, b->x, b->token,
	                       b->position, n, c, v, CONTEXT));
	TIME(b, "norm2", steps, (double)square * 4, 0, k->norm2(dev, b->sum, b->grad, square));
	TIME(b, "adamw", steps, (double)square * 28, 0,
	     k->adamw(dev, b->weight, b->grad, b->m, b->m + square, square, b->range, 1,
	              &adamw, b->update));
	if (k->weights)
		TIME(b, "weights", steps, (double)square * (4 + e), 0, k->weights(dev, b->weight, square));
}

static void print(const struct bench *b)
{
	double all = 0;

	for (int i = 0; i < b->lines; i++)
		all += b->line[i].calls * b->line[i].seconds;
	printf("operation\tmicroseconds\tGB/s\tGFLOP/s\tshare\n");
	for (int i = 0; i < b->lines; i++) {
		const struct line *line = &b->line[i];
		printf("%s\t%.2f\t%.1f\t%.1f\t%.3f\n", line->name, 1e6 * line->seconds,
		       line->bytes / line->seconds / 1e9, line->flops / line->seconds / 1e9,
		       line->calls * line->seconds / all);
	}
	printf("all, of %d blocks\t%.2f\n", LAYERS, 1e6 * LAYERS * all);
}

/* The dtype of that name; NULL: the best. */
static enum dtype dtype_of(const struct kernels *k, const char *name)
{
	for (enum dtype dtype = DTYPE_F32; name && dtype < DTYPES; dtype++)
		if (strcmp(name, dtype_name(dtype)) == 0)
			return dtype;
	if (name)
		die_usage("DTYPE '%s' is not known", name);
	return backend_dtype(k, DTYPE_AUTO);
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct bench b = {
		.k = kernels_find(argc > 1 ? argv[1] : "cuda", &err),
		.n = argc > 3 ? atoi(argv[3]) : 64 * CONTEXT, .c = argc > 4 ? atoi(argv[4]) : 512,
		.h = argc > 5 ? atoi(argv[5]) : 8, .v = argc > 6 ? atoi(argv[6]) : 70,
	};

	if (!b.k)
		err_exit(&err);
	/* gradients of both embeddings stand in the weights' place: [4c,c] and the rest */
	if (b.n < 1 || b.c < CONTEXT / 12 + 1 || b.h < 1 || b.c % b.h || b.v < 1 || b.v > 4 * b.c)
		die_usage("expected ROWS, WIDTH from %d on, HEADS that divide it, and VOCABULARY of at "
		          "most four times WIDTH", CONTEXT / 12 + 1);
	b.dtype = dtype_of(b.k, argc > 2 ? argv[2] : NULL);
	b.dev = b.k->open(b.dtype, &err);
	if (!b.dev)
		err_exit(&err);
	open_bench(&b);
	forward(&b);
	backward(&b);
	outside(&b);
	print(&b);
	b.k->close(b.dev);
	return 0;
}
