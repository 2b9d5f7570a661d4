/* patching_private.h - one thread's part in patching, for patching.c, patching_worker.c,
 * patching_paths.c and patching_graph.c only. */
#ifndef MEMOSCOPE_PATCHING_PRIVATE_H
#define MEMOSCOPE_PATCHING_PRIVATE_H

#include "common/eval/patching.h"
#include "common/model/gpt_patch.h"

/* A network on a device of its own. */
struct patch_worker {
	const struct model *model;
	const struct gpt_config *config;
	const struct kernels *kernels;
	const struct patch_plan *plan;
	struct device *dev;
	const float *params; /* on the device, or the model's */
	struct gpt *gpt;
	struct gpt_patcher *patcher;
	struct gpt_trace *own, *partners; /* what is seen of the text and of its partner */
	bool *unwritten; /* [vocab] no answer has this token */

	/* the pair */
	struct patch_pair *pair;
	size_t first, end; /* the effects that this worker fills in */
	int32_t *want; /* [answers] rows: of the partner, then of the text */
	size_t want_room;
	float *logits; /* [answers,vocab] of the text or the partner */
	size_t logits_room;
	double text_right, text_partner; /* Σ log p of its tokens and of the partner's, unpatched */
	double partner_difference; /* LD of the partner's own run */

	/* reruns, made anew for each pair, or each sender and layer of it */
	struct gpt_patch *patches;
	struct gpt_rerun *reruns;
	size_t *index; /* of each rerun: its effect in the pair's */
	size_t patch_room, rerun_room, index_room;

	/* of edges, [patched,c]: the change of the sender; the stream that it goes into; q, k, v */
	float *change, *stream, *of[3];
	size_t change_room, stream_room, of_room[3];

	/* of kept edges: what each sender adds to the stream, minus what it adds in the partner,
	 * [senders,rows,c], and a layer's outputs of heads */
	float *senders, *z;
	size_t senders_room, z_room;

	struct err err; /* why the pair failed */
};

/* Device, network and traces for the plan. -1 with worker->err set. */
int patch_worker_begin(struct patch_worker *worker);
void patch_worker_end(struct patch_worker *worker);

/* Fill in the effects of a pair from number first to before end; other workers may have the rest.
 * -1 with worker->err set. */
int patch_worker_run(struct patch_worker *worker, struct patch_pair *pair, size_t first,
                     size_t end);

/* Reruns of the text are done: each fills in its effect. -1 with worker->err set. */
int patch_worker_rerun(struct patch_worker *worker, int count);

/* Fill in an effect of the pair by the logits[answers,vocab] of a run. -1 with worker->err set. */
int patch_worker_effect(struct patch_worker *worker, const float *logits, size_t number);

/* ---- patching_paths.c ---- */

/* The places that edges need of a text and of its partner. */
#define PATHS_OWN (GPT_PLACE_BIT(GPT_RESID_PRE) | GPT_PLACE_BIT(GPT_Z) | \
	GPT_PLACE_BIT(GPT_RESID_MID) | GPT_PLACE_BIT(GPT_MLP_OUT) | GPT_PLACE_BIT(GPT_RESID_POST))
#define PATHS_PARTNER (GPT_PLACE_BIT(GPT_RESID_PRE) | GPT_PLACE_BIT(GPT_Z) | \
	GPT_PLACE_BIT(GPT_MLP_OUT))

/* The edges of the plan, over a pair whose text and partner were run. */
int patch_worker_paths(struct patch_worker *worker);

/* ---- patching_graph.c ---- */

#define GRAPH_OWN GPT_PLACE_BIT(GPT_RESID_PRE)
#define GRAPH_PARTNER (PATHS_OWN | GPT_PLACE_BIT(GPT_Q) | GPT_PLACE_BIT(GPT_K) | \
	GPT_PLACE_BIT(GPT_V))

/* The same for a plan that keeps edges: one effect. */
int patch_worker_graph(struct patch_worker *worker);

#endif
