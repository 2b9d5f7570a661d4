#include "common/model/model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/model/model_files.h"

const char *const model_file_names[MODEL_FILES] = {
	[MODEL_CONFIG] = "config.json",
	[MODEL_VOCAB] = "vocab.json",
	[MODEL_TOKENIZER] = "tokenizer.json",
	[MODEL_TOKENIZER_CONFIG] = "tokenizer_config.json",
	[MODEL_PARAMETERS] = "model.safetensors",
	[MODEL_ABOUT] = "memoscope.json",
};

char *model_file_path(const char *directory, enum model_file file, struct err *err)
{
	char *path;

	if (asprintf(&path, "%s/%s", directory, model_file_names[file]) < 0) {
		err_set(err, "out of memory");
		return NULL;
	}
	return path;
}

json_t *model_summary(const struct model *model, const char *directory)
{
	const struct gpt_config *config = &model->config;
	json_t *chain = json_object_get(model->about, "chain");

	return json_pack("{s:s, s:I, s:i, s:i, s:i, s:i, s:O}", "directory", directory,
	                 "parameters", (json_int_t)gpt_parameter_count(config),
	                 "layers", config->layers, "heads", config->heads,
	                 "width", config->width, "context", config->context,
	                 "chain", chain ? chain : json_null());
}

void model_release(struct model *model)
{
	vocab_free(model->vocab);
	free(model->params);
	json_decref(model->about);
	*model = (struct model){0};
}

/* ---- removing ---- */

/* A file of a model, or a temporary one that a killed process left behind. */
static bool is_model_file(const char *name)
{
	size_t size = strlen(name);
	bool temporary = size > 4 && strcmp(name + size - 4, ".tmp") == 0;

	for (int i = 0; i < MODEL_FILES; i++) {
		size_t own = strlen(model_file_names[i]);
		if (strncmp(name, model_file_names[i], own) == 0 &&
		    (name[own] == 0 || (name[own] == '.' && temporary)))
			return true;
	}
	return false;
}

static int remove_files(const char *path, DIR *directory, struct err *err)
{
	const struct dirent *entry;

	while ((entry = readdir(directory)) != NULL)
		if (is_model_file(entry->d_name) &&
		    unlinkat(dirfd(directory), entry->d_name, 0) < 0)
			return err_set(err, "%s/%s: cannot remove: %s", path, entry->d_name,
			               strerror(errno));
	return 0;
}

int model_remove(const char *directory, struct err *err)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return 0;
	if (!stream) {
		err_set(err, "%s: cannot open: %s", directory, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	int result = remove_files(directory, stream, err);
	closedir(stream);
	if (result == 0 && rmdir(directory) < 0 && errno != ENOTEMPTY && errno != EEXIST)
		result = err_set(err, "%s: cannot remove: %s", directory, strerror(errno));
	return result;
}
