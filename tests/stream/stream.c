/* Streams of any size are read back, whole and in pieces; segments join; a reader is live; a
 * writer drops what is not committed and notices a full disk. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/stream/map.h"
#include "common/stream/pack.h"
#include "common/stream/record.h"
#include "tests/stream/streams.h"
#include "tests/tap.h"

static char program[] = "test", option[] = "--seed", seed[] = "7";
static char *arguments[] = {program, option, seed, NULL};

/* ---- sizes ---- */

/* Records of any size, more of them than a buffer holds, one of 3 MB among them. */
static void many_records(void)
{
	enum { COUNT = 20000, LARGE = 12345 };
	const size_t large = 3 << 20;
	struct err err = {0};
	char *data = malloc(large);
	struct span_kinds kinds;
	json_t *header = header_new(STREAM_TEXT, NULL, 1, arguments);
	int fd, status;
	struct stream_writer *writer = create(&fd, header, &err);

	span_kinds_init(&kinds);
	memset(data, 'x', large);
	for (uint64_t i = 0; i < COUNT; i++) {
		struct record record = {.id = i, .text = data,
		                        .size = i == LARGE ? large : i * 31 % 300};
		if (record_write_text(writer, &record, &kinds, &err) < 0)
			break;
	}
	ok(stream_end(writer, &err) == 0, "%d records are written", COUNT);
	json_decref(header);

	struct stream_reader *reader = stream_open(path_of(fd), NULL, &err);
	struct record_buffer buffer = {0};
	struct stream_record raw;
	uint64_t count = 0;
	bool good = true;
	while ((status = stream_next(reader, &raw, &err)) > 0) {
		struct record record;
		good = good && record_read_text(reader, &raw, &kinds, &buffer, &record, &err) == 0 &&
		       record.id == count && raw.number == count &&
		       record.size == (count == LARGE ? large : count * 31 % 300) &&
		       memcmp(record.text, data, record.size) == 0;
		count++;
	}
	ok(status == 0 && good && count == COUNT, "they come back, one of 3 MB among them: %s",
	   err.text);
	stream_close(reader);
	record_buffer_release(&buffer);
	free(data);
	close(fd);
}

/* ---- segments ---- */

/* A stream of one segment with count records {"n": first …}. */
static struct bytes counted(const char *kind, const char *field, int first, int count)
{
	struct err err = {0};
	json_t *header = header_new(kind, NULL, 2 + first % 2, arguments); /* chains differ */
	int fd;

	json_object_set_new(header, "alphabet", json_string(field));
	struct stream_writer *writer = create(&fd, header, &err);
	for (int i = first; i < first + count; i++) {
		msgpack_packer *packer = stream_record(writer);
		msgpack_pack_map(packer, 1);
		pack_key(packer, "n");
		msgpack_pack_int(packer, i);
		stream_commit(writer, &err);
	}
	stream_end(writer, &err);
	json_decref(header);
	struct bytes bytes = held(fd);
	close(fd);
	return bytes;
}

static struct bytes join(struct bytes a, struct bytes b)
{
	struct bytes bytes = {malloc(a.size + b.size), a.size + b.size};

	memcpy(bytes.data, a.data, a.size);
	memcpy(bytes.data + a.size, b.data, b.size);
	free(a.data);
	free(b.data);
	return bytes;
}

/* Read a stream to its end: the count of records, or -1 with err set. */
static int read_all(struct bytes bytes, struct err *err)
{
	int fd = -1, status, count = 0;
	struct stream_reader *reader = stream_open(hold(&fd, bytes.data, bytes.size), NULL, err);
	struct stream_record raw;

	if (!reader) {
		close(fd);
		return -1;
	}
	while ((status = stream_next(reader, &raw, err)) > 0) {
		const msgpack_object *n = map_field(raw.map, "n");
		if (n && n->via.u64 == (uint64_t)count && raw.number == (uint64_t)count)
			count++;
	}
	stream_close(reader);
	close(fd);
	return status < 0 ? -1 : count;
}

