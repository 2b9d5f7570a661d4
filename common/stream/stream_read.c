/* The reading half of stream.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/base/file.h"
#include "common/base/input_buffer.h"
#include "common/stream/json.h"
#include "common/stream/map.h"
#include "common/stream/msgpack_check.h"
#include "common/stream/segment.h"
#include "common/stream/stream.h"
#include "common/stream/stream_limits.h"
#include "common/stream/unpack.h"

#define READ_BYTES ((size_t)256 << 10) /* of the input buffer to begin with */
#define ZONE_BYTES ((size_t)32 << 10) /* for the objects of a common record */
#define PIPE_BYTES (1 << 20) /* fewer changes between two ends of a pipe */

/* What the reader is at, for messages. */
enum place { HEADER, RECORD, END, INPUT_END };

struct stream_reader {
	char *name;
	const char *const *kinds;
	json_t *header; /* of the first segment */
	json_t *chain; /* of the segment under way, or the last one */

	struct input_buffer input; /* its fd -1: none to close */
	XXH3_state_t *hash;
	uint64_t hashed; /* offset in the stream: bytes before it are in the checksum */

	const struct msgpack_limits *limits; /* of its records */
	bool inside; /* of a segment: after its header, before its end map */
	uint64_t count, number; /* records given out: of the segment, of all */

	struct msgpack_check check;
	msgpack_zone *zone; /* memory of the object */
	msgpack_object object; /* the one read last */
	uint64_t place; /* offset in the stream of the object */
	uint64_t segment; /* offset of the segment's header */
	bool cut; /* the input ended within a segment */
	struct err err; /* the first failure: sticky */
};

/* ---- failing ---- */

static int failed(const struct stream_reader *reader, struct err *err)
{
	return err_set(err, "%s", reader->err.text);
}

/* number: of the record, where place is RECORD. */
__attribute__((format(printf, 5, 0)))
static void fail_args(struct stream_reader *reader, enum place place, uintmax_t offset,
                      uintmax_t number, const char *format, va_list args)
{
	char text[sizeof reader->err.text], where[64] = "";

	vsnprintf(text, sizeof text, format, args);
	if (place == RECORD)
		snprintf(where, sizeof where, "record %ju", number);
	else
		strcpy(where, place == HEADER ? "header" : place == END ? "end map" : "end of the input");
	err_set(&reader->err, "%.120s: byte %ju, %s: %s", reader->name, offset, where, text);
}

__attribute__((format(printf, 4, 5)))
static int fail(struct stream_reader *reader, enum place place, uint64_t offset,
                const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fail_args(reader, place, offset, reader->number, format, args);
	va_end(args);
	return -1;
}

int stream_vbad(struct stream_reader *reader, struct err *err, const char *format, va_list args)
{
	fail_args(reader, RECORD, reader->place, reader->number - 1, format, args);
	return failed(reader, err);
}

int stream_bad(struct stream_reader *reader, struct err *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	stream_vbad(reader, err, format, args);
	va_end(args);
	return -1;
}

/* ---- bytes ---- */

/* The bytes that have come and are not taken, and how many. */
static const char *come(const struct stream_reader *reader, size_t *size)
{
	*size = reader->input.end - reader->input.begin;
	return reader->input.bytes + reader->input.begin;
}

/* The offset in the stream of the first of them. */
static uint64_t at(const struct stream_reader *reader)
{
	return reader->input.offset + reader->input.begin;
}

/* Bring the checksum up to what has been taken. */
static void hash_taken(struct stream_reader *reader)
{
	const size_t size = (size_t)(at(reader) - reader->hashed);

	if (size > 0)
		XXH3_64bits_update(reader->hash, reader->input.bytes + reader->input.begin - size,
		                   size);
	reader->hashed = at(reader);
}

