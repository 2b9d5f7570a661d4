#include "common/stream/text_format.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/escape.h"
#include "common/base/options.h"
#include "common/base/utf8.h"
#include "common/stream/json.h"
#include "common/stream/map.h"

/* ---- numbers ---- */

/* A finite number, in the fewest digits that read back as the same number. 9 digits always do
 * for a float, 17 for a double. */
static void format_digits(struct text_buffer *out, double value, bool single)
{
	char text[40];

	for (int digits = single ? 6 : 15; digits <= (single ? 9 : 17); digits++) {
		struct err err = {0};
		double back = 0;
		snprintf(text, sizeof text, "%.*g", digits, value);
		option_real("", text, -INFINITY, INFINITY, &back, &err);
		if (single ? (float)back == (float)value : back == value)
			break;
	}
	text_buffer_append_string(out, text);
}

/* negative: -value. */
static void format_integer(struct text_buffer *out, uint64_t value, bool negative)
{
	char text[24], *end = text + sizeof text, *at = end;

	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	if (negative)
		*--at = '-';
	text_buffer_append(out, at, (size_t)(end - at));
}

/* The same where JSON is asked for: in quotes if readers of JSON would round it. */
static void format_integer_for(struct text_buffer *out, uint64_t value, bool negative, bool json)
{
	const bool quoted = json && value > JSON_INTEGER_MAX;

	text_buffer_append(out, "\"", quoted);
	format_integer(out, value, negative);
	text_buffer_append(out, "\"", quoted);
}

