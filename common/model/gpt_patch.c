/* gpt_patch.c - a text and its partner run, whole. */
#include "common/model/gpt_patch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/model/gpt_patch_private.h"

/* ---- making one ---- */

/* Device memory of the network, [rows,c] each. */
static bool alloc_text(struct gpt_patcher *patcher)
{
	struct gpt *gpt = patcher->gpt;
	const size_t t = (size_t)gpt->config.context, c = (size_t)gpt->config.width;
	const size_t layers = (size_t)gpt->config.layers;

	patcher->x = calloc(layers + 1, sizeof *patcher->x);
	patcher->x_mid = calloc(layers, sizeof *patcher->x_mid);
	patcher->qkv = calloc(layers, sizeof *patcher->qkv);
	patcher->att = calloc(layers, sizeof *patcher->att);
	if (!patcher->x || !patcher->x_mid || !patcher->qkv || !patcher->att)
		return false;
	for (size_t l = 0; l < layers; l++) {
		patcher->x[l] = gpt_alloc_floats(gpt, t, c);
		patcher->x_mid[l] = gpt_alloc_floats(gpt, t, c);
		patcher->qkv[l] = gpt_alloc_floats(gpt, t, 3 * c);
		patcher->att[l] = gpt_alloc_floats(gpt, t, c);
	}
	patcher->x[layers] = gpt_alloc_floats(gpt, t, c);
	patcher->x_some = gpt_alloc_floats(gpt, (size_t)gpt->rows_max, c);
	patcher->qkv_some = gpt_alloc_floats(gpt, (size_t)gpt->rows_max, 3 * c);
	return !gpt->memory_failed;
}

struct gpt_patcher *gpt_patcher_new(struct gpt *gpt, int lanes, struct err *err)
{
	struct gpt_patcher *patcher = calloc(1, sizeof *patcher);
	const size_t context = (size_t)gpt->config.context, rows = (size_t)gpt->rows_max;

	assert(gpt->keep == GPT_KEEP_NOTHING && gpt->rows_max >= gpt->config.context && lanes >= 1);
	assert(gpt->activation_size == sizeof(float));
	if (!patcher) {
		err_set(err, "out of memory");
		return NULL;
	}
	patcher->gpt = gpt;
	patcher->config = &gpt->config;
	patcher->lanes = lanes;
	patcher->changed = malloc((size_t)lanes * sizeof *patcher->changed);
	patcher->lane = malloc((size_t)lanes * sizeof *patcher->lane);
	patcher->number = malloc(rows * sizeof *patcher->number);
	patcher->slot = malloc(rows * sizeof *patcher->slot);
	patcher->want = malloc(context * sizeof *patcher->want);
	patcher->wanted_index = malloc(context * sizeof *patcher->wanted_index);
	patcher->cache = kv_cache_new(gpt, lanes + 1, err);
	if (patcher->changed && patcher->lane && patcher->number && patcher->slot && patcher->want &&
	    patcher->wanted_index && patcher->cache && alloc_text(patcher))
		return patcher;
	err_set(err, "out of memory to run a text of %zu tokens again", context);
	gpt_patcher_free(patcher);
	return NULL;
}

void gpt_patcher_free(struct gpt_patcher *patcher)
{
	if (!patcher)
		return;
	kv_cache_free(patcher->cache);
	free(patcher->changed);
	free(patcher->lane);
	free(patcher->number);
	free(patcher->slot);
	free(patcher->want);
	free(patcher->wanted_index);
	free(patcher->logits);
	free(patcher->x);
	free(patcher->x_mid);
	free(patcher->qkv);
	free(patcher->att);
	free(patcher->order);
	free(patcher->out);
	free(patcher);
}

/* ---- parts of a pass ---- */

void gpt_patch_copy_rows(struct gpt_patcher *patcher, int times, void *to, int to_row,
                         const void *from, int from_row, int count)
{
	const size_t row = (size_t)times * (size_t)patcher->config->width * sizeof(float);

	if (count > 0)
		patcher->gpt->k->copy(patcher->gpt->dev, (char *)to + (size_t)to_row * row,
		                      (const char *)from + (size_t)from_row * row,
		                      (size_t)count * row);
}

int gpt_patch_consecutive(const int32_t *want, int i, int wanted)
{
	int count = 1;

	while (i + count < wanted && want[i + count] == want[i] + count)
		count++;
	return count;
}

void gpt_patch_upload_places(struct gpt_patcher *patcher, int n)
{
	gpt_upload_rows(patcher->gpt, patcher->gpt->slot, patcher->slot, n, sizeof *patcher->slot);
	gpt_upload_rows(patcher->gpt, patcher->gpt->position, patcher->number, n,
	                sizeof *patcher->number);
}

