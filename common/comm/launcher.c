#include "common/comm/launcher.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/base/object.h"
#include "common/base/threads.h"
#include "common/comm/comm_mpi.h"
#include "common/comm/devices.h"
#include "common/comm/witness.h"

/* ---- what the environment says ---- */

/* A number that a launcher wrote; -1: there is none. */
static int number_of(const char *name)
{
	const char *text = getenv(name);
	struct err err = {0};
	int64_t number;

	return text && option_int(name, text, 0, INT_MAX, &number, &err) == 0 ? (int)number : -1;
}

struct launcher launcher_find(void)
{
	/* Slurm's batch script and the shell of salloc are one process, whatever SLURM_NTASKS says:
	 * only srun sets the variables of a step. */
	static const char *const all[][2] = {
		{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"}, /* Open MPI */
		{"PMI_SIZE", "PMI_RANK"}, /* MPICH and its relatives */
		{"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"}, /* MVAPICH2 */
		{"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}, /* srun */
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const int size = number_of(all[i][0]), rank = number_of(all[i][1]);
		if (size > 1)
			return (struct launcher){all[i][0], size, rank > 0 ? rank : 0};
	}
	return (struct launcher){.size = 1};
}

/* ---- the object ---- */

/* What is said if this process dies. run: witness.h */
static void tell_witness(int witness, int run, int rank)
{
	char line[400], host[64] = "";

	gethostname(host, sizeof host - 1);
	snprintf(line, sizeof line, "rank %d, process %d on %s, died, so all processes of the run end; "
	         "what was saved last is whole", rank, (int)getpid(), host);
	witness_tell(witness, run, line);
}

/* The run is known by the process of its first rank on this host. */
static void name_run(const struct comm *comm)
{
	int *processes = calloc((size_t)comm->size, sizeof *processes);
	const int own = getpid();

	if (!processes)
		comm->abort(comm, ERR_DATA);
	comm->gather(comm, &own, processes, sizeof own);
	tell_witness(comm->witness, processes[comm->host], comm->rank);
	free(processes);
}

/* Whether MPI takes a GPU's memory, as the user says: *says is 0 or 1; or -1: nothing is said. */
static int read_device_memory(int *says, struct err *err)
{
	static const char name[] = "MEMOSCOPE_MPI_DEVICE_MEMORY";
	const char *text = getenv(name);

	*says = -1;
	if (!text || !*text)
		return 0;
	*says = number_of(name);
	if (*says == 0 || *says == 1)
		return 0;
	return err_usage(err, "%s '%s' is not known, expected 0 or 1", name, text);
}

static int open_mpi(struct comm *comm, const struct launcher *launcher, struct err *err)
{
	char path[PATH_MAX];
	int device_memory;

	if (read_device_memory(&device_memory, err) < 0)
		return -1;
	object_path("MEMOSCOPE_MPI", "comm-mpi.so", path);
	if (access(path, R_OK) < 0)
		return err_usage(err, "there is no %s, so processes cannot be joined: this memoscope was "
		                 "built without MPI", path);
	/* MPI's own plugins look for its names among those of the program. */
	void *object = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
	comm_entry *entry = object ? (comm_entry *)dlsym(object, "comm_mpi") : NULL;
	if (!entry)
		return err_usage(err, "%s cannot be used: %s", path, dlerror());
	const int witness = witness_start(number_of("PMI_FD")); /* of MPICH's mpirun */
	if (launcher->size > 1) /* until more is known, a run is what has one parent */
		tell_witness(witness, getppid(), launcher->rank);
	if (entry(sizeof *comm, comm) < 0) {
		witness_end(witness, false);
		return err_usage(err, "%s is of another version of memoscope", path);
	}
	comm->witness = witness;
	name_run(comm);
	if (device_memory >= 0)
		comm->device_memory = device_memory;
	comm->device_memory = !comm_largest(comm, !comm->device_memory); /* all, or none */
	if (comm->size == launcher->size || comm->size > 1)
		return 0;
	witness_end(witness, false);
	char name[sizeof comm->name];
	strcpy(name, comm->name);
	comm->close(comm);
	*comm = comm_alone;
	return err_usage(err, "%s is %d, but %s is of %s, which finds one process: start it by the "
	                 "mpirun of that MPI, or build memoscope with the mpicc of this one",
	                 launcher->variable, launcher->size, path, name);
}

int comm_open(enum comm_kind kind, struct comm *comm, struct err *err)
{
	const struct launcher launcher = launcher_find();

	*comm = comm_alone;
	if (kind == COMM_NONE || (kind == COMM_AUTO && launcher.size == 1))
		return 0;
	if (kind == COMM_NCCL && comm_nccl_find(err) < 0)
		return -1;
	return open_mpi(comm, &launcher, err);
}

/* ---- the ends of a program ---- */

/* MPICH's launcher drops what a process has said if it has not read it before the process ends all
 * others. A second is long enough for one that reads, and short for one that does not. */
static void be_heard(void)
{
	int unread = 0;

	for (int i = 0; i < 100; i++) {
		if (ioctl(STDERR_FILENO, FIONREAD, &unread) < 0 || unread == 0)
			return; /* no pipe, or an empty one */
		usleep(10000);
	}
}

static void abandon(int status, void *data)
{
	const struct comm *comm = data;

	be_heard();
	witness_end(comm->witness, true);
	comm->abort(comm, status);
}

/* All launchers end the other processes if one fails before MPI has begun, but for MPICH's mpirun
 * and srun. These are asked to, by the protocol of MPICH, PMI 1; not before they have passed on
 * what was said. */
static void end_by_launcher(int status)
{
	struct pollfd launcher = {.fd = number_of("PMI_FD"), .events = POLLIN};
	char answer[200];

	if (launcher.fd < 0)
		return;
	usleep(200000);
	dprintf(launcher.fd, "cmd=init pmi_version=1 pmi_subversion=1\n");
	if (poll(&launcher, 1, 1000) == 1 && read(launcher.fd, answer, sizeof answer) > 0)
		dprintf(launcher.fd, "cmd=abort exitcode=%d\n", status);
}

/* End before the others are joined, which wait for this process. */
_Noreturn static void fail_alone(const struct err *err)
{
	if (launcher_find().size > 1) { /* the others' witnesses are to be silent */
		const int witness = witness_start(-1);
		tell_witness(witness, getppid(), 0);
		witness_end(witness, true);
	}
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, err->text);
	end_by_launcher(err->status);
	exit(err->status);
}

void comm_join(enum comm_kind kind, struct comm *comm)
{
	struct err err = {0};

	if (comm_open(kind, comm, &err) < 0)
		fail_alone(&err);
	on_exit(abandon, comm);
}

void comm_leave(struct comm *comm)
{
	witness_end(comm->witness, false);
	comm->close(comm);
	*comm = comm_alone;
}

void comm_fail(struct comm *comm, const struct err *err)
{
	if (*err->text)
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, err->text);
	comm_largest(comm, 0); /* a launcher may kill all when the first one has ended */
	comm_leave(comm);
	exit(err->status);
}

