/* comm_mpi.c - ranks that MPI connects: comm-mpi.so, which launcher.c opens.
 *
 * Written against MPI 3.1 (Message Passing Interface Forum, 2015). An error of MPI's ends all
 * processes, with MPI's message: that is what its communicators do if nobody says otherwise.
 */
#include <dlfcn.h>
#include <limits.h>
#include <mpi.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "common/comm/comm_mpi.h"

#define PART ((size_t)1 << 30) /* bytes of one message: MPI counts in int */

static MPI_Comm world; /* ours alone, so that nobody else's messages are taken for ours */

/* What was begun and is not finished. */
static MPI_Request *requests; /* [room] */
static MPI_Status *statuses; /* [room] */
static int begun, room;

/* Let others have the processor while this one waits: there may be fewer of them than processes. */
static void wait_for(MPI_Request *request)
{
	MPI_Status status;
	int done = 0;

	while (MPI_Test(request, &done, &status) == MPI_SUCCESS && !done)
		sched_yield();
}

static int parts(size_t bytes)
{
	return (int)((bytes + PART - 1) / PART);
}

static void make_room(const struct comm *comm, int count)
{
	if (count <= room)
		return;
	room = 2 * count;
	requests = realloc(requests, (size_t)room * sizeof *requests);
	statuses = realloc(statuses, (size_t)room * sizeof *statuses);
	if (!requests || !statuses)
		comm->abort(comm, ERR_DATA);
}

static void begin(const struct comm *comm, const struct comm_message *messages, int count)
{
	int total = begun;

	for (int i = 0; i < count; i++)
		total += parts(messages[i].bytes);
	make_room(comm, total);
	/* Receives first: then fewer messages arrive that have no place yet. */
	for (int receive = 1; receive >= 0; receive--)
		for (int i = 0; i < count; i++) {
			const struct comm_message *message = &messages[i];
			for (size_t at = 0; at < message->bytes && message->receive == receive; at += PART) {
				const size_t left = message->bytes - at;
				const int bytes = (int)(left < PART ? left : PART);
				char *memory = (char *)message->memory + at;
				if (receive)
					MPI_Irecv(memory, bytes, MPI_BYTE, message->peer, 0, world, &requests[begun++]);
				else
					MPI_Isend(memory, bytes, MPI_BYTE, message->peer, 0, world, &requests[begun++]);
			}
		}
}

/* One look at what was begun, in which MPI moves what it can: is nothing left? */
static bool look(void)
{
	int done = 1;

	if (begun > 0 && MPI_Testall(begun, requests, &done, statuses) == MPI_SUCCESS && done)
		begun = 0;
	return done;
}

static void advance(const struct comm *comm)
{
	(void)comm;
	look();
}

static void finish(const struct comm *comm)
{
	(void)comm;
	while (!look())
		sched_yield();
}

static void gather(const struct comm *comm, const void *mine, void *all, size_t bytes)
{
	const bool placed = mine == (char *)all + (size_t)comm->rank * bytes;
	MPI_Request request;

	MPI_Iallgather(placed ? MPI_IN_PLACE : mine, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE,
	               world, &request);
	wait_for(&request);
}

static void leave(const struct comm *comm)
{
	(void)comm;
	free(requests);
	free(statuses);
	MPI_Finalize();
}

static void end_all(const struct comm *comm, int status)
{
	(void)comm;
	MPI_Abort(MPI_COMM_WORLD, status);
}

/* "Open MPI v4.1.4", or "MPICH 4.0.2", which calls itself "MPICH Version: 4.0.2". */
static void read_name(char *name, size_t size)
{
	char text[MPI_MAX_LIBRARY_VERSION_STRING];
	size_t used = 0;
	static const char word[] = "Version:";
	char *version;
	int length;

	MPI_Get_library_version(text, &length);
	if ((version = strstr(text, word)))
		memset(version, ' ', sizeof word - 1);
	for (const char *c = text; *c && *c != ',' && *c != '\n' && used < size - 1; c++) {
		const bool blank = *c == ' ' || *c == '\t';
		if (!blank || (used > 0 && name[used - 1] != ' '))
			name[used++] = blank ? ' ' : *c;
	}
	name[used] = '\0';
}

/* The processes of this host. */
static void find_neighbours(struct comm *comm)
{
	MPI_Comm host;

	MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, comm->rank, MPI_INFO_NULL, &host);
	MPI_Comm_rank(host, &comm->local_rank);
	MPI_Comm_size(host, &comm->local_size);
	comm->host = comm->rank;
	MPI_Bcast(&comm->host, 1, MPI_INT, 0, host);
	MPI_Comm_free(&host);
}

/* Whether this MPI can read and write a GPU's memory, as far as it says. The function is an
 * extension of Open MPI's, which MPICH has, too. */
static bool takes_device_memory(void)
{
	int (*query)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "MPIX_Query_cuda_support");

	return query && query();
}

int comm_mpi(size_t size, struct comm *comm)
{
	int level;

	if (size != sizeof *comm)
		return -1;
	*comm = (struct comm){
		.begin = begin, .advance = advance, .finish = finish, .gather = gather,
		.close = leave, .abort = end_all,
	};
	MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
	MPI_Comm_dup(MPI_COMM_WORLD, &world);
	MPI_Comm_rank(world, &comm->rank);
	MPI_Comm_size(world, &comm->size);
	read_name(comm->name, sizeof comm->name);
	find_neighbours(comm);
	comm->device_memory = takes_device_memory();
	return 0;
}
