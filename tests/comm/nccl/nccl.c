/* nccl.c - what comm-nccl.so needs of NCCL and of CUDA's runtime, for processes of one machine that
 * has neither a GPU nor its driver. "GPUs" are those of tests/kernels/shim, and their memory is the
 * host's. Like NCCL, it does the messages of one group at once, and those of a group behind another
 * one when that is done; only while the program asks for the stream does anything move.
 *
 * STAND_IN_NCCL=init,R: rank R cannot begin. STAND_IN_NCCL=late,R: its third group never ends.
 */
#include <cuda_runtime_api.h>
#include <errno.h>
#include <fcntl.h>
#include <nccl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct message {
	bool receive;
	int peer, group;
	size_t bytes, moved; /* moved: of the length, which goes first, and of the bytes */
	size_t length; /* that the sender says */
	char *memory;
};

struct ncclComm {
	int rank, size;
	int *sockets; /* [size] to the other ranks */
	struct message *messages; /* [count], in the order of the calls */
	int count, group;
	bool open;
	bool failed, broken; /* because of another rank; by itself */
};

struct CUstream_st {
	struct ncclComm *comm;
};

static int device = -1; /* of this process */

/* ---- CUDA ---- */

cudaError_t cudaDeviceGetByPCIBusId(int *number, const char *identity)
{
	return sscanf(identity, "shim %d", number) == 1 ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaSetDevice(int number)
{
	device = number;
	return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
	(void)flags;
	*stream = calloc(1, sizeof **stream);
	return *stream && device >= 0 ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
	free(stream);
	return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t status)
{
	return status == cudaErrorInvalidDevice ? "no such GPU" : "it works";
}

/* ---- messages ---- */

/* Is the message done? It goes on as far as it can. */
static bool move(struct ncclComm *comm, struct message *message)
{
	const size_t head = sizeof message->length;
	const int socket = comm->sockets[message->peer];

	while (message->moved < head + message->bytes) {
		const bool in_head = message->moved < head;
		char *from = in_head ? (char *)&message->length + message->moved
		                     : message->memory + (message->moved - head);
		const size_t left = (in_head ? head : head + message->bytes) - message->moved;
		const ssize_t moved = message->receive ? recv(socket, from, left, 0)
		                                       : send(socket, from, left, MSG_NOSIGNAL);
		if (moved <= 0) {
			comm->failed |= moved == 0 || errno != EAGAIN;
			return false;
		}
		message->moved += (size_t)moved;
		comm->failed |= message->moved == head && message->length != message->bytes;
	}
	return true;
}

/* Of the first group that is not done: a message waits for those before it that go the same way. */
static void move_all(struct ncclComm *comm)
{
	const int group = comm->count > 0 ? comm->messages[0].group : 0;
	bool *blocked = calloc(2 * (size_t)comm->size, sizeof *blocked);
	int left = 0;

	for (int i = 0; i < comm->count; i++) {
		struct message *message = &comm->messages[i];
		bool *way = &blocked[2 * message->peer + message->receive];
		if (message->group == group && !*way && move(comm, message))
			continue;
		*way = true;
		comm->messages[left++] = *message;
	}
	comm->count = left;
	free(blocked);
}

static bool breaks(const char *when, int rank)
{
	const char *text = getenv("STAND_IN_NCCL");
	char mine[40];

	snprintf(mine, sizeof mine, "%s,%d", when, rank);
	return text && strcmp(text, mine) == 0;
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
	struct ncclComm *comm = stream->comm;

	if (!comm) /* nothing was ever asked of it */
		return cudaSuccess;
	if (breaks("late", comm->rank) && comm->group >= 3)
		comm->broken = true;
	else if (comm->count > 0)
		move_all(comm);
	return comm->count > 0 || comm->failed || comm->broken ? cudaErrorNotReady : cudaSuccess;
}

static ncclResult_t add(struct ncclComm *comm, cudaStream_t stream, bool receive,
                        const void *memory, size_t bytes, ncclDataType_t type, int peer)
{
	if (!comm->open || type != ncclInt8 || peer < 0 || peer >= comm->size || peer == comm->rank)
		return ncclInvalidUsage;
	stream->comm = comm;
	comm->messages = realloc(comm->messages, (size_t)(comm->count + 1) * sizeof *comm->messages);
	comm->messages[comm->count++] = (struct message){
		.receive = receive, .peer = peer, .group = comm->group, .bytes = bytes, .length = bytes,
		.memory = (char *)memory,
	};
	return ncclSuccess;
}

ncclResult_t ncclSend(const void *memory, size_t count, ncclDataType_t type, int peer,
                      ncclComm_t comm, cudaStream_t stream)
{
	return add(comm, stream, false, memory, count, type, peer);
}

ncclResult_t ncclRecv(void *memory, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream)
{
	return add(comm, stream, true, memory, count, type, peer);
}

/* ---- who talks to whom ---- */

static struct ncclComm *only; /* of this process: groups name none */

/* nccl.h leaves out that these take nothing. */
ncclResult_t ncclGroupStart(void);
ncclResult_t ncclGroupEnd(void);

ncclResult_t ncclGroupStart(void)
{
	only->open = true;
	only->group++;
	return ncclSuccess;
}

ncclResult_t ncclGroupEnd(void)
{
	only->open = false;
	return ncclSuccess;
}

ncclResult_t ncclGetVersion(int *version)
{
	*version = 22809;
	return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(id->internal, sizeof id->internal, "memoscope-nccl-%d-%ld", (int)getpid(),
	         now.tv_nsec);
	return ncclSuccess;
}

/* The place of a rank: a name without a file. */
static struct sockaddr_un place(const ncclUniqueId *id, int rank)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%.90s-%d", id->internal, rank);
	return address;
}

