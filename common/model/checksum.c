#include "common/model/checksum.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static void to_digits(XXH64_hash_t hash, char digits[CHECKSUM_SIZE])
{
	snprintf(digits, CHECKSUM_SIZE, "%016" PRIx64, (uint64_t)hash);
}

/* The one text that stands for a JSON value, to free(); NULL: out of memory. */
static char *one_text(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

/* The text of an object without its checksum. */
static char *object_text(const json_t *object)
{
	json_t *rest = json_copy((json_t *)object);
	char *text;

	json_object_del(rest, CHECKSUM_KEY);
	text = rest ? one_text(rest) : NULL;
	json_decref(rest);
	return text;
}

int checksum_of_json(const json_t *object, char digits[CHECKSUM_SIZE], struct err *err)
{
	char *text = object_text(object);

	if (!text)
		return err_set(err, "out of memory");
	to_digits(XXH3_64bits(text, strlen(text)), digits);
	free(text);
	return 0;
}

/* ---- tensors ---- */

static int by_name(const void *a, const void *b)
{
	const struct checksum_tensor *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Texts end with their NUL, so that none can run into the next. */
static int add_text(XXH3_state_t *state, const char *text)
{
	if (text)
		XXH3_64bits_update(state, text, strlen(text) + 1);
	return text ? 0 : -1;
}

static int add_json(XXH3_state_t *state, const json_t *value)
{
	char *text = value ? one_text(value) : strdup("");
	const int result = add_text(state, text);

	free(text);
	return result;
}

static int add_tensor(XXH3_state_t *state, const struct checksum_tensor *tensor)
{
	if (add_text(state, tensor->name) < 0 ||
	    add_json(state, json_object_get(tensor->entry, "dtype")) < 0 ||
	    add_json(state, json_object_get(tensor->entry, "shape")) < 0)
		return -1;
	if (tensor->size > 0)
		XXH3_64bits_update(state, tensor->data, tensor->size);
	return 0;
}

int checksum_of_tensors(const json_t *metadata, struct checksum_tensor *tensors, size_t count,
                        char digits[CHECKSUM_SIZE], struct err *err)
{
	XXH3_state_t *state = XXH3_createState();
	char *text = metadata ? object_text(metadata) : strdup("");
	int result = state && text ? 0 : -1;

	if (result == 0) {
		XXH3_64bits_reset(state);
		result = add_text(state, text);
	}
	if (count > 0)
		qsort(tensors, count, sizeof *tensors, by_name);
	for (size_t i = 0; i < count && result == 0; i++)
		result = add_tensor(state, &tensors[i]);
	if (result == 0)
		to_digits(XXH3_64bits_digest(state), digits);
	else
		err_set(err, "out of memory");
	free(text);
	XXH3_freeState(state);
	return result;
}

/* ---- comparing ---- */

int checksum_check(const json_t *object, const char *right, const char *path, struct err *err)
{
	const json_t *value = json_object_get(object, CHECKSUM_KEY);
	const char *digits = json_string_value(value);

	if (!value || (digits && strcmp(digits, right) == 0))
		return 0;
	return err_set(err, "%s: it was changed or damaged after it was written: its checksum does "
	               "not match; take a good copy, or remove \"" CHECKSUM_KEY "\" from it if the "
	               "change is wanted", path);
}
