/* map.h - the fields of a msgpack map. All keys are strings, as in every map of a stream. */
#ifndef MEMOSCOPE_MAP_H
#define MEMOSCOPE_MAP_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>

/* The value of a key in a map, or NULL if the map has no such key. */
const msgpack_object *map_field(const msgpack_object *map, const char *key);

/* The same for a key of size bytes, not NUL-terminated. */
const msgpack_object *map_field_sized(const msgpack_object *map, const char *key, size_t size);

/* Is this the first key of a map? */
bool map_begins_with(const msgpack_object *map, const char *key);

/* A key that a map has twice, or NULL. */
const msgpack_object *map_repeated_key(const msgpack_object *map);

/* The same for all maps in an object of any type, itself included. */
const msgpack_object *map_repeated_key_within(const msgpack_object *object);

#endif
