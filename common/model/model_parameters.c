#include "common/model/model_parameters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/model/parameter_files.h"

/* Keys of the metadata. */
#define HEADS "n_head" /* as in config.json */
#define VOCAB "vocab_digest"
#define KIND "kind" /* of gpt_kind(); absent if that is empty */

#define OWN_KIND "memoscope's own settings" /* in messages */

/* All tensors of GPT2LMHeadModel, which always has biases. To free(). NULL: out of memory. */
static struct gpt_tensor *full_tensors(const struct gpt_config *config, int *count)
{
	struct gpt_config full = *config;

	full.bias = true;
	*count = gpt_tensor_count(&full);
	struct gpt_tensor *tensors = calloc((size_t)*count, sizeof *tensors);
	if (tensors)
		gpt_tensors(&full, tensors);
	return tensors;
}

static bool is_bias(const struct gpt_tensor *tensor)
{
	size_t length = strlen(tensor->name);

	return length > 5 && strcmp(tensor->name + length - 5, ".bias") == 0;
}

/* A tensor as safetensors.h wants it. */
static struct safetensor described(const struct gpt_tensor *tensor, const float *data)
{
	struct safetensor out = {.name = tensor->name, .data = data};

	if (tensor->rows > 0)
		out.shape[out.dims++] = (size_t)tensor->rows;
	out.shape[out.dims++] = (size_t)tensor->cols;
	return out;
}

/* ---- writing ---- */

/* Which model the parameters belong to, and what transformers needs. New reference. */
static json_t *new_metadata(const struct model *model)
{
	char digest[VOCAB_DIGEST_SIZE], kind[GPT_KIND];

	vocab_digest(model->vocab, digest);
	gpt_kind(&model->config, kind);
	return json_pack("{s:s, s:o, s:s, s:s*}", "format", "pt", HEADS,
	                 json_sprintf("%d", model->config.heads), VOCAB, digest, KIND,
	                 *kind ? kind : NULL);
}

/* Zeros for the longest bias, to free(). */
static float *new_zeros(const struct gpt_config *config)
{
	const int inner = gpt_inner(config), qkv = 3 * config->width;

	return calloc((size_t)(inner > qkv ? inner : qkv), sizeof(float));
}

int parameters_image_new(struct parameters_image *image, const struct model *model,
                         struct err *err)
{
	int count;
	struct gpt_tensor *tensors = full_tensors(&model->config, &count);
	struct safetensor *list = calloc((size_t)count, sizeof *list);
	json_t *metadata = new_metadata(model);
	size_t offset = 0; /* in a model without biases the other tensors have the same order */
	int result = -1;

	*image = (struct parameters_image){.zeros = new_zeros(&model->config)};
	if (tensors && list && metadata && image->zeros) {
		for (int i = 0; i < count; i++) {
			bool absent = is_bias(&tensors[i]) && !model->config.bias;
			list[i] = described(&tensors[i], absent ? image->zeros : model->params + offset);
			if (!absent)
				offset += tensors[i].count;
		}
		result = safetensors_image(&image->file, list, count, metadata, err);
	} else {
		err_set(err, "out of memory");
	}
	json_decref(metadata);
	free(list);
	free(tensors);
	if (result < 0)
		free(image->zeros);
	return result;
}

void parameters_image_release(struct parameters_image *image)
{
	safetensors_image_release(&image->file);
	free(image->zeros);
}

/* ---- reading ---- */

/* If not all files of the directory were replaced, some are another model's. Files of other
 * programs, and old ones, do not say which model they belong to. */
static int check_metadata(const struct safetensors *file, const struct model *model,
                          struct err *err)
{
	const char *path = safetensors_path(file);
	const char *heads = safetensors_metadata(file, HEADS);
	const char *vocab = safetensors_metadata(file, VOCAB);
	const char *kind = safetensors_metadata(file, KIND);
	char digest[VOCAB_DIGEST_SIZE], number[16], config_kind[GPT_KIND];

	snprintf(number, sizeof number, "%d", model->config.heads);
	if (heads && strcmp(heads, number) != 0)
		return err_set(err, "%s: of a network with \"" HEADS "\" %.10s, config.json says %s: "
		               "files of two models are mixed", path, heads, number);
	gpt_kind(&model->config, config_kind);
	if (heads && strcmp(kind ? kind : "", config_kind) != 0)
		return err_set(err, "%s: of a network with %s, config.json says %s: files of two models "
		               "are mixed", path, kind ? kind : OWN_KIND,
		               *config_kind ? config_kind : OWN_KIND);
	vocab_digest(model->vocab, digest);
	if (vocab && strcmp(vocab, digest) != 0)
		return err_set(err, "%s: of a network with another vocabulary than vocab.json's: "
		               "files of two models are mixed", path);
	return 0;
}

int model_parameters_load(const char *path, struct model *model, struct err *err)
{
	struct parameter_files files;
	struct state_dict dict = {0};
	int result = 0;

	if (parameter_files_open(&files, path, err) < 0)
		return -1;
	for (size_t i = 0; i < files.count && result == 0; i++)
		result = check_metadata(files.files[i], model, err);
	if (result == 0)
		result = parameter_files_state(&files, &dict, err);
	if (result == 0) {
		model->params = state_dict_parameters(&dict, &model->config, err);
		result = model->params ? 0 : -1;
	}
	state_dict_release(&dict);
	parameter_files_close(&files);
	return result;
}
