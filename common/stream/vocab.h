/* vocab.h - a vocabulary: the piece of text that each token stands for.
 *
 * A piece is a string of bytes, which need not be whole characters. Most vocabularies of memoscope
 * are the special case in which each piece is one character (a Unicode code point); in headers and
 * model directories they are one UTF-8 string, the characters in the order of their tokens. Tokens
 * fit 16 bits.
 */
#ifndef MEMOSCOPE_VOCAB_H
#define MEMOSCOPE_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/bpe.h"

#define VOCAB_MAX 65535 /* tokens at most */
#define VOCAB_BYTES_MAX (1 << 24) /* of all pieces together */

struct vocab; /* own: vocab_new … vocab_free */

/* Bytes that belong to somebody else; not NUL-terminated. */
struct piece {
	const char *bytes;
	size_t size;
};

/* A vocabulary of the distinct characters of text, in the order given.
 * NULL with err set where text is not UTF-8, is empty, repeats a character or
 * has more than VOCAB_MAX of them. */
struct vocab *vocab_new(const char *text, size_t size, struct err *err);

/* A vocabulary of count pieces, which are copied. An empty piece is a token that no text has. Of
 * two equal pieces, vocab_find() finds the first. NULL with err set if there are none or too
 * many. */
struct vocab *vocab_of_pieces(const struct piece *pieces, size_t count, struct err *err);

void vocab_free(struct vocab *vocab); /* NULL is allowed */

/* The vocabulary of a JSON file: an object {character: token, ...}, as vocab.json
 * of a model directory, or a string of the characters. NULL with err naming path. */
struct vocab *vocab_load(const char *path, struct err *err);

/* The same of a path that somebody named: it may be that of a pipe. */
struct vocab *vocab_load_any(const char *path, struct err *err);

int vocab_size(const struct vocab *vocab);

/* The piece of a token (0 … size-1), owned by vocab. */
struct piece vocab_piece(const struct vocab *vocab, int token);

/* The token of a piece, or -1. */
int vocab_find(const struct vocab *vocab, const char *bytes, size_t size);

bool vocab_equal(const struct vocab *a, const struct vocab *b);

/* How a vocabulary differs from another one, for a message: "it has U+00E9 'é', which is not in
 * the model", "it lacks ...", or "its token 3 is ...". name: what the other one is, "the model".
 * They must not be equal. Returns text. */
#define VOCAB_DIFFERENCE 192
const char *vocab_difference(const struct vocab *vocab, const struct vocab *other,
                             const char *name, char text[VOCAB_DIFFERENCE]);

/* A number that tells vocabularies apart, the order of their pieces included, as it
 * stands in files: XXH3 in 16 hexadecimal digits, of the text if the pieces are characters. */
#define VOCAB_DIGEST_SIZE 17
void vocab_digest(const struct vocab *vocab, char digest[VOCAB_DIGEST_SIZE]);

/* ---- characters ---- */

/* Was it made by vocab_new()? */
bool vocab_is_characters(const struct vocab *vocab);

/* The characters as the string they were made of: NUL-terminated, owned by vocab. NULL if the
 * pieces are not characters. */
const char *vocab_text(const struct vocab *vocab);

/* The code point of a token (0 … size-1), if the pieces are characters. */
uint32_t vocab_code(const struct vocab *vocab, int token);

/* ---- padding ----
 *
 * A network may have more tokens than its vocabulary, so that its matrices have a handier size:
 * nanoGPT pads the vocabulary to a multiple of 64. These tokens are at the end. In a vocabulary of
 * pieces they are empty; in one of characters they are characters that no text has, from U+F0000
 * on, the first code point of private use plane 15. */

#define VOCAB_PADDING 63 /* tokens that a vocabulary of characters is padded with at most */

/* A vocabulary of characters padded to count tokens, more than it has. The caller owns it. NULL
 * with err set if memory is out. */
struct vocab *vocab_padded(const struct vocab *vocab, int count, struct err *err);

/* How many tokens at the end of a vocabulary are padding. */
int vocab_padding(const struct vocab *vocab);

/* ---- texts ---- */

/* Say how texts become tokens, of a vocabulary that is not one of characters. -1 with err set as by
 * bpe_new(). */
int vocab_set_bpe(struct vocab *vocab, const struct bpe_rules *rules, struct err *err);

/* What encodes texts, owned by vocab. NULL if the pieces are characters, or if nothing does. */
const struct bpe *vocab_bpe(const struct vocab *vocab);

/* Tokens of a text of size bytes into tokens (room for size of them).
 * Returns their count; -1 with err naming the character and its place where
 * one is not in the vocabulary, or where text is not UTF-8. If the pieces are not characters, any
 * bytes are a text, but only one thread at a time may encode; without vocab_set_bpe() it is an
 * error. */
long vocab_encode(const struct vocab *vocab, const char *text, size_t size,
                  uint16_t *tokens, struct err *err);

/* At least as many bytes as vocab_decode() writes. */
size_t vocab_decoded_size(const struct vocab *vocab, const uint16_t *tokens, size_t count);

/* The text of count tokens into text, which has room for vocab_decoded_size(). Every token must be
 * below vocab_size(). Returns its length in bytes. */
size_t vocab_decode(const struct vocab *vocab, const uint16_t *tokens, size_t count,
                    char *text);

#endif
