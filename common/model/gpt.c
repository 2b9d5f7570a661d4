#include "common/model/gpt.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Parameters or gradients of one block; biases NULL where there are none. */
struct block {
	float *ln_1, *ln_1_b, *attn, *attn_b, *proj, *proj_b;
	float *ln_2, *ln_2_b, *fc, *fc_b, *out, *out_b;
};

/* The whole array by name. */
struct weights {
	float *wte, *wpe, *ln_f, *ln_f_b;
	struct block *blocks;
};

/* What one block's backward pass needs of its forward pass; n rows each. void: kernels.h's
 * activations. */
struct layer {
	float *x; /* [n,c] the residual stream as it comes in */
	void *ln_1; /* [n,c] */
	float *mean_1, *rstd_1; /* [n] */
	void *qkv, *att; /* [n,3c], [n,c] */
	float *lse; /* [h,n] */
	float *mid; /* [n,c] the residual stream after attention */
	void *ln_2;
	float *mean_2, *rstd_2;
	void *fc, *gelu; /* [n,f] before and after GELU; f: gpt_inner() */
};

struct gpt {
	struct gpt_config config;
	const struct kernels *k;
	struct device *dev;
	int rows_max;
	enum gpt_keep keep;
	size_t element; /* bytes of an activation */

	float *grads; /* NULL unless all is kept */
	struct weights weight, grad;
	struct layer *layers; /* [layers]; what is not kept is the same buffer in all */
	float *x; /* [n,c] the residual stream after the last block */
	void *ln_f;
	float *mean_f, *rstd_f, *logits, *loss;
	float *branch; /* [n,c] what a block adds, where it is dropped out first */
	float *dx; /* [n,c] the gradient of the residual stream */
	void *rounded; /* [n,c] the same as activations; NULL where they are float32 */
	void *dbranch, *dwide; /* [n,c], [n,3c] or [n,f], the larger */
	float *probs; /* [n,n] one head's matrix; NULL unless attention is kept */
	int32_t *token, *position, *target, *slot;
	uint64_t *pass; /* [1] the number of the pass, for dropout */
	float *row_weight;
	float *stand_in; /* [layers,c] for the outputs of ablated heads; NULL: none is */
	bool *ablated; /* [layers,h] host memory; NULL: none is */

	const struct gpt_batch *batch; /* of the last pass: the caller's */
	int rows; /* of the last pass */
	struct dropout dropout;

	void **memory; /* everything above, to free */
	int memory_count, memory_room;
	size_t memory_bytes; /* what it all takes, had or not */
	bool memory_failed;
};

struct gpt_cache {
	struct gpt *gpt;
	int slots;
	void **keys, **values; /* [layers] device memory [slots * context * width], activations */
};

/* ---- memory ---- */

static void *take(struct gpt *gpt, size_t bytes)
{
	gpt->memory_bytes += bytes;
	if (gpt->memory_count == gpt->memory_room) {
		int room = gpt->memory_room ? 2 * gpt->memory_room : 64;
		void **memory = realloc(gpt->memory, (size_t)room * sizeof *memory);
		if (memory == NULL) {
			gpt->memory_failed = true;
			return NULL;
		}
		gpt->memory = memory;
		gpt->memory_room = room;
	}
	void *buffer = gpt->k->alloc(gpt->dev, bytes);
	if (buffer == NULL)
		gpt->memory_failed = true;
	gpt->memory[gpt->memory_count++] = buffer;
	return buffer;
}

static float *take_floats(struct gpt *gpt, size_t rows, size_t cols)
{
	return take(gpt, rows * cols * sizeof(float));
}

static void *take_activations(struct gpt *gpt, size_t rows, size_t cols)
{
	return take(gpt, rows * cols * gpt->element);
}

