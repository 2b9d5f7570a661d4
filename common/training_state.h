/* training_state.h - what makes a resume exact, as DIR/training.safetensors:
 * "params", "moment1", "moment2" (flat, as gpt.h lays them out) and, as metadata,
 * the progress, how the loss is scaled, and how the run was set up, in one file that
 * is written whole or not at all. */
#ifndef MEMOSCOPE_TRAINING_STATE_H
#define MEMOSCOPE_TRAINING_STATE_H

#include <jansson.h>
#include <stdint.h>

#include "common/err.h"
#include "common/gpt.h"
#include "common/trainer.h"

struct training_progress {
	int64_t step;
	uint64_t examples; /* taken from the feed */
	int64_t tokens; /* predicted */
	double seconds; /* of training */
	double best; /* lowest validation loss, infinity where there was none */
};

/* settings: the options that the run goes by, an object of strings under keys of
 * the caller's. -1 with err set. */
int training_state_save(const char *directory, const struct gpt_config *config,
                        const struct trainer_state *state,
                        const struct training_progress *progress, const json_t *settings,
                        struct err *err);

/* state's arrays must have room for gpt_parameter_count() floats each. Settings
 * come as a model of what is wanted: each gets the value that was saved under its
 * key, and goes where none was. -1 with err set. */
int training_state_load(const char *directory, const struct gpt_config *config,
                        struct trainer_state *state, struct training_progress *progress,
                        json_t *settings, struct err *err);

#endif
