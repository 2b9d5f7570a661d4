/* watch.h - who looks at each load and store of the kernels.
 *
 * They are compiled with -fsanitize=thread for that, whose calls come here instead of to
 * its own library; what the machine does for a thread, copies and matrices out of shared
 * memory, it tells of itself. A thread's own variables and its arguments are not told of.
 */
#ifndef MEMOSCOPE_TESTS_WATCH_H
#define MEMOSCOPE_TESTS_WATCH_H

#include <stdbool.h>
#include <stddef.h>

/* The thread that runs. */
struct place {
	const char *kernel;
	unsigned block, thread;
	unsigned barriers, warp_barriers; /* that it has come past in this block */
	const char *stack, *args, *shared; /* its own memory, the launch's arguments, the block's */
	size_t stack_bytes, args_bytes, shared_bytes;
};

struct access {
	const void *at;
	size_t bytes;
	bool writes, shared;
	/* The instruction behind it in the kernel. NULL: a copy that was told of before has now
	 * come, at the latest. */
	const void *where;
};

struct watcher {
	void (*launch)(void); /* one begins */
	void (*block)(void); /* one of it does */
	void (*access)(const struct place *place, const struct access *access);
};
extern const struct watcher *watcher; /* NULL: nobody */

/* The machine tells of accesses; ignored where none of its threads runs. */
void watch_access(const void *at, size_t bytes, bool writes, const void *where);

/* NULL: the host runs (shim.c). */
const struct place *shim_place(void);

#endif
