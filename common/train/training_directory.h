/* training_directory.h - the directory that a training run writes to.
 *
 *   DIR               the model of the lowest validation loss; without validation, the last one
 *   DIR/last          the last model, and the state that a resume starts from
 *   DIR/step-NNNNNN   checkpoints: models that are kept for good
 *
 * All is written through open directories, so that a run whose directory is renamed never writes
 * into another one that comes to its path.
 */
#ifndef MEMOSCOPE_TRAINING_DIRECTORY_H
#define MEMOSCOPE_TRAINING_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/directory.h"
#include "common/base/err.h"

struct training_directory {
	struct directory top, last; /* DIR and DIR/last, each locked */
	struct directory above; /* the directory around DIR, if model_directory_lock() locks it */
	bool own_checkpoints; /* all checkpoints in DIR are this run's, or those of the run that it
	                       * resumes */
};

#define TRAINING_DIRECTORY_CLOSED \
	((struct training_directory){DIRECTORY_CLOSED, DIRECTORY_CLOSED, DIRECTORY_CLOSED, false})

/* Open DIR for a run, and lock it: another run that opens it fails until this one is released
 * or its process ends. Temporary files that killed runs left are removed. A new run makes DIR
 * and DIR/last if they are missing; a resume (resume true) fails without DIR/last. It also fails
 * if DIR cannot be written to, so that this shows now and not at the first save. -1 with err set;
 * a directory must be released in either case. */
int training_directory_open(struct training_directory *directory, const char *path, bool resume,
                            struct err *err);
void training_directory_release(struct training_directory *directory);

/* Open the directory of a step's checkpoint, and make it if it is missing; to directory_close().
 * A symbolic link in its place is an error. -1 with err set. */
int training_directory_checkpoint(const struct training_directory *directory, int64_t step,
                                  struct directory *checkpoint, struct err *err);

/* Are DIR and DIR/last still where they were opened? -1 with err set, which says what became of
 * them. Was one of them removed? Then nothing can be written to it any more. */
int training_directory_check(const struct training_directory *directory, struct err *err);
bool training_directory_removed(const struct training_directory *directory);

/* Remove the checkpoints of an earlier run, which would be taken for this run's; all but that
 * of step `keep` (-1: none is kept). Does nothing if own_checkpoints is set, and sets it.
 * Other files and folders stay, whatever their names. -1 with err set. */
int training_directory_clean(struct training_directory *directory, int64_t keep,
                             struct err *err);

#endif
