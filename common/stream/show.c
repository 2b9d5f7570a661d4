#include "common/stream/show.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/options.h"
#include "common/base/utf8.h"

void show_release(struct show *show)
{
	free(show->text);
	memset(show, 0, sizeof *show);
}

void show_clear(struct show *show)
{
	show->size = 0;
}

void show_bytes(struct show *show, const char *bytes, size_t size)
{
	if (size == 0) /* bytes may be NULL */
		return;
	if (show->room - show->size < size) {
		size_t room = show->room ? show->room : 4096;
		while (room - show->size < size)
			room *= 2;
		char *text = realloc(show->text, room);
		if (!text) {
			show->failed = true;
			return;
		}
		show->text = text;
		show->room = room;
	}
	memcpy(show->text + show->size, bytes, size);
	show->size += size;
}

static void show_string(struct show *show, const char *text)
{
	show_bytes(show, text, strlen(text));
}

/* ---- numbers ---- */

/* A finite number in the fewest digits that read back as the same one: digits
 * are tried from few to most, which always suffice. */
static void show_digits(struct show *show, double value, bool single)
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
	show_string(show, text);
}

static void show_integer(struct show *show, uint64_t value, bool negative)
{
	char text[24];

	snprintf(text, sizeof text, "%s%" PRIu64, negative ? "-" : "", value);
	show_string(show, text);
}

