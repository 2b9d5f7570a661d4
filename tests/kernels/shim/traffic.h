/* traffic.h - how a kernel's loads and stores fall on memory, as a GPU takes them.
 *
 * A warp's 32 lanes load or store at once. Device memory moves whole sectors of 32 bytes:
 * as few as hold what is asked for, where neighbours ask for what stands side by side.
 * Shared memory has 32 banks of 4 bytes, each of which serves one word at a time: words of
 * one bank are had one after another, by as many turns as there are ("bank conflicts"). Of
 * 8 bytes a lane half of the warp is served at a time, of 16 a quarter (CUDA C++ Programming
 * Guide, "Device Memory Accesses" and "Shared Memory" of compute capability 5.x and later).
 * Nothing is timed; caches are not looked at.
 */
#ifndef MEMOSCOPE_TESTS_TRAFFIC_H
#define MEMOSCOPE_TESTS_TRAFFIC_H

#include "tests/kernels/shim/watch.h"

extern const struct watcher traffic_watcher; /* looks at the first blocks of each launch */

struct traffic_cost {
	long needed, more; /* sectors or turns: the fewest for what was asked for, and beyond */
	const void *worst; /* the instruction, or one behind it, that most of more is for */
};

struct traffic_kernel {
	char name[40];
	struct traffic_cost device, shared;
};

/* What launches since the last call have cost, by kernel; NULL behind the last. They stand
 * until the next call. */
const struct traffic_kernel *traffic_next(void);

#endif
