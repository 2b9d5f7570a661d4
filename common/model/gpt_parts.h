/* gpt_parts.h - a part of a network alone: what it makes of a residual stream of the caller.
 *
 * All pointers are host memory of the caller, and results are overwritten. The bits of a row are
 * those of the runs of gpt_patch.h. n rows, 1 to those of a pass; c = width, d = c / heads,
 * v = vocab.
 * They overwrite activations and the hook, so not between a pass and what looks at it.
 */
#ifndef MEMOSCOPE_GPT_PARTS_H
#define MEMOSCOPE_GPT_PARTS_H

#include "common/model/gpt.h"

/* Queries, keys and values (before all scaling) of all heads of a layer, from the stream before the
 * block: each of q, k, v is [n,c]. */
void gpt_parts_qkv(struct gpt *gpt, int layer, int n, const float *x, float *q, float *k, float *v);

/* The outputs of all heads of a layer over one sequence with these queries, keys and values, before
 * the projection: z[n,c]. q, k, v as above; position 0 is the first row's. */
void gpt_parts_attention(struct gpt *gpt, int layer, int n, const float *q, const float *k,
                         const float *v, float *z);

/* What the feed-forward part adds, from the stream x_mid[n,c] between the halves: out[n,c]. */
void gpt_parts_mlp(struct gpt *gpt, int layer, int n, const float *x_mid, float *out);

/* What a head adds to the stream if this is its output, without the bias: out[n,c] = z W_O. z[n,c]:
 * of all heads side by side; the head's d columns count. */
void gpt_parts_result(struct gpt *gpt, int layer, int head, int n, const float *z, float *out);

/* Logits[n,v] of the stream behind the last block. */
void gpt_parts_logits(struct gpt *gpt, int n, const float *x, float *logits);

#endif
