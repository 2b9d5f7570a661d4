#include "common/data/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/lines.h"
#include "common/base/utf8.h"

/* testdata/names.txt as a string literal: the Makefile makes the file. */
static const char bundled[] =
#include "names.inc"
	;

static bool name_letter(uint32_t code)
{
	return code >= 0x80 || (code >= 'A' && code <= 'Z') || (code >= 'a' && code <= 'z') ||
	       code == '-' || code == '\'';
}

/* Check one line and make it the last of the names. */
static int add_name(struct names *names, const char *text, size_t size, const char *place,
                    struct err *err)
{
	int line = names->count + 1;
	size_t length = 0;

	if (size == 0)
		return err_set(err, "%s:%d: the line is empty, expected a name", place, line);
	if (size > NAME_BYTES)
		return err_set(err, "%s:%d: a name of %zu bytes, expected at most %d", place, line,
		               size, NAME_BYTES);
	for (size_t at = 0, step; at < size; at += step, length++) {
		uint32_t code;
		step = utf8_decode(text + at, size - at, &code);
		if (step == 0)
			return err_set(err, "%s:%d: byte 0x%02x is not UTF-8", place, line,
			               (unsigned char)text[at]);
		if (!name_letter(code))
			return err_set(err, "%s:%d: character U+%04X in a name, expected letters, "
			               "hyphens and apostrophes", place, line, (unsigned)code);
	}
	if (names->count == NAMES_MAX)
		return err_set(err, "%s:%d: more than %d names", place, line, NAMES_MAX);
	names->name[names->count++] =
		(struct name){.text = text, .size = (uint16_t)size, .length = (uint16_t)length};
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct name *x = *(const struct name *const *)a, *y = *(const struct name *const *)b;
	int order = memcmp(x->text, y->text, x->size < y->size ? x->size : y->size);

	return order ? order : (x->size > y->size) - (x->size < y->size);
}

static int check_distinct(const struct names *names, const char *place, struct err *err)
{
	const struct name **sorted = malloc((size_t)names->count * sizeof *sorted);

	if (!sorted)
		return err_set(err, "%s: out of memory", place);
	for (int i = 0; i < names->count; i++)
		sorted[i] = &names->name[i];
	qsort(sorted, (size_t)names->count, sizeof *sorted, compare_names);
	for (int i = 1; i < names->count; i++) {
		const struct name *twin = sorted[i];
		if (compare_names(&sorted[i - 1], &sorted[i]) != 0)
			continue;
		long a = sorted[i - 1] - names->name + 1, b = twin - names->name + 1;
		free(sorted);
		return err_set(err, "%s:%ld: the name \"%.*s\" stands in line %ld already", place,
		               a > b ? a : b, (int)twin->size, twin->text, a > b ? b : a);
	}
	free(sorted);
	return 0;
}

static int add_lines(struct names *names, size_t size, const char *place, struct err *err)
{
	size_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += names->text[i] == '\n';
	names->name = malloc(lines * sizeof *names->name);
	if (!names->name)
		return err_set(err, "%s: out of memory", place);
	for (size_t at = 0; at < size;) {
		const char *line = names->text + at;
		const char *end = memchr(line, '\n', size - at);
		size_t bytes = end ? (size_t)(end - line) : size - at;
		at += bytes + 1;
		line_trim(&line, &bytes);
		if (add_name(names, line, bytes, place, err) < 0)
			return -1;
	}
	if (names->count == 0)
		return err_set(err, "%s: no names in it, expected one a line", place);
	return check_distinct(names, place, err);
}

struct names *names_parse(const char *text, size_t size, const char *place, struct err *err)
{
	struct names *names = calloc(1, sizeof *names);

	if (names)
		names->text = malloc(size + 1);
	if (!names || !names->text) {
		names_free(names);
		err_set(err, "%s: out of memory", place);
		return NULL;
	}
	memcpy(names->text, text, size);
	names->text[size] = 0;
	if (add_lines(names, size, place, err) < 0) {
		names_free(names);
		return NULL;
	}
	return names;
}

struct names *names_load(const char *path, struct err *err)
{
	size_t size;
	char *text = file_read_any(path, (size_t)NAMES_MAX * (NAME_BYTES + 1), &size, err);
	struct names *names = text ? names_parse(text, size, err_path(path), err) : NULL;

	free(text);
	return names;
}

struct names *names_bundled(struct err *err)
{
	return names_parse(bundled, sizeof bundled - 1, "bundled names", err);
}

void names_free(struct names *names)
{
	if (!names)
		return;
	free(names->name);
	free(names->text);
	free(names);
}
