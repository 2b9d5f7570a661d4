/* Requests: the steps of the oldest one are seen as it grows, before it is done. */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/sample/request.h"
#include "tests/tap.h"

#define STEPS 500

static const uint16_t prompt[] = {0, 1, 2};
static struct vocab *vocab;

static struct request *new_job(uint64_t id)
{
	const struct record record = {.id = id, .tokens = prompt, .length = 3};
	struct err err = {0};
	struct request *request = request_new(&record, 3, 0, 3 + STEPS, false, &err);

	if (!request || request_reserve(request, &err) < 0)
		printf("Bail out! %s\n", err.text);
	return request;
}

/* What a worker does to write a token; i: which. */
static void step(struct request *request, uint32_t i)
{
	const struct candidate top = {(int)i % 3, 0.5};
	const struct sampler_step step = {
		.token = (int)i % 3, .p = i / (double)STEPS, .top = &top, .top_count = 1,
	};

	request_step(request, vocab, request->generation.length, &step);
	request->tokens[request->generation.length++] = (uint16_t)step.token;
}

static void alone(void)
{
	struct err err = {0};
	struct request_queue *queue = request_queue_new(4, true, &err);
	struct request *first = new_job(0), *second = new_job(1);
	uint32_t count = 7;

	ok(request_queue_watch(queue, 1, &count) == NULL, "in an empty queue there is nothing to see");
	request_queue_give(queue, first);
	request_queue_give(queue, second);
	ok(request_queue_watch(queue, 0, &count) == first && count == 0, "a request without steps");
	request_queue_take(queue, false);
	request_queue_take(queue, false);
	step(second, 0);
	request_queue_grown(queue, second);
	ok(request_queue_watch(queue, 0, &count) == first && count == 0, "another one's do not count");
	step(first, 0);
	ok(request_queue_watch(queue, 0, &count) == first && count == 0, "nor what is not told yet");
	request_queue_grown(queue, first);
	step(first, 1);
	ok(request_queue_watch(queue, 1, &count) == first && count == 1, "one step, told");
	request_finish(first, vocab, GENERATION_LENGTH);
	request_queue_done(queue, first);
	ok(request_queue_watch(queue, 9, &count) == first && count == 2,
	   "all steps of one that is done, were more wanted");
	ok(request_queue_collect(queue) == first, "it is collected");
	request_free(first);
	ok(request_queue_watch(queue, 1, &count) == second && count == 1,
	   "the next one, with what it had told before it was the oldest");
	request_queue_free(queue);

	queue = request_queue_new(4, false, &err);
	first = new_job(0);
	request_queue_give(queue, first);
	request_queue_take(queue, false);
	step(first, 0);
	request_queue_grown(queue, first);
	request_queue_watch(queue, 0, &count);
	is_int(count, 0, "a queue that is not watched is told nothing");
	request_queue_free(queue);
}

/* A worker that writes a step only when the one before has been seen. */
struct worker {
	struct request_queue *queue;
	sem_t seen;
};

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct request *request = request_queue_take(worker->queue, true);

	for (uint32_t i = 0; i < STEPS; i++) {
		while (sem_wait(&worker->seen) < 0)
			continue;
		step(request, i);
		if (i < STEPS - 1)
			request_queue_grown(worker->queue, request);
	}
	request_finish(request, vocab, GENERATION_LENGTH);
	request_queue_done(worker->queue, request);
	return NULL;
}

static void by_turns(void)
{
	struct err err = {0};
	struct worker worker = {.queue = request_queue_new(1, true, &err)};
	uint32_t count = 0, bad = 0;
	pthread_t thread;

	sem_init(&worker.seen, 0, 1);
	request_queue_give(worker.queue, new_job(0));
	pthread_create(&thread, NULL, work, &worker);
	for (uint32_t i = 0; i < STEPS; i++) {
		const struct request *request = request_queue_watch(worker.queue, i + 1, &count);
		bad += count != i + 1 ||
		       request->steps[i].piece.bytes != vocab_piece(vocab, (int)i % 3).bytes ||
		       request->steps[i].p != i / (double)STEPS || request->steps[i].position != 3 + i;
		sem_post(&worker.seen);
	}
	is_int(bad, 0, "each step is seen before the next one is written");
	ok(request_queue_watch(worker.queue, STEPS + 1, &count) && count == STEPS, "till it is done");
	pthread_join(thread, NULL);
	request_free(request_queue_collect(worker.queue));
	request_queue_free(worker.queue);
	sem_destroy(&worker.seen);
}

int main(void)
{
	struct err err = {0};

	alarm(60); /* who waits for what never comes shall fail */
	vocab = vocab_new("abc", 3, &err);
	alone();
	by_turns();
	vocab_free(vocab);
	return done();
}
