#include "common/model/model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/utf8.h"
#include "common/model/safetensors.h"

#define JSON_MAX ((size_t)64 << 20) /* bytes of a JSON file that are read */
#define EPSILON 1e-5 /* of the layer norms: kernels.h */
#define HEADS "n_head" /* in the metadata of the parameters, as in config.json */
#define VOCAB "vocab_digest"
#define HEAD "lm_head.weight" /* some files have the output head written out */

__attribute__((format(printf, 1, 2)))
static char *format_text(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return text;
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

/* ---- writing: the JSON files ---- */

/* GPT2Config, with all the fields that decide what is computed. */
static json_t *config_json(const struct gpt_config *config)
{
	json_t *json = json_pack(
		"{s:[s], s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f,"
		" s:f, s:b, s:b, s:b, s:b, s:s, s:n, s:n, s:n}",
		"architectures", "GPT2LMHeadModel",
		"model_type", "gpt2",
		"activation_function", "gelu",
		"n_embd", config->width,
		"n_head", config->heads,
		"n_layer", config->layers,
		"n_positions", config->context,
		"n_ctx", config->context,
		"vocab_size", config->vocab,
		"layer_norm_epsilon", EPSILON,
		"initializer_range", 0.02,
		"attn_pdrop", 0.0,
		"embd_pdrop", 0.0,
		"resid_pdrop", 0.0,
		"scale_attn_weights", 1,
		"scale_attn_by_inverse_layer_idx", 0,
		"tie_word_embeddings", 1,
		"use_cache", 1,
		"torch_dtype", "float32",
		"bos_token_id",
		"eos_token_id",
		"pad_token_id");

	json_object_set_new(json, "n_inner", gpt_inner(config) == 4 * config->width ? json_null()
	                    : json_integer(gpt_inner(config)));
	return json;
}

/* {character: token} */
static json_t *vocab_json(const struct vocab *vocab)
{
	json_t *json = json_object();

	for (int token = 0; token < vocab_size(vocab); token++)
		json_object_set_new(json, vocab_char(vocab, token), json_integer(token));
	return json;
}

/* A tokenizer of transformers that knows single characters and nothing else:
 * the text is split at every code point, each is looked up, and decoding puts
 * them side by side. The unknown token is not in the vocabulary, so that a
 * character which is not there is an error and not some other character. */
static json_t *tokenizer_json(const struct vocab *vocab)
{
	return json_pack(
		"{s:s, s:n, s:n, s:[], s:n, s:{s:s, s:{s:s}, s:s, s:b}, s:n, s:{s:s},"
		" s:{s:s, s:o, s:s}}",
		"version", "1.0",
		"truncation",
		"padding",
		"added_tokens",
		"normalizer",
		"pre_tokenizer", "type", "Split", "pattern", "Regex", "[\\s\\S]",
		"behavior", "Isolated", "invert", 0,
		"post_processor",
		"decoder", "type", "Fuse",
		"model", "type", "WordLevel", "vocab", vocab_json(vocab), "unk_token", "<unk>");
}

static json_t *tokenizer_config_json(const struct gpt_config *config)
{
	return json_pack("{s:s, s:b, s:i}", "tokenizer_class", "PreTrainedTokenizerFast",
	                 "clean_up_tokenization_spaces", 0, "model_max_length",
	                 config->context);
}

/* The caller's account of the model, with what the tensors do not tell. */
static json_t *about_json(const struct model *model)
{
	json_t *about = model->about ? json_copy(model->about) : json_object();

	if (json_object_get(about, "chain") == NULL)
		json_object_set_new(about, "chain", json_array());
	json_object_set_new(about, "bias", json_boolean(model->config.bias));
	return about;
}

/* ---- writing: the parameters ---- */

/* All tensors that GPT2LMHeadModel has, whose config has biases. */
static struct gpt_tensor *full_tensors(const struct gpt_config *config, int *count)
{
	struct gpt_config full = *config;

	full.bias = true;
	*count = gpt_tensor_count(&full);
	struct gpt_tensor *tensors = calloc((size_t)*count, sizeof *tensors);
	if (tensors != NULL)
		gpt_tensors(&full, tensors);
	return tensors;
}

static bool is_bias(const struct gpt_tensor *tensor)
{
	size_t length = strlen(tensor->name);

	return length > 5 && strcmp(tensor->name + length - 5, ".bias") == 0;
}

static struct safetensor described(const struct gpt_tensor *tensor, const float *data)
{
	struct safetensor out = {.name = tensor->name, .data = data};

	if (tensor->rows > 0)
		out.shape[out.dims++] = (size_t)tensor->rows;
	out.shape[out.dims++] = (size_t)tensor->cols;
	return out;
}

/* What tells the parameters of one network from those of another whose tensors have the
 * same shapes; and what transformers wants to be told. New reference. */
static json_t *params_metadata(const struct model *model)
{
	char digest[VOCAB_DIGEST_SIZE];

	vocab_digest(model->vocab, digest);
	return json_pack("{s:s, s:o, s:s}", "format", "pt", HEADS,
	                 json_sprintf("%d", model->config.heads), VOCAB, digest);
}

/* model.safetensors. zeros: room for the longest bias. */
static int params_image(struct safetensors_image *image, const struct model *model,
                        const float *zeros, struct err *err)
{
	int count;
	struct gpt_tensor *tensors = full_tensors(&model->config, &count);
	struct safetensor *list = calloc((size_t)count, sizeof *list);
	json_t *metadata = params_metadata(model);
	size_t offset = 0; /* a model without biases has the rest in the same order */
	int rc = -1;

	for (int i = 0; i < count && tensors != NULL && list != NULL; i++) {
		bool absent = is_bias(&tensors[i]) && !model->config.bias;
		list[i] = described(&tensors[i], absent ? zeros : model->params + offset);
		if (!absent)
			offset += tensors[i].count;
	}
	if (tensors == NULL || list == NULL || metadata == NULL)
		err_set(err, "out of memory");
	else
		rc = safetensors_image(image, list, count, metadata, err);
	json_decref(metadata);
	free(list);
	free(tensors);
	return rc;
}

/* ---- writing: the directory ---- */

/* In the order of their renames: parameters before the account of them. */
enum { FILE_CONFIG, FILE_VOCAB, FILE_TOKENIZER, FILE_TOKENIZER_CONFIG, FILE_PARAMS, FILE_ABOUT,
       FILES };

static const char *const file_names[FILES] = {
	[FILE_CONFIG] = "config.json",
	[FILE_VOCAB] = "vocab.json",
	[FILE_TOKENIZER] = "tokenizer.json",
	[FILE_TOKENIZER_CONFIG] = "tokenizer_config.json",
	[FILE_PARAMS] = "model.safetensors",
	[FILE_ABOUT] = "memoscope.json",
};

/* The text of a JSON file. Takes json. */
static char *json_text(json_t *json, size_t flags)
{
	char *text = json ? json_dumps(json, JSON_INDENT(2) | flags) : NULL;
	char *line = text ? format_text("%s\n", text) : NULL;

	json_decref(json);
	free(text);
	return line;
}

/* more: another file, ahead of the others; or NULL. */
static int save_files(const char *directory, char *const *texts,
                      const struct safetensors_image *params, const struct file_content *more,
                      struct err *err)
{
	struct file_content files[FILES + 1];
	struct iovec parts[FILES];
	char *paths[FILES] = {0};
	int count = 0, rc = 0;

	if (more != NULL)
		files[count++] = *more;
	for (int i = 0; i < FILES; i++) {
		paths[i] = format_text("%s/%s", directory, file_names[i]);
		if (paths[i] == NULL)
			rc = err_set(err, "out of memory");
		if (i == FILE_PARAMS) {
			files[count++] = (struct file_content){paths[i], params->parts, params->count};
		} else {
			parts[i] = (struct iovec){texts[i], strlen(texts[i])};
			files[count++] = (struct file_content){paths[i], &parts[i], 1};
		}
	}
	if (rc == 0)
		rc = file_replace_all(files, count, err);
	for (int i = 0; i < FILES; i++)
		free(paths[i]);
	return rc;
}

static int save(const char *directory, const struct model *model,
                const struct file_content *more, char **texts, const float *zeros,
                struct err *err)
{
	struct safetensors_image params;

	texts[FILE_CONFIG] = json_text(config_json(&model->config), JSON_REAL_PRECISION(15));
	texts[FILE_VOCAB] = json_text(vocab_json(model->vocab), 0);
	texts[FILE_TOKENIZER] = json_text(tokenizer_json(model->vocab), 0);
	texts[FILE_TOKENIZER_CONFIG] = json_text(tokenizer_config_json(&model->config), 0);
	texts[FILE_ABOUT] = json_text(about_json(model), 0);
	for (int i = 0; i < FILES; i++) {
		if (i != FILE_PARAMS && texts[i] == NULL)
			return err_set(err, "%s/%s: cannot be written as JSON", directory,
			               file_names[i]);
	}
	if (directory_make(directory, err) < 0)
		return -1;
	if (params_image(&params, model, zeros, err) < 0)
		return -1;
	int rc = save_files(directory, texts, &params, more, err);
	safetensors_image_release(&params);
	return rc;
}

int model_save_with(const char *directory, const struct model *model,
                    const struct file_content *more, struct err *err)
{
	char *texts[FILES] = {0};

	if (gpt_config_check(&model->config, err) < 0)
		return -1;
	if (vocab_size(model->vocab) != model->config.vocab)
		return err_set(err, "%s: a vocabulary of %d characters for a network of %d",
		               directory, vocab_size(model->vocab), model->config.vocab);
	const int inner = gpt_inner(&model->config), qkv = 3 * model->config.width;
	float *zeros = calloc((size_t)(inner > qkv ? inner : qkv), sizeof *zeros);
	int rc = zeros ? save(directory, model, more, texts, zeros, err)
	               : err_set(err, "out of memory");
	free(zeros);
	for (int i = 0; i < FILES; i++)
		free(texts[i]);
	return rc;
}

int model_save(const char *directory, const struct model *model, struct err *err)
{
	return model_save_with(directory, model, NULL, err);
}

/* ---- removing ---- */

/* A file of a model, or a temporary one of such that a killed process left. */
static bool is_model_file(const char *name)
{
	size_t size = strlen(name);
	bool temporary = size > 4 && strcmp(name + size - 4, ".tmp") == 0;

	for (int i = 0; i < FILES; i++) {
		size_t own = strlen(file_names[i]);
		if (strncmp(name, file_names[i], own) == 0 &&
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
	if (stream == NULL) {
		err_set(err, "%s: cannot open: %s", directory, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	int rc = remove_files(directory, stream, err);
	closedir(stream);
	if (rc == 0 && rmdir(directory) < 0 && errno != ENOTEMPTY && errno != EEXIST)
		rc = err_set(err, "%s: cannot remove: %s", directory, strerror(errno));
	return rc;
}

/* ---- reading: the JSON files ---- */

/* A file of the directory that holds one JSON object. NULL with err set. */
static json_t *load_json(const char *path, struct err *err)
{
	json_error_t error;
	size_t size;
	char *text = file_read(path, JSON_MAX, &size, err);

	if (text == NULL)
		return NULL;
	json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	free(text);
	if (json == NULL) {
		err_set(err, "%s: line %d: %s", path, error.line, error.text);
	} else if (!json_is_object(json)) {
		err_set(err, "%s: holds no JSON object", path);
		json_decref(json);
		json = NULL;
	}
	return json;
}

static int config_int(const char *path, const json_t *json, const char *field, int *value,
                      struct err *err)
{
	const json_t *number = json_object_get(json, field);

	if (!json_is_integer(number))
		return err_set(err, "%s: \"%s\" is %s, expected a whole number", path, field,
		               number ? "something else" : "missing");
	json_int_t n = json_integer_value(number);
	if (n < 1 || n > INT_MAX)
		return err_set(err, "%s: \"%s\" is %" JSON_INTEGER_FORMAT
		               ", expected a positive number", path, field, n);
	*value = (int)n;
	return 0;
}

/* A field that must have one value where it is there. */
static int config_is(const char *path, const json_t *json, const char *field, bool want,
                     struct err *err)
{
	const json_t *value = json_object_get(json, field);

	if (value != NULL && json_is_true(value) != want)
		return err_set(err, "%s: \"%s\" is not %s: this network is not ours to run", path,
		               field, want ? "true" : "false");
	return 0;
}

/* What the network would compute must be what ours computes. */
static int check_kind(const char *path, const json_t *json, struct err *err)
{
	const char *type = json_string_value(json_object_get(json, "model_type"));
	const char *activation = json_string_value(json_object_get(json, "activation_function"));
	const json_t *epsilon = json_object_get(json, "layer_norm_epsilon");

	if (type == NULL || strcmp(type, "gpt2") != 0)
		return err_set(err, "%s: \"model_type\" is %s, expected gpt2", path,
		               type ? type : "missing");
	/* GPT2Config's own default is the approximation by tanh */
	if (activation == NULL || strcmp(activation, "gelu") != 0)
		return err_set(err, "%s: \"activation_function\" is %s, expected gelu (the exact "
		               "one)", path, activation ? activation : "gelu_new by default");
	if (epsilon != NULL && fabs(json_number_value(epsilon) - EPSILON) > 1e-9)
		return err_set(err, "%s: \"layer_norm_epsilon\" is %g, expected %g", path,
		               json_number_value(epsilon), EPSILON);
	if (config_is(path, json, "scale_attn_weights", true, err) < 0 ||
	    config_is(path, json, "scale_attn_by_inverse_layer_idx", false, err) < 0 ||
	    config_is(path, json, "add_cross_attention", false, err) < 0)
		return -1;
	return config_is(path, json, "tie_word_embeddings", true, err);
}

static int read_config(const char *path, const json_t *json, struct gpt_config *config,
                       struct err *err)
{
	const json_t *inner = json_object_get(json, "n_inner");
	struct err found = {0};

	if (config_int(path, json, "n_layer", &config->layers, err) < 0 ||
	    config_int(path, json, "n_head", &config->heads, err) < 0 ||
	    config_int(path, json, "n_embd", &config->width, err) < 0 ||
	    config_int(path, json, "n_positions", &config->context, err) < 0 ||
	    config_int(path, json, "vocab_size", &config->vocab, err) < 0)
		return -1;
	if (inner && !json_is_null(inner) &&
	    config_int(path, json, "n_inner", &config->inner, err) < 0)
		return -1;
	if (gpt_config_check(config, &found) < 0)
		return err_set(err, "%s: %s", path, found.text);
	return check_kind(path, json, err);
}

static int load_config(const char *directory, struct gpt_config *config, struct err *err)
{
	char *path = format_text("%s/%s", directory, file_names[FILE_CONFIG]);
	json_t *json = path ? load_json(path, err) : NULL;
	int rc = json ? read_config(path, json, config, err) : -1;

	json_decref(json);
	free(path);
	return rc;
}

static int load_vocab(const char *directory, struct model *model, struct err *err)
{
	char *path = format_text("%s/%s", directory, file_names[FILE_VOCAB]);

	model->vocab = path ? vocab_load(path, err) : NULL;
	if (model->vocab != NULL && vocab_size(model->vocab) != model->config.vocab)
		err_set(err, "%s: %d characters, but config.json has a \"vocab_size\" of %d", path,
		        vocab_size(model->vocab), model->config.vocab);
	free(path);
	return err->status == ERR_NONE && model->vocab != NULL ? 0 : -1;
}

/* memoscope.json; a model that transformers saved has none. */
static int load_about(const char *directory, struct model *model, struct err *err)
{
	char *path = format_text("%s/%s", directory, file_names[FILE_ABOUT]);

	if (path == NULL)
		return err_set(err, "out of memory");
	if (access(path, F_OK) < 0 && errno == ENOENT)
		model->about = json_pack("{s:[]}", "chain");
	else
		model->about = load_json(path, err);
	if (model->about != NULL) {
		const json_t *chain = json_object_get(model->about, "chain");
		const json_t *bias = json_object_get(model->about, "bias");
		if (!json_is_array(chain))
			err_set(err, "%s: \"chain\" is no array", path);
		if (bias != NULL && !json_is_boolean(bias))
			err_set(err, "%s: \"bias\" is neither true nor false", path);
		model->config.bias = json_is_true(bias);
	}
	free(path);
	return err->status == ERR_NONE && model->about != NULL ? 0 : -1;
}

/* ---- reading: the parameters ---- */

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

/* Every tensor is there; a bias that is not zero makes it a network with biases. */
static int check_tensors(const char *path, const struct safetensors *file,
                         const struct gpt_tensor *tensors, int count, bool *bias,
                         struct err *err)
{
	for (int i = 0; i < count; i++) {
		const float *data = find(file, &tensors[i], err);
		if (data == NULL || check_finite(path, &tensors[i], data, err) < 0)
			return -1;
		if (is_bias(&tensors[i]) && !all_zero(data, tensors[i].count))
			*bias = true;
	}
	return 0;
}

/* lm_head.weight, where it is written out, is the token embedding. */
static int check_head(const char *path, const struct safetensors *file,
                      const struct gpt_tensor *wte, struct err *err)
{
	struct safetensor want = described(wte, NULL);
	const float *tied = find(file, wte, err);
	const float *head = safetensors_find(file, HEAD, want.dims, want.shape, err);

	if (tied == NULL || head == NULL)
		return -1;
	if (memcmp(head, tied, wte->count * sizeof *head) != 0)
		return err_set(err, "%s: tensor \"%s\" differs from \"%s\", expected an output "
		               "head tied to it", path, HEAD, wte->name);
	return 0;
}

/* Where all tensors of the network are there, nothing else may be but the
 * output head. */
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

/* Copy the tensors that the network has into model->params. */
static int copy_params(const struct safetensors *file, const struct gpt_tensor *tensors,
                       int count, struct model *model, struct err *err)
{
	size_t total = gpt_parameter_count(&model->config), offset = 0;

	model->params = malloc(total * sizeof *model->params);
	if (model->params == NULL)
		return err_set(err, "out of memory for %zu parameters", total);
	for (int i = 0; i < count; i++) {
		if (is_bias(&tensors[i]) && !model->config.bias)
			continue;
		const float *data = find(file, &tensors[i], err);
		if (data == NULL)
			return -1;
		memcpy(model->params + offset, data, tensors[i].count * sizeof *data);
		offset += tensors[i].count;
	}
	return 0;
}

/* A directory whose files were not all replaced holds some of another model. Files from
 * elsewhere, and older ones, do not say what they belong to. */
static int check_metadata(const char *path, const struct safetensors *file,
                          const struct model *model, struct err *err)
{
	const char *heads = safetensors_metadata(file, HEADS);
	const char *vocab = safetensors_metadata(file, VOCAB);
	char digest[VOCAB_DIGEST_SIZE], number[16];

	snprintf(number, sizeof number, "%d", model->config.heads);
	if (heads != NULL && strcmp(heads, number) != 0)
		return err_set(err, "%s: of a network with \"" HEADS "\" %.10s, config.json says %s: "
		               "files of two models are mixed", path, heads, number);
	vocab_digest(model->vocab, digest);
	if (vocab != NULL && strcmp(vocab, digest) != 0)
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

static int load_params(const char *directory, struct model *model, struct err *err)
{
	char *path = format_text("%s/%s", directory, file_names[FILE_PARAMS]);
	int count, rc = -1;
	struct gpt_tensor *tensors = full_tensors(&model->config, &count);
	struct safetensors *file = NULL;

	if (path == NULL || tensors == NULL)
		err_set(err, "out of memory");
	else
		file = safetensors_open(path, err);
	if (file != NULL)
		rc = read_params(path, file, tensors, count, model, err);
	safetensors_close(file);
	free(tensors);
	free(path);
	return rc;
}

int model_load(const char *directory, struct model *model, struct err *err)
{
	*model = (struct model){0};
	if (load_config(directory, &model->config, err) < 0 ||
	    load_vocab(directory, model, err) < 0 || load_about(directory, model, err) < 0 ||
	    load_params(directory, model, err) < 0) {
		model_release(model);
		return -1;
	}
	return 0;
}
