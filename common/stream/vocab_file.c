/* vocab_file.c - a vocabulary of characters from a file of JSON. */
#include "common/stream/vocab_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/escape.h"
#include "common/base/file.h"
#include "common/base/utf8.h"

#define VOCAB_JSON_MAX (8u << 20) /* bytes of a vocabulary as JSON */

/* A key as it stands in a line, its control characters escaped; no more of it than
 * serves to find it. */
static const char *escaped(const char *key, char out[64])
{
	size_t size = strlen(key), used = 0;

	for (size_t at = 0, step; at < size && used + ESCAPE_MAX < 48; at += step) {
		uint32_t code;
		step = utf8_decode(key + at, size - at, &code);
		if (step == 0)
			break;
		used += escape_code(ESCAPE_FIELD, code, out + used);
	}
	out[used] = '\0';
	return out;
}

/* The characters of an object {character: token} in the order of their tokens. */
static char *object_characters(const char *path, const json_t *json, struct err *err)
{
	size_t count = json_object_size(json), at = 0;
	const char **characters = calloc(count + 1, sizeof *characters);
	char *text = malloc(UTF8_MAX * count + 1);
	char name[64];
	const char *key;
	json_t *value;
	bool good = characters != NULL && text != NULL;

	if (!good)
		err_set(err, "%s: out of memory", path);
	json_object_foreach((json_t *)json, key, value) {
		json_int_t token = json_is_integer(value) ? json_integer_value(value) : -1;
		if (!good)
			break;
		if (utf8_length(key, strlen(key)) != 1) {
			err_set(err, "%s: \"%s\" is not one character", path, escaped(key, name));
			good = false;
		} else if (token < 0 || (size_t)token >= count || characters[token] != NULL) {
			err_set(err, "%s: \"%s\" has no token of its own in 0 to %zu", path,
			        escaped(key, name), count - 1);
			good = false;
		} else {
			characters[token] = key;
		}
	}
	for (size_t i = 0; i < count && good; i++)
		at += strlen(strcpy(text + at, characters[i]));
	free(characters);
	if (!good) {
		free(text);
		return NULL;
	}
	text[at] = 0;
	return text;
}

struct vocab *vocab_of_object(const char *path, const json_t *json, struct err *err)
{
	char *text = object_characters(path, json, err);
	struct err found = {0};
	struct vocab *vocab = text ? vocab_new(text, strlen(text), &found) : NULL;

	free(text);
	if (!vocab) /* the first error stays */
		err_set(err, "%s: %s", path, found.text);
	return vocab;
}

/* That of a file's bytes, which are freed. */
static struct vocab *load(const char *path, char *bytes, size_t size, struct err *err)
{
	struct err found = {0};
	json_error_t error;
	char *text = NULL;

	if (!bytes)
		return NULL;
	const size_t mark = utf8_mark(bytes, size);
	json_t *json = json_loadb(bytes + mark, size - mark,
	                          JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	free(bytes);
	if (!json)
		err_set(err, "%s: line %d: %s", path, error.line, error.text);
	else if (json_is_object(json))
		text = object_characters(path, json, err);
	else if (!json_is_string(json))
		err_set(err, "%s: neither an object {character: token, ...} nor a string", path);
	else if (!(text = strdup(json_string_value(json))))
		err_set(err, "%s: out of memory", path);
	json_decref(json);
	struct vocab *vocab = text ? vocab_new(text, strlen(text), &found) : NULL;
	free(text);
	if (!vocab) /* the first error stays */
		err_set(err, "%s: %s", path, found.text);
	return vocab;
}

struct vocab *vocab_load(const char *path, struct err *err)
{
	size_t size = 0;
	char *bytes = file_read(path, VOCAB_JSON_MAX, &size, err);

	return load(path, bytes, size, err);
}

struct vocab *vocab_load_any(const char *path, struct err *err)
{
	size_t size = 0;
	char *bytes = file_read_any(path, VOCAB_JSON_MAX, &size, err);

	return load(path, bytes, size, err);
}
