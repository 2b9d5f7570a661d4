/* training_settings.h - all settings that decide what a run leaves, as text.
 *
 * Settings are a JSON object of strings: the options of gpt-train under their names, and
 * "vocab-size", "vocab-digest", "data" (data_loader_digest()), "from" (the JSON text of what
 * starting_model.h says), "end" (the token that ends a text), "val" and "val-records"
 * (validation_set.h). "threads" are those of all processes. The state of a run holds them
 * (training_state.h), so a resume can tell what is different now.
 */
#ifndef MEMOSCOPE_TRAINING_SETTINGS_H
#define MEMOSCOPE_TRAINING_SETTINGS_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/stream/vocab.h"
#include "common/train/validation_set.h"

struct training_run;

/* A run's settings, always in the same order. New reference. */
json_t *training_settings(const struct training_run *run);

/* Set the settings that tell a network: those of its shape, and of its vocabulary. */
void training_settings_network(json_t *settings, const struct gpt_config *config,
                               const struct vocab *vocab);

/* May a run of these settings go on from a state with the saved ones? Not with another network
 * or vocabulary (some networks of other shapes have the same number of parameters), and not
 * with other sequences: other seed, sequences a step, or pack. What was not saved is taken to
 * be the same. state: the path for messages. -1 with err set, of status ERR_USAGE unless the
 * vocabulary differs. */
int training_settings_check(const json_t *saved, const json_t *settings, const char *state,
                            struct err *err);

/* Remove "min-lr" from saved settings if it is a tenth of "lr", which is its default: it then
 * follows the learning rate of the resumed run. */
void training_settings_follow_lr(json_t *saved);

/* What else differs from the saved settings, as text for a message. */
struct training_changes {
	char steps[24]; /* the steps of the saved schedule; "": the same, or not saved */
	char others[400]; /* all other settings: "lr 0.001 (now 0.002), other data", or "" */
	enum validation_change validation; /* training_run_resume() sets these two */
	int64_t val_records; /* of the saved validation set; -1: not known */
};

/* Compares what decides the bits of the network; not how often a run validates, saves and logs,
 * nor what it validates on. */
void training_settings_compare(const json_t *saved, json_t *settings,
                               struct training_changes *changes);

#endif
