/* network.h - small networks with parameters of their own, passes over them, and how far results
 * are apart: for tests of the network, on the CPU's table or the reference's. */
#ifndef MEMOSCOPE_TESTS_NETWORK_H
#define MEMOSCOPE_TESTS_NETWORK_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rng.h"
#include "common/model/gpt.h"
#include "kernels/cpu/cpu.h"
#include "tests/kernels/harness/table.h"
#include "tests/model/shape.h"
#include "tests/tap.h"

#define UNUSED __attribute__((unused))

#define ROWS 96 /* the most of any pass here */

/* A network on a device with parameters of its own. */
struct net {
	struct gpt_config config;
	const struct kernels *k;
	struct device *dev;
	float *params; /* host */
	float *params_at; /* device */
	size_t count;
	struct gpt *gpt;
};

/* A pass and the memory behind it. */
struct pass {
	struct gpt_batch batch;
	int32_t begin[9], token[ROWS], position[ROWS], target[ROWS];
	float weight[ROWS];
};

UNUSED static const struct gpt_config small = SHAPE(2, 2, 6, 9, 11, true, 0);
UNUSED static const struct gpt_config other_kind = OTHER_KIND;
UNUSED static const struct gpt_config bare = SHAPE(1, 1, 5, 9, 7, false, 0);
/* What is tried at each level of the instruction set. */
UNUSED static const struct gpt_config shapes[] = {
	SHAPE(2, 2, 6, 9, 11, true, 0), SHAPE(1, 1, 5, 9, 7, false, 0),
	SHAPE(2, 2, 4, 16, 70, false, 0), SHAPE(3, 4, 20, 33, 17, true, 0),
	SHAPE(8, 8, 16, 33, 70, false, 0), SHAPE(1, 3, 51, 40, 31, true, 0),
	SHAPE(2, 4, 128, 64, 71, true, 0), SHAPE(2, 2, 6, 9, 11, true, 7),
	SHAPE(2, 3, 12, 33, 17, false, 131),
	/* of other kinds: one difference at a time, and all */
	{.layers = 2, .heads = 2, .width = 6, .context = 9, .vocab = 11, .activation = GPT_GELU_TANH},
	{.layers = 2, .heads = 2, .width = 6, .context = 9, .vocab = 11, .epsilon = 0.1},
	{.layers = 2, .heads = 2, .width = 6, .context = 9, .vocab = 11, .unscaled = true},
	{.layers = 2, .heads = 2, .width = 6, .context = 9, .vocab = 11, .by_layer = true},
	{.layers = 2, .heads = 2, .width = 6, .context = 9, .vocab = 11, .own_head = true},
	OTHER_KIND,
	{.layers = 3, .heads = 3, .width = 51, .context = 40, .vocab = 31, .bias = true, .inner = 70,
	 .activation = GPT_GELU_TANH, .epsilon = 1e-3, .unscaled = true, .by_layer = true,
	 .own_head = true},
};

#define SHAPES ((int)(sizeof shapes / sizeof *shapes))

/* The lengths of a pass's sequences; 0 ends them. */
UNUSED static const int some_lengths[] = {9, 1, 2, 7, 9, 0};

UNUSED static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

UNUSED static const struct kernels *cpu(void)
{
	struct err err = {0};

	return must((void *)kernels_find("cpu", &err));
}

UNUSED static void put_params(struct net *net)
{
	net->k->upload(net->dev, net->params_at, net->params, net->count * sizeof *net->params);
}

/* Parameters large enough that every part of the network matters. */
UNUSED static struct net new_net_of(const struct gpt_config *config, const struct kernels *k,
                          enum gpt_keep keep, int rows)
{
	struct err err = {0};
	struct net net = {.config = *config, .k = k, .count = gpt_parameter_count(config)};
	int tensors = gpt_tensor_count(config);
	struct gpt_tensor *tensor = must(calloc(tensors, sizeof *tensor));
	struct rng rng;

