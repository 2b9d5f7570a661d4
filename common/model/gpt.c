/* gpt.c - what a transformer is: the forward and the backward pass. */
#include "common/model/gpt.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

#include "common/model/gpt_internal.h"

/* ---- dropout: each place of each layer has masks of its own ---- */

enum dropout_place { PLACE_EMBEDDING, PLACE_ATTENTION, PLACE_PROJECTION, PLACE_MLP, PLACES };

static_assert(PLACES * GPT_LAYERS_MAX <= DROPOUT_PLACES, "each layer has places of its own");
static_assert(GPT_CONTEXT_MAX <= SEQUENCE_MAX, "no sequence is longer than the context");

void gpt_dropout(struct gpt *gpt, float rate, uint64_t seed, uint64_t pass)
{
	gpt->dropout = (struct dropout){.rate = rate, .seed = seed, .pass = gpt->dropout_pass};
	if (rate > 0)
		gpt->k->upload(gpt->dev, gpt->dropout_pass, &pass, sizeof pass);
}

static struct dropout dropout_at(const struct gpt *gpt, enum dropout_place place, int layer)
{
	struct dropout dropout = gpt->dropout;
	dropout.place = (uint32_t)(PLACES * layer) + place;
	return dropout;
}

static void drop(struct gpt *gpt, float *x, size_t count, enum dropout_place place, int layer)
{
	const struct dropout dropout = dropout_at(gpt, place, layer);
	if (dropout.rate > 0)
		gpt->k->dropout(gpt->dev, x, count, &dropout);
}

/* ---- forward ---- */

void gpt_embed(struct gpt *gpt, int n)
{
	gpt->k->embed(gpt->dev, gpt->blocks[0].x, gpt->token, gpt->position, gpt->weights.wte,
	              gpt->weights.wpe, n, gpt->config.width);
}

/* What a half of a block adds to the residual stream: branch[n,c] = in[n,width] w + b. */
static void compute_branch(struct gpt *gpt, const void *in, const float *w, const float *b, int n,
                           int width)
{
	gpt->k->linear_residual(gpt->dev, gpt->branch, NULL, in, w, b, n, width, gpt->config.width);
}

/* The end of each half: to[n,c] = from[n,c] + dropout(in[n,width] w + b). to may be from.
 * place: of what is added, before dropout. Who reads it does not change how it is added; for who
 * writes it, it is computed first and added then. */
static void add_branch(struct gpt *gpt, float *to, const float *from, const void *in,
                       const float *w, const float *b, int n, int width, enum gpt_place place,
                       int layer)
{
	const int c = gpt->config.width;
	const size_t count = (size_t)n * c;
	const bool apart = gpt->dropout.rate > 0 || gpt->hook.writes;

	if (apart || (gpt->hook.places & GPT_PLACE_BIT(place))) {
		compute_branch(gpt, in, w, b, n, width);
		gpt_replace_branch(gpt, place, layer, n);
	}
	gpt_visit(gpt, place, layer);
	if (!apart) {
		gpt->k->linear_residual(gpt->dev, to, from, in, w, b, n, width, c);
		gpt_add_replaced_branch(gpt, place, layer, n, to, from);
		return;
	}
	drop(gpt, gpt->branch, count, place == GPT_ATTN_OUT ? PLACE_PROJECTION : PLACE_MLP, layer);
	if (to != from)
		gpt->k->copy(gpt->dev, to, from, count * sizeof *to);
	gpt->k->add(gpt->dev, to, gpt->branch, count);
}

void gpt_scale_queries(struct gpt *gpt, void *qkv, int l, int n)
{
	const float factor = gpt_query_factor(&gpt->config, l);
	const int c = gpt->config.width;

	if (factor != 1)
		gpt->k->scale_columns(gpt->dev, qkv, factor, n, 3 * c, 0, c);
}

