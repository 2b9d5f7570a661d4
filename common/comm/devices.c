#include "common/comm/devices.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/object.h"
#include "common/comm/comm_nccl.h"

/* ---- who has which ---- */

struct place {
	int host;
	char identity[64]; /* "": none */
};

static void count_devices(struct comm *comm, const struct place *places)
{
	comm->devices = comm->device_users = 0;
	for (int r = 0; r < comm->size; r++) {
		int first = 0; /* that has this one */
		while (places[first].host != places[r].host ||
		       strcmp(places[first].identity, places[r].identity) != 0)
			first++;
		if (*places[r].identity) {
			comm->devices += first == r;
			comm->device_users++;
		}
	}
}

static void find_devices(struct comm *comm, const char *identity)
{
	struct place own = {.host = comm->host};
	struct place *places = calloc((size_t)comm->size, sizeof *places);

	if (!places)
		comm->abort(comm, ERR_DATA);
	snprintf(own.identity, sizeof own.identity, "%s", identity);
	comm->gather(comm, &own, places, sizeof own);
	count_devices(comm, places);
	free(places);
}

/* ---- NCCL ---- */

static void nccl_path(char path[PATH_MAX])
{
	object_path("MEMOSCOPE_NCCL", "comm-nccl.so", path);
}

int comm_nccl_find(struct err *err)
{
	char path[PATH_MAX];

	nccl_path(path);
	if (access(path, R_OK) == 0)
		return 0;
	return err_usage(err, "there is no %s, so GPUs cannot be joined by NCCL: this memoscope was "
	                 "built without it; --comm mpi does without", path);
}

/* This rank's part: the object, whose NCCL may not be there, and the GPU. */
static comm_nccl_entry *open_nccl(const char *identity, struct err *err)
{
	char path[PATH_MAX];

	nccl_path(path);
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	comm_nccl_entry *entry = object ? (comm_nccl_entry *)dlsym(object, "comm_nccl") : NULL;
	if (!entry)
		err_usage(err, "%s cannot be used: %s", path, dlerror());
	else if (entry(sizeof(struct comm), NULL, identity, err) < 0)
		entry = NULL;
	return entry;
}

static int use_nccl(struct comm *comm, const char *identity, struct err *err)
{
	const int without = comm->size - comm->device_users;
	comm_nccl_entry *entry = NULL;

	if (without > 0)
		err_usage(err, "--comm nccl: NCCL joins GPUs, but %d of %d processes compute%s on the "
		          "CPU; --device cuda takes a GPU, --comm mpi does without", without, comm->size,
		          without == 1 ? "s" : "");
	else if (comm->devices < comm->size)
		err_usage(err, "--comm nccl: %d processes share %d GPU%s, expected one for each: start "
		          "fewer of them, or take --comm mpi", comm->size, comm->devices,
		          comm->devices == 1 ? "" : "s");
	else
		entry = open_nccl(identity, err);
	if (comm_settle(comm, err) < 0)
		return -1;
	entry(sizeof *comm, comm, identity, err);
	return comm_settle(comm, err);
}

int comm_use_devices(struct comm *comm, enum comm_kind kind, const char *identity,
                     struct err *err)
{
	find_devices(comm, identity);
	return kind == COMM_NCCL && comm->size > 1 ? use_nccl(comm, identity, err) : 0;
}
