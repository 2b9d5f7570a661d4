/* gpt_patch_private.h - the inside of struct gpt_patcher, for gpt_patch.c (a whole text) and
 * gpt_patch_rerun.c only. */
#ifndef MEMOSCOPE_GPT_PATCH_PRIVATE_H
#define MEMOSCOPE_GPT_PATCH_PRIVATE_H

#include <stdbool.h>

#include "common/model/gpt_internal.h"
#include "common/model/gpt_patch.h"
#include "common/model/kv_cache.h"

/* Where in a block a rerun begins. What comes before is as it was. */
enum stage { BLOCK, HEADS, ATTENDED, MIDDLE };

struct start {
	int layer; /* that of no block, layers: behind the last one */
	enum stage stage;
	int row;
	bool narrow; /* it is one patch of few rows before a block's queries, keys and values: those of
	              * all other rows are the text's */
};

/* Which rows of the text are those of the pass. */
enum rows { ROWS_ALL, ROWS_PATCHED, ROWS_WANTED };

/* A rerun on its way through the network. */
struct lane {
	int rerun; /* its number */
	struct start start;
	int first; /* its first row of the pass */
	int rows;
	int wanted_from; /* the first of the wanted rows that it computes */
	int first_wanted, first_patched; /* its first row if only those are in the pass */
};

struct gpt_patcher {
	struct gpt *gpt;
	const struct gpt_config *config;
	struct kv_cache *cache; /* slot `lanes` has the text; the others are those of the lanes */
	int lanes;
	int32_t *changed; /* [lanes] the first row of a slot that is not the text's */
	int32_t *number, *slot; /* [rows_max] of the rows of a pass: their position, their slot */

	/* the text */
	int rows, wanted;
	int32_t *want; /* [context] */
	int32_t *wanted_index; /* [context] which of the wanted rows it is; -1: none of them */
	float *logits; /* [wanted,v] */
	size_t logits_room;
	float **x; /* [layers + 1] device memory [context,c]; the last: behind all blocks */
	float **x_mid; /* [layers] */
	float **qkv, **att; /* [layers], of [context,3c] and [context,c] */

	/* the reruns */
	const struct gpt_rerun *reruns;
	struct lane *order; /* [count] */
	size_t order_room;
	struct lane *lane; /* [packed] those side by side, slot i for the i-th */
	int packed;
	enum rows which; /* are in the pass */
	float *x_some, *qkv_some; /* [rows_max,c], [rows_max,3c] device memory: scratch */
	float *out; /* [lanes,wanted,v] */
	size_t out_room;
};

/* count rows of a matrix [., times * c] of device memory. */
void gpt_patch_copy_rows(struct gpt_patcher *patcher, int times, void *to, int to_row,
                         const void *from, int from_row, int count);

/* The first n of slot and number to the device. */
void gpt_patch_upload_places(struct gpt_patcher *patcher, int n);

/* How many of the rows want[wanted] follow one another, counted from the i-th. */
int gpt_patch_consecutive(const int32_t *want, int i, int wanted);

#endif