/* ---- processors ---- */

/* What a rank may use. */
struct place {
	int host, processors;
	cpu_set_t set; /* that the rank is bound to */
};

/* Each processor counts as shared by all ranks of the host that are bound to it. */
static double share(const struct place *places, const struct comm *comm)
{
	const struct place *own = &places[comm->rank];
	double sum = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int users = 0;
		for (int r = 0; r < comm->size && CPU_ISSET(cpu, &own->set); r++)
			users += places[r].host == own->host && CPU_ISSET(cpu, &places[r].set);
		sum += users ? 1.0 / users : 0;
	}
	/* a control group's limit is one for all of them */
	if (own->processors < CPU_COUNT(&own->set) && sum > (double)own->processors / comm->local_size)
		sum = (double)own->processors / comm->local_size;
	return sum;
}

int comm_processors(const struct comm *comm)
{
	struct place own = {.host = comm->host, .processors = threads_processors()};
	struct place *places = calloc((size_t)comm->size, sizeof *places);

	if (!places)
		comm->abort(comm, ERR_DATA);
	if (sched_getaffinity(0, sizeof own.set, &own.set) < 0)
		CPU_SET(0, &own.set);
	comm->gather(comm, &own, places, sizeof own);
	const int count = (int)(share(places, comm) + 1e-6);
	free(places);
	const int fewest = -comm_largest(comm, -count);
	return fewest > 0 ? fewest : 1;
}
