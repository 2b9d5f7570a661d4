#include "common/base/escape.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/utf8.h"

/* What has a letter of its own behind the backslash, and that letter. */
static const char characters[] = "\n\t\r\\ '", letters[] = "ntr\\s'";

bool escape_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

/* Characters that look like a space or like nothing. */
static bool blank(uint32_t code)
{
	return code == 0xa0 || code == 0xad || code == 0x1680 || (code >= 0x2000 && code <= 0x200d) ||
	       code == 0x202f || (code >= 0x205f && code <= 0x2064) || code == 0x3000 ||
	       code == 0xfeff;
}

size_t escape_code(enum escape how, uint32_t code, char out[ESCAPE_MAX])
{
	static const char *const escaped[] = {
		[ESCAPE_FIELD] = "\n\t\r\\",
		[ESCAPE_WORD] = "\n\t\r\\ ",
		[ESCAPE_PYTHON] = "\n\t\r\\'",
		[ESCAPE_TEXT] = "\r",
		[ESCAPE_LINE] = "\n\t\r",
	};
	bool hidden = (how == ESCAPE_WORD || how == ESCAPE_PYTHON) && blank(code);
	bool stays = how == ESCAPE_TEXT && (code == '\n' || code == '\t');

	if (code > 0 && code < 0x80 && strchr(escaped[how], (int)code)) {
		out[0] = '\\';
		out[1] = letters[strchr(characters, (int)code) - characters];
		out[2] = '\0';
		return 2;
	}
	if (code >= UTF8_BYTE)
		return (size_t)snprintf(out, ESCAPE_MAX, how == ESCAPE_PYTHON ? "\\udc%02x" : "\\x%02x",
		                        (unsigned)(code - UTF8_BYTE));
	if (hidden || (!stays && escape_control(code)))
		return (size_t)snprintf(out, ESCAPE_MAX, code < 0x80 ? "\\x%02x" : "\\u%04x",
		                        (unsigned)code);
	size_t size = utf8_encode(code, out);
	out[size] = '\0';
	return size;
}

size_t escape_next(enum escape how, const char *text, size_t size, size_t *taken,
                   char out[ESCAPE_MAX])
{
	uint32_t code;

	*taken = text_decode(text, size, &code);
	return escape_code(how, code, out);
}

void escape_print_text(enum escape how, const char *text, size_t size, FILE *file)
{
	char out[ESCAPE_MAX];
	size_t taken;

	for (size_t at = 0; at < size; at += taken) {
		escape_next(how, text + at, size - at, &taken, out);
		fputs(out, file);
	}
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

/* The code point of the escape at text, which begins behind the backslash, or UTF8_BYTE plus a
 * byte; *taken: its bytes. -1: it is none. */
static int escaped_code(const char *text, size_t size, size_t *taken)
{
	static const char known[] = "ntr\\"; /* of letters, those that stand at the same place */
	const size_t digits = size > 0 && text[0] == 'x' ? 2 : size > 0 && text[0] == 'u' ? 4 : 0;

	if (digits > 0) {
		int code = 0;
		for (size_t i = 1; i <= digits; i++) {
			if (i >= size || hex_digit(text[i]) < 0)
				return -1;
			code = 16 * code + hex_digit(text[i]);
		}
		*taken = 1 + digits;
		if (digits == 2 && code >= 0x80)
			return (int)UTF8_BYTE + code;
		return code >= 0xd800 && code < 0xe000 ? -1 : code; /* half of a pair is no character */
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
			return err_set(err, "byte %zu: a backslash before none of n, t, r, \\, xHH "
			               "and uHHHH", at);
		used += utf8_encode((uint32_t)code, out + used);
		taken++;
	}
	return (long)used;
}
