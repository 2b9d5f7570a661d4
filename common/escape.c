#include "common/escape.h"

#include <string.h>

#include "common/utf8.h"

size_t escape_code(enum escape how, uint32_t code, char out[ESCAPE_MAX])
{
	static const char from[] = "\n\t\r\\ '", to[] = "ntr\\s'";
	const char *at = code > 0 && code < 0x80 ? strchr(from, (int)code) : NULL;

	if (at && !(*at == ' ' && how != ESCAPE_WORD) && !(*at == '\'' && how != ESCAPE_PYTHON)) {
		out[0] = '\\';
		out[1] = to[at - from];
		out[2] = '\0';
		return 2;
	}
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
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
