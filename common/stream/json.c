#include "common/stream/json.h"

#include <string.h>

#include "common/stream/pack.h"

static json_t *object_from_map(const msgpack_object_map *map)
{
	json_t *object = json_object();
	char key[256];

	for (uint32_t i = 0; object && i < map->size; i++) {
		const msgpack_object *name = &map->ptr[i].key;
		json_t *value = NULL;
		size_t size = name->type == MSGPACK_OBJECT_STR ? name->via.str.size : sizeof key;
		if (size < sizeof key) {
			if (size > 0) /* an empty string may be NULL */
				memcpy(key, name->via.str.ptr, size);
			key[size] = '\0';
			if (strlen(key) == size)
				value = json_from_msgpack(&map->ptr[i].val);
		}
		/* Takes the value over, and fails if it is NULL or the key is not UTF-8. */
		if (json_object_set_new(object, key, value) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *array_from_objects(const msgpack_object_array *from)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < from->size; i++) {
		if (json_array_append_new(array, json_from_msgpack(&from->ptr[i])) < 0) {
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

json_t *json_from_msgpack(const msgpack_object *object)
{
	switch (object->type) {
	case MSGPACK_OBJECT_NIL:
		return json_null();
	case MSGPACK_OBJECT_BOOLEAN:
		return json_boolean(object->via.boolean);
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		if (object->via.u64 > INT64_MAX)
			return json_real((double)object->via.u64);
		return json_integer((json_int_t)object->via.u64);
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		return json_integer(object->via.i64);
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64: {
		json_t *real = json_real(object->via.f64); /* NULL if it is not finite */
		return real ? real : json_null();
	}
	case MSGPACK_OBJECT_STR:
		if (object->via.str.size == 0)
			return json_string("");
		return json_stringn(object->via.str.ptr, object->via.str.size);
	case MSGPACK_OBJECT_BIN:
		return array_from_bytes(&object->via.bin);
	case MSGPACK_OBJECT_ARRAY:
		return array_from_objects(&object->via.array);
	case MSGPACK_OBJECT_MAP:
		return object_from_map(&object->via.map);
	case MSGPACK_OBJECT_EXT:
		break;
	}
	return NULL;
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
