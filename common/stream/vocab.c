#include "common/stream/vocab.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/escape.h"
#include "common/base/file.h"
#include "common/base/utf8.h"

#define PAGE 256 /* code points that share a page of the table */
#define PAGES (0x110000 / PAGE)
#define VOCAB_JSON_MAX (8u << 20) /* bytes of a vocabulary as JSON */
#define NONE 0xFFFF /* in a page: no token */
#define NO_LETTER 0x80

struct vocab {
	int size;
	char *text; /* NUL-terminated */
	uint32_t *code; /* [size] */
	char (*character)[UTF8_MAX + 1]; /* [size] */
	uint16_t *page[PAGES]; /* [PAGE] tokens each; NULL: no character there */
	int32_t ascii[128]; /* the same of ASCII, -1: none. Most texts need no other. */
	unsigned char *letter; /* [size] the character where it is ASCII, else NO_LETTER */
};

/* "U+00E9 'é'", or without the character where it does not print. */
static const char *describe(uint32_t code, char out[32])
{
	char character[UTF8_MAX + 1] = "";

	if (code >= 0xA0 || (code >= 0x20 && code < 0x7F)) {
		character[utf8_encode(code, character)] = '\0';
		snprintf(out, 32, "U+%04X '%s'", code, character);
	} else {
		snprintf(out, 32, "U+%04X", code);
	}
	return out;
}

/* Add a character as the next token. */
static int add(struct vocab *vocab, uint32_t code, struct err *err)
{
	uint16_t **page = &vocab->page[code / PAGE];
	char name[32];

	if (code == 0)
		return err_set(err, "vocabulary: U+0000 cannot be a character of it");
	if (vocab->size == VOCAB_MAX)
		return err_set(err, "vocabulary: more than %d characters", VOCAB_MAX);
	if (!*page) {
		*page = malloc(PAGE * sizeof **page);
		if (!*page)
			return err_set(err, "vocabulary: out of memory");
		memset(*page, 0xFF, PAGE * sizeof **page);
	}
	if ((*page)[code % PAGE] != NONE)
		return err_set(err, "vocabulary: the character %s stands in it twice",
		               describe(code, name));
	(*page)[code % PAGE] = (uint16_t)vocab->size;
	if (code < 128)
		vocab->ascii[code] = vocab->size;
	vocab->letter[vocab->size] = code < 128 ? (unsigned char)code : NO_LETTER;
	vocab->code[vocab->size] = code;
	utf8_encode(code, vocab->character[vocab->size]);
	vocab->size++;
	return 0;
}

static int fill(struct vocab *vocab, const char *text, size_t size, struct err *err)
{
	size_t room = size < VOCAB_MAX ? size : VOCAB_MAX;

	if (size == 0)
		return err_set(err, "vocabulary: empty, expected at least one character");
	vocab->text = malloc(size + 1);
	vocab->code = calloc(room, sizeof *vocab->code);
	vocab->character = calloc(room, sizeof *vocab->character);
	vocab->letter = calloc(room, sizeof *vocab->letter);
	if (!vocab->text || !vocab->code || !vocab->character || !vocab->letter)
		return err_set(err, "vocabulary: out of memory");
	memset(vocab->ascii, 0xFF, sizeof vocab->ascii);
	memcpy(vocab->text, text, size);
	vocab->text[size] = '\0';
	for (size_t at = 0; at < size;) {
		uint32_t code;
		size_t step = utf8_decode(text + at, size - at, &code);
		if (step == 0)
			return err_set(err, "vocabulary: byte %zu is not UTF-8", at);
		if (add(vocab, code, err) < 0)
			return -1;
		at += step;
	}
	return 0;
}

struct vocab *vocab_new(const char *text, size_t size, struct err *err)
{
	struct vocab *vocab = calloc(1, sizeof *vocab);

	if (!vocab) {
		err_set(err, "vocabulary: out of memory");
		return NULL;
	}
	if (fill(vocab, text, size, err) < 0) {
		vocab_free(vocab);
		return NULL;
	}
	return vocab;
}

void vocab_free(struct vocab *vocab)
{
	if (!vocab)
		return;
	for (size_t i = 0; i < PAGES; i++)
		free(vocab->page[i]);
	free(vocab->text);
	free(vocab->code);
	free(vocab->character);
	free(vocab->letter);
	free(vocab);
}

/* A key as it stands in a line, its control characters escaped; no more of it than
 * serves to find it. */
