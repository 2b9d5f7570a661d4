/* training_run.h - one training run: a network, its trainer, the data it is trained on,
 * and the directory that it is kept in.
 *
 *   DIR               the model of the lowest validation loss; without a
 *                     validation set, the last one
 *   DIR/last          the last model, and the state that a resume goes on from
 *   DIR/step-NNNNNN   models that are kept for good
 *
 * A run takes one batch after another, steps, and is saved now and then; when,
 * and what is said of it, is the caller's business. Its clock counts batches and
 * steps; it stands still while a run is validated and saved.
 */
#ifndef MEMOSCOPE_TRAINING_RUN_H
#define MEMOSCOPE_TRAINING_RUN_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/model/model.h"
#include "common/train/metrics.h"
#include "common/train/trainer.h"
#include "common/train/training_data.h"
#include "common/train/training_state.h"

struct training_run_options {
	const char *directory;
	struct gpt_config network; /* but for vocab, which the data decide */
	struct trainer_options trainer;
	int batch; /* sequences of a step */
	int64_t eval_records; /* of the validation set, from its first */
	bool resume; /* training_run_resume() comes next */
};

struct training_run {
	struct training_run_options options; /* network.vocab is set */
	struct training_data *data; /* the caller's */
	struct trainer *trainer; /* owned, as all below */
	struct model model; /* but for its parameters, which are the trainer's */
	struct batch batch;
	struct training_progress at; /* of steps that are done */
	uint64_t digest; /* data_loader_digest() at the end of them */
	int64_t saved; /* the step that DIR/last is of; -1: of none of this run */
	bool alone; /* all of DIR/step-NNNNNN are its own, or of the run that it goes on from */
	int lock; /* a descriptor of DIR that holds the lock on it; -1: none */
};

/* A run before its first step, of data that are open and outlive it. chain is
 * what the models will say they came from. The directory is made, unless options
 * say that it must be there, so that one that cannot be written to shows now and not
 * at the first save. No other run writes to it until this one is released. -1 with
 * err set; a run is released in either case. */
int training_run_init(struct training_run *run, const struct training_run_options *options,
                      struct training_data *data,
                      json_t *chain, struct err *err);
void training_run_release(struct training_run *run);

/* How a run that is gone on from was set up other than this one. */
struct training_run_past {
	char steps[24]; /* of its schedule; "": as many, or not known */
	char differs[400]; /* all else: "lr 0.001 (now 0.002), other data", or "" */
};

/* Go on from DIR/last: run->at becomes what was saved there, and the data are
 * passed over as far as it had come. -1 with err set; of status ERR_USAGE where
 * the state is that of another network or of other sequences: another seed, number
 * of them in a step, or pack. */
int training_run_resume(struct training_run *run, struct training_run_past *past, struct err *err);

/* Take the next batch, as training_data_next(). */
int training_run_next(struct training_run *run, struct err *err);

/* A step on the batch taken last, or none: result->taken. -1 with err set where it met
 * a number that is not finite: err names the records, and the last good model. */
int training_run_step(struct training_run *run, struct step_result *result, struct err *err);

/* How far it has come. */
struct training_clock training_run_clock(const struct training_run *run);

/* The loss on the validation set, which there must be: *total, and the metrics
 * record that tells of it (a new reference). NULL with err set where it is not
 * finite. */
json_t *training_run_validate(struct training_run *run, struct validation *total, struct err *err);

/* Save the run in DIR/last; where loss is the lowest so far, its model in DIR
 * before. loss is -INFINITY where nothing is validated. -1 with err set, and nothing
 * saved where a parameter or moment is not finite. A run's first save or checkpoint
 * removes the models that an earlier run kept: they are not of this one. */
int training_run_save(struct training_run *run, double loss, struct err *err);

/* Keep its model for good, in DIR/step-NNNNNN. -1 with err set, as training_run_save(). */
int training_run_checkpoint(struct training_run *run, struct err *err);

#endif
