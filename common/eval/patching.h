/* patching.h - what a model answers if some of its activations come from a partner text.
 *
 * Where the answers of a text and of its partner have different tokens (patch_pair.h),
 *
 *   LD = Σ over these of log p(text's token) - log p(partner's token)
 *
 * is the difference of their logits (Wang et al. 2022, "Interpretability in the Wild", section 3).
 * The effect of a patch is how far it takes LD from the text's own to the partner's:
 *
 *   effect = (LD patched - LD of the text) / (LD of the partner - LD of the text)
 *
 * Each token is predicted after the text's own tokens; the partner's LD after the partner's.
 */
#ifndef MEMOSCOPE_PATCHING_H
#define MEMOSCOPE_PATCHING_H

#include <stddef.h>

#include "common/base/err.h"
#include "common/eval/patch_pair.h"
#include "common/model/model.h"
#include "common/model/part_list.h"
#include "kernels/kernels.h"

/* ---- what is patched ---- */

/* Parts that are patched together. */
struct patch_site {
	const struct part *parts; /* [count] */
	int count;
};

/* A path from one part straight to another. The receiver alone reads a residual stream in which the
 * output of the sender is the partner's, and those of all other parts are the text's. What follows
 * the receiver is computed as usual. (Path patching: Wang et al. 2022, section 3.1; Goldowsky-Dill
 * et al. 2023, "Localizing Model Behavior with Path Patching".) */
struct patch_edge {
	struct part from; /* GPT_EMBED, GPT_Z of a head, GPT_MLP_OUT */
	struct part to; /* GPT_Q, GPT_K or GPT_V of a head, GPT_MLP_OUT, or GPT_LN_FINAL: the logits */
};

/* All edges of a network, by sender, then by receiver; to free(). A list names those senders or
 * receivers that count, in which a head is GPT_Z; NULL: all. NULL with err set if memory is out or
 * there is none. */
struct patch_edge *patch_edges(const struct gpt_config *config, const struct part_list *senders,
                               const struct part_list *receivers, int *count, struct err *err);

/* Sites, each over each group of rows; or edges, each over all rows; or all edges of the network
 * but those that are kept, at once and over all rows of the text. Each part then reads the stream
 * of the partner. Where a kept edge leads to it, the sender's output in that stream is what the
 * sender makes of its own kept edges. The embeddings send the text. (Conmy et al. 2023, "Towards
 * Automated Circuit Discovery for Mechanistic Interpretability".) Memory is the caller's. */
struct patch_plan {
	const struct patch_site *sites; /* [site_count] */
	int site_count;
	const struct patch_edge *edges; /* [edge_count] in the order of patch_edges() */
	int edge_count;
	const bool *kept; /* [edge_count] of all edges; NULL: each edge alone */
};

/* ---- running ---- */

struct patching; /* own: patching_new … patching_free */

#define PATCHING_THREADS_MAX 256

/* The model and the plan must outlive it. threads: 1 to PATCHING_THREADS_MAX. NULL with err set. */
struct patching *patching_new(const struct model *model, const struct kernels *kernels,
                              const struct patch_plan *plan, int threads, struct err *err);
void patching_free(struct patching *patching); /* NULL is allowed */

/* How many effects a pair has: of site s and group g number s * groups + g, or of each edge, or of
 * all that are not kept. */
size_t patching_effects(const struct patch_plan *plan, const struct patch_pair *pair);

/* Fill in the effects of pairs, side by side in the threads. They do not depend on the number of
 * threads or on the other pairs. -1 with err set, which names the pair. */
int patching_run(struct patching *patching, struct patch_pair *pairs, int count, struct err *err);

#endif
