#include "common/base/escape.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/utf8.h"

/* What has a letter of its own behind the backslash, and that letter. */
static const char characters[] = "\n\t\r\\ '", letters[] = "ntr\\s'";

size_t escape_code(enum escape how, uint32_t code, char out[ESCAPE_MAX])
{
	static const char *const escaped[] = {
		[ESCAPE_FIELD] = "\n\t\r\\",
		[ESCAPE_WORD] = "\n\t\r\\ ",
		[ESCAPE_PYTHON] = "\n\t\r\\'",
		[ESCAPE_TEXT] = "\r",
	};
	bool stays = how == ESCAPE_TEXT && (code == '\n' || code == '\t');

	if (code > 0 && code < 0x80 && strchr(escaped[how], (int)code)) {
		out[0] = '\\';
		out[1] = letters[strchr(characters, (int)code) - characters];
		out[2] = '\0';
		return 2;
	}
	if (!stays && (code < 0x20 || (code >= 0x7f && code < 0xa0)))
		return (size_t)snprintf(out, ESCAPE_MAX, "\\x%02x", (unsigned)code);
	size_t size = utf8_encode(code, out);
	out[size] = '\0';
	return size;
}

void escape_print(enum escape how, const uint32_t *codes, size_t count, FILE *file)
{
	char out[ESCAPE_MAX];

	for (size_t i = 0; i < count; i++) {
		escape_code(how, codes[i], out);
		fputs(out, file);
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20; /* lower case */
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code point of the escape at text, which begins behind the backslash; *taken: its
 * bytes. -1: it is none. */
static int escaped_code(const char *text, size_t size, size_t *taken)
{
	static const char known[] = "ntr\\"; /* of letters, those that stand at the same place */

	if (size >= 3 && text[0] == 'x' && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0) {
		*taken = 3;
		return 16 * hex_digit(text[1]) + hex_digit(text[2]);
	}
	const char *at = size > 0 ? memchr(known, text[0], sizeof known - 1) : NULL;
	*taken = 1;
	return at ? characters[at - known] : -1;
}

long escape_undo(const char *text, size_t size, char *out, struct err *err)
{
	size_t used = 0, taken;

	for (size_t at = 0; at < size; at += taken) {
		taken = 1;
		if (text[at] != '\\') {
			out[used++] = text[at];
			continue;
		}
		int code = escaped_code(text + at + 1, size - at - 1, &taken);
		if (code < 0)
			return err_set(err, "byte %zu: a backslash before none of n, t, r, \\ and xHH", at);
		used += utf8_encode((uint32_t)code, out + used);
		taken++;
	}
	return (long)used;
}
