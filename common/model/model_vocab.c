#include "common/model/model_vocab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/model/bpe_json.h"
#include "common/model/json_file.h"
#include "common/model/model_files.h"
#include "common/model/tokenizer_json.h"
#include "common/stream/vocab_json.h"

#define ADDED "added_tokens.json" /* of old directories: {text: token} */
#define END "<|endoftext|>" /* GPT2Tokenizer adds it by itself */

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
	if (path && json_file_exists(path) &&
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
	json_t *merges; /* merges.txt */
};

static int open_files(const char *directory, struct files *files, struct err *err)
{
	if (load(directory, model_file_names[MODEL_CONFIG], &files->config, err) < 0 ||
	    load(directory, model_file_names[MODEL_TOKENIZER], &files->tokenizer, err) < 0 ||
	    load_by(json_file_object_of_reals, directory, model_file_names[MODEL_TOKENIZER_CONFIG],
	            &files->tokenizer_config, err) < 0)
		return -1;
	return load_merges(directory, &files->merges, err);
}

static void close_files(struct files *files)
{
	json_decref(files->config);
	json_decref(files->tokenizer);
	json_decref(files->tokenizer_config);
	json_decref(files->merges);
}

/* Say which file is wrong, unless there was another error. Returns NULL. */
static struct vocab *bad(const char *directory, enum model_file file, const struct err *why,
                         struct err *err)
{
	err_set(err, "%s/%s: %s", directory, model_file_names[file], why->text);
	return NULL;
}

/* Load vocab.json and compare it with the tokenizer, which may be NULL. transformers writes no
 * vocab.json; then it is the tokenizer's. */
static struct vocab *load_characters(const char *directory, const json_t *tokenizer,
                                     struct err *err)
{
	char *path = model_file_path(directory, MODEL_VOCAB, err);
	struct vocab *vocab = NULL;
	struct err why = {0};

	if (path && tokenizer && !json_file_exists(path)) {
		free(path);
		path = model_file_path(directory, MODEL_TOKENIZER, err);
		vocab = path ? vocab_of_object(path, tokenizer_json_vocab(tokenizer), err) : NULL;
	} else if (path) {
		vocab = vocab_load(path, err);
	}
	free(path);
	if (!vocab || !tokenizer || tokenizer_json_check_vocab(tokenizer, vocab, &why) == 0)
		return vocab;
	vocab_free(vocab);
	return bad(directory, MODEL_TOKENIZER, &why, err);
}

/* The tokens that GPT2Tokenizer adds to vocab.json, in the form of tokenizer.json. */
static json_t *old_added(const json_t *tokens, const json_t *more)
{
	json_t *added = json_array(), *id = json_object_get(tokens, END);
	const char *content;

	if (id && !json_object_get(more, END))
		json_array_append_new(added, json_pack("{s:s, s:O}", "content", END, "id", id));
	json_object_foreach ((json_t *)more, content, id)
		json_array_append_new(added, json_pack("{s:s, s:O}", "content", content, "id", id));
	return added;
}

/* Byte-level BPE of vocab.json and merges.txt. */
static struct vocab *load_bpe(const char *directory, const json_t *merges, int size,
                              struct err *err)
{
	json_t *tokens = NULL, *more = NULL, *added = NULL;
	struct vocab *vocab = NULL;
	struct err why = {0};

	if (load(directory, model_file_names[MODEL_VOCAB], &tokens, err) < 0 ||
	    load(directory, ADDED, &more, err) < 0)
		goto out;
	added = old_added(tokens, more);
	vocab = bpe_json_vocab(tokens, merges, added, size, &why);
	if (!vocab)
		bad(directory, MODEL_VOCAB, &why, err);
out:
	json_decref(tokens);
	json_decref(more);
	json_decref(added);
	return vocab;
}

/* The same of tokenizer.json. */
static struct vocab *load_bpe_tokenizer(const char *directory, const json_t *tokenizer, int size,
                                        struct err *err)
{
	const json_t *model = json_object_get(tokenizer, "model");
	struct err why = {0};
	struct vocab *vocab = bpe_json_vocab(json_object_get(model, "vocab"),
	                                     json_object_get(model, "merges"),
	                                     json_object_get(tokenizer, "added_tokens"), size, &why);

	return vocab ? vocab : bad(directory, MODEL_TOKENIZER, &why, err);
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
	struct err why = {0};

	if (files->tokenizer && tokenizer_json_check(files->tokenizer, &why) < 0)
		return bad(directory, MODEL_TOKENIZER, &why, err);
	if (files->tokenizer_config &&
	    tokenizer_config_json_check(files->tokenizer_config, &why) < 0)
		return bad(directory, MODEL_TOKENIZER_CONFIG, &why, err);
	if (files->tokenizer && tokenizer_json_is_bpe(files->tokenizer))
		return load_bpe_tokenizer(directory, files->tokenizer, count, err);
	if (files->merges && !files->tokenizer)
		return load_bpe(directory, files->merges, count, err);
	return load_characters(directory, files->tokenizer, err);
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
