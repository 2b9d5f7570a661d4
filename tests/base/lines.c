/* Lines as they come: whole ones at once, others when their end is there. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/lines.h"
#include "tests/tap.h"

static int ends[2];

static void bring(const char *text)
{
	if (write(ends[1], text, strlen(text)) != (ssize_t)strlen(text))
		printf("Bail out! cannot write\n");
}

static bool next_is(struct lines *lines, const char *want, uint64_t number)
{
	struct err err = {0};
	struct line line;

	return lines_next(lines, &line, &err) == 1 && line.size == strlen(want) &&
	       memcmp(line.text, want, line.size) == 0 && line.number == number;
}

static bool at_end(struct lines *lines)
{
	struct err err = {0};
	struct line line;

	return lines_next(lines, &line, &err) == 0;
}

static struct lines *begin(void)
{
	struct err err = {0};

	if (pipe(ends) < 0)
		printf("Bail out! no pipe\n");
	return lines_new(ends[0], "lines", &err);
}

static void finish(struct lines *lines)
{
	lines_free(lines);
	close(ends[0]);
}

static void as_they_come(void)
{
	struct lines *lines = begin();

	ok(!lines_ready(lines), "nothing is not ready");
	bring("on");
	ok(!lines_ready(lines), "nor is half a line");
	bring("e\ntwo\nthr");
	ok(lines_ready(lines), "a whole one is");
	ok(next_is(lines, "one", 1), "the first");
	ok(lines_ready(lines) && next_is(lines, "two", 2), "the second, which came with it");
	ok(!lines_ready(lines), "of the third, the end is missing");
	bring("ee\n\n\n");
	ok(lines_ready(lines) && next_is(lines, "three", 3), "it came");
	ok(!lines_ready(lines), "empty lines are nothing to wait for");
	bring("six");
	close(ends[1]);
	ok(lines_ready(lines) && next_is(lines, "six", 6), "a last line without a newline; the "
	   "empty ones counted");
	ok(lines_ready(lines) && at_end(lines) && at_end(lines), "the end stays the end");
	finish(lines);

	lines = begin();
	bring("\n\nonly\n\n");
	close(ends[1]);
	ok(next_is(lines, "only", 3) && at_end(lines), "empty lines around one");
	finish(lines);

	lines = begin();
	bring("\xef\xbb\xbf\r\n\r\n\xef\xbb\xbfone\r\n\r\n");
	ok(lines_ready(lines) && next_is(lines, "one", 3), "marks and carriage returns are no text");
	ok(!lines_ready(lines), "a line of a carriage return is empty: nothing to wait for");
	bring("t\rwo\xef\xbb\xbf\r\r\n\r");
	ok(next_is(lines, "t\rwo\xef\xbb\xbf\r", 5), "within a line they are");
	close(ends[1]);
	ok(at_end(lines) && at_end(lines), "a carriage return at the end of the input is no line");
	finish(lines);

	lines = begin();
	close(ends[1]);
	ok(lines_ready(lines) && at_end(lines), "no line at all");
	finish(lines);
}

/* A file of one line of size bytes, with a short one behind it. */
static struct lines *long_line(size_t size, int *fd)
{
	char path[] = "/tmp/lines.XXXXXX";
	char *text = malloc(size + 5);
	struct err err = {0};

	*fd = mkstemp(path);
	unlink(path);
	memset(text, 'a', size);
	memcpy(text + size, "\nend\n", 5);
	if (write(*fd, text, size + 5) != (ssize_t)size + 5)
		printf("Bail out! cannot write\n");
	free(text);
	lseek(*fd, 0, SEEK_SET);
	return lines_new(*fd, "long", &err);
}

static void long_ones(void)
{
	const size_t sizes[] = {(64 << 10) - 1, 64 << 10, (64 << 10) + 1, 1000003, LINES_MAX - 1};
	struct err err = {0};
	struct line line;
	int fd;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct lines *lines = long_line(sizes[i], &fd);
		ok(lines_next(lines, &line, &err) == 1 && line.size == sizes[i] &&
		   line.text[0] == 'a' && line.text[line.size - 1] == 'a' && next_is(lines, "end", 2),
		   "a line of %zu bytes, and the next", sizes[i]);
		lines_free(lines);
		close(fd);
	}
	struct lines *lines = long_line(LINES_MAX + 1, &fd);
	ok(lines_next(lines, &line, &err) < 0, "one that is too long");
	is_string(err.text, "long: line 1: longer than 16777216 bytes", "is named");
	err = (struct err){0};
	ok(lines_ready(lines) && lines_next(lines, &line, &err) < 0, "and ends it all");
	lines_free(lines);
	close(fd);
}

static void failing(void)
{
	int folder = open("/", O_RDONLY);
	struct err err = {0};
	struct line line;
	struct lines *lines = lines_new(folder, "folder", &err);

	ok(lines_next(lines, &line, &err) < 0 && strstr(err.text, "folder: line 1: cannot read: "),
	   "what cannot be read: %s", err.text);
	lines_free(lines);
	lines_free(NULL);
	close(folder);
}

int main(void)
{
	as_they_come();
	long_ones();
	failing();
	return done();
}
