/* The writing half of stream.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/base/file.h"
#include "common/base/text_buffer.h"
#include "common/stream/segment.h"
#include "common/stream/stream.h"
#include "common/stream/stream_limits.h"

#define WRITE_BYTES ((size_t)256 << 10) /* the buffer is written when it holds these, or more */

struct stream_writer {
	struct text_buffer buffer; /* not written yet; the record that is being packed comes last */
	size_t whole; /* bytes of the buffer that are committed */
	msgpack_packer packer;
	const struct msgpack_limits *limits; /* of its records */
	uint64_t count;
	int fd;
	bool mute; /* the output is a terminal: write nothing */
	char *name;
	XXH3_state_t *hash;
	struct err err; /* the first failure: sticky */
};

static int failed(const struct stream_writer *writer, struct err *err)
{
	return err_set(err, "%s", writer->err.text);
}

/* The packer's callback. */
static int append(void *data, const char *bytes, size_t size)
{
	struct stream_writer *writer = data;

	text_buffer_append(&writer->buffer, bytes, size);
	return 0; /* a failure is sticky */
}

static int write_all(struct stream_writer *writer, const char *bytes, size_t size)
{
	if (!writer->mute && file_write(writer->fd, bytes, size) < 0)
		return err_set(&writer->err, "%s: cannot write: %s", writer->name, strerror(errno));
	return 0;
}

/* Drop a record that is not committed. */
static void drop_record(struct stream_writer *writer)
{
	writer->buffer.size = writer->whole;
}

/* Write what is committed; the rest moves to the front. After a failure, empty the buffer
 * instead, so that it does not grow on. */
static int hand_over(struct stream_writer *writer)
{
	struct text_buffer *buffer = &writer->buffer;

	if (buffer->failed && !writer->err.status)
		err_set(&writer->err, "%s: out of memory", writer->name);
	if (!writer->err.status) {
		XXH3_64bits_update(writer->hash, buffer->text, writer->whole);
		write_all(writer, buffer->text, writer->whole);
	}
	if (writer->err.status) {
		text_buffer_clear(buffer);
		writer->whole = 0;
		return -1;
	}
	buffer->size -= writer->whole;
	memmove(buffer->text, buffer->text + writer->whole, buffer->size);
	writer->whole = 0;
	return 0;
}

/* Commit all that is in the buffer. What no reader would take is not written. */
static int settle(struct stream_writer *writer, const struct msgpack_limits *limits,
                  struct err *err)
{
	const size_t size = writer->buffer.size - writer->whole;

	if (size > limits->bytes) {
		err_set(&writer->err, "%s: %s of %zu bytes: at most %zu are allowed", writer->name,
		        limits->of, size, limits->bytes);
		return failed(writer, err);
	}
	writer->whole = writer->buffer.size;
	if (writer->whole >= WRITE_BYTES || writer->buffer.failed)
		hand_over(writer);
	return writer->err.status ? failed(writer, err) : 0;
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
		writer->limits = stream_record_limits(header_string(header, "stream"));
		text_buffer_reserve(&writer->buffer, 2 * WRITE_BYTES);
		writer->name = strdup(name);
		writer->hash = XXH3_createState();
	}
	if (!writer || writer->buffer.failed || !writer->name || !writer->hash) {
		err_set(err, "%s: out of memory", name);
		stream_abandon(writer);
		return NULL;
	}
	XXH3_64bits_reset(writer->hash);
	msgpack_packer_init(&writer->packer, writer, append);
	header_pack(header, &writer->packer);
	if (settle(writer, &stream_header_limits, err) < 0 || stream_flush(writer, err) < 0) {
		stream_abandon(writer);
		return NULL;
	}
	return writer;
}

msgpack_packer *stream_record(struct stream_writer *writer)
{
	drop_record(writer);
	return &writer->packer;
}

int stream_commit(struct stream_writer *writer, struct err *err)
{
	writer->count++;
	return settle(writer, writer->limits, err);
}

int stream_copy(struct stream_writer *writer, const char *bytes, size_t size, struct err *err)
{
	drop_record(writer);
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

	drop_record(writer);
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
	text_buffer_release(&writer->buffer);
	free(writer);
}
