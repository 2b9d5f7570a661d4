#include "common/base/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/input_buffer.h"
#include "common/base/utf8.h"

#define READ_BYTES ((size_t)64 << 10) /* the buffer to begin with */

struct lines {
	const char *name;
	struct input_buffer input;
	size_t seen; /* bytes of the input that hold no newline, from its begin on */
	uint64_t number; /* of lines taken */
	struct err err; /* the first failure: sticky */
};

void line_trim(const char **text, size_t *size)
{
	size_t mark = utf8_mark(*text, *size);

	*text += mark;
	*size -= mark;
	*size -= *size > 0 && (*text)[*size - 1] == '\r';
}

struct lines *lines_new(int fd, const char *name, struct err *err)
{
	struct lines *lines = calloc(1, sizeof *lines);

	if (!lines || input_buffer_init(&lines->input, fd, READ_BYTES, LINES_MAX) < 0) {
		err_set(err, "%s: out of memory", name);
		lines_free(lines);
		return NULL;
	}
	lines->name = name;
	return lines;
}

void lines_free(struct lines *lines)
{
	if (!lines)
		return;
	input_buffer_release(&lines->input);
	free(lines);
}

/* Read on. -1 with the lines' err set. */
static int fill(struct lines *lines)
{
	if (input_buffer_fill(&lines->input) >= 0)
		return 0;
	if (errno == ENOBUFS)
		return err_set(&lines->err, "%s: line %ju: longer than %zu bytes", lines->name,
		               (uintmax_t)lines->number + 1, LINES_MAX);
	return err_set(&lines->err, "%s: line %ju: cannot read: %s", lines->name,
	               (uintmax_t)lines->number + 1, strerror(errno));
}

/* Pass over empty lines and find where the next line ends: at its newline or, at the end of
 * the input, behind its last byte. NULL if its end has not come. */
static const char *find_end(struct lines *lines)
{
	struct input_buffer *input = &lines->input;

	for (;;) {
		const char *begin = input->bytes + input->begin, *from = begin + lines->seen;
		const char *behind = input->bytes + input->end;
		const char *end = memchr(from, '\n', (size_t)(behind - from));
		if (!end) {
			lines->seen = input->end - input->begin;
			return input->over ? behind : NULL;
		}
		size_t bytes = (size_t)(end - begin), size = bytes;
		line_trim(&begin, &size);
		if (size > 0)
			return end;
		input->begin += bytes + 1;
		lines->seen = 0;
		lines->number++;
	}
}

int lines_next(struct lines *lines, struct line *line, struct err *err)
{
	struct input_buffer *input = &lines->input;
	const char *end;

	while (!lines->err.status && !(end = find_end(lines)))
		fill(lines);
	if (lines->err.status)
		return err_set(err, "%s", lines->err.text);
	line->text = input->bytes + input->begin;
	line->size = (size_t)(end - line->text);
	size_t bytes = line->size;
	line_trim(&line->text, &line->size);
	if (line->size == 0)
		return 0;
	line->number = ++lines->number;
	input->begin += bytes;
	input->begin += input->begin < input->end; /* its newline, if it has one */
	lines->seen = 0;
	return 1;
}

bool lines_ready(struct lines *lines)
{
	while (!lines->err.status && !find_end(lines)) {
		if (!input_buffer_ready(&lines->input))
			return false;
		fill(lines);
	}
	return true;
}
