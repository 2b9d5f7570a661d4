/* team.c - every worker once a run, and nobody past a meeting that others have
 * not come to. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include "common/base/threads.h"
#include "common/sample/engine.h"
#include "tests/tap.h"

#define WORKERS 7
#define ROUNDS 200

struct scene {
	struct team *team;
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
	const int size = team_size(scene->team);

	for (int round = 1; round <= ROUNDS; round++) {
		if ((worker + round) % 3 == 0)
			sched_yield();
		atomic_fetch_add(&scene->arrived, 1);
		team_meet(scene->team);
		if (atomic_load(&scene->arrived) < round * size)
			atomic_fetch_add(&scene->early, 1);
		team_meet(scene->team); /* nobody arrives for the next round before all have looked */
	}
}

static void test_team(int size)
{
	struct err err = {0};
	struct scene scene = {.caller = pthread_self()};
	bool each = true, blocked = true;

	scene.team = team_new(size, &err);
	if (!ok(scene.team != NULL, "a team of %d", size))
		return;
	is_int(team_size(scene.team), size, "its size");
	for (int run = 0; run < ROUNDS; run++)
		team_run(scene.team, note, &scene);
	for (int i = 0; i < WORKERS; i++)
		each &= scene.calls[i] == (i < size ? ROUNDS : 0);
	ok(each, "every worker runs once a run");
	ok(scene.called_by_caller, "worker 0 is the caller");
	for (int i = 1; i < size; i++)
		blocked &= scene.blocked[i];
	ok(blocked && !scene.blocked[0], "signals come to the caller only");
	team_run(scene.team, meet, &scene);
	is_int(atomic_load(&scene.arrived), (long long)size * ROUNDS, "all come to every meeting");
	is_int(atomic_load(&scene.early), 0, "nobody leaves a meeting early");
	team_free(scene.team);
}

static void test_processors(void)
{
	cpu_set_t before, one;
	int first = 0;

	sched_getaffinity(0, sizeof before, &before);
	is_int(team_processors(), CPU_COUNT(&before), "as many processors as may be used");
	while (!CPU_ISSET(first, &before))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	sched_setaffinity(0, sizeof one, &one);
	is_int(team_processors(), 1, "one, where the process is bound to it");
	const struct kernels many = {.single = false}, single = {.single = true};
	is_int(generator_threads(&many, 0), 1, "so many write and score texts");
	is_int(generator_threads(&many, 3), 3, "unless others are asked for");
	is_int(generator_threads(&single, 3), 1, "of which a single device has work for one");
	sched_setaffinity(0, sizeof before, &before);
}

int main(void)
{
	test_team(1);
	test_team(2);
	test_team(3);
	test_team(WORKERS);
	test_processors();
	team_free(NULL);
	return done();
}
