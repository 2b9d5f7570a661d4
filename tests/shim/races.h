/* races.h - do a kernel's threads touch the same memory with nothing to order them?
 *
 * What compute-sanitizer's racecheck asks on a GPU, of shared memory, and what it does
 * not, of the device's. The kernels are compiled with -fsanitize=thread, whose calls at
 * every load and store come here instead of to its own library. Two accesses of the
 * same bytes by different threads, one of them a write, are ordered
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

#include <stdbool.h>
#include <stddef.h>

/* The thread that runs, of the block that does (shim.c); NULL: the host does. */
struct race_place {
	unsigned block, thread;
	unsigned barriers, warp_barriers; /* that it has come past in this block */
	const char *kernel;
	const char *stack, *shared; /* its own memory, the block's */
	size_t stack_bytes, shared_bytes;
};
const struct race_place *shim_place(void);

/* A launch begins, and a block of it: what was done before is past. */
void races_begin_launch(void);
void races_begin_block(void);

/* The thread that runs reads or writes bytes here. */
void races_access(const void *at, size_t bytes, bool writes);

/* How many bytes' races were found since the last call, and which was the first. */
long races_found(char *first, size_t size);

/* From now on the first one ends the process, with this status. */
enum { RACES_FOUND = 9 };
extern bool races_first_ends;

#endif
