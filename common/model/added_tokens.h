/* added_tokens.h - the tokens that a tokenizer of transformers finds in a text before all else, as
 * <|endoftext|>.
 *
 * transformers collects them from several files: "added_tokens" of tokenizer.json;
 * "added_tokens_decoder" of tokenizer_config.json or, without it, added_tokens.json; the tokens
 * with a role, as "eos_token", of tokenizer_config.json and special_tokens_map.json; and the one
 * that its class GPT2Tokenizer has by itself. A token has its number in the vocabulary, or the next
 * one if that lacks it.
 */
#ifndef MEMOSCOPE_ADDED_TOKENS_H
#define MEMOSCOPE_ADDED_TOKENS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/err.h"

/* What the files hold; NULL: there is no such file. */
struct added_tokens_files {
	const json_t *tokenizer; /* tokenizer.json */
	const json_t *config; /* tokenizer_config.json */
	const json_t *roles; /* special_tokens_map.json */
	const json_t *more; /* added_tokens.json: {text: token} */
	bool gpt2; /* is the class GPT2Tokenizer? */
};

/* An array of {"content": text, "id": token}. tokens: the vocabulary, {piece: token}. Tokens from
 * size on are left out: the network has none. size 0: it is not known. New reference. NULL with err
 * set, which begins with the name of a file, if a token is not found as memoscope finds it. */
json_t *added_tokens_new(const struct added_tokens_files *files, const json_t *tokens, int size,
                         struct err *err);

#endif
