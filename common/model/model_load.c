/* model_load.c - read a model directory. */
#include "common/model/model.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/model/checksum.h"
#include "common/model/config_json.h"
#include "common/model/foreign_file.h"
#include "common/model/json_file.h"
#include "common/model/model_files.h"
#include "common/model/model_parameters.h"
#include "common/model/model_vocab.h"
#include "common/model/parameter_files.h"

static int load_config(const char *directory, struct model *model, struct err *err)
{
	char *path = model_file_path(directory, MODEL_CONFIG, err);
	json_t *json = path ? json_file_object(path, err) : NULL;
	int result = json ? config_json_read(path, json, &model->config, err) : -1;

	if (result == 0)
		result = end_tokens_load(&model->ends, directory, json, model->config.vocab, err);
	json_decref(json);
	free(path);
	return result;
}

/* The vocabulary, from several files of the directory. */
static int load_vocab(const char *directory, struct model *model, struct err *err)
{
	model->vocab = model_vocab_load(directory, err);
	if (!model->vocab)
		return -1;
	const int own = vocab_size(model->vocab), all = model->config.vocab;
	if (own > all)
		return err_set(err, "%s/%s: %d tokens, but config.json has a \"vocab_size\" of %d",
		               directory, model_file_names[MODEL_VOCAB], own, all);
	if (own < all)
		return err_set(err, "%s/%s: %d tokens, but config.json has a \"vocab_size\" of %d, and a "
		               "vocabulary of characters is padded with %d tokens at most", directory,
		               model_file_names[MODEL_VOCAB], own, all, VOCAB_PADDING);
	return 0;
}

/* memoscope.json. A model that transformers saved has none. */
static int load_about(const char *path, struct model *model, struct err *err)
{
	char checksum[CHECKSUM_SIZE];

	if (!json_file_exists(path)) {
		model->about = json_pack("{s:[]}", "chain");
		return model->about ? 0 : err_set(err, "out of memory");
	}
	model->about = json_file_object(path, err);
	if (!model->about || checksum_of_json(model->about, checksum, err) < 0 ||
	    checksum_check(model->about, checksum, path, err) < 0)
		return -1;
	json_object_del(model->about, CHECKSUM_KEY);
	const json_t *chain = json_object_get(model->about, "chain");
	const json_t *bias = json_object_get(model->about, "bias");
	if (!json_is_array(chain))
		return err_set(err, "%s: \"chain\" is no array", path);
	if (bias && !json_is_boolean(bias))
		return err_set(err, "%s: \"bias\" is neither true nor false", path);
	model->config.bias = json_is_true(bias);
	return 0;
}

/* Is the file NAME, with more at the end of its name, in the directory? */
static bool is_there(const char *directory, const char *name, const char *more)
{
	char *path;
	bool there = true; /* if it is not known, who opens it will say so */

	if (asprintf(&path, "%s/%s%s", directory, name, more) >= 0) {
		there = access(path, F_OK) == 0 || errno != ENOENT;
		free(path);
	}
	return there;
}

/* A file is no model, but some can be made one. */
static int check_directory(const char *path, struct err *err)
{
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
		return 0;
	if (foreign_file_check(path, err) < 0)
		return -1;
	return err_set(err, "%s: is a file, expected a model directory: the one that has "
	               "model.safetensors in it, or one that model-import makes of a checkpoint", path);
}

/* A directory that has some of the files that a model needs, and lacks others, is a sign of
 * something that was cut short. */
static int check_complete(const char *directory, struct err *err)
{
	static const enum model_file needed[] = {MODEL_CONFIG, MODEL_VOCAB, MODEL_PARAMETERS};
	const char *has = NULL, *lacks = NULL;

	for (int i = 0; i < 3; i++) {
		const char *name = model_file_names[needed[i]];
		const bool index = needed[i] == MODEL_PARAMETERS, vocab = needed[i] == MODEL_VOCAB;
		if (is_there(directory, name, "") ||
		    (index && is_there(directory, name, PARAMETER_INDEX)) ||
		    (vocab && is_there(directory, model_file_names[MODEL_TOKENIZER], "")))
			has = name;
		else
			lacks = name;
	}
	const bool state = is_there(directory, MODEL_STATE, "");
	if (!lacks)
		return 0;
	if (!state && lacks == model_file_names[MODEL_PARAMETERS] &&
	    foreign_file_check_directory(directory, err) < 0)
		return -1;
	if (!has && !state)
		return 0;
	if (state)
		return err_set(err, "%s/%s: cannot open: No such file, but " MODEL_STATE " is there: a "
		               "save was cut short; gpt-train --resume completes it", directory, lacks);
	return err_set(err, "%s/%s: cannot open: No such file, but %s is there: a save or a copy was "
	               "cut short", directory, lacks, has);
}

static int load_file(const char *directory, enum model_file file, struct model *model,
                     int (*load)(const char *path, struct model *model, struct err *err),
                     struct err *err)
{
	char *path = model_file_path(directory, file, err);
	int result = path ? load(path, model, err) : -1;

	free(path);
	return result;
}

/* Another program's files may lack what a GPT-2 needs: so before that, the network that they are
 * of. */
static int load_config_first(const char *directory, struct model *model, struct err *err)
{
	if (is_there(directory, model_file_names[MODEL_CONFIG], ""))
		return load_config(directory, model, err) < 0 ? -1 : check_complete(directory, err);
	return check_complete(directory, err) < 0 ? -1 : load_config(directory, model, err);
}

int model_load(const char *directory, struct model *model, struct err *err)
{
	*model = (struct model){0};
	/* in this order: each needs what those before it found */
	if (check_directory(directory, err) == 0 && load_config_first(directory, model, err) == 0 &&
	    load_vocab(directory, model, err) == 0 &&
	    load_file(directory, MODEL_ABOUT, model, load_about, err) == 0 &&
	    load_file(directory, MODEL_PARAMETERS, model, model_parameters_load, err) == 0)
		return 0;
	model_release(model);
	return -1;
}