/* Read on: 1 if bytes came, 0 at the end, -1. */
static int fill(struct stream_reader *reader)
{
	int status;

	hash_taken(reader); /* those bytes may be gone after this */
	status = input_buffer_fill(&reader->input);
	if (status < 0 && errno == ENOMEM)
		return err_set(&reader->err, "%s: out of memory", reader->name);
	if (status < 0)
		return err_set(&reader->err, "%s: byte %ju: cannot read: %s", reader->name,
		               (uintmax_t)(reader->input.offset + reader->input.end),
		               strerror(errno));
	return status;
}

/* ---- objects ---- */

/* Every object of a stream is a map in which no key stands twice. */
static int check_map(struct stream_reader *reader, enum place place, unsigned maps)
{
	const msgpack_object *key;

	if (reader->object.type != MSGPACK_OBJECT_MAP)
		return fail(reader, place, reader->place,
		            place == HEADER ? "not a memoscope stream: expected a map; mptext makes "
		                              "one of text or JSON"
		                            : "expected a map, a record or the end");
	/* Most records hold no map but themselves. */
	key = maps > 1 ? map_repeated_key_within(&reader->object) : map_repeated_key(&reader->object);
	if (key)
		return fail(reader, place, reader->place, "the key '%.*s' stands twice in a map",
		            key->via.str.size < 40 ? (int)key->via.str.size : 40, key->via.str.ptr);
	return 0;
}

/* Of what comes next: between a header and an end map, that is a record or the end map. */
static const struct msgpack_limits *limits(const struct stream_reader *reader)
{
	return reader->inside ? reader->limits : &stream_header_limits;
}

/* Read on until the object that comes next is whole: 1; 0 if the input ends before it; -1. */
static int complete(struct stream_reader *reader, enum place place)
{
	struct err why = {0};

	memset(&reader->check, 0, offsetof(struct msgpack_check, open));
	reader->check.closed = 0;
	for (;;) {
		size_t size;
		const char *bytes = come(reader, &size);
		int status = msgpack_check(&reader->check, limits(reader), bytes, size, &why);
		if (status < 0)
			return fail(reader, place, reader->place + reader->check.at, "%s", why.text);
		if (status > 0)
			return 1;
		int more = fill(reader);
		if (more < 0)
			return -1;
		reader->cut = more == 0 && size > 0;
		if (reader->cut)
			return fail(reader, place, at(reader) + size, "the stream is cut off here");
		if (more == 0)
			return 0;
	}
}

/* Unpack the object that comes next into reader->object. Returns its size; 0 if it is not
 * whole. */
static size_t unpack(struct stream_reader *reader, unsigned *maps)
{
	size_t size;
	const char *bytes = come(reader, &size);

	msgpack_zone_clear(reader->zone);
	return unpack_object(reader->zone, limits(reader), bytes, size, &reader->object, maps);
}

/* The next object, whole, in reader->object, and its size in *size: 1; 0 if the input ends
 * before it; -1. Its bytes are not taken yet. */
static int next_object(struct stream_reader *reader, enum place place, size_t *size)
{
	unsigned maps;

	reader->place = at(reader);
	*size = unpack(reader, &maps);
	if (*size == 0) {
		int status = complete(reader, place);
		if (status <= 0)
			return status;
		*size = unpack(reader, &maps);
		if (*size == 0)
			return fail(reader, place, reader->place, "out of memory");
	}
	return check_map(reader, place, maps) < 0 ? -1 : 1;
}

/* ---- segments ---- */

/* The object is a header: it, checked. NULL after a failure. */
static json_t *read_header(struct stream_reader *reader)
{
	struct err why = {0};
	json_t *header;

	if (!map_begins_with(&reader->object, "memoscope")) {
		fail(reader, HEADER, reader->place,
		     "expected a header, a map that begins with \"memoscope\"");
		return NULL;
	}
	header = json_from_msgpack(&reader->object, &why);
	if (!header) {
		fail(reader, HEADER, reader->place, "%s", why.text);
		return NULL;
	}
	if (header_check(header, reader->kinds, &why) == 0 &&
	    (!reader->header || header_check_same(header, reader->header, &why) == 0))
		return header;
	json_decref(header);
	fail(reader, HEADER, reader->place, "%s", why.text);
	return NULL;
}

