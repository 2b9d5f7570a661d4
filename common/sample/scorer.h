/* scorer.h - one thread's part in scoring texts: one forward pass over each. What goes
 * beyond the context takes a pass over the context for each token. */
#ifndef MEMOSCOPE_SCORER_H
#define MEMOSCOPE_SCORER_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/sample/request.h"
#include "common/stream/vocab.h"

struct scorer; /* own */

/* gpt must hold context rows; it and vocab must outlive the scorer. lens: look at
 * every step after each layer, too; gpt keeps the residual stream then. NULL with
 * err set. */
struct scorer *scorer_new(struct gpt *gpt, const struct gpt_config *config,
                          const struct vocab *vocab, int probs, bool lens, struct err *err);
void scorer_free(struct scorer *scorer); /* NULL is allowed */

/* Work on requests until the queue is closed. */
void scorer_run(struct scorer *scorer, struct request_queue *queue);

#endif