	rng_init(&rng, 4, RNG_TEST, 0);
	net.params = must(malloc(net.count * sizeof *net.params));
	gpt_tensors(config, tensor);
	for (int i = 0; i < tensors; i++)
		for (size_t j = 0; j < tensor[i].count; j++)
			net.params[tensor[i].offset + j] =
				(float)(rng_normal(&rng) / sqrt(tensor[i].rows ? config->width : 4) +
			                (tensor[i].rows == 0 && strstr(tensor[i].name, "ln_") ? 1 : 0));
	free(tensor);
	net.dev = must(k->open(DTYPE_F32, &err));
	net.params_at = must(k->alloc(net.dev, net.count * sizeof *net.params));
	put_params(&net);
	net.gpt = must(gpt_new(config, k, net.dev, net.params_at, rows, keep, &err));
	return net;
}

UNUSED static struct net new_net(const struct gpt_config *config, const struct kernels *k,
                          enum gpt_keep keep)
{
	return new_net_of(config, k, keep, ROWS);
}

UNUSED static void free_net(struct net *net)
{
	gpt_free(net->gpt);
	net->k->free(net->dev, net->params_at);
	net->k->close(net->dev);
	free(net->params);
}

/* Sequences of these lengths (0 ends), random tokens; every fifth row has no
 * target, weights vary and some are 0. */
UNUSED static void fill_pass(struct pass *pass, const struct gpt_config *config, const int *lengths,
                      uint64_t number)
{
	struct rng rng;
	int n = 0;

	rng_init(&rng, 5, RNG_TEST, number);
	memset(pass, 0, sizeof *pass);
	for (int s = 0; lengths[s] > 0; s++) {
		for (int i = 0; i < lengths[s]; i++, n++) {
			pass->position[n] = i;
			pass->token[n] = (int32_t)rng_below(&rng, config->vocab);
			pass->target[n] = n % 5 == 4 ? -1 : (int32_t)rng_below(&rng, config->vocab);
			pass->weight[n] = (float)(n % 4) / 2;
		}
		pass->begin[s + 1] = n;
		pass->batch.sequences.count = s + 1;
		if (lengths[s] > pass->batch.sequences.longest)
			pass->batch.sequences.longest = lengths[s];
	}
	pass->batch.count = n;
	pass->batch.sequences.begin = pass->begin;
	pass->batch.token = pass->token;
	pass->batch.position = pass->position;
	pass->batch.target = pass->target;
	pass->batch.weight = pass->weight;
}

UNUSED static float *gradients(struct net *net)
{
	float *grads = must(malloc(net->count * sizeof *grads));

	net->k->download(net->dev, grads, gpt_gradients(net->gpt), net->count * sizeof *grads);
	return grads;
}

/* Gradients of one pass alone. */
UNUSED static float *pass_gradients(struct net *net, const struct pass *pass, float *losses)
{
	gpt_zero_gradients(net->gpt);
	gpt_forward(net->gpt, &pass->batch, losses);
	gpt_backward(net->gpt);
	return gradients(net);
}

/* The largest |a - b| in units of the root mean square of b. */
UNUSED static double apart(const float *a, const float *b, size_t count)
{
	double square = 0, worst = 0;

	for (size_t i = 0; i < count; i++) {
		double off = fabs((double)a[i] - b[i]);
		square += (double)b[i] * b[i] / count;
		if (!(off <= worst)) /* NaN stays */
			worst = off;
	}
	return worst / sqrt(square);
}

UNUSED static bool ok_apart(const float *a, const float *b, size_t count, double limit,
                            const char *what)
{
	double off = apart(a, b, count);
	bool good = ok(off <= limit, "%s", what);

	if (!good)
		printf("# off by %g of the root mean square, limit %g\n", off, limit);
	return good;
}

/* Logits of every row of a pass without targets, to free(). */
UNUSED static float *pass_logits(struct net *net, const struct pass *pass)
{
	float *logits = must(malloc((size_t)ROWS * net->config.vocab * sizeof *logits));

	gpt_forward(net->gpt, &pass->batch, NULL);
	gpt_logits(net->gpt, 0, pass->batch.count, logits);
	return logits;
}

/* Call check for each shape at each level of the instruction set that the processor has. */
UNUSED static void at_each_level(void (*check)(const struct gpt_config *, const struct kernels *))
{
	static const char *const levels[] = {"v2", "v3", "v4", "native"};

	for (size_t level = 0; level < sizeof levels / sizeof *levels; level++) {
		const struct kernels *k = kernels_cpu_level(levels[level]);
		for (int i = 0; k && i < SHAPES; i++) {
			printf("# level %s\n", levels[level]);
			check(&shapes[i], k);
		}
	}
}

#endif
