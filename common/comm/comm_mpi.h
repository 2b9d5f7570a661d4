/* comm_mpi.h - the one function of comm-mpi.so. */
#ifndef MEMOSCOPE_COMM_MPI_H
#define MEMOSCOPE_COMM_MPI_H

#include "common/comm/comm.h"

/* Start MPI; *comm becomes this process's. size: sizeof *comm, so that no other version's object is
 * taken for ours: -1, and nothing is done. */
int comm_mpi(size_t size, struct comm *comm) __attribute__((visibility("default")));
typedef int comm_entry(size_t size, struct comm *comm);

#endif
