#include "common/base/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES ((size_t)64 << 10) /* the buffer to begin with */

struct lines {
	int fd;
	const char *name;
	char *buffer; /* bytes [begin, end) are still to be taken */
	size_t room, begin, end;
	size_t seen; /* no newline stands in [begin, seen) */
	uint64_t number; /* of lines taken */
	bool over; /* read() has returned 0 */
	struct err err; /* the first failure: sticky */
};

struct lines *lines_new(int fd, const char *name, struct err *err)
{
	struct lines *lines = calloc(1, sizeof *lines);

	if (lines)
		lines->buffer = malloc(READ_BYTES);
	if (!lines || !lines->buffer) {
		err_set(err, "%s: out of memory", name);
		lines_free(lines);
		return NULL;
	}
	lines->fd = fd;
	lines->name = name;
	lines->room = READ_BYTES;
	return lines;
}

void lines_free(struct lines *lines)
{
	if (!lines)
		return;
	free(lines->buffer);
	free(lines);
}

/* Room for more bytes; the buffer grows only when it is full of bytes of one line. */
static int make_room(struct lines *lines)
{
	if (lines->begin > 0) {
		memmove(lines->buffer, lines->buffer + lines->begin, lines->end - lines->begin);
		lines->end -= lines->begin;
		lines->seen -= lines->begin;
		lines->begin = 0;
		return 0;
	}
	char *buffer = lines->room < LINES_MAX ? realloc(lines->buffer, 2 * lines->room) : NULL;
	if (!buffer)
		return err_set(&lines->err, "%s: line %ju: longer than %zu bytes", lines->name,
		               (uintmax_t)lines->number + 1, lines->room);
	lines->buffer = buffer;
	lines->room *= 2;
	return 0;
}

/* Read on; -1 where that failed. */
static int fill(struct lines *lines)
{
	ssize_t got;

	if (lines->end == lines->room && make_room(lines) < 0)
		return -1;
	while ((got = read(lines->fd, lines->buffer + lines->end, lines->room - lines->end)) < 0) {
		if (errno == EAGAIN) {
			struct pollfd ready = {.fd = lines->fd, .events = POLLIN};
			poll(&ready, 1, -1);
		} else if (errno != EINTR) {
			return err_set(&lines->err, "%s: line %ju: cannot read: %s", lines->name,
			               (uintmax_t)lines->number + 1, strerror(errno));
		}
	}
	lines->over = got == 0;
	lines->end += (size_t)got;
	return 0;
}

/* Pass over empty lines; where the next line that is none ends, as far as its end has
 * come: at a newline, or, with over, behind the last byte. NULL: it has not. */
static const char *find_end(struct lines *lines)
{
	while (lines->begin < lines->end && lines->buffer[lines->begin] == '\n') {
		lines->begin++;
		lines->number++;
	}
	if (lines->seen < lines->begin)
		lines->seen = lines->begin;
	const char *end = memchr(lines->buffer + lines->seen, '\n', lines->end - lines->seen);
	if (end)
		return end;
	lines->seen = lines->end;
	return lines->over ? lines->buffer + lines->end : NULL;
}

int lines_next(struct lines *lines, struct line *line, struct err *err)
{
	const char *end;

	while (!lines->err.status && !(end = find_end(lines)))
		fill(lines);
	if (lines->err.status)
		return err_set(err, "%s", lines->err.text);
	line->text = lines->buffer + lines->begin;
	line->size = (size_t)(end - line->text);
	if (line->size == 0)
		return 0;
	line->number = ++lines->number;
	lines->begin += line->size + (lines->begin + line->size < lines->end);
	return 1;
}

bool lines_ready(struct lines *lines)
{
	while (!lines->err.status && !find_end(lines)) {
		struct pollfd input = {.fd = lines->fd, .events = POLLIN};
		if (poll(&input, 1, 0) < 1)
			return false;
		fill(lines);
	}
	return true;
}
