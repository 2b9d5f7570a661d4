#include "common/model/model_vocab.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/model/json_file.h"
#include "common/model/model_files.h"
#include "common/model/tokenizer_json.h"

#define MERGES "merges.txt"

/* The object in one of the directory's files; *json is NULL if there is no such file. */
static int load(const char *directory, enum model_file file, json_t **json, struct err *err)
{
	char *path = model_file_path(directory, file, err);

	*json = path && json_file_exists(path) ? json_file_object(path, err) : NULL;
	free(path);
	return err->status == ERR_NONE ? 0 : -1;
}

/* merges.txt belongs to byte-level BPE, whose vocab.json has a character for each byte. */
static int check_merges(const char *directory, struct err *err)
{
	char *path;
	int result = 0;

	if (asprintf(&path, "%s/" MERGES, directory) < 0)
		return err_set(err, "out of memory");
	if (json_file_exists(path))
		result = err_set(err, "%s: the tokens are those of byte-level BPE; memoscope reads models "
		                 "of which each token is a character", path);
	free(path);
	return result;
}

/* Load vocab.json and compare it with the tokenizer, which may be NULL. */
static struct vocab *load_characters(const char *directory, const json_t *tokenizer,
                                     struct err *err)
{
	char *path = model_file_path(directory, MODEL_VOCAB, err);
	struct vocab *vocab = path ? vocab_load(path, err) : NULL;
	struct err why = {0};

	free(path);
	if (!vocab || !tokenizer || tokenizer_json_check_vocab(tokenizer, vocab, &why) == 0)
		return vocab;
	err_set(err, "%s/%s: %s", directory, model_file_names[MODEL_TOKENIZER], why.text);
	vocab_free(vocab);
	return NULL;
}

struct vocab *model_vocab_load(const char *directory, struct err *err)
{
	json_t *tokenizer = NULL, *config = NULL;
	struct vocab *vocab = NULL;
	struct err why = {0};

	if (load(directory, MODEL_TOKENIZER, &tokenizer, err) < 0 ||
	    load(directory, MODEL_TOKENIZER_CONFIG, &config, err) < 0)
		goto out;
	if (tokenizer && tokenizer_json_check(tokenizer, &why) < 0)
		err_set(err, "%s/%s: %s", directory, model_file_names[MODEL_TOKENIZER], why.text);
	else if (config && tokenizer_config_json_check(config, &why) < 0)
		err_set(err, "%s/%s: %s", directory, model_file_names[MODEL_TOKENIZER_CONFIG], why.text);
	else if (check_merges(directory, err) == 0)
		vocab = load_characters(directory, tokenizer, err);
out:
	json_decref(tokenizer);
	json_decref(config);
	return vocab;
}
