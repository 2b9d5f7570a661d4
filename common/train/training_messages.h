/* training_messages.h - what a training run tells its user, on stderr: for filters only, because
 * the messages name gpt-train's options.
 *
 * Each function says one thing. If the run knows whether it is so, the function asks the run first.
 */
#ifndef MEMOSCOPE_TRAINING_MESSAGES_H
#define MEMOSCOPE_TRAINING_MESSAGES_H

#include <stdbool.h>

#include "common/base/interrupt.h"
#include "common/base/progress.h"
#include "common/train/metrics_output.h"
#include "common/train/training_run.h"

/* The size of the network, what computes it, and the memory that this takes. */
void training_say_network(struct progress *progress, const struct training_run *run);

/* Collective: the processes of the run, if there are several, so that the number of one that a
 * launcher says has died tells its rank; and that no metrics are written, if they go to the
 * standard output (metrics is NULL) and that is a terminal. */
void training_say_processes(struct progress *progress, const struct training_run *run,
                            const char *metrics);

/* Which model's parameters a new run begins with, if it does. */
void training_say_start(struct progress *progress, const struct training_run *run);

/* The run ends before its warm-up does; or the warm-up was shortened to fit the run. chosen: the
 * user gave the number of its steps. */
void training_say_warmup(struct progress *progress, const struct training_run *run, bool chosen);

/* No token of the validation set has a weight above 0. */
void training_say_unweighted(struct progress *progress, const struct training_run *run);

/* A run goes on from a state (training_run_resume()), or has nothing to do: what differs from the
 * run before, and what becomes of the best model. */
void training_say_resume(struct progress *progress, const struct training_run *run,
                         const struct training_changes *changes);

/* The metrics of the run before were repaired, to go on behind step `after`. */
void training_say_repair(struct progress *progress, const struct metrics_output *metrics,
                         int64_t after);

/* A batch was skipped: the same step is tried again, on the next one. Batches without a weighted
 * token may be many: one of a thousand is told. */
void training_say_skipped(struct progress *progress, const struct training_run *run,
                          const struct step_result *result);

/* The answers are not learned because most of the loss is of the kind that nobody can save. */
void training_say_unlearned(struct progress *progress, const struct training_run *run,
                            const struct validation *validation);

/* The records look like lines of one text (training_data_lines()). Somebody may have forgotten to
 * ask for windows of the text. */
void training_say_lines(struct progress *progress, const struct training_data *data);

/* Why training is over: all steps are done, or something stopped it before. */
void training_say_end(struct progress *progress, const struct training_run *run,
                      struct interrupt *interrupt);

/* Why a run ended before its first step: err is set. */
void training_untrained(const struct training_run *run, bool interrupted, struct err *err);

#endif
