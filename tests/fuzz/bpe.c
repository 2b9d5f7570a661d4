/* Any bytes as a tokenizer.json, as a merges.txt, and as the vocabulary of a header, with a text:
 * what is refused gets one line, and a text that becomes tokens comes back from them. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/model/added_tokens.h"
#include "common/model/bpe_json.h"
#include "common/model/tokenizer_json.h"
#include "common/stream/vocab_json.h"

#define EXPECT(condition) ((condition) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct err *err)
{
	EXPECT(err->status != ERR_NONE && err->text[0] != '\0');
}

/* Text, tokens, text again; then the same with what would be saved. */
static void encode(const struct vocab *vocab, const char *text, size_t size)
{
	struct err err = {0};
	uint16_t *tokens = malloc((size + 1) * sizeof *tokens);
	const long count = vocab_encode(vocab, text, size, tokens, &err);

	if (count < 0) {
		check_error(&err);
	} else {
		char *back = malloc(vocab_decoded_size(vocab, tokens, (size_t)count) + 1);
		EXPECT((size_t)count <= size);
		EXPECT(vocab_decode(vocab, tokens, (size_t)count, back) == size &&
		       memcmp(back, text, size) == 0);
		free(back);
	}
	free(tokens);
}

/* A tokenizer.json; under keys of their own, the other files that name added tokens. */
static void of_tokenizer(const json_t *json, const char *text, size_t size)
{
	const json_t *model = json_object_get(json, "model");
	const struct added_tokens_files files = {
		.tokenizer = json,
		.config = json_object_get(json, "config"),
		.roles = json_object_get(json, "roles"),
		.more = json_object_get(json, "more"),
		.gpt2 = !json_object_get(json, "fast"),
	};
	struct err err = {0};

	if (tokenizer_json_check(json, &err) < 0) {
		check_error(&err);
		return;
	}
	if (!tokenizer_json_is_bpe(json))
		return;
	json_t *added = added_tokens_new(&files, json_object_get(model, "vocab"), 0, &err);
	struct vocab *vocab = added ? bpe_json_vocab(json_object_get(model, "vocab"),
	                                             json_object_get(model, "merges"), added, 0, &err)
	                            : NULL;
	json_decref(added);
	if (!vocab) {
		check_error(&err);
		return;
	}
	encode(vocab, text, size);
	json_decref(tokenizer_json_new(vocab));
	free(bpe_json_merges_text(vocab));
	vocab_free(vocab);
}

static void of_header(const json_t *json, const char *text, size_t size)
{
	struct err err = {0};
	struct vocab *vocab = vocab_of_json(json_object_get(json, "vocab"),
	                                    json_object_get(json, "bpe"), &err);

	if (!vocab) {
		check_error(&err);
		return;
	}
	json_t *again = vocab_json(vocab);
	struct vocab *back = vocab_of_json(again, NULL, &err);
	EXPECT(back && vocab_equal(vocab, back));
	encode(vocab, text, size);
	json_decref(again);
	vocab_free(back);
	vocab_free(vocab);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A NUL parts JSON and text; an exact copy, so that a read past the end shows. */
	const uint8_t *nul = memchr(data, 0, size);
	const size_t first = nul ? (size_t)(nul - data) : size, rest = nul ? size - first - 1 : 0;
	char *text = malloc(rest ? rest : 1);
	json_t *json = json_loadb((const char *)data, first, JSON_REJECT_DUPLICATES, NULL);

	if (rest > 0)
		memcpy(text, nul + 1, rest);
	if (json_is_object(json)) {
		of_tokenizer(json, text, rest);
		of_header(json, text, rest);
	}
	json_decref(json);
	json_decref(bpe_json_merges_of_text(text, rest));
	free(text);
	return 0;
}
