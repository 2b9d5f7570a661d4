/* stream.h - reading and writing streams of records.
 *
 * A stream is one segment or more: a header map, record maps, and an end map, packed by
 * msgpack. man/stream.5 is the authority on the format.
 *
 * The reader trusts nothing. It checks length, nesting and types of an object before it takes
 * memory for it, and memory grows only with bytes that have come. The input may end only
 * after an end map with the right count and checksum.
 *
 * Errors are sticky on both sides: after the first one every call fails. A reader's error
 * names the stream, the byte offset and the record.
 */
#ifndef MEMOSCOPE_STREAM_H
#define MEMOSCOPE_STREAM_H

#include <stdarg.h>
#include <jansson.h>
#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/header.h"

/* ---- reading ---- */

struct stream_reader; /* own: stream_open … stream_close */

/* Open path ("-": standard input) and read the first header. Its kind must be one of the
 * NULL-terminated kinds (kinds NULL: any kind), which must live as long as the reader. NULL
 * with err set. */
struct stream_reader *stream_open(const char *path, const char *const *kinds,
                                  struct err *err);

/* The header of the first segment; owned by the reader. The headers of later segments differ
 * from it at most in their chain; if one does not, reading fails. */
const json_t *stream_header(const struct stream_reader *reader);

/* The vocabulary that this header names (see header_vocab()); owned by the caller:
 * vocab_free(). NULL with err naming the stream. */
struct vocab *stream_vocab(const struct stream_reader *reader, struct err *err);

/* One record; all of it is valid until the next call on the reader. */
struct stream_record {
	/* Of type MSGPACK_OBJECT_MAP. All keys are strings, and no key stands twice. Strings and
	 * binary data are not NULL, even if they are empty. */
	const msgpack_object *map;
	const char *bytes; /* the same map, packed */
	size_t size; /* of bytes */
	uint64_t number; /* from 0, over all segments */
};

/* The next record: 1; after the last end map: 0; -1 with err set. */
int stream_next(struct stream_reader *reader, struct stream_record *record,
                struct err *err);

/* Would stream_next() return at once, with a record, the end or an error? The record that was
 * read last is no longer valid. */
bool stream_ready(struct stream_reader *reader);

/* The descriptor that it reads, for poll() if stream_ready() says no. */
int stream_descriptor(const struct stream_reader *reader);

/* A segment without its records. */
struct stream_segment {
	const json_t *chain; /* of its header; owned by the reader, until the next call on it */
	uint64_t records; /* how many it has */
};

/* Skip the rest of the current segment, or the next segment if the current one has ended: 1;
 * after the last segment: 0; -1 with err set. Skipped records are checked as by
 * stream_next(). */
int stream_skip_segment(struct stream_reader *reader, struct stream_segment *segment,
                        struct err *err);

/* Report what is wrong with the record read last. err names stream, offset and record, as the
 * reader's own errors do. Returns -1; the reader fails from now on. */
int stream_bad(struct stream_reader *reader, struct err *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int stream_vbad(struct stream_reader *reader, struct err *err, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

/* Where a reader is, in bytes from the beginning of the stream. */
struct stream_place {
	uint64_t end; /* behind what was read last: a header, a record or an end map */
	bool inside; /* of a segment: its end map has not come yet */
	uint64_t segment; /* if inside: where its header begins */
	uint64_t records; /* if inside: how many of it were read */
	bool cut; /* the reader has failed because the input ended before the segment did */
};
struct stream_place stream_place(const struct stream_reader *reader);

void stream_close(struct stream_reader *reader); /* NULL is allowed */

/* ---- writing ---- */

struct stream_writer; /* own: stream_create … stream_end or stream_abandon */

/* Write a stream to fd, which stays the caller's, and its header at once. The header stays
 * the caller's, too; name ("standard output") is for messages. NULL with err set if that
 * fails or if fd is a terminal. A stream of metrics to a terminal is no error, but nothing is
 * written, because such a program also reports on stderr. */
struct stream_writer *stream_create(int fd, const char *name, const json_t *header,
                                    struct err *err);

/* Start a record: pack exactly one map into the packer, then commit. Until then nothing of
 * the record is written, and a second stream_record() drops it. */
msgpack_packer *stream_record(struct stream_writer *writer);

/* The map is whole. -1 with err set if writing has failed, now or before. */
int stream_commit(struct stream_writer *writer, struct err *err);

/* Write a record that is packed already: size bytes of one map. Errors as above. */
int stream_copy(struct stream_writer *writer, const char *bytes, size_t size,
                struct err *err);

/* Hand all committed records to fd, so that who reads there sees them. Errors as above. */
int stream_flush(struct stream_writer *writer, struct err *err);

/* Write the end map and flush. The writer is freed, even after an error. */
int stream_end(struct stream_writer *writer, struct err *err);

/* Free the writer without an end map: what was written stays an invalid stream. */
void stream_abandon(struct stream_writer *writer); /* NULL is allowed */

#endif
