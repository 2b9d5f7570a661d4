/* training_run_private.h - what the files of a training run share: training_run*.c. */
#ifndef MEMOSCOPE_TRAINING_RUN_PRIVATE_H
#define MEMOSCOPE_TRAINING_RUN_PRIVATE_H

#include <limits.h>

#include "common/train/training_run.h"

/* "the last good model is DIR/last, of step N", or that there is none: for the end of a
 * message. text is room for it; it may stay unused. */
#define LAST_GOOD (PATH_MAX + 64)
const char *training_run_last_good(const struct training_run *run, char text[LAST_GOOD]);

/* Say which model the run began with, on resume or from its options. */
void training_run_set_from(struct training_run *run, json_t *from);

/* Write the state's model to DIR/last if another one is there. -1 with err set. */
int training_run_mend(struct training_run *run, const struct trainer_state *state,
                      struct err *err);

/* The processes of the run. */
const struct comm *training_run_comm(const struct training_run *run);

/* Collective: have all ranks the same settings, data and memoscope, and, if they go on from a
 * state, the same one (NULL: they do not)? -1 with err set, of status ERR_USAGE: it names what
 * differs and both values. */
int training_run_agree(const struct training_run *run, const struct trainer_state *state,
                       struct err *err);

#endif
