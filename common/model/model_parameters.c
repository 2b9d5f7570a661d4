#include "common/model/model_parameters.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keys of the metadata. */
#define HEADS "n_head" /* as in config.json */
#define VOCAB "vocab_digest"
#define KIND "kind" /* of gpt_kind(); absent if that is empty */

#define OWN_KIND "memoscope's own settings" /* in messages */
#define HEAD "lm_head.weight"

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

static const float *find(const struct safetensors *file, const struct gpt_tensor *tensor,
                         struct err *err)
{
	struct safetensor want = described(tensor, NULL);

	return safetensors_find(file, want.name, want.dims, want.shape, err);
}

static int check_finite(const char *path, const struct gpt_tensor *tensor, const float *data,
                        struct err *err)
{
	for (size_t i = 0; i < tensor->count; i++) {
		if (!isfinite(data[i]))
			return err_set(err, "%s: tensor \"%s\": element %zu is %f", path,
			               tensor->name, i, (double)data[i]);
	}
	return 0;
}

static bool all_zero(const float *data, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (data[i] != 0)
			return false;
	}
	return true;
}

/* Every tensor must be there. *bias becomes true if a bias is not zero. */
static int check_tensors(const char *path, const struct safetensors *file,
                         const struct gpt_tensor *tensors, int count, bool *bias,
                         struct err *err)
{
	for (int i = 0; i < count; i++) {
		const float *data = find(file, &tensors[i], err);
		if (!data || check_finite(path, &tensors[i], data, err) < 0)
			return -1;
		if (is_bias(&tensors[i]) && !all_zero(data, tensors[i].count))
			*bias = true;
	}
	return 0;
}

/* The output head, if the file has it, must equal the token embedding. */
static int check_head(const char *path, const struct safetensors *file,
                      const struct gpt_tensor *wte, struct err *err)
{
	struct safetensor want = described(wte, NULL);
	const float *tied = find(file, wte, err);
	const float *head = safetensors_find(file, HEAD, want.dims, want.shape, err);

	if (!tied || !head)
		return -1;
	if (memcmp(head, tied, wte->count * sizeof *head) != 0)
		return err_set(err, "%s: tensor \"%s\" differs from \"%s\", expected an output "
		               "head tied to it", path, HEAD, wte->name);
	return 0;
}

/* The file may hold the tensors of the network and the output head, nothing else. */
static int check_others(const char *path, const struct safetensors *file,
                        const struct gpt_tensor *tensors, int count, struct err *err)
{
	if (safetensors_count(file) == (size_t)count)
		return 0;
	for (size_t i = 0; i < safetensors_count(file); i++) {
		const char *name = safetensors_name(file, i);
		int k = 0;
		while (k < count && strcmp(name, tensors[k].name) != 0)
			k++;
		if (k < count)
			continue;
		if (strcmp(name, HEAD) != 0)
			return err_set(err, "%s: tensor \"%s\" has no place in the network of "
			               "config.json", path, name);
		if (check_head(path, file, &tensors[0], err) < 0)
			return -1;
	}
	return 0;
}

/* Copy the tensors of the network into model->params. */
static int copy_params(const struct safetensors *file, const struct gpt_tensor *tensors,
                       int count, struct model *model, struct err *err)
{
	size_t total = gpt_parameter_count(&model->config), offset = 0;

	model->params = malloc(total * sizeof *model->params);
	if (!model->params)
		return err_set(err, "out of memory for %zu parameters", total);
	for (int i = 0; i < count; i++) {
		if (is_bias(&tensors[i]) && !model->config.bias)
			continue;
		const float *data = find(file, &tensors[i], err);
		if (!data)
			return -1;
		memcpy(model->params + offset, data, tensors[i].count * sizeof *data);
		offset += tensors[i].count;
	}
	return 0;
}

/* If not all files of the directory were replaced, some are another model's. Files of other
 * programs, and old ones, do not say which model they belong to. */
static int check_metadata(const char *path, const struct safetensors *file,
                          const struct model *model, struct err *err)
{
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

static int read_params(const char *path, const struct safetensors *file,
                       const struct gpt_tensor *tensors, int count, struct model *model,
                       struct err *err)
{
	if (check_metadata(path, file, model, err) < 0 ||
	    check_tensors(path, file, tensors, count, &model->config.bias, err) < 0 ||
	    check_others(path, file, tensors, count, err) < 0)
		return -1;
	return copy_params(file, tensors, count, model, err);
}

int model_parameters_load(const char *path, struct model *model, struct err *err)
{
	int count, result = -1;
	struct gpt_tensor *tensors = full_tensors(&model->config, &count);
	struct safetensors *file = NULL;

	if (!tensors)
		err_set(err, "out of memory");
	else
		file = safetensors_open(path, err);
	if (file)
		result = read_params(path, file, tensors, count, model, err);
	safetensors_close(file);
	free(tensors);
	return result;
}