/* NaN and infinities have names in a table and are null in JSON. */
static void format_real(struct text_buffer *out, double value, bool single, bool json)
{
	if (isfinite(value))
		format_digits(out, value, single);
	else if (json)
		text_buffer_append_string(out, "null");
	else
		text_buffer_append_string(out, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

/* ---- binary data ---- */

static const struct bin_type {
	const char *name;
	size_t size; /* bytes of one number, the low byte first */
	bool real;
} bin_types[] = {
	{"u8", 1, false},
	{"u16", 2, false},
	{"u32", 4, false},
	{"f32", 4, true},
};

static const struct bin_type *bin_type(const char *name)
{
	for (size_t i = 0; i < sizeof bin_types / sizeof *bin_types; i++)
		if (name && strcmp(bin_types[i].name, name) == 0)
			return &bin_types[i];
	return NULL;
}

int text_format_check_bin(const json_t *bin, struct err *err)
{
	if (bin && !json_is_object(bin))
		return err_set(err, "\"bin\" is not a map of fields to types");
	for (void *at = json_object_iter((json_t *)bin); at;
	     at = json_object_iter_next((json_t *)bin, at))
		if (!bin_type(json_string_value(json_object_iter_value(at))))
			return err_set(err,
			               "\"bin\": the type of '%.40s' is not u8, u16, u32 or f32",
			               json_object_iter_key(at));
	return 0;
}

/* The type of the binary data that a key (NULL: none) has. NULL with err set if the data end
 * within a number of this type. */
static const struct bin_type *type_under(const char *key, const json_t *bin,
                                         const msgpack_object_bin *data, struct err *err)
{
	const char *name = key ? json_string_value(json_object_get(bin, key)) : NULL;
	const struct bin_type *type = bin_type(name ? name : "u8");

	if (type && data->size % type->size == 0)
		return type;
	err_set(err, "\"%.40s\" has %u bytes, which are not %s", key, data->size, name);
	return NULL;
}

static void format_element(struct text_buffer *out, const char *data, const struct bin_type *type,
                           bool json)
{
	uint32_t bits = 0;
	float real;

	for (size_t i = 0; i < type->size; i++)
		bits |= (uint32_t)(unsigned char)data[i] << 8 * i;
	memcpy(&real, &bits, sizeof real);
	if (type->real)
		format_real(out, real, true, json);
	else
		format_integer(out, bits, false);
}

static int format_bin(struct text_buffer *out, const msgpack_object_bin *data, const char *key,
                      const json_t *bin, struct err *err)
{
	const struct bin_type *type = type_under(key, bin, data, err);

	if (!type)
		return -1;
	text_buffer_append_string(out, "[");
	for (uint32_t at = 0; at < data->size; at += type->size) {
		if (at > 0)
			text_buffer_append_string(out, ",");
		format_element(out, data->ptr + at, type, true);
	}
	text_buffer_append_string(out, "]");
	return 0;
}

/* ---- JSON ---- */

/* A quotation mark, a backslash or what a terminal must not get, in a string. */
static void format_escape(struct text_buffer *out, uint32_t code)
{
	char text[8];

	if (code == '\n' || code == '\t')
		snprintf(text, sizeof text, "\\%c", code == '\n' ? 'n' : 't');
	else if (code == '"' || code == '\\')
		snprintf(text, sizeof text, "\\%c", (char)code);
	else
		snprintf(text, sizeof text, "\\u%04x", (unsigned)code & 0xFFFF);
	text_buffer_append_string(out, text);
}

static int format_quoted(struct text_buffer *out, const msgpack_object_str *string, struct err *err)
{
	const char *text = string->ptr;
	size_t size = string->size, plain = 0;

	if (utf8_length(text, size) < 0)
		return err_set(err, "text that is not UTF-8");
	text_buffer_append_string(out, "\"");
	for (size_t i = 0, step; i < size; i += step) {
		uint32_t code = (unsigned char)text[i];
		step = code < 0x80 ? 1 : utf8_decode(text + i, size - i, &code);
		if (!escape_control(code) && code != '"' && code != '\\')
			continue;
		text_buffer_append(out, text + plain, i - plain);
		plain = i + step;
		format_escape(out, code);
	}
	text_buffer_append(out, text + plain, size - plain);
	text_buffer_append_string(out, "\"");
	return 0;
}

/* A number, a boolean or nil. In a table nil is empty, and NaN and infinities have names; all
 * else is as in JSON. */
static void format_scalar(struct text_buffer *out, const msgpack_object *object, bool json)
{
	switch (object->type) {
	case MSGPACK_OBJECT_BOOLEAN:
		text_buffer_append_string(out, object->via.boolean ? "true" : "false");
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		format_integer_for(out, object->via.u64, false, json);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		format_integer_for(out, -(uint64_t)object->via.i64, true, json);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		format_real(out, object->via.f64, object->type == MSGPACK_OBJECT_FLOAT32, json);
		break;
	default: /* nil; a stream holds nothing else */
		text_buffer_append_string(out, json ? "null" : "");
	}
}

/* A key of size bytes as a NUL-terminated string. It is cut if it is longer than any key that
 * "bin" could name. */
static const char *key_text(const char *key, size_t size, char out[64])
{
	snprintf(out, 64, "%.*s", size < 63 ? (int)size : 63, key);
	return out;
}

static int format_map(struct text_buffer *out, const msgpack_object_map *map, const json_t *bin,
                      struct err *err)
{
	char text[64];

	for (uint32_t i = 0; i < map->size; i++) {
		const msgpack_object_str *key = &map->ptr[i].key.via.str;
		text_buffer_append_string(out, i ? "," : "{");
		if (format_quoted(out, key, err) < 0)
			return -1;
		text_buffer_append_string(out, ":");
		if (text_format_json(out, &map->ptr[i].val, key_text(key->ptr, key->size, text), bin,
		                     err) < 0)
			return -1;
	}
	text_buffer_append_string(out, map->size ? "}" : "{}");
	return 0;
}

int text_format_json(struct text_buffer *out, const msgpack_object *object, const char *key,
                     const json_t *bin, struct err *err)
{
	switch (object->type) {
	case MSGPACK_OBJECT_STR:
		return format_quoted(out, &object->via.str, err);
	case MSGPACK_OBJECT_BIN:
		return format_bin(out, &object->via.bin, key, bin, err);
	case MSGPACK_OBJECT_MAP:
		return format_map(out, &object->via.map, bin, err);
	case MSGPACK_OBJECT_ARRAY:
		text_buffer_append_string(out, "[");
		for (uint32_t i = 0; i < object->via.array.size; i++) {
			if (i > 0)
				text_buffer_append_string(out, ",");
			if (text_format_json(out, &object->via.array.ptr[i], key, bin, err) < 0)
				return -1;
		}
		text_buffer_append_string(out, "]");
		return 0;
	default:
		format_scalar(out, object, true);
		return 0;
	}
}

/* ---- tables ---- */

static void format_escaped(struct text_buffer *out, const char *text, size_t size)
{
	for (size_t i = 0, taken; i < size; i += taken) {
		char escaped[ESCAPE_MAX];
		const size_t length = escape_next(ESCAPE_FIELD, text + i, size - i, &taken, escaped);
		text_buffer_append(out, escaped, length);
	}
}

int text_format_field(struct text_buffer *out, const msgpack_object *object, const char *key,
                      const json_t *bin, struct err *err)
{
	if (!object)
		return 0;
	switch (object->type) {
	case MSGPACK_OBJECT_STR:
		if (utf8_length(object->via.str.ptr, object->via.str.size) < 0)
			return err_set(err, "text that is not UTF-8");
		format_escaped(out, object->via.str.ptr, object->via.str.size);
		return 0;
	case MSGPACK_OBJECT_BIN:
		if (key && json_object_get(bin, key))
			return text_format_json(out, object, key, bin, err);
		format_escaped(out, object->via.bin.ptr, object->via.bin.size); /* a text of any bytes */
		return 0;
	case MSGPACK_OBJECT_MAP:
	case MSGPACK_OBJECT_ARRAY:
		return text_format_json(out, object, key, bin, err);
	default:
		format_scalar(out, object, false);
		return 0;
	}
}

/* The index that the size digits at name say. -1 if these are no digits or not below count. */
static int64_t place_of(const char *name, size_t size, uint32_t count)
{
	int64_t number = 0;

	for (size_t i = 0; i < size; i++) {
		if (name[i] < '0' || name[i] > '9' || number > UINT32_MAX)
			return -1;
		number = 10 * number + (name[i] - '0');
	}
	return size > 0 && number < count ? number : -1;
}

static const msgpack_object *element(const msgpack_object_array *array, const char *name,
                                     size_t size)
{
	int64_t place = place_of(name, size, array->size);

	return place < 0 ? NULL : &array->ptr[place];
}

/* An element of binary data. There is no msgpack object for it. */
static int format_place(struct text_buffer *out, const msgpack_object_bin *data, const char *name,
                        const char *key, const json_t *bin, struct err *err)
{
	const struct bin_type *type = type_under(key, bin, data, err);
	int64_t place;

	if (!type)
		return -1;
	place = place_of(name, strlen(name), data->size / (uint32_t)type->size);
	if (place < 0)
		return 0;
	format_element(out, data->ptr + (size_t)place * type->size, type, false);
	return 1;
}

int text_format_path(struct text_buffer *out, const msgpack_object *map, const char *path,
                     const json_t *bin, struct err *err)
{
	const msgpack_object *object = map;
	char text[64];
	const char *key = NULL; /* of the field that holds object */

	for (;;) {
		size_t size = strcspn(path, ".");
		if (object->type == MSGPACK_OBJECT_BIN)
			return format_place(out, &object->via.bin, path, key, bin, err);
		if (object->type == MSGPACK_OBJECT_MAP) {
			object = map_field_sized(object, path, size);
			key = key_text(path, size, text);
		} else if (object->type == MSGPACK_OBJECT_ARRAY) {
			object = element(&object->via.array, path, size);
		} else {
			object = NULL;
		}
		if (!object)
			return 0;
		if (path[size] == '\0')
			return text_format_field(out, object, key, bin, err) < 0 ? -1 : 1;
		path += size + 1;
	}
}

/* prefix: the path of the map itself, of length bytes; "" for a whole record. */
static void paths_below(struct text_buffer *out, const msgpack_object_map *map, const char *prefix,
                        size_t length)
{
	for (uint32_t i = 0; i < map->size; i++) {
		const msgpack_object_str *key = &map->ptr[i].key.via.str;
		const msgpack_object *value = &map->ptr[i].val;
		struct text_buffer path = {0};

		text_buffer_append(&path, prefix, length);
		if (length > 0)
			text_buffer_append_string(&path, ".");
		text_buffer_append(&path, key->ptr, key->size);
		if (value->type == MSGPACK_OBJECT_MAP) {
			paths_below(out, &value->via.map, path.text, path.size);
		} else if (value->type != MSGPACK_OBJECT_ARRAY &&
		           value->type != MSGPACK_OBJECT_BIN) {
			if (out->size > 0)
				text_buffer_append_string(out, ",");
			text_buffer_append(out, path.text, path.size);
		}
		out->failed |= path.failed;
		text_buffer_release(&path);
	}
}

void text_format_paths(struct text_buffer *out, const msgpack_object *map)
{
	paths_below(out, &map->via.map, "", 0);
}
