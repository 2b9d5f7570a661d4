#include "common/model/model_vocab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/model/added_tokens.h"
#include "common/model/bpe_json.h"
#include "common/model/foreign_file.h"
#include "common/model/json_file.h"
#include "common/model/model_files.h"
#include "common/model/tokenizer_json.h"
#include "common/stream/vocab_json.h"

#define ADDED "added_tokens.json" /* of old directories: {text: token} */
#define ROLES "special_tokens_map.json" /* of old directories, too: {role: text} */

/* The object in one of the directory's files; *json is NULL if there is no such file. */
static int load_by(json_t *(*read)(const char *path, struct err *err), const char *directory,
                   const char *name, json_t **json, struct err *err)
{
	char *path;

	*json = NULL;
	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return err_set(err, "out of memory");
	if (json_file_exists(path))
		*json = read(path, err);
	free(path);
	return err->status == ERR_NONE ? 0 : -1;
}

static int load(const char *directory, const char *name, json_t **json, struct err *err)
{
	return load_by(json_file_object, directory, name, json, err);
}

/* The same of merges.txt, as an array. */
static int load_merges(const char *directory, json_t **merges, struct err *err)
{
	char *path = model_file_path(directory, MODEL_MERGES, err), *text = NULL;
	size_t size;

	*merges = NULL;
	if (path && json_file_exists(path) && foreign_file_check(path, err) == 0 &&
	    (text = file_read(path, JSON_FILE_MAX, &size, err)) &&
	    !(*merges = bpe_json_merges_of_text(text, size)))
		err_set(err, "out of memory");
	free(path);
	free(text);
	return err->status == ERR_NONE ? 0 : -1;
}

/* What the directory says about its vocabulary; NULL: there is no such file. */
struct files {
	json_t *config; /* config.json */
	json_t *tokenizer; /* tokenizer.json */
	json_t *tokenizer_config; /* tokenizer_config.json */
	json_t *roles, *added; /* special_tokens_map.json, added_tokens.json */
	json_t *merges; /* merges.txt */
};

static int open_files(const char *directory, struct files *files, struct err *err)
{
	if (load(directory, model_file_names[MODEL_CONFIG], &files->config, err) < 0 ||
	    load(directory, model_file_names[MODEL_TOKENIZER], &files->tokenizer, err) < 0 ||
	    load_by(json_file_object_of_reals, directory, model_file_names[MODEL_TOKENIZER_CONFIG],
	            &files->tokenizer_config, err) < 0 ||
	    load(directory, ROLES, &files->roles, err) < 0 ||
	    load(directory, ADDED, &files->added, err) < 0)
		return -1;
	return load_merges(directory, &files->merges, err);
}

static void close_files(struct files *files)
{
	json_decref(files->config);
	json_decref(files->tokenizer);
	json_decref(files->tokenizer_config);
	json_decref(files->roles);
	json_decref(files->added);
	json_decref(files->merges);
}

/* Say which file is wrong, unless there was another error. Returns NULL. */
static struct vocab *bad(const char *directory, enum model_file file, const struct err *why,
                         struct err *err)
{
	err_set(err, "%s/%s: %s", directory, model_file_names[file], why->text);
	return NULL;
}

/* The name of the class of transformers that reads the files; NULL: none of them says it. */
static const char *class_of(const struct files *files)
{
	const char *name = json_string_value(json_object_get(files->tokenizer_config,
	                                                     "tokenizer_class"));

	return name ? name : json_string_value(json_object_get(files->config, "tokenizer_class"));
}

/* The tokens that are found in a text before all else. New reference; NULL with err set. */
static json_t *load_added(const char *directory, const struct files *files, const json_t *tokens,
                          int size, struct err *err)
{
	const struct added_tokens_files from = {
		.tokenizer = files->tokenizer,
		.config = files->tokenizer_config,
		.roles = files->roles,
		.more = files->added,
		.gpt2 = tokenizer_class_is_gpt2(class_of(files)),
	};
	struct err why = {0};
	json_t *added = added_tokens_new(&from, tokens, size, &why);

	if (!added)
		err_set(err, "%s/%s", directory, why.text);
	return added;
}

/* Of a network of size tokens (0: not known), which may have more of them; vocab is taken over. */
static struct vocab *padded(struct vocab *vocab, int size, struct err *err)
{
	const int more = size - vocab_size(vocab);

