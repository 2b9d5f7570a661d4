/* An input buffer: bytes come in order, whatever is taken of them and when. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/input_buffer.h"
#include "tests/tap.h"

static void as_they_come(void)
{
	struct input_buffer buffer;
	int ends[2];

	if (pipe(ends) < 0)
		printf("Bail out! no pipe\n");
	ok(input_buffer_init(&buffer, ends[0], 8, 8) == 0 && buffer.begin == buffer.end,
	   "nothing has come");
	ok(!input_buffer_ready(&buffer), "and reading would wait");
	ok(write(ends[1], "abc", 3) == 3 && input_buffer_ready(&buffer), "then something is there");
	ok(input_buffer_fill(&buffer) == 1 && buffer.end == 3 && memcmp(buffer.bytes, "abc", 3) == 0,
	   "it comes without waiting for more");
	ok(!input_buffer_ready(&buffer), "after that reading would wait again");
	close(ends[1]);
	ok(input_buffer_ready(&buffer) && !buffer.over, "the end is something, too");
	ok(input_buffer_fill(&buffer) == 0 && buffer.over && buffer.end == 3,
	   "it leaves what came before");
	ok(input_buffer_ready(&buffer) && input_buffer_fill(&buffer) == 0, "and it stays the end");
	input_buffer_release(&buffer);
	close(ends[0]);
}

/* Bytes that do not repeat soon. */
static char byte_at(size_t i)
{
	return (char)(i * 131 % 251);
}

static int file_of(size_t size)
{
	int fd = memfd_create("input", 0);
	char *bytes = malloc(size);

	for (size_t i = 0; i < size; i++)
		bytes[i] = byte_at(i);
	if (write(fd, bytes, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
		printf("Bail out! cannot write\n");
	free(bytes);
	return fd;
}

/* Take `step` bytes at a time, which come in memory of 16 to begin with. */
static void taking(size_t step)
{
	enum { SIZE = 100003 };
	int fd = file_of(SIZE), status = 1;
	struct input_buffer buffer;
	size_t taken = 0, wrong = 0, room = 0;

	input_buffer_init(&buffer, fd, 16, SIZE_MAX);
	while (status > 0 && taken < SIZE) {
		while (buffer.end - buffer.begin < step && (status = input_buffer_fill(&buffer)) > 0)
			;
		size_t there = buffer.end - buffer.begin;
		wrong += buffer.offset + buffer.begin != taken;
		for (size_t i = 0; i < (there < step ? there : step); i++, taken++)
			wrong += buffer.bytes[buffer.begin++] != byte_at(taken);
		room = buffer.room > room ? buffer.room : room;
	}
	ok(taken == SIZE && wrong == 0 && status >= 0, "%d bytes, %zu at a time", SIZE, step);
	ok(room <= (step < 16 ? 16 : 4 * step), "in %zu bytes of memory", room);
	input_buffer_release(&buffer);
	close(fd);
}

static void limits(void)
{
	int fd = file_of(1000), folder = open("/", O_RDONLY);
	struct input_buffer buffer;

	input_buffer_init(&buffer, fd, 16, 100);
	while (buffer.end < 100 && input_buffer_fill(&buffer) > 0)
		;
	ok(buffer.end == 100 && buffer.room == 100, "memory grows up to its limit, %zu bytes",
	   buffer.room);
	errno = 0;
	ok(input_buffer_fill(&buffer) < 0 && errno == ENOBUFS, "and then there is no room");
	buffer.begin = 60;
	ok(input_buffer_fill(&buffer) == 1 && buffer.end == 100 && buffer.offset == 60 &&
	   buffer.bytes[0] == byte_at(60) && buffer.bytes[99] == byte_at(159),
	   "what is taken makes room");
	input_buffer_release(&buffer);
	input_buffer_init(&buffer, folder, 16, 16);
	errno = 0;
	ok(input_buffer_fill(&buffer) < 0 && errno == EISDIR, "a folder cannot be read");
	input_buffer_release(&buffer);
	input_buffer_release(&buffer);
	ok(input_buffer_init(&buffer, fd, SIZE_MAX / 2, SIZE_MAX) < 0, "memory may be out");
	input_buffer_release(&buffer);
	close(fd);
	close(folder);
}

int main(void)
{
	as_they_come();
	taking(1);
	taking(7);
	taking(16);
	taking(17);
	taking(1000);
	taking(60000);
	limits();
	return done();
}
