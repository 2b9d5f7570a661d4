/* model_load.c - read a model directory. */
#include "common/model/model.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/utf8.h"
#include "common/model/config_json.h"
#include "common/model/model_files.h"
#include "common/model/model_parameters.h"

#define JSON_MAX ((size_t)64 << 20) /* the most bytes of a JSON file that are read */

/* The object that a JSON file holds. NULL with err set. */
static json_t *load_object(const char *path, struct err *err)
{
	json_error_t error;
	size_t size;
	char *text = file_read(path, JSON_MAX, &size, err);

	if (!text)
		return NULL;
	const size_t mark = utf8_mark(text, size);
	json_t *json = json_loadb(text + mark, size - mark, JSON_REJECT_DUPLICATES, &error);
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

static int load_config(const char *path, struct model *model, struct err *err)
{
	json_t *json = load_object(path, err);
	int result = json ? config_json_read(path, json, &model->config, err) : -1;

	json_decref(json);
	return result;
}

static int load_vocab(const char *path, struct model *model, struct err *err)
{
	model->vocab = vocab_load(path, err);
	if (!model->vocab)
		return -1;
	if (vocab_size(model->vocab) != model->config.vocab)
		return err_set(err, "%s: %d characters, but config.json has a \"vocab_size\" of %d", path,
		               vocab_size(model->vocab), model->config.vocab);
	return 0;
}

/* memoscope.json. A model that transformers saved has none. */
static int load_about(const char *path, struct model *model, struct err *err)
{
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		model->about = json_pack("{s:[]}", "chain");
		return model->about ? 0 : err_set(err, "out of memory");
	}
	model->about = load_object(path, err);
	if (!model->about)
		return -1;
	const json_t *chain = json_object_get(model->about, "chain");
	const json_t *bias = json_object_get(model->about, "bias");
	if (!json_is_array(chain))
		return err_set(err, "%s: \"chain\" is no array", path);
	if (bias && !json_is_boolean(bias))
		return err_set(err, "%s: \"bias\" is neither true nor false", path);
	model->config.bias = json_is_true(bias);
	return 0;
}

/* In this order: each needs what those before it found. */
static const struct {
	enum model_file file;
	int (*load)(const char *path, struct model *model, struct err *err);
} loaders[] = {
	{MODEL_CONFIG, load_config},
	{MODEL_VOCAB, load_vocab},
	{MODEL_ABOUT, load_about},
	{MODEL_PARAMETERS, model_parameters_load},
};

static bool is_there(const char *directory, const char *name)
{
	char *path;
	bool there = true; /* if it is not known, who opens it will say so */

	if (asprintf(&path, "%s/%s", directory, name) >= 0) {
		there = access(path, F_OK) == 0 || errno != ENOENT;
		free(path);
	}
	return there;
}

/* A directory that has some of the files that a model needs, and lacks others, is a sign of
 * something that was cut short. */
static int check_complete(const char *directory, struct err *err)
{
	static const enum model_file needed[] = {MODEL_CONFIG, MODEL_VOCAB, MODEL_PARAMETERS};
	const char *has = NULL, *lacks = NULL;

	for (int i = 0; i < 3; i++) {
		const char *name = model_file_names[needed[i]];
		if (is_there(directory, name))
			has = name;
		else
			lacks = name;
	}
	const bool state = is_there(directory, MODEL_STATE);
	if (!lacks || !(has || state))
		return 0;
	if (state)
		return err_set(err, "%s/%s: cannot open: No such file, but " MODEL_STATE " is there: a "
		               "save was cut short; gpt-train --resume completes it", directory, lacks);
	return err_set(err, "%s/%s: cannot open: No such file, but %s is there: a save or a copy was "
	               "cut short", directory, lacks, has);
}

int model_load(const char *directory, struct model *model, struct err *err)
{
	int result = check_complete(directory, err);

	*model = (struct model){0};
	for (size_t i = 0; i < sizeof loaders / sizeof *loaders && result == 0; i++) {
		char *path = model_file_path(directory, loaders[i].file, err);
		result = path ? loaders[i].load(path, model, err) : -1;
		free(path);
	}
	if (result < 0)
		model_release(model);
	return result;
}
