/* escape.h - characters escaped for a line of text or a terminal. */
#ifndef MEMOSCOPE_ESCAPE_H
#define MEMOSCOPE_ESCAPE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/err.h"

#define ESCAPE_MAX 8 /* bytes of one escaped character at most, with its NUL */

enum escape {
	ESCAPE_FIELD, /* \n \t \r \\, and \xHH for other control characters */
	ESCAPE_WORD, /* the same and \s for a space: safe for awk's default fields, too */
	ESCAPE_PYTHON, /* as within '…' in Python: \n \t \r \\ \' \xHH */
	ESCAPE_TEXT, /* only control characters: \r and \xHH; newlines and tabs stay */
};

/* One code point into out. Returns its bytes, without the NUL. */
size_t escape_code(enum escape how, uint32_t code, char out[ESCAPE_MAX]);

/* Print count code points. The file's error indicator tells if that failed. */
void escape_print(enum escape how, const uint32_t *codes, size_t count, FILE *file);

/* Undo ESCAPE_FIELD: \n \t \r \\ and \xHH (a code point below 256) become what they stand for.
 * text has size bytes, and out has room for as many. Returns the bytes written; -1 with err set if
 * a backslash begins none of these. */
long escape_undo(const char *text, size_t size, char *out, struct err *err);

#endif
