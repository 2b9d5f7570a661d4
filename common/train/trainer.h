/* trainer.h - data-parallel training of a network.
 *
 * Every worker (a thread) runs the whole network over its share of a batch;
 * gradients are summed in the order of the workers; each worker then steps its
 * stretch of the parameters with AdamW - or, where Muon is asked for, its share of
 * the matrices between hidden layers with that, and the rest with AdamW. Same
 * seed, same workers: same bits.
 *
 * Half precision has no room for small gradients: with DTYPE_F16 the loss is scaled
 * up before the backward pass, and the gradient down again after it, in float32
 * (Micikevicius et al. 2018, "Mixed Precision Training", section 3.2). The scale is
 * a power of two, so that it rounds nothing; it begins at 2^16, is halved where a
 * gradient is not finite, whose step is given up, and doubled after 2000 steps
 * without that.
 */
#ifndef MEMOSCOPE_TRAINER_H
#define MEMOSCOPE_TRAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/stream/span.h"
#include "common/train/dataset.h"

enum optimizer {
	OPTIMIZER_ADAMW,
	OPTIMIZER_MUON, /* for tensors with gpt_tensor.hidden; AdamW for all others */
};

/* How the learning rate falls after the warm-up. */
enum schedule {
	SCHEDULE_COSINE,
	SCHEDULE_LINEAR,
};

struct trainer_options {
	const struct kernels *kernels; /* what the workers compute on */
	int workers;
	int pass_rows; /* tokens that a worker takes at a time, at most; 0: as suits the kernels */
	enum dtype dtype;
	double lr, min_lr; /* peak, and what it falls to */
	enum schedule schedule;
	int64_t warmup, steps; /* steps of linear warm-up; of the whole schedule */
	enum optimizer optimizer;
	double beta1, beta2, weight_decay;
	double momentum; /* Muon's; its moment stands in moment1 of the state */
	double clip; /* of the gradient's norm; 0: none */
	double dropout;
	uint64_t seed;
	float weight[SPAN_KINDS]; /* of a token's loss by its kind */
	double loss_scale; /* to begin with, a power of two; 0: as dtype needs it (no program
	                    * sets it; the tests do) */
};

/* The scale of the mean loss, and what has become of it. */
struct loss_scaling {
	double scale; /* a power of two, at least 1; 0: the loss is not scaled */
	int64_t good; /* steps done since it was changed last */
	int64_t skipped; /* steps given up so far */
};

struct trainer; /* trainer_new … trainer_free */

/* params: gpt_parameter_count() floats of host memory, copied. NULL with err set. */
struct trainer *trainer_new(const struct gpt_config *config,
                            const struct trainer_options *options, const float *params,
                            struct err *err);
void trainer_free(struct trainer *trainer); /* NULL is allowed */

/* What one step did. */
struct step_result {
	double loss; /* mean over predicted tokens, in nats, each with weight 1 */
	double grad_norm; /* of the mean gradient, before clipping */
	double lr;
	int64_t tokens; /* predicted tokens */
	double flops; /* gpt_training_flops() of its examples */
	double loss_scale; /* that the gradient was made with; 0: none */
	int64_t skipped; /* steps given up so far */
	bool taken; /* false: this one was, since at this scale the gradient was not finite */
};

/* One optimizer step on a batch of examples. -1 where loss or gradient is not
 * finite: parameters, moments and steps are as they were (err says what was met). So
 * they are where a step was not taken; then the scale is halved, unless it would be
 * less than 1, which fails. */
int trainer_step(struct trainer *trainer, const struct example *examples, int count,
                 struct step_result *result, struct err *err);

/* Loss by kind of the predicted token, no gradients. Sums, in nats. */
struct evaluation {
	double loss[SPAN_KINDS];
	int64_t tokens[SPAN_KINDS];
};
void trainer_evaluate(struct trainer *trainer, const struct dataset *dataset, size_t count,
                      struct evaluation *evaluation);

/* The learning rate of a step (from 0): linear warm-up, then the schedule. */
double trainer_lr(const struct trainer_options *options, int64_t step);

/* Steps done. */
int64_t trainer_steps(const struct trainer *trainer);

/* How its loss is scaled by now. */
struct loss_scaling trainer_scaling(const struct trainer *trainer);

/* The state that makes a resume exact: arrays of gpt_parameter_count() floats of
 * host memory, the count of steps, and how the loss is scaled. */
struct trainer_state {
	float *params, *moment1, *moment2;
	int64_t step;
	struct loss_scaling scaling;
};

/* A copy of it, the caller's, to trainer_state_release(). -1 with err set where
 * memory is out. */
int trainer_state(const struct trainer *trainer, struct trainer_state *state, struct err *err);
void trainer_state_release(struct trainer_state *state); /* a zeroed one is allowed */

/* Go on from a state, which is copied. A scale is taken over where both have one. */
void trainer_restore(struct trainer *trainer, const struct trainer_state *state);

/* The parameters alone, into gpt_parameter_count() floats of host memory. */
void trainer_params(const struct trainer *trainer, float *params);

#endif
