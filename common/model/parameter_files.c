#include "common/model/parameter_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int open_all(struct parameter_files *files, char *const *paths, size_t count,
                    struct err *err)
{
	files->files = calloc(count + 1, sizeof *files->files);
	if (!files->files)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < count; i++) {
		files->files[i] = safetensors_open(paths[i], err);
		if (!files->files[i])
			return -1;
		files->count++;
	}
	return 0;
}

int parameter_files_open(struct parameter_files *files, const char *path, struct err *err)
{
	char *index, *const one = (char *)path;
	int result;

	*files = (struct parameter_files){0};
	if (asprintf(&index, "%s" PARAMETER_INDEX, path) < 0)
		return err_set(err, "%s: out of memory", path);
	if (access(path, F_OK) == 0 || access(index, F_OK) < 0) {
		result = open_all(files, &one, 1, err);
	} else {
		result = shard_index_read(&files->index, index, err);
		if (result == 0)
			result = open_all(files, files->index.files, files->index.count, err);
	}
	free(index);
	if (result < 0)
		parameter_files_close(files);
	return result;
}

void parameter_files_close(struct parameter_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		safetensors_close(files->files[i]);
	free(files->files);
	shard_index_release(&files->index);
	*files = (struct parameter_files){0};
}

static int read_entry(const struct state_entry *entry, float *to, struct err *err)
{
	const struct stored_tensor *tensor = entry->tensor;

	(void)err;
	stored_widen(tensor->dtype, safetensors_data(entry->file, tensor),
	             (size_t)stored_tensor_count(tensor), to);
	safetensors_drop(entry->file, tensor);
	return 0;
}

int parameter_files_state(const struct parameter_files *files, struct state_dict *dict,
                          struct err *err)
{
	int result = 0;

	*dict = (struct state_dict){.read = read_entry, .path = files->index.path};
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
	if (result == 0 && files->index.path)
		result = shard_index_check(&files->index, dict, err);
	if (result < 0)
		state_dict_release(dict);
	return result;
}
