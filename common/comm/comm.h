/* comm.h - the processes of one run, its ranks, and what they send each other.
 *
 * All calls are made by one thread of each process. Those that are collective are made by all
 * ranks, in the same order. One process alone is a comm, too: the calls then do nothing, or copy.
 */
#ifndef MEMOSCOPE_COMM_H
#define MEMOSCOPE_COMM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

/* A stretch of memory on its way between this rank and another one. Messages between two ranks
 * arrive in the order in which they were sent: the n-th that one sends is the n-th that the other
 * receives from it, and has as many bytes there. */
struct comm_message {
	int peer; /* the other rank */
	bool receive; /* from it, or else send to it */
	bool device; /* the memory is a GPU's, whose operations on it are done; else it is the host's */
	void *memory;
	size_t bytes; /* may be 0 */
};

struct comm {
	int rank, size; /* of this process, from 0; processes */
	int local_rank, local_size; /* the same among the processes of this host */
	int host; /* the lowest rank of this host */
	char name[64]; /* of what connects the ranks: "Open MPI 4.1.4" */
	int witness; /* of this process (witness.h); -1: none */
	bool device_memory; /* messages may be of a GPU's memory */
	int devices, device_users; /* GPUs of all ranks; ranks that have one: comm_use_devices() */

	/* Begin to send and receive these; return at once. Until finish() what is sent must not change,
	 * and what is received must not be read; the array of messages may go. More calls begin more,
	 * in their order. Receives may be begun long before the sends. */
	void (*begin)(const struct comm *comm, const struct comm_message *messages, int count);
	/* Let what was begun get on, as far as it can without waiting. What connects the ranks may move
	 * nothing between the calls. With messages of a GPU's memory this is collective, as finish()
	 * is: from one such call to the next the ranks begin both ends of the same messages. */
	void (*advance)(const struct comm *comm);
	/* Collective: wait for all that was begun. Until then no other collective call is made. */
	void (*finish)(const struct comm *comm);
	/* Collective: all[size] becomes the `bytes` bytes that each rank has in mine, which may be its
	 * place in all. */
	void (*gather)(const struct comm *comm, const void *mine, void *all, size_t bytes);
	/* Collective, and the last call: the process has nothing more to send. */
	void (*close)(const struct comm *comm);
	/* End all processes now, without the others' help; the launcher's exit status is to be this. */
	void (*abort)(const struct comm *comm, int status);
};

/* A process alone. */
extern const struct comm comm_alone;

/* Collective: send and receive all of these; return when their memory may be used again. */
void comm_exchange(const struct comm *comm, const struct comm_message *messages, int count);

/* Collective: the largest of all ranks' values. */
int comm_largest(const struct comm *comm, int value);

/* Collective: if any rank has an error, all have one then. That of the lowest rank is the one to be
 * told: its text names the rank, unless all ranks say the same. On the others the text is empty:
 * they end without a word, with the same status. -1 if there is an error. */
int comm_settle(const struct comm *comm, struct err *err);

/* Collective: text becomes rank 0's, of size bytes. */
void comm_text_of_first(const struct comm *comm, char *text, size_t size);

#endif