	if (more <= 0 || more > VOCAB_PADDING)
		return vocab;
	struct vocab *larger = vocab_padded(vocab, size, err);
	vocab_free(vocab);
	return larger;
}

/* Load vocab.json and compare it with the tokenizer, which may be NULL. transformers writes no
 * vocab.json; then it is the tokenizer's. */
static struct vocab *load_characters(const char *directory, const struct files *files, int size,
                                     struct err *err)
{
	char *path = model_file_path(directory, MODEL_VOCAB, err);
	const json_t *tokenizer = files->tokenizer, *tokens = tokenizer_json_vocab(tokenizer);
	struct vocab *vocab = NULL;
	struct err why = {0};

	if (path && tokenizer && !json_file_exists(path)) {
		free(path);
		path = model_file_path(directory, MODEL_TOKENIZER, err);
		vocab = path ? vocab_of_object(path, tokens, err) : NULL;
	} else if (path) {
		vocab = vocab_load(path, err);
	}
	free(path);
	if (!vocab || !tokenizer)
		return vocab ? padded(vocab, size, err) : NULL;
	/* those with a number are characters, and those without one are none of the network's */
	json_t *added = NULL;
	if (tokenizer_json_check_vocab(tokenizer, vocab, &why) < 0)
		bad(directory, MODEL_TOKENIZER, &why, err);
	else
		added = load_added(directory, files, tokens, vocab_size(vocab), err);
	if (!added) {
		vocab_free(vocab);
		return NULL;
	}
	json_decref(added);
	return padded(vocab, size, err);
}

/* Byte-level BPE of a tokenizer.json or, without it, of vocab.json and merges.txt. */
static struct vocab *load_bpe(const char *directory, const struct files *files, int size,
                              struct err *err)
{
	const enum model_file file = files->tokenizer ? MODEL_TOKENIZER : MODEL_VOCAB;
	const json_t *model = json_object_get(files->tokenizer, "model");
	const json_t *merges = files->tokenizer ? json_object_get(model, "merges") : files->merges;
	json_t *tokens = NULL, *added = NULL;
	struct vocab *vocab = NULL;
	struct err why = {0};

	if (files->tokenizer)
		tokens = json_incref(json_object_get(model, "vocab"));
	else if (load(directory, model_file_names[MODEL_VOCAB], &tokens, err) < 0)
		return NULL;
	added = load_added(directory, files, tokens, size, err);
	if (added) {
		vocab = bpe_json_vocab(tokens, merges, added, size, &why);
		if (!vocab)
			bad(directory, file, &why, err);
	}
	json_decref(tokens);
	json_decref(added);
	return vocab;
}

/* How many tokens config.json says; 0: it does not. */
static int config_size(const struct files *files)
{
	const json_t *size = json_object_get(files->config, "vocab_size");

	return json_is_integer(size) && json_integer_value(size) > 0 &&
	       json_integer_value(size) <= VOCAB_MAX ? (int)json_integer_value(size) : 0;
}

/* size: tokens of the network; 0: what config.json says */
static struct vocab *load_vocab(const char *directory, const struct files *files, int size,
                                struct err *err)
{
	const int count = size > 0 ? size : config_size(files);
	const bool says = json_is_string(json_object_get(files->tokenizer_config, "tokenizer_class"));
	struct err why = {0};

	if (tokenizer_class_check(class_of(files), &why) < 0)
		return bad(directory, says ? MODEL_TOKENIZER_CONFIG : MODEL_CONFIG, &why, err);
	if (files->tokenizer && tokenizer_json_check(files->tokenizer, &why) < 0)
		return bad(directory, MODEL_TOKENIZER, &why, err);
	if (files->tokenizer_config &&
	    tokenizer_config_json_check(files->tokenizer_config, &why) < 0)
		return bad(directory, MODEL_TOKENIZER_CONFIG, &why, err);
	if (files->tokenizer ? tokenizer_json_is_bpe(files->tokenizer) : files->merges != NULL)
		return load_bpe(directory, files, count, err);
	return load_characters(directory, files, count, err);
}

struct vocab *model_vocab_load_for(const char *directory, int size, struct err *err)
{
	struct files files = {0};
	struct vocab *vocab = open_files(directory, &files, err) == 0 ?
	                      load_vocab(directory, &files, size, err) : NULL;

	close_files(&files);
	return vocab;
}

struct vocab *model_vocab_load(const char *directory, struct err *err)
{
	return model_vocab_load_for(directory, 0, err);
}
