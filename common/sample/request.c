#include "common/sample/request.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"

/* A copy of count things of a size; NULL only where memory is out. */
static void *copy_of(const void *data, size_t count, size_t size)
{
	void *copy = malloc(count * size + 1);

	if (copy && count > 0)
		memcpy(copy, data, count * size);
	return copy;
}

struct job *job_new(const struct record *record, uint32_t prompt, uint32_t sample,
                    uint32_t room, bool refer, struct err *err)
{
	struct job *job = calloc(1, sizeof *job);
	struct generation *generation;

	if (!job)
		goto fail;
	generation = &job->generation;
	job->room = room;
	job->tokens = malloc((room + 1) * sizeof *job->tokens);
	job->spans = copy_of(record->spans, record->span_count, sizeof *job->spans);
	if (!job->tokens || !job->spans)
		goto fail;
	memcpy(job->tokens, record->tokens, prompt * sizeof *job->tokens);
	if (refer) {
		job->reference = copy_of(record->text, record->size, 1);
		if (!job->reference)
			goto fail;
		generation->reference = job->reference;
		generation->reference_size = record->size;
		generation->reference_length = record->length;
	}
	generation->id = record->id;
	generation->sample = sample;
	generation->prompt = generation->length = prompt;
	generation->spans = job->spans;
	generation->span_count = record->span_count;
	return job;
fail:
	err_set(err, "out of memory");
	job_free(job);
	return NULL;
}

void job_free(struct job *job)
{
	if (!job)
		return;
	free(job->tokens);
	free(job->wanted);
	free(job->text);
	free(job->reference);
	free(job->spans);
	free(job->steps);
	free(job->lenses);
	free(job->tops);
	free(job);
}

int job_reserve(struct job *job, struct err *err)
{
	job->step_room = job->room - job->generation.prompt;
	job->steps = malloc((job->step_room + 1) * sizeof *job->steps);
	if (!job->steps)
		return err_set(err, "out of memory");
	job->generation.steps = job->steps;
	return 0;
}

static void *grown(void *old, size_t *room, size_t count, size_t size)
{
	if (count <= *room)
		return old;
	size_t more = 2 * count + 32;
	void *new = realloc(old, more * size);
	if (new)
		*room = more;
	return new;
}

/* A distribution over the token at position, its candidates added to the tops. */
static int add_distribution(struct job *job, const struct vocab *vocab, uint32_t position,
                            const struct sampler_step *step, struct generation_step *to)
{
	void *tops = grown(job->tops, &job->top_room, job->top_count + (size_t)step->top_count,
	                   sizeof *job->tops);

	if (!tops && step->top_count > 0)
		return err_set(&job->err, "out of memory");
	job->generation.tops = job->tops = tops;
	*to = (struct generation_step){
		.position = position,
		.code = vocab_code(vocab, step->token),
		.rank = (uint32_t)step->rank,
		.top_count = (uint32_t)step->top_count,
		.top = job->top_count,
		.p = step->p,
		.entropy = step->entropy,
		.rest = step->rest,
	};
	for (int i = 0; i < step->top_count; i++)
		job->tops[job->top_count++] = (struct generation_top){
			vocab_code(vocab, step->top[i].token), step->top[i].p,
		};
	return 0;
}

int job_step(struct job *job, const struct vocab *vocab, uint32_t position,
             const struct sampler_step *step)
{
	struct generation *generation = &job->generation;
	size_t count = generation->step_count;

	if (count == job->step_room) {
		void *steps = grown(job->steps, &job->step_room, count + 1, sizeof *job->steps);
		if (!steps)
			return err_set(&job->err, "out of memory");
		generation->steps = job->steps = steps;
	}
	if (add_distribution(job, vocab, position, step, &job->steps[count]) < 0)
		return -1;
	generation->step_count++;
	return 0;
}

int job_lens(struct job *job, const struct vocab *vocab, const struct sampler_step *step)
{
	struct generation_step *of = &job->steps[job->generation.step_count - 1];
	void *lenses = grown(job->lenses, &job->lens_room, job->lens_count + 1,
	                     sizeof *job->lenses);

	if (!lenses)
		return err_set(&job->err, "out of memory");
	job->generation.lenses = job->lenses = lenses;
	if (add_distribution(job, vocab, of->position, step, &job->lenses[job->lens_count]) < 0)
		return -1;
	if (of->lens_count++ == 0)
		of->lens = job->lens_count;
	job->lens_count++;
	return 0;
}

int job_finish(struct job *job, const struct vocab *vocab, enum generation_stop stop)
{
	struct generation *generation = &job->generation;

	generation->stop = stop;
	job->text = malloc((size_t)generation->length * UTF8_MAX + 1);
	if (!job->text)
		return err_set(&job->err, "out of memory");
	generation->text = job->text;
	generation->size = vocab_decode(vocab, job->tokens, generation->length, job->text);
	return 0;
}

