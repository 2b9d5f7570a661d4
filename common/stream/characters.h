/* characters.h - texts and tokens, if each token is a character: the fast path of vocab.h. */
#ifndef MEMOSCOPE_CHARACTERS_H
#define MEMOSCOPE_CHARACTERS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct characters; /* own: characters_new … characters_free */

/* The distinct characters of text, which have the tokens 0, 1 and so on. NULL with err set if text
 * is not UTF-8, repeats a character, holds U+0000 or has more than max characters. */
struct characters *characters_new(const char *text, size_t size, int max, struct err *err);
void characters_free(struct characters *characters); /* NULL is allowed */

int characters_count(const struct characters *characters);

/* The code point of a token. */
uint32_t characters_code(const struct characters *characters, int token);

/* The token of a code point, or -1. */
int characters_token(const struct characters *characters, uint32_t code);

/* A character for a message: "U+00E9 'é'", or without the character where it does not print. */
#define CHARACTER_DESCRIBED 32
const char *characters_describe(uint32_t code, char out[CHARACTER_DESCRIBED]);

/* As vocab_encode() and vocab_decode(). */
long characters_encode(const struct characters *characters, const char *text, size_t size,
                       uint16_t *tokens, struct err *err);
size_t characters_decode(const struct characters *characters, const uint16_t *tokens, size_t count,
                         char *text);

#endif
