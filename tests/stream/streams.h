/* streams.h - streams in memory, for tests. */
#ifndef MEMOSCOPE_TESTS_STREAMS_H
#define MEMOSCOPE_TESTS_STREAMS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/stream/segment.h"
#include "common/stream/stream.h"

/* Bytes of a stream under test; release with free(bytes.data). */
struct bytes {
	char *data;
	size_t size;
};

/* A writer of a stream to a new file without a name, whose descriptor is the caller's. */
__attribute__((unused))
static struct stream_writer *create(int *fd, const json_t *header, struct err *err)
{
	*fd = memfd_create("stream", 0);
	return stream_create(*fd, "memory", header, err);
}

/* The path by which a descriptor's file can be opened, until the next call. */
__attribute__((unused))
static const char *path_of(int fd)
{
	static char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return path;
}

/* A file without a name that holds these bytes; its path, which can be opened
 * any number of times. The descriptor is the caller's to close. */
__attribute__((unused))
static const char *hold(int *fd, const char *data, size_t size)
{
	if (*fd < 0)
		*fd = memfd_create("stream", 0);
	if (*fd < 0 || ftruncate(*fd, 0) < 0 || pwrite(*fd, data, size, 0) != (ssize_t)size) {
		perror("memfd");
		exit(1);
	}
	return path_of(*fd);
}

/* All that a descriptor's file holds. */
__attribute__((unused))
static struct bytes held(int fd)
{
	struct bytes bytes = {.size = (size_t)lseek(fd, 0, SEEK_END)};

	bytes.data = malloc(bytes.size + 1);
	if (!bytes.data || pread(fd, bytes.data, bytes.size, 0) != (ssize_t)bytes.size) {
		perror("memfd");
		exit(1);
	}
	return bytes;
}

/* A segment of a header and records as they stand, with the end they deserve. */
__attribute__((unused))
static struct bytes segment(const msgpack_sbuffer *header, const msgpack_sbuffer *records,
                            uint64_t count)
{
	char end[SEGMENT_END_BYTES];
	struct bytes bytes = {.data = malloc(header->size + records->size + sizeof end)};

	if (!bytes.data)
		exit(1);
	memcpy(bytes.data, header->data, header->size);
	if (records->size > 0)
		memcpy(bytes.data + header->size, records->data, records->size);
	bytes.size = header->size + records->size;
	size_t size = segment_end(end, count, XXH3_64bits(bytes.data, bytes.size));
	memcpy(bytes.data + bytes.size, end, size);
	bytes.size += size;
	return bytes;
}

#endif
