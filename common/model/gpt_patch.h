/* gpt_patch.h - run a text again with some of its activations replaced: activation patching
 * (Vig et al. 2020, "Investigating Gender Bias in Language Models Using Causal Mediation Analysis";
 * Meng et al. 2022, "Locating and Editing Factual Associations in GPT").
 *
 * The text runs once, whole. A rerun then computes only what a patch can change: from the first
 * patched row on, from the first patched place on, and in the last block only the rows whose logits
 * are wanted. Rows before that have their keys and values in a cache. Reruns go through the network
 * side by side.
 *
 * Every run here adds the halves of a block to the residual stream as a hook that writes has it,
 * and uses products that give a row the same bits whatever stands beside it. So a text that is
 * patched with its own activations keeps all bits, and one whose stream is the partner's gives the
 * partner's.
 *
 * c = width, v = vocab. Rows count from 0. For activations in float32.
 */
#ifndef MEMOSCOPE_GPT_PATCH_H
#define MEMOSCOPE_GPT_PATCH_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/model/gpt_place.h"
#include "common/model/gpt_trace.h"

/* count rows of a place are replaced: columns from column on, of all heads side by side. Row row[i]
 * becomes values[i * stride …]. Memory is the caller's. */
struct gpt_patch {
	enum gpt_place place; /* in a block, not GPT_RESULT */
	int layer, column, columns;
	const int32_t *row; /* [count] */
	int count;
	const float *values;
	const int32_t *from; /* [count] which of the values, if not the i-th; or NULL */
	size_t stride;
};

/* A run with all these patches. At least one has a row. */
struct gpt_rerun {
	const struct gpt_patch *patches;
	int count;
};

struct gpt_patcher; /* gpt_patcher_new … gpt_patcher_free */

/* gpt keeps nothing, has room for context rows at least, and must outlive the patcher. The patcher
 * sets its hook. lanes: the most reruns side by side. NULL with err set if memory is out. */
struct gpt_patcher *gpt_patcher_new(struct gpt *gpt, int lanes, struct err *err);
void gpt_patcher_free(struct gpt_patcher *patcher); /* NULL is allowed */

/* A text, of 1 row to the context, and the rows whose logits are wanted: want[wanted], rising. */
struct gpt_text {
	const int32_t *token;
	int rows;
	const int32_t *want;
	int wanted;
};

/* Run a text; keep a trace (NULL: none) and the wanted logits[wanted,v]. Reruns are not of it. */
void gpt_patcher_look(struct gpt_patcher *patcher, const struct gpt_text *text,
                      struct gpt_trace *trace, float *logits);

/* The same, and it becomes the text of the reruns to come. -1 with err set if memory is out. */
int gpt_patcher_text(struct gpt_patcher *patcher, const struct gpt_text *text,
                     struct gpt_trace *trace, float *logits, struct err *err);

/* Run the text again count times, in an order of the patcher's own. done is called once for each
 * rerun, with its number and the wanted logits[wanted,v], valid until done returns. -1 with err set
 * if memory is out. */
int gpt_patcher_rerun(struct gpt_patcher *patcher, const struct gpt_rerun *reruns, int count,
                      void (*done)(void *context, int rerun, const float *logits), void *context,
                      struct err *err);

#endif
