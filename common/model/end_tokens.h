/* end_tokens.h - the tokens that end a text that a model writes.
 *
 * transformers has them in generation_config.json, "eos_token_id": a number, an array of numbers or
 * null. Only where there is no such file they are those of config.json. model(5)
 */
#ifndef MEMOSCOPE_END_TOKENS_H
#define MEMOSCOPE_END_TOKENS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

#define END_TOKENS_MAX 16

struct end_tokens {
	int count;
	uint16_t token[END_TOKENS_MAX];
};

bool end_tokens_have(const struct end_tokens *ends, int token);

/* Those below vocab; a network never writes others. json: a number, an array or null; NULL is null.
 * -1 with err set, which names no file. */
int end_tokens_read(struct end_tokens *ends, const json_t *json, int vocab, struct err *err);

/* Those of a directory whose config.json is given. -1 with err set. */
int end_tokens_load(struct end_tokens *ends, const char *directory, const json_t *config,
                    int vocab, struct err *err);

/* The inverse of end_tokens_read(): null, a number or an array. New reference. */
json_t *end_tokens_json(const struct end_tokens *ends);

#endif