void gpt_block_qkv(struct gpt *gpt, int l, int n)
{
	const struct block_weights *w = &gpt->weights.blocks[l];
	const struct block_activations *a = &gpt->blocks[l];
	const int c = gpt->config.width;

	gpt->k->layernorm(gpt->dev, a->ln_1, a->mean_1, a->rstd_1, a->x, w->ln_1, w->ln_1_b, n, c,
	                  gpt->epsilon);
	gpt_visit(gpt, GPT_LN1, l);
	gpt->k->linear(gpt->dev, a->qkv, a->ln_1, w->attn_qkv, w->attn_qkv_b, n, c, 3 * c);
	for (enum gpt_place place = GPT_Q; place <= GPT_V; place++)
		gpt_visit(gpt, place, l);
	gpt_scale_queries(gpt, a->qkv, l, n);
}

void gpt_block_attention(struct gpt *gpt, int l, int n, const float *x)
{
	const struct block_weights *w = &gpt->weights.blocks[l];
	const struct block_activations *a = &gpt->blocks[l];

	gpt_replace_ablated(gpt, l, n);
	gpt_visit(gpt, GPT_Z, l);
	gpt_visit(gpt, GPT_RESULT, l);
	add_branch(gpt, a->x_mid, x, a->att, w->attn_proj, w->attn_proj_b, n, gpt->config.width,
	           GPT_ATTN_OUT, l);
	gpt_visit(gpt, GPT_RESID_MID, l);
}

void gpt_block_mlp(struct gpt *gpt, int l, int n)
{
	const struct kernels *k = gpt->k;
	struct device *dev = gpt->dev;
	const struct block_weights *w = &gpt->weights.blocks[l];
	const struct block_activations *a = &gpt->blocks[l];
	float *next = l + 1 < gpt->config.layers ? gpt->blocks[l + 1].x : gpt->x_last;
	const int c = gpt->config.width, f = gpt_inner(&gpt->config);

	k->layernorm(dev, a->ln_2, a->mean_2, a->rstd_2, a->x_mid, w->ln_2, w->ln_2_b, n, c,
	             gpt->epsilon);
	gpt_visit(gpt, GPT_LN2, l);
	k->linear(dev, a->fc, a->ln_2, w->mlp_fc, w->mlp_fc_b, n, c, f);
	gpt_visit(gpt, GPT_MLP_PRE, l);
	(gpt->config.activation == GPT_GELU ? k->gelu : k->gelu_tanh)(dev, a->gelu, a->fc,
	                                                              (size_t)n * f);
	gpt_visit(gpt, GPT_MLP_POST, l);
	add_branch(gpt, next, a->x_mid, a->gelu, w->mlp_proj, w->mlp_proj_b, n, f, GPT_MLP_OUT, l);
	gpt_visit(gpt, GPT_RESID_POST, l);
}

void gpt_block_rest(struct gpt *gpt, int l, int n, const float *x)
{
	gpt_block_attention(gpt, l, n, x);
	gpt_block_mlp(gpt, l, n);
}

static void block_forward(struct gpt *gpt, int l, int n, const struct sequences *seqs)
{
	const struct block_activations *a = &gpt->blocks[l];
	const struct dropout dropout = dropout_at(gpt, PLACE_ATTENTION, l);

	gpt_visit(gpt, GPT_RESID_PRE, l);
	gpt_block_qkv(gpt, l, n);
	gpt->k->attention(gpt->dev, a->att, a->lse, a->qkv, seqs, gpt->config.width,
	                  gpt->config.heads, &dropout);
	gpt_block_rest(gpt, l, n, a->x);
}

/* ln_f of n rows of the residual stream x. */
static void normalise_last(struct gpt *gpt, const float *x, const float *bias, int n)
{
	gpt->k->layernorm(gpt->dev, gpt->ln_f, gpt->mean_f, gpt->rstd_f, x, gpt->weights.ln_f,
	                  bias, n, gpt->config.width, gpt->epsilon);
}

