/* Added tokens from all files that name some, as transformers finds them: testdata/bpe/added.py. */
#include "common/model/added_tokens.h"

#include <sys/stat.h>

#include "common/model/model_vocab.h"
#include "tests/model/directory.h"

static void put_json(const char *name, json_t *json)
{
	json_dump_file(json, in_model(name), 0);
	json_decref(json);
}

/* The directory of a row. */
static void make_directory(const json_t *row)
{
	const json_t *changes = json_object_get(row, "tokenizer");
	const char *name;
	json_t *value;

	folder_remove(directory);
	mkdir(directory, 0777);
	if (json_is_null(changes)) {
		copy_bpe("vocab.json");
		copy_bpe("merges.txt");
	} else {
		json_t *tokenizer = json_load_file("testdata/bpe/tokenizer.json", 0, NULL);
		json_object_update(tokenizer, (json_t *)changes);
		put_json("tokenizer.json", tokenizer);
	}
	put_json("config.json", json_pack("{s:s, s:O}", "model_type", "gpt2", "vocab_size",
	                                  json_object_get(row, "vocab_size")));
	json_object_foreach (json_object_get(row, "files"), name, value)
		put_json(name, json_incref(value));
}

static bool same_tokens(const struct vocab *vocab, const char *text, const json_t *want)
{
	uint16_t tokens[256];
	struct err err = {0};
	const long count = vocab_encode(vocab, text, strlen(text), tokens, &err);
	bool same = count == (long)json_array_size(want);

	for (long i = 0; same && i < count; i++)
		same = json_integer_value(json_array_get(want, (size_t)i)) == tokens[i];
	for (long i = 0; !same && i < count; i++)
		printf("# have %d\n", tokens[i]);
	return same;
}

static void check(size_t number, const json_t *row)
{
	const json_t *texts = json_object_get(row, "texts"), *tokens = json_object_get(row, "tokens");
	const char *refused = json_string_value(json_object_get(row, "refused"));
	struct err err = {0};
	struct vocab *vocab;
	json_t *text;
	size_t i;

	make_directory(row);
	vocab = model_vocab_load(directory, &err);
	if (refused) {
		if (!ok(!vocab && strstr(err.text, refused), "directory %zu: refused: %s", number, refused))
			printf("# have \"%s\"\n", err.text);
		vocab_free(vocab);
		return;
	}
	if (!ok(vocab && vocab_size(vocab) == json_integer_value(json_object_get(row, "vocab_size")),
	        "directory %zu opens", number))
		printf("# %s\n", err.text);
	json_array_foreach (texts, i, text)
		ok(vocab && same_tokens(vocab, json_string_value(text), json_array_get(tokens, i)),
		   "directory %zu: the tokens of text %zu", number, i);
	vocab_free(vocab);
}

int main(void)
{
	json_t *rows = json_load_file("testdata/bpe/added.json", 0, NULL), *row;
	size_t i;

	directory_begin();
	mkdir(directory, 0777);
	ok(json_array_size(rows) > 40, "there are directories");
	json_array_foreach (rows, i, row)
		check(i, row);
	json_decref(rows);
	return directory_end();
}
