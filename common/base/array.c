#include "common/base/array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 16 }; /* elements of an array that has any */

int array_reserve_size(void *array, size_t *room, size_t count, size_t size)
{
	void *old, *new;

	memcpy(&old, array, sizeof old); /* the pointer may be of any type */
	if (old && count <= *room)
		return 0;
	if (count > SIZE_MAX / size)
		return -1;
	size_t more = *room <= SIZE_MAX / size / 2 ? 2 * *room : count;
	if (more < count)
		more = count;
	if (more < LEAST && LEAST <= SIZE_MAX / size)
		more = LEAST;
	new = realloc(old, more * size);
	if (!new)
		return -1;
	memcpy(array, &new, sizeof new);
	*room = more;
	return 0;
}
