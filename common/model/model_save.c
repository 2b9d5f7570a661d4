/* model_save.c - write a model directory. */
#include "common/model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/model/bpe_json.h"
#include "common/model/checksum.h"
#include "common/model/config_json.h"
#include "common/model/model_files.h"
#include "common/model/model_parameters.h"
#include "common/model/tokenizer_json.h"

/* memoscope.json: what the caller says about the model, and what the tensors do not tell. NULL:
 * out of memory. */
static json_t *about_json(const struct model *model)
{
	json_t *about = model->about ? json_copy(model->about) : json_object();
	char checksum[CHECKSUM_SIZE];
	struct err err = {0};

	if (!json_object_get(about, "chain"))
		json_object_set_new(about, "chain", json_array());
	json_object_set_new(about, "bias", json_boolean(model->config.bias));
	if (checksum_of_json(about, checksum, &err) == 0 &&
	    json_object_set_new(about, CHECKSUM_KEY, json_string(checksum)) == 0)
		return about;
	json_decref(about);
	return NULL;
}

/* The text of a JSON file, to free(); NULL if it cannot be made. Takes json. */
static char *json_text(json_t *json, size_t flags)
{
	char *text = json ? json_dumps(json, JSON_INDENT(2) | flags) : NULL;
	char *line = NULL;

	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	json_decref(json);
	free(text);
	return line;
}

/* The texts of all files but the parameters. The caller frees them, in any case. */
static int make_texts(const char *directory, const struct model *model,
                      char *texts[MODEL_FILES], struct err *err)
{
	const struct gpt_config *config = &model->config;

	json_t *json = config_json_new(config);

	if (json)
		json_object_set_new(json, "eos_token_id", end_tokens_json(&model->ends));
	texts[MODEL_CONFIG] = json_text(json, JSON_REAL_PRECISION(15));
	texts[MODEL_VOCAB] = json_text(vocab_json_new(model->vocab), 0);
	if (vocab_bpe(model->vocab))
		texts[MODEL_MERGES] = bpe_json_merges_text(model->vocab);
	texts[MODEL_TOKENIZER] = json_text(tokenizer_json_new(model->vocab), 0);
	texts[MODEL_TOKENIZER_CONFIG] = json_text(tokenizer_config_json_new(config->context), 0);
	texts[MODEL_ABOUT] = json_text(about_json(model), 0);
	for (int i = 0; i < MODEL_FILES; i++)
		if (i != MODEL_PARAMETERS && !texts[i] && (i != MODEL_MERGES || vocab_bpe(model->vocab)))
			return err_set(err, "%s/%s: cannot be written as JSON", directory,
			               model_file_names[i]);
	return 0;
}

/* Write all files; more: one that goes before them, or NULL. */
static int write_files(const struct directory *directory, char *const texts[MODEL_FILES],
                       const struct parameters_image *params, const struct file_content *more,
                       struct err *err)
{
	struct file_content files[MODEL_FILES + 1];
	struct iovec parts[MODEL_FILES];
	int count = 0;

	if (more)
		files[count++] = *more;
	for (int i = 0; i < MODEL_FILES; i++) {
		if (i != MODEL_PARAMETERS && !texts[i])
			continue; /* a model without merges */
		if (i == MODEL_PARAMETERS) {
			files[count++] = (struct file_content){model_file_names[i], params->file.parts,
			                                       params->file.count};
		} else {
			parts[i] = (struct iovec){texts[i], strlen(texts[i])};
			files[count++] = (struct file_content){model_file_names[i], &parts[i], 1};
		}
	}
	return file_replace_all(directory, files, count, err);
}

/* Can it be saved at all? path: of the directory, for messages. */
static int check_model(const char *path, const struct model *model, struct err *err)
{
	if (gpt_config_check(&model->config, err) < 0)
		return -1;
	if (vocab_size(model->vocab) == model->config.vocab)
		return 0;
	return err_set(err, "%s: a vocabulary of %d tokens for a network of %d", path,
	               vocab_size(model->vocab), model->config.vocab);
}

int model_save_in(const struct directory *directory, const struct model *model,
                  const struct file_content *more, struct err *err)
{
	struct parameters_image params;
	char *texts[MODEL_FILES] = {0};
	int result = -1;

	if (check_model(directory->path, model, err) < 0)
		return -1;
	if (make_texts(directory->path, model, texts, err) == 0 &&
	    parameters_image_new(&params, model, err) == 0) {
		result = write_files(directory, texts, &params, more, err);
		parameters_image_release(&params);
	}
	for (int i = 0; i < MODEL_FILES; i++)
		free(texts[i]);
	return result;
}

int model_save(const char *path, const struct model *model, struct err *err)
{
	struct directory directory;

	/* first, so that no directory is made for what cannot be saved */
	if (check_model(path, model, err) < 0 || directory_make(path, err) < 0 ||
	    directory_open(&directory, path, err) < 0)
		return -1;
	int result = model_save_in(&directory, model, NULL, err);
	directory_close(&directory);
	return result;
}
