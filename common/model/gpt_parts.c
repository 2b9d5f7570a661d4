#include "common/model/gpt_parts.h"

#include <assert.h>

#include "common/model/gpt_internal.h"

/* Where a hook puts what it reads. */
struct outputs {
	float *of[GPT_PLACES];
};

static void read_place(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	const struct outputs *outputs = context;

	gpt_hook_read(gpt, place, layer, outputs->of[place]);
}

/* Before the computation over n rows: watch places, for results of the bits that patching has. */
static void begin(struct gpt *gpt, int n, uint32_t places, struct outputs *outputs)
{
	assert(n >= 1 && n <= gpt->rows_max);
	gpt->rows = n;
	gpt_set_hook(gpt, &(struct gpt_hook){
		.places = places, .call = read_place, .context = outputs, .writes = true});
	gpt->k->row_invariant(gpt->dev, true);
}

static void end(struct gpt *gpt)
{
	gpt->k->row_invariant(gpt->dev, false);
	gpt_set_hook(gpt, NULL);
}

static void upload(struct gpt *gpt, void *to, const float *x, int n)
{
	gpt_upload_rows(gpt, to, x, n, (size_t)gpt->config.width * sizeof *x);
}

void gpt_parts_qkv(struct gpt *gpt, int layer, int n, const float *x, float *q, float *k, float *v)
{
	struct outputs outputs = {.of = {[GPT_Q] = q, [GPT_K] = k, [GPT_V] = v}};

	begin(gpt, n, GPT_PLACE_BIT(GPT_Q) | GPT_PLACE_BIT(GPT_K) | GPT_PLACE_BIT(GPT_V), &outputs);
	upload(gpt, gpt->blocks[layer].x, x, n);
	gpt_block_qkv(gpt, layer, n);
	end(gpt);
}

void gpt_parts_attention(struct gpt *gpt, int layer, int n, const float *q, const float *k,
                         const float *v, float *z)
{
	static const struct dropout none;
	const struct block_activations *a = &gpt->blocks[layer];
	const int c = gpt->config.width;
	const size_t row = (size_t)c * sizeof *q;
	int32_t ends[2] = {0, n};
	const struct sequences one = {.count = 1, .begin = ends, .longest = n};
	float *qkv = a->qkv;

	assert(gpt->activation_size == sizeof *q);
	begin(gpt, n, 0, NULL);
	for (size_t r = 0; r < (size_t)n; r++, qkv += 3 * c) {
		gpt->k->upload(gpt->dev, qkv, q + r * (size_t)c, row);
		gpt->k->upload(gpt->dev, qkv + c, k + r * (size_t)c, row);
		gpt->k->upload(gpt->dev, qkv + 2 * c, v + r * (size_t)c, row);
	}
	gpt_scale_queries(gpt, a->qkv, layer, n);
	gpt->k->attention(gpt->dev, a->att, a->lse, a->qkv, &one, c, gpt->config.heads, &none);
	gpt->k->read_activations(gpt->dev, z, a->att, (size_t)n * (size_t)c);
	end(gpt);
}

void gpt_parts_mlp(struct gpt *gpt, int layer, int n, const float *x_mid, float *out)
{
	struct outputs outputs = {.of = {[GPT_MLP_OUT] = out}};

	begin(gpt, n, GPT_PLACE_BIT(GPT_MLP_OUT), &outputs);
	upload(gpt, gpt->blocks[layer].x_mid, x_mid, n);
	gpt_block_mlp(gpt, layer, n);
	end(gpt);
}

void gpt_parts_result(struct gpt *gpt, int layer, int head, int n, const float *z, float *out)
{
	const int c = gpt->config.width, d = c / gpt->config.heads;
	float *att = gpt->blocks[layer].att;

	assert(gpt->activation_size == sizeof *z);
	begin(gpt, n, 0, NULL);
	upload(gpt, att, z, n);
	gpt_project_head(gpt, layer, head, att + head * d, c, n);
	gpt->k->download(gpt->dev, out, gpt->branch, (size_t)n * (size_t)c * sizeof *out);
	end(gpt);
}

void gpt_parts_logits(struct gpt *gpt, int n, const float *x, float *logits)
{
	begin(gpt, n, 0, NULL);
	upload(gpt, gpt->x_last, x, n);
	gpt_unembed(gpt, gpt->x_last, gpt->weights.ln_f_b, n, logits);
	end(gpt);
}
