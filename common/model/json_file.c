#include "common/model/json_file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/utf8.h"
#include "common/model/foreign_file.h"

static json_t *load(const char *path, size_t flags, struct err *err)
{
	json_error_t error;
	size_t size;
	char *text = file_read(path, JSON_FILE_MAX, &size, err);

	if (!text)
		return NULL;
	const size_t mark = utf8_mark(text, size);
	const char *kind = foreign_file_kind(text, size);
	if (kind) {
		err_set(err, "%s: %s", path, kind);
		free(text);
		return NULL;
	}
	json_t *json = json_loadb(text + mark, size - mark, JSON_REJECT_DUPLICATES | flags, &error);
	free(text);
	if (!json) {
		err_set(err, "%s: line %d: %s", path, error.line, error.text);
	} else if (!json_is_object(json)) {
		err_set(err, "%s: holds no JSON object", path);
		json_decref(json);
		json = NULL;
	}
	return json;
}

json_t *json_file_object(const char *path, struct err *err)
{
	return load(path, 0, err);
}

json_t *json_file_object_of_reals(const char *path, struct err *err)
{
	return load(path, JSON_DECODE_INT_AS_REAL, err);
}

bool json_file_exists(const char *path)
{
	return access(path, F_OK) == 0 || errno != ENOENT;
}
