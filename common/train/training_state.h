/* training_state.h - what makes a resume exact, as DIR/training.safetensors:
 * "params", "moment1", "moment2" (flat, as gpt.h lays them out) and, as metadata,
 * the progress, how the loss is scaled, and how the run was set up, its network
 * included, in one file that is written whole or not at all. It stands beside the model
 * and needs none of its files. */
#ifndef MEMOSCOPE_TRAINING_STATE_H
#define MEMOSCOPE_TRAINING_STATE_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/model/model.h"
#include "common/train/trainer.h"

struct training_progress {
	int64_t step;
	uint64_t examples; /* taken from the data loader */
	int64_t tokens; /* predicted */
	double seconds; /* of training */
	double flops; /* gpt_training_flops() of them; NAN: not known, of an older state */
	double best; /* lowest validation loss, infinity where there was none */
};

/* Save a model, of the state's parameters, and the state with it: both are on the disk
 * before either replaces what was there, the state first. settings: what the run goes by,
 * an object of strings under keys of the caller's. -1 with err set. */
int training_state_save(const char *directory, const struct model *model,
                        const struct trainer_state *state,
                        const struct training_progress *progress, const json_t *settings,
                        struct err *err);

/* What a state says of its run. Settings come as a model of what is wanted: each gets the
 * value that was saved under its key, and goes where none was. -1 with err set. */
int training_state_settings(const char *directory, json_t *settings, struct err *err);

/* state's arrays must have room for gpt_parameter_count() floats each. -1 with err set. */
int training_state_load(const char *directory, const struct gpt_config *config,
                        struct trainer_state *state, struct training_progress *progress,
                        struct err *err);

#endif
