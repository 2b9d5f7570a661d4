/* rising.h - numbers of 64 bits that never fall, such as offsets in a file, in 4 bytes each.
 *
 * Each number keeps its lower half; beside them stands where the upper half rises, which happens
 * once in 4 GiB.
 */
#ifndef MEMOSCOPE_RISING_H
#define MEMOSCOPE_RISING_H

#include <stddef.h>
#include <stdint.h>

/* The caller's memory, zeroed to begin with. */
struct rising {
	size_t count; /* numbers */
	uint32_t *low; /* private, as all below: the lower halves, owned */
	size_t low_room;
	size_t *rise; /* [rises], owned: the upper half is one more from this number on */
	size_t rises, rise_room;
};

/* Add a number that is not below the last one. -1 if memory is out. */
int rising_add(struct rising *rising, uint64_t number) __attribute__((warn_unused_result));

/* Forget all numbers, but keep the memory. */
void rising_clear(struct rising *rising);

/* Number i. */
uint64_t rising_at(const struct rising *rising, size_t i);

/* The index of the last number that is at most `limit`. The first one must be. */
size_t rising_find(const struct rising *rising, uint64_t limit);

/* No more numbers come: give back what memory is over. */
void rising_trim(struct rising *rising);

size_t rising_memory(const struct rising *rising); /* bytes */
void rising_release(struct rising *rising); /* a zeroed one is allowed */

#endif
