/* batch_split.h - which worker trains on which examples of a step's batch.
 *
 * Each example goes to the worker that has the fewest tokens so far, the longest examples
 * first: then all workers have nearly the same number of tokens (Graham 1969, "Bounds on
 * multiprocessing timing anomalies"). The split is a function of the examples' lengths and the
 * number of workers alone.
 */
#ifndef MEMOSCOPE_BATCH_SPLIT_H
#define MEMOSCOPE_BATCH_SPLIT_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/train/dataset.h"

/* The examples of one worker, the longest first. */
struct worker_examples {
	int *index; /* [count], owned: of an example in the batch */
	int count;
	int64_t tokens; /* of all of them */
};

struct batch_split {
	struct worker_examples *worker; /* [workers], owned */
	int workers;

	/* private */
	int *order; /* [room], owned: the examples, the longest first */
	int room; /* examples that each of the arrays can hold */
};

/* No batch is split yet. -1 with err set; a split must be released in either case. */
int batch_split_init(struct batch_split *split, int workers, struct err *err);
void batch_split_release(struct batch_split *split); /* a zeroed one is allowed */

/* Split a batch of count examples; the split before it is overwritten. -1 with err set. */
int batch_split_make(struct batch_split *split, const struct example *examples, int count,
                     struct err *err);

#endif
