#include "common/model/gpt_inspect.h"

#include <assert.h>
#include <stdlib.h>

#include "common/model/gpt_internal.h"

/* ---- attention ---- */

void gpt_attention_probs(struct gpt *gpt, int layer, int sequence, int head, float *probs)
{
	const struct gpt_batch *batch = gpt->batch;
	const struct block_activations *a = &gpt->blocks[layer];
	const int first = batch->sequences.begin[sequence];
	const int length = batch->sequences.begin[sequence + 1] - first;

	assert(gpt->keep == GPT_KEEP_ATTENTION);
	gpt->k->attention_probs(gpt->dev, gpt->probs, a->qkv, a->lse, batch->count, first, length,
	                        head, gpt->config.width, gpt->config.heads);
	gpt->k->download(gpt->dev, probs, gpt->probs, (size_t)length * length * sizeof *probs);
}

void gpt_attention_qkv(struct gpt *gpt, int layer, float *qkv)
{
	assert(gpt->keep == GPT_KEEP_ATTENTION);
	gpt->k->read_activations(gpt->dev, qkv, gpt->blocks[layer].qkv,
	                         (size_t)gpt->rows * 3 * gpt->config.width);
}

void gpt_head_outputs(struct gpt *gpt, int layer, float *out)
{
	assert(gpt->keep == GPT_KEEP_ATTENTION);
	gpt->k->read_activations(gpt->dev, out, gpt->blocks[layer].att,
	                         (size_t)gpt->rows * gpt->config.width);
}

void gpt_project_head(struct gpt *gpt, int layer, int head, const void *in, int stride, int count)
{
	const struct kernels *k = gpt->k;
	const size_t c = (size_t)gpt->config.width, d = c / (size_t)gpt->config.heads;
	const size_t n = (size_t)count, size = gpt->activation_size;
	char *alone = gpt->blocks[layer].ln_1; /* free: attention has read it */

	k->zero(gpt->dev, alone, n * c * size);
	for (size_t r = 0; r < n; r++)
		k->copy(gpt->dev, alone + (r * c + (size_t)head * d) * size,
		        (const char *)in + r * (size_t)stride * size, d * size);
	k->linear_residual(gpt->dev, gpt->branch, NULL, alone,
	                   gpt->weights.blocks[layer].attn_proj, NULL, count, (int)c, (int)c);
}

void gpt_head_logits(struct gpt *gpt, int layer, int head, int first, int count, float *logits)
{
	const int c = gpt->config.width, d = c / gpt->config.heads;
	const size_t column = (size_t)(2 * c + head * d); /* where the head's values begin */
	const size_t at = (size_t)first * 3 * (size_t)c + column;

	assert(gpt->keep == GPT_KEEP_ATTENTION);
	assert(first >= 0 && count >= 0 && count <= gpt->rows - first);
	gpt_project_head(gpt, layer, head,
	                 (const char *)gpt->blocks[layer].qkv + at * gpt->activation_size, 3 * c,
	                 count);
	gpt_unembed(gpt, gpt->branch, NULL, count, logits);
}

/* ---- the residual stream ---- */

void gpt_logit_lens(struct gpt *gpt, int blocks, int first, int count, float *logits)
{
	const int layers = gpt->config.layers;

	assert(gpt->keep == GPT_KEEP_RESIDUAL && blocks >= 0 && blocks <= layers);
	assert(first >= 0 && count >= 0 && count <= gpt->rows - first);
	const float *x = blocks < layers ? gpt->blocks[blocks].x : gpt->x_last;
	gpt_unembed(gpt, x + (size_t)first * gpt->config.width, gpt->weights.ln_f_b, count,
	            logits);
}

/* ---- from the residual stream to the heads ---- */

void gpt_project_back(struct gpt *gpt, int layer, int count, const float *direction, float *out)
{
	const struct kernels *k = gpt->k;
	const int c = gpt->config.width;
	const size_t bytes = (size_t)count * (size_t)c * sizeof *out;

	assert(gpt->keep != GPT_KEEP_ALL && gpt->activation_size == sizeof *out);
	assert(count <= gpt->rows_max);
	k->upload(gpt->dev, gpt->ln_f, direction, bytes);
	/* An output head W_O whose tokens are the numbers of the heads' outputs. */
	k->unembed(gpt->dev, gpt->branch, gpt->ln_f, gpt->weights.blocks[layer].attn_proj, count, c, c);
	k->download(gpt->dev, out, gpt->branch, bytes);
}

/* ---- ablation ---- */

int gpt_ablate_head(struct gpt *gpt, int layer, int head, const float *value, struct err *err)
{
	const int c = gpt->config.width, h = gpt->config.heads, d = c / h;

	assert(gpt->keep != GPT_KEEP_ALL && layer < gpt->config.layers && head < h);
	if (!gpt->ablated) {
		gpt->ablated = calloc((size_t)gpt->config.layers * h, sizeof *gpt->ablated);
		gpt->ablated_output = gpt_alloc_floats(gpt, (size_t)gpt->config.layers, (size_t)c);
	}
	if (!gpt->ablated || !gpt->ablated_output)
		return err_set(err, "out of memory for ablated heads");
	float *at = gpt->ablated_output + (size_t)layer * c + (size_t)head * d;
	if (value)
		gpt->k->upload(gpt->dev, at, value, (size_t)d * sizeof *at);
	else
		gpt->k->zero(gpt->dev, at, (size_t)d * sizeof *at);
	gpt->ablated[layer * h + head] = true;
	return 0;
}

void gpt_replace_ablated(struct gpt *gpt, int l, int n)
{
	const int c = gpt->config.width, h = gpt->config.heads, d = c / h;

	for (int i = 0; gpt->ablated && i < h; i++)
		if (gpt->ablated[l * h + i])
			gpt->k->set_columns(gpt->dev, gpt->blocks[l].att,
			                    gpt->ablated_output + (size_t)l * c + (size_t)i * d, n, c,
			                    i * d, d);
}
