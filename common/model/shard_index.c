#include "common/model/shard_index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/model/json_file.h"

static const json_t *weight_map(const struct shard_index *index)
{
	return json_object_get(index->json, "weight_map");
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
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

/* A file name of the index names a file of the directory. */
static int check_name(const char *index, const char *tensor, const json_t *file, struct err *err)
{
	const char *name = json_string_value(file);

	if (!name)
		return err_set(err, "%s: the file of tensor \"%s\" is no string", index, tensor);
	if (*name == '\0' || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(err, "%s: tensor \"%s\" is in \"%s\", expected the name of a file in the "
		               "same directory", index, tensor, name);
	return 0;
}

/* List each file of the weight map once. seen: a set of their names. */
static int list_files(struct shard_index *index, json_t *seen, struct err *err)
{
	const json_t *map = weight_map(index);
	const char *tensor;
	json_t *file;

	if (!json_is_object(map))
		return err_set(err, "%s: \"weight_map\" is no JSON object", index->path);
	index->files = calloc(json_object_size(map) + 1, sizeof *index->files);
	if (!index->files || !seen)
		return err_set(err, "%s: out of memory", index->path);
	json_object_foreach((json_t *)map, tensor, file) {
		if (check_name(index->path, tensor, file, err) < 0)
			return -1;
		const char *name = json_string_value(file);
		if (json_object_get(seen, name))
			continue;
		index->files[index->count] = beside(index->path, name);
		if (index->files[index->count] && access(index->files[index->count], F_OK) < 0)
			return err_set(err, "%s: cannot open: %s, but %s lists it: fetch all files of the "
			               "model", index->files[index->count++], strerror(errno),
			               file_name(index->path));
		if (!index->files[index->count++] || json_object_set_new(seen, name, json_null()) < 0)
			return err_set(err, "%s: out of memory", index->path);
	}
	return 0;
}

int shard_index_read(struct shard_index *index, const char *path, struct err *err)
{
	json_t *seen = json_object();
	int result = -1;

	*index = (struct shard_index){.path = strdup(path)};
	if (!index->path)
		err_set(err, "%s: out of memory", path);
	else if ((index->json = json_file_object(path, err)))
		result = list_files(index, seen, err);
	json_decref(seen);
	if (result < 0)
		shard_index_release(index);
	return result;
}

void shard_index_release(struct shard_index *index)
{
	for (size_t i = 0; i < index->count; i++)
		free(index->files[i]);
	free(index->files);
	json_decref(index->json);
	free(index->path);
	*index = (struct shard_index){0};
}

int shard_index_check(const struct shard_index *index, const struct state_dict *dict,
                      struct err *err)
{
	const json_t *map = weight_map(index);
	const char *tensor;
	json_t *file;

	json_object_foreach((json_t *)map, tensor, file) {
		const struct state_entry *entry = state_dict_find(dict, tensor);
		if (!entry)
			return err_set(err, "%s: tensor \"%s\" is not in %s", index->path, tensor,
			               json_string_value(file));
		if (strcmp(file_name(entry->path), json_string_value(file)) != 0)
			return err_set(err, "%s: tensor \"%s\" is not in %s, but in %s", index->path, tensor,
			               json_string_value(file), file_name(entry->path));
	}
	for (size_t i = 0; i < dict->count; i++)
		if (!json_object_get(map, dict->entries[i].tensor->name))
			return err_set(err, "%s: tensor \"%s\" is not listed in %s", dict->entries[i].path,
			               dict->entries[i].tensor->name, index->path);
	return 0;
}
