/* array.h - arrays that grow.
 *
 * An array is a pointer and its room, the number of elements that it has memory for.
 * Both belong to the caller, begin as NULL and 0, and end with free() of the pointer.
 */
#ifndef MEMOSCOPE_ARRAY_H
#define MEMOSCOPE_ARRAY_H

#include <stddef.h>

/* Make room for count elements in *array, of any type; its elements stay. The room doubles
 * at least, so that growing by one element at a time takes linear time. After success the
 * pointer is not NULL, even if count is 0. Returns -1 if there is not that much memory, or
 * if count elements would overflow size_t: array and room are then as before, and the
 * caller, who knows what the memory is for, reports the error. */
#define array_reserve(array, room, count) array_reserve_size(array, room, count, sizeof **(array))

/* The same for elements of size bytes. array is the address of the pointer. */
int array_reserve_size(void *array, size_t *room, size_t count, size_t size)
	__attribute__((warn_unused_result));

#endif
