/* gpt_patch_rerun.c - reruns: in which order, and what of them is computed. */
#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/model/gpt_patch_private.h"

/* ---- the order of reruns ---- */

/* Where a patch begins to matter. */
static struct start start_of(const struct gpt_patcher *patcher, const struct gpt_patch *patch)
{
	struct start start = {.layer = patch->layer, .row = INT_MAX};

	switch (patch->place) {
	case GPT_Z:
	case GPT_ATTN_OUT: start.stage = ATTENDED; break;
	case GPT_RESID_MID:
	case GPT_LN2:
	case GPT_MLP_PRE:
	case GPT_MLP_POST:
	case GPT_MLP_OUT: start.stage = MIDDLE; break;
	case GPT_RESID_POST: start.layer++; break;
	default: break;
	}
	for (int i = 0; i < patch->count; i++) {
		assert(patch->row[i] >= 0 && patch->row[i] < patcher->rows);
		if (patch->row[i] < start.row)
			start.row = patch->row[i];
	}
	return start;
}

static struct lane make_lane(const struct gpt_patcher *patcher, int rerun)
{
	const struct gpt_rerun *what = &patcher->reruns[rerun];
	struct lane lane = {.rerun = rerun, .start = {.layer = INT_MAX, .row = INT_MAX}};

	for (int i = 0; i < what->count; i++) {
		const struct start start = start_of(patcher, &what->patches[i]);
		if (what->patches[i].count == 0)
			continue;
		if (start.layer < lane.start.layer ||
		    (start.layer == lane.start.layer && start.stage < lane.start.stage)) {
			lane.start.layer = start.layer;
			lane.start.stage = start.stage;
		}
		if (start.row < lane.start.row)
			lane.start.row = start.row;
	}
	assert(lane.start.row < patcher->rows);
	lane.rows = patcher->rows - lane.start.row;
	while (lane.wanted_from < patcher->wanted &&
	       patcher->want[lane.wanted_from] < lane.start.row)
		lane.wanted_from++;
	return lane;
}

static int compare_starts(const struct start *a, const struct start *b)
{
	if (a->layer != b->layer)
		return a->layer < b->layer ? -1 : 1;
	return (a->stage > b->stage) - (a->stage < b->stage);
}

/* Later rows come first: then a slot still has the text's keys and values of all rows before those
 * that the next rerun computes. Rows come in groups of as many as there are lanes, so that reruns
 * from one place on fill a pass. */
static int compare_lanes(const void *one, const void *other, void *lanes)
{
	const struct lane *a = one, *b = other;
	const int size = *(const int *)lanes, groups = b->start.row / size - a->start.row / size;
	const int starts = compare_starts(&a->start, &b->start);

	if (groups != 0)
		return groups;
	if (starts != 0)
		return starts;
	if (a->start.row != b->start.row)
		return b->start.row - a->start.row;
	return a->rerun - b->rerun;
}

/* ---- reruns ---- */

/* Where a row of the text is in the pass; -1: it is not computed. */
static int pass_row(const struct gpt_patcher *patcher, const struct lane *lane, int row)
{
	if (!patcher->only_wanted)
		return lane->first + row - lane->start.row;
	const int index = patcher->wanted_index[row];
	return index < lane->wanted_from ? -1 : lane->first_wanted + index - lane->wanted_from;
}

static void write_patch(const struct gpt_patcher *patcher, struct gpt *gpt,
                        const struct lane *lane, const struct gpt_patch *patch)
{
	for (int i = 0; i < patch->count; i++) {
		const int row = pass_row(patcher, lane, patch->row[i]);
		const size_t from = (size_t)(patch->from ? patch->from[i] : i);
		if (row >= 0)
			gpt_hook_write(gpt, patch->place, patch->layer, row, patch->column,
			               patch->columns, patch->values + from * patch->stride);
	}
}

/* The hook of reruns. */
static void write_patches(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	const struct gpt_patcher *patcher = context;

	for (int i = 0; i < patcher->packed; i++) {
		const struct gpt_rerun *rerun = &patcher->reruns[patcher->lane[i].rerun];
		for (int j = 0; j < rerun->count; j++)
			if (rerun->patches[j].place == place && rerun->patches[j].layer == layer)
				write_patch(patcher, gpt, &patcher->lane[i], &rerun->patches[j]);
	}
}

