#include "common/base/input_buffer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int input_buffer_init(struct input_buffer *buffer, int fd, size_t room, size_t room_max)
{
	*buffer = (struct input_buffer){
		.fd = fd, .bytes = malloc(room), .room = room, .room_max = room_max,
	};
	return buffer->bytes ? 0 : -1;
}

void input_buffer_release(struct input_buffer *buffer)
{
	free(buffer->bytes);
	memset(buffer, 0, sizeof *buffer);
}

/* Make room behind end. What is not taken moves to the front; if that is more than half of
 * the memory, the memory doubles, so that bytes do not move for every few that come. */
static int make_room(struct input_buffer *buffer)
{
	buffer->end -= buffer->begin;
	memmove(buffer->bytes, buffer->bytes + buffer->begin, buffer->end);
	buffer->offset += buffer->begin;
	buffer->begin = 0;
	if (buffer->end > buffer->room / 2 && buffer->room < buffer->room_max) {
		const bool last = buffer->room > buffer->room_max / 2;
		const size_t room = last ? buffer->room_max : 2 * buffer->room;
		char *bytes = realloc(buffer->bytes, room);
		if (!bytes) {
			errno = ENOMEM;
			return -1;
		}
		buffer->bytes = bytes;
		buffer->room = room;
	}
	if (buffer->end < buffer->room)
		return 0;
	errno = ENOBUFS;
	return -1;
}

int input_buffer_fill(struct input_buffer *buffer)
{
	ssize_t got;

	if (buffer->over)
		return 0;
	if (buffer->end == buffer->room && make_room(buffer) < 0)
		return -1;
	while ((got = read(buffer->fd, buffer->bytes + buffer->end,
	                   buffer->room - buffer->end)) < 0) {
		if (errno == EAGAIN) {
			struct pollfd input = {.fd = buffer->fd, .events = POLLIN};
			poll(&input, 1, -1);
		} else if (errno != EINTR) {
			return -1;
		}
	}
	buffer->over = got == 0;
	buffer->end += (size_t)got;
	return got > 0;
}

bool input_buffer_ready(const struct input_buffer *buffer)
{
	struct pollfd input = {.fd = buffer->fd, .events = POLLIN};

	return buffer->over || poll(&input, 1, 0) > 0;
}
