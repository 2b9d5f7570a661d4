/* trainer.h - data-parallel training of a network: steps and evaluations.
 *
 * A worker is a thread with a device and a network of its own. In a step each worker runs the
 * network over its part of the batch (batch_split.h), in passes of a limited number of rows
 * (token_batch.h). Then the workers step the parameters together (optimizer.h), at the
 * learning rate of that step (learning_rate.h). In half precision the loss is scaled
 * (loss_scale.h). The same seed and number of workers give the same bits, also if the workers are
 * spread over processes, the ranks of a comm.h, each of which has a trainer of its own.
 */
#ifndef MEMOSCOPE_TRAINER_H
#define MEMOSCOPE_TRAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/comm/comm.h"
#include "common/model/gpt.h"
#include "common/stream/span.h"
#include "common/train/dataset.h"
#include "common/train/learning_rate.h"
#include "common/train/loss_scale.h"
#include "common/train/optimizer.h"

struct trainer_options {
	const struct kernels *kernels; /* what the workers compute on */
	const struct comm *comm; /* must outlive the trainer; NULL: comm_alone */
	int workers; /* of this process, at least 1; all ranks have as many */
	int pass_rows; /* the most rows (tokens) of one pass; 0: what suits the kernels */
	enum dtype dtype;
	struct learning_rate lr;
	struct optimizer_options optimizer;
	double dropout; /* rate; 0: none */
	uint64_t seed; /* of dropout */
	float weight[SPAN_KINDS]; /* of a token's loss, by the token's kind */
	double loss_scale; /* the first one, a power of two; 0: what dtype needs (only tests set it) */
};

struct trainer; /* trainer_new … trainer_free */

/* params: gpt_parameter_count() floats of host memory, copied, the same on all ranks. If memory is
 * short, passes have fewer rows, down to one sequence. NULL with err set. */
struct trainer *trainer_new(const struct gpt_config *config,
                            const struct trainer_options *options, const float *params,
                            struct err *err);
void trainer_free(struct trainer *trainer); /* NULL is allowed */

/* Bytes of memory that it takes on its devices. */
size_t trainer_memory(const struct trainer *trainer);

/* Workers of all ranks. */
int trainer_workers(const struct trainer *trainer);

struct step_result {
	double loss; /* mean over the predicted tokens, in nats, each with weight 1 */
	double grad_norm; /* of the gradient of the weighted mean loss, before clipping */
	double lr; /* learning rate */
	int64_t tokens; /* predicted tokens */
	double flops; /* gpt_training_flops() of the examples */
	double loss_scale; /* that the gradient was computed with; 0: none */
	int64_t skipped; /* steps skipped so far, this one included */
	bool taken; /* false: this step was skipped, because its gradient was not finite, or: */
	bool unweighted; /* no token has a weight above 0; nothing was computed */
};

/* Collective: one optimizer step on a batch of examples, the same on all ranks, each of 2 tokens to
 * the network's context and one more. A skipped step leaves parameters, moments and the count of
 * steps as they were. If its gradient was not finite, the loss scale is halved. -1 with err set,
 * and nothing changes, if the loss is not finite, or if the gradient is not finite and the scale
 * cannot be halved. */
int trainer_step(struct trainer *trainer, const struct example *examples, int count,
                 struct step_result *result, struct err *err);

/* Losses by kind of the predicted token: sums over the tokens, in nats. */
struct evaluation {
	double loss[SPAN_KINDS];
	int64_t tokens[SPAN_KINDS];
};

/* Collective: evaluate the first count examples of a dataset, or all if it has fewer. No dropout;
 * weights do not count; nothing changes. */
void trainer_evaluate(struct trainer *trainer, const struct dataset *dataset, size_t count,
                      struct evaluation *evaluation);

/* Steps taken so far. */
int64_t trainer_steps(const struct trainer *trainer);

/* The loss scale of the next step. */
struct loss_scale trainer_loss_scale(const struct trainer *trainer);

/* All that an exact resume needs. The arrays are owned: gpt_parameter_count() floats of host
 * memory each, in the layout of gpt_parameters.h. Muon's moment is part of moment1. */
struct trainer_state {
	float *params, *moment1, *moment2;
	int64_t step; /* steps taken */
	struct loss_scale loss_scale;
};

/* Collective: a copy of the trainer's state, to trainer_state_release(). -1 with err set if memory
 * is out. */
int trainer_state(const struct trainer *trainer, struct trainer_state *state, struct err *err);

/* Memory for a state of the trainer's network, to be filled in; the same otherwise. */
int trainer_state_new(const struct trainer *trainer, struct trainer_state *state, struct err *err);
void trainer_state_release(struct trainer_state *state); /* a zeroed one is allowed */

/* Collective: the parameters become the same on all ranks, whatever each of them began with. A
 * function of the math library may give another last bit on another processor. */
void trainer_level(struct trainer *trainer);

/* Go on from a state, which is copied. If only one of the two trainings scales its loss, this
 * trainer starts again with its first scale. */
void trainer_restore(struct trainer *trainer, const struct trainer_state *state);

/* Copy the parameters into gpt_parameter_count() floats of host memory. */
void trainer_params(const struct trainer *trainer, float *params);

#endif