/* Put the rows of all lanes behind one another: all rows, or those that are wanted. Returns how
 * many there are. */
static int lay_out(struct gpt_patcher *patcher)
{
	int n = 0, wanted = 0;

	for (int i = 0; i < patcher->packed; i++) {
		struct lane *lane = &patcher->lane[i];
		lane->first = n;
		lane->first_wanted = wanted;
		n += lane->rows;
		wanted += patcher->wanted - lane->wanted_from;
	}
	return patcher->only_wanted ? wanted : n;
}

/* The rows of the pass from one of the text's matrices: those of the layout. */
static void load(struct gpt_patcher *patcher, void *to, const void *text)
{
	for (int i = 0; i < patcher->packed; i++) {
		const struct lane *lane = &patcher->lane[i];
		if (!patcher->only_wanted) {
			gpt_patch_copy_rows(patcher, to, lane->first, text, lane->start.row, lane->rows);
			continue;
		}
		for (int j = lane->wanted_from, run; j < patcher->wanted; j += run) {
			run = gpt_patch_consecutive(patcher->want, j, patcher->wanted);
			gpt_patch_copy_rows(patcher, to, pass_row(patcher, lane, patcher->want[j]), text,
			          patcher->want[j], run);
		}
	}
}

/* Positions and slots of all rows, and slots that have the text's keys and values before them. */
static void place_rows(struct gpt_patcher *patcher, int n)
{
	for (int i = 0; i < patcher->packed; i++) {
		const struct lane *lane = &patcher->lane[i];
		if (lane->start.row > patcher->changed[i]) {
			kv_cache_copy_slot(patcher->cache, patcher->lanes, i);
			patcher->changed[i] = INT_MAX;
		}
		if (lane->start.row < patcher->changed[i])
			patcher->changed[i] = lane->start.row;
		for (int r = 0; r < lane->rows; r++) {
			patcher->number[lane->first + r] = lane->start.row + r;
			patcher->slot[lane->first + r] = i;
		}
	}
	gpt_patch_upload_places(patcher, n);
}

/* From here on the pass has the wanted rows only. Returns how many there are. Their attention in
 * the last block comes into att, their stream into x_wanted. */
static int attend_wanted(struct gpt_patcher *patcher, int n)
{
	struct gpt *gpt = patcher->gpt;
	const int last = patcher->config->layers - 1;
	const struct block_activations *a = &gpt->blocks[last];
	const size_t row = (size_t)patcher->config->width * sizeof(float);
	int count = 0;

	kv_cache_store(patcher->cache, last, n);
	for (int i = 0; i < patcher->packed; i++) {
		const struct lane *lane = &patcher->lane[i];
		for (int j = lane->wanted_from, run; j < patcher->wanted; j += run, count += run) {
			const int first = pass_row(patcher, lane, patcher->want[j]);
			run = gpt_patch_consecutive(patcher->want, j, patcher->wanted);
			gpt_patch_copy_rows(patcher, patcher->x_wanted, count, a->x, first, run);
			kv_cache_attention(patcher->cache, last, first, run,
			                   (char *)a->att + (size_t)count * row);
		}
	}
	patcher->only_wanted = true;
	return count;
}

/* Block l, from a stage on. Returns the rows that are left. */
static int run_block(struct gpt_patcher *patcher, int l, enum stage stage, int n)
{
	struct gpt *gpt = patcher->gpt;
	const struct block_activations *a = &gpt->blocks[l];
	const float *x = a->x;

	if (stage == BLOCK) {
		gpt_visit(gpt, GPT_RESID_PRE, l);
		gpt_block_qkv(gpt, l, n);
		if (l < patcher->config->layers - 1) {
			kv_cache_attention(patcher->cache, l, 0, n, a->att);
		} else {
			n = attend_wanted(patcher, n);
			x = patcher->x_wanted;
			gpt->rows = n;
		}
	}
	if (stage <= ATTENDED)
		gpt_block_attention(gpt, l, n, x);
	else
		gpt_visit(gpt, GPT_RESID_MID, l);
	gpt_block_mlp(gpt, l, n);
	return n;
}

