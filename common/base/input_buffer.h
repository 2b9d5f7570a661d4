/* input_buffer.h - bytes that come from a descriptor, until their reader takes them.
 *
 * The reader looks at bytes[begin … end-1] and raises begin past what it has taken. Memory
 * grows only with bytes that have really come and are not taken yet.
 */
#ifndef MEMOSCOPE_INPUT_BUFFER_H
#define MEMOSCOPE_INPUT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input_buffer {
	int fd; /* the caller's */
	char *bytes; /* owned; input_buffer_fill() may move it and what it holds */
	size_t begin, end; /* of what has come and is not taken */
	size_t room, room_max; /* bytes of memory: now, at most */
	uint64_t offset; /* of bytes[0] in the input */
	bool over; /* the input has ended: no more bytes come than these */
};

/* Begin with room bytes of memory, at most room_max later. -1 if memory is out. */
int input_buffer_init(struct input_buffer *buffer, int fd, size_t room, size_t room_max);
void input_buffer_release(struct input_buffer *buffer); /* a zeroed one is allowed */

/* Read on; wait until bytes come. 1; 0 at the end of the input; -1 with errno set: to ENOBUFS
 * if room_max bytes are there and none is taken, to ENOMEM if memory is out. */
int input_buffer_fill(struct input_buffer *buffer);

/* Would input_buffer_fill() return at once? */
bool input_buffer_ready(const struct input_buffer *buffer);

#endif