/* Pointers into a parameter array by the order gpt_tensors() lays down. */
static bool map_weights(const struct gpt_config *config, float *array, struct weights *weights)
{
	const int count = gpt_tensor_count(config);
	struct gpt_tensor *tensors = calloc((size_t)count, sizeof *tensors);
	int next = 0;

	weights->blocks = calloc((size_t)config->layers, sizeof *weights->blocks);
	if (tensors == NULL || weights->blocks == NULL) {
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
		struct block *b = &weights->blocks[l];
		NEXT_WITH_BIAS(b->ln_1, b->ln_1_b);
		NEXT_WITH_BIAS(b->attn, b->attn_b);
		NEXT_WITH_BIAS(b->proj, b->proj_b);
		NEXT_WITH_BIAS(b->ln_2, b->ln_2_b);
		NEXT_WITH_BIAS(b->fc, b->fc_b);
		NEXT_WITH_BIAS(b->out, b->out_b);
	}
	NEXT_WITH_BIAS(weights->ln_f, weights->ln_f_b);
#undef NEXT_WITH_BIAS
#undef NEXT
	assert(next == count);
	free(tensors);
	return true;
}

static void take_attention(struct gpt *gpt, struct layer *layer)
{
	const size_t n = (size_t)gpt->rows_max, c = (size_t)gpt->config.width;

	layer->qkv = take_activations(gpt, n, 3 * c);
	layer->lse = take_floats(gpt, n, (size_t)gpt->config.heads);
	layer->att = take_activations(gpt, n, c);
}

static void take_layer(struct gpt *gpt, struct layer *layer)
{
	const size_t n = (size_t)gpt->rows_max, c = (size_t)gpt->config.width;
	const size_t inner = (size_t)gpt_inner(&gpt->config);

	layer->x = take_floats(gpt, n, c);
	layer->ln_1 = take_activations(gpt, n, c);
	layer->mean_1 = take_floats(gpt, n, 1);
	layer->rstd_1 = take_floats(gpt, n, 1);
	take_attention(gpt, layer);
	layer->mid = take_floats(gpt, n, c);
	layer->ln_2 = take_activations(gpt, n, c);
	layer->mean_2 = take_floats(gpt, n, 1);
	layer->rstd_2 = take_floats(gpt, n, 1);
	layer->fc = take_activations(gpt, n, inner);
	layer->gelu = take_activations(gpt, n, inner);
}

static void take_buffers(struct gpt *gpt)
{
	const size_t n = (size_t)gpt->rows_max, c = (size_t)gpt->config.width;
	const size_t inner = (size_t)gpt_inner(&gpt->config);

	for (int l = 0; l < gpt->config.layers; l++) {
		if (l == 0 || gpt->keep == GPT_KEEP_ALL) {
			take_layer(gpt, &gpt->layers[l]);
			continue;
		}
		gpt->layers[l] = gpt->layers[0];
		if (gpt->keep == GPT_KEEP_ATTENTION)
			take_attention(gpt, &gpt->layers[l]);
		if (gpt->keep == GPT_KEEP_RESIDUAL)
			gpt->layers[l].x = take_floats(gpt, n, c);
	}
	/* A block may write its output over its input where nobody asks for that. */
	gpt->x = gpt->keep == GPT_KEEP_ALL || gpt->keep == GPT_KEEP_RESIDUAL ?
	         take_floats(gpt, n, c) : gpt->layers[0].x;
	gpt->ln_f = take_activations(gpt, n, c);
	gpt->mean_f = take_floats(gpt, n, 1);
	gpt->rstd_f = take_floats(gpt, n, 1);
	gpt->logits = take_floats(gpt, n, (size_t)gpt->config.vocab);
	gpt->loss = take_floats(gpt, n, 1);
	gpt->branch = take_floats(gpt, n, c);
	gpt->token = take(gpt, n * sizeof *gpt->token);
	gpt->position = take(gpt, n * sizeof *gpt->position);
	gpt->target = take(gpt, n * sizeof *gpt->target);
	gpt->slot = take(gpt, n * sizeof *gpt->slot);
	gpt->pass = take(gpt, sizeof *gpt->pass);
	gpt->row_weight = take_floats(gpt, n, 1);
	if (gpt->keep == GPT_KEEP_ATTENTION)
		gpt->probs = take_floats(gpt, n, n);
	if (gpt->keep == GPT_KEEP_ALL) {
		gpt->grads = take_floats(gpt, gpt_parameter_count(&gpt->config), 1);
		gpt->dx = take_floats(gpt, n, c);
		if (gpt->element < sizeof(float))
			gpt->rounded = take_activations(gpt, n, c);
		gpt->dbranch = take_activations(gpt, n, c);
		gpt->dwide = take_activations(gpt, n, inner > 3 * c ? inner : 3 * c);
	}
}

