/* training_run.h - one training run: a network and its trainer, the data, and the directory
 * that it writes to (training_directory.h).
 *
 * The caller decides what happens when: it takes a batch, makes a step, validates, saves. A
 * run owns the state of all that, so that each of these is one call.
 *
 * A run may be one of several processes (comm.h, trainer.h). Each has a run with the same options
 * and data, and makes the same calls; all but training_run_next() are collective, and if one fails
 * in one process, it fails in all (comm_settle()). Only rank 0 opens the directory and saves.
 */
#ifndef MEMOSCOPE_TRAINING_RUN_H
#define MEMOSCOPE_TRAINING_RUN_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/model/model.h"
#include "common/train/metrics.h"
#include "common/train/starting_model.h"
#include "common/train/trainer.h"
#include "common/train/training_data.h"
#include "common/train/training_directory.h"
#include "common/train/training_progress.h"
#include "common/train/training_settings.h"
#include "common/train/validation_set.h"

struct training_run_options {
	const char *directory; /* must outlive the run */
	struct gpt_config network; /* vocab may be anything: the data decide it */
	struct trainer_options trainer;
	int batch; /* sequences of a step */
	int64_t eval_records; /* the most records of the validation set, from its first */
	/* steps between validations, checkpoints and records of metrics. The caller counts; a run only
	 * saves them, so that a resume knows them. */
	int64_t eval_every, checkpoint_every, log_every;
	/* what the network's parameters are at first; NULL: a fresh network's. network is then that of
	 * the model. It may go after training_run_init(). */
	const struct starting_model *start;
	bool resume; /* the caller will call training_run_resume() next */
	bool overwrite; /* replace what an earlier run left in the directory */
	bool new_best; /* the resume forgets the best loss so far: DIR's model may be replaced */
};

struct training_run {
	struct training_run_options options; /* network.vocab is set */
	struct training_data *data; /* the caller's */
	struct trainer *trainer; /* owned, as all below */
	struct model model; /* without parameters, which are the trainer's */
	json_t *from; /* of the model that the run began with (starting_model.h); NULL: of none */
	size_t val_count; /* records of the validation set that are used, from its first; 0: no set */
	struct validation_set best_set; /* that at.best is measured on, or will be */
	bool keeps_best; /* DIR's model is the best on another set, so it stays */
	struct batch batch; /* the one that training_run_next() took last */
	struct training_progress at; /* counts batches whose step was made */
	uint64_t digest; /* data_loader_digest() after the last of these */
	int64_t saved; /* the step of the model in DIR/last; -1: this run saved none */
	struct training_directory directory;
	bool mended; /* the resume found that the last save was cut short, and completed it */
};

/* A run before its first step. data are open and outlive the run. chain: what the models will
 * say they come from (header_new()); a new reference is taken. The directory is opened and
 * locked. -1 with err set, of status ERR_USAGE if no token of the data has a weight above 0; a
 * run must be released in either case. */
int training_run_init(struct training_run *run, const struct training_run_options *options,
                      struct training_data *data, json_t *chain, struct err *err);
void training_run_release(struct training_run *run);

/* Go on from the state in DIR/last: run->at becomes the progress saved there, and as many
 * sequences of the data are skipped. If the last save was cut short, so that the model in
 * DIR/last is not the state's, it is written from the state. *changes says what is set up in
 * another way than before. If the best loss was measured on a validation set that is not this
 * run's, run->keeps_best is set, unless options.new_best is. -1 with err set: of status ERR_USAGE
 * if the state is that of another network or of other sequences (training_settings_check()). */
int training_run_resume(struct training_run *run, struct training_changes *changes,
                        struct err *err);

/* Bytes of memory that the training takes: on a device of its own, those that the device holds;
 * else all, with the data and with the copy that a save makes. */
size_t training_run_memory(const struct training_run *run);

/* Take the next batch: training_data_next(). */
int training_run_next(struct training_run *run, struct err *err);

/* Make a step on that batch; result->taken is false if it was passed over. -1 with err set if a
 * number is not finite: err names the batch's records and the last good model. */
int training_run_step(struct training_run *run, struct step_result *result, struct err *err);

/* Evaluate the validation set, which must be there. Returns the metrics record (a new
 * reference), and *total. NULL with err set if the loss is not finite. */
json_t *training_run_validate(struct training_run *run, struct validation *total, struct err *err);

/* Save the model and the state in DIR/last; if loss is the lowest so far, save the model in
 * DIR first, unless run->keeps_best. loss: that of a validation after the last step; -INFINITY
 * without a validation set; NAN if there is a set but the step is not validated, which says
 * nothing about the best model: then DIR gets the model only if there is no best one yet. Before
 * the first save or checkpoint, what an earlier run left is removed if this run overwrites. -1 with
 * err set; nothing is saved or removed if a parameter or moment is not finite. */
int training_run_save(struct training_run *run, double loss, struct err *err);

/* Are DIR and DIR/last still where the run began? If they were renamed, saves go into them where
 * they are now, and fail then by this function. -1 with err set, which says what became of them
 * and of the model. */
int training_run_check_place(const struct training_run *run, struct err *err);

/* Save the model for good in DIR/step-NNNNNN. -1 with err set, as training_run_save(). */
int training_run_checkpoint(struct training_run *run, struct err *err);

#endif
