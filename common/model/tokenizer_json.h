/* tokenizer_json.h - the files that tell transformers how texts become tokens.
 *
 * The caller owns each result. NULL: out of memory.
 */
#ifndef MEMOSCOPE_TOKENIZER_JSON_H
#define MEMOSCOPE_TOKENIZER_JSON_H

#include <jansson.h>

#include "common/stream/vocab.h"

/* vocab.json: {character: token}. vocab_load() reads it. */
json_t *vocab_json_new(const struct vocab *vocab);

/* tokenizer.json: a tokenizer that splits a text at every code point and looks each one up. The
 * unknown token is not in the vocabulary, so a character that the model does not know is an
 * error, and not some other token. */
json_t *tokenizer_json_new(const struct vocab *vocab);

/* tokenizer_config.json, for a model that reads context tokens. */
json_t *tokenizer_config_json_new(int context);

#endif
