/* loss_history.h - the losses of a training run, as the records of its metrics tell them
 * (man/stream.5): in training, in validation, and in validation by kind of token.
 *
 * A run that is resumed makes some steps again. Then what was known of these steps is forgotten, so
 * each curve rises from step to step.
 */
#ifndef MEMOSCOPE_LOSS_HISTORY_H
#define MEMOSCOPE_LOSS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"
#include "common/stream/span.h"
#include "common/stream/stream.h"

/* How far the run was, by each of three measures. */
enum loss_measure { LOSS_STEPS, LOSS_TOKENS, LOSS_SECONDS };

struct loss_point {
	double at[3]; /* by enum loss_measure */
	double loss; /* in nats a token; may be infinite or NAN */
};

struct loss_curve {
	struct loss_point *points; /* owned; steps rise */
	size_t count, room;
	double floor; /* that the last validation names; NAN: none */
};

/* {0} to begin with, then loss_history_init(). */
struct loss_history {
	struct span_kinds kinds; /* their words */
	struct loss_curve training, validation;
	struct loss_curve kind[SPAN_KINDS]; /* validation by kind */
	struct loss_point last; /* where the last record was; its loss has no meaning */
	bool begun; /* is there a last record? */
	double steps; /* that the run is to make; NAN: not known */
};

void loss_history_init(struct loss_history *history);
void loss_history_release(struct loss_history *history); /* a zeroed one is allowed */

/* Add a record, a map of a metrics stream. -1 with err saying what is wrong with it. */
int loss_history_add(struct loss_history *history, const msgpack_object *record,
                     struct err *err);

/* Is there a loss to draw? */
bool loss_history_any(const struct loss_history *history);

/* How many tokens and steps a second the run makes now: the mean over the last records. NAN: not
 * known. */
void loss_history_speed(const struct loss_history *history, double *tokens, double *steps);

#endif
