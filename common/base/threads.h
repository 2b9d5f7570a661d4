/* threads.h - a fixed set of threads, the workers, that run one function side by side. */
#ifndef MEMOSCOPE_THREADS_H
#define MEMOSCOPE_THREADS_H

#include "common/base/err.h"

struct threads; /* threads_new … threads_free */

/* Worker 0 is the caller's own thread; size - 1 more are started, which take no signals. */
struct threads *threads_new(int size, struct err *err);
void threads_free(struct threads *threads); /* NULL is allowed */

int threads_count(const struct threads *threads);

/* Run work(worker, data) once in every worker; return when all are done. */
void threads_run(struct threads *threads, void (*work)(int worker, void *data), void *data);

/* Called by every worker of a running function: wait until all have come. */
void threads_barrier(struct threads *threads);

/* The processors this process may use: the default size. An affinity mask (taskset) and the limits
 * of control groups (containers, batch systems) count; half a processor counts only if it is the
 * only one. */
int threads_processors(void);

#endif
