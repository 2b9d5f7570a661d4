/* escape.h - characters escaped for a line of text or a terminal.
 *
 * In every form these are escaped: control characters (also those of C1, U+0080 to U+009F), because
 * a terminal obeys them; the bidirectional ones (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066
 * to U+2069), because they show a text in another order; and the line breaks U+2028 and U+2029.
 * Unless they have a letter, those of ASCII are \xHH, and others \uHHHH. A byte that is not UTF-8
 * is \xHH, too, from \x80 on, so that no two texts look the same.
 */
#ifndef MEMOSCOPE_ESCAPE_H
#define MEMOSCOPE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/err.h"

#define ESCAPE_MAX 8 /* bytes of one escaped character at most, with its NUL */

enum escape {
	ESCAPE_FIELD, /* \n \t \r \\ as well */
	/* the same, \s for a space, and all other characters that are blank or invisible: safe for
	 * awk's default fields, and for split() in Python */
	ESCAPE_WORD,
	/* as within '…' in Python: \n \t \r \\ \' and what is blank or invisible. A byte that is not
	 * UTF-8 is \udcHH (PEP 383). */
	ESCAPE_PYTHON,
	ESCAPE_TEXT, /* no more than the above, and \r; newlines and tabs stay */
	ESCAPE_LINE, /* the same for one line: \n and \t as well */
};

/* Is a code point escaped in every form? */
bool escape_control(uint32_t code);

/* One code point, or UTF8_BYTE plus a byte (utf8.h), into out. Returns its bytes, without the NUL.
 */
size_t escape_code(enum escape how, uint32_t code, char out[ESCAPE_MAX]);

/* The character that text of size bytes (at least 1) begins with, or the byte that is not UTF-8,
 * into out. *taken: its bytes in the text. Returns the bytes in out, without the NUL. */
size_t escape_next(enum escape how, const char *text, size_t size, size_t *taken,
                   char out[ESCAPE_MAX]);

/* Print UTF-8 text. The file's error indicator tells if that failed. */
void escape_print_text(enum escape how, const char *text, size_t size, FILE *file);

/* Print count code points. The file's error indicator tells if that failed. */
void escape_print(enum escape how, const uint32_t *codes, size_t count, FILE *file);

/* Undo ESCAPE_FIELD: \n \t \r \\, \xHH (bytes) and \uHHHH (code points) become what they stand
 * for. text has size bytes, and out has room for as many. Returns the bytes written; -1 with err
 * set if a backslash begins none of these. */
long escape_undo(const char *text, size_t size, char *out, struct err *err);

#endif
