/* threads.h - a fixed set of worker threads that run one function side by side. */
#ifndef MEMOSCOPE_THREADS_H
#define MEMOSCOPE_THREADS_H

#include "common/base/err.h"

struct team; /* team_new … team_free */

/* Worker 0 is the caller's own thread; size - 1 more are started, which take no signals. */
struct team *team_new(int size, struct err *err);
void team_free(struct team *team); /* NULL is allowed */

int team_size(const struct team *team);

/* Run work(worker, data) once in every worker; return when all are done. */
void team_run(struct team *team, void (*work)(int worker, void *data), void *data);

/* Called by every worker of a running function: wait until all have come. */
void team_meet(struct team *team);

/* The processors this process may use: the default size. */
int team_processors(void);

#endif
