/* The writing half of stream.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/base/file.h"
#include "common/stream/segment.h"
#include "common/stream/stream.h"

#define WRITE_BYTES ((size_t)256 << 10) /* handed over at once, or a little more */

struct stream_writer {
	char *buffer; /* first: what append() needs lies together */
	size_t room, used; /* used: with the record that is being packed */
	size_t whole; /* of used, what stream_commit() has seen */
	msgpack_packer packer;
	uint64_t count;
	int fd;
	bool mute; /* nobody wants the bytes */
	char *name;
	XXH3_state_t *hash;
	struct err err; /* the first failure: sticky */
};

static int failed(const struct stream_writer *writer, struct err *err)
{
	return err_set(err, "%s", writer->err.text);
}

static int grow(struct stream_writer *writer, size_t size)
{
	size_t room = writer->room;
	char *buffer;

	if (writer->err.status)
		return -1;
	while (room - writer->used < size)
		room *= 2;
	buffer = realloc(writer->buffer, room);
	if (!buffer)
		return err_set(&writer->err, "%s: out of memory", writer->name);
	writer->buffer = buffer;
	writer->room = room;
	return 0;
}

/* The packer's callback. */
static int append(void *data, const char *bytes, size_t size)
{
	struct stream_writer *writer = data;

	if (writer->room - writer->used < size && grow(writer, size) < 0)
		return -1;
	memcpy(writer->buffer + writer->used, bytes, size);
	writer->used += size;
	return 0;
}

static int write_all(struct stream_writer *writer, const char *bytes, size_t size)
{
	if (!writer->mute && file_write(writer->fd, bytes, size) < 0)
		return err_set(&writer->err, "%s: cannot write: %s", writer->name, strerror(errno));
	return 0;
}

/* Hand over what is whole; a record under way moves to the front. */
static int hand_over(struct stream_writer *writer)
{
	if (writer->err.status)
		return -1;
	XXH3_64bits_update(writer->hash, writer->buffer, writer->whole);
	if (write_all(writer, writer->buffer, writer->whole) < 0)
		return -1;
	writer->used -= writer->whole;
	memmove(writer->buffer, writer->buffer + writer->whole, writer->used);
	writer->whole = 0;
	return 0;
}

/* What is in the buffer is whole. */
static int settle(struct stream_writer *writer, struct err *err)
{
	writer->whole = writer->used;
	if (writer->whole >= WRITE_BYTES)
		hand_over(writer);
	return writer->err.status ? failed(writer, err) : 0;
}

/* The three fields that every header has come first, "memoscope" at their head:
 * it tells a header from a record. */
static void pack_header(msgpack_packer *packer, const json_t *header)
{
	static const char *const first[] = {"memoscope", "stream", "chain"};

	msgpack_pack_map(packer, json_object_size(header));
	for (size_t i = 0; i < 3; i++) {
		pack_key(packer, first[i]);
		json_to_msgpack(json_object_get(header, first[i]), packer);
	}
	for (void *at = json_object_iter((json_t *)header); at;
	     at = json_object_iter_next((json_t *)header, at)) {
		const char *key = json_object_iter_key(at);
		if (strcmp(key, first[0]) == 0 || strcmp(key, first[1]) == 0 ||
		    strcmp(key, first[2]) == 0)
			continue;
		pack_key(packer, key);
		json_to_msgpack(json_object_iter_value(at), packer);
	}
}

struct stream_writer *stream_create(int fd, const char *name, const json_t *header,
                                    struct err *err)
{
	struct stream_writer *writer;

	bool mute = isatty(fd) && strcmp(header_string(header, "stream"), STREAM_METRICS) == 0;

	if (isatty(fd) && !mute) {
		err_set(err, "%s is a terminal: a stream is not for reading; "
		        "pipe it into mpcat, or into a file", name);
		return NULL;
	}
	writer = calloc(1, sizeof *writer);
	if (writer) {
		writer->fd = fd;
		writer->mute = mute;
		writer->room = 2 * WRITE_BYTES;
		writer->buffer = malloc(writer->room);
		writer->name = strdup(name);
		writer->hash = XXH3_createState();
	}
	if (!writer || !writer->buffer || !writer->name || !writer->hash) {
		err_set(err, "%s: out of memory", name);
		stream_abandon(writer);
		return NULL;
	}
	XXH3_64bits_reset(writer->hash);
	msgpack_packer_init(&writer->packer, writer, append);
	pack_header(&writer->packer, header);
	writer->whole = writer->used;
	if (stream_flush(writer, err) < 0) {
		stream_abandon(writer);
		return NULL;
	}
	return writer;
}

msgpack_packer *stream_record(struct stream_writer *writer)
{
	writer->used = writer->whole;
	return &writer->packer;
}

int stream_commit(struct stream_writer *writer, struct err *err)
{
	writer->count++;
	return settle(writer, err);
}

int stream_copy(struct stream_writer *writer, const char *bytes, size_t size, struct err *err)
{
	writer->used = writer->whole;
	append(writer, bytes, size);
	return stream_commit(writer, err);
}

int stream_flush(struct stream_writer *writer, struct err *err)
{
	hand_over(writer);
	return writer->err.status ? failed(writer, err) : 0;
}

int stream_end(struct stream_writer *writer, struct err *err)
{
	char end[SEGMENT_END_BYTES];
	int status = 0;

	writer->used = writer->whole;
	if (hand_over(writer) == 0) {
		size_t size = segment_end(end, writer->count, XXH3_64bits_digest(writer->hash));
		if (write_all(writer, end, size) == 0 && file_settle(writer->fd) < 0)
			err_set(&writer->err, "%s: cannot write: %s", writer->name, strerror(errno));
	}
	if (writer->err.status)
		status = failed(writer, err);
	stream_abandon(writer);
	return status;
}

void stream_abandon(struct stream_writer *writer)
{
	if (!writer)
		return;
	XXH3_freeState(writer->hash);
	free(writer->name);
	free(writer->buffer);
	free(writer);
}
