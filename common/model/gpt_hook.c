#include "common/model/gpt_hook.h"

#include <assert.h>

#include "common/model/gpt_internal.h"

void gpt_set_hook(struct gpt *gpt, const struct gpt_hook *hook)
{
	assert(gpt->keep != GPT_KEEP_ALL);
	gpt->hook = hook ? *hook : (struct gpt_hook){0};
}

void gpt_visit(struct gpt *gpt, enum gpt_place place, int layer)
{
	if (gpt->hook.places & GPT_PLACE_BIT(place))
		gpt->hook.call(gpt->hook.context, gpt, place, layer);
}

/* Rows of a table [.,c] of the parameters. index: their numbers, host memory. */
static void read_embeddings(struct gpt *gpt, const float *table, const int32_t *index, float *out)
{
	const size_t c = (size_t)gpt->config.width;

	for (size_t r = 0; r < (size_t)gpt->rows; r++)
		gpt->k->download(gpt->dev, out + r * c, table + (size_t)index[r] * c, c * sizeof *out);
}

/* A third of qkv[n,3c]: queries, keys or values. */
static void read_third(struct gpt *gpt, const void *qkv, int third, float *out)
{
	const size_t c = (size_t)gpt->config.width;

	for (size_t r = 0; r < (size_t)gpt->rows; r++) {
		const size_t at = 3 * r * c + (size_t)third * c;
		gpt->k->read_activations(gpt->dev, out + r * c,
		                         (const char *)qkv + at * gpt->activation_size, c);
	}
}

void gpt_hook_read(struct gpt *gpt, enum gpt_place place, int layer, float *out)
{
	const struct block_activations *a = &gpt->blocks[layer];
	const bool last = layer + 1 == gpt->config.layers;
	const size_t n = (size_t)gpt->rows, c = (size_t)gpt->config.width;
	const size_t f = (size_t)gpt_inner(&gpt->config);
	const float *stream = NULL; /* float32 [n,c] */
	const void *activations = NULL; /* [n,width] */
	size_t width = c;

	switch (place) {
	case GPT_EMBED:
		read_embeddings(gpt, gpt->weights.wte, gpt->batch->token, out);
		return;
	case GPT_POS_EMBED:
		read_embeddings(gpt, gpt->weights.wpe, gpt->batch->position, out);
		return;
	case GPT_Q:
	case GPT_K:
	case GPT_V:
		read_third(gpt, a->qkv, (int)place - GPT_Q, out);
		return;
	case GPT_RESID_PRE: stream = a->x; break;
	case GPT_RESID_MID: stream = a->x_mid; break;
	case GPT_RESID_POST: stream = last ? gpt->x_last : a[1].x; break;
	case GPT_ATTN_OUT: stream = gpt->branch; break;
	case GPT_MLP_OUT: stream = gpt->branch; break;
	case GPT_LN1: activations = a->ln_1; break;
	case GPT_Z: activations = a->att; break;
	case GPT_LN2: activations = a->ln_2; break;
	case GPT_MLP_PRE: activations = a->fc, width = f; break;
	case GPT_MLP_POST: activations = a->gelu, width = f; break;
	case GPT_LN_FINAL: activations = gpt->ln_f; break;
	case GPT_RESULT:
	case GPT_PLACES:
		break;
	}
	assert(stream || activations);
	if (stream)
		gpt->k->download(gpt->dev, out, stream, n * c * sizeof *out);
	else
		gpt->k->read_activations(gpt->dev, out, activations, n * width);
}

void gpt_hook_read_result(struct gpt *gpt, int layer, int head, float *out)
{
	const int c = gpt->config.width, d = c / gpt->config.heads;
	const size_t first = (size_t)(head * d) * gpt->activation_size;

	gpt_project_head(gpt, layer, head, (const char *)gpt->blocks[layer].att + first, c, gpt->rows);
	gpt->k->download(gpt->dev, out, gpt->branch, (size_t)gpt->rows * (size_t)c * sizeof *out);
}