static void segments(void)
{
	struct err err = {0};
	struct bytes bytes = join(counted("text", "ab", 0, 3),
	                          join(counted("text", "ab", 3, 0), counted("text", "ab", 3, 5)));

	is_int(read_all(bytes, &err), 8, "segments follow one another, an empty one among them");
	free(bytes.data);

	bytes = join(counted("text", "ab", 0, 3), counted("tokens", "ab", 3, 5));
	ok(read_all(bytes, &err) < 0 && strstr(err.text, "kind 'tokens' in a stream of kind 'text'"),
	   "their kinds must be the same: %s", err.text);
	free(bytes.data);

	err = (struct err){0};
	bytes = join(counted("text", "ab", 0, 3), counted("text", "abc", 3, 5));
	ok(read_all(bytes, &err) < 0 && strstr(err.text, "\"alphabet\" differs"),
	   "a field that differs is named: %s", err.text);
	free(bytes.data);
}

/* ---- pipes ---- */

/* A child that writes bytes into a pipe, step at a time; the reading end. */
static int trickle(const char *data, size_t size, size_t step, pid_t *child)
{
	int ends[2];

	if (pipe(ends) < 0 || (*child = fork()) < 0)
		exit(1);
	if (*child > 0) {
		close(ends[1]);
		return ends[0];
	}
	close(ends[0]);
	for (size_t at = 0; at < size; at += step)
		if (write(ends[1], data + at, size - at < step ? size - at : step) < 0)
			_exit(1);
	_exit(0);
}

static void pieces(void)
{
	struct err err = {0};
	struct bytes bytes = join(counted("text", "ab", 0, 30), counted("text", "ab", 30, 20));

	for (size_t step = 1; step < 20; step += 6) {
		pid_t child;
		int fd = trickle(bytes.data, bytes.size, step, &child), count = 0, status;
		struct stream_reader *reader = stream_open(path_of(fd), NULL, &err);
		struct stream_record raw;
		while ((status = stream_next(reader, &raw, &err)) > 0)
			count += map_field(raw.map, "n")->via.u64 == (uint64_t)count;
		ok(status == 0 && count == 50, "a stream in pieces of %zu bytes: %s", step, err.text);
		stream_close(reader);
		close(fd);
		waitpid(child, NULL, 0);
	}
	free(bytes.data);
}

/* What was flushed is read before the writer goes on. */
static void live(void)
{
	struct err err = {0};
	int ends[2];
	json_t *header = header_new(STREAM_METRICS, NULL, 1, arguments);
	struct stream_record raw;
	bool good = true;

	if (pipe2(ends, O_NONBLOCK) < 0)
		exit(1);
	struct stream_writer *writer = stream_create(ends[1], "pipe", header, &err);
	struct stream_reader *reader = stream_open(path_of(ends[0]), NULL, &err);
	for (int i = 0; reader && i < 3; i++) {
		msgpack_packer *packer = stream_record(writer);
		msgpack_pack_map(packer, 1);
		pack_key(packer, "n");
		msgpack_pack_int(packer, i);
		stream_commit(writer, &err);
		stream_flush(writer, &err);
		good = good && stream_next(reader, &raw, &err) == 1 && raw.number == (uint64_t)i;
	}
	ok(reader && good, "a record that was flushed is there at once: %s", err.text);
	ok(stream_end(writer, &err) == 0, "the end fits the pipe");
	close(ends[1]);
	is_int(stream_next(reader, &raw, &err), 0, "and is read");
	stream_close(reader);
	close(ends[0]);
	json_decref(header);
}

/* ---- writing ---- */