static const char *escaped(const char *key, char out[64])
{
	size_t size = strlen(key), used = 0;

	for (size_t at = 0, step; at < size && used + ESCAPE_MAX < 48; at += step) {
		uint32_t code;
		step = utf8_decode(key + at, size - at, &code);
		if (step == 0)
			break;
		used += escape_code(ESCAPE_FIELD, code, out + used);
	}
	out[used] = '\0';
	return out;
}

/* The characters of an object {character: token} in the order of their tokens. */
static char *object_characters(const char *path, const json_t *json, struct err *err)
{
	size_t count = json_object_size(json), at = 0;
	const char **characters = calloc(count + 1, sizeof *characters);
	char *text = malloc(UTF8_MAX * count + 1);
	char name[64];
	const char *key;
	json_t *value;
	bool good = characters != NULL && text != NULL;

	if (!good)
		err_set(err, "%s: out of memory", path);
	json_object_foreach((json_t *)json, key, value) {
		json_int_t token = json_is_integer(value) ? json_integer_value(value) : -1;
		if (!good)
			break;
		if (utf8_length(key, strlen(key)) != 1) {
			err_set(err, "%s: \"%s\" is not one character", path, escaped(key, name));
			good = false;
		} else if (token < 0 || (size_t)token >= count || characters[token] != NULL) {
			err_set(err, "%s: \"%s\" has no token of its own in 0 to %zu", path,
			        escaped(key, name), count - 1);
			good = false;
		} else {
			characters[token] = key;
		}
	}
	for (size_t i = 0; i < count && good; i++)
		at += strlen(strcpy(text + at, characters[i]));
	free(characters);
	if (!good) {
		free(text);
		return NULL;
	}
	text[at] = 0;
	return text;
}

/* That of a file's bytes, which are freed. */
static struct vocab *load(const char *path, char *bytes, size_t size, struct err *err)
{
	struct err found = {0};
	json_error_t error;
	char *text = NULL;

	if (!bytes)
		return NULL;
	const size_t mark = utf8_mark(bytes, size);
	json_t *json = json_loadb(bytes + mark, size - mark,
	                          JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	free(bytes);
	if (!json)
		err_set(err, "%s: line %d: %s", path, error.line, error.text);
	else if (json_is_object(json))
		text = object_characters(path, json, err);
	else if (!json_is_string(json))
		err_set(err, "%s: neither an object {character: token, ...} nor a string", path);
	else if (!(text = strdup(json_string_value(json))))
		err_set(err, "%s: out of memory", path);
	json_decref(json);
	struct vocab *vocab = text ? vocab_new(text, strlen(text), &found) : NULL;
	free(text);
	if (!vocab) /* the first error stays */
		err_set(err, "%s: %s", path, found.text);
	return vocab;
}

struct vocab *vocab_load(const char *path, struct err *err)
{
	size_t size = 0;
	char *bytes = file_read(path, VOCAB_JSON_MAX, &size, err);

	return load(path, bytes, size, err);
}

struct vocab *vocab_load_any(const char *path, struct err *err)
{
	size_t size = 0;
	char *bytes = file_read_any(path, VOCAB_JSON_MAX, &size, err);

