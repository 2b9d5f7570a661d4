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

/* Should more go in? Not where there is no room until something is taken out; nor
 * where that would have to be waited for (come: it would not) while something is
 * under way, so that who brings texts slowly gets each back before the next. */
bool engine_wants(struct engine *engine, bool come);

/* Is the oldest generation done? Where not, engine_take() waits. */
bool engine_ready(struct engine *engine);

/* Let the model go on after the first prompt tokens of a record, which becomes
 * the generation's reference if refer. -1 with err set where they do not fit
 * the model's context. */
int engine_write(struct engine *engine, const struct record *record,
                 uint32_t prompt, uint32_t sample, bool refer, struct err *err);

/* Score a record: wanted[length] says which positions get a step; NULL: all.
 * The first one never does: nothing stands before it. -1 as above. */
int engine_score(struct engine *engine, const struct record *record,
                 uint32_t sample, const uint8_t *wanted, struct err *err);

/* The oldest generation as it comes, where the settings say watch: as request_queue_watch()
 * in request.h. One that fails counts as done; engine_take() tells. */
const struct request *engine_watch(struct engine *engine, uint32_t wanted,
                                   uint32_t *count);

/* The oldest generation, when it is done, into *request, then the caller's: 1; where
 * nothing is under way: 0; -1 with err set, naming the record. */
int engine_take(struct engine *engine, struct request **request, struct err *err);

/* Stops its threads, whatever is under way. NULL is allowed. */
void engine_free(struct engine *engine);

#define ENGINE_THREADS_MAX 256

/* How many threads to take where so many were asked for; 0: one for each processor that
 * the process may use. One is all that a single device has work for. */
int engine_threads(const struct kernels *kernels, int asked);

#endif
