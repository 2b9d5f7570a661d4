/* unlearned.h - does a network not learn its answers because of loss that nobody can save?
 *
 * Names and numbers that a generator drew cannot be predicted. Their loss stays at its floor,
 * the nats of their spans. If that is most of the loss that the gradient follows, it drowns
 * what there is to learn.
 */
#ifndef MEMOSCOPE_UNLEARNED_H
#define MEMOSCOPE_UNLEARNED_H

#include <stdbool.h>

#include "common/stream/span.h"
#include "common/train/metrics.h"

#define UNLEARNED_EXCESS 0.1 /* nats a token: an answer further above its floor is not learned */
#define UNLEARNED_SHARE 0.5 /* of the weighted loss: more of it is floor */

struct unlearned {
	double excess; /* of answers above their floor, in nats a token */
	double floor_share; /* the floor's share of the weighted loss */
	/* Other weights, such as "key=0.1,value=0.1,answer=5": less for each kind that holds a tenth
	 * of the floor or more, and more for answers. Kinds with a weight below 1 are left out. */
	char weights[256];
};

/* Is that so, after this validation? weight[SPAN_KINDS]: those of the training. False if it is
 * not, if no floor is known, or if there is no kind to weigh less. */
bool unlearned_find(const struct validation *validation, const struct span_kinds *kinds,
                    const float *weight, struct unlearned *unlearned);

#endif
