#include "common/stream/json.h"

#include <math.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/stream/pack.h"

#define KEY_MAX 255 /* bytes of a key at most */

/* A key as a NUL-terminated string, in key. NULL with err set. */
static const char *key_of(const msgpack_object *name, char key[KEY_MAX + 1], struct err *err)
{
	size_t size = name->via.str.size;

	if (name->type != MSGPACK_OBJECT_STR)
		err_set(err, "a key that is no string");
	else if (size > KEY_MAX)
		err_set(err, "a key of %zu bytes: at most %d are allowed", size, KEY_MAX);
	else if (size > 0 && memchr(name->via.str.ptr, 0, size))
		err_set(err, "U+0000 in a key");
	else if (utf8_length(name->via.str.ptr, size) < 0)
		err_set(err, "a key that is not UTF-8");
	if (err->status)
		return NULL;
	if (size > 0) /* an empty string may be NULL */
		memcpy(key, name->via.str.ptr, size);
	key[size] = '\0';
	return key;
}

static json_t *object_from_map(const msgpack_object_map *map, struct err *err)
{
	json_t *object = json_object();
	char room[KEY_MAX + 1];

	for (uint32_t i = 0; object && i < map->size; i++) {
		const char *key = key_of(&map->ptr[i].key, room, err);
		json_t *value = key ? json_from_msgpack(&map->ptr[i].val, err) : NULL;
		/* takes the value over, and fails if it is NULL */
		if (json_object_set_new_nocheck(object, key, value) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *array_from_objects(const msgpack_object_array *from, struct err *err)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < from->size; i++) {
		if (json_array_append_new(array, json_from_msgpack(&from->ptr[i], err)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *array_from_bytes(const msgpack_object_bin *from)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < from->size; i++) {
		if (json_array_append_new(array, json_integer((unsigned char)from->ptr[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *string_from(const msgpack_object_str *from, struct err *err)
{
	if (from->size == 0) /* an empty string may be NULL */
		return json_string("");
	if (utf8_length(from->ptr, from->size) < 0) {
		err_set(err, "text that is not UTF-8");
		return NULL;
	}
	return json_stringn_nocheck(from->ptr, from->size);
}

static json_t *integer_from(uint64_t value, struct err *err)
{
	if (value <= INT64_MAX)
		return json_integer((json_int_t)value);
	err_set(err, "the integer %ju is above 2^63 - 1", (uintmax_t)value);
	return NULL;
}

static json_t *value_from(const msgpack_object *object, struct err *err)
{
	switch (object->type) {
	case MSGPACK_OBJECT_NIL:
		return json_null();
	case MSGPACK_OBJECT_BOOLEAN:
		return json_boolean(object->via.boolean);
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		return integer_from(object->via.u64, err);
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		return json_integer(object->via.i64);
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		return isfinite(object->via.f64) ? json_real(object->via.f64) : json_null();
	case MSGPACK_OBJECT_STR:
		return string_from(&object->via.str, err);
	case MSGPACK_OBJECT_BIN:
		return array_from_bytes(&object->via.bin);
	case MSGPACK_OBJECT_ARRAY:
		return array_from_objects(&object->via.array, err);
	case MSGPACK_OBJECT_MAP:
		return object_from_map(&object->via.map, err);
	case MSGPACK_OBJECT_EXT:
		break;
	}
	err_set(err, "an extension type");
	return NULL;
}

json_t *json_from_msgpack(const msgpack_object *object, struct err *err)
{
	json_t *value = value_from(object, err);

	if (!value)
		err_set(err, "out of memory"); /* unless there is an error already */
	return value;
}

void json_to_msgpack(const json_t *value, msgpack_packer *packer)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		msgpack_pack_map(packer, json_object_size(value));
		/* The functions of the iteration take no const object, but change none. */
		for (void *at = json_object_iter((json_t *)value); at;
		     at = json_object_iter_next((json_t *)value, at)) {
			pack_key(packer, json_object_iter_key(at));
			json_to_msgpack(json_object_iter_value(at), packer);
		}
		break;
	case JSON_ARRAY:
		msgpack_pack_array(packer, json_array_size(value));
		for (size_t i = 0; i < json_array_size(value); i++)
			json_to_msgpack(json_array_get(value, i), packer);
		break;
	case JSON_STRING:
		pack_string(packer, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		msgpack_pack_int64(packer, json_integer_value(value));
		break;
	case JSON_REAL:
		msgpack_pack_double(packer, json_real_value(value));
		break;
	case JSON_TRUE:
		msgpack_pack_true(packer);
		break;
	case JSON_FALSE:
		msgpack_pack_false(packer);
		break;
	case JSON_NULL:
		msgpack_pack_nil(packer);
		break;
	}
}
