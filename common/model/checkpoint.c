#include "common/model/checkpoint.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/model/config_json.h"
#include "common/model/foreign_file.h"
#include "common/model/json_file.h"
#include "common/model/shard_index.h"
#include "common/model/torch_file.h"

#define INDEX_END ".index.json"

/* ---- the files ---- */

/* The files of one model. */
struct files {
	char *path; /* owned: of the file or of the index */
	struct shard_index index; /* zeroed: there is one file */
	struct torch_file **files; /* owned */
	size_t count;
};

static bool is_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool ends_with(const char *text, const char *end)
{
	const size_t size = strlen(text), end_size = strlen(end);

	return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

char *checkpoint_beside(const char *path, const char *name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	const int folder = slash ? (int)(slash - path) + 1 : 0;
	char *beside;
	const int size = is_directory(path) ? asprintf(&beside, "%s/%s", path, name)
	                                    : asprintf(&beside, "%.*s%s", folder, path, name);

	if (size < 0) {
		err_set(err, "%s: out of memory", path);
		return NULL;
	}
	return beside;
}

static bool has_file(const char *directory, const char *name)
{
	char *path;
	bool there;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return false;
	there = access(path, F_OK) == 0;
	free(path);
	return there;
}

/* The file that a path means, to free(). NULL with err set. */
static char *find_file(const char *path, struct err *err)
{
	static const char *const names[] = {"pytorch_model.bin", ("pytorch_model.bin" INDEX_END),
	                                    "ckpt.pt"};

	if (!is_directory(path)) {
		char *copy = strdup(path);
		if (!copy)
			err_set(err, "%s: out of memory", path);
		return copy;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *file = checkpoint_beside(path, names[i], err);
		if (!file || access(file, F_OK) == 0)
			return file;
		free(file);
	}
	if (!has_file(path, "model.safetensors") && !has_file(path, "model.safetensors" INDEX_END) &&
	    foreign_file_check_directory(path, err) < 0)
		return NULL;
	err_set(err, "%s: the directory has no ckpt.pt and no pytorch_model.bin; safetensors need no "
	        "import, because all programs open a directory with them", path);
	return NULL;
}

static int open_all(struct files *files, char *const *paths, size_t count, struct err *err)
{
	files->files = calloc(count + 1, sizeof *files->files);
	if (!files->files)
		return err_set(err, "%s: out of memory", files->path);
	for (size_t i = 0; i < count; i++) {
		files->files[i] = torch_file_open(paths[i], err);
		if (!files->files[i])
			return -1;
		files->count++;
	}
	return count > 0 ? 0 : err_set(err, "%s: it lists no file", files->path);
}

static int open_files(struct files *files, const char *path, struct err *err)
{
	files->path = find_file(path, err);
	if (!files->path)
		return -1;
	if (!ends_with(files->path, INDEX_END))
		return open_all(files, &files->path, 1, err);
	if (shard_index_read(&files->index, files->path, err) < 0)
		return -1;
	return open_all(files, files->index.files, files->index.count, err);
}

static void close_files(struct files *files)
{
	for (size_t i = 0; i < files->count; i++)
		torch_file_close(files->files[i]);
	free(files->files);
	shard_index_release(&files->index);
	free(files->path);
}

/* ---- what is said about the model ---- */

/* A number, text or truth as JSON; NULL if it is something else. */
static json_t *scalar(const struct pickle_value *value)
{
	switch (value->type) {
	case PICKLE_NONE:
		return json_null();
	case PICKLE_BOOL:
		return json_boolean(value->boolean);
	case PICKLE_INT:
		return json_integer(value->integer);
	case PICKLE_REAL:
		return json_real(value->real); /* NULL if it is not finite */
	case PICKLE_TEXT: /* U+0000 is for no reader of ours */
		return memchr(value->text.bytes, 0, value->text.size)
		       ? NULL : json_stringn(value->text.bytes, value->text.size);
	default:
		return NULL;
	}
}

/* nanoGPT's "config": the options of its training. Those that are no scalars are left out. */
static json_t *scalars(const struct pickle_value *dict)
{
	json_t *json = json_object();

	if (!pickle_is(dict, PICKLE_DICT))
		return json;
	for (const struct pickle_item *item = dict->items.first; item; item = item->next->next) {
		const struct pickle_value *key = item->value;
		char *name = pickle_is(key, PICKLE_TEXT) ? strndup(key->text.bytes, key->text.size) : NULL;
		json_t *value = scalar(item->next->value);
		if (value && name)
			json_object_set_new(json, name, value);
		else
			json_decref(value);
		free(name);
	}
	return json;
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The files' names and checksums. */
static json_t *file_list(const struct files *files)
{
	json_t *list = json_array();

	for (size_t i = 0; i < files->count; i++)
		json_array_append_new(list, json_pack("{s:s, s:o}", "name",
			file_name(torch_file_path(files->files[i])), "xxh3",
			json_sprintf("%016" PRIx64, torch_file_digest(files->files[i]))));
	return list;
}

static int set_about(struct model *model, const struct files *files, const char *from,
                     json_t **imported, struct err *err)
{
	*imported = json_pack("{s:s, s:o}", "from", from, "files", file_list(files));
	model->about = json_pack("{s:[], s:o}", "chain", "imported", *imported);
	if (!model->about)
		return err_set(err, "%s: out of memory", files->path);
	return 0;
}

/* ---- nanoGPT ---- */

/* Those of its GPTConfig. Others that say something may be another network's. */
static int check_arguments(const char *path, const struct pickle_value *arguments, struct err *err)
{
	static const char *const known[] = {"n_layer", "n_head", "n_embd", "block_size", "bias",
	                                    "vocab_size", "dropout"};
	const size_t count = sizeof known / sizeof *known;

	if (!pickle_is(arguments, PICKLE_DICT))
		return err_set(err, "%s: \"model_args\" is no dict, expected nanoGPT's", path);
	for (const struct pickle_item *item = arguments->items.first; item; item = item->next->next) {
		const struct pickle_value *key = item->value, *value = item->next->value;
		const bool nothing = pickle_is(value, PICKLE_NONE) ||
		                     (pickle_is(value, PICKLE_BOOL) && !value->boolean);
		const size_t size = pickle_is(key, PICKLE_TEXT) ? key->text.size : 0;
		size_t i = 0;
		while (i < count && !pickle_is_text(key, PICKLE_TEXT, known[i]))
			i++;
		if (i == count && !nothing)
			return err_set(err, "%s: model_args: \"%.*s\" is no argument of nanoGPT's network: "
			               "remove it if it changes nothing of what is computed", path,
			               (int)(size < 60 ? size : 60), size > 0 ? key->text.bytes : "");
	}
	return 0;
}

static int read_size(const char *path, const struct pickle_value *arguments, const char *name,
                     int *size, struct err *err)
{
	const struct pickle_value *value = pickle_get(arguments, name);

	if (!pickle_is(value, PICKLE_INT))
		return err_set(err, "%s: model_args: \"%s\" is %s, expected a whole number", path, name,
		               value ? "something else" : "missing");
	if (value->integer < 1 || value->integer > INT_MAX)
		return err_set(err, "%s: model_args: \"%s\" is %lld, expected a positive number", path,
		               name, (long long)value->integer);
	*size = (int)value->integer;
	return 0;
}

static int read_sizes(const char *path, const struct pickle_value *arguments,
                      struct gpt_config *config, struct err *err)
{
	static const struct gpt_config_names names = {
		.layers = "\"n_layer\"",
		.heads = "\"n_head\"",
		.width = "\"n_embd\"",
		.context = "\"block_size\" (the context)",
		.vocab = "\"vocab_size\"",
		.inner = "four times \"n_embd\"",
		.epsilon = "epsilon",
	};
	struct err found = {0};

	if (read_size(path, arguments, "n_layer", &config->layers, err) < 0 ||
	    read_size(path, arguments, "n_head", &config->heads, err) < 0 ||
	    read_size(path, arguments, "n_embd", &config->width, err) < 0 ||
	    read_size(path, arguments, "block_size", &config->context, err) < 0 ||
	    read_size(path, arguments, "vocab_size", &config->vocab, err) < 0)
		return -1;
	if (gpt_config_check_named(config, &names, &found) < 0)
		return err_set(err, "%s: model_args: %s", path, found.text);
	return 0;
}

/* The parameters. The first versions of nanoGPT do not say if there are biases. */
static int read_nanogpt(const struct files *files, struct model *model, struct err *err)
{
	struct torch_file *file = files->files[0];
	const struct pickle_value *root = torch_file_root(file);
	const struct pickle_value *arguments = pickle_get(root, "model_args");
	const struct pickle_value *bias = pickle_get(arguments, "bias");
	struct state_dict dict = {.path = files->path, .linear = true};

	if (check_arguments(files->path, arguments, err) < 0)
		return -1;
	if (bias && !pickle_is(bias, PICKLE_BOOL))
		return err_set(err, "%s: model_args: \"bias\" is neither True nor False", files->path);
	if (read_sizes(files->path, arguments, &model->config, err) < 0)
		return -1;
	model->config.bias = bias && bias->boolean;
	if (torch_file_state(file, pickle_get(root, "model"), "\"model\"", &dict, err) == 0 &&
	    state_dict_sort(&dict, err) == 0)
		model->params = state_dict_parameters(&dict, &model->config, err);
	state_dict_release(&dict);
	if (!model->params)
		return -1;
	if (bias && bias->boolean != model->config.bias)
		return err_set(err, "%s: model_args: \"bias\" is False, but there are biases", files->path);
	return 0;
}

/* How far the training went, its best validation loss, and its options. */
static int say_nanogpt(const struct files *files, struct model *model, struct err *err)
{
	const struct pickle_value *root = torch_file_root(files->files[0]);
	const struct pickle_value *steps = pickle_get(root, "iter_num");
	const struct pickle_value *best = pickle_get(root, "best_val_loss");
	const struct pickle_value *config = pickle_get(root, "config");
	json_t *imported;
	double loss;

	if (set_about(model, files, "nanoGPT", &imported, err) < 0)
		return -1;
	if (pickle_is(steps, PICKLE_INT))
		json_object_set_new(imported, "iter_num", json_integer(steps->integer));
	if (best && torch_file_number(files->files[0], best, &loss, err) < 0)
		return -1;
	if (best)
		json_object_set_new(imported, "best_val_loss", json_real(loss)); /* none if not finite */
	if (config)
		json_object_set_new(imported, "config", scalars(config));
	return 0;
}

/* ---- transformers ---- */

/* What a file holds, or a name in it. */
static const char *type_name(const struct pickle_value *value)
{
	switch (value->type) {
	case PICKLE_DICT:
		return "a dict";
	case PICKLE_LIST:
	case PICKLE_TUPLE:
		return "a list";
	case PICKLE_TEXT:
		return "a text";
	case PICKLE_CALL:
		return "a tensor";
	default:
		return "a number or nothing";
	}
}

/* A file without "model_args" is a dict of tensors, with a config.json beside it. */
static int check_transformers(const struct files *files, struct err *err)
{
	static const char *const inside[] = {"model", "state_dict", "model_state_dict", "module"};
	const struct pickle_value *root = torch_file_root(files->files[0]);
	char *config = checkpoint_beside(files->path, "config.json", err);
	const bool there = config && access(config, F_OK) == 0;

	free(config);
	if (!config)
		return -1;
	if (!pickle_is(root, PICKLE_DICT))
		return err_set(err, "%s: holds %s, expected a dict of tensors, as state_dict() gives, or "
		               "nanoGPT's checkpoint", files->path, type_name(root));
	for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
		if (pickle_is(pickle_get(root, inside[i]), PICKLE_DICT))
			return err_set(err, "%s: has \"%s\", but not \"model_args\" of nanoGPT, which tells "
			               "the network: save that dict alone, with transformers' config.json "
			               "beside it", files->path, inside[i]);
	if (!there)
		return err_set(err, "%s: no config.json is beside it, which tells the network, and it "
		               "has no \"model_args\", as nanoGPT's checkpoints have", files->path);
	return 0;
}

static int read_config(const struct files *files, struct model *model, struct err *err)
{
	char *path = checkpoint_beside(files->path, "config.json", err);
	char *folder = checkpoint_beside(files->path, ".", err);
	json_t *json = path && folder ? json_file_object(path, err) : NULL;
	int result = json ? config_json_read(path, json, &model->config, err) : -1;

	if (result == 0)
		result = end_tokens_load(&model->ends, folder, json, model->config.vocab, err);
	json_decref(json);
	free(path);
	free(folder);
	return result;
}

static int read_transformers(const struct files *files, struct model *model, struct err *err)
{
	struct state_dict dict = {.path = files->path};
	json_t *imported;
	int result = check_transformers(files, err);

	if (result == 0)
		result = read_config(files, model, err);

	for (size_t i = 0; i < files->count && result == 0; i++)
		result = torch_file_state(files->files[i], torch_file_root(files->files[i]), "the file",
		                          &dict, err);
	if (result == 0)
		result = state_dict_sort(&dict, err);
	if (result == 0 && files->index.path)
		result = shard_index_check(&files->index, &dict, err);
	if (result == 0)
		model->params = state_dict_parameters(&dict, &model->config, err);
	state_dict_release(&dict);
	return model->params ? set_about(model, files, "transformers", &imported, err) : -1;
}

/* ---- either ---- */

static int load(const struct files *files, struct model *model, bool *nanogpt, struct err *err)
{
	const struct pickle_value *root = torch_file_root(files->files[0]);

	*nanogpt = pickle_get(root, "model_args") != NULL;
	if (*nanogpt && files->count == 1)
		return read_nanogpt(files, model, err) < 0 ? -1 : say_nanogpt(files, model, err);
	return read_transformers(files, model, err);
}

int checkpoint_load(const char *path, struct model *model, bool *nanogpt, struct err *err)
{
	struct files files = {0};
	int result;

	*model = (struct model){0};
	result = open_files(&files, path, err);
	if (result == 0)
		result = load(&files, model, nanogpt, err);
	close_files(&files);
	if (result < 0)
		model_release(model);
	return result;
}
