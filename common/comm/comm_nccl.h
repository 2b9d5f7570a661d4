/* comm_nccl.h - the one function of comm-nccl.so. */
#ifndef MEMOSCOPE_COMM_NCCL_H
#define MEMOSCOPE_COMM_NCCL_H

#include "common/comm/comm.h"

/* Collective: comm, whose ranks MPI connects, sends a GPU's memory by NCCL from here on, on the GPU
 * that cudaDeviceGetPCIBusId() calls identity; each rank has one of its own. With comm NULL it is
 * only asked whether this rank could, which is not collective, and comes first. size: sizeof *comm,
 * so that no other version's object is taken for ours. -1 with err set. Where NCCL fails later, in
 * a rank that others may wait for, that rank says so and ends all. */
int comm_nccl(size_t size, struct comm *comm, const char *identity, struct err *err)
	__attribute__((visibility("default")));
typedef int comm_nccl_entry(size_t size, struct comm *comm, const char *identity,
                            struct err *err);

#endif
