#include "common/sample/request.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/utf8.h"
#include "common/stream/token_spans.h"

/* A copy of count things of a size; NULL only where memory is out. */
static void *copy_of(const void *data, size_t count, size_t size)
{
	void *copy = malloc(count * size + 1);

	if (copy && count > 0)
		memcpy(copy, data, count * size);
	return copy;
}

struct request *request_new(const struct record *record, uint32_t prompt, uint32_t sample,
                            uint32_t room, bool refer, struct err *err)
{
	struct request *request = calloc(1, sizeof *request);
	struct generation *generation;

	if (!request)
		goto fail;
	generation = &request->generation;
	request->room = room;
	request->tokens = malloc((room + 1) * sizeof *request->tokens);
	request->prompt = prompt;
	request->spans = copy_of(record->text_spans, record->text_span_count, sizeof *request->spans);
	if (!request->tokens || !request->spans)
		goto fail;
	memcpy(request->tokens, record->tokens, prompt * sizeof *request->tokens);
	if (refer) {
		request->reference = copy_of(record->text, record->size, 1);
		if (!request->reference)
			goto fail;
		generation->reference = request->reference;
		generation->reference_size = record->size;
		generation->reference_length = record->text_length;
	}
	if (record->directory.bytes) {
		request->directory = copy_of(record->directory.bytes, record->directory.size, 1);
		if (!request->directory)
			goto fail;
		generation->directory = (struct piece){request->directory, record->directory.size};
	}
	generation->id = record->id;
	generation->sample = sample;
	generation->prompt = generation->length = prompt;
	generation->spans = request->spans;
	generation->span_count = record->text_span_count;
	return request;
fail:
	err_set(err, "out of memory");
	request_free(request);
	return NULL;
}

void request_free(struct request *request)
{
	if (!request)
		return;
	free(request->tokens);
	free(request->wanted);
	free(request->ablated);
	free(request->text);
	free(request->reference);
	free(request->directory);
	free(request->spans);
	free(request->steps);
	free(request->lenses);
	free(request->tops);
	free(request->attributions);
	free(request->values.at);
	free(request);
}

int request_masks(struct request *request, const uint8_t *wanted, const uint8_t *ablated,
                  struct err *err)
{
	if (wanted)
		request->wanted = copy_of(wanted, request->prompt, 1);
	if (ablated)
		request->ablated = copy_of(ablated, request->prompt, 1);
	if ((wanted && !request->wanted) || (ablated && !request->ablated))
		return err_set(err, "out of memory");
	return 0;
}

bool request_ablated(const struct request *request, uint32_t position)
{
	return !request->ablated || (position < request->prompt && request->ablated[position]);
}

int request_reserve(struct request *request, struct err *err)
{
	request->step_room = request->room - request->generation.prompt;
	request->steps = malloc((request->step_room + 1) * sizeof *request->steps);
	if (!request->steps)
		return err_set(err, "out of memory");
	request->generation.steps = request->steps;
	return 0;
}

/* A distribution over the token at position, its candidates added to the tops. */
static int add_distribution(struct request *request, const struct vocab *vocab, uint32_t position,
                            const struct sampler_step *step, struct generation_step *to)
{
	if (array_reserve(&request->tops, &request->top_room,
	                  request->top_count + (size_t)step->top_count) < 0)
		return err_set(&request->err, "out of memory");
	request->generation.tops = request->tops;
	*to = (struct generation_step){
		.position = position,
		.piece = vocab_piece(vocab, step->token),
		.rank = (uint32_t)step->rank,
		.top_count = (uint32_t)step->top_count,
		.top = request->top_count,
		.p = step->p,
		.entropy = step->entropy,
		.rest = step->rest,
	};
	for (int i = 0; i < step->top_count; i++)
		request->tops[request->top_count++] = (struct generation_top){
			vocab_piece(vocab, step->top[i].token), step->top[i].p,
		};
	return 0;
}

