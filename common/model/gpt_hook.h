/* gpt_hook.h - see, or change, what a network computes while a forward pass goes on.
 *
 * A pass calls the hook at each place that was asked for, in the order of gpt_place.h, block by
 * block. Only then the place's activations are certain to be there: the blocks of a network share
 * their memory.
 *
 * n rows of the pass; widths as gpt_place.h has them.
 */
#ifndef MEMOSCOPE_GPT_HOOK_H
#define MEMOSCOPE_GPT_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/gpt.h"
#include "common/model/gpt_place.h"

struct gpt_hook {
	uint32_t places; /* a set of GPT_PLACE_BITs: it is called for these */
	/* layer: of the block; 0 for places that are in none */
	void (*call)(void *context, struct gpt *gpt, enum gpt_place place, int layer);
	void *context;
	bool writes; /* the hook may call gpt_hook_write() */
};

/* Call hook, which is copied, in all gpt_forward() to come; NULL: call none. Not with
 * GPT_KEEP_ALL, nor for decoding over a cache. A hook that only reads changes no bit of a pass.
 * With one that may write, the outputs of the two halves of a block are computed apart and then
 * added to the residual stream, which may change last bits: compare passes of the same kind. */
void gpt_set_hook(struct gpt *gpt, const struct gpt_hook *hook);

/* For the hook, while it is called: the activations of the place that it is called for, of all
 * heads side by side: out[n,width] or [n,h*width], host memory, overwritten. Not for GPT_RESULT. */
void gpt_hook_read(struct gpt *gpt, enum gpt_place place, int layer, float *out);

/* The same for GPT_RESULT, which is computed for one head at a time: out[n,c]. */
void gpt_hook_read_result(struct gpt *gpt, int layer, int head, float *out);

/* For the hook, while it is called: replace columns of a row of the place that it is called for,
 * by values[count], host memory. column: the first of them, of all heads side by side. What follows
 * in the pass is computed from them. Not for GPT_EMBED, GPT_POS_EMBED, GPT_RESULT and GPT_LN_FINAL.
 * For activations in float32. */
void gpt_hook_write(struct gpt *gpt, enum gpt_place place, int layer, int row, int column,
                    int count, const float *values);

#endif
