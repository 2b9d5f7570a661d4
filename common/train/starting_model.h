/* starting_model.h - the model whose parameters a training run goes on from.
 *
 * It may be any model: the run's network is of its kind, whatever other program saved it. Only the
 * context may be another one, a shorter one.
 */
#ifndef MEMOSCOPE_STARTING_MODEL_H
#define MEMOSCOPE_STARTING_MODEL_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/model/model.h"

struct starting_model {
	struct model model; /* owned */
	json_t *from; /* owned: what the run's models will say of it, "from" of memoscope.json */
};

/* Load it. -1 with err set; then *start is zeroed. */
int starting_model_load(struct starting_model *start, const char *directory, struct err *err);
void starting_model_release(struct starting_model *start); /* a zeroed one is allowed */

/* Leave out the positions from context on, which is at most the model's. */
void starting_model_shorten(struct starting_model *start, int context);

#endif