int request_step(struct request *request, const struct vocab *vocab, uint32_t position,
                 const struct sampler_step *step)
{
	struct generation *generation = &request->generation;
	size_t count = generation->step_count;

	if (array_reserve(&request->steps, &request->step_room, count + 1) < 0)
		return err_set(&request->err, "out of memory");
	generation->steps = request->steps;
	if (add_distribution(request, vocab, position, step, &request->steps[count]) < 0)
		return -1;
	generation->step_count++;
	return 0;
}

int request_lens(struct request *request, const struct vocab *vocab,
                 const struct sampler_step *step)
{
	struct generation_step *of = &request->steps[request->generation.step_count - 1];

	if (array_reserve(&request->lenses, &request->lens_room, request->lens_count + 1) < 0)
		return err_set(&request->err, "out of memory");
	request->generation.lenses = request->lenses;
	if (add_distribution(request, vocab, of->position, step,
	                     &request->lenses[request->lens_count]) < 0)
		return -1;
	if (of->lens_count++ == 0)
		of->lens = request->lens_count;
	request->lens_count++;
	return 0;
}

int request_attribution(struct request *request, const struct vocab *vocab, int against,
                        double difference, const struct attribution_shape *shape,
                        const double *values)
{
	const size_t count = attribution_count(shape);
	struct attribution_values *all = &request->values;

	if (array_reserve(&request->attributions, &request->attribution_room,
	                  request->attribution_count + 1) < 0 ||
	    array_reserve(&all->at, &all->room, all->count + count) < 0)
		return err_set(&request->err, "out of memory");
	memcpy(all->at + all->count, values, count * sizeof *values);
	request->attributions[request->attribution_count++] = (struct attribution){
		.against = vocab_piece(vocab, against),
		.difference = difference,
		.shape = *shape,
		.first = all->count,
	};
	all->count += count;
	request->generation.attributions = request->attributions;
	request->generation.attribution_values = all->at;
	request->steps[request->generation.step_count - 1].attribution = request->attribution_count;
	return 0;
}

/* Places in tokens become places in the text. */
static int place_in_text(struct request *request, const struct vocab *vocab)
{
	struct generation *generation = &request->generation;
	const struct tokenized of = {vocab, request->text, generation->size, request->tokens,
	                             generation->length};
	const uint32_t count = generation->step_count, whole = (uint32_t)text_length(
		request->text, generation->size), top = whole > 0 ? whole - 1 : 0;
	uint32_t *place = malloc(((size_t)count + 1) * sizeof *place);

	if (!place)
		return err_set(&request->err, "out of memory");
	for (uint32_t i = 0; i < count; i++)
		place[i] = request->steps[i].position;
	places_in_text(&of, place, count, place);
	for (uint32_t i = 0; i < count; i++) {
		struct generation_step *step = &request->steps[i];
		step->position = place[i] < top ? place[i] : top;
		for (uint32_t k = 0; k < step->lens_count; k++)
			request->lenses[step->lens + k].position = step->position;
	}
	places_in_text(&of, &generation->prompt, 1, &generation->prompt);
	generation->tokens = request->tokens;
	generation->token_count = generation->length;
	generation->vocab = vocab;
	generation->length = whole;
	free(place);
	return 0;
}

int request_finish(struct request *request, const struct vocab *vocab, enum generation_stop stop)
{
	struct generation *generation = &request->generation;

	generation->stop = stop;
	request->text = malloc(vocab_decoded_size(vocab, request->tokens, generation->length) + 1);
	if (!request->text)
		return err_set(&request->err, "out of memory");
	generation->text = request->text;
	generation->size = vocab_decode(vocab, request->tokens, generation->length, request->text);
	return vocab_is_characters(vocab) ? 0 : place_in_text(request, vocab);
}

/* ---- the queue ---- */

struct entry {
	struct request *request;
	bool done;
};

struct request_queue {
	pthread_mutex_t lock;
	pthread_cond_t given; /* a request came, or none will */
	pthread_cond_t done; /* the oldest request is done or, watched, has grown */
	size_t first, taken, last; /* oldest, next to be worked on, next to be given: they only rise */
	size_t room;
	bool closed, watched;
	struct entry entries[]; /* [room], a ring */
};

struct request_queue *request_queue_new(int room, bool watched, struct err *err)
{
	struct request_queue *queue = calloc(1, sizeof *queue + (size_t)room * sizeof *queue->entries);

