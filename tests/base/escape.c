/* Escapes: what is made is undone; what a terminal would act on is shown. */
#include <stdlib.h>
#include <string.h>

#include "common/base/escape.h"
#include "common/base/utf8.h"
#include "tests/tap.h"

static void codes(void)
{
	static const struct {
		uint32_t code;
		const char *field, *word, *python, *text;
	} rows[] = {
		{0, "\\x00", "\\x00", "\\x00", "\\x00"},
		{'\a', "\\x07", "\\x07", "\\x07", "\\x07"},
		{'\t', "\\t", "\\t", "\\t", "\t"},
		{'\n', "\\n", "\\n", "\\n", "\n"},
		{'\r', "\\r", "\\r", "\\r", "\\r"},
		{0x1b, "\\x1b", "\\x1b", "\\x1b", "\\x1b"},
		{' ', " ", "\\s", " ", " "},
		{'\'', "'", "'", "\\'", "'"},
		{'a', "a", "a", "a", "a"},
		{'\\', "\\\\", "\\\\", "\\\\", "\\"},
		{0x7f, "\\x7f", "\\x7f", "\\x7f", "\\x7f"},
		{0x9b, "\\u009b", "\\u009b", "\\u009b", "\\u009b"}, /* CSI in one character */
		{0xa0, "\u00a0", "\\u00a0", "\\u00a0", "\u00a0"}, /* a space that does not break */
		{0xad, "\u00ad", "\\u00ad", "\\u00ad", "\u00ad"},
		{0x61c, "\\u061c", "\\u061c", "\\u061c", "\\u061c"},
		{0x200b, "\u200b", "\\u200b", "\\u200b", "\u200b"},
		{0x2028, "\\u2028", "\\u2028", "\\u2028", "\\u2028"},
		{0x202e, "\\u202e", "\\u202e", "\\u202e", "\\u202e"}, /* right to left */
		{0x2069, "\\u2069", "\\u2069", "\\u2069", "\\u2069"},
		{0x3000, "\u3000", "\\u3000", "\\u3000", "\u3000"},
		{0xfeff, "\ufeff", "\\ufeff", "\\ufeff", "\ufeff"},
		{0x1f600, "\U0001F600", "\U0001F600", "\U0001F600", "\U0001F600"},
		{UTF8_BYTE + 0x9b, "\\x9b", "\\x9b", "\\udc9b", "\\x9b"}, /* no character */
	};
	char out[ESCAPE_MAX];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *want[] = {rows[i].field, rows[i].word, rows[i].python, rows[i].text};
		for (int how = ESCAPE_FIELD; how <= ESCAPE_TEXT; how++) {
			size_t size = escape_code((enum escape)how, rows[i].code, out);
			ok(strcmp(out, want[how]) == 0 && size == strlen(out), "U+%04X, way %d: %s",
			   rows[i].code, how, out);
		}
	}
}

/* Every code point and every byte that is none, made a field of and back. */
static void there_and_back(void)
{
	uint32_t bad = 0;

	for (uint32_t code = 0; code < UTF8_BYTE + 0x100; code++) {
		if (code >= UTF8_BYTE && code < UTF8_BYTE + 0x80)
			continue; /* always a character */
		char text[ESCAPE_MAX], back[ESCAPE_MAX], want[UTF8_MAX];
		struct err err = {0};
		size_t size = escape_code(ESCAPE_FIELD, code, text), wanted = utf8_encode(code, want);
		long got = escape_undo(text, size, back, &err);
		if (got != (long)wanted || memcmp(back, want, wanted) != 0)
			bad++;
	}
	is_int(bad, 0, "each code point and byte comes back from a field");
}

static void undo(void)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
		long byte; /* that the message names */
	} rows[] = {
		{"", "", 0},
		{"Ann Lee: 1 \\nBob", "Ann Lee: 1 \nBob", 0},
		{"\\\\n\\t\\r", "\\n\t\r", 0},
		{"\\x1b\\xE9\\x7F.", "\x1b\xe9\x7f.", 0},
		{"é\\n€", "é\n€", 0},
		{"a\\", NULL, 1},
		{"ab\\q", NULL, 2},
		{"é\\N", NULL, 2},
		{"\\s", NULL, 0},
		{"\\x", NULL, 0},
		{"\\x1", NULL, 0},
		{"\\x1g", NULL, 0},
		{"\\xg1", NULL, 0},
		{"\\n\\\\\\", NULL, 4},
		{"\\u2028\\u00E9", "\u2028\u00e9", 0},
		{"\\u202", NULL, 0},
		{"\\u202g", NULL, 0},
		{"a\\ud800", NULL, 1},
		{"\\é", NULL, 0},
	};
	char out[64], byte[32];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const size_t size = strlen(rows[i].text);
		char *text = malloc(size + 1); /* not NUL-terminated: a sanitizer sees what is read */
		struct err err = {0};
		memcpy(text, rows[i].text, size);
		text = realloc(text, size ? size : 1);
		long got = escape_undo(text, size, out, &err);
		snprintf(byte, sizeof byte, "byte %ld: ", rows[i].byte);
		if (rows[i].want)
			ok(got == (long)strlen(rows[i].want) && memcmp(out, rows[i].want, (size_t)got) == 0,
			   "'%s' is undone", rows[i].text);
		else
			ok(got < 0 && strncmp(err.text, byte, strlen(byte)) == 0, "'%s' is not: %s",
			   rows[i].text, err.text);
		free(text);
	}
}

/* UTF-8 text as one line. */
static void lines(void)
{
	static const char text[] = "a\tb\n\x1b[2J\xc2\x9b\xe2\x80\xae\\ \xff\xc3";
	char have[64] = "";
	size_t used = 0, taken;

	for (size_t at = 0; at < sizeof text - 1; at += taken)
		used += escape_next(ESCAPE_LINE, text + at, sizeof text - 1 - at, &taken, have + used);
	is_string(have, "a\\tb\\n\\x1b[2J\\u009b\\u202e\\ \\xff\\xc3", "a line");
}

int main(void)
{
	codes();
	there_and_back();
	undo();
	lines();
	return done();
}
