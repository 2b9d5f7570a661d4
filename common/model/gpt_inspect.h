/* gpt_inspect.h - look inside a network after a pass, or replace a part of it before one.
 *
 * Results go into host memory of the caller and are overwritten. Shapes: n rows of the last
 * pass, c = width, h = heads, d = c / h, v = vocab. Layers, heads and sequences count from 0.
 */
#ifndef MEMOSCOPE_GPT_INSPECT_H
#define MEMOSCOPE_GPT_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt.h"

/* ---- attention: GPT_KEEP_ATTENTION, after gpt_forward(), while its batch lives ---- */

/* A head's attention matrix over one sequence of T rows: probs[T,T]; row: query, column: key,
 * 0 above the diagonal. It is recomputed from q, k and the log-sum-exp of each row. */
void gpt_attention_probs(struct gpt *gpt, int layer, int sequence, int head, float *probs);

/* The input of a layer's attention: qkv[n,3c], columns as in kernels.h, q times
 * gpt_query_factor(). */
void gpt_attention_qkv(struct gpt *gpt, int layer, float *qkv);

/* The logits that a head writes for count rows, from row first on, if each attends to itself
 * alone: logits[count,v] = norm(v_k W_O) W_U, the full OV circuit (Elhage et al. 2021, "A
 * Mathematical Framework for Transformer Circuits"). W_O: the head's part of the projection,
 * without bias; norm: the last layer norm with its gain, without its bias. The norm scales each
 * row by a positive factor of its own. */
void gpt_head_logits(struct gpt *gpt, int layer, int head, int first, int count, float *logits);

/* ---- the residual stream: GPT_KEEP_RESIDUAL, after gpt_forward() ---- */

/* The logit lens (nostalgebraist 2020, "interpreting GPT: the logit lens"): as gpt_logits(), the
 * logits of the last pass if the network ended after its first blocks: logits[count,v]. blocks 0:
 * the embedding alone; all blocks: the bits of gpt_logits(). */
void gpt_logit_lens(struct gpt *gpt, int blocks, int first, int count, float *logits);

/* ---- from the residual stream to the heads ---- */

/* How much the heads' outputs (GPT_Z of gpt_place.h) of a layer move the residual stream along a
 * direction: count rows, up to those of a pass, out[count,c] = direction[count,c] W_Oᵀ. So a head
 * adds the product of its output with its columns of out. For activations in float32, not with
 * GPT_KEEP_ALL. */
void gpt_project_back(struct gpt *gpt, int layer, int count, const float *direction, float *out);

/* ---- replacing a part ---- */

/* Ablate a head: in all passes and decoding to come, every row of its output (see
 * GPT_Z) is value[d], host memory, copied. value NULL: zeros. For activations in
 * float32, not with GPT_KEEP_ALL. -1 with err set if memory is out. */
int gpt_ablate_head(struct gpt *gpt, int layer, int head, const float *value, struct err *err);

/* The same for the feed-forward part: what it adds to the residual stream, its bias included, is
 * value[c]. */
int gpt_ablate_mlp(struct gpt *gpt, int layer, const float *value, struct err *err);

/* Ablate in some rows only: in those r of a pass or of decoding for which rows[r] is not 0; the
 * others keep their own. rows is host memory of the caller and has an entry for each row of the
 * passes to come. They read it, and so does what looks at them. NULL: in all rows, which is the
 * default. */
void gpt_ablate_rows(struct gpt *gpt, const uint8_t *rows);

/* Is a layer's feed-forward part ablated in a row of the last pass? */
bool gpt_mlp_ablated(const struct gpt *gpt, int layer, int row);

#endif
