/* engine.h - threads that let a model write on, or score, many texts at once.
 *
 * What comes out is the same to the bit for every batch and number of threads:
 * a row of the network does not depend on its neighbours, random numbers belong
 * to the record, and generations come back in the order they were given.
 */
#ifndef MEMOSCOPE_ENGINE_H
#define MEMOSCOPE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/model.h"
#include "common/sample/engine_settings.h"
#include "common/sample/request.h"
#include "common/stream/record.h"

struct engine; /* own: engine_new … engine_free */

/* The model and the settings must outlive the engine. NULL with err set. */
struct engine *engine_new(const struct model *model,
                          const struct engine_settings *settings, struct err *err);

/* Should the caller give more? True if the queue has room and input is ready (come), or if
 * nothing is under way. So a caller whose input comes slowly gets each text back before it
 * waits for the next. */
bool engine_wants(struct engine *engine, bool come);

/* Is the oldest generation done? If not, engine_take() waits. */
bool engine_ready(struct engine *engine);

/* Let the model write on after the first prompt tokens of a record. With refer, the record
 * becomes the generation's reference. ablated[prompt], if the settings have an ablation, says at
 * which tokens; at those that the model writes, nothing is ablated then. NULL: at all tokens. -1
 * with err set if the prompt does not fit the model's context and the settings do not say crop. */
int engine_write(struct engine *engine, const struct record *record, uint32_t prompt,
                 uint32_t sample, bool refer, const uint8_t *ablated, struct err *err);

/* Score a record. wanted[length] says which positions get a step; NULL: all. The first position
 * never gets one, because nothing stands before it. ablated[length] and -1 as above. */
int engine_score(struct engine *engine, const struct record *record, uint32_t sample,
                 const uint8_t *wanted, const uint8_t *ablated, struct err *err);

/* The oldest generation while it grows, if the settings say watch; as request_queue_watch() in
 * request.h. A generation that fails counts as done, and engine_take() reports the error. */
const struct request *engine_watch(struct engine *engine, uint32_t wanted,
                                   uint32_t *count);

/* Wait until the oldest generation is done, and put it into *request, which is then the
 * caller's: 1. If nothing is under way: 0. -1 with err set, which names the record. */
int engine_take(struct engine *engine, struct request **request, struct err *err);

/* Stop the threads, also if something is under way, and free the engine. NULL is allowed. */
void engine_free(struct engine *engine);

#define ENGINE_THREADS_MAX 256

#endif
