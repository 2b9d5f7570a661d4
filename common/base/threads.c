#include "common/base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct member {
	struct team *team;
	int worker;
	pthread_t thread;
};

struct team {
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
	struct team *team = member->team;

	for (;;) {
		pthread_barrier_wait(&team->begin);
		if (team->leaving)
			return NULL;
		team->work(member->worker, team->data);
		pthread_barrier_wait(&team->end);
	}
}

static int start(struct team *team, struct err *err)
{
	sigset_t all, before;
	int failed = 0;

	/* Signals are the main thread's to handle, which may have a stack for that: within a
	 * matrix product, a thread's own is not one (see filters/gpt-train.c). */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (int i = 1; i < team->size && !failed; i++) {
		team->members[i] = (struct member){.team = team, .worker = i};
		failed = pthread_create(&team->members[i].thread, NULL, member_main,
		                        &team->members[i]);
		if (!failed)
			team->started++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return err_set(err, "cannot start %d threads: %s", team->size, strerror(failed));
	return 0;
}

struct team *team_new(int size, struct err *err)
{
	struct team *team = calloc(1, sizeof *team);
	struct member *members = calloc((size_t)size, sizeof *members);

	if (team == NULL || members == NULL) {
		free(team);
		free(members);
		err_set(err, "out of memory");
		return NULL;
	}
	team->size = size;
	team->members = members;
	pthread_barrier_init(&team->begin, NULL, (unsigned)size);
	pthread_barrier_init(&team->middle, NULL, (unsigned)size);
	pthread_barrier_init(&team->end, NULL, (unsigned)size);
	if (start(team, err) < 0) {
		/* The threads that did start wait for a full team that never comes. */
		for (int i = 1; i <= team->started; i++) {
			pthread_cancel(team->members[i].thread);
			pthread_detach(team->members[i].thread);
		}
		return NULL;
	}
	return team;
}

void team_free(struct team *team)
{
	if (team == NULL)
		return;
	team->leaving = true;
	pthread_barrier_wait(&team->begin);
	for (int i = 1; i < team->size; i++)
		pthread_join(team->members[i].thread, NULL);
	pthread_barrier_destroy(&team->begin);
	pthread_barrier_destroy(&team->middle);
	pthread_barrier_destroy(&team->end);
	free(team->members);
	free(team);
}

int team_size(const struct team *team)
{
	return team->size;
}

void team_run(struct team *team, void (*work)(int worker, void *data), void *data)
{
	team->work = work;
	team->data = data;
	pthread_barrier_wait(&team->begin);
	work(0, data);
	pthread_barrier_wait(&team->end);
}

void team_meet(struct team *team)
{
	pthread_barrier_wait(&team->middle);
}

int team_processors(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

	return count > 0 ? count : 1;
}