/* What the device needs beside the buffers. */
static void reserve(struct gpt *gpt)
{
	const struct gpt_config *config = &gpt->config;
	const struct sizes sizes = {
		.rows = gpt->rows_max, .width = config->width, .inner = gpt_inner(config),
		.heads = config->heads, .vocab = config->vocab, .parameters = gpt_parameter_count(config),
	};
	size_t bytes = 0;

	if (gpt->memory_failed || gpt->keep != GPT_KEEP_ALL || gpt->k->reserve == NULL)
		return;
	if (!gpt->k->reserve(gpt->dev, &sizes, &bytes))
		gpt->memory_failed = true;
	gpt->memory_bytes += bytes;
}

struct gpt *gpt_new(const struct gpt_config *config, const struct kernels *kernels,
                    struct device *dev, const float *params, int rows_max,
                    enum gpt_keep keep, struct err *err)
{
	struct gpt *gpt = calloc(1, sizeof *gpt);

	if (gpt == NULL || gpt_config_check(config, err) < 0) {
		free(gpt);
		err_set(err, "out of memory");
		return NULL;
	}
	gpt->config = *config;
	gpt->k = kernels;
	gpt->dev = dev;
	gpt->rows_max = rows_max;
	gpt->keep = keep;
	gpt->element = dtype_size(kernels->activations(dev));
	gpt->layers = calloc((size_t)config->layers, sizeof *gpt->layers);
	if (gpt->layers) {
		take_buffers(gpt);
		reserve(gpt);
	}
	/* The cast drops const: weights are only read, gradients only written. */
	if (gpt->layers == NULL || gpt->memory_failed ||
	    !map_weights(config, (float *)params, &gpt->weight) ||
	    (keep == GPT_KEEP_ALL && !map_weights(config, gpt->grads, &gpt->grad))) {
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
	if (gpt == NULL)
		return;
	for (int i = 0; i < gpt->memory_count; i++)
		gpt->k->free(gpt->dev, gpt->memory[i]);
	free(gpt->memory);
	free(gpt->weight.blocks);
	free(gpt->grad.blocks);
	free(gpt->layers);
	free(gpt->ablated);
	free(gpt);
}

/* ---- dropout: one mask stream for each place of each pass ---- */

enum place { PLACE_EMBEDDING, PLACE_ATTENTION, PLACE_PROJECTION, PLACE_MLP, PLACES };

static_assert(PLACES * GPT_LAYERS_MAX <= DROPOUT_PLACES, "each layer has its places");
static_assert(GPT_CONTEXT_MAX <= SEQUENCE_MAX, "no sequence is longer than the context");

void gpt_dropout(struct gpt *gpt, float rate, uint64_t seed, uint64_t pass)
{
	gpt->dropout = (struct dropout){.rate = rate, .seed = seed, .pass = gpt->pass};
	if (rate > 0)
		gpt->k->upload(gpt->dev, gpt->pass, &pass, sizeof pass);
}

static struct dropout dropout_at(const struct gpt *gpt, enum place place, int layer)
{
	struct dropout dropout = gpt->dropout;
	dropout.place = (uint32_t)(PLACES * layer) + place;
	return dropout;
}

static void drop(struct gpt *gpt, float *x, size_t count, enum place place, int layer)
{
	const struct dropout dropout = dropout_at(gpt, place, layer);
	if (dropout.rate > 0)
		gpt->k->dropout(gpt->dev, x, count, &dropout);
}

void gpt_hold(struct gpt *gpt, bool hold)
{
	if (gpt->k->hold) /* wte is the first of all */
		gpt->k->hold(gpt->dev, gpt->weight.wte, hold ? gpt_parameter_count(&gpt->config) : 0);
}

/* ---- ablation ---- */

int gpt_ablate(struct gpt *gpt, int layer, int head, const float *value, struct err *err)
{
	const int c = gpt->config.width, h = gpt->config.heads, d = c / h;

	assert(gpt->keep != GPT_KEEP_ALL && layer < gpt->config.layers && head < h);
	if (gpt->ablated == NULL) {
		gpt->ablated = calloc((size_t)gpt->config.layers * h, sizeof *gpt->ablated);
		gpt->stand_in = take_floats(gpt, (size_t)gpt->config.layers, (size_t)c);
	}
	if (gpt->ablated == NULL || gpt->stand_in == NULL)
		return err_set(err, "out of memory for ablated heads");
	float *at = gpt->stand_in + (size_t)layer * c + (size_t)head * d;
	if (value)
		gpt->k->upload(gpt->dev, at, value, (size_t)d * sizeof *at);
	else
		gpt->k->zero(gpt->dev, at, (size_t)d * sizeof *at);
	gpt->ablated[layer * h + head] = true;
	return 0;
}

static void replace_ablated(struct gpt *gpt, int l, void *att, int n)
{
	const int c = gpt->config.width, h = gpt->config.heads, d = c / h;

	for (int i = 0; gpt->ablated && i < h; i++)
		if (gpt->ablated[l * h + i])
			gpt->k->set_columns(gpt->dev, att, gpt->stand_in + (size_t)l * c + (size_t)i * d,
			                    n, c, i * d, d);
}

/* ---- forward ---- */

/* to[n,c] = from[n,c] + dropout(in[n,width] w + b): the end of each branch. */
static void join(struct gpt *gpt, float *to, const float *from, const void *in, const float *w,
                 const float *b, int n, int width, enum place place, int layer)
{
	const int c = gpt->config.width;
	const size_t count = (size_t)n * c;

	if (gpt->dropout.rate <= 0) {
		gpt->k->linear_residual(gpt->dev, to, from, in, w, b, n, width, c);
		return;
	}
	gpt->k->linear_residual(gpt->dev, gpt->branch, NULL, in, w, b, n, width, c);
	drop(gpt, gpt->branch, count, place, layer);
	if (to != from)
		gpt->k->copy(gpt->dev, to, from, count * sizeof *to);
	gpt->k->add(gpt->dev, to, gpt->branch, count);
}

/* What goes into a block's attention, of n rows. */
static void block_qkv(struct gpt *gpt, int l, int n)
{
	const struct block *w = &gpt->weight.blocks[l];
	const struct layer *a = &gpt->layers[l];
	const int c = gpt->config.width;

	gpt->k->layernorm(gpt->dev, a->ln_1, a->mean_1, a->rstd_1, a->x, w->ln_1, w->ln_1_b, n, c);
	gpt->k->linear(gpt->dev, a->qkv, a->ln_1, w->attn, w->attn_b, n, c, 3 * c);
}

/* What comes behind a block's attention, of n rows that came in as x. */
static void block_rest(struct gpt *gpt, int l, int n, const float *x)
{
	const struct kernels *k = gpt->k;
	struct device *dev = gpt->dev;
	const struct block *w = &gpt->weight.blocks[l];
	const struct layer *a = &gpt->layers[l];
	float *next = l + 1 < gpt->config.layers ? gpt->layers[l + 1].x : gpt->x;
	const int c = gpt->config.width, f = gpt_inner(&gpt->config);

	replace_ablated(gpt, l, a->att, n);
	join(gpt, a->mid, x, a->att, w->proj, w->proj_b, n, c, PLACE_PROJECTION, l);
	k->layernorm(dev, a->ln_2, a->mean_2, a->rstd_2, a->mid, w->ln_2, w->ln_2_b, n, c);
	k->linear(dev, a->fc, a->ln_2, w->fc, w->fc_b, n, c, f);
	k->gelu(dev, a->gelu, a->fc, (size_t)n * f);
	join(gpt, next, a->mid, a->gelu, w->out, w->out_b, n, f, PLACE_MLP, l);
}

/* One block over n rows: attention within seqs, or over the cache where there is one. */
static void block_forward(struct gpt *gpt, int l, int n, const struct sequences *seqs,
                          struct gpt_cache *cache)
{
	const struct kernels *k = gpt->k;
	const struct layer *a = &gpt->layers[l];
	const int c = gpt->config.width, h = gpt->config.heads;