/* Logits of n rows of the residual stream x, logit_rows at most. */
static void unembed(struct gpt *gpt, const float *x, const float *bias, int n)
{
	normalise_last(gpt, x, bias, n);
	gpt->k->unembed(gpt->dev, gpt->logits, gpt->ln_f, gpt->weights.head, n, gpt->config.width,
	                gpt->config.vocab);
}

/* How many of the n rows from row on a block of logits has. */
static int block_rows(const struct gpt *gpt, int row, int n)
{
	return n - row < gpt->logit_rows ? n - row : gpt->logit_rows;
}

void gpt_unembed(struct gpt *gpt, const float *x, const float *bias, int n, float *logits)
{
	const size_t c = (size_t)gpt->config.width, v = (size_t)gpt->config.vocab;

	for (int row = 0, rows; row < n; row += rows) {
		rows = block_rows(gpt, row, n);
		unembed(gpt, x + (size_t)row * c, bias, rows);
		gpt->k->download(gpt->dev, logits + (size_t)row * v, gpt->logits,
		                 (size_t)rows * v * sizeof *logits);
	}
}

/* The loss of each row with a target, and in place of the logits, if gradients are wanted, theirs.
 * Then one block has all rows. */
static void find_losses(struct gpt *gpt)
{
	const struct gpt_batch *batch = gpt->batch;
	const int n = batch->count, c = gpt->config.width;

	for (int row = 0, rows; row < n; row += rows) {
		rows = block_rows(gpt, row, n);
		unembed(gpt, gpt->x_last + (size_t)row * c, gpt->weights.ln_f_b, rows);
		gpt->k->cross_entropy(gpt->dev, gpt->loss + row, gpt->gradients ? gpt->logits : NULL,
		                      gpt->logits, gpt->target + row,
		                      batch->weight ? gpt->loss_weight + row : NULL, rows,
		                      gpt->config.vocab);
	}
}

static void forward(struct gpt *gpt)
{
	const struct gpt_batch *batch = gpt->batch;
	const int n = batch->count;

	if (gpt->k->weights) /* the array begins with wte */
		gpt->k->weights(gpt->dev, gpt->weights.wte, gpt_parameter_count(&gpt->config));
	gpt_embed(gpt, n);
	gpt_visit(gpt, GPT_EMBED, 0);
	gpt_visit(gpt, GPT_POS_EMBED, 0);
	drop(gpt, gpt->blocks[0].x, (size_t)n * gpt->config.width, PLACE_EMBEDDING, 0);
	for (int l = 0; l < gpt->config.layers; l++)
		block_forward(gpt, l, n, &batch->sequences);
	if (gpt->hook.places & GPT_PLACE_BIT(GPT_LN_FINAL)) {
		normalise_last(gpt, gpt->x_last, gpt->weights.ln_f_b, n);
		gpt_visit(gpt, GPT_LN_FINAL, 0);
	}
	if (batch->target)
		find_losses(gpt);
}

/* ---- backward ---- */

/* The gradient that enters a half of a block: dx, or a copy of it after dropout. */
static const float *branch_gradient(struct gpt *gpt, int n, enum dropout_place place, int layer)
{
	const size_t count = (size_t)n * gpt->config.width;

	if (gpt->dropout.rate <= 0)
		return gpt->dx;
	gpt->k->copy(gpt->dev, gpt->branch, gpt->dx, count * sizeof *gpt->dx);
	drop(gpt, gpt->branch, count, place, layer);
	return gpt->branch;
}

/* Where layer normalisation leaves dx as activations for the next half: with dropout that half
 * cannot use it. */
static void *rounded_gradient(const struct gpt *gpt)
{
	return gpt->dropout.rate > 0 ? NULL : gpt->dx_rounded;
}

void gpt_on_gradients(struct gpt *gpt, gpt_listener *told, void *data)
{
	gpt->told = told;
	gpt->told_data = data;
}

/* So many sections of the gradients are final. */
static void tell(const struct gpt *gpt, int sections)
{
	if (gpt->told)
		gpt->told(gpt->told_data, sections);
}

