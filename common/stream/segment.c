#include "common/stream/segment.h"

#include <stdbool.h>
#include <string.h>

#include "common/stream/map.h"
#include "common/stream/pack.h"

size_t segment_end(char out[SEGMENT_END_BYTES], uint64_t count, uint64_t checksum)
{
	msgpack_sbuffer buffer;
	msgpack_packer packer;
	size_t size;

	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	msgpack_pack_map(&packer, 2);
	pack_key(&packer, "end");
	msgpack_pack_uint64(&packer, count);
	pack_key(&packer, "xxh3");
	msgpack_pack_uint64(&packer, checksum);
	size = buffer.size;
	memcpy(out, buffer.data, size);
	msgpack_sbuffer_destroy(&buffer);
	return size;
}

static bool is_count(const msgpack_object *object)
{
	return object && object->type == MSGPACK_OBJECT_POSITIVE_INTEGER;
}

int segment_check_end(const msgpack_object *map, const char *bytes, size_t size, uint64_t count,
                      uint64_t checksum, struct err *err)
{
	const msgpack_object *end = map_field(map, "end");
	const msgpack_object *sum = map_field(map, "xxh3");
	char expected[SEGMENT_END_BYTES];

	if (map->via.map.size != 2 || !is_count(end) || !is_count(sum))
		return err_set(err, "expected \"end\", a count, and \"xxh3\", a checksum, and no more");
	if (end->via.u64 != count)
		return err_set(err, "it counts %ju records, but %ju came", (uintmax_t)end->via.u64,
		               (uintmax_t)count);
	if (sum->via.u64 != checksum)
		return err_set(err, "the checksum does not match: the segment's bytes have changed");
	if (size != segment_end(expected, count, checksum) || memcmp(bytes, expected, size) != 0)
		return err_set(err, "it is not in the shortest msgpack encoding");
	return 0;
}
