#include "common/model/parameter_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/model/json_file.h"

/* ---- the index ---- */

/* A file name of the index names a file of the directory. */
static int check_file_name(const char *index, const char *tensor, const json_t *file,
                           struct err *err)
{
	const char *name = json_string_value(file);

	if (!name)
		return err_set(err, "%s: the file of tensor \"%s\" is no string", index, tensor);
	if (*name == '\0' || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(err, "%s: tensor \"%s\" is in \"%s\", expected the name of a file in the "
		               "same directory", index, tensor, name);
	return 0;
}

/* The path of a file beside the index, to free(). NULL: out of memory. */
static char *beside(const char *index, const char *name)
{
	const char *slash = strrchr(index, '/');
	char *path;

	if (asprintf(&path, "%.*s%s", slash ? (int)(slash - index) + 1 : 0, index, name) < 0)
		return NULL;
	return path;
}

static int open_one(struct parameter_files *files, const char *path, struct err *err)
{
	struct safetensors *file = safetensors_open(path, err);

	if (file)
		files->files[files->count++] = file;
	return file ? 0 : -1;
}

/* Open each file of the weight map once. numbers: their places in files, by name. */
static int open_shards(struct parameter_files *files, const json_t *map, json_t *numbers,
                       struct err *err)
{
	const char *tensor;
	json_t *file;

	json_object_foreach((json_t *)map, tensor, file) {
		if (check_file_name(files->index, tensor, file, err) < 0)
			return -1;
		const char *name = json_string_value(file);
		if (json_object_get(numbers, name))
			continue;
		char *path = beside(files->index, name);
		const size_t number = files->count;
		int result = path ? open_one(files, path, err)
		                  : err_set(err, "%s: out of memory", files->index);
		free(path);
		if (result < 0)
			return -1;
		if (json_object_set_new(numbers, name, json_integer((json_int_t)number)) < 0)
			return err_set(err, "%s: out of memory", files->index);
	}
	return 0;
}

/* Index and files must say the same. */
static int check_shards(const struct parameter_files *files, const json_t *map,
                        const json_t *numbers, struct err *err)
{
	const char *tensor;
	json_t *value;

	json_object_foreach((json_t *)map, tensor, value) {
		const json_t *number = json_object_get(numbers, json_string_value(value));
		const struct safetensors *file = files->files[json_integer_value(number)];
		if (!safetensors_named(file, tensor))
			return err_set(err, "%s: tensor \"%s\" is missing, but %s lists it",
			               safetensors_path(file), tensor, files->index);
	}
	for (size_t i = 0; i < files->count; i++) {
		const struct safetensors *file = files->files[i];
		for (size_t k = 0; k < safetensors_count(file); k++) {
			const char *name = safetensors_tensor(file, k)->name;
			const char *listed = json_string_value(json_object_get(map, name));
			if (!listed)
				return err_set(err, "%s: tensor \"%s\" is not listed in %s",
				               safetensors_path(file), name, files->index);
			if (json_integer_value(json_object_get(numbers, listed)) != (json_int_t)i)
				return err_set(err, "%s: tensor \"%s\" stands also in %s", safetensors_path(file),
				               name, listed);
		}
	}
	return 0;
}

static int open_index(struct parameter_files *files, struct err *err)
{
	json_t *json = json_file_object(files->index, err), *numbers = json_object();
	const json_t *map = json_object_get(json, "weight_map");
	int result = -1;

	if (!json || !numbers)
		err_set(err, "%s: out of memory", files->index); /* an earlier error stays */
	else if (!json_is_object(map))
		err_set(err, "%s: \"weight_map\" is no JSON object", files->index);
	else if (!(files->files = calloc(json_object_size(map) + 1, sizeof *files->files)))
		err_set(err, "%s: out of memory", files->index);
	else if (open_shards(files, map, numbers, err) == 0)
		result = check_shards(files, map, numbers, err);
	json_decref(numbers);
	json_decref(json);
	return result;
}

/* ---- the files ---- */

int parameter_files_open(struct parameter_files *files, const char *path, struct err *err)
{
	int result;

	*files = (struct parameter_files){0};
	if (asprintf(&files->index, "%s" PARAMETER_INDEX, path) < 0) {
		files->index = NULL;
		return err_set(err, "%s: out of memory", path);
	}
	if (access(path, F_OK) == 0 || access(files->index, F_OK) < 0) {
		free(files->index);
		files->index = NULL;
		files->files = calloc(1, sizeof *files->files);
		result = files->files ? open_one(files, path, err)
		                      : err_set(err, "%s: out of memory", path);
	} else {
		result = open_index(files, err);
	}
	if (result < 0)
		parameter_files_close(files);
	return result;
}

void parameter_files_close(struct parameter_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		safetensors_close(files->files[i]);
	free(files->files);
	free(files->index);
	*files = (struct parameter_files){0};
}

static int read_entry(const struct state_entry *entry, float *to, struct err *err)
{
	const struct stored_tensor *tensor = entry->tensor;

	(void)err;
	stored_widen(tensor->dtype, safetensors_data(entry->file, tensor),
	             (size_t)stored_tensor_count(tensor), to);
	return 0;
}

int parameter_files_state(const struct parameter_files *files, struct state_dict *dict,
                          struct err *err)
{
	int result = 0;

	*dict = (struct state_dict){.read = read_entry, .path = files->index};
	for (size_t i = 0; i < files->count; i++) {
		struct safetensors *file = files->files[i];
		if (!dict->path)
			dict->path = safetensors_path(file);
		dict->size += safetensors_size(file);
		for (size_t k = 0; k < safetensors_count(file) && result == 0; k++)
			result = state_dict_add(dict, safetensors_tensor(file, k), safetensors_path(file), file,
			                        err);
	}
	if (result == 0)
		result = state_dict_sort(dict, err);
	if (result < 0)
		state_dict_release(dict);
	return result;
}
