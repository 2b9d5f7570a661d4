/* The reading half of stream.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/stream/json.h"
#include "common/stream/msgpack_check.h"
#include "common/stream/pack.h"
#include "common/stream/segment.h"
#include "common/stream/stream.h"
#include "common/stream/unpack.h"

#define READ_BYTES ((size_t)256 << 10) /* the buffer to begin with */
#define ZONE_BYTES ((size_t)32 << 10) /* for the objects of a common record */
#define PIPE_BYTES (1 << 20) /* fewer changes between two ends of a pipe */

/* What the reader is at, for messages. */
enum place { HEADER, RECORD, END };

struct stream_reader {
	int fd; /* -1: none to close */
	char *name;
	const char *const *kinds;
	json_t *header; /* of the first segment */
	json_t *chain; /* of the segment under way, or the last one */

	char *buffer; /* bytes [begin, end) are still to be taken */
	size_t room, begin, end;
	size_t hashed; /* bytes [hashed, begin) are not in the checksum yet */
	bool over; /* read() has returned 0 */

	bool inside; /* of a segment: after its header, before its end map */
	XXH3_state_t *hash;
	uint64_t offset; /* in the stream, of buffer[0] */
	uint64_t count, number; /* records given out: of the segment, of all */

	struct msgpack_check check;
	msgpack_zone *zone; /* what the objects below lie in */
	msgpack_object object;
	uint64_t place; /* offset of the object */
	struct err err; /* the first failure: sticky */
};

size_t segment_end(char out[SEGMENT_END_BYTES], uint64_t count, uint64_t checksum)
{
	msgpack_sbuffer buffer;
	msgpack_packer packer;
	size_t size;

	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	msgpack_pack_map(&packer, 2);
	pack_key(&packer, "end");
	msgpack_pack_uint64(&packer, count);
	pack_key(&packer, "xxh3");
	msgpack_pack_uint64(&packer, checksum);
	size = buffer.size;
	memcpy(out, buffer.data, size);
	msgpack_sbuffer_destroy(&buffer);
	return size;
}

/* ---- failing ---- */

static int failed(const struct stream_reader *reader, struct err *err)
{
	return err_set(err, "%s", reader->err.text);
}