	return load(path, bytes, size, err);
}

int vocab_size(const struct vocab *vocab)
{
	return vocab->size;
}

const char *vocab_text(const struct vocab *vocab)
{
	return vocab->text;
}

uint32_t vocab_code(const struct vocab *vocab, int token)
{
	return vocab->code[token];
}

const char *vocab_char(const struct vocab *vocab, int token)
{
	return vocab->character[token];
}

int vocab_token(const struct vocab *vocab, uint32_t code)
{
	const uint16_t *page = code < 0x110000 ? vocab->page[code / PAGE] : NULL;

	return page && page[code % PAGE] != NONE ? page[code % PAGE] : -1;
}

bool vocab_equal(const struct vocab *a, const struct vocab *b)
{
	return strcmp(a->text, b->text) == 0;
}

/* The first character of a vocabulary that another one lacks; -1: none. */
static int first_missing(const struct vocab *vocab, const struct vocab *other)
{
	for (int i = 0; i < vocab->size; i++)
		if (vocab_token(other, vocab->code[i]) < 0)
			return i;
	return -1;
}

const char *vocab_difference(const struct vocab *vocab, const struct vocab *other,
                             const char *name, char text[VOCAB_DIFFERENCE])
{
	const int more = first_missing(vocab, other), less = first_missing(other, vocab);
	char here[32], there[32];
	int at = 0;

	if (more >= 0) {
		snprintf(text, VOCAB_DIFFERENCE, "it has %s, which is not in %s",
		         describe(vocab->code[more], here), name);
	} else if (less >= 0) {
		snprintf(text, VOCAB_DIFFERENCE, "it lacks %s, which is in %s",
		         describe(other->code[less], there), name);
	} else {
		while (vocab->code[at] == other->code[at])
			at++;
		snprintf(text, VOCAB_DIFFERENCE, "its token %d is %s, but %s in %s", at,
		         describe(vocab->code[at], here), describe(other->code[at], there), name);
	}
	return text;
}

void vocab_digest(const struct vocab *vocab, char digest[VOCAB_DIGEST_SIZE])
{
	snprintf(digest, VOCAB_DIGEST_SIZE, "%016" PRIx64,
	         (uint64_t)XXH3_64bits(vocab->text, strlen(vocab->text)));
}

#define TOGETHER 8

/* The tokens of so many characters of the vocabulary that are ASCII. False where they are not. */
static inline bool encode_together(const struct vocab *vocab, const char *text, uint16_t *tokens)
{
	uint64_t bytes;
	int32_t all = 0;

	memcpy(&bytes, text, sizeof bytes);
	if (bytes & UINT64_C(0x8080808080808080))
		return false;
#pragma GCC unroll 8
	for (int i = 0; i < TOGETHER; i++) {
		const int32_t token = vocab->ascii[(unsigned char)text[i]];
		tokens[i] = (uint16_t)token;
		all |= token;
	}
	return all >= 0; /* -1: none */
}

/* The other way. */
static inline bool decode_together(const unsigned char *letter, const uint16_t *tokens, char *text)
{
	unsigned all = 0;

#pragma GCC unroll 8
	for (int i = 0; i < TOGETHER; i++) {
		const unsigned char c = letter[tokens[i]];
		text[i] = (char)c;
		all |= c;
	}
	return all < NO_LETTER;
}

long vocab_encode(const struct vocab *vocab, const char *text, size_t size, uint16_t *tokens,
                  struct err *err)
{
	long count = 0;
	char name[32];

	for (size_t at = 0; at < size;) {
		uint32_t code;
		if (size - at >= TOGETHER && encode_together(vocab, text + at, tokens + count)) {
			at += TOGETHER;
			count += TOGETHER;
			continue;
		}
		size_t step = utf8_decode(text + at, size - at, &code);
		if (step == 0)
			return err_set(err, "character %ld, byte %zu: not UTF-8", count, at);
		int token = vocab_token(vocab, code);
		if (token < 0)
			return err_set(err, "character %ld, %s, is not in the vocabulary", count,
			               describe(code, name));
		tokens[count++] = (uint16_t)token;
		at += step;
	}
	return count;
}

size_t vocab_decode(const struct vocab *vocab, const uint16_t *tokens, size_t count, char *text)
{
	const unsigned char *letter = vocab->letter;
	char *to = text;

	for (size_t i = 0; i < count;) {
		if (count - i >= TOGETHER && decode_together(letter, tokens + i, to)) {
			i += TOGETHER;
			to += TOGETHER;
		} else {
			to += utf8_encode(vocab->code[tokens[i++]], to);
		}
	}
	return (size_t)(to - text);
}

int charset_add(struct charset *set, const char *text, size_t size, struct err *err)
{
	for (size_t at = 0; at < size;) {
		uint32_t code;
		size_t step = utf8_decode(text + at, size - at, &code);
		if (step == 0)
			return err_set(err, "byte %zu of the text is not UTF-8", at);
		if (code == 0)
			return err_set(err, "byte %zu of the text is U+0000, which no vocabulary has",
			               at);
		set->bits[code / 64] |= UINT64_C(1) << code % 64;
		at += step;
	}
	return 0;
}

char *charset_text(const struct charset *set)
{
	size_t count = 0, length = 0;
	char *text;

	for (size_t i = 0; i < 0x110000 / 64; i++)
		count += (size_t)__builtin_popcountll(set->bits[i]);
	text = malloc(UTF8_MAX * count + 1);
	if (!text)
		return NULL;
	for (uint32_t i = 0; i < 0x110000 / 64; i++)
		for (uint64_t left = set->bits[i]; left; left &= left - 1)
			length += utf8_encode(64 * i + (uint32_t)__builtin_ctzll(left), text + length);
	text[length] = '\0';
	return text;
}
