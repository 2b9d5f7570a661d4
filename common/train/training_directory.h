/* training_directory.h - the directory that a training run writes to.
 *
 *   DIR               the model of the lowest validation loss; without validation, the last one
 *   DIR/last          the last model, and the state that a resume starts from
 *   DIR/step-NNNNNN   checkpoints: models that are kept for good
 */
#ifndef MEMOSCOPE_TRAINING_DIRECTORY_H
#define MEMOSCOPE_TRAINING_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

struct training_directory {
	const char *path; /* DIR; the caller's */
	int lock; /* a descriptor of DIR, which holds the lock on it; -1: none */
	bool own_checkpoints; /* all checkpoints in DIR are this run's, or those of the run that it
	                       * resumes */
};

/* Open DIR for a run, and lock it: another run that opens it fails until this one is released
 * or its process ends. Temporary files that killed runs left are removed. A new run makes DIR
 * and DIR/last if they are missing; a resume (resume true) fails without DIR/last. It also fails
 * if DIR cannot be written to, so that this shows now and not at the first save. -1 with err set;
 * a directory must be released in either case. */
int training_directory_open(struct training_directory *directory, const char *path, bool resume,
                            struct err *err);
void training_directory_release(struct training_directory *directory);

/* Paths, to free(): DIR/last, and the checkpoint of a step. NULL with err set. */
char *training_directory_last(const struct training_directory *directory, struct err *err);
char *training_directory_checkpoint(const struct training_directory *directory, int64_t step,
                                    struct err *err);

/* Remove the checkpoints of an earlier run, which would be taken for this run's; all but that
 * of step `keep` (-1: none is kept). Does nothing if own_checkpoints is set, and sets it.
 * Other files and folders stay, whatever their names. -1 with err set. */
int training_directory_clean(struct training_directory *directory, int64_t keep,
                             struct err *err);

#endif