	block_qkv(gpt, l, n);
	if (cache) {
		k->attention_cached(gpt->dev, a->att, cache->keys[l], cache->values[l], a->qkv, gpt->slot,
		                    gpt->position, n, gpt->config.context, c, h);
	} else {
		const struct dropout dropout = dropout_at(gpt, PLACE_ATTENTION, l);
		k->attention(gpt->dev, a->att, a->lse, a->qkv, seqs, c, h, &dropout);
	}
	block_rest(gpt, l, n, a->x);
}

static void unembed(struct gpt *gpt, const float *x, int n)
{
	const int c = gpt->config.width;

	gpt->k->layernorm(gpt->dev, gpt->ln_f, gpt->mean_f, gpt->rstd_f, x, gpt->weight.ln_f,
	                  gpt->weight.ln_f_b, n, c);
	gpt->k->unembed(gpt->dev, gpt->logits, gpt->ln_f, gpt->weight.wte, n, c,
	                gpt->config.vocab);
}

static void embed(struct gpt *gpt, int n)
{
	gpt->k->embed(gpt->dev, gpt->layers[0].x, gpt->token, gpt->position, gpt->weight.wte,
	              gpt->weight.wpe, n, gpt->config.width);
}

static void upload_rows(struct gpt *gpt, void *to, const void *from_host, int n, size_t size)
{
	if (from_host)
		gpt->k->upload(gpt->dev, to, from_host, (size_t)n * size);
}

/* All that a pass needs of the host comes before its first operation. */
static void begin_pass(struct gpt *gpt, const struct gpt_batch *batch)
{
	const int n = batch->count;

	assert(n >= 1 && n <= gpt->rows_max);
	gpt->batch = batch;
	gpt->rows = n;
	upload_rows(gpt, gpt->token, batch->token, n, sizeof *batch->token);
	upload_rows(gpt, gpt->position, batch->position, n, sizeof *batch->position);
	upload_rows(gpt, gpt->target, batch->target, n, sizeof *batch->target);
	upload_rows(gpt, gpt->row_weight, batch->weight, n, sizeof *batch->weight);
}

static void forward(struct gpt *gpt)
{
	const struct gpt_batch *batch = gpt->batch;
	const int n = batch->count;

	if (gpt->k->weights) /* wte is the first of all */
		gpt->k->weights(gpt->dev, gpt->weight.wte, gpt_parameter_count(&gpt->config));
	embed(gpt, n);
	drop(gpt, gpt->layers[0].x, (size_t)n * gpt->config.width, PLACE_EMBEDDING, 0);
	for (int l = 0; l < gpt->config.layers; l++)
		block_forward(gpt, l, n, &batch->sequences, NULL);
	unembed(gpt, gpt->x, n);
	if (batch->target)
		gpt->k->cross_entropy(gpt->dev, gpt->loss, gpt->grads ? gpt->logits : NULL,
		                      gpt->logits, gpt->target,
		                      batch->weight ? gpt->row_weight : NULL, n,
		                      gpt->config.vocab);
}

void gpt_logits(struct gpt *gpt, float *logits)
{
	gpt->k->download(gpt->dev, logits, gpt->logits,
	                 (size_t)gpt->rows * gpt->config.vocab * sizeof *logits);
}

/* ---- looking inside ---- */

void gpt_attention_probs(struct gpt *gpt, int layer, int sequence, int head, float *probs)
{
	const struct gpt_batch *batch = gpt->batch;
	const struct layer *a = &gpt->layers[layer];
	const int first = batch->sequences.begin[sequence];
	const int length = batch->sequences.begin[sequence + 1] - first;

	assert(gpt->keep == GPT_KEEP_ATTENTION);
	gpt->k->attention_probs(gpt->dev, gpt->probs, a->qkv, a->lse, batch->count, first, length,
	                        head, gpt->config.width, gpt->config.heads);
	gpt->k->download(gpt->dev, probs, gpt->probs, (size_t)length * length * sizeof *probs);
}

void gpt_attention_values(struct gpt *gpt, int layer, float *qkv, float *out)
{
	const struct layer *a = &gpt->layers[layer];
	const size_t count = (size_t)gpt->batch->count * gpt->config.width;

	assert(gpt->keep == GPT_KEEP_ATTENTION);
	if (qkv)
		gpt->k->read_activations(gpt->dev, qkv, a->qkv, 3 * count);
	if (out)
		gpt->k->read_activations(gpt->dev, out, a->att, count);
}

void gpt_head_logits(struct gpt *gpt, int layer, int head, float *logits)
{
	const struct kernels *k = gpt->k;
	const size_t c = (size_t)gpt->config.width, d = c / (size_t)gpt->config.heads;
	const size_t n = (size_t)gpt->batch->count, size = gpt->element;
	const char *v = (const char *)gpt->layers[layer].qkv + (2 * c + (size_t)head * d) * size;
	char *in = gpt->layers[0].ln_1; /* nobody reads it after a pass */

	assert(gpt->keep == GPT_KEEP_ATTENTION);
	k->zero(gpt->dev, in, n * c * size);
	for (size_t r = 0; r < n; r++)
		k->copy(gpt->dev, in + (r * c + (size_t)head * d) * size, v + r * 3 * c * size,
		        d * size);
	k->linear_residual(gpt->dev, gpt->branch, NULL, in, gpt->weight.blocks[layer].proj, NULL,
	                   (int)n, (int)c, (int)c);
	k->layernorm(gpt->dev, gpt->ln_f, gpt->mean_f, gpt->rstd_f, gpt->branch, gpt->weight.ln_f, NULL,
	             (int)n, (int)c);
	k->unembed(gpt->dev, gpt->logits, gpt->ln_f, gpt->weight.wte, (int)n, (int)c,
	           gpt->config.vocab);
	gpt_logits(gpt, logits);
}

void gpt_lens(struct gpt *gpt, int blocks, float *logits)
{
	const int layers = gpt->config.layers;

	assert(gpt->keep == GPT_KEEP_RESIDUAL && blocks >= 0 && blocks <= layers);
	unembed(gpt, blocks < layers ? gpt->layers[blocks].x : gpt->x, gpt->rows);
	gpt_logits(gpt, logits);
}

/* ---- backward ---- */

/* The gradient that goes into a branch: dx, or a dropped copy of it. */
static const float *branch_gradient(struct gpt *gpt, int n, enum place place, int layer)
{
	const size_t count = (size_t)n * gpt->config.width;

	if (gpt->dropout.rate <= 0)
		return gpt->dx;
	gpt->k->copy(gpt->dev, gpt->branch, gpt->dx, count * sizeof *gpt->dx);
	drop(gpt, gpt->branch, count, place, layer);
	return gpt->branch;
}

/* dx as activations, which layer normalisation leaves for the next branch, unless that drops
 * some of it. */
static void *rounded_gradient(const struct gpt *gpt)
{
	return gpt->dropout.rate > 0 ? NULL : gpt->rounded;
}

static void block_backward(struct gpt *gpt, int l, int n, const struct sequences *seqs)
{
	const struct kernels *k = gpt->k;
	struct device *dev = gpt->dev;
	const struct block *w = &gpt->weight.blocks[l], *g = &gpt->grad.blocks[l];
	const struct layer *a = &gpt->layers[l];
	const int c = gpt->config.width, h = gpt->config.heads;
	const int f = gpt_inner(&gpt->config);
	const struct dropout dropout = dropout_at(gpt, PLACE_ATTENTION, l);
	void *rounded = rounded_gradient(gpt);
	const float *into;

	into = branch_gradient(gpt, n, PLACE_MLP, l);
	k->linear_residual_backward(dev, gpt->dwide, g->out, g->out_b, into, rounded, a->gelu,
	                            w->out, n, f, c);
	k->gelu_backward(dev, gpt->dwide, gpt->dwide, a->fc, (size_t)n * f);
	k->linear_backward(dev, gpt->dbranch, g->fc, g->fc_b, gpt->dwide, a->ln_2, w->fc, n, c, f);
	k->layernorm_backward(dev, gpt->dx, g->ln_2, g->ln_2_b, rounded, gpt->dbranch, a->mid,
	                      a->mean_2, a->rstd_2, w->ln_2, n, c);

	into = branch_gradient(gpt, n, PLACE_PROJECTION, l);
	k->linear_residual_backward(dev, gpt->dbranch, g->proj, g->proj_b, into, rounded, a->att,
	                            w->proj, n, c, c);
	k->attention_backward(dev, gpt->dwide, gpt->dbranch, a->att, a->lse, a->qkv, seqs, c, h,
	                      &dropout);
	k->linear_backward(dev, gpt->dbranch, g->attn, g->attn_b, gpt->dwide, a->ln_1, w->attn, n,
	                   c, 3 * c);
	k->layernorm_backward(dev, gpt->dx, g->ln_1, g->ln_1_b, rounded, gpt->dbranch, a->x,
	                      a->mean_1, a->rstd_1, w->ln_1, n, c);
}

void gpt_backward(struct gpt *gpt)
{
	const struct kernels *k = gpt->k;
	const int n = gpt->batch->count, c = gpt->config.width, v = gpt->config.vocab;
	const size_t count = (size_t)n * c;

	assert(gpt->keep == GPT_KEEP_ALL && gpt->batch->target);
	k->unembed_backward(gpt->dev, gpt->dbranch, gpt->grad.wte, gpt->logits, gpt->ln_f,
	                    gpt->weight.wte, n, c, v);
	k->zero(gpt->dev, gpt->dx, count * sizeof *gpt->dx);
	k->layernorm_backward(gpt->dev, gpt->dx, gpt->grad.ln_f, gpt->grad.ln_f_b,
	                      rounded_gradient(gpt), gpt->dbranch, gpt->x, gpt->mean_f, gpt->rstd_f,
	                      gpt->weight.ln_f, n, c);
	for (int l = gpt->config.layers - 1; l >= 0; l--)
		block_backward(gpt, l, n, &gpt->batch->sequences);
	drop(gpt, gpt->dx, count, PLACE_EMBEDDING, 0);
	k->embed_backward(gpt->dev, gpt->grad.wte, gpt->grad.wpe, gpt->dx, gpt->token,
	                  gpt->position, n, c, v, gpt->config.context);
}

/* ---- whole passes ---- */

/* All that the calls of a pass depend on, but rows and sequences. What has the address of
 * another network that was freed is no danger: the device has forgotten that one. */
static uint64_t key_of_calls(const struct gpt *gpt, const double *sum)
{
	uint64_t parts[5] = {
		(uintptr_t)gpt, (uintptr_t)sum, gpt->dropout.seed, 0,
		(uint64_t)((gpt->batch->target != NULL) + 2 * (gpt->batch->weight != NULL)),
	};

	memcpy(&parts[3], &gpt->dropout.rate, sizeof gpt->dropout.rate);
	return XXH3_64bits(parts, sizeof parts);
}

/* The operations of the pass - with sum, of a training pass - or, where the device remembers
 * them, all at once. Networks that do not train see too many shapes for that to be worth it. */
static void operate(struct gpt *gpt, double *sum)
{
	const struct kernels *k = gpt->k;
	const bool remembered = k->replay && gpt->keep == GPT_KEEP_ALL;

	do {
		if (remembered && k->replay(gpt->dev, &gpt->batch->sequences, key_of_calls(gpt, sum)))
			return;
		forward(gpt);
		if (sum) {
			k->sum(gpt->dev, sum, gpt->loss, (size_t)gpt->rows);
			gpt_backward(gpt);
		}
	} while (remembered && !k->recorded(gpt->dev));
}

void gpt_forward(struct gpt *gpt, const struct gpt_batch *batch, float *losses)
{
	begin_pass(gpt, batch);
	operate(gpt, NULL);
	if (losses && batch->target)
		gpt->k->download(gpt->dev, losses, gpt->loss, (size_t)gpt->rows * sizeof *losses);
}

void gpt_pass(struct gpt *gpt, const struct gpt_batch *batch, double *sum)
{
	begin_pass(gpt, batch);
	operate(gpt, sum);
}

float *gpt_gradients(struct gpt *gpt)
{
	return gpt->grads;
}

void gpt_zero_gradients(struct gpt *gpt)
{
	gpt->k->zero(gpt->dev, gpt->grads, gpt_parameter_count(&gpt->config) * sizeof *gpt->grads);
}

/* ---- decoding ---- */

struct gpt_cache *gpt_cache_new(struct gpt *gpt, int slots, struct err *err)
{
	const struct gpt_config *config = &gpt->config;
	const size_t bytes = (size_t)slots * config->context * config->width * gpt->element;
	struct gpt_cache *cache = calloc(1, sizeof *cache);
	bool good = cache != NULL;

