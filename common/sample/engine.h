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

struct generator; /* own: generator_new … generator_free */

/* The model and the settings must outlive the generator. NULL with err set. */
struct generator *generator_new(const struct model *model,
                                const struct generator_settings *settings, struct err *err);

/* Should more go in? Not where there is no room until something is taken out; nor
 * where that would have to be waited for (come: it would not) while something is
 * under way, so that who brings texts slowly gets each back before the next. */
bool generator_wants(struct generator *generator, bool come);

/* Is the oldest generation done? Where not, generator_take() waits. */
bool generator_ready(struct generator *generator);

/* Let the model go on after the first prompt tokens of a record, which becomes
 * the generation's reference if refer. -1 with err set where they do not fit
 * the model's context. */
int generator_write(struct generator *generator, const struct record *record,
                    uint32_t prompt, uint32_t sample, bool refer, struct err *err);

/* Score a record: wanted[length] says which positions get a step; NULL: all.
 * The first one never does: nothing stands before it. -1 as above. */
int generator_score(struct generator *generator, const struct record *record,
                    uint32_t sample, const uint8_t *wanted, struct err *err);

/* The oldest generation as it comes, where the settings say watch: as job_queue_watch()
 * in job.h. One that fails counts as done; generator_take() tells. */
const struct job *generator_watch(struct generator *generator, uint32_t wanted,
                                  uint32_t *count);

/* The oldest generation, when it is done, into *job, then the caller's: 1; where
 * nothing is under way: 0; -1 with err set, naming the record. */
int generator_take(struct generator *generator, struct job **job, struct err *err);

/* Stops its threads, whatever is under way. NULL is allowed. */
void generator_free(struct generator *generator);

#define GENERATOR_THREADS_MAX 256

/* How many threads to take where so many were asked for; 0: one for each processor that
 * the process may use. One is all that a single device has work for. */
int generator_threads(const struct kernels *kernels, int asked);

#endif
