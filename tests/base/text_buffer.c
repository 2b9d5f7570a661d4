/* A text buffer: whatever is appended stands there in order; failure is sticky. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text_buffer.h"
#include "tests/tap.h"

static bool holds(const struct text_buffer *buffer, const char *want, size_t size)
{
	return buffer->size == size && buffer->room >= size &&
	       (size == 0 || memcmp(buffer->text, want, size) == 0);
}

static void appending(void)
{
	struct text_buffer buffer = {0};

	text_buffer_append(&buffer, NULL, 0);
	text_buffer_append_string(&buffer, "");
	ok(holds(&buffer, "", 0) && buffer.text == NULL, "nothing takes no memory");
	text_buffer_append_string(&buffer, "Æsa");
	text_buffer_append(&buffer, "\0: 2", 4);
	text_buffer_append(&buffer, NULL, 0);
	ok(holds(&buffer, "Æsa\0: 2", 8), "strings and bytes stand in order, U+0000 too");
	text_buffer_clear(&buffer);
	ok(holds(&buffer, "", 0) && buffer.room > 0, "a cleared one is empty and keeps its memory");
	text_buffer_append_string(&buffer, "b");
	ok(holds(&buffer, "b", 1), "and takes the next text");
	text_buffer_release(&buffer);
	ok(buffer.text == NULL && buffer.size == 0 && buffer.room == 0, "a released one is as new");
	text_buffer_release(&buffer);
}

/* Pieces of all sizes from 0 on: the text is what it would be in memory of fixed size. */
static void growing(void)
{
	enum { PIECES = 700, BYTES = PIECES * (PIECES - 1) / 2 };
	struct text_buffer buffer = {0};
	char *want = malloc(BYTES);
	size_t grown = 0, room = 0;

	for (size_t i = 0; i < BYTES; i++)
		want[i] = (char)(i * 131 % 251);
	for (size_t i = 0, at = 0; i < PIECES; at += i++) {
		text_buffer_append(&buffer, want + at, i);
		grown += buffer.room != room;
		room = buffer.room;
	}
	ok(!buffer.failed && holds(&buffer, want, BYTES), "%d bytes in %d pieces", BYTES, PIECES);
	ok(grown < 20, "memory was asked for %zu times, as it doubles", grown);
	text_buffer_release(&buffer);
	free(want);
}

static void reserving(void)
{
	struct text_buffer buffer = {0};

	ok(text_buffer_reserve(&buffer, 0) && buffer.text, "room for nothing is an address, too");
	text_buffer_append_string(&buffer, "ab");
	ok(text_buffer_reserve(&buffer, 100000) && buffer.room - buffer.size >= 100000 &&
	   holds(&buffer, "ab", 2), "room for more: the text is the same");
	memcpy(buffer.text + buffer.size, "cd", 2);
	buffer.size += 2;
	text_buffer_append_string(&buffer, "e");
	ok(holds(&buffer, "abcde", 5), "what the caller wrote there is text");
	text_buffer_release(&buffer);
}

static void failing(size_t much)
{
	struct text_buffer buffer = {0};

	text_buffer_append_string(&buffer, "whole");
	ok(!text_buffer_reserve(&buffer, much) && buffer.failed, "%zu bytes are too many", much);
	text_buffer_append_string(&buffer, "!");
	ok(buffer.failed && holds(&buffer, "whole", 5), "after that nothing is appended");
	text_buffer_clear(&buffer);
	text_buffer_append_string(&buffer, "next");
	ok(buffer.failed, "a clear does not hide it");
	text_buffer_release(&buffer);
	ok(!buffer.failed, "a release does");
}

int main(void)
{
	appending();
	growing();
	reserving();
	failing(SIZE_MAX);
	failing(SIZE_MAX - 4); /* the sum with the size that is there overflows */
	failing(SIZE_MAX / 4);
	return done();
}
