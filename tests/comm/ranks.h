/* ranks.h - ranks that are threads of one process: a comm for tests, which needs no MPI. */
#ifndef MEMOSCOPE_TESTS_RANKS_H
#define MEMOSCOPE_TESTS_RANKS_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/comm/comm.h"

#define RANKS_MAX 8

struct ranks;

/* First in it the comm: a comm is known again by it. */
struct rank {
	struct comm comm;
	struct ranks *ranks;
	const struct comm_message *messages;
	const void *mine;
	int count;
	size_t received; /* bytes, in all */
};

struct ranks {
	int size;
	pthread_barrier_t barrier;
	struct rank rank[RANKS_MAX];
	void (*work)(const struct comm *comm, void *data);
	void *data;
};

static struct rank *rank_of(const struct comm *comm)
{
	return (struct rank *)comm;
}

/* The n-th message from one rank to another. A test that asks for one too many ends here. */
static const struct comm_message *sent(const struct rank *from, int to, int n)
{
	for (int i = 0; i < from->count; i++)
		if (!from->messages[i].receive && from->messages[i].peer == to && n-- == 0)
			return &from->messages[i];
	abort();
}

/* All ranks post what they send, then each takes what it is to receive. */
static void ranks_exchange(const struct comm *comm, const struct comm_message *messages, int count)
{
	struct rank *own = rank_of(comm);
	int taken[RANKS_MAX] = {0};

	own->messages = messages;
	own->count = count;
	pthread_barrier_wait(&own->ranks->barrier);
	for (int i = 0; i < count; i++) {
		const struct comm_message *message = &messages[i];
		if (!message->receive)
			continue;
		const struct comm_message *other = sent(&own->ranks->rank[message->peer], comm->rank,
		                                        taken[message->peer]++);
		if (other->bytes != message->bytes)
			abort();
		memcpy(message->memory, other->memory, message->bytes);
		own->received += message->bytes;
	}
	pthread_barrier_wait(&own->ranks->barrier);
}

static void ranks_gather(const struct comm *comm, const void *mine, void *all, size_t bytes)
{
	struct rank *own = rank_of(comm);

	own->mine = mine;
	pthread_barrier_wait(&own->ranks->barrier);
	for (int r = 0; r < comm->size; r++)
		memmove((char *)all + (size_t)r * bytes, own->ranks->rank[r].mine, bytes);
	pthread_barrier_wait(&own->ranks->barrier);
}

static void *ranks_main(void *argument)
{
	struct rank *own = argument;

	own->ranks->work(&own->comm, own->ranks->data);
	return NULL;
}

/* Run work once in each of so many ranks. */
__attribute__((unused))
static void ranks_run(struct ranks *ranks, int size, void (*work)(const struct comm *, void *),
                      void *data)
{
	pthread_t thread[RANKS_MAX];

	*ranks = (struct ranks){.size = size, .work = work, .data = data};
	pthread_barrier_init(&ranks->barrier, NULL, (unsigned)size);
	for (int r = 0; r < size; r++)
		ranks->rank[r] = (struct rank){
			.comm = {
				.rank = r, .size = size, .local_rank = r, .local_size = size,
				.exchange = ranks_exchange, .gather = ranks_gather,
			},
			.ranks = ranks,
		};
	for (int r = 0; r < size; r++)
		pthread_create(&thread[r], NULL, ranks_main, &ranks->rank[r]);
	for (int r = 0; r < size; r++)
		pthread_join(thread[r], NULL);
	pthread_barrier_destroy(&ranks->barrier);
}

#endif