	if (!queue) {
		err_set(err, "out of memory");
		return NULL;
	}
	queue->room = (size_t)room;
	queue->watched = watched;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->given, NULL);
	pthread_cond_init(&queue->done, NULL);
	return queue;
}

void request_queue_free(struct request_queue *queue)
{
	if (!queue)
		return;
	for (size_t i = queue->first; i < queue->last; i++)
		request_free(queue->entries[i % queue->room].request);
	pthread_mutex_destroy(&queue->lock);
	pthread_cond_destroy(&queue->given);
	pthread_cond_destroy(&queue->done);
	free(queue);
}

bool request_queue_full(struct request_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	bool full = queue->last - queue->first == queue->room;
	pthread_mutex_unlock(&queue->lock);
	return full;
}

bool request_queue_empty(struct request_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	bool empty = queue->last == queue->first;
	pthread_mutex_unlock(&queue->lock);
	return empty;
}

bool request_queue_ready(struct request_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	bool ready = queue->first < queue->last && queue->entries[queue->first % queue->room].done;
	pthread_mutex_unlock(&queue->lock);
	return ready;
}

void request_queue_give(struct request_queue *queue, struct request *request)
{
	pthread_mutex_lock(&queue->lock);
	queue->entries[queue->last++ % queue->room] = (struct entry){request, false};
	pthread_cond_signal(&queue->given);
	pthread_mutex_unlock(&queue->lock);
}

void request_queue_close(struct request_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_cond_broadcast(&queue->given);
	pthread_mutex_unlock(&queue->lock);
}

struct request *request_queue_collect(struct request_queue *queue)
{
	struct request *request = NULL;

	pthread_mutex_lock(&queue->lock);
	if (queue->first < queue->last) {
		struct entry *oldest = &queue->entries[queue->first % queue->room];
		while (!oldest->done)
			pthread_cond_wait(&queue->done, &queue->lock);
		request = oldest->request;
		queue->first++;
	}
	pthread_mutex_unlock(&queue->lock);
	return request;
}

const struct request *request_queue_watch(struct request_queue *queue, uint32_t wanted,
                                          uint32_t *count)
{
	const struct request *request = NULL;

	pthread_mutex_lock(&queue->lock);
	if (queue->first < queue->last) {
		const struct entry *oldest = &queue->entries[queue->first % queue->room];
		while (!oldest->done && oldest->request->told < wanted)
			pthread_cond_wait(&queue->done, &queue->lock);
		request = oldest->request;
		*count = request->told;
	}
	pthread_mutex_unlock(&queue->lock);
	return request;
}

struct request *request_queue_take(struct request_queue *queue, bool wait)
{
	struct request *request = NULL;

	pthread_mutex_lock(&queue->lock);
	while (wait && queue->taken == queue->last && !queue->closed)
		pthread_cond_wait(&queue->given, &queue->lock);
	if (queue->taken < queue->last && !queue->closed)
		request = queue->entries[queue->taken++ % queue->room].request;
	pthread_mutex_unlock(&queue->lock);
	return request;
}

bool request_queue_closed(struct request_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	bool closed = queue->closed;
	pthread_mutex_unlock(&queue->lock);
	return closed;
}

void request_queue_grown(struct request_queue *queue, struct request *request)
{
	if (!queue->watched) /* of the queue's beginning: no lock for it */
		return;
	pthread_mutex_lock(&queue->lock);
	request->told = request->generation.step_count;
	if (queue->entries[queue->first % queue->room].request == request)
		pthread_cond_signal(&queue->done);
	pthread_mutex_unlock(&queue->lock);
}

void request_queue_done(struct request_queue *queue, struct request *request)
{
	pthread_mutex_lock(&queue->lock);
	request->told = request->generation.step_count;
	for (size_t i = queue->first; i < queue->taken; i++) {
		struct entry *entry = &queue->entries[i % queue->room];
		if (entry->request != request)
			continue;
		entry->done = true;
		if (i == queue->first)
			pthread_cond_signal(&queue->done);
		break;
	}
	pthread_mutex_unlock(&queue->lock);
}
