/* gpt_memory.c - the memory of a network: gpt_new(), gpt_free() and gpt_memory(). */
#include "common/model/gpt_internal.h"

#define LOGITS_BYTES ((size_t)32 << 20) /* of a block, about */
#define LOGITS_ROWS 16 /* a block has a multiple of these */

#include <assert.h>
#include <stdlib.h>

#include "common/base/array.h"

/* ---- buffers ---- */

void *gpt_alloc(struct gpt *gpt, size_t bytes)
{
	gpt->memory_bytes += bytes;
	if (array_reserve(&gpt->memory, &gpt->memory_room, (size_t)gpt->memory_count + 1) < 0) {
		gpt->memory_failed = true;
		return NULL;
	}
	void *buffer = gpt->k->alloc(gpt->dev, bytes);
	if (!buffer)
		gpt->memory_failed = true;
	gpt->memory[gpt->memory_count++] = buffer;
	return buffer;
}

float *gpt_alloc_floats(struct gpt *gpt, size_t rows, size_t cols)
{
	return gpt_alloc(gpt, rows * cols * sizeof(float));
}

static void *alloc_activations(struct gpt *gpt, size_t rows, size_t cols)
{
	return gpt_alloc(gpt, rows * cols * gpt->activation_size);
}

static void alloc_attention(struct gpt *gpt, struct block_activations *block)
{
	const size_t n = (size_t)gpt->rows_max, c = (size_t)gpt->config.width;

	block->qkv = alloc_activations(gpt, n, 3 * c);
	block->lse = gpt_alloc_floats(gpt, n, (size_t)gpt->config.heads);
	block->att = alloc_activations(gpt, n, c);
}

static void alloc_block(struct gpt *gpt, struct block_activations *block)
{
	const size_t n = (size_t)gpt->rows_max, c = (size_t)gpt->config.width;
	const size_t inner = (size_t)gpt_inner(&gpt->config);

	block->x = gpt_alloc_floats(gpt, n, c);
	block->ln_1 = alloc_activations(gpt, n, c);
	block->mean_1 = gpt_alloc_floats(gpt, n, 1);
	block->rstd_1 = gpt_alloc_floats(gpt, n, 1);
	alloc_attention(gpt, block);
	block->x_mid = gpt_alloc_floats(gpt, n, c);
	block->ln_2 = alloc_activations(gpt, n, c);
	block->mean_2 = gpt_alloc_floats(gpt, n, 1);
	block->rstd_2 = gpt_alloc_floats(gpt, n, 1);
	block->fc = alloc_activations(gpt, n, inner);
	block->gelu = alloc_activations(gpt, n, inner);
}

/* Every block's activations. All blocks use the first one's buffers, but for what is kept. */
static void alloc_blocks(struct gpt *gpt)
{
	const size_t n = (size_t)gpt->rows_max, c = (size_t)gpt->config.width;

	for (int l = 0; l < gpt->config.layers; l++) {
		if (l == 0 || gpt->keep == GPT_KEEP_ALL) {
			alloc_block(gpt, &gpt->blocks[l]);
			continue;
		}
		gpt->blocks[l] = gpt->blocks[0];
		if (gpt->keep == GPT_KEEP_ATTENTION)
			alloc_attention(gpt, &gpt->blocks[l]);
		if (gpt->keep == GPT_KEEP_RESIDUAL)
			gpt->blocks[l].x = gpt_alloc_floats(gpt, n, c);
	}
	/* A block may write its output over its input if the input is not kept. */
	gpt->x_last = gpt->keep == GPT_KEEP_ALL || gpt->keep == GPT_KEEP_RESIDUAL ?
	              gpt_alloc_floats(gpt, n, c) : gpt->blocks[0].x;
}

/* Logits are by far the largest of what a pass makes if the vocabulary is large. Only a backward
 * pass needs all of them at once. */
static int logit_rows(const struct gpt *gpt)
{
	const size_t most = LOGITS_BYTES / ((size_t)gpt->config.vocab * sizeof *gpt->logits);

	if (gpt->keep == GPT_KEEP_ALL || most >= (size_t)gpt->rows_max)
		return gpt->rows_max;
	return most > LOGITS_ROWS ? (int)(most / LOGITS_ROWS * LOGITS_ROWS) : LOGITS_ROWS;
}

static void alloc_buffers(struct gpt *gpt)
{
	const size_t n = (size_t)gpt->rows_max, c = (size_t)gpt->config.width;
	const size_t inner = (size_t)gpt_inner(&gpt->config);

	alloc_blocks(gpt);
	gpt->ln_f = alloc_activations(gpt, n, c);
	gpt->mean_f = gpt_alloc_floats(gpt, n, 1);
	gpt->rstd_f = gpt_alloc_floats(gpt, n, 1);
	gpt->logit_rows = logit_rows(gpt);
	gpt->logits = gpt_alloc_floats(gpt, (size_t)gpt->logit_rows, (size_t)gpt->config.vocab);
	gpt->loss = gpt_alloc_floats(gpt, n, 1);
	gpt->branch = gpt_alloc_floats(gpt, n, c);
	gpt->token = gpt_alloc(gpt, n * sizeof *gpt->token);
	gpt->position = gpt_alloc(gpt, n * sizeof *gpt->position);
	gpt->target = gpt_alloc(gpt, n * sizeof *gpt->target);
	gpt->slot = gpt_alloc(gpt, n * sizeof *gpt->slot);
	gpt->dropout_pass = gpt_alloc(gpt, sizeof *gpt->dropout_pass);
	gpt->loss_weight = gpt_alloc_floats(gpt, n, 1);
	if (gpt->keep == GPT_KEEP_ATTENTION)
		gpt->probs = gpt_alloc_floats(gpt, n, n);
	if (gpt->keep == GPT_KEEP_ALL) {
		gpt->gradients = gpt_alloc_floats(gpt, gpt_parameter_count(&gpt->config), 1);
		gpt->dx = gpt_alloc_floats(gpt, n, c);
		if (gpt->activation_size < sizeof(float))
			gpt->dx_rounded = alloc_activations(gpt, n, c);
		gpt->dbranch = alloc_activations(gpt, n, c);
		gpt->dwide = alloc_activations(gpt, n, inner > 3 * c ? inner : 3 * c);
	}
}

