#include "common/base/text_buffer.h"

#include <stdint.h>
#include <stdlib.h>

#define ROOM_MIN ((size_t)256) /* bytes of the first memory */

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
	size_t room = buffer->room > ROOM_MIN ? buffer->room : ROOM_MIN;
	char *text = NULL;

	if (buffer->failed)
		return false;
	if (buffer->text && buffer->room - buffer->size >= more)
		return true;
	while (room - buffer->size < more && room <= SIZE_MAX / 2)
		room *= 2;
	if (room - buffer->size >= more)
		text = realloc(buffer->text, room);
	if (!text) {
		buffer->failed = true;
		buffer->room = buffer->size; /* so that nothing fits any more */
		return false;
	}
	buffer->text = text;
	buffer->room = room;
	return true;
}
