/* stream.h - segments of msgpack maps: a header, records, an end.
 *
 * man/stream.5 is the authority on the format. The reader trusts nothing:
 * every object is measured for length, nesting and type before memory is taken
 * for it, memory grows only with bytes that have really come, and the end of
 * input is legal only after an end map whose count and checksum are right.
 * Errors are sticky on both sides: after the first one every call fails, and
 * the text names the stream, the byte offset and the record.
 */
#ifndef MEMOSCOPE_STREAM_H
#define MEMOSCOPE_STREAM_H

#include <jansson.h>
#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/header.h"

/* ---- reading ---- */

struct stream_reader;

/* Open path ("-": standard input) and read the first header, which must be of
 * one of the NULL-terminated kinds (kinds NULL: any). NULL with err set. */
struct stream_reader *stream_open(const char *path, const char *const *kinds,
                                  struct err *err);

/* The header of the first segment; owned by the reader. Later segments must
 * be of the same kind and agree with it in every field but the chain: the
 * reader checks that and names the field that differs. */
const json_t *stream_header(const struct stream_reader *reader);

/* One record: its map, valid until the next call on this reader. */
struct stream_record {
	/* Of type MSGPACK_OBJECT_MAP, keys all strings. What is empty is not NULL. */
	const msgpack_object *map;
	const char *bytes; /* the same, packed */
	size_t size;
	uint64_t number; /* from 0, over all segments */
};

/* The next record: 1; after the last end map: 0; -1 with err set. */
int stream_next(struct stream_reader *reader, struct stream_record *record,
                struct err *err);

/* Has all come of what stream_next() would return, a record, the end or an error?
 * Where not, it would wait. The record read last is no longer valid. */
bool stream_ready(struct stream_reader *reader);

/* What a segment is beyond its records. */
struct stream_segment {
	const json_t *chain; /* of its header; owned by the reader, until the next call on it */
	uint64_t records;
};

/* Pass over what is left of the segment under way, the next one where none is: 1;
 * after the last: 0; -1 with err set. Its records are checked as stream_next() does. */
int stream_skip_segment(struct stream_reader *reader, struct stream_segment *segment,
                        struct err *err);

/* Report what is wrong with the record read last, naming stream, offset and
 * record as the reader's own errors do. Returns -1; the reader fails from now on. */
int stream_bad(struct stream_reader *reader, struct err *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void stream_close(struct stream_reader *reader); /* NULL is allowed */

/* ---- writing ---- */

struct stream_writer;

/* A writer to a file descriptor, which stays the caller's; name is for messages
 * ("standard output"). Writes the header at once. The header stays the caller's.
 * A terminal is refused; metrics, whose program says on stderr what a person
 * wants to know, are let through to it and go nowhere. */
struct stream_writer *stream_create(int fd, const char *name, const json_t *header,
                                    struct err *err);

/* Start a record: pack exactly one map into the packer returned, then commit.
 * Nothing of it reaches the output before the commit. */
msgpack_packer *stream_record(struct stream_writer *writer);

/* The map is whole. -1 with err set where the output failed (now or before). */
int stream_commit(struct stream_writer *writer, struct err *err);

/* A record as it stands, already packed: size bytes of one map. */
int stream_copy(struct stream_writer *writer, const char *bytes, size_t size,
                struct err *err);

/* Hand what is buffered to the file descriptor: a live reader sees it. */
int stream_flush(struct stream_writer *writer, struct err *err);

/* Write the end map and flush. The writer is freed, whatever comes back. */
int stream_end(struct stream_writer *writer, struct err *err);

/* Free without an end map: what was written stays an invalid stream. */
void stream_abandon(struct stream_writer *writer); /* NULL is allowed */

#endif
