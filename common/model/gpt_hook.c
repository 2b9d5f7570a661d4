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

/* Where the numbers of a place are in device memory: row r of them begins with element offset +
 * r * stride of memory. */
struct location {
	void *memory; /* NULL: nowhere */
	bool activations; /* in the device's type of them; else float32 */
	size_t stride, offset, width;
};

static struct location locate(const struct gpt *gpt, enum gpt_place place, int layer)
{
	const struct block_activations *a = &gpt->blocks[layer];
	const bool last = layer + 1 == gpt->config.layers;
	const size_t c = (size_t)gpt->config.width, f = (size_t)gpt_inner(&gpt->config);

	switch (place) {
	case GPT_Q:
	case GPT_K:
	case GPT_V:
		return (struct location){a->qkv, true, 3 * c, (size_t)(place - GPT_Q) * c, c};
	case GPT_RESID_PRE: return (struct location){a->x, false, c, 0, c};
	case GPT_RESID_MID: return (struct location){a->x_mid, false, c, 0, c};
	case GPT_RESID_POST: return (struct location){last ? gpt->x_last : a[1].x, false, c, 0, c};
	case GPT_ATTN_OUT:
	case GPT_MLP_OUT: return (struct location){gpt->branch, false, c, 0, c};
	case GPT_LN1: return (struct location){a->ln_1, true, c, 0, c};
	case GPT_Z: return (struct location){a->att, true, c, 0, c};
	case GPT_LN2: return (struct location){a->ln_2, true, c, 0, c};
	case GPT_MLP_PRE: return (struct location){a->fc, true, f, 0, f};
	case GPT_MLP_POST: return (struct location){a->gelu, true, f, 0, f};
	case GPT_LN_FINAL: return (struct location){gpt->ln_f, true, c, 0, c};
	case GPT_EMBED:
	case GPT_POS_EMBED:
	case GPT_RESULT:
	case GPT_PLACES:
		break;
	}
	return (struct location){0};
}

/* count elements from element first on. */
static void read_elements(struct gpt *gpt, const struct location *at, size_t first, size_t count,
                          float *out)
{
	if (at->activations)
		gpt->k->read_activations(gpt->dev, out,
		                         (const char *)at->memory + first * gpt->activation_size, count);
	else
		gpt->k->download(gpt->dev, out, (const float *)at->memory + first, count * sizeof *out);
}

void gpt_hook_read(struct gpt *gpt, enum gpt_place place, int layer, float *out)
{
	const struct location at = locate(gpt, place, layer);
	const size_t n = (size_t)gpt->rows;

	if (place == GPT_EMBED) {
		read_embeddings(gpt, gpt->weights.wte, gpt->batch->token, out);
		return;
	}
	if (place == GPT_POS_EMBED) {
		read_embeddings(gpt, gpt->weights.wpe, gpt->batch->position, out);
		return;
	}
	assert(at.memory);
	if (at.stride == at.width) {
		read_elements(gpt, &at, 0, n * at.width, out);
		return;
	}
	for (size_t r = 0; r < n; r++)
		read_elements(gpt, &at, at.offset + r * at.stride, at.width, out + r * at.width);
}

void gpt_hook_write(struct gpt *gpt, enum gpt_place place, int layer, int row, int column,
                    int count, const float *values)
{
	const struct location at = locate(gpt, place, layer);

	assert(at.memory && place != GPT_LN_FINAL && gpt->hook.writes);
	assert(gpt->activation_size == sizeof *values);
	assert(row >= 0 && row < gpt->rows && column >= 0 && (size_t)(column + count) <= at.width);
	gpt->k->upload(gpt->dev,
	               (float *)at.memory + at.offset + (size_t)row * at.stride + (size_t)column,
	               values, (size_t)count * sizeof *values);
}

void gpt_hook_read_result(struct gpt *gpt, int layer, int head, float *out)
{
	const int c = gpt->config.width, d = c / gpt->config.heads;
	const size_t first = (size_t)(head * d) * gpt->activation_size;

	gpt_project_head(gpt, layer, head, (const char *)gpt->blocks[layer].att + first, c, gpt->rows);
	gpt->k->download(gpt->dev, out, gpt->branch, (size_t)gpt->rows * (size_t)c * sizeof *out);
}
