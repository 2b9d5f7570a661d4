/* vocab_padding.c - tokens at the end of a vocabulary that no text has. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/stream/vocab.h"

#define FIRST 0xf0000u /* of private use plane 15 */
#define LAST 0xffffdu

/* Is the code point among the first count tokens of the vocabulary? */
static bool has(const struct vocab *vocab, int count, uint32_t code)
{
	char character[UTF8_MAX];
	const int token = vocab_find(vocab, character, utf8_encode(code, character));

	return token >= 0 && token < count;
}

/* The next character that pads the first count tokens, from a code point on. */
static uint32_t next(const struct vocab *vocab, int count, uint32_t code)
{
	while (has(vocab, count, code))
		code++;
	return code;
}

struct vocab *vocab_padded(const struct vocab *vocab, int count, struct err *err)
{
	const int own = vocab_size(vocab);
	const size_t size = strlen(vocab_text(vocab));
	char *text = malloc(size + UTF8_MAX * (size_t)(count - own) + 1);
	size_t at = size;

	if (!text) {
		err_set(err, "vocabulary: out of memory");
		return NULL;
	}
	memcpy(text, vocab_text(vocab), size);
	uint32_t code = FIRST;
	for (int i = own; i < count; i++) {
		code = next(vocab, own, code);
		at += utf8_encode(code++, text + at);
	}
	struct vocab *padded = vocab_new(text, at, err);
	free(text);
	return padded;
}

/* Are the tokens from `own` on those that vocab_padded() adds to the ones before? */
static bool pads(const struct vocab *vocab, int own)
{
	uint32_t code = FIRST;

	for (int i = own; i < vocab_size(vocab); i++) {
		code = next(vocab, own, code);
		if (vocab_code(vocab, i) != code++)
			return false;
	}
	return true;
}

static bool may_be_padding(const struct vocab *vocab, int token)
{
	if (!vocab_is_characters(vocab))
		return vocab_piece(vocab, token).size == 0;
	const uint32_t code = vocab_code(vocab, token);
	return code >= FIRST && code <= LAST;
}

int vocab_padding(const struct vocab *vocab)
{
	const bool characters = vocab_is_characters(vocab);
	const int size = vocab_size(vocab);
	int own = size;

	while (own > 0 && may_be_padding(vocab, own - 1) &&
	       !(characters && size - own == VOCAB_PADDING))
		own--;
	while (characters && own < size && !pads(vocab, own))
		own++;
	return size - own;
}
