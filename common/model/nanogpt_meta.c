#include "common/model/nanogpt_meta.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/utf8.h"
#include "common/model/foreign_file.h"
#include "common/model/pickle.h"

#define META_MAX ((size_t)16 << 20) /* bytes of the file */

/* The character of each token, by the pairs of a dict; key_first: character, token, else the other
 * way around. characters: room for count, all NULL. -1 with err set. */
static int list_characters(const char *path, const struct pickle_value *dict, bool key_first,
                           const struct pickle_value **characters, size_t count, struct err *err)
{
	if (dict->count / 2 != count)
		return err_set(err, "%s: byte %zu: %u pairs, expected \"vocab_size\", %zu", path, dict->at,
		               dict->count / 2, count);
	for (const struct pickle_item *item = dict->items.first; item; item = item->next->next) {
		const struct pickle_value *a = item->value, *b = item->next->value;
		const struct pickle_value *character = key_first ? a : b, *token = key_first ? b : a;
		if (!pickle_is(character, PICKLE_TEXT) ||
		    utf8_length(character->text.bytes, character->text.size) != 1)
			return err_set(err, "%s: byte %zu: expected a text of one character", path,
			               character->at);
		if (!pickle_is(token, PICKLE_INT) || token->integer < 0 ||
		    token->integer >= (int64_t)count || characters[token->integer])
			return err_set(err, "%s: byte %zu: expected a token of its own in 0 to %zu", path,
			               token->at, count - 1);
		characters[token->integer] = character;
	}
	return 0;
}

static struct vocab *make_vocab(const char *path, const struct pickle_value *const *characters,
                                const struct pickle_value *const *others, size_t count,
                                struct err *err)
{
	char *text = malloc(UTF8_MAX * count + 1);
	struct err found = {0};
	size_t size = 0;

	if (!text)
		err_set(err, "%s: out of memory", path);
	for (size_t i = 0; i < count && text; i++) {
		const struct pickle_value *a = characters[i], *b = others[i];
		if (a->text.size != b->text.size || memcmp(a->text.bytes, b->text.bytes, a->text.size)) {
			err_set(err, "%s: \"itos\" and \"stoi\" differ for token %zu", path, i);
			free(text);
			return NULL;
		}
		memcpy(text + size, a->text.bytes, a->text.size);
		size += a->text.size;
	}
	struct vocab *vocab = text ? vocab_new(text, size, &found) : NULL;
	free(text);
	if (!vocab)
		err_set(err, "%s: %s", path, found.text);
	return vocab;
}

static struct vocab *vocab_of(const char *path, const struct pickle_value *root, struct err *err)
{
	const struct pickle_value *itos = pickle_get(root, "itos"), *stoi = pickle_get(root, "stoi");
	const struct pickle_value *size = pickle_get(root, "vocab_size");

	if (!pickle_is(itos, PICKLE_DICT) || !pickle_is(stoi, PICKLE_DICT) ||
	    !pickle_is(size, PICKLE_INT)) {
		err_set(err, "%s: no \"vocab_size\", \"itos\" and \"stoi\", expected nanoGPT's meta.pkl of "
		        "single characters", path);
		return NULL;
	}
	if (size->integer < 1 || size->integer > VOCAB_MAX) {
		err_set(err, "%s: \"vocab_size\" is %lld, expected 1 to %d", path, (long long)size->integer,
		        VOCAB_MAX);
		return NULL;
	}
	const size_t count = (size_t)size->integer;
	const struct pickle_value **lists = calloc(2 * count, sizeof *lists);
	struct vocab *vocab = NULL;
	if (!lists)
		err_set(err, "%s: out of memory", path);
	else if (list_characters(path, itos, false, lists, count, err) == 0 &&
	         list_characters(path, stoi, true, lists + count, count, err) == 0)
		vocab = make_vocab(path, lists, lists + count, count, err);
	free(lists);
	return vocab;
}

struct vocab *nanogpt_meta_read(const char *path, const void *bytes, size_t size, struct err *err)
{
	static const char *const globals[] = {NULL};
	struct pickle *pickle = pickle_read(path, bytes, size, globals, err);
	struct vocab *vocab = pickle ? vocab_of(path, pickle_root(pickle), err) : NULL;

	pickle_free(pickle);
	return vocab;
}

struct vocab *nanogpt_meta_load(const char *path, struct err *err)
{
	size_t size;
	char *bytes = file_read_any(path, META_MAX, &size, err);
	const char *kind = bytes ? foreign_file_kind(bytes, size) : NULL;
	struct vocab *vocab = bytes && !kind ? nanogpt_meta_read(path, bytes, size, err) : NULL;

	if (kind)
		err_set(err, "%s: expected nanoGPT's meta.pkl, but it is %s", path, kind);
	free(bytes);
	return vocab;
}
