/* Headers, and values on their way between msgpack and JSON. */
#include <errno.h>
#include <string.h>

#include "common/base/options.h"
#include "common/base/utf8.h"
#include "common/stream/stream.h"

/* An argument as a JSON string; bytes that are no UTF-8 become U+FFFD. */
static json_t *argument(const char *text)
{
	json_t *string = json_string(text);
	size_t size = strlen(text), length = 0;
	char *clean;

	if (string || !(clean = malloc(3 * size + 1)))
		return string;
	while (size > 0) {
		uint32_t code;
		size_t step = utf8_decode(text, size, &code);
		length += utf8_encode(step ? code : 0xFFFD, clean + length);
		text += step ? step : 1;
		size -= step ? step : 1;
	}
	clean[length] = '\0';
	string = json_string(clean);
	free(clean);
	return string;
}

json_t *header_new(const char *kind, const json_t *from, int argc, char **argv)
{
	json_t *header = json_object(), *args = json_array(), *link = json_object();
	const json_t *before = from ? json_object_get(from, "chain") : NULL;
	json_t *chain = before ? json_deep_copy(before) : json_array();

	for (int i = 1; i < argc; i++)
		json_array_append_new(args, argument(argv[i]));
	json_object_set_new(link, "program", json_string(program_invocation_short_name));
	json_object_set_new(link, "version", json_string(MEMOSCOPE_VERSION));
	json_object_set_new(link, "args", args);
	json_array_append_new(chain, link);

	json_object_set_new(header, "memoscope", json_integer(STREAM_FORMAT));
	json_object_set_new(header, "stream", json_string(kind));
	json_object_set_new(header, "chain", chain);
	return header;
}

const char *header_string(const json_t *header, const char *field)
{
	const json_t *value = json_object_get(header, field);
	const char *text = json_string_value(value);

	return text && strlen(text) == json_string_length(value) ? text : NULL;
}

/* A map or an array of numbers: whatever holds others. */
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
		/* Takes the value over, and fails where it is NULL or the key no UTF-8. */
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
		json_t *real = json_real(object->via.f64); /* NULL where it is not finite */
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
		/* The iteration functions take no const object, and change none. */
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

void pack_key(msgpack_packer *packer, const char *key)
{
	pack_string(packer, key, strlen(key));
}

void pack_string(msgpack_packer *packer, const char *text, size_t size)
{
	msgpack_pack_str(packer, size);
	if (size > 0)
		msgpack_pack_str_body(packer, text, size);
}