/* At the end of the input: have as many records come as the header says? */
static int check_total(struct stream_reader *reader)
{
	const int64_t total = reader->header ? header_total(reader->header) : -1;

	if (total < 0 || reader->number == (uint64_t)total)
		return 0;
	return fail(reader, INPUT_END, at(reader),
	            "%ju of the %jd records that the header promises: %s",
	            (uintmax_t)reader->number, (intmax_t)total, reader->number < (uint64_t)total ?
	            "a job that was to write the others failed" : "jobs wrote too many");
}

/* Read the header of a segment: 1; 0 if the input ends before it; -1. */
static int next_header(struct stream_reader *reader)
{
	size_t size;
	int status = next_object(reader, HEADER, &size);
	json_t *header;

	if (status == 0)
		return check_total(reader);
	if (status < 0)
		return -1;
	header = read_header(reader);
	if (!header)
		return -1;
	json_decref(reader->chain);
	reader->chain = json_incref(json_object_get(header, "chain"));
	if (reader->header)
		json_decref(header);
	else
		reader->header = header;
	reader->limits = stream_record_limits(header_string(reader->header, "stream"));
	XXH3_64bits_reset(reader->hash);
	reader->hashed = at(reader); /* the header is in the checksum, when it is taken */
	reader->input.begin += size;
	reader->segment = reader->place;
	reader->count = 0;
	reader->inside = true;
	return 1;
}

/* The object, of size bytes, is an end map: check and take it. */
static int take_end(struct stream_reader *reader, size_t size)
{
	struct err why = {0};
	size_t there;

	hash_taken(reader);
	if (segment_check_end(&reader->object, come(reader, &there), size, reader->count,
	                      XXH3_64bits_digest(reader->hash), &why) < 0)
		return fail(reader, END, reader->place, "%s", why.text);
	reader->input.begin += size;
	reader->hashed = at(reader); /* the end map is not in it */
	reader->inside = false;
	return 0;
}

/* The object that follows a header or a record: a record, of size bytes, which are not taken
 * yet: 1; the end map, which is taken: 0; -1. */
static int next_inside(struct stream_reader *reader, size_t *size)
{
	int status = next_object(reader, RECORD, size);

	if (status < 0)
		return -1;
	reader->cut |= status == 0;
	if (status == 0)
		return fail(reader, END, reader->place,
		            "missing after %ju records: what wrote them failed or was cut off",
		            (uintmax_t)reader->count);
	if (map_begins_with(&reader->object, "memoscope"))
		return fail(reader, HEADER, reader->place,
		            "no end map before it: what wrote that segment failed or was cut off");
	return map_begins_with(&reader->object, "end") ? take_end(reader, *size) : 1;
}

static void take_record(struct stream_reader *reader, size_t size)
{
	reader->input.begin += size;
	reader->count++;
	reader->number++;
}

/* ---- stream.h ---- */

static struct stream_reader *reader_new(const char *path)
{
	struct stream_reader *reader = calloc(1, sizeof *reader);

	if (!reader)
		return NULL;
	reader->name = strdup(err_path(path));
	reader->hash = XXH3_createState();
	reader->zone = msgpack_zone_new(ZONE_BYTES);
	if (input_buffer_init(&reader->input, -1, READ_BYTES, SIZE_MAX) == 0 && reader->name &&
	    reader->hash && reader->zone)
		return reader;
	stream_close(reader);
	return NULL;
}

static int open_input(struct stream_reader *reader, const char *path)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : file_open(path, O_RDONLY);
	struct stat about;

	reader->input.fd = fd;
	if (fd < 0)
		return err_set(&reader->err, "%s: cannot open: %s", reader->name, strerror(errno));
	if (standard && isatty(fd))
		return err_set(&reader->err,
		               "standard input is a terminal: expected a stream, piped or from a file");
	if (fstat(fd, &about) == 0 && S_ISFIFO(about.st_mode))
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES); /* a wish, not a need */
	return 0;
}

