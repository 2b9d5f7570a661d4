#include "common/base/rising.h"

#include <stdlib.h>

#include "common/base/array.h"

/* How many of the rises come at number i or before. */
static uint64_t high(const struct rising *rising, size_t i)
{
	size_t low = 0, end = rising->rises;

	while (low < end) {
		const size_t middle = low + (end - low) / 2;
		if (rising->rise[middle] <= i)
			low = middle + 1;
		else
			end = middle;
	}
	return low;
}

int rising_add(struct rising *rising, uint64_t number)
{
	if (array_reserve(&rising->low, &rising->low_room, rising->count + 1) < 0)
		return -1;
	while (rising->rises < number >> 32) {
		if (array_reserve(&rising->rise, &rising->rise_room, rising->rises + 1) < 0)
			return -1;
		rising->rise[rising->rises++] = rising->count;
	}
	rising->low[rising->count++] = (uint32_t)number;
	return 0;
}

void rising_clear(struct rising *rising)
{
	rising->count = rising->rises = 0;
}

uint64_t rising_at(const struct rising *rising, size_t i)
{
	return high(rising, i) << 32 | rising->low[i];
}

size_t rising_find(const struct rising *rising, uint64_t limit)
{
	size_t low = 0, end = rising->count;

	/* number `low` <= limit < number `end` */
	while (end - low > 1) {
		const size_t middle = low + (end - low) / 2;
		if (rising_at(rising, middle) <= limit)
			low = middle;
		else
			end = middle;
	}
	return low;
}

void rising_trim(struct rising *rising)
{
	uint32_t *less = rising->count > 0 ? realloc(rising->low, rising->count * sizeof *less) : NULL;

	if (!less)
		return;
	rising->low = less;
	rising->low_room = rising->count;
}

size_t rising_memory(const struct rising *rising)
{
	return rising->low_room * sizeof *rising->low + rising->rise_room * sizeof *rising->rise;
}

void rising_release(struct rising *rising)
{
	free(rising->low);
	free(rising->rise);
	*rising = (struct rising){0};
}
