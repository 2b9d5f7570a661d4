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
	bool overwrite; /* what an earlier run left in DIR is still to be removed */
};

#define TRAINING_DIRECTORY_CLOSED \
	((struct training_directory){DIRECTORY_CLOSED, DIRECTORY_CLOSED, DIRECTORY_CLOSED, false})

/* How a run begins. */
enum training_begin {
	TRAINING_NEW, /* in a directory that holds nothing of a run */
	TRAINING_RESUME, /* goes on with the run that the directory holds */
	TRAINING_OVERWRITE, /* in place of what the directory holds */
};

/* What a directory holds of a run: found becomes the name of a file or checkpoint, such as
 * "last/training.safetensors", or "" if there is none, or no directory. Nothing is made or
 * locked. -1 with err set: also if another run is training into it. */
#define TRAINING_FOUND 64
int training_directory_find(const char *path, char found[TRAINING_FOUND], struct err *err);

/* Open DIR for a run, and lock it: another run that opens it fails until this one is released
 * or its process ends. Temporary files that killed runs left are removed. A run that is no resume
 * makes DIR and DIR/last if they are missing; a resume fails without DIR/last. It also fails
 * if DIR cannot be written to, so that this shows now and not at the first save.
 *
 * A new run fails if DIR holds anything of a run. One that overwrites removes the state of the
 * earlier run now: from here on, a resume cannot go on from that as if it were this run's.
 *
 * -1 with err set; a directory must be released in either case. */
int training_directory_open(struct training_directory *directory, const char *path,
                            enum training_begin begin, struct err *err);
/* The same for a process that only reads what DIR/last holds: nothing is opened, locked or made,
 * but directory->last.path is that of DIR/last. */
int training_directory_name(struct training_directory *directory, const char *path,
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

/* Remove what is left of an earlier run that is overwritten: its checkpoints, the model in
 * DIR/last, and that in DIR, in this order. To be called before the first save or checkpoint; does
 * nothing later, or if nothing is overwritten. Other files stay. -1 with err set. */
int training_directory_clear(struct training_directory *directory, struct err *err);

#endif
