/* tokenizer_json.h - the files that tell transformers how texts become tokens. */
#ifndef MEMOSCOPE_TOKENIZER_JSON_H
#define MEMOSCOPE_TOKENIZER_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "common/stream/vocab.h"

/* ---- writing: the caller owns each result. NULL: out of memory. ---- */

/* vocab.json: {character: token}. vocab_load() reads it. */
json_t *vocab_json_new(const struct vocab *vocab);

/* tokenizer.json: a tokenizer that splits a text at every code point and looks each one up. The
 * unknown token is not in the vocabulary, so a character that the model does not know is an
 * error, and not some other token. */
json_t *tokenizer_json_new(const struct vocab *vocab);

/* tokenizer_config.json, for a model that reads context tokens. */
json_t *tokenizer_config_json_new(int context);

/* ---- reading: -1 with err saying what is not as memoscope does it; it names no file ---- */

/* Its tokens: {piece: token}. Owned by tokenizer. NULL: it has none. */
const json_t *tokenizer_json_vocab(const json_t *tokenizer);

/* Does it have byte pair encoding, not one token for each character? */
bool tokenizer_json_is_bpe(const json_t *tokenizer);

/* Check that a tokenizer.json makes one token of each character, or does byte pair encoding of
 * bytes as GPT-2 does, and nothing else. */
int tokenizer_json_check(const json_t *tokenizer, struct err *err);

/* Check that one for characters, which has passed, has the tokens of vocab. */
int tokenizer_json_check_vocab(const json_t *tokenizer, const struct vocab *vocab,
                               struct err *err);

/* Check a "tokenizer_class" of tokenizer_config.json or config.json; NULL: the usual one. */
int tokenizer_class_check(const char *name, struct err *err);

/* Is it GPT2Tokenizer, which is the usual one? */
bool tokenizer_class_is_gpt2(const char *name);

/* Check that a tokenizer_config.json adds nothing to a text and changes nothing in it. */
int tokenizer_config_json_check(const json_t *config, struct err *err);

#endif
