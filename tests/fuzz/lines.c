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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct err err = {0};
	struct line line;
	size_t at = 0;
	uint64_t number = 1;
	int more;

	hold(&fd, (const char *)data, size);
	lseek(fd, 0, SEEK_SET);
	struct lines *lines = lines_new(fd, "fuzz", &err);
	EXPECT(lines);
	while ((more = lines_next(lines, &line, &err)) > 0) {
		for (; at < size && data[at] == '\n'; at++)
			number++;
		EXPECT(line.size > 0 && line.number == number && line.size <= size - at);
		EXPECT(memcmp(line.text, data + at, line.size) == 0 && !memchr(line.text, '\n', line.size));
		check_escapes(line.text, line.size);
		at += line.size;
		EXPECT(at == size || data[at] == '\n');
	}
	EXPECT(more == 0);
	for (; at < size; at++)
		EXPECT(data[at] == '\n');
	lines_free(lines);
	return 0;
}
