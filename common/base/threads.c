#include "common/base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cgroup.h"

struct member {
	struct threads *threads;
	int worker;
	pthread_t thread;
};

struct threads {
	int size, started; /* workers; threads that run beside the caller's */
	struct member *members;
	pthread_barrier_t begin, end, middle;
	void (*work)(int worker, void *data);
	void *data;
	bool leaving;
};

static void *member_main(void *argument)
{
	const struct member *member = argument;
	struct threads *threads = member->threads;

	for (;;) {
		pthread_barrier_wait(&threads->begin);
		if (threads->leaving)
			return NULL;
		threads->work(member->worker, threads->data);
		pthread_barrier_wait(&threads->end);
	}
}

static int start(struct threads *threads, struct err *err)
{
	sigset_t all, before;
	int failed = 0;

	/* Signals are the main thread's to handle, which may have a stack for that: within a
	 * matrix product, a thread's own is not one (see filters/gpt-train.c). */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (int i = 1; i < threads->size && !failed; i++) {
		threads->members[i] = (struct member){.threads = threads, .worker = i};
		failed = pthread_create(&threads->members[i].thread, NULL, member_main,
		                        &threads->members[i]);
		if (!failed)
			threads->started++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return err_set(err, "cannot start %d threads: %s", threads->size, strerror(failed));
	return 0;
}

struct threads *threads_new(int size, struct err *err)
{
	struct threads *threads = calloc(1, sizeof *threads);
	struct member *members = calloc((size_t)size, sizeof *members);

	if (!threads || !members) {
		free(threads);
		free(members);
		err_set(err, "out of memory");
		return NULL;
	}
	threads->size = size;
	threads->members = members;
	pthread_barrier_init(&threads->begin, NULL, (unsigned)size);
	pthread_barrier_init(&threads->middle, NULL, (unsigned)size);
	pthread_barrier_init(&threads->end, NULL, (unsigned)size);
	if (start(threads, err) < 0) {
		/* The threads that did start wait at a barrier that not all reach. */
		for (int i = 1; i <= threads->started; i++) {
			pthread_cancel(threads->members[i].thread);
			pthread_detach(threads->members[i].thread);
		}
		return NULL;
	}
	return threads;
}

void threads_free(struct threads *threads)
{
	if (!threads)
		return;
	threads->leaving = true;
	pthread_barrier_wait(&threads->begin);
	for (int i = 1; i < threads->size; i++)
		pthread_join(threads->members[i].thread, NULL);
	pthread_barrier_destroy(&threads->begin);
	pthread_barrier_destroy(&threads->middle);
	pthread_barrier_destroy(&threads->end);
	free(threads->members);
	free(threads);
}

int threads_count(const struct threads *threads)
{
	return threads->size;
}

void threads_run(struct threads *threads, void (*work)(int worker, void *data), void *data)
{
	threads->work = work;
	threads->data = data;
	pthread_barrier_wait(&threads->begin);
	work(0, data);
	pthread_barrier_wait(&threads->end);
}

void threads_barrier(struct threads *threads)
{
	pthread_barrier_wait(&threads->middle);
}

int threads_processors(void)
{
	cpu_set_t set;
	const int bound = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
	const double limit = cgroup_processors("/proc/self/cgroup", "/sys/fs/cgroup");
	const int count = limit < bound ? (int)limit : bound;

	/* A thread that must wait for its share holds up all others at the next barrier. */
	return count > 0 ? count : 1;
}