/* The logits of some rows of x, n of them in host memory. */
static void find_logits(struct gpt_patcher *patcher, const float *x, const int32_t *want,
                        int wanted, float *logits)
{
	struct gpt *gpt = patcher->gpt;

	for (int i = 0, run; i < wanted; i += run) {
		run = gpt_patch_consecutive(want, i, wanted);
		gpt_patch_copy_rows(patcher, 1, patcher->x_some, i, x, want[i], run);
	}
	gpt_unembed(gpt, patcher->x_some, gpt->weights.ln_f_b, wanted, logits);
}

/* ---- a whole text ---- */

/* Run a text in a slot. text: keep what reruns begin with. */
static void run(struct gpt_patcher *patcher, const struct gpt_text *text, int slot, bool keep_it)
{
	struct gpt *gpt = patcher->gpt;
	const int n = text->rows, layers = patcher->config->layers;

	assert(n >= 1 && n <= patcher->config->context);
	for (int i = 0; i < n; i++) {
		patcher->number[i] = i;
		patcher->slot[i] = slot;
	}
	gpt->rows = n;
	gpt_upload_rows(gpt, gpt->token, text->token, n, sizeof *text->token);
	gpt_patch_upload_places(patcher, n);
	gpt_embed(gpt, n);
	for (int l = 0; l < layers; l++) {
		const struct block_activations *a = &gpt->blocks[l];
		if (keep_it)
			gpt_patch_copy_rows(patcher, 1, patcher->x[l], 0, a->x, 0, n);
		gpt_visit(gpt, GPT_RESID_PRE, l);
		gpt_block_qkv(gpt, l, n);
		if (keep_it)
			gpt_patch_copy_rows(patcher, 3, patcher->qkv[l], 0, a->qkv, 0, n);
		kv_cache_attention(patcher->cache, l, 0, n, a->att);
		if (keep_it)
			gpt_patch_copy_rows(patcher, 1, patcher->att[l], 0, a->att, 0, n);
		gpt_block_attention(gpt, l, n, a->x);
		if (keep_it)
			gpt_patch_copy_rows(patcher, 1, patcher->x_mid[l], 0, a->x_mid, 0, n);
		gpt_block_mlp(gpt, l, n);
	}
	if (keep_it)
		gpt_patch_copy_rows(patcher, 1, patcher->x[layers], 0, gpt->x_last, 0, n);
}

static void look(struct gpt_patcher *patcher, const struct gpt_text *text, int slot, bool keep_it,
                 struct gpt_trace *trace, float *logits)
{
	struct gpt *gpt = patcher->gpt;
	struct gpt_hook hook = trace ? gpt_trace_hook(trace) : (struct gpt_hook){0};

	hook.writes = true; /* as reruns have it */
	gpt_set_hook(gpt, &hook);
	gpt->k->row_invariant(gpt->dev, true);
	run(patcher, text, slot, keep_it);
	find_logits(patcher, gpt->x_last, text->want, text->wanted, logits);
	gpt->k->row_invariant(gpt->dev, false);
}

void gpt_patcher_look(struct gpt_patcher *patcher, const struct gpt_text *text,
                      struct gpt_trace *trace, float *logits)
{
	patcher->changed[0] = 0;
	look(patcher, text, 0, false, trace, logits);
}

int gpt_patcher_text(struct gpt_patcher *patcher, const struct gpt_text *text,
                     struct gpt_trace *trace, float *logits, struct err *err)
{
	const size_t v = (size_t)patcher->config->vocab, count = (size_t)text->wanted * v;

	if (array_reserve(&patcher->logits, &patcher->logits_room, count) < 0 ||
	    array_reserve(&patcher->out, &patcher->out_room, (size_t)patcher->lanes * count) < 0)
		return err_set(err, "out of memory for the logits of a text");
	patcher->rows = text->rows;
	patcher->wanted = text->wanted;
	for (int i = 0; i < text->rows; i++)
		patcher->wanted_index[i] = -1;
	for (int i = 0; i < text->wanted; i++) {
		assert(i == 0 || text->want[i] > text->want[i - 1]);
		patcher->want[i] = text->want[i];
		patcher->wanted_index[text->want[i]] = i;
	}
	for (int i = 0; i < patcher->lanes; i++)
		patcher->changed[i] = 0;
	look(patcher, text, patcher->lanes, true, trace, patcher->logits);
	memcpy(logits, patcher->logits, count * sizeof *logits);
	return 0;
}
