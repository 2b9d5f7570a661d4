/* devices.h - the GPUs of a run's ranks. */
#ifndef MEMOSCOPE_DEVICES_H
#define MEMOSCOPE_DEVICES_H

#include "common/base/err.h"
#include "common/comm/comm.h"
#include "common/comm/launcher.h"

/* Collective: comm->devices becomes how many GPUs the ranks have between them, device_users how
 * many ranks have one. identity: what tells this rank's from the others of its host (kernels.h),
 * fewer than 64 bytes; "": it has none. With COMM_NCCL messages of GPUs' memory go by NCCL from
 * here on. -1 with err set, as comm_settle() does: of status ERR_USAGE if a rank has no GPU then,
 * or if two have the same one, which NCCL does not join. */
int comm_use_devices(struct comm *comm, enum comm_kind kind, const char *identity,
                     struct err *err);

/* What comm_use_devices() with COMM_NCCL will open: the object that $MEMOSCOPE_NCCL names; or
 * comm-nccl.so, where comm-mpi.so is looked for, too. -1 with err set, of status ERR_USAGE, if
 * there is none. */
int comm_nccl_find(struct err *err);

#endif