/* Let the device take what it needs beside these buffers, so that no pass runs out of it. */
static void reserve(struct gpt *gpt)
{
	const struct gpt_config *config = &gpt->config;
	const struct sizes sizes = {
		.rows = gpt->rows_max, .width = config->width, .inner = gpt_inner(config),
		.heads = config->heads, .vocab = config->vocab, .parameters = gpt_parameter_count(config),
	};
	size_t bytes = 0;

	if (gpt->memory_failed || gpt->keep != GPT_KEEP_ALL || !gpt->k->reserve)
		return;
	if (!gpt->k->reserve(gpt->dev, &sizes, &bytes))
		gpt->memory_failed = true;
	gpt->memory_bytes += bytes;
}

/* ---- weights ---- */

/* Find the tensors of an array, which stand in the order of gpt_tensors(). False: out of
 * memory. */
static bool map_weights(const struct gpt_config *config, float *array,
                        struct gpt_weights *weights)
{
	const int count = gpt_tensor_count(config);
	struct gpt_tensor *tensors = calloc((size_t)count, sizeof *tensors);
	int next = 0;

	weights->blocks = calloc((size_t)config->layers, sizeof *weights->blocks);
	if (!tensors || !weights->blocks) {
		free(tensors);
		return false;
	}
	gpt_tensors(config, tensors);
#define NEXT(field) (field) = array + tensors[next++].offset
#define NEXT_WITH_BIAS(field, bias_field)           \
	do {                                        \
		NEXT(field);                        \
		if (config->bias)                   \
			NEXT(bias_field);           \
	} while (0)
	NEXT(weights->wte);
	NEXT(weights->wpe);
	for (int l = 0; l < config->layers; l++) {
		struct block_weights *b = &weights->blocks[l];
		NEXT_WITH_BIAS(b->ln_1, b->ln_1_b);
		NEXT_WITH_BIAS(b->attn_qkv, b->attn_qkv_b);
		NEXT_WITH_BIAS(b->attn_proj, b->attn_proj_b);
		NEXT_WITH_BIAS(b->ln_2, b->ln_2_b);
		NEXT_WITH_BIAS(b->mlp_fc, b->mlp_fc_b);
		NEXT_WITH_BIAS(b->mlp_proj, b->mlp_proj_b);
	}
	NEXT_WITH_BIAS(weights->ln_f, weights->ln_f_b);
	weights->head = weights->wte;
	if (config->own_head)
		NEXT(weights->head);
#undef NEXT_WITH_BIAS
#undef NEXT
	assert(next == count);
	free(tensors);
	return true;
}

/* ---- the network ---- */

struct gpt *gpt_new(const struct gpt_config *config, const struct kernels *kernels,
                    struct device *dev, const float *params, int rows_max,
                    enum gpt_keep keep, struct err *err)
{
	struct gpt *gpt = calloc(1, sizeof *gpt);

	if (!gpt || gpt_config_check(config, err) < 0) {
		free(gpt);
		err_set(err, "out of memory");
		return NULL;
	}
	gpt->config = *config;
	gpt->k = kernels;
	gpt->dev = dev;
	gpt->rows_max = rows_max;
	gpt->keep = keep;
	gpt->epsilon = (float)gpt_epsilon(config);
	gpt->activation_size = dtype_size(kernels->activations(dev));
	gpt->blocks = calloc((size_t)config->layers, sizeof *gpt->blocks);
	if (gpt->blocks) {
		alloc_buffers(gpt);
		reserve(gpt);
	}
	/* The cast drops const: nothing writes through weights. */
	if (!gpt->blocks || gpt->memory_failed ||
	    !map_weights(config, (float *)params, &gpt->weights) ||
	    (keep == GPT_KEEP_ALL && !map_weights(config, gpt->gradients, &gpt->grads))) {
		const double mebibytes = (double)gpt->memory_bytes / 0x1p20;
		gpt_free(gpt);
		err_set(err, "out of memory: a network of %zu parameters and %d rows a pass takes %.1f "
		        "MiB, beside the parameters themselves", gpt_parameter_count(config),
		        rows_max, mebibytes);
		return NULL;
	}
	if (keep == GPT_KEEP_ALL)
		gpt_zero_gradients(gpt);
	return gpt;
}

void gpt_free(struct gpt *gpt)
{
	if (!gpt)
		return;
	for (int i = 0; i < gpt->memory_count; i++)
		gpt->k->free(gpt->dev, gpt->memory[i]);
	free(gpt->memory);
	free(gpt->weights.blocks);
	free(gpt->grads.blocks);
	free(gpt->blocks);
	free(gpt->ablated.heads);
	free(gpt->ablated.mlps);
	free(gpt);
}

size_t gpt_memory(const struct gpt *gpt)
{
	return gpt->memory_bytes;
}