/* Run the packed lanes, which all begin at one place. Returns the rows of logits. */
static int run_lanes(struct gpt_patcher *patcher)
{
	struct gpt *gpt = patcher->gpt;
	const int layers = patcher->config->layers;
	int l = patcher->lane[0].start.layer;
	enum stage stage = patcher->lane[0].start.stage;

	patcher->only_wanted = l == layers || (l == layers - 1 && stage != BLOCK);
	int n = gpt->rows = lay_out(patcher);
	if (l == layers) {
		load(patcher, gpt->x_last, patcher->x[l]);
		gpt_visit(gpt, GPT_RESID_POST, l - 1);
		return n;
	}
	const struct block_activations *a = &gpt->blocks[l];
	if (stage == MIDDLE)
		load(patcher, a->x_mid, patcher->x_mid[l]);
	else
		load(patcher, a->x, patcher->x[l]);
	if (stage == ATTENDED)
		load(patcher, a->att, patcher->att[l]);
	if (!patcher->only_wanted)
		place_rows(patcher, n);
	if (stage == BLOCK && l > 0)
		gpt_visit(gpt, GPT_RESID_POST, l - 1);
	for (; l < layers; l++, stage = BLOCK)
		n = run_block(patcher, l, stage, n);
	return n;
}

/* Run what is packed, and hand over the logits. */
static void run_pack(struct gpt_patcher *patcher,
                     void (*done)(void *context, int rerun, const float *logits), void *context)
{
	const size_t v = (size_t)patcher->config->vocab;
	float *last = patcher->out + (size_t)(patcher->lanes - 1) * (size_t)patcher->wanted * v;
	const int n = run_lanes(patcher);

	gpt_unembed(patcher->gpt, patcher->gpt->x_last, patcher->gpt->weights.ln_f_b, n, patcher->out);
	/* The wanted rows before a rerun's first one are the text's. From the last rerun on, each goes
	 * to the end of the memory: there it overwrites no other's. */
	for (int i = patcher->packed - 1; i >= 0; i--) {
		const struct lane *lane = &patcher->lane[i];
		const size_t before = (size_t)lane->wanted_from * v;
		const size_t rest = (size_t)(patcher->wanted - lane->wanted_from) * v;
		float *logits = patcher->out + (size_t)lane->first_wanted * v;
		if (before > 0) {
			memmove(last + before, logits, rest * sizeof *logits);
			memcpy(last, patcher->logits, before * sizeof *logits);
			logits = last;
		}
		done(context, lane->rerun, logits);
	}
	patcher->packed = 0;
}

/* Add a lane to the pack, which runs first if the lane does not fit in. */
static void add_lane(struct gpt_patcher *patcher, const struct lane *lane,
                     void (*done)(void *context, int rerun, const float *logits), void *context)
{
	int rows = lane->rows;

	if (lane->wanted_from == patcher->wanted) { /* it changes nothing that is wanted */
		done(context, lane->rerun, patcher->logits);
		return;
	}
	for (int i = 0; i < patcher->packed; i++)
		rows += patcher->lane[i].rows;
	if (patcher->packed > 0 &&
	    (patcher->packed == patcher->lanes || rows > patcher->gpt->rows_max ||
	     compare_starts(&lane->start, &patcher->lane[0].start) != 0))
		run_pack(patcher, done, context);
	patcher->lane[patcher->packed++] = *lane;
}

int gpt_patcher_rerun(struct gpt_patcher *patcher, const struct gpt_rerun *reruns, int count,
                      void (*done)(void *context, int rerun, const float *logits), void *context,
                      struct err *err)
{
	struct gpt *gpt = patcher->gpt;
	uint32_t places = 0;

	if (array_reserve(&patcher->order, &patcher->order_room, (size_t)count) < 0)
		return err_set(err, "out of memory for %d runs", count);
	patcher->reruns = reruns;
	for (int i = 0; i < count; i++) {
		patcher->order[i] = make_lane(patcher, i);
		for (int j = 0; j < reruns[i].count; j++)
			places |= GPT_PLACE_BIT(reruns[i].patches[j].place);
	}
	qsort_r(patcher->order, (size_t)count, sizeof *patcher->order, compare_lanes, &patcher->lanes);
	gpt_set_hook(gpt, &(struct gpt_hook){
		.places = places, .call = write_patches, .context = patcher, .writes = true});
	gpt->k->row_invariant(gpt->dev, true);
	for (int i = 0; i < count; i++)
		add_lane(patcher, &patcher->order[i], done, context);
	if (patcher->packed > 0)
		run_pack(patcher, done, context);
	gpt->k->row_invariant(gpt->dev, false);
	return 0;
}
