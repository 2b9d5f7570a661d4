/* escape.h - characters as they stand in a line of text, or on a terminal. */
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
	ESCAPE_TEXT, /* only what moves a cursor or worse: \r and \xHH; newlines and tabs stay */
};

/* One code point into out. Returns its bytes, without the NUL. */
size_t escape_code(enum escape how, uint32_t code, char out[ESCAPE_MAX]);

/* Count code points onto a stream, whose error indicator tells of failures. */
void escape_print(enum escape how, const uint32_t *codes, size_t count, FILE *file);

/* The text that ESCAPE_FIELD made size bytes of, into out, which has room for as many:
 * \n \t \r \\ and \xHH, a code point below 256, become what they stand for. Returns its
 * bytes; -1 with err set where a backslash begins nothing of these. */
long escape_undo(const char *text, size_t size, char *out, struct err *err);

#endif