	if (good) {
		cache->gpt = gpt;
		cache->slots = slots;
		cache->keys = calloc((size_t)config->layers, sizeof *cache->keys);
		cache->values = calloc((size_t)config->layers, sizeof *cache->values);
		good = cache->keys && cache->values;
	}
	for (int l = 0; good && l < config->layers; l++) {
		cache->keys[l] = gpt->k->alloc(gpt->dev, bytes);
		cache->values[l] = gpt->k->alloc(gpt->dev, bytes);
		good = cache->keys[l] && cache->values[l];
	}
	if (!good) {
		gpt_cache_free(cache);
		err_set(err, "out of memory for a key-value cache of %d sequences", slots);
		return NULL;
	}
	return cache;
}

void gpt_cache_free(struct gpt_cache *cache)
{
	if (cache == NULL)
		return;
	for (int l = 0; l < cache->gpt->config.layers; l++) {
		if (cache->keys)
			cache->gpt->k->free(cache->gpt->dev, cache->keys[l]);
		if (cache->values)
			cache->gpt->k->free(cache->gpt->dev, cache->values[l]);
	}
	free(cache->keys);
	free(cache->values);
	free(cache);
}

/* How many of these rows follow one another from the first one on. */
static int run_of(const int32_t *want, int wanted)
{
	int run = wanted > 0;

	while (run < wanted && want[run] == want[0] + run)
		run++;
	return run;
}

/* The last block: of rows whose logits nobody wants, keys and values are all that is needed. What
 * comes out is of the wanted rows, in their order. */
static void last_block(struct gpt_cache *cache, int count, int wanted, const int32_t *want)
{
	struct gpt *gpt = cache->gpt;
	const struct kernels *k = gpt->k;
	const int last = gpt->config.layers - 1, t = gpt->config.context;
	const int c = gpt->config.width, h = gpt->config.heads;
	const size_t bytes = (size_t)c * gpt->element;
	const struct layer *a = &gpt->layers[last];
	void *keys = cache->keys[last], *values = cache->values[last];

	block_qkv(gpt, last, count);
	if (run_of(want, wanted) < count) /* else attention stores all in their order */
		k->cache_store(gpt->dev, keys, values, a->qkv, gpt->slot, gpt->position, count, t, c, h);
	for (int i = 0, run; i < wanted; i += run) {
		run = run_of(want + i, wanted - i);
		k->copy(gpt->dev, gpt->branch + (size_t)i * c, a->x + (size_t)want[i] * c,
		        (size_t)run * c * sizeof *a->x);
		k->attention_cached(gpt->dev, (char *)a->att + (size_t)i * bytes, keys, values,
		                    (char *)a->qkv + (size_t)want[i] * 3 * bytes, gpt->slot + want[i],
		                    gpt->position + want[i], run, t, c, h);
	}
	if (wanted > 0)
		block_rest(gpt, last, wanted, gpt->branch);
}

void gpt_extend(struct gpt_cache *cache, int count, const int32_t *token, const int32_t *slot,
                const int32_t *place, int wanted, const int32_t *want, float *logits)
{
	struct gpt *gpt = cache->gpt;
	const struct kernels *k = gpt->k;
	const float rate = gpt->dropout.rate;

	assert(count >= 1 && count <= gpt->rows_max && wanted <= count);
	gpt->dropout.rate = 0; /* decoding drops nothing, whatever the passes do */
	k->row_invariant(gpt->dev, true);
	upload_rows(gpt, gpt->slot, slot, count, sizeof *slot);
	upload_rows(gpt, gpt->token, token, count, sizeof *token);
	upload_rows(gpt, gpt->position, place, count, sizeof *place);
	embed(gpt, count);
	for (int l = 0; l < gpt->config.layers - 1; l++)
		block_forward(gpt, l, count, NULL, cache);
	last_block(cache, count, wanted, want);
	if (wanted > 0) {
		unembed(gpt, gpt->x, wanted);
		k->download(gpt->dev, logits, gpt->logits,
		            (size_t)wanted * gpt->config.vocab * sizeof *logits);
	}
	k->row_invariant(gpt->dev, false);
	gpt->dropout.rate = rate;
}
