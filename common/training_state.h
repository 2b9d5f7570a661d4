/* training_state.h - what makes a resume exact, as DIR/training.safetensors:
 * "params", "moment1", "moment2" (flat, as gpt.h lays them out) and the
 * progress as metadata, in one file that is written whole or not at all. */
#ifndef MEMOSCOPE_TRAINING_STATE_H
#define MEMOSCOPE_TRAINING_STATE_H

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
	int64_t seed, batch, threads; /* of the run that saved */
};

int training_state_save(const char *directory, const struct gpt_config *config,
                        const struct trainer_state *state,
                        const struct training_progress *progress, struct err *err);

/* state's arrays must have room for gpt_parameter_count() floats each. */
int training_state_load(const char *directory, const struct gpt_config *config,
                        struct trainer_state *state, struct training_progress *progress,
                        struct err *err);

#endif
