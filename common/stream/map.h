/* map.h - the fields of a msgpack map. All keys are strings, as in every map of a stream. */
#ifndef MEMOSCOPE_MAP_H
#define MEMOSCOPE_MAP_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Is this a key of a map? Readers ask this several times for each record: with a key that the
 * compiler knows, it takes no call. */
static inline bool map_key_is(const msgpack_object *key, const char *word, size_t size)
{
	return key->via.str.size == size && memcmp(key->via.str.ptr, word, size) == 0;
}

/* The value of a key of size bytes in a map, or NULL if the map has no such key. */
static inline __attribute__((always_inline)) const msgpack_object *
map_field_sized(const msgpack_object *map, const char *key, size_t size)
{
	for (uint32_t i = 0; i < map->via.map.size; i++)
		if (map_key_is(&map->via.map.ptr[i].key, key, size))
			return &map->via.map.ptr[i].val;
	return NULL;
}

/* The same for a key that ends in NUL. */
static inline __attribute__((always_inline)) const msgpack_object *
map_field(const msgpack_object *map, const char *key)
{
	return map_field_sized(map, key, strlen(key));
}

/* Is this the first key of a map? */
static inline bool map_begins_with(const msgpack_object *map, const char *key)
{
	return map->via.map.size > 0 && map_key_is(&map->via.map.ptr[0].key, key, strlen(key));
}

/* A key that a map has twice, or NULL. */
const msgpack_object *map_repeated_key(const msgpack_object *map);

/* The same for all maps in an object of any type, itself included. */
const msgpack_object *map_repeated_key_within(const msgpack_object *object);

#endif
