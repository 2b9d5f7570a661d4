/* Arrays that grow: what they hold stays, they grow seldom, and too much is refused. */
#include <stdint.h>
#include <stdlib.h>

#include "common/base/array.h"
#include "tests/tap.h"

static void grows(void)
{
	uint32_t *array = NULL;
	size_t room = 0, moves = 0, wrong = 0;

	is_int(array_reserve(&array, &room, 0), 0, "room for no elements");
	ok(array != NULL, "is memory all the same");
	for (uint32_t i = 0; i < 100000; i++) {
		size_t before = room;
		if (array_reserve(&array, &room, i + 1) < 0)
			break;
		moves += room != before;
		array[i] = 3 * i;
	}
	for (uint32_t i = 0; i < 100000; i++)
		wrong += array[i] != 3 * i;
	is_int((long long)wrong, 0, "elements stay as the array grows");
	ok(moves <= 17, "100,000 elements that come one by one take few moves (%zu)", moves);
	ok(room >= 100000 && room < 300000, "and less than three times the memory (%zu)", room);

	uint32_t *before = array;
	is_int(array_reserve(&array, &room, 5), 0, "fewer elements than there is room for");
	ok(array == before && room >= 100000, "change nothing");
	free(array);
}

static void refuses(void)
{
	static const size_t counts[] = {SIZE_MAX, SIZE_MAX / 8 + 1, SIZE_MAX / 8};
	double *array = NULL;
	size_t room = 0;

	if (array_reserve(&array, &room, 3) == 0)
		array[2] = 7;
	const double *before = array;
	const size_t room_before = room;
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		is_int(array_reserve(&array, &room, counts[i]), -1, "more than there can be");
	ok(array == before && room == room_before && array[2] == 7, "leaves the array as it was");
	free(array);
}

int main(void)
{
	grows();
	refuses();
	return done();
}