static void block_backward(struct gpt *gpt, int l, int n, const struct sequences *seqs)
{
	const struct kernels *k = gpt->k;
	struct device *dev = gpt->dev;
	const struct block_weights *w = &gpt->weights.blocks[l], *g = &gpt->grads.blocks[l];
	const struct block_activations *a = &gpt->blocks[l];
	const int c = gpt->config.width, h = gpt->config.heads;
	const int f = gpt_inner(&gpt->config);
	const struct dropout dropout = dropout_at(gpt, PLACE_ATTENTION, l);
	void *rounded = rounded_gradient(gpt);
	const float *into;

	into = branch_gradient(gpt, n, PLACE_MLP, l);
	k->linear_residual_backward(dev, gpt->dwide, g->mlp_proj, g->mlp_proj_b, into, rounded,
	                            a->gelu, w->mlp_proj, n, f, c);
	(gpt->config.activation == GPT_GELU ? k->gelu_backward : k->gelu_tanh_backward)(
		dev, gpt->dwide, gpt->dwide, a->fc, (size_t)n * f);
	k->linear_backward(dev, gpt->dbranch, g->mlp_fc, g->mlp_fc_b, gpt->dwide, a->ln_2,
	                   w->mlp_fc, n, c, f);
	k->layernorm_backward(dev, gpt->dx, g->ln_2, g->ln_2_b, rounded, gpt->dbranch, a->x_mid,
	                      a->mean_2, a->rstd_2, w->ln_2, n, c);
	tell(gpt, 2 * (gpt->config.layers - l));

	into = branch_gradient(gpt, n, PLACE_PROJECTION, l);
	k->linear_residual_backward(dev, gpt->dbranch, g->attn_proj, g->attn_proj_b, into, rounded,
	                            a->att, w->attn_proj, n, c, c);
	k->attention_backward(dev, gpt->dwide, gpt->dbranch, a->att, a->lse, a->qkv, seqs, c, h,
	                      &dropout);
	gpt_scale_queries(gpt, gpt->dwide, l, n);
	k->linear_backward(dev, gpt->dbranch, g->attn_qkv, g->attn_qkv_b, gpt->dwide, a->ln_1,
	                   w->attn_qkv, n, c, 3 * c);
	k->layernorm_backward(dev, gpt->dx, g->ln_1, g->ln_1_b, rounded, gpt->dbranch, a->x,
	                      a->mean_1, a->rstd_1, w->ln_1, n, c);
	tell(gpt, 2 * (gpt->config.layers - l) + 1);
}

void gpt_backward(struct gpt *gpt)
{
	const struct kernels *k = gpt->k;
	const int n = gpt->batch->count, c = gpt->config.width, v = gpt->config.vocab;
	const size_t count = (size_t)n * c;

	assert(gpt->keep == GPT_KEEP_ALL && gpt->batch->target);
	k->unembed_backward(gpt->dev, gpt->dbranch, gpt->grads.head, gpt->logits, gpt->ln_f,
	                    gpt->weights.head, n, c, v);
	k->zero(gpt->dev, gpt->dx, count * sizeof *gpt->dx);
	k->layernorm_backward(gpt->dev, gpt->dx, gpt->grads.ln_f, gpt->grads.ln_f_b,
	                      rounded_gradient(gpt), gpt->dbranch, gpt->x_last, gpt->mean_f,
	                      gpt->rstd_f, gpt->weights.ln_f, n, c);
	tell(gpt, 1);
	for (int l = gpt->config.layers - 1; l >= 0; l--)
		block_backward(gpt, l, n, &gpt->batch->sequences);
	drop(gpt, gpt->dx, count, PLACE_EMBEDDING, 0);
	k->embed_backward(gpt->dev, gpt->grads.wte, gpt->grads.wpe, gpt->dx, gpt->token,
	                  gpt->position, n, c, v, gpt->config.context);
	tell(gpt, gpt_section_count(&gpt->config));
}

