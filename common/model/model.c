#include "common/model/model.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/model/model_files.h"

const char *const model_file_names[MODEL_FILES] = {
	[MODEL_CONFIG] = "config.json",
	[MODEL_VOCAB] = "vocab.json",
	[MODEL_MERGES] = "merges.txt",
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

	return json_pack("{s:s, s:I, s:i, s:i, s:i, s:i, s:O, s:O*}", "directory", directory,
	                 "parameters", (json_int_t)gpt_parameter_count(config),
	                 "layers", config->layers, "heads", config->heads,
	                 "width", config->width, "context", config->context,
	                 "chain", chain ? chain : json_null(), "from",
	                 json_object_get(model->about, "from"));
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

const char *model_find_file(const struct directory *directory)
{
	for (int i = MODEL_FILES - 1; i >= 0; i--) /* the last ones tell most */
		if (faccessat(directory->fd, model_file_names[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return model_file_names[i];
	return NULL;
}

bool model_is_checkpoint(const char *name)
{
	const size_t size = strlen(name);

	return strncmp(name, "step-", 5) == 0 && size >= 11 &&
	       strspn(name + 5, "0123456789") == size - 5;
}

/* Has it the name of a folder of a run's directory, wherever links lead? */
static bool is_part_of_run(const struct directory *directory)
{
	char *path = realpath(directory->path, NULL);
	const char *slash = path ? strrchr(path, '/') : NULL;
	const bool result = slash && (strcmp(slash, "/last") == 0 || model_is_checkpoint(slash + 1));

	free(path);
	return result;
}

int model_directory_lock(const struct directory *directory, struct directory *above,
                         const char *busy, struct err *err)
{
	struct err unreadable = {0};

	*above = DIRECTORY_CLOSED;
	if (directory_lock(directory, false, busy, err) < 0)
		return -1;
	/* one that cannot be read cannot be locked, and no run can train into it */
	if (!is_part_of_run(directory) ||
	    directory_open_in(above, directory, "..", true, &unreadable) < 0)
		return 0;
	if (directory_lock(above, true, "", &unreadable) == 0)
		return 0;
	directory_close(above);
	return err_set(err, "%s: another gpt-train is training into the directory around it",
	               directory->path);
}

int model_remove_files(const struct directory *directory, struct err *err)
{
	int result = 0;

	for (int i = 0; i < MODEL_FILES && result == 0; i++)
		result = directory_unlink(directory, model_file_names[i], err);
	return result == 0 ? directory_sweep(directory, model_has_file, err) : -1;
}
