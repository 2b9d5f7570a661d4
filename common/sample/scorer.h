/* scorer.h - one thread's part in scoring texts.
 *
 * A text of at most the context and one token more takes one forward pass. Of a longer one, windows
 * are scored, a pass for each. The first one begins at token 0, each later one `slide` tokens after
 * the one before it. The first window gives the probabilities of all its tokens but the first. A
 * later one gives those of its tokens that no earlier one had, given all before them in it.
 * If windows do not overlap, the first token of each has nothing before it and gets no step.
 */
#ifndef MEMOSCOPE_SCORER_H
#define MEMOSCOPE_SCORER_H

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/model/model.h"
#include "common/sample/engine_settings.h"
#include "common/sample/request.h"

struct scorer; /* own */

/* gpt, a network of the model, must hold context rows; it, the model and the settings must outlive
 * the scorer. If the settings say lens, gpt must keep the residual stream; if they say attribution,
 * its hook is the scorer's. In which rows gpt is ablated is the scorer's. NULL with err set. */
struct scorer *scorer_new(struct gpt *gpt, const struct model *model,
                          const struct engine_settings *settings, struct err *err);
void scorer_free(struct scorer *scorer); /* NULL is allowed */

/* Work on requests until the queue is closed. */
void scorer_run(struct scorer *scorer, struct request_queue *queue);

#endif