/* ---- whole passes ---- */

void gpt_upload_rows(struct gpt *gpt, void *to, const void *from_host, int n, size_t size)
{
	if (from_host)
		gpt->k->upload(gpt->dev, to, from_host, (size_t)n * size);
}

/* Take a batch: all that a pass needs of the host is uploaded before its first operation. */
static void begin_pass(struct gpt *gpt, const struct gpt_batch *batch)
{
	const int n = batch->count;

	assert(n >= 1 && n <= gpt->rows_max);
	gpt->batch = batch;
	gpt->rows = n;
	gpt_upload_rows(gpt, gpt->token, batch->token, n, sizeof *batch->token);
	gpt_upload_rows(gpt, gpt->position, batch->position, n, sizeof *batch->position);
	gpt_upload_rows(gpt, gpt->target, batch->target, n, sizeof *batch->target);
	gpt_upload_rows(gpt, gpt->loss_weight, batch->weight, n, sizeof *batch->weight);
}

/* The key of kernels.h's replay(): everything that the calls of a pass depend on, except rows and
 * sequences. A network may have the address of one that was freed: the device forgets all calls
 * when memory is freed. */
static uint64_t replay_key(const struct gpt *gpt, const double *sum)
{
	uint64_t parts[5] = {
		(uintptr_t)gpt, (uintptr_t)sum, gpt->dropout.seed, 0,
		(uint64_t)((gpt->batch->target != NULL) + 2 * (gpt->batch->weight != NULL)),
	};

	memcpy(&parts[3], &gpt->dropout.rate, sizeof gpt->dropout.rate);
	return XXH3_64bits(parts, sizeof parts);
}

/* Run the pass, and if sum is given also backward. A device that remembers the calls of an
 * earlier pass makes them by itself. Only networks that train use that: the others see too many
 * different shapes. */
static void run_pass(struct gpt *gpt, double *sum)
{
	const struct kernels *k = gpt->k;
	const bool replays = k->replay && gpt->keep == GPT_KEEP_ALL && !gpt->told;

	do {
		if (replays && k->replay(gpt->dev, &gpt->batch->sequences, replay_key(gpt, sum)))
			return;
		forward(gpt);
		if (sum) {
			k->sum(gpt->dev, sum, gpt->loss, (size_t)gpt->rows);
			gpt_backward(gpt);
		}
	} while (replays && !k->recorded(gpt->dev));
}

void gpt_forward(struct gpt *gpt, const struct gpt_batch *batch, float *losses)
{
	begin_pass(gpt, batch);
	run_pass(gpt, NULL);
	if (losses && batch->target)
		gpt->k->download(gpt->dev, losses, gpt->loss, (size_t)gpt->rows * sizeof *losses);
}

void gpt_forward_backward(struct gpt *gpt, const struct gpt_batch *batch, double *sum)
{
	begin_pass(gpt, batch);
	run_pass(gpt, sum);
}

void gpt_logits(struct gpt *gpt, int first, int count, float *logits)
{
	assert(first >= 0 && count >= 0 && count <= gpt->rows - first);
	gpt_unembed(gpt, gpt->x_last + (size_t)first * gpt->config.width, gpt->weights.ln_f_b, count,
	            logits);
}

int gpt_logit_rows(const struct gpt *gpt)
{
	return gpt->logit_rows;
}

float *gpt_gradients(struct gpt *gpt)
{
	return gpt->gradients;
}

void gpt_zero_gradients(struct gpt *gpt)
{
	gpt->k->zero(gpt->dev, gpt->gradients,
	             gpt_parameter_count(&gpt->config) * sizeof *gpt->gradients);
}

void gpt_hold_parameters(struct gpt *gpt, bool hold)
{
	if (gpt->k->hold) /* the array begins with wte */
		gpt->k->hold(gpt->dev, gpt->weights.wte, hold ? gpt_parameter_count(&gpt->config) : 0);
}