struct stream_reader *stream_open(const char *path, const char *const *kinds, struct err *err)
{
	struct stream_reader *reader = reader_new(path);
	int status;

	if (!reader) {
		err_set(err, "%s: out of memory", err_path(path));
		return NULL;
	}
	reader->kinds = kinds;
	status = open_input(reader, path);
	if (status == 0) {
		status = next_header(reader);
		if (status == 0)
			err_set(&reader->err, "%s: no header: empty input", reader->name);
	}
	if (status <= 0) {
		failed(reader, err);
		stream_close(reader);
		return NULL;
	}
	return reader;
}

const json_t *stream_header(const struct stream_reader *reader)
{
	return reader->header;
}

struct vocab *stream_vocab(const struct stream_reader *reader, struct err *err)
{
	struct err why = {0};
	struct vocab *vocab = header_vocab(reader->header, &why);

	if (!vocab)
		err_set(err, "%s: header: %s", reader->name, why.text);
	return vocab;
}

int stream_next(struct stream_reader *reader, struct stream_record *record, struct err *err)
{
	size_t size, there;
	int status = 0;

	if (reader->err.status)
		return failed(reader, err);
	while (status == 0) {
		if (!reader->inside && (status = next_header(reader)) <= 0)
			return status < 0 ? failed(reader, err) : 0;
		if ((status = next_inside(reader, &size)) < 0)
			return failed(reader, err);
	}
	*record = (struct stream_record){.map = &reader->object,
	                                 .bytes = come(reader, &there),
	                                 .size = size,
	                                 .number = reader->number};
	take_record(reader, size);
	return 1;
}

/* Has the object that comes next come whole, or will no more of it come? Reads only what is
 * there. */
static bool object_came(struct stream_reader *reader)
{
	for (;;) {
		struct msgpack_check check = {0};
		struct err ignored = {0};
		size_t size;
		const char *bytes = come(reader, &size);
		if (msgpack_check(&check, limits(reader), bytes, size, &ignored) != 0)
			return true;
		if (!input_buffer_ready(&reader->input))
			return false;
		if (fill(reader) <= 0)
			return true;
	}
}

bool stream_ready(struct stream_reader *reader)
{
	size_t size;

	/* Behind the end of a segment, the next one's header is passed, too. */
	while (!reader->err.status && object_came(reader))
		if ((reader->inside ? next_inside(reader, &size) != 0 : next_header(reader) <= 0))
			return true;
	return reader->err.status;
}

int stream_descriptor(const struct stream_reader *reader)
{
	return reader->input.fd;
}

int stream_skip_segment(struct stream_reader *reader, struct stream_segment *segment,
                        struct err *err)
{
	size_t size;
	int status = 1;

	if (reader->err.status)
		return failed(reader, err);
	if (!reader->inside && (status = next_header(reader)) == 0)
		return 0;
	while (status > 0 && (status = next_inside(reader, &size)) > 0)
		take_record(reader, size);
	if (status < 0)
		return failed(reader, err);
	*segment = (struct stream_segment){.chain = reader->chain, .records = reader->count};
	return 1;
}

struct stream_place stream_place(const struct stream_reader *reader)
{
	return (struct stream_place){at(reader), reader->inside, reader->segment, reader->count,
	                             reader->cut};
}

void stream_close(struct stream_reader *reader)
{
	if (!reader)
		return;
	if (reader->input.fd > STDIN_FILENO)
		file_close(reader->input.fd);
	json_decref(reader->header);
	json_decref(reader->chain);
	msgpack_zone_free(reader->zone);
	XXH3_freeState(reader->hash);
	input_buffer_release(&reader->input);
	free(reader->name);
	free(reader);
}
