/* threads.c - each worker runs a function once, and none passes a barrier before all have come. */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include "common/base/cgroup.h"
#include "common/base/threads.h"
#include "tests/tap.h"

#define WORKERS 7
#define ROUNDS 200

struct scene {
	struct threads *threads;
	pthread_t caller;
	int calls[WORKERS]; /* each worker's own: no two may write one */
	bool called_by_caller, blocked[WORKERS];
	atomic_int arrived, early; /* at the meetings; who saw fewer than all behind one */
};

static void note(int worker, void *data)
{
	struct scene *scene = data;
	sigset_t mask;

	scene->calls[worker]++;
	if (worker == 0)
		scene->called_by_caller = pthread_equal(pthread_self(), scene->caller);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	scene->blocked[worker] = sigismember(&mask, SIGINT) && sigismember(&mask, SIGTERM);
}

static void meet(int worker, void *data)
{
	struct scene *scene = data;
	const int size = threads_count(scene->threads);

	for (int round = 1; round <= ROUNDS; round++) {
		if ((worker + round) % 3 == 0)
			sched_yield();
		atomic_fetch_add(&scene->arrived, 1);
		threads_barrier(scene->threads);
		if (atomic_load(&scene->arrived) < round * size)
			atomic_fetch_add(&scene->early, 1);
		threads_barrier(scene->threads); /* all look before one arrives for the next round */
	}
}

static void test_threads(int size)
{
	struct err err = {0};
	struct scene scene = {.caller = pthread_self()};
	bool each = true, blocked = true;

	scene.threads = threads_new(size, &err);
	if (!ok(scene.threads != NULL, "%d threads", size))
		return;
	is_int(threads_count(scene.threads), size, "its size");
	for (int run = 0; run < ROUNDS; run++)
		threads_run(scene.threads, note, &scene);
	for (int i = 0; i < WORKERS; i++)
		each &= scene.calls[i] == (i < size ? ROUNDS : 0);
	ok(each, "every worker runs once a run");
	ok(scene.called_by_caller, "worker 0 is the caller");
	for (int i = 1; i < size; i++)
		blocked &= scene.blocked[i];
	ok(blocked && !scene.blocked[0], "signals come to the caller only");
	threads_run(scene.threads, meet, &scene);
	is_int(atomic_load(&scene.arrived), (long long)size * ROUNDS, "all come to every meeting");
	is_int(atomic_load(&scene.early), 0, "nobody leaves a meeting early");
	threads_free(scene.threads);
}

static void test_processors(void)
{
	cpu_set_t before, one;
	int first = 0;

	sched_getaffinity(0, sizeof before, &before);
	const double limit = fmax(1, cgroup_processors("/proc/self/cgroup", "/sys/fs/cgroup"));
	is_int(threads_processors(), (int)fmin(limit, CPU_COUNT(&before)),
	       "as many processors as may be used");
	while (!CPU_ISSET(first, &before))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	sched_setaffinity(0, sizeof one, &one);
	is_int(threads_processors(), 1, "one, if the process is bound to it");
	sched_setaffinity(0, sizeof before, &before);
}

int main(void)
{
	test_threads(1);
	test_threads(2);
	test_threads(3);
	test_threads(WORKERS);
	test_processors();
	threads_free(NULL);
	return done();
}