/* ---- the queue ---- */

struct entry {
	struct job *job;
	bool done;
};

struct job_queue {
	pthread_mutex_t lock;
	pthread_cond_t given; /* a job came, or none will */
	pthread_cond_t done; /* the oldest job is done or, watched, has grown */
	size_t first, taken, last; /* oldest, next to be worked on, next to be given: they only rise */
	size_t room;
	bool closed, watched;
	struct entry entries[]; /* [room], a ring */
};

struct job_queue *job_queue_new(int room, bool watched, struct err *err)
{
	struct job_queue *queue = calloc(1, sizeof *queue + (size_t)room * sizeof *queue->entries);

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

void job_queue_free(struct job_queue *queue)
{
	if (!queue)
		return;
	for (size_t i = queue->first; i < queue->last; i++)
		job_free(queue->entries[i % queue->room].job);
	pthread_mutex_destroy(&queue->lock);
	pthread_cond_destroy(&queue->given);
	pthread_cond_destroy(&queue->done);
	free(queue);
}

bool job_queue_full(struct job_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	bool full = queue->last - queue->first == queue->room;
	pthread_mutex_unlock(&queue->lock);
	return full;
}

bool job_queue_empty(struct job_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	bool empty = queue->last == queue->first;
	pthread_mutex_unlock(&queue->lock);
	return empty;
}

bool job_queue_ready(struct job_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	bool ready = queue->first < queue->last && queue->entries[queue->first % queue->room].done;
	pthread_mutex_unlock(&queue->lock);
	return ready;
}

void job_queue_give(struct job_queue *queue, struct job *job)
{
	pthread_mutex_lock(&queue->lock);
	queue->entries[queue->last++ % queue->room] = (struct entry){job, false};
	pthread_cond_signal(&queue->given);
	pthread_mutex_unlock(&queue->lock);
}

void job_queue_close(struct job_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_cond_broadcast(&queue->given);
	pthread_mutex_unlock(&queue->lock);
}

struct job *job_queue_collect(struct job_queue *queue)
{
	struct job *job = NULL;

	pthread_mutex_lock(&queue->lock);
	if (queue->first < queue->last) {
		struct entry *oldest = &queue->entries[queue->first % queue->room];
		while (!oldest->done)
			pthread_cond_wait(&queue->done, &queue->lock);
		job = oldest->job;
		queue->first++;
	}
	pthread_mutex_unlock(&queue->lock);
	return job;
}

const struct job *job_queue_watch(struct job_queue *queue, uint32_t wanted, uint32_t *count)
{
	const struct job *job = NULL;

	pthread_mutex_lock(&queue->lock);
	if (queue->first < queue->last) {
		const struct entry *oldest = &queue->entries[queue->first % queue->room];
		while (!oldest->done && oldest->job->told < wanted)
			pthread_cond_wait(&queue->done, &queue->lock);
		job = oldest->job;
		*count = job->told;
	}
	pthread_mutex_unlock(&queue->lock);
	return job;
}

struct job *job_queue_take(struct job_queue *queue, bool wait)
{
	struct job *job = NULL;

	pthread_mutex_lock(&queue->lock);
	while (wait && queue->taken == queue->last && !queue->closed)
		pthread_cond_wait(&queue->given, &queue->lock);
	if (queue->taken < queue->last && !queue->closed)
		job = queue->entries[queue->taken++ % queue->room].job;
	pthread_mutex_unlock(&queue->lock);
	return job;
}

bool job_queue_closed(struct job_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	bool closed = queue->closed;
	pthread_mutex_unlock(&queue->lock);
	return closed;
}

void job_queue_grown(struct job_queue *queue, struct job *job)
{
	if (!queue->watched) /* of the queue's beginning: no lock for it */
		return;
	pthread_mutex_lock(&queue->lock);
	job->told = job->generation.step_count;
	if (queue->entries[queue->first % queue->room].job == job)
		pthread_cond_signal(&queue->done);
	pthread_mutex_unlock(&queue->lock);
}

void job_queue_done(struct job_queue *queue, struct job *job)
{
	pthread_mutex_lock(&queue->lock);
	job->told = job->generation.step_count;
	for (size_t i = queue->first; i < queue->taken; i++) {
		struct entry *entry = &queue->entries[i % queue->room];
		if (entry->job != job)
			continue;
		entry->done = true;
		if (i == queue->first)
			pthread_cond_signal(&queue->done);
		break;
	}
	pthread_mutex_unlock(&queue->lock);
}