struct greeting {
	int rank, device;
};

/* To a rank that may not listen yet. */
static int call(const ncclUniqueId *id, int peer)
{
	const struct sockaddr_un address = place(id, peer);
	const int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	while (connect(line, (const struct sockaddr *)&address, sizeof address) < 0)
		usleep(1000);
	return line;
}

/* Lower ranks are called, higher ones call. */
static bool meet(struct ncclComm *comm, const ncclUniqueId *id)
{
	const struct sockaddr_un address = place(id, comm->rank);
	const struct greeting own = {comm->rank, device};
	const int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = bind(door, (const struct sockaddr *)&address, sizeof address) == 0 &&
	            listen(door, comm->size) == 0;

	for (int i = 0; i < comm->size && good; i++) {
		struct greeting other = {-1, -1};
		if (i == comm->rank)
			continue;
		const int line = i < comm->rank ? call(id, i) : accept(door, NULL, NULL);
		good = write(line, &own, sizeof own) == sizeof own &&
		       read(line, &other, sizeof other) == sizeof other && other.device != device;
		if (good)
			comm->sockets[other.rank] = line;
		fcntl(line, F_SETFL, O_NONBLOCK);
	}
	close(door);
	return good;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int size, ncclUniqueId id, int rank)
{
	only = calloc(1, sizeof *only);
	only->rank = rank;
	only->size = size;
	only->sockets = calloc((size_t)size, sizeof *only->sockets);
	*comm = only;
	if (breaks("init", rank))
		return ncclSystemError;
	return meet(only, &id) ? ncclSuccess : ncclInvalidUsage;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *state)
{
	*state = comm->broken ? ncclInternalError : comm->failed ? ncclRemoteError : ncclSuccess;
	return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm)
{
	for (int r = 0; r < comm->size; r++)
		if (r != comm->rank)
			close(comm->sockets[r]);
	free(comm->sockets);
	free(comm->messages);
	free(comm);
	return ncclSuccess;
}

const char *ncclGetErrorString(ncclResult_t result)
{
	return result == ncclSystemError     ? "unhandled system error"
	       : result == ncclInternalError ? "internal error"
	       : result == ncclRemoteError   ? "remote process exited or there was a network error"
	                                     : "invalid usage";
}
