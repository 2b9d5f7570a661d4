/* ranks.h - ranks that are threads of one process: a comm for tests, which needs no MPI. */
#ifndef MEMOSCOPE_TESTS_RANKS_H
#define MEMOSCOPE_TESTS_RANKS_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/comm/comm.h"

#define RANKS_MAX 8

/* A message on its way. What arrives is a copy, made when the message is begun, as a network may be
 * fast. Another network reads the memory late, so this must not change meanwhile. */
struct parcel {
	struct parcel *next; /* from the same rank to the same rank */
	const void *memory; /* of the sender */
	size_t bytes;
	char copy[];
};

struct ranks;

/* First in it the comm: a comm is known again by it. */
struct rank {
	struct comm comm;
	struct ranks *ranks;
	struct comm_message *receives; /* [count], owned: begun, and not arrived */
	int count;
	int unread; /* sends that were begun, and have not arrived */
	const void *mine;
	size_t received; /* bytes, in all */
};

struct ranks {
	int size;
	pthread_barrier_t barrier;
	pthread_mutex_t mutex; /* of rank.unread, and: */
	struct parcel *first[RANKS_MAX][RANKS_MAX]; /* from, to */
	pthread_cond_t news; /* of these */
	struct rank rank[RANKS_MAX];
	void (*work)(const struct comm *comm, void *data);
	void *data;
};

static struct rank *rank_of(const struct comm *comm)
{
	return (struct rank *)comm;
}

static void ranks_send(struct rank *own, const struct comm_message *message)
{
	struct parcel *parcel = malloc(sizeof *parcel + message->bytes);
	struct parcel **end = &own->ranks->first[own->comm.rank][message->peer];

	*parcel = (struct parcel){.memory = message->memory, .bytes = message->bytes};
	memcpy(parcel->copy, message->memory, message->bytes);
	while (*end)
		end = &(*end)->next;
	*end = parcel;
	own->unread++;
}

static void ranks_begin(const struct comm *comm, const struct comm_message *messages, int count)
{
	struct rank *own = rank_of(comm);

	own->receives = realloc(own->receives, (size_t)(own->count + count) * sizeof *messages + 1);
	pthread_mutex_lock(&own->ranks->mutex);
	for (int i = 0; i < count; i++) {
		if (messages[i].receive)
			own->receives[own->count++] = messages[i];
		else
			ranks_send(own, &messages[i]);
	}
	pthread_cond_broadcast(&own->ranks->news);
	pthread_mutex_unlock(&own->ranks->mutex);
	for (int i = 0; i < count; i++) /* numbers that are none, for who reads them too early */
		if (messages[i].receive)
			memset(messages[i].memory, 0xff, messages[i].bytes);
}

/* What has arrived of what was begun, under the mutex. The wrong number of bytes, or memory that
 * was written to, ends the test. */
static void ranks_take(struct rank *own)
{
	struct ranks *ranks = own->ranks;
	int left = 0;

	for (int i = 0; i < own->count; i++) {
		const struct comm_message *message = &own->receives[i];
		struct parcel **first = &ranks->first[message->peer][own->comm.rank];
		struct parcel *parcel = *first;
		if (!parcel) {
			own->receives[left++] = *message;
			continue;
		}
		if (parcel->bytes != message->bytes ||
		    memcmp(parcel->memory, parcel->copy, parcel->bytes) != 0)
			abort();
		memcpy(message->memory, parcel->copy, parcel->bytes);
		own->received += parcel->bytes;
		ranks->rank[message->peer].unread--;
		*first = parcel->next;
		free(parcel);
	}
	if (left < own->count)
		pthread_cond_broadcast(&ranks->news);
	own->count = left;
}

static void ranks_advance(const struct comm *comm)
{
	struct rank *own = rank_of(comm);

	pthread_mutex_lock(&own->ranks->mutex);
	ranks_take(own);
	pthread_mutex_unlock(&own->ranks->mutex);
}

static void ranks_finish(const struct comm *comm)
{
	struct rank *own = rank_of(comm);

	pthread_mutex_lock(&own->ranks->mutex);
	for (ranks_take(own); own->count > 0 || own->unread > 0; ranks_take(own))
		pthread_cond_wait(&own->ranks->news, &own->ranks->mutex);
	pthread_mutex_unlock(&own->ranks->mutex);
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
	pthread_mutex_init(&ranks->mutex, NULL);
	pthread_cond_init(&ranks->news, NULL);
	for (int r = 0; r < size; r++)
		ranks->rank[r] = (struct rank){
			.comm = {
				.rank = r, .size = size, .local_rank = r, .local_size = size,
				.begin = ranks_begin, .advance = ranks_advance, .finish = ranks_finish,
				.gather = ranks_gather,
			},
			.ranks = ranks,
		};
	for (int r = 0; r < size; r++)
		pthread_create(&thread[r], NULL, ranks_main, &ranks->rank[r]);
	for (int r = 0; r < size; r++) {
		pthread_join(thread[r], NULL);
		free(ranks->rank[r].receives);
	}
	pthread_cond_destroy(&ranks->news);
	pthread_mutex_destroy(&ranks->mutex);
	pthread_barrier_destroy(&ranks->barrier);
}

#endif
