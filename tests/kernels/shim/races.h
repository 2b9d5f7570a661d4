/* races.h - do a kernel's threads touch the same memory with nothing to order them?
 *
 * What compute-sanitizer's racecheck asks on a GPU, of shared memory, and what it does
 * not, of the device's. Two accesses of the same bytes by different threads, one of them a
 * write, are ordered
 *
 *	in a block by a barrier between them;
 *	in a warp by __syncwarp() too, but by no shuffle, ballot or mma;
 *	between blocks by nothing: a launch may run them in any order, or at once.
 *
 * Which accesses meet does not depend on how the threads happened to take turns, as it
 * does with wrong numbers: a race is found wherever both are made.
 */
#ifndef MEMOSCOPE_TESTS_RACES_H
#define MEMOSCOPE_TESTS_RACES_H

#include "tests/kernels/shim/watch.h"

extern const struct watcher races_watcher; /* watches where it is set to */

/* How many bytes' races were found since the last call, and which was the first. */
long races_found(char *first, size_t size);

/* From now on the first one ends the process, with this status. */
enum { RACES_FOUND = 9 };
extern bool races_first_ends;

#endif
