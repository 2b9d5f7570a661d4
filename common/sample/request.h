/* request.h - generations under way, and the queue that hands them to threads.
 *
 * One thread gives requests and takes them back; others work on them, each request in
 * one thread's hands at a time. Requests come back in the order they were given,
 * whoever is done first. Of a watched queue, the oldest request's steps can be read
 * while it grows; of others, its workers take no lock for a step.
 */
#ifndef MEMOSCOPE_REQUEST_H
#define MEMOSCOPE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/sample/sampler.h"
#include "common/stream/attribution.h"
#include "common/stream/generation.h"
#include "common/stream/record.h"
#include "common/stream/vocab.h"

struct request {
	/* All but text, tops and what follows from tokens. Until the request is done, its places and
	 * lengths are in tokens; from then on, in characters of the text. */
	struct generation generation;
	uint16_t *tokens; /* [room] the prompt, then what was written */
	uint32_t prompt; /* tokens of it */
	uint32_t room;
	uint32_t told; /* of a watched queue: the steps that its giver may read; under its lock */
	uint8_t *wanted; /* [prompt] of a text to score: does this position get a step? */
	uint8_t *ablated; /* [prompt] are parts of the network ablated at this token? They are not at
	                   * tokens that are written. NULL: at all tokens */
	struct err err; /* why there is no generation */
	/* what generation points to */
	char *text, *reference, *directory;
	struct span *spans;
	struct generation_step *steps, *lenses;
	struct generation_top *tops;
	struct attribution *attributions;
	struct attribution_values values; /* theirs */
	size_t step_room, lens_count, lens_room, top_count, top_room, attribution_count,
		attribution_room;
};

/* A request over a copy of the record's first prompt tokens, which may grow to room
 * of them; refer: the record is its reference. NULL with err set where memory
 * is out. */
struct request *request_new(const struct record *record, uint32_t prompt, uint32_t sample,
                            uint32_t room, bool refer, struct err *err);
void request_free(struct request *request); /* NULL is allowed */

/* Copy masks [prompt] into wanted and ablated; NULL: there is none. -1 with err set. */
int request_masks(struct request *request, const uint8_t *wanted, const uint8_t *ablated,
                  struct err *err);

/* Is the token at position ablated? */
bool request_ablated(const struct request *request, uint32_t position);

/* Take memory for a step of each token that may come, so that steps do not move: of a
 * request for a watched queue. -1 with err set. */
int request_reserve(struct request *request, struct err *err);

/* Add the step for the token at position. -1: memory is out, request->err says so. */
int request_step(struct request *request, const struct vocab *vocab, uint32_t position,
                 const struct sampler_step *step);

/* Add to the last step what the model thought of the same token some layers before.
 * -1 as above. */
int request_lens(struct request *request, const struct vocab *vocab,
                 const struct sampler_step *step);

/* Add to the last step what each part of the network adds to its token's logit minus that of
 * against: values[attribution_count()]. -1 as above. */
int request_attribution(struct request *request, const struct vocab *vocab, int against,
                        double difference, const struct attribution_shape *shape,
                        const double *values);

/* The tokens are all there: make text of them. -1 as above. */
int request_finish(struct request *request, const struct vocab *vocab, enum generation_stop stop);

struct request_queue; /* own */

struct request_queue *request_queue_new(int room, bool watched, struct err *err);
/* Frees the requests in it, too. NULL is allowed. */
void request_queue_free(struct request_queue *queue);

/* ---- for the thread that gives requests ---- */

bool request_queue_full(struct request_queue *queue);
bool request_queue_empty(struct request_queue *queue);
bool request_queue_ready(struct request_queue *queue); /* is the oldest request done? */
/* Add a request. The queue must not be full. */
void request_queue_give(struct request_queue *queue, struct request *request);
/* No more requests will come. The workers stop and drop what they have. */
void request_queue_close(struct request_queue *queue);
/* Wait until the oldest request is done, and take it: from then on it is the caller's.
 * NULL if the queue is empty. */
struct request *request_queue_collect(struct request_queue *queue);
/* Of a watched queue: wait until the oldest request has wanted steps or is done; NULL if the
 * queue is empty. The request stays the queue's. Until it is collected, the caller may read
 * what the request was made with, and steps[0 … *count-1] without what they point to. */
const struct request *request_queue_watch(struct request_queue *queue, uint32_t wanted,
                                          uint32_t *count);

/* ---- for the workers ---- */

/* The next request that no worker has. If there is none: NULL at once or, with wait, when one
 * comes. Always NULL once the queue is closed. */
struct request *request_queue_take(struct request_queue *queue, bool wait);
bool request_queue_closed(struct request_queue *queue);
/* The request has one step more, and is not done. */
void request_queue_grown(struct request_queue *queue, struct request *request);
void request_queue_done(struct request_queue *queue, struct request *request);

#endif
