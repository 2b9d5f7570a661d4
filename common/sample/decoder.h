/* decoder.h - one thread's part in writing texts: a network, slots over its
 * key-value cache, and a random number sequence for each.
 *
 * Continuous batching (Yu et al. 2022, "Orca", section 3.2): every pass takes
 * what each slot has to feed - a piece of a new prompt, or the token
 * written last - and a slot whose text is done takes the next request.
 */
#ifndef MEMOSCOPE_DECODER_H
#define MEMOSCOPE_DECODER_H

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/sample/engine_settings.h"
#include "common/sample/request.h"

#define DECODER_PROMPT_ROWS 256 /* rows a pass may spend on prompts */

struct decoder; /* own */

/* gpt must hold slots + DECODER_PROMPT_ROWS rows; in which of them it is ablated is the decoder's.
 * gpt, settings and vocab must outlive the decoder. NULL with err set. */
struct decoder *decoder_new(struct gpt *gpt, const struct gpt_config *config,
                            const struct vocab *vocab,
                            const struct engine_settings *settings, int slots,
                            struct err *err);
void decoder_free(struct decoder *decoder); /* NULL is allowed */

/* Work on requests until the queue is closed. */
void decoder_run(struct decoder *decoder, struct request_queue *queue);

#endif
