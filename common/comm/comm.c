#include "common/comm/comm.h"

#include <stdlib.h>
#include <string.h>

/* ---- a process alone ---- */

static void begin(const struct comm *comm, const struct comm_message *messages, int count)
{
	(void)comm, (void)messages, (void)count;
}

static void nothing(const struct comm *comm)
{
	(void)comm;
}

static void gather(const struct comm *comm, const void *mine, void *all, size_t bytes)
{
	(void)comm;
	if (all != mine)
		memcpy(all, mine, bytes);
}

static void end(const struct comm *comm, int status)
{
	(void)comm, (void)status;
}

const struct comm comm_alone = {
	.size = 1,
	.local_size = 1,
	.name = "one process",
	.witness = -1,
	.begin = begin,
	.advance = nothing,
	.finish = nothing,
	.gather = gather,
	.close = nothing,
	.abort = end,
};

void comm_exchange(const struct comm *comm, const struct comm_message *messages, int count)
{
	comm->begin(comm, messages, count);
	comm->finish(comm);
}

/* ---- what ranks agree on ---- */

/* Memory for one of these for each rank. The others wait, so there is no going on without. */
static void *room(const struct comm *comm, size_t size)
{
	void *memory = calloc((size_t)comm->size, size);

	if (!memory)
		comm->abort(comm, ERR_DATA);
	return memory;
}

int comm_largest(const struct comm *comm, int value)
{
	int *all = room(comm, sizeof *all);
	int largest = value;

	comm->gather(comm, &value, all, sizeof value);
	for (int r = 0; r < comm->size; r++)
		if (all[r] > largest)
			largest = all[r];
	free(all);
	return largest;
}

/* Memory of one rank becomes that of all. */
static void spread(const struct comm *comm, int from, void *memory, size_t bytes)
{
	struct comm_message *messages = room(comm, sizeof *messages);
	int count = 0;

	if (comm->rank != from)
		messages[count++] = (struct comm_message){
			.peer = from, .receive = true, .memory = memory, .bytes = bytes,
		};
	for (int r = 0; r < comm->size && comm->rank == from; r++)
		if (r != from)
			messages[count++] = (struct comm_message){
				.peer = r, .memory = memory, .bytes = bytes,
			};
	comm_exchange(comm, messages, count);
	free(messages);
}

void comm_text_of_first(const struct comm *comm, char *text, size_t size)
{
	spread(comm, 0, text, size);
}

int comm_settle(const struct comm *comm, struct err *err)
{
	/* the lowest rank that has an error makes the largest number */
	const int mine = err->status == ERR_NONE ? 0 : comm->size - comm->rank;
	const int largest = comm_largest(comm, mine);
	struct err first = *err;

	if (largest == 0)
		return 0;
	const int rank = comm->size - largest;
	spread(comm, rank, &first, sizeof first);
	const bool same = err->status == first.status && strcmp(err->text, first.text) == 0;
	const bool alike = -comm_largest(comm, -(int)same);
	*err = (struct err){.status = first.status};
	if (comm->rank != rank)
		return -1;
	err->status = ERR_NONE;
	if (alike)
		*err = first;
	else if (first.status == ERR_USAGE)
		err_usage(err, "rank %d: %s", rank, first.text);
	else
		err_set(err, "rank %d: %s", rank, first.text);
	return -1;
}
