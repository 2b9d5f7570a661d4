/* lines.h - lines of text from a descriptor, as they arrive.
 *
 * Empty lines are skipped, but counted. Text after the last newline is a line, too.
 *
 * All readers of text share one rule: a byte order mark at the beginning of a line and a carriage
 * return at its end are no part of it. Files of Windows have both, and joined ones have marks
 * in their middle.
 */
#ifndef MEMOSCOPE_LINES_H
#define MEMOSCOPE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define LINES_MAX ((size_t)16 << 20) /* bytes of a line at most */

struct line {
	const char *text; /* without its newline, trimmed, not NUL-terminated; until the next call */
	size_t size;
	uint64_t number; /* from 1, empty lines included */
};

/* Take the mark and the carriage return off a line, which stands without its newline. */
void line_trim(const char **text, size_t *size);

struct lines; /* own: lines_new … lines_free */

/* Read from fd, which stays the caller's. name ("standard input") is for messages and must live
 * as long as lines. NULL with err set. */
struct lines *lines_new(int fd, const char *name, struct err *err);

/* The next line that is not empty: 1; at the end: 0; -1 with err set. */
int lines_next(struct lines *lines, struct line *line, struct err *err);

/* Can lines_next() return (a line, the end or an error) without waiting? After this call the
 * line read last is no longer valid. */
bool lines_ready(struct lines *lines);

void lines_free(struct lines *lines); /* NULL is allowed */

#endif
