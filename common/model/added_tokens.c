#include "common/model/added_tokens.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/options.h"

#define END "<|endoftext|>" /* GPT2Tokenizer's, in three roles */

#define ADDED_MAX 4096 /* each place of a text may be compared with all */

/* Names of the files, for messages. */
#define TOKENIZER "tokenizer.json"
#define CONFIG "tokenizer_config.json"
#define ROLES "special_tokens_map.json"
#define MORE "added_tokens.json"

struct added_token {
	const char *content; /* owned by the file's JSON */
	const char *file; /* that says it */
	const json_t *options; /* "lstrip" and so on; NULL: none */
	json_int_t id; /* as the file says; -1: it does not */
	bool normalized; /* found after those that are not */
};

struct list {
	struct added_token *tokens;
	size_t count, room;
};

/* ---- collecting ---- */

static struct added_token *find(const struct list *list, const char *content)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->tokens[i].content, content) == 0)
			return &list->tokens[i];
	return NULL;
}

static int append(struct list *list, const struct added_token *token, struct err *err)
{
	if (list->count == ADDED_MAX)
		return err_set(err, "%s: more than %d added tokens", token->file, ADDED_MAX);
	if (array_reserve(&list->tokens, &list->room, list->count + 1) < 0)
		return err_set(err, "out of memory");
	list->tokens[list->count++] = *token;
	return 0;
}

/* A text, or an object with its "content" and options. usual: is it normalized if the object does
 * not say it? false if it is neither. */
static bool read_token(const char *file, const json_t *json, bool usual, struct added_token *token)
{
	const json_t *normalized = json_object_get(json, "normalized");
	const json_t *content = json_is_object(json) ? json_object_get(json, "content") : json;

	*token = (struct added_token){
		.content = json_string_value(content),
		.file = file,
		.options = json_is_object(json) ? json : NULL,
		.id = -1,
		.normalized = normalized ? json_is_true(normalized) : usual,
	};
	return token->content && *token->content;
}

/* A token with a number. Of two with a content, the later one's options count. */
static int add_listed(struct list *list, const char *file, const json_t *json, json_int_t id,
                      struct err *err)
{
	const bool special = json_is_true(json_object_get(json, "special"));
	struct added_token token, *same;

	if (!read_token(file, json, !special, &token))
		return err_set(err, "%s: added token %lld has no \"content\"", file, (long long)id);
	token.id = id;
	same = find(list, token.content);
	if (same && same->id != id)
		return err_set(err, "%s: '%.40s' has the token %lld, but in %s it has %lld", file,
		               token.content, (long long)id, same->file, (long long)same->id);
	if (!same)
		return append(list, &token, err);
	*same = token;
	return 0;
}

/* "added_tokens" of tokenizer.json */
static int add_tokenizer(struct list *list, const json_t *added, struct err *err)
{
	json_t *token;
	size_t i;

	json_array_foreach (added, i, token) {
		const json_t *id = json_object_get(token, "id");
		if (!json_string_value(json_object_get(token, "content")))
			return err_set(err, TOKENIZER ": added token %zu has no \"content\"", i);
		if (!json_is_integer(id))
			return err_set(err, TOKENIZER ": added token %zu has no \"id\"", i);
		if (add_listed(list, TOKENIZER, token, json_integer_value(id), err) < 0)
			return -1;
	}
	return 0;
}

/* "added_tokens_decoder" of tokenizer_config.json: {"token": {...}} */
static int add_decoder(struct list *list, const json_t *decoder, struct err *err)
{
	struct err why = {0};
	const char *key;
	json_t *token;
	int64_t id;

	json_object_foreach ((json_t *)decoder, key, token) {
		if (option_int("added_tokens_decoder", key, 0, INT32_MAX, &id, &why) < 0)
			return err_set(err, CONFIG ": %s", why.text);
		if (add_listed(list, CONFIG, token, id, err) < 0)
			return -1;
	}
	return 0;
}

/* added_tokens.json */
static int add_more(struct list *list, const json_t *more, struct err *err)
{
	const char *content;
	json_t *id;

	json_object_foreach ((json_t *)more, content, id) {
		struct added_token token = {.content = content, .file = MORE, .id = -1};
		if (!json_is_integer(id) || *content == '\0')
			return err_set(err, MORE ": '%.40s' has no number", content);
		token.id = json_integer_value(id);
		const struct added_token *same = find(list, content);
		if (same && same->id != token.id)
			return err_set(err, MORE ": '%.40s' has the token %lld, but in %s it has %lld", content,
			               (long long)token.id, same->file, (long long)same->id);
		if (!same && append(list, &token, err) < 0)
			return -1;
	}
	return 0;
}

/* A token with a role, which has no number. Options of one that is known do not count. */
static int add_role(struct list *list, const char *file, const json_t *json, struct err *err)
{
	struct added_token token;

	if (!read_token(file, json, false, &token) || find(list, token.content))
		return 0;
	return append(list, &token, err);
}

static const char *const roles[] = {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token",
                                    "cls_token", "mask_token"};

#define ROLE_COUNT (sizeof roles / sizeof *roles)

/* Some other KEY that ends in "_token". */
static bool is_own_role(const char *key)
{
	const size_t size = strlen(key);

	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (strcmp(key, roles[i]) == 0)
			return false;
	return size > 6 && strcmp(key + size - 6, "_token") == 0;
}

/* Roles of the model's own, and lists of tokens. */
static int add_other_roles(struct list *list, const char *file, const json_t *json,
                           struct err *err)
{
	static const char *const lists[] = {"extra_special_tokens", "additional_special_tokens"};
	const char *key;
	json_t *value;
	size_t k;

