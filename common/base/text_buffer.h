/* text_buffer.h - text that grows at its end.
 *
 * A buffer is a struct of the caller's, {0} to begin with, and ends with
 * text_buffer_release(). Running out of memory is sticky: `failed` is set, and what was
 * to be appended then and later is left out. So a caller appends as often as it likes,
 * and asks once. The bytes may be anything, U+0000 and packed msgpack too.
 */
#ifndef MEMOSCOPE_TEXT_BUFFER_H
#define MEMOSCOPE_TEXT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct text_buffer {
	char *text; /* owned; not NUL-terminated; NULL if nothing was ever appended */
	size_t size, room; /* bytes: of the text, of the memory */
	bool failed;
};

void text_buffer_release(struct text_buffer *buffer); /* a zeroed one is allowed */

/* Make the text empty. The memory stays for the next one, and `failed` as it is. */
void text_buffer_clear(struct text_buffer *buffer);

/* Make room for `more` bytes behind the text; its size stays. The caller may write there
 * and raise size. False if memory is out. */
bool text_buffer_reserve(struct text_buffer *buffer, size_t more);

/* Append size bytes, which must not lie in this buffer. NULL is allowed where size is 0. */
static inline void text_buffer_append(struct text_buffer *buffer, const char *bytes, size_t size)
{
	if (size == 0 ||
	    (buffer->room - buffer->size < size && !text_buffer_reserve(buffer, size)))
		return;
	memcpy(buffer->text + buffer->size, bytes, size);
	buffer->size += size;
}

/* The same of a NUL-terminated string. */
static inline void text_buffer_append_string(struct text_buffer *buffer, const char *string)
{
	text_buffer_append(buffer, string, strlen(string));
}

#endif
