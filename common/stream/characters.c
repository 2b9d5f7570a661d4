#include "common/stream/characters.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"

#define PAGE 256 /* code points that share a page of the table */
#define PAGES (0x110000 / PAGE)
#define NONE 0xFFFF /* in a page: no token */
#define NO_LETTER 0x80

struct characters {
	int count, max;
	uint32_t *code; /* [count] */
	uint16_t *page[PAGES]; /* [PAGE] tokens each; NULL: no character there */
	int32_t ascii[128]; /* the same of ASCII, -1: none. Most texts need no other. */
	unsigned char *letter; /* [count] the character where it is ASCII, else NO_LETTER */
};

const char *characters_describe(uint32_t code, char out[CHARACTER_DESCRIBED])
{
	char character[UTF8_MAX + 1] = "";

	if (code >= 0xA0 || (code >= 0x20 && code < 0x7F)) {
		character[utf8_encode(code, character)] = '\0';
		snprintf(out, CHARACTER_DESCRIBED, "U+%04X '%s'", code, character);
	} else {
		snprintf(out, CHARACTER_DESCRIBED, "U+%04X", code);
	}
	return out;
}

/* Add a character as the next token. */
static int add(struct characters *characters, uint32_t code, struct err *err)
{
	uint16_t **page = &characters->page[code / PAGE];
	const int token = characters->count;
	char name[CHARACTER_DESCRIBED];

	if (code == 0)
		return err_set(err, "vocabulary: U+0000 cannot be a character of it");
	if (token == characters->max)
		return err_set(err, "vocabulary: more than %d characters", characters->max);
	if (!*page) {
		*page = malloc(PAGE * sizeof **page);
		if (!*page)
			return err_set(err, "vocabulary: out of memory");
		memset(*page, 0xFF, PAGE * sizeof **page);
	}
	if ((*page)[code % PAGE] != NONE)
		return err_set(err, "vocabulary: the character %s stands in it twice",
		               characters_describe(code, name));
	(*page)[code % PAGE] = (uint16_t)token;
	if (code < 128)
		characters->ascii[code] = token;
	characters->letter[token] = code < 128 ? (unsigned char)code : NO_LETTER;
	characters->code[token] = code;
	characters->count++;
	return 0;
}

static int fill(struct characters *characters, const char *text, size_t size, struct err *err)
{
	size_t room = size < (size_t)characters->max ? size : (size_t)characters->max;

	characters->code = calloc(room, sizeof *characters->code);
	characters->letter = calloc(room, sizeof *characters->letter);
	if (!characters->code || !characters->letter)
		return err_set(err, "vocabulary: out of memory");
	memset(characters->ascii, 0xFF, sizeof characters->ascii);
	for (size_t at = 0; at < size;) {
		uint32_t code;
		size_t step = utf8_decode(text + at, size - at, &code);
		if (step == 0)
			return err_set(err, "vocabulary: byte %zu is not UTF-8", at);
		if (add(characters, code, err) < 0)
			return -1;
		at += step;
	}
	return 0;
}

struct characters *characters_new(const char *text, size_t size, int max, struct err *err)
{
	struct characters *characters = calloc(1, sizeof *characters);

	if (!characters) {
		err_set(err, "vocabulary: out of memory");
		return NULL;
	}
	characters->max = max;
	if (fill(characters, text, size, err) == 0)
		return characters;
	characters_free(characters);
	return NULL;
}

void characters_free(struct characters *characters)
{
	if (!characters)
		return;
	for (size_t i = 0; i < PAGES; i++)
		free(characters->page[i]);
	free(characters->code);
	free(characters->letter);
	free(characters);
}

int characters_count(const struct characters *characters)
{
	return characters->count;
}

uint32_t characters_code(const struct characters *characters, int token)
{
	return characters->code[token];
}

int characters_token(const struct characters *characters, uint32_t code)
{
	const uint16_t *page = code < 0x110000 ? characters->page[code / PAGE] : NULL;

	return page && page[code % PAGE] != NONE ? page[code % PAGE] : -1;
}

#define TOGETHER 8

/* The tokens of so many characters of the vocabulary that are ASCII. False where they are not. */
static inline bool encode_together(const struct characters *characters, const char *text,
                                   uint16_t *tokens)
{
	uint64_t bytes;
	int32_t all = 0;

	memcpy(&bytes, text, sizeof bytes);
	if (bytes & UINT64_C(0x8080808080808080))
		return false;
#pragma GCC unroll 8
	for (int i = 0; i < TOGETHER; i++) {
		const int32_t token = characters->ascii[(unsigned char)text[i]];
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

long characters_encode(const struct characters *characters, const char *text, size_t size,
                       uint16_t *tokens, struct err *err)
{
	long count = 0;
	char name[CHARACTER_DESCRIBED];

	for (size_t at = 0; at < size;) {
		uint32_t code;
		if (size - at >= TOGETHER && encode_together(characters, text + at, tokens + count)) {
			at += TOGETHER;
			count += TOGETHER;
			continue;
		}
		size_t step = utf8_decode(text + at, size - at, &code);
		if (step == 0)
			return err_set(err, "character %ld, byte %zu: not UTF-8", count, at);
		int token = characters_token(characters, code);
		if (token < 0)
			return err_set(err, "character %ld, %s, is not in the vocabulary", count,
			               characters_describe(code, name));
		tokens[count++] = (uint16_t)token;
		at += step;
	}
	return count;
}

size_t characters_decode(const struct characters *characters, const uint16_t *tokens, size_t count,
                         char *text)
{
	const unsigned char *letter = characters->letter;
	char *to = text;

	for (size_t i = 0; i < count;) {
		if (count - i >= TOGETHER && decode_together(letter, tokens + i, to)) {
			i += TOGETHER;
			to += TOGETHER;
		} else {
			to += utf8_encode(characters->code[tokens[i++]], to);
		}
	}
	return (size_t)(to - text);
}
