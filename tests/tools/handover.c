/* handover.c - under a launcher of two processes: one hands memory to the other, and gets it back,
 * while neither ever waits for it. Prints "whole".
 *
 * To see it arrive, this reads memory that is being received, which nobody else may.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/comm/launcher.h"

#define SECONDS 5 /* then what connects the ranks does not move by itself */

/* Until memory is filled with that. */
static void await(const struct comm *comm, const char *memory, int filler, size_t bytes)
{
	char *want = malloc(bytes);

	memset(want, filler, bytes);
	do {
		comm->advance(comm);
		sched_yield();
		__asm__ volatile("" ::: "memory"); /* it is not this program that writes there */
	} while (memcmp(memory, want, bytes) != 0);
	free(want);
}

static void hand_over(const struct comm *comm, size_t bytes)
{
	char *in = calloc(bytes, 1), *out = malloc(bytes);
	const struct comm_message receive = {
		.peer = 1 - comm->rank, .receive = true, .memory = in, .bytes = bytes,
	};
	const struct comm_message send = {.peer = 1 - comm->rank, .memory = out, .bytes = bytes};

	if (!in || !out)
		die("out of memory");
	memset(out, comm->rank == 0 ? 'a' : 'b', bytes);
	comm->begin(comm, &receive, 1);
	if (comm->rank == 0)
		comm->begin(comm, &send, 1);
	await(comm, in, comm->rank == 0 ? 'b' : 'a', bytes);
	if (comm->rank == 1)
		comm->begin(comm, &send, 1);
	comm->finish(comm);
	free(out);
	free(in);
}

int main(void)
{
	static struct comm comm; /* the end of the program looks at it */

	comm_join(COMM_MPI, &comm);
	if (comm.size != 2)
		die_usage("%d processes, expected 2", comm.size);
	alarm(SECONDS);
	hand_over(&comm, 1);
	hand_over(&comm, 100);
	hand_over(&comm, (size_t)8 << 20);
	if (comm.rank == 0)
		puts("whole");
	comm_leave(&comm);
	return 0;
}
