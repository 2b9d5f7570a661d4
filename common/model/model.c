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

bool model_has_file(const char *name)
{
	int i = 0;

	while (i < MODEL_FILES && strcmp(name, model_file_names[i]) != 0)
		i++;
	return i < MODEL_FILES;
}

/* ---- removing ---- */

static int remove_files(const char *path, DIR *directory, struct err *err)
{
	const struct dirent *entry;

	while ((entry = readdir(directory)) != NULL)
		if (model_has_file(entry->d_name) &&
		    TEMP_FAILURE_RETRY(unlinkat(dirfd(directory), entry->d_name, 0)) < 0)
			return err_set(err, "%s/%s: cannot remove: %s", path, entry->d_name,
			               strerror(errno));
	return 0;
}

int model_remove(const char *directory, struct err *err)
{
	int fd = file_open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return 0;
	if (!stream) {
		err_set(err, "%s: cannot open: %s", directory, strerror(errno));
		if (fd >= 0)
			file_close(fd);
		return -1;
	}
	int result = remove_files(directory, stream, err);
	closedir(stream);
	if (result == 0)
		result = directory_sweep(directory, model_has_file, err);
	if (result == 0 && TEMP_FAILURE_RETRY(rmdir(directory)) < 0 && errno != ENOTEMPTY &&
	    errno != EEXIST)
		result = err_set(err, "%s: cannot remove: %s", directory, strerror(errno));
	return result;
}
