#include "common/stream/map.h"

const msgpack_object *map_repeated_key(const msgpack_object *map)
{
	const msgpack_object_kv *field = map->via.map.ptr;

	for (uint32_t i = 1; i < map->via.map.size; i++) {
		const msgpack_object_str *key = &field[i].key.via.str;
		for (uint32_t j = 0; j < i; j++)
			if (map_key_is(&field[j].key, key->ptr, key->size))
				return &field[i].key;
	}
	return NULL;
}

const msgpack_object *map_repeated_key_within(const msgpack_object *object)
{
	const msgpack_object *found = NULL;

	if (object->type == MSGPACK_OBJECT_ARRAY)
		for (uint32_t i = 0; !found && i < object->via.array.size; i++)
			found = map_repeated_key_within(&object->via.array.ptr[i]);
	if (object->type == MSGPACK_OBJECT_MAP) {
		found = map_repeated_key(object);
		for (uint32_t i = 0; !found && i < object->via.map.size; i++)
			found = map_repeated_key_within(&object->via.map.ptr[i].val);
	}
	return found;
}
