/* The tiles that attention goes by. */
#include "kernels/cuda/cuda.h"

#include <stdlib.h>
#include <string.h>

static int tiles_of(int length)
{
	return (length + TILE - 1) / TILE;
}

/* Room for count tiles on the device, and some more: graphs are forgotten where it moves. */
static void make_room(struct device *dev, int count)
{
	if (count <= dev->tile_room)
		return;
	cuda_wait(dev);
	cuda_free(dev, dev->tiles);
	dev->tile_room = count + count / 2;
	dev->tiles = cuda_alloc(dev, (size_t)dev->tile_room * sizeof *dev->tiles);
	if (!dev->tiles)
		cuda_fail("attention", "out of memory");
}

void cuda_tiles(struct device *dev, const struct sequences *seqs)
{
	const size_t bytes = ((size_t)seqs->count + 1) * sizeof *seqs->begin;
	int count = 0;

	if (dev->begin && dev->begin_count == seqs->count + 1 &&
	    memcmp(dev->begin, seqs->begin, bytes) == 0)
		return;
	for (int i = 0; i < seqs->count; i++)
		count += tiles_of(seqs->begin[i + 1] - seqs->begin[i]);
	const int filled = (count + TILES_STEP - 1) / TILES_STEP * TILES_STEP;
	struct tile *tiles = calloc((size_t)filled, sizeof *tiles);
	free(dev->begin);
	dev->begin = malloc(bytes);
	if (!tiles || !dev->begin)
		cuda_fail("attention", "out of memory");
	make_room(dev, filled);
	count = filled - count;
	for (int i = 0; i < seqs->count; i++) {
		const int32_t length = seqs->begin[i + 1] - seqs->begin[i];
		for (int32_t begin = 0; begin < length; begin += TILE)
			tiles[count++] = (struct tile){
				.first = seqs->begin[i], .length = length, .begin = begin,
			};
	}
	memcpy(dev->begin, seqs->begin, bytes);
	dev->begin_count = seqs->count + 1;
	dev->tile_count = count;
	cuda_upload(dev, dev->tiles, tiles, (size_t)count * sizeof *tiles);
	free(tiles);
}
