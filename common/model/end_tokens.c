#include "common/model/end_tokens.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/model/json_file.h"

#define FIELD "eos_token_id"
#define GENERATION "generation_config.json"

bool end_tokens_have(const struct end_tokens *ends, int token)
{
	for (int i = 0; i < ends->count; i++)
		if (ends->token[i] == token)
			return true;
	return false;
}

static int add(struct end_tokens *ends, const json_t *number, int vocab, struct err *err)
{
	const json_int_t token = json_is_integer(number) ? json_integer_value(number) : -1;

	if (!json_is_integer(number))
		return err_set(err, "\"" FIELD "\" is neither a token, nor an array of tokens, nor null");
	if (token < 0 || token >= vocab || end_tokens_have(ends, (int)token))
		return 0;
	if (ends->count == END_TOKENS_MAX)
		return err_set(err, "\"" FIELD "\" has more than %d tokens", END_TOKENS_MAX);
	ends->token[ends->count++] = (uint16_t)token;
	return 0;
}

int end_tokens_read(struct end_tokens *ends, const json_t *json, int vocab, struct err *err)
{
	json_t *number;
	size_t i;

	*ends = (struct end_tokens){0};
	if (!json || json_is_null(json))
		return 0;
	if (!json_is_array(json))
		return add(ends, json, vocab, err);
	json_array_foreach (json, i, number)
		if (add(ends, number, vocab, err) < 0)
			return -1;
	return 0;
}

int end_tokens_load(struct end_tokens *ends, const char *directory, const json_t *config,
                    int vocab, struct err *err)
{
	struct err why = {0};
	json_t *generation = NULL;
	char *path;
	int result;

	if (asprintf(&path, "%s/" GENERATION, directory) < 0)
		return err_set(err, "out of memory");
	const bool there = json_file_exists(path);
	if (there && !(generation = json_file_object(path, err))) {
		free(path);
		return -1;
	}
	result = end_tokens_read(ends, json_object_get(there ? generation : config, FIELD), vocab,
	                         &why);
	if (result < 0)
		err_set(err, "%s/%s: %s", directory, there ? GENERATION : "config.json", why.text);
	json_decref(generation);
	free(path);
	return result;
}

json_t *end_tokens_json(const struct end_tokens *ends)
{
	json_t *list;

	if (ends->count == 0)
		return json_null();
	if (ends->count == 1)
		return json_integer(ends->token[0]);
	list = json_array();
	for (int i = 0; i < ends->count; i++)
		json_array_append_new(list, json_integer(ends->token[i]));
	return list;
}