/* What is not finite has a name in a table and is null in JSON. */
static void show_real(struct show *show, double value, bool single, bool json)
{
	if (isfinite(value))
		show_digits(show, value, single);
	else
		show_string(show, json ? "null" : isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

/* ---- binary data ---- */

static const struct bin_type {
	const char *name;
	size_t size; /* of one number, which stands low byte first */
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

int show_check_bin(const json_t *bin, struct err *err)
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

/* The type of the data under a key (NULL: none). NULL with err set where they are
 * no whole number of it. */
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

static void show_element(struct show *show, const char *data, const struct bin_type *type,
                         bool json)
{
	uint32_t bits = 0;
	float real;

	for (size_t i = 0; i < type->size; i++)
		bits |= (uint32_t)(unsigned char)data[i] << 8 * i;
	memcpy(&real, &bits, sizeof real);
	if (type->real)
		show_real(show, real, true, json);
	else
		show_integer(show, bits, false);
}

static int show_bin(struct show *show, const msgpack_object_bin *data, const char *key,
                    const json_t *bin, struct err *err)
{
	const struct bin_type *type = type_under(key, bin, data, err);

	if (!type)
		return -1;
	show_string(show, "[");
	for (uint32_t at = 0; at < data->size; at += type->size) {
		if (at > 0)
			show_string(show, ",");
		show_element(show, data->ptr + at, type, true);
	}
	show_string(show, "]");
	return 0;
}

/* ---- JSON ---- */

/* A control character, a quotation mark or a backslash, in a string. */
static void show_escape(struct show *show, unsigned char c)
{
	char text[8];

	if (c == '\n' || c == '\t')
		snprintf(text, sizeof text, "\\%c", c == '\n' ? 'n' : 't');
	else
		snprintf(text, sizeof text, c < ' ' ? "\\u%04x" : "\\%c", c);
	show_string(show, text);
}

static int show_quoted(struct show *show, const msgpack_object_str *string, struct err *err)
{
	const char *text = string->ptr;
	size_t size = string->size, plain = 0;

	if (utf8_length(text, size) < 0)
		return err_set(err, "text that is not UTF-8");
	show_string(show, "\"");
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		show_bytes(show, text + plain, i - plain);
		plain = i + 1;
		show_escape(show, c);
	}
	show_bytes(show, text + plain, size - plain);
	show_string(show, "\"");
	return 0;
}

/* A number or a word: what prints alike in JSON and in a table, but for none. */
static void show_scalar(struct show *show, const msgpack_object *object, bool json)
{
	switch (object->type) {
	case MSGPACK_OBJECT_BOOLEAN:
		show_string(show, object->via.boolean ? "true" : "false");
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		show_integer(show, object->via.u64, false);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		show_integer(show, -(uint64_t)object->via.i64, true);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		show_real(show, object->via.f64, object->type == MSGPACK_OBJECT_FLOAT32, json);
		break;
	default: /* nil; a stream holds nothing else */
		show_string(show, json ? "null" : "");
	}
}

/* A key of size bytes as a NUL-terminated string, cut where it is longer than any
 * that "bin" could name. */
static const char *key_text(const char *key, size_t size, char out[64])
{
	snprintf(out, 64, "%.*s", size < 63 ? (int)size : 63, key);
	return out;
}

static int show_map(struct show *show, const msgpack_object_map *map, const json_t *bin,
                    struct err *err)
{
	char text[64];

	for (uint32_t i = 0; i < map->size; i++) {
		const msgpack_object_str *key = &map->ptr[i].key.via.str;
		show_string(show, i ? "," : "{");
		if (show_quoted(show, key, err) < 0)
			return -1;
		show_string(show, ":");
		if (show_json(show, &map->ptr[i].val, key_text(key->ptr, key->size, text), bin,
		              err) < 0)
			return -1;
	}
	show_string(show, map->size ? "}" : "{}");
	return 0;
}

int show_json(struct show *show, const msgpack_object *object, const char *key,
              const json_t *bin, struct err *err)
{
	switch (object->type) {
	case MSGPACK_OBJECT_STR:
		return show_quoted(show, &object->via.str, err);
	case MSGPACK_OBJECT_BIN:
		return show_bin(show, &object->via.bin, key, bin, err);
	case MSGPACK_OBJECT_MAP:
		return show_map(show, &object->via.map, bin, err);
	case MSGPACK_OBJECT_ARRAY:
		show_string(show, "[");
		for (uint32_t i = 0; i < object->via.array.size; i++) {
			if (i > 0)
				show_string(show, ",");
			if (show_json(show, &object->via.array.ptr[i], key, bin, err) < 0)
				return -1;
		}
		show_string(show, "]");
		return 0;
	default:
		show_scalar(show, object, true);
		return 0;
	}
}

/* ---- tables ---- */

static int show_escaped(struct show *show, const msgpack_object_str *string, struct err *err)
{
	if (utf8_length(string->ptr, string->size) < 0)
		return err_set(err, "text that is not UTF-8");
	for (uint32_t i = 0; i < string->size; i++) {
		char c = string->ptr[i];
		if (c == '\t' || c == '\n' || c == '\r' || c == '\\')
			show_bytes(show, (char[]){'\\', c == '\t' ? 't' : c == '\n' ? 'n'
			                                : c == '\r' ? 'r' : '\\'}, 2);
		else
			show_bytes(show, &c, 1);
	}
	return 0;
}

int show_field(struct show *show, const msgpack_object *object, const char *key,
               const json_t *bin, struct err *err)
{
	if (!object)
		return 0;
	switch (object->type) {
	case MSGPACK_OBJECT_STR:
		return show_escaped(show, &object->via.str, err);
	case MSGPACK_OBJECT_BIN:
	case MSGPACK_OBJECT_MAP:
	case MSGPACK_OBJECT_ARRAY:
		return show_json(show, object, key, bin, err);
	default:
		show_scalar(show, object, false);
		return 0;
	}
}

/* The place that the size digits at name count, from 0, below count; -1: none. */
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

static const msgpack_object *member(const msgpack_object_map *map, const char *name, size_t size)
{
	for (uint32_t i = 0; i < map->size; i++) {
		const msgpack_object_str *key = &map->ptr[i].key.via.str;
		if (key->size == size && memcmp(key->ptr, name, size) == 0)
			return &map->ptr[i].val;
	}
	return NULL;
}

static const msgpack_object *element(const msgpack_object_array *array, const char *name,
                                     size_t size)
{
	int64_t place = place_of(name, size, array->size);

	return place < 0 ? NULL : &array->ptr[place];
}

/* An element of binary data, which no object stands for. */
static int show_place(struct show *show, const msgpack_object_bin *data, const char *name,
                      const char *key, const json_t *bin, struct err *err)
{
	const struct bin_type *type = type_under(key, bin, data, err);
	int64_t place;

	if (!type)
		return -1;
	place = place_of(name, strlen(name), data->size / (uint32_t)type->size);
	if (place < 0)
		return 0;
	show_element(show, data->ptr + (size_t)place * type->size, type, false);
	return 1;
}

int show_path(struct show *show, const msgpack_object *map, const char *path,
              const json_t *bin, struct err *err)
{
	const msgpack_object *object = map;
	char text[64];
	const char *key = NULL; /* of the member of a map that object is, or is part of */

	for (;;) {
		size_t size = strcspn(path, ".");
		if (object->type == MSGPACK_OBJECT_BIN)
			return show_place(show, &object->via.bin, path, key, bin, err);
		if (object->type == MSGPACK_OBJECT_MAP) {
			object = member(&object->via.map, path, size);
			key = key_text(path, size, text);
		} else if (object->type == MSGPACK_OBJECT_ARRAY) {
			object = element(&object->via.array, path, size);
		} else {
			object = NULL;
		}
		if (!object)
			return 0;
		if (path[size] == '\0')
			return show_field(show, object, key, bin, err) < 0 ? -1 : 1;
		path += size + 1;
	}
}

/* prefix: where the path of the map itself begins in show->text, length bytes. */
static void paths_below(struct show *show, const msgpack_object_map *map, const char *prefix,
                        size_t length)
{
	for (uint32_t i = 0; i < map->size; i++) {
		const msgpack_object_str *key = &map->ptr[i].key.via.str;
		const msgpack_object *value = &map->ptr[i].val;
		struct show path = {0};

		show_bytes(&path, prefix, length);
		if (length > 0)
			show_string(&path, ".");
		show_bytes(&path, key->ptr, key->size);
		if (value->type == MSGPACK_OBJECT_MAP) {
			paths_below(show, &value->via.map, path.text, path.size);
		} else if (value->type != MSGPACK_OBJECT_ARRAY &&
		           value->type != MSGPACK_OBJECT_BIN) {
			if (show->size > 0)
				show_string(show, ",");
			show_bytes(show, path.text, path.size);
		}
		show->failed |= path.failed;
		show_release(&path);
	}
}

void show_paths(struct show *show, const msgpack_object *map)
{
	paths_below(show, &map->via.map, "", 0);
}
