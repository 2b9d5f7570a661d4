/* launcher.h - what started this process: mpirun, srun, a shell; and how its ranks are joined. */
#ifndef MEMOSCOPE_LAUNCHER_H
#define MEMOSCOPE_LAUNCHER_H

#include "common/base/err.h"
#include "common/base/options.h"
#include "common/comm/comm.h"

/* How the processes of a run are connected. */
enum comm_kind {
	COMM_AUTO, /* by MPI, if a launcher says that there are several */
	COMM_MPI,
	COMM_NCCL, /* by MPI, and GPUs by NCCL: comm_use_devices() */
	COMM_NONE, /* each process is alone */
};

/* The row of an option table that sets it. */
#define COMM_OPTION(kind) \
	{.name = "comm", .type = OPTION_WORD, .value = &(kind), .argument = "auto|mpi|nccl|none", \
	 .text = "what joins several processes (default auto: MPI, if a launcher started several)"}

/* What a launcher says in the environment of its processes. */
struct launcher {
	const char *variable; /* that says how many there are; NULL: no launcher */
	int size, rank; /* processes of the run, and which one this is; 1 and 0 without a launcher */
};

/* The first launcher that started more than one process. */
struct launcher launcher_find(void);

/* Collective: *comm becomes that of this process, to comm->close(). A process alone never loads
 * MPI. The object is that which $MEMOSCOPE_MPI names; or comm-mpi.so, beside the program or in
 * ../lib/memoscope from there. $MEMOSCOPE_MPI_DEVICE_MEMORY, 0 or 1, says whether this MPI takes a
 * GPU's memory; by default MPI is asked. -1 with err set, of status ERR_USAGE if there is no such
 * object, or if it is of another MPI than the launcher. */
int comm_open(enum comm_kind kind, struct comm *comm, struct err *err);

/* For filters only, collective: comm_open(), which ends the program with status 2 if it fails. From
 * then on, if the program ends in the middle of its work, all processes end: the others would wait
 * for it. comm must live as long as the process. */
void comm_join(enum comm_kind kind, struct comm *comm);

/* For filters only, collective: the work is done, and the process is alone now. A launcher would
 * take an end without this for a crash. */
void comm_leave(struct comm *comm);

/* For filters only, collective: end the program with an error of comm_settle(), which one of the
 * processes prints. */
_Noreturn void comm_fail(struct comm *comm, const struct err *err);

/* Collective: the processors that this process may use (threads_processors()), shared with the
 * ranks of its host: the fewest that any rank has, and at least 1. */
int comm_processors(const struct comm *comm);

#endif
