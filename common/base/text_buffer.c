#include "common/base/text_buffer.h"

#include <stdint.h>
#include <stdlib.h>

#include "common/base/array.h"

void text_buffer_release(struct text_buffer *buffer)
{
	free(buffer->text);
	memset(buffer, 0, sizeof *buffer);
}

void text_buffer_clear(struct text_buffer *buffer)
{
	buffer->size = 0;
}

bool text_buffer_reserve(struct text_buffer *buffer, size_t more)
{
	if (buffer->failed)
		return false;
	if (more <= SIZE_MAX - buffer->size &&
	    array_reserve(&buffer->text, &buffer->room, buffer->size + more) == 0)
		return true;
	buffer->failed = true;
	buffer->room = buffer->size; /* so that nothing fits any more */
	return false;
}
