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
	case GPT_Q:
	case GPT_K:
	case GPT_V: /* those that are kept are scaled */
		start.stage = gpt_query_factor(patcher->config, patch->layer) == 1 ? HEADS : BLOCK;
		break;
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
	lane.start.narrow = lane.start.stage == BLOCK && lane.start.layer < patcher->config->layers &&
	                    what->count == 1 && 2 * what->patches->count <= lane.rows;
	while (lane.wanted_from < patcher->wanted &&
	       patcher->want[lane.wanted_from] < lane.start.row)
		lane.wanted_from++;
	return lane;
}

static int compare_starts(const struct start *a, const struct start *b)
{
	if (a->layer != b->layer)
		return a->layer < b->layer ? -1 : 1;
	if (a->stage != b->stage)
		return a->stage < b->stage ? -1 : 1;
	return a->narrow - b->narrow;
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

/* Where a row of the text is in the pass; -1: it is not computed. i: its number in the patch. */
static int pass_row(const struct gpt_patcher *patcher, const struct lane *lane, int row, int i)
{
	if (patcher->which == ROWS_ALL)
		return lane->first + row - lane->start.row;
	if (patcher->which == ROWS_PATCHED)
		return lane->first_patched + i;
	const int index = patcher->wanted_index[row];
	return index < lane->wanted_from ? -1 : lane->first_wanted + index - lane->wanted_from;
}

static void write_patch(const struct gpt_patcher *patcher, struct gpt *gpt,
                        const struct lane *lane, const struct gpt_patch *patch)
{
	for (int i = 0; i < patch->count; i++) {
		const int row = pass_row(patcher, lane, patch->row[i], i);
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

/* The patch of a lane that is narrow. */
static const struct gpt_patch *only_patch(const struct gpt_patcher *patcher,
                                          const struct lane *lane)
{
	return patcher->reruns[lane->rerun].patches;
}

/* From here on these rows are in the pass, those of a lane behind those of the one before. Returns
 * how many there are. */
static int lay_out(struct gpt_patcher *patcher, enum rows which)
{
	int all = 0, patched = 0, wanted = 0;

	for (int i = 0; i < patcher->packed; i++) {
		struct lane *lane = &patcher->lane[i];
		lane->first = all;
		lane->first_patched = patched;
		lane->first_wanted = wanted;
		all += lane->rows;
		patched += only_patch(patcher, lane)->count;
		wanted += patcher->wanted - lane->wanted_from;
	}
	patcher->which = which;
	return patcher->gpt->rows = which == ROWS_ALL ? all : which == ROWS_PATCHED ? patched : wanted;
}

/* The rows of the pass from one of the text's matrices, of times * c columns. */
static void load(struct gpt_patcher *patcher, int times, float *to, const float *text)
{
	for (int i = 0; i < patcher->packed; i++) {
		const struct lane *lane = &patcher->lane[i];
		const struct gpt_patch *patch = only_patch(patcher, lane);
		if (patcher->which == ROWS_ALL)
			gpt_patch_copy_rows(patcher, times, to, lane->first, text, lane->start.row,
			                    lane->rows);
		for (int j = 0; patcher->which == ROWS_PATCHED && j < patch->count; j++)
			gpt_patch_copy_rows(patcher, times, to, lane->first_patched + j, text,
			                    patch->row[j], 1);
		for (int j = lane->wanted_from, run;
		     patcher->which == ROWS_WANTED && j < patcher->wanted; j += run) {
			run = gpt_patch_consecutive(patcher->want, j, patcher->wanted);
			gpt_patch_copy_rows(patcher, times, to,
			                    lane->first_wanted + j - lane->wanted_from, text,
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

/* Queries, keys and values of block l from the patched rows on: those of patched rows are computed,
 * and the others are the text's. Then all rows are in the pass. Returns how many there are. */
static int start_narrow(struct gpt_patcher *patcher, int l)
{
	struct gpt *gpt = patcher->gpt;
	const struct block_activations *a = &gpt->blocks[l];
	int n = lay_out(patcher, ROWS_PATCHED);

	load(patcher, 1, a->x, patcher->x[l]);
	if (l > 0)
		gpt_visit(gpt, GPT_RESID_POST, l - 1);
	gpt_visit(gpt, GPT_RESID_PRE, l);
	gpt_block_qkv(gpt, l, n);
	gpt_patch_copy_rows(patcher, 1, patcher->x_some, 0, a->x, 0, n);
	gpt_patch_copy_rows(patcher, 3, patcher->qkv_some, 0, a->qkv, 0, n);
	n = lay_out(patcher, ROWS_ALL);
	load(patcher, 1, a->x, patcher->x[l]);
	load(patcher, 3, a->qkv, patcher->qkv[l]);
	for (int i = 0; i < patcher->packed; i++) {
		const struct lane *lane = &patcher->lane[i];
		const struct gpt_patch *patch = only_patch(patcher, lane);
		for (int j = 0; j < patch->count; j++) {
			const int to = pass_row(patcher, lane, patch->row[j], j);
			const int from = lane->first_patched + j;
			gpt_patch_copy_rows(patcher, 1, a->x, to, patcher->x_some, from, 1);
			gpt_patch_copy_rows(patcher, 3, a->qkv, to, patcher->qkv_some, from, 1);
		}
	}
	return n;
}

/* What comes into block l from stage `stage` on, patched: all rows, or if the others cannot matter,
 * the wanted ones. Returns how many there are. */
static int start_wide(struct gpt_patcher *patcher, int l, enum stage stage)
{
	struct gpt *gpt = patcher->gpt;
	const struct block_activations *a = &gpt->blocks[l];
	const bool last = l == patcher->config->layers - 1;
	const int n = lay_out(patcher, last && stage >= ATTENDED ? ROWS_WANTED : ROWS_ALL);

	if (stage == MIDDLE) {
		load(patcher, 1, a->x_mid, patcher->x_mid[l]);
		gpt_visit(gpt, GPT_RESID_MID, l);
		return n;
	}
	load(patcher, 1, a->x, patcher->x[l]);
	if (stage == ATTENDED) {
		load(patcher, 1, a->att, patcher->att[l]);
		return n;
	}
	if (stage == HEADS) {
		load(patcher, 3, a->qkv, patcher->qkv[l]);
		for (enum gpt_place place = GPT_Q; place <= GPT_V; place++)
			gpt_visit(gpt, place, l);
		return n;
	}
	if (l > 0)
		gpt_visit(gpt, GPT_RESID_POST, l - 1);
	gpt_visit(gpt, GPT_RESID_PRE, l);
	gpt_block_qkv(gpt, l, n);
	return n;
}

/* The attention of the wanted rows in the last block, of n rows. Then the wanted rows are in the
 * pass, their attention in att, their stream in x_some. Returns how many there are. */
static int attend_wanted(struct gpt_patcher *patcher, int n)
{
	struct gpt *gpt = patcher->gpt;
	const int last = patcher->config->layers - 1;
	const struct block_activations *a = &gpt->blocks[last];
	float *att = a->att;
	int count = 0;

	kv_cache_store(patcher->cache, last, n);
	for (int i = 0; i < patcher->packed; i++) {
		const struct lane *lane = &patcher->lane[i];
		for (int j = lane->wanted_from, run; j < patcher->wanted; j += run, count += run) {
			const int first = lane->first + patcher->want[j] - lane->start.row;
			run = gpt_patch_consecutive(patcher->want, j, patcher->wanted);
			gpt_patch_copy_rows(patcher, 1, patcher->x_some, count, a->x, first, run);
			kv_cache_attention(patcher->cache, last, first, run,
			                   att + (size_t)count * (size_t)patcher->config->width);
		}
	}
	return lay_out(patcher, ROWS_WANTED);
}

/* The rest of block l from a stage on, for n rows. Returns the rows that are left. */
static int finish_block(struct gpt_patcher *patcher, int l, enum stage stage, int n)
{
	struct gpt *gpt = patcher->gpt;
	const struct block_activations *a = &gpt->blocks[l];
	const float *x = a->x;

	if (stage <= HEADS && l < patcher->config->layers - 1) {
		kv_cache_attention(patcher->cache, l, 0, n, a->att);
	} else if (stage <= HEADS) {
		n = attend_wanted(patcher, n);
		x = patcher->x_some;
	}
	if (stage <= ATTENDED)
		gpt_block_attention(gpt, l, n, x);
	gpt_block_mlp(gpt, l, n);
	return n;
}

/* Run the packed lanes, which all begin at one place. Returns the rows of logits. */
static int run_lanes(struct gpt_patcher *patcher)
{
	struct gpt *gpt = patcher->gpt;
	const struct start start = patcher->lane[0].start;
	const int layers = patcher->config->layers;
	int l = start.layer, n;

	if (l == layers) {
		n = lay_out(patcher, ROWS_WANTED);
		load(patcher, 1, gpt->x_last, patcher->x[l]);
		gpt_visit(gpt, GPT_RESID_POST, l - 1);
		return n;
	}
	n = start.narrow ? start_narrow(patcher, l) : start_wide(patcher, l, start.stage);
	if (patcher->which == ROWS_ALL)
		place_rows(patcher, n);
	n = finish_block(patcher, l, start.stage, n);
	while (++l < layers) {
		gpt_visit(gpt, GPT_RESID_PRE, l);
		gpt_block_qkv(gpt, l, n);
		n = finish_block(patcher, l, BLOCK, n);
	}
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
