#include "common/stream/vocab.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/escape.h"
#include "common/base/utf8.h"
#include "common/stream/characters.h"

struct vocab {
	int size;
	char *bytes; /* of all pieces, one after the other, then a NUL */
	uint32_t *begin; /* [size + 1] where each piece begins; the last one is where all end */
	size_t longest; /* bytes of the longest piece */
	struct characters *characters; /* NULL: the pieces are not characters */
	uint16_t *slot; /* [slots] of the hash table of pieces that are not characters; NONE: free */
	size_t slots; /* a power of two, at least twice size */
	struct bpe *bpe; /* owned; NULL: none */
};

#define NONE 0xFFFF
#define PIECE_DESCRIBED 48 /* bytes of a piece in a message, with its NUL */

struct piece vocab_piece(const struct vocab *vocab, int token)
{
	const uint32_t begin = vocab->begin[token];

	return (struct piece){vocab->bytes + begin, vocab->begin[token + 1] - begin};
}

static bool same(struct piece a, struct piece b)
{
	return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

/* The slot of a piece, or the free one where it would stand. */
static size_t slot_of(const struct vocab *vocab, const char *bytes, size_t size)
{
	size_t at = XXH3_64bits(bytes, size) & (vocab->slots - 1);

	while (vocab->slot[at] != NONE &&
	       !same(vocab_piece(vocab, vocab->slot[at]), (struct piece){bytes, size}))
		at = (at + 1) & (vocab->slots - 1);
	return at;
}

/* An empty vocabulary with memory for pieces of so many bytes. NULL with err set. */
static struct vocab *vocab_alloc(size_t count, size_t bytes, struct err *err)
{
	struct vocab *vocab = calloc(1, sizeof *vocab);

	if (vocab) {
		vocab->bytes = malloc(bytes + 1);
		vocab->begin = calloc(count + 1, sizeof *vocab->begin);
	}
	if (vocab && vocab->bytes && vocab->begin)
		return vocab;
	vocab_free(vocab);
	err_set(err, "vocabulary: out of memory");
	return NULL;
}

/* Add the next piece. There is room for it. */
static void add(struct vocab *vocab, const char *bytes, size_t size)
{
	char *to = vocab->bytes + vocab->begin[vocab->size];

	if (size > 0) /* bytes may be NULL */
		memcpy(to, bytes, size);
	to[size] = '\0';
	vocab->begin[vocab->size + 1] = vocab->begin[vocab->size] + (uint32_t)size;
	vocab->longest = size > vocab->longest ? size : vocab->longest;
	vocab->size++;
}

struct vocab *vocab_new(const char *text, size_t size, struct err *err)
{
	struct characters *characters;
	struct vocab *vocab;

	if (size == 0) {
		err_set(err, "vocabulary: empty, expected at least one character");
		return NULL;
	}
	characters = characters_new(text, size, VOCAB_MAX, err);
	if (!characters)
		return NULL;
	const int count = characters_count(characters);
	vocab = vocab_alloc((size_t)count, size, err);
	if (!vocab) {
		characters_free(characters);
		return NULL;
	}
	vocab->characters = characters;
	for (int i = 0; i < count; i++) {
		char character[UTF8_MAX];
		add(vocab, character, utf8_encode(characters_code(characters, i), character));
	}
	return vocab;
}

static bool all_empty(const struct piece *pieces, size_t count)
{
	size_t i = 0;

	while (i < count && pieces[i].size == 0)
		i++;
	return i == count;
}

struct vocab *vocab_of_pieces(const struct piece *pieces, size_t count, struct err *err)
{
	struct vocab *vocab;
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += pieces[i].size;
	if (all_empty(pieces, count) || count > VOCAB_MAX || bytes > VOCAB_BYTES_MAX) {
		err_set(err, "vocabulary: %zu pieces of %zu bytes, expected 1 to %d of at most %d", count,
		        bytes, VOCAB_MAX, VOCAB_BYTES_MAX);
		return NULL;
	}
	vocab = vocab_alloc(count, bytes, err);
	if (!vocab)
		return NULL;
	for (vocab->slots = 2; vocab->slots < 2 * count;)
		vocab->slots *= 2;
	vocab->slot = malloc(vocab->slots * sizeof *vocab->slot);
	if (!vocab->slot) {
		err_set(err, "vocabulary: out of memory");
		vocab_free(vocab);
		return NULL;
	}
	memset(vocab->slot, 0xFF, vocab->slots * sizeof *vocab->slot);
	for (size_t i = 0; i < count; i++) {
		const size_t slot = slot_of(vocab, pieces[i].bytes, pieces[i].size);
		add(vocab, pieces[i].bytes, pieces[i].size);
		if (vocab->slot[slot] == NONE && pieces[i].size > 0)
			vocab->slot[slot] = (uint16_t)i;
	}
	return vocab;
}

void vocab_free(struct vocab *vocab)
{
	if (!vocab)
		return;
	characters_free(vocab->characters);
	bpe_free(vocab->bpe);
	free(vocab->bytes);
	free(vocab->begin);
	free(vocab->slot);
	free(vocab);
}

int vocab_size(const struct vocab *vocab)
{
	return vocab->size;
}

bool vocab_is_characters(const struct vocab *vocab)
{
	return vocab->characters != NULL;
}

const char *vocab_text(const struct vocab *vocab)
{
	return vocab->characters ? vocab->bytes : NULL;
}

uint32_t vocab_code(const struct vocab *vocab, int token)
{
	return characters_code(vocab->characters, token);
}

int vocab_find(const struct vocab *vocab, const char *bytes, size_t size)
{
	uint32_t code;

	if (size == 0)
		return -1;
	if (vocab->characters)
		return utf8_decode(bytes, size, &code) == size ?
		       characters_token(vocab->characters, code) : -1;
	const uint16_t token = vocab->slot[slot_of(vocab, bytes, size)];
	return token == NONE ? -1 : token;
}

bool vocab_equal(const struct vocab *a, const struct vocab *b)
{
	return a->size == b->size && vocab_is_characters(a) == vocab_is_characters(b) &&
	       memcmp(a->begin, b->begin, ((size_t)a->size + 1) * sizeof *a->begin) == 0 &&
	       memcmp(a->bytes, b->bytes, a->begin[a->size]) == 0;
}

/* A piece for a message: "U+00E9 'é'" if it is a character, else "' the'". Long ones are cut. */
static const char *describe(const struct vocab *vocab, int token, char out[PIECE_DESCRIBED])
{
	const struct piece piece = vocab_piece(vocab, token);
	char text[ESCAPE_MAX];
	size_t used = 0, taken;

	if (vocab->characters)
		return characters_describe(vocab_code(vocab, token), out);
	out[used++] = '\'';
	for (size_t at = 0; at < piece.size && used + ESCAPE_MAX + 4 < PIECE_DESCRIBED; at += taken) {
		escape_next(ESCAPE_FIELD, piece.bytes + at, piece.size - at, &taken, text);
		used += strlen(strcpy(out + used, text));
	}
	strcpy(out + used, "'");
	return out;
}

/* The first piece of a vocabulary that another one lacks; -1: none. */
static int first_missing(const struct vocab *vocab, const struct vocab *other)
{
	for (int i = 0; i < vocab->size; i++) {
		const struct piece piece = vocab_piece(vocab, i);
		if (piece.size > 0 && vocab_find(other, piece.bytes, piece.size) < 0)
			return i;
	}
	return -1;
}

const char *vocab_difference(const struct vocab *vocab, const struct vocab *other,
                             const char *name, char text[VOCAB_DIFFERENCE])
{
	const int more = first_missing(vocab, other), less = first_missing(other, vocab);
	const int common = vocab->size < other->size ? vocab->size : other->size;
	char here[PIECE_DESCRIBED], there[PIECE_DESCRIBED];
	int at = 0;

	if (more >= 0) {
		snprintf(text, VOCAB_DIFFERENCE, "it has %s, which is not in %s",
		         describe(vocab, more, here), name);
		return text;
	}
	if (less >= 0) {
		snprintf(text, VOCAB_DIFFERENCE, "it lacks %s, which is in %s",
		         describe(other, less, there), name);
		return text;
	}
	while (at < common && same(vocab_piece(vocab, at), vocab_piece(other, at)))
		at++;
	if (at < common)
		snprintf(text, VOCAB_DIFFERENCE, "its token %d is %s, but %s in %s", at,
		         describe(vocab, at, here), describe(other, at, there), name);
	else
		snprintf(text, VOCAB_DIFFERENCE, "it has %d tokens, but %s has %d", vocab->size, name,
		         other->size);
	return text;
}

void vocab_digest(const struct vocab *vocab, char digest[VOCAB_DIGEST_SIZE])
{
	XXH64_hash_t hash = XXH3_64bits(vocab->bytes, vocab->begin[vocab->size]);

	if (!vocab->characters) /* where pieces end matters, too */
		hash = XXH3_64bits_withSeed(vocab->begin, ((size_t)vocab->size + 1) *
		                            sizeof *vocab->begin, hash);
	snprintf(digest, VOCAB_DIGEST_SIZE, "%016" PRIx64, (uint64_t)hash);
}

int vocab_set_bpe(struct vocab *vocab, const struct bpe_rules *rules, struct err *err)
{
	bpe_free(vocab->bpe);
	vocab->bpe = bpe_new(vocab, rules, err);
	return vocab->bpe ? 0 : -1;
}

const struct bpe *vocab_bpe(const struct vocab *vocab)
{
	return vocab->bpe;
}

long vocab_encode(const struct vocab *vocab, const char *text, size_t size, uint16_t *tokens,
                  struct err *err)
{
	if (vocab->characters)
		return characters_encode(vocab->characters, text, size, tokens, err);
	if (vocab->bpe)
		return bpe_encode(vocab->bpe, text, size, tokens, err);
	return err_set(err, "the vocabulary does not say how a text becomes its %d pieces; tokenize "
	               "--vocab MODEL makes tokens", vocab->size);
}

size_t vocab_decoded_size(const struct vocab *vocab, const uint16_t *tokens, size_t count)
{
	size_t size = 0;

	if (vocab->characters)
		return count * vocab->longest;
	for (size_t i = 0; i < count; i++)
		size += vocab_piece(vocab, tokens[i]).size;
	return size;
}

size_t vocab_decode(const struct vocab *vocab, const uint16_t *tokens, size_t count, char *text)
{
	char *to = text;

	if (vocab->characters)
		return characters_decode(vocab->characters, tokens, count, text);
	for (size_t i = 0; i < count; i++) {
		const struct piece piece = vocab_piece(vocab, tokens[i]);
		memcpy(to, piece.bytes, piece.size);
		to += piece.size;
	}
	return (size_t)(to - text);
}
