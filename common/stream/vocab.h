/* vocab.h - a character vocabulary: token t stands for one Unicode code point.
 *
 * In headers and model directories a vocabulary is one UTF-8 string, its
 * characters in the order of their tokens. Tokens fit 16 bits.
 */
#ifndef MEMOSCOPE_VOCAB_H
#define MEMOSCOPE_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define VOCAB_MAX 65535 /* characters at most */

struct vocab; /* own: vocab_new … vocab_free */

/* A vocabulary of the distinct characters of text, in the order given.
 * NULL with err set where text is not UTF-8, is empty, repeats a character or
 * has more than VOCAB_MAX of them. */
struct vocab *vocab_new(const char *text, size_t size, struct err *err);
void vocab_free(struct vocab *vocab); /* NULL is allowed */

/* The vocabulary of a JSON file: an object {character: token, ...}, as vocab.json
 * of a model directory, or a string of the characters. NULL with err naming path. */
struct vocab *vocab_load(const char *path, struct err *err);

/* The same of a path that somebody named: it may be that of a pipe. */
struct vocab *vocab_load_any(const char *path, struct err *err);

int vocab_size(const struct vocab *vocab);

/* The vocabulary as the string it was made of: NUL-terminated, owned by vocab. */
const char *vocab_text(const struct vocab *vocab);

/* The code point of a token (0 … size-1). */
uint32_t vocab_code(const struct vocab *vocab, int token);

/* The character of a token as a NUL-terminated UTF-8 string, owned by vocab. */
const char *vocab_char(const struct vocab *vocab, int token);

/* The token of a code point, or -1. */
int vocab_token(const struct vocab *vocab, uint32_t code);

bool vocab_equal(const struct vocab *a, const struct vocab *b);

/* How a vocabulary differs from another one, for a message: "it has U+00E9 'é', which is not in the
 * model", "it lacks ...", or "its token 3 is ...". name: what the other one is, "the model". They
 * must not be equal. Returns text. */
#define VOCAB_DIFFERENCE 192
const char *vocab_difference(const struct vocab *vocab, const struct vocab *other,
                             const char *name, char text[VOCAB_DIFFERENCE]);

/* A number that tells vocabularies apart, the order of their characters included, as it
 * stands in files: XXH3 of the text in 16 hexadecimal digits. */
#define VOCAB_DIGEST_SIZE 17
void vocab_digest(const struct vocab *vocab, char digest[VOCAB_DIGEST_SIZE]);

/* Tokens of a text of size bytes into tokens (room for size of them).
 * Returns their count; -1 with err naming the character and its place where
 * one is not in the vocabulary, or where text is not UTF-8. */
long vocab_encode(const struct vocab *vocab, const char *text, size_t size,
                  uint16_t *tokens, struct err *err);

/* The text of count tokens into text (room for UTF8_MAX * count bytes).
 * Every token must be below vocab_size(). Returns its length in bytes. */
size_t vocab_decode(const struct vocab *vocab, const uint16_t *tokens, size_t count,
                    char *text);

/* The set of characters seen so far, to make a vocabulary of. */
struct charset {
	uint64_t bits[0x110000 / 64];
};

/* Add the characters of a text. -1 with err set where it is not UTF-8. */
int charset_add(struct charset *set, const char *text, size_t size, struct err *err);

/* The characters in code point order as a NUL-terminated string, to free(). */
char *charset_text(const struct charset *set);

#endif
