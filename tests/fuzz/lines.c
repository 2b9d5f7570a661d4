/* Any bytes as lines of prompts: every line comes, none is cut, and what is escaped and
 * undone is what it was. */
#include "common/base/escape.h"
#include "common/base/lines.h"
#include "common/base/utf8.h"
#include "tests/fuzz/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A text with its control characters escaped; to free(). */
static char *escaped(const char *text, size_t size, size_t *length)
{
	char *out = malloc(size * ESCAPE_MAX + 1);
	uint32_t code;

	*length = 0;
	for (size_t at = 0, bytes; at < size; at += bytes) {
		bytes = utf8_decode(text + at, size - at, &code);
		EXPECT(bytes > 0);
		*length += escape_code(ESCAPE_FIELD, code, out + *length);
	}
	return out;
}

/* What can be undone comes back from its escape. */
static void check_escapes(const char *text, size_t size)
{
	char *plain = malloc(size + 1);
	struct err err = {0};
	long count = escape_undo(text, size, plain, &err);

	if (count < 0) {
		check_error(&err);
		free(plain);
		return;
	}
	EXPECT((size_t)count <= size);
	if (utf8_length(plain, (size_t)count) >= 0) {
		size_t length;
		char *again = escaped(plain, (size_t)count, &length);
		char *back = malloc(length + 1);
		EXPECT(escape_undo(again, length, back, &err) == count);
		EXPECT(memcmp(back, plain, (size_t)count) == 0);
		free(again);
		free(back);
	}
	free(plain);
}

/* The next line that is not empty without a byte order mark before it and a CR behind it: its text
 * in *line, and *at behind it. false: there is none. */
static bool find_line(const uint8_t *data, size_t size, size_t *at, struct line *line)
{
	while (*at < size) {
		const char *text = (const char *)data + *at;
		const char *newline = memchr(text, '\n', size - *at);
		size_t length = newline ? (size_t)(newline - text) : size - *at;
		*at += length + (newline != NULL);
		line->number++;
		if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
			text += 3;
			length -= 3;
		}
		if (length > 0 && text[length - 1] == '\r')
			length--;
		line->text = text;
		line->size = length;
		if (length > 0)
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct err err = {0};
	struct line line, want = {0};
	size_t at = 0;
	int more;

	hold(&fd, (const char *)data, size);
	lseek(fd, 0, SEEK_SET);
	struct lines *lines = lines_new(fd, "fuzz", &err);
	EXPECT(lines);
	while ((more = lines_next(lines, &line, &err)) > 0) {
		EXPECT(find_line(data, size, &at, &want));
		EXPECT(line.number == want.number && line.size == want.size);
		EXPECT(memcmp(line.text, want.text, line.size) == 0);
		check_escapes(line.text, line.size);
	}
	EXPECT(more == 0 && !find_line(data, size, &at, &want));
	lines_free(lines);
	return 0;
}