/* number: of the record, where place is RECORD. */
__attribute__((format(printf, 5, 0)))
static void fail_args(struct stream_reader *reader, enum place place, uint64_t offset,
                      uint64_t number, const char *format, va_list args)
{
	char text[320], where[64] = "";

	vsnprintf(text, sizeof text, format, args);
	if (place == RECORD)
		snprintf(where, sizeof where, "record %ju", (uintmax_t)number);
	else
		strcpy(where, place == HEADER ? "header" : "end map");
	err_set(&reader->err, "%.120s: byte %ju, %s: %s", reader->name, (uintmax_t)offset, where,
	        text);
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

int stream_bad(struct stream_reader *reader, struct err *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fail_args(reader, RECORD, reader->place, reader->number - 1, format, args);
	va_end(args);
	return failed(reader, err);
}

/* ---- bytes ---- */

/* Bring the checksum up to what has been taken. */
static void hash_taken(struct stream_reader *reader)
{
	XXH3_64bits_update(reader->hash, reader->buffer + reader->hashed,
	                   reader->begin - reader->hashed);
	reader->hashed = reader->begin;
}

/* Room for more bytes; the buffer grows only when it is half full of bytes of
 * one object, which have really come. */
static int make_room(struct stream_reader *reader)
{
	if (reader->begin > 0) {
		hash_taken(reader);
		reader->end -= reader->begin;
		memmove(reader->buffer, reader->buffer + reader->begin, reader->end);
		reader->offset += reader->begin;
		reader->begin = reader->hashed = 0;
	}
	if (reader->end > reader->room / 2) {
		char *buffer = realloc(reader->buffer, 2 * reader->room);
		if (!buffer)
			return err_set(&reader->err, "%s: out of memory", reader->name);
		reader->buffer = buffer;
		reader->room *= 2;
	}
	return 0;
}

/* Read on: 1 if bytes came, 0 at the end, -1. */
static int fill(struct stream_reader *reader)
{
	ssize_t got;

	if (reader->over)
		return 0;
	if (reader->end == reader->room && make_room(reader) < 0)
		return -1;
	while ((got = read(reader->fd, reader->buffer + reader->end,
	                   reader->room - reader->end)) < 0) {
		if (errno == EAGAIN) {
			struct pollfd ready = {.fd = reader->fd, .events = POLLIN};
			poll(&ready, 1, -1);
		} else if (errno != EINTR) {
			return err_set(&reader->err, "%s: byte %ju: cannot read: %s", reader->name,
			               (uintmax_t)(reader->offset + reader->end), strerror(errno));
		}
	}
	reader->over = got == 0;
	reader->end += (size_t)got;
	return got > 0;
}

/* ---- objects ---- */

static bool key_is(const msgpack_object *key, const char *word)
{
	size_t size = strlen(word);

	return key->type == MSGPACK_OBJECT_STR && key->via.str.size == size &&
	       memcmp(key->via.str.ptr, word, size) == 0;
}

const msgpack_object *record_field(const msgpack_object *map, const char *key)
{
	for (uint32_t i = 0; i < map->via.map.size; i++)
		if (key_is(&map->via.map.ptr[i].key, key))
			return &map->via.map.ptr[i].val;
	return NULL;
}

/* The first key that stands twice in a map, or NULL. */
static const msgpack_object *repeated_key(const msgpack_object_map *map)
{
	for (uint32_t i = 1; i < map->size; i++) {
		const msgpack_object_str *key = &map->ptr[i].key.via.str;
		for (uint32_t j = 0; j < i; j++) {
			const msgpack_object_str *before = &map->ptr[j].key.via.str;
			if (key->size == before->size &&
			    memcmp(key->ptr, before->ptr, key->size) == 0)
				return &map->ptr[i].key;
		}
	}
	return NULL;
}

/* The same in an object and all that it holds. */
static const msgpack_object *repeated_within(const msgpack_object *object)
{
	const msgpack_object *found = NULL;

	if (object->type == MSGPACK_OBJECT_ARRAY)
		for (uint32_t i = 0; !found && i < object->via.array.size; i++)
			found = repeated_within(&object->via.array.ptr[i]);
	if (object->type == MSGPACK_OBJECT_MAP) {
		found = repeated_key(&object->via.map);
		for (uint32_t i = 0; !found && i < object->via.map.size; i++)
			found = repeated_within(&object->via.map.ptr[i].val);
	}
	return found;
}

/* What every object of a stream is: a map, whose keys differ. */
static int check_map(struct stream_reader *reader, enum place place, unsigned maps)
{
	const msgpack_object *key;

	if (reader->object.type != MSGPACK_OBJECT_MAP)
		return fail(reader, place, reader->place,
		            place == HEADER ? "not a memoscope stream: expected a map; mptext makes "
		                              "one of text or JSON"
		                            : "expected a map, a record or the end");
	/* Most records hold no map but themselves. */
	key = maps > 1 ? repeated_within(&reader->object) : repeated_key(&reader->object.via.map);
	if (key)
		return fail(reader, place, reader->place, "the key '%.*s' stands twice in a map",
		            key->via.str.size < 40 ? (int)key->via.str.size : 40, key->via.str.ptr);
	return 0;
}

/* Read on till the object at begin is whole: 1; 0 where the input ends before it; -1. */
static int complete(struct stream_reader *reader, enum place place)
{
	struct err err = {0};
	int status;

	memset(&reader->check, 0, offsetof(struct msgpack_check, open));
	reader->check.closed = 0;
	while ((status = msgpack_check(&reader->check, reader->buffer + reader->begin,
	                               reader->end - reader->begin, &err)) == 0) {
		int more = fill(reader);
		if (more < 0)
			return -1;
		if (more == 0 && reader->begin == reader->end)
			return 0;
		if (more == 0)
			return fail(reader, place, reader->offset + reader->end,
			            "the stream is cut off here");
	}
	if (status < 0)
		return fail(reader, place, reader->place + reader->check.at, "%s", err.text);
	return 1;
}

/* The bytes at begin, where they are a whole object: its size; else 0. */
static size_t unpack(struct stream_reader *reader, unsigned *maps)
{
	msgpack_zone_clear(reader->zone);
	return unpack_object(reader->zone, reader->buffer + reader->begin,
	                     reader->end - reader->begin, &reader->object, maps);
}

/* The next object, whole, in reader->object, its size in *size: 1; 0 where the
 * input ends before it; -1. Its bytes stay at begin. */
static int next_object(struct stream_reader *reader, enum place place, size_t *size)
{
	unsigned maps;

	reader->place = reader->offset + reader->begin;
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

/* ---- headers ---- */

/* Read the header of a segment: 1; 0 where the input ends before it; -1. */
static int next_header(struct stream_reader *reader)
{
	size_t size;
	int status = next_object(reader, HEADER, &size);
	struct err why = {0};
	json_t *header;

	if (status <= 0)
		return status;
	if (reader->object.via.map.size == 0 ||
	    !key_is(&reader->object.via.map.ptr[0].key, "memoscope"))
		return fail(reader, HEADER, reader->place,
		            "expected a header, a map that begins with \"memoscope\"");
	header = json_from_msgpack(&reader->object);
	if (!header)
		return fail(reader, HEADER, reader->place,
		            "text that is not UTF-8, or out of memory");
	if (header_check(header, reader->kinds, &why) < 0 ||
	    (reader->header && header_check_same(header, reader->header, &why) < 0)) {
		json_decref(header);
		return fail(reader, HEADER, reader->place, "%s", why.text);
	}
	json_decref(reader->chain);
	reader->chain = json_incref(json_object_get(header, "chain"));
	if (reader->header)
		json_decref(header);
	else
		reader->header = header;
	reader->hashed = reader->begin;
	reader->begin += size;
	reader->count = 0;
	reader->inside = true;
	XXH3_64bits_reset(reader->hash);
	return 1;
}

/* ---- the end of a segment ---- */

/* The end map of size bytes at begin is the one that what came deserves. */
static int take_end(struct stream_reader *reader, size_t size)
{
	const msgpack_object *count = record_field(&reader->object, "end");
	const msgpack_object *sum = record_field(&reader->object, "xxh3");
	char expected[SEGMENT_END_BYTES];

	hash_taken(reader);
	if (reader->object.via.map.size != 2 || !sum ||
	    count->type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
	    sum->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
		return fail(reader, END, reader->place,
		            "expected \"end\", a count, and \"xxh3\", a checksum, and no more");
	if (count->via.u64 != reader->count)
		return fail(reader, END, reader->place, "it counts %ju records, but %ju came",
		            (uintmax_t)count->via.u64, (uintmax_t)reader->count);
	if (sum->via.u64 != XXH3_64bits_digest(reader->hash))
		return fail(reader, END, reader->place,
		            "the checksum does not match: the segment's bytes have changed");
	if (size != segment_end(expected, count->via.u64, sum->via.u64) ||
	    memcmp(reader->buffer + reader->begin, expected, size) != 0)
		return fail(reader, END, reader->place,
		            "its keys are out of order or its integers not in their shortest form");
	reader->begin += size;
	reader->hashed = reader->begin;
	reader->inside = false;
	return 0;
}

/* ---- stream.h ---- */

static struct stream_reader *reader_new(const char *path)
{
	struct stream_reader *reader = calloc(1, sizeof *reader);

	if (!reader)
		return NULL;
	reader->fd = -1;
	reader->room = READ_BYTES;
	reader->name = strdup(err_path(path));
	reader->buffer = malloc(reader->room);
	reader->hash = XXH3_createState();
	reader->zone = msgpack_zone_new(ZONE_BYTES);
	if (reader->name && reader->buffer && reader->hash && reader->zone)
		return reader;
	stream_close(reader);
	return NULL;
}

static int open_input(struct stream_reader *reader, const char *path)
{
	bool standard = strcmp(path, "-") == 0;
	struct stat about;

	reader->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (reader->fd < 0)
		return err_set(&reader->err, "%s: cannot open: %s", reader->name, strerror(errno));
	if (standard && isatty(reader->fd))
		return err_set(&reader->err,
		               "standard input is a terminal: expected a stream, piped or from a file");
	if (fstat(reader->fd, &about) == 0 && S_ISFIFO(about.st_mode))
		(void)fcntl(reader->fd, F_SETPIPE_SZ, PIPE_BYTES); /* a wish, not a need */
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

/* Whether the object is a record: 1; an end map, which is then taken: 0; -1. */
static int sort_out(struct stream_reader *reader, size_t size)
{
	const msgpack_object_map *map = &reader->object.via.map;

	if (map->size == 0 || (!key_is(&map->ptr[0].key, "end") &&
	                       !key_is(&map->ptr[0].key, "memoscope")))
		return 1;
	if (key_is(&map->ptr[0].key, "memoscope"))
		return fail(reader, HEADER, reader->place,
		            "no end map before it: what wrote that segment failed or was cut off");
	return take_end(reader, size);
}

/* The object behind a header or a record: a record, of size bytes at begin: 1; the
 * end map, which is then taken: 0; -1. */
static int next_inside(struct stream_reader *reader, size_t *size)
{
	int status = next_object(reader, RECORD, size);

	if (status == 0)
		return fail(reader, END, reader->place,
		            "missing after %ju records: what wrote them failed or was cut off",
		            (uintmax_t)reader->count);
	return status < 0 ? -1 : sort_out(reader, *size);
}

static void take_record(struct stream_reader *reader, size_t size)
{
	reader->begin += size;
	reader->count++;
	reader->number++;
}

int stream_next(struct stream_reader *reader, struct stream_record *record, struct err *err)
{
	size_t size;
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
	                                 .bytes = reader->buffer + reader->begin,
	                                 .size = size,
	                                 .number = reader->number};
	take_record(reader, size);
	return 1;
}

/* Has all come of the object at begin, or will no more come? Reads only what is there. */
static bool object_came(struct stream_reader *reader)
{
	for (;;) {
		struct pollfd input = {.fd = reader->fd, .events = POLLIN};
		struct msgpack_check check = {0};
		struct err err = {0};
		if (msgpack_check(&check, reader->buffer + reader->begin,
		                  reader->end - reader->begin, &err) != 0)
			return true;
		if (!reader->over && poll(&input, 1, 0) == 0)
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

void stream_close(struct stream_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd > STDIN_FILENO)
		close(reader->fd);
	json_decref(reader->header);
	json_decref(reader->chain);
	msgpack_zone_free(reader->zone);
	XXH3_freeState(reader->hash);
	free(reader->buffer);
	free(reader->name);
	free(reader);
}
