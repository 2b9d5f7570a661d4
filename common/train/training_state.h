/* training_state.h - the file that makes a resume exact: DIR/training.safetensors.
 *
 * Its tensors are "params", "moment1" and "moment2", each flat, in the layout of
 * gpt_parameters.h. Its metadata, all strings, are the progress, the loss scale, and the
 * settings of the run, those of the network included (training_settings.h). The file is
 * written whole or not at all. It stands beside a model, but needs none of the model's files.
 */
#ifndef MEMOSCOPE_TRAINING_STATE_H
#define MEMOSCOPE_TRAINING_STATE_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/model/model.h"
#include "common/train/trainer.h"
#include "common/train/training_progress.h"

/* Save a model and its state in a directory. Both are on the disk before either replaces an
 * older one; the state is replaced first. The model's parameters must be the state's.
 * settings: an object of strings. -1 with err set. */
int training_state_save(const struct directory *directory, const struct model *model,
                        const struct trainer_state *state,
                        const struct training_progress *progress, const json_t *settings,
                        struct err *err);

/* Read settings. The caller says which: *settings holds their keys, with any values. Each gets
 * the saved value; those that were not saved are removed. -1 with err set. */
int training_state_settings(const char *directory, json_t *settings, struct err *err);

/* Read state and progress. The state's arrays are the caller's, with room for
 * gpt_parameter_count() floats each. -1 with err set, also if the file is that of another
 * number of parameters, a number is not finite or out of range. */
int training_state_load(const char *directory, const struct gpt_config *config,
                        struct trainer_state *state, struct training_progress *progress,
                        struct err *err);

#endif