static void abandoned(void)
{
	struct err err = {0};
	json_t *header = header_new(STREAM_TEXT, NULL, 1, arguments);
	int fd;
	struct stream_writer *writer = create(&fd, header, &err);
	msgpack_packer *packer = stream_record(writer);

	msgpack_pack_map(packer, 1); /* and no more: it is dropped */
	packer = stream_record(writer);
	msgpack_pack_map(packer, 1);
	pack_key(packer, "n");
	msgpack_pack_int(packer, 0);
	stream_commit(writer, &err);
	stream_copy(writer, "\x81\xa1n\x01", 4, &err);
	packer = stream_record(writer);
	pack_key(packer, "dropped as well");
	stream_end(writer, &err);
	struct bytes bytes = held(fd);
	is_int(read_all(bytes, &err), 2, "a record that is not committed leaves no trace");
	free(bytes.data);
	close(fd);

	writer = create(&fd, header, &err);
	stream_copy(writer, "\x81\xa1n\x00", 4, &err);
	stream_flush(writer, &err);
	stream_abandon(writer);
	bytes = held(fd);
	ok(read_all(bytes, &err) < 0 && strstr(err.text, "end map: missing after 1 records"),
	   "a stream that is abandoned has no end: %s", err.text);
	free(bytes.data);
	close(fd);
	json_decref(header);
}

/* A record that no reader would take is not written, and ends the stream. */
static void too_large(void)
{
	const size_t size = ((size_t)64 << 20) - 7; /* with a map and a key, 64 MiB and 1 */
	json_t *header = header_new(STREAM_TEXT, NULL, 1, arguments);
	char *text = calloc(1, size);
	struct err err = {0};

	for (int more = 0; more < 2; more++) {
		int fd = -1;
		struct stream_writer *writer = create(&fd, header, &err);
		msgpack_packer *packer = stream_record(writer);
		msgpack_pack_map(packer, 1);
		pack_key(packer, "s");
		msgpack_pack_bin(packer, size - 1 + (size_t)more);
		msgpack_pack_bin_body(packer, text, size - 1 + (size_t)more);
		int committed = stream_commit(writer, &err);
		ok(more ? committed < 0 && strstr(err.text, "a record of 67108865 bytes: at most") :
		   committed == 0, "a record of 64 MiB and %d: %s", more, err.text);
		int ended = stream_end(writer, &err);
		struct bytes bytes = held(fd);
		ok(ended == -more && (read_all(bytes, &err) >= 0) == !more, "which readers %s",
		   more ? "never see" : "take");
		free(bytes.data);
		close(fd);
	}
	json_decref(header);
	free(text);
}

static void full_disk(void)
{
	struct err err = {0}, again = {0};
	json_t *header = header_new(STREAM_TEXT, NULL, 1, arguments);
	int fd = open("/dev/full", O_WRONLY);

	ok(stream_create(fd, "disk", header, &err) == NULL &&
	   strcmp(err.text, "disk: cannot write: No space left on device") == 0,
	   "a full disk shows at once: %s", err.text);
	/* A disk that fills up later: the descriptor becomes another file. */
	int memory = memfd_create("stream", 0);
	struct stream_writer *writer = stream_create(memory, "disk", header, &err);
	dup2(fd, memory);
	err = (struct err){0};
	for (int i = 0; i < 300000 && !err.status; i++)
		stream_copy(writer, "\x81\xa1n\x00", 4, &err);
	ok(err.status == ERR_DATA && strstr(err.text, "No space left"),
	   "a disk that fills up is noticed: %s", err.text);
	ok(stream_copy(writer, "\x81\xa1n\x00", 4, &again) < 0 && strcmp(err.text, again.text) == 0,
	   "and stays an error");
	again = (struct err){0};
	ok(stream_end(writer, &again) < 0 && strcmp(err.text, again.text) == 0,
	   "to the end: %s", again.text);
	close(memory);
	close(fd);
	json_decref(header);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	many_records();
	segments();
	pieces();
	live();
	abandoned();
	too_large();
	full_disk();
	return done();
}
