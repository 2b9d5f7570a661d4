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

/* Memory for replacements. -1 with err set. */
static int begin_ablation(struct gpt *gpt, struct err *err)
{
	struct ablated *ablated = &gpt->ablated;
	const size_t layers = (size_t)gpt->config.layers, c = (size_t)gpt->config.width;

	assert(gpt->keep != GPT_KEEP_ALL && gpt->activation_size == sizeof(float));
	if (!ablated->heads) {
		ablated->heads = calloc(layers * (size_t)gpt->config.heads, sizeof *ablated->heads);
		ablated->mlps = calloc(layers, sizeof *ablated->mlps);
		ablated->head_output = gpt_alloc_floats(gpt, layers, c);
		ablated->mlp_output = gpt_alloc_floats(gpt, layers, c);
	}
	if (!ablated->heads || !ablated->mlps || !ablated->head_output || !ablated->mlp_output)
		return err_set(err, "out of memory for ablated parts");
	return 0;
}

static void set_replacement(struct gpt *gpt, float *at, const float *value, int count)
{
	const size_t bytes = (size_t)count * sizeof *at;

	if (value)
		gpt->k->upload(gpt->dev, at, value, bytes);
	else
		gpt->k->zero(gpt->dev, at, bytes);
}

int gpt_ablate_head(struct gpt *gpt, int layer, int head, const float *value, struct err *err)
{
	const int c = gpt->config.width, h = gpt->config.heads, d = c / h;

	assert(layer < gpt->config.layers && head < h);
	if (begin_ablation(gpt, err) < 0)
		return -1;
	set_replacement(gpt, gpt->ablated.head_output + (size_t)layer * c + (size_t)head * d, value, d);
	gpt->ablated.heads[layer * h + head] = true;
	return 0;
}

int gpt_ablate_mlp(struct gpt *gpt, int layer, const float *value, struct err *err)
{
	const int c = gpt->config.width;

	assert(layer < gpt->config.layers);
	if (begin_ablation(gpt, err) < 0)
		return -1;
	set_replacement(gpt, gpt->ablated.mlp_output + (size_t)layer * c, value, c);
	gpt->ablated.mlps[layer] = true;
	return 0;
}

void gpt_ablate_rows(struct gpt *gpt, const uint8_t *rows)
{
	gpt->ablated.rows = rows;
}

static bool row_ablated(const struct ablated *ablated, int row)
{
	return !ablated->rows || ablated->rows[ablated->row_of ? ablated->row_of[row] : row];
}

bool gpt_mlp_ablated(const struct gpt *gpt, int layer, int row)
{
	return gpt->ablated.mlps && gpt->ablated.mlps[layer] && row_ablated(&gpt->ablated, row);
}

/* Rows that follow one another. */
struct run {
	int first, count;
};

/* The next run of ablated rows among n, after the last one; begin with {0}. False: no more. */
static bool next_run(const struct ablated *ablated, int n, struct run *run)
{
	int row = run->first + run->count;

	while (row < n && !row_ablated(ablated, row))
		row++;
	run->first = row;
	while (row < n && row_ablated(ablated, row))
		row++;
	run->count = row - run->first;
	return run->count > 0;
}

void gpt_replace_ablated(struct gpt *gpt, int l, int n)
{
	const struct ablated *ablated = &gpt->ablated;
	const int c = gpt->config.width, h = gpt->config.heads, d = c / h;
	const size_t row = (size_t)c * gpt->activation_size;

	if (!ablated->heads)
		return;
	for (struct run run = {0}; next_run(ablated, n, &run);)
		for (int i = 0; i < h; i++)
			if (ablated->heads[l * h + i])
				gpt->k->set_columns(gpt->dev,
				                    (char *)gpt->blocks[l].att + (size_t)run.first * row,
				                    ablated->head_output + (size_t)l * c + (size_t)i * d,
				                    run.count, c, i * d, d);
}

static bool branch_ablated(const struct gpt *gpt, enum gpt_place place, int l)
{
	return place == GPT_MLP_OUT && gpt->ablated.mlps && gpt->ablated.mlps[l];
}

/* The replacement of block l's feed-forward part, into rows of branch. */
static float *replace_rows(struct gpt *gpt, int l, const struct run *run)
{
	const int c = gpt->config.width;
	float *at = gpt->branch + (size_t)run->first * (size_t)c;

	gpt->k->set_columns(gpt->dev, at, gpt->ablated.mlp_output + (size_t)l * c, run->count, c, 0, c);
	return at;
}

void gpt_replace_branch(struct gpt *gpt, enum gpt_place place, int l, int n)
{
	if (branch_ablated(gpt, place, l))
		for (struct run run = {0}; next_run(&gpt->ablated, n, &run);)
			replace_rows(gpt, l, &run);
}

void gpt_add_replaced_branch(struct gpt *gpt, enum gpt_place place, int l, int n, float *to,
                             const float *from)
{
	const size_t c = (size_t)gpt->config.width;

	if (!branch_ablated(gpt, place, l))
		return;
	for (struct run run = {0}; next_run(&gpt->ablated, n, &run);) {
		const size_t first = (size_t)run.first * c, count = (size_t)run.count * c;
		const float *replacement = replace_rows(gpt, l, &run);
		gpt->k->copy(gpt->dev, to + first, from + first, count * sizeof *to);
		gpt->k->add(gpt->dev, to + first, replacement, count);
	}
}
