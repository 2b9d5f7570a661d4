/* comm_nccl.c - GPUs that NCCL connects: comm-nccl.so, which devices.c opens.
 *
 * Written against NCCL 2.7 (NVIDIA, 2020), the first with ncclSend() and ncclRecv(). What is begun
 * from one advance() to the next is one group: a receive in a group of its own would hold up all
 * sends behind it, and two ranks would wait for each other. Messages of the host's memory go on by
 * MPI.
 */
#include <cuda_runtime_api.h>
#include <errno.h>
#include <nccl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/comm/comm_nccl.h"

/* Seconds that a rank waits before it says that another one has failed: that one says more, and
 * ends all, for which Open MPI takes a second. */
#define REMOTE 5

static struct comm mpi; /* what the host's memory goes by */
static ncclComm_t nccl;
static cudaStream_t stream; /* of the rank's GPU */

/* What was begun and is not launched. */
static struct comm_message *begun; /* [room] */
static int count, room;

/* Others may wait for this rank: all end, and this line is what is known. */
static _Noreturn void fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: rank %d: NCCL failed: %s: %s; NCCL_DEBUG=WARN has it say more\n",
	        program_invocation_short_name, mpi.rank, what, why);
	exit(ERR_DATA);
}

static void need(ncclResult_t result, const char *what)
{
	if (result != ncclSuccess)
		fail(what, ncclGetErrorString(result));
}

/* ---- messages ---- */

static void keep(const struct comm_message *message)
{
	if (count == room) {
		room = 2 * room + 64;
		begun = realloc(begun, (size_t)room * sizeof *begun);
		if (!begun)
			fail("messages", "out of memory");
	}
	begun[count++] = *message;
}

static void begin(const struct comm *comm, const struct comm_message *messages, int more)
{
	for (int i = 0, host = 0; i < more; i += host, host = 0) {
		while (i + host < more && !messages[i + host].device)
			host++;
		if (host > 0)
			mpi.begin(comm, messages + i, host);
		else
			keep(&messages[i++]);
	}
}

/* The stream has done all; or NCCL says that it never will. */
static void wait_for_stream(void)
{
	cudaError_t status;
	ncclResult_t state = ncclSuccess;

	while ((status = cudaStreamQuery(stream)) == cudaErrorNotReady) {
		need(ncclCommGetAsyncError(nccl, &state), "its state");
		for (unsigned left = REMOTE; state == ncclRemoteError && left > 0; )
			left = sleep(left); /* signals wake it */
		need(state, "a message");
		sched_yield();
	}
	if (status != cudaSuccess)
		fail("the GPU", cudaGetErrorString(status));
}

/* What was begun, as one group. */
static void launch(void)
{
	if (count == 0)
		return;
	need(ncclGroupStart(), "ncclGroupStart");
	for (int i = 0; i < count; i++) {
		const struct comm_message *message = &begun[i];
		if (message->receive)
			need(ncclRecv(message->memory, message->bytes, ncclInt8, message->peer, nccl, stream),
			     "ncclRecv");
		else
			need(ncclSend(message->memory, message->bytes, ncclInt8, message->peer, nccl, stream),
			     "ncclSend");
	}
	need(ncclGroupEnd(), "ncclGroupEnd");
	count = 0;
}

static void advance(const struct comm *comm)
{
	launch();
	mpi.advance(comm);
}

static void finish(const struct comm *comm)
{
	launch();
	wait_for_stream();
	mpi.finish(comm);
}

static void leave(const struct comm *comm)
{
	need(ncclCommDestroy(nccl), "ncclCommDestroy");
	cudaStreamDestroy(stream);
	free(begun);
	mpi.close(comm);
}

/* ---- the beginning ---- */

static int choose(const char *identity, struct err *err)
{
	int device = 0;
	cudaError_t status = cudaDeviceGetByPCIBusId(&device, identity);

	if (status == cudaSuccess)
		status = cudaSetDevice(device);
	if (status == cudaSuccess)
		status = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
	if (status == cudaSuccess)
		return 0;
	return err_set(err, "--comm nccl: GPU %s cannot be used: %s", identity,
	               cudaGetErrorString(status));
}

/* "2.28.9"; before 2.9 the number had four digits */
static void add_version(char *name, size_t size)
{
	int version = 0;
	const size_t used = strlen(name);

	need(ncclGetVersion(&version), "ncclGetVersion");
	const int major = version >= 10000 ? 10000 : 1000;
	snprintf(name + used, size - used, " and NCCL %d.%d.%d", version / major,
	         version % major / 100, version % 100);
}

/* Rank 0 makes the name by which the ranks find each other. */
static void join(struct comm *comm)
{
	ncclUniqueId *ids = calloc((size_t)comm->size, sizeof *ids);

	if (!ids)
		fail("its name", "out of memory");
	if (comm->rank == 0)
		need(ncclGetUniqueId(&ids[0]), "ncclGetUniqueId");
	const ncclUniqueId own = ids[comm->rank];
	comm->gather(comm, &own, ids, sizeof own);
	need(ncclCommInitRank(&nccl, comm->size, ids[0], comm->rank), "ncclCommInitRank");
	free(ids);
}

int comm_nccl(size_t size, struct comm *comm, const char *identity, struct err *err)
{
	if (size != sizeof *comm)
		return err_usage(err, "comm-nccl.so is of another version of memoscope");
	if (!comm)
		return choose(identity, err);
	mpi = *comm;
	join(comm);
	add_version(comm->name, sizeof comm->name);
	comm->device_memory = true;
	comm->begin = begin;
	comm->advance = advance;
	comm->finish = finish;
	comm->close = leave;
	return 0;
}
