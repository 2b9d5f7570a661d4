/* request.h - generations in the making, and the queue that hands them to threads.
 *
 * One thread gives jobs and takes them back; others work on them, each job in
 * one thread's hands at a time. Jobs come back in the order they were given,
 * whoever is done first. Of a watched queue, the oldest job's steps can be read
 * while it grows; of others, its workers take no lock for a step.
 */
#ifndef MEMOSCOPE_REQUEST_H
#define MEMOSCOPE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/sample/sampler.h"
#include "common/stream/generation.h"
#include "common/stream/record.h"
#include "common/stream/vocab.h"

struct job {
	struct generation generation; /* all but text, tops and what follows from tokens: */
	uint16_t *tokens; /* [room] the prompt, then what was written */
	uint32_t room;
	uint32_t told; /* of a watched queue: the steps that its giver may read; under its lock */
	uint8_t *wanted; /* [room] of a text to score: does this position get a step? */
	struct err err; /* why there is no generation */
	/* what generation points to */
	char *text, *reference;
	struct span *spans;
	struct generation_step *steps, *lenses;
	struct generation_top *tops;
	size_t step_room, lens_count, lens_room, top_count, top_room;
};

/* A job over a copy of the record's first prompt tokens, which may grow to room
 * of them; refer: the record is its reference. NULL with err set where memory
 * is out. */
struct job *job_new(const struct record *record, uint32_t prompt, uint32_t sample,
                    uint32_t room, bool refer, struct err *err);
void job_free(struct job *job); /* NULL is allowed */

/* Take memory for a step of each token that may come, so that steps do not move: of a
 * job for a watched queue. -1 with err set. */
int job_reserve(struct job *job, struct err *err);

/* Add the step for the token at position. -1: memory is out, job->err says so. */
int job_step(struct job *job, const struct vocab *vocab, uint32_t position,
             const struct sampler_step *step);

/* Add to the last step what the model thought of the same token some layers before.
 * -1 as above. */
int job_lens(struct job *job, const struct vocab *vocab, const struct sampler_step *step);

/* The tokens are all there: make text of them. -1 as above. */
int job_finish(struct job *job, const struct vocab *vocab, enum generation_stop stop);

struct job_queue; /* own */

struct job_queue *job_queue_new(int room, bool watched, struct err *err);
void job_queue_free(struct job_queue *queue); /* frees the jobs in it, too; NULL is allowed */

/* The giver's side. */
bool job_queue_full(struct job_queue *queue);
bool job_queue_empty(struct job_queue *queue);
bool job_queue_ready(struct job_queue *queue); /* is the oldest job done? */
void job_queue_give(struct job_queue *queue, struct job *job); /* not where it is full */
/* The workers are to stop: no job will come any more, those they have are dropped. */
void job_queue_close(struct job_queue *queue);
/* The oldest job, waiting till it is done; NULL where none is in the queue.
 * From then on the caller's. */
struct job *job_queue_collect(struct job_queue *queue);
/* Of a watched queue: the oldest job, waiting till it has wanted steps or is done; NULL
 * where none is in the queue. Not the caller's: of it, steps[0 … *count-1] without what
 * they point to may be read, and what it was given with, until it is collected. */
const struct job *job_queue_watch(struct job_queue *queue, uint32_t wanted, uint32_t *count);

/* The workers' side: the next job nobody works on. Where there is none: NULL at
 * once, or, with wait, when there is one. Always NULL when the queue is closed. */
struct job *job_queue_take(struct job_queue *queue, bool wait);
bool job_queue_closed(struct job_queue *queue);
void job_queue_grown(struct job_queue *queue, struct job *job); /* by a step; it is not done */
void job_queue_done(struct job_queue *queue, struct job *job);

#endif