	json_object_foreach ((json_t *)json, key, value)
		if (is_own_role(key) && add_role(list, file, value, err) < 0)
			return -1;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		const json_t *tokens = json_object_get(json, lists[i]);
		json_array_foreach (tokens, k, value)
			if (add_role(list, file, value, err) < 0)
				return -1;
		if (!json_is_object(tokens))
			continue;
		json_object_foreach ((json_t *)tokens, key, value)
			if (add_role(list, file, value, err) < 0)
				return -1;
	}
	return 0;
}

/* special_tokens_map.json goes before tokenizer_config.json. */
static int add_roles(struct list *list, const struct added_tokens_files *files, const json_t *map,
                     struct err *err)
{
	const struct added_token end = {.content = END, .file = TOKENIZER, .id = -1};
	int result = 0;

	for (size_t i = 0; i < ROLE_COUNT && result == 0; i++) {
		const json_t *of_map = json_object_get(map, roles[i]);
		const json_t *of_config = json_object_get(files->config, roles[i]);
		if (of_map)
			result = add_role(list, ROLES, of_map, err);
		else if (of_config)
			result = add_role(list, CONFIG, of_config, err);
		else if (files->gpt2 && i < 3 && !find(list, END))
			result = append(list, &end, err);
	}
	if (result == 0)
		result = add_other_roles(list, ROLES, map, err);
	return result == 0 ? add_other_roles(list, CONFIG, files->config, err) : -1;
}

static int collect(struct list *list, const struct added_tokens_files *files, struct err *err)
{
	const json_t *decoder = json_object_get(files->config, "added_tokens_decoder");
	const bool decodes = json_is_object(decoder);

	if (add_tokenizer(list, json_object_get(files->tokenizer, "added_tokens"), err) < 0 ||
	    (decodes ? add_decoder(list, decoder, err) : add_more(list, files->more, err)) < 0)
		return -1;
	return add_roles(list, files, decodes ? NULL : files->roles, err);
}

/* ---- numbers ---- */

static int by_number(const void *a, const void *b)
{
	const struct added_token *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Those without a number come last, in their order. */
static void sort(struct list *list)
{
	size_t listed = 0;

	while (listed < list->count && list->tokens[listed].id >= 0)
		listed++;
	if (listed > 0)
		qsort(list->tokens, listed, sizeof *list->tokens, by_number);
}

/* Each has its number in the vocabulary, or the next one. */
static int number(struct list *list, const json_t *tokens, struct err *err)
{
	json_int_t next = (json_int_t)json_object_size(tokens);

	for (size_t i = 0; i < list->count; i++) {
		struct added_token *token = &list->tokens[i];
		const json_t *known = json_object_get(tokens, token->content);
		const json_int_t id = json_is_integer(known) ? json_integer_value(known) : next;
		if (token->id >= 0 && token->id != id)
			return err_set(err, "%s: '%.40s' has the token %lld, but the tokenizers of "
			               "transformers give it %lld", token->file, token->content,
			               (long long)token->id, (long long)id);
		token->id = id;
		if (id >= next)
			next = id + 1;
	}
	return 0;
}

/* ---- how they are found ---- */

static int check_options(const struct added_token *token, struct err *err)
{
	static const char *const options[] = {"lstrip", "rstrip", "single_word"};

	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (json_is_true(json_object_get(token->options, options[i])))
			return err_set(err, "%s: added token '%.40s' has \"%s\", which memoscope does not do",
			               token->file, token->content, options[i]);
	return 0;
}

/* Can a text hold both in places that share a character? */
static bool overlap(const char *a, const char *b)
{
	const size_t a_size = strlen(a), b_size = strlen(b);

	if (strstr(a, b) || strstr(b, a))
		return true;
	for (size_t n = 1; n < a_size && n < b_size; n++)
		if (memcmp(a + a_size - n, b, n) == 0 || memcmp(b + b_size - n, a, n) == 0)
			return true;
	return false;
}

/* All are looked for at once: the leftmost goes first, and the longest there. transformers looks
 * for those that are not normalized before the others. Without a normalizer that is the same,
 * unless two of them overlap. */
static int check_order(const struct list *list, struct err *err)
{
	for (size_t i = 0; i < list->count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct added_token *a = &list->tokens[k], *b = &list->tokens[i];
			if (a->normalized != b->normalized && overlap(a->content, b->content))
				return err_set(err, "%s: added tokens '%.40s' and '%.40s' overlap, and one of them "
				               "is \"normalized\": memoscope looks for both at once", b->file,
				               a->content, b->content);
		}
	return 0;
}

/* Of those that the network has. */
static json_t *checked(struct list *list, int size, struct err *err)
{
	json_t *result = json_array();
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct added_token token = list->tokens[i];
		if (size > 0 && token.id >= size)
			continue;
		list->tokens[kept++] = token;
		if (check_options(&token, err) < 0)
			break;
		json_array_append_new(result, json_pack("{s:s, s:I}", "content", token.content, "id",
		                                        token.id));
	}
	list->count = kept;
	if (err->status == ERR_NONE && check_order(list, err) == 0)
		return result;
	json_decref(result);
	return NULL;
}

json_t *added_tokens_new(const struct added_tokens_files *files, const json_t *tokens, int size,
                         struct err *err)
{
	struct list list = {0};
	json_t *result = NULL;

	if (collect(&list, files, err) == 0) {
		sort(&list);
		if (number(&list, tokens, err) == 0)
			result = checked(&list, size, err);
	}
	free(list.tokens);
	return result;
}
