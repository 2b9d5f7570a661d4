/* What stream.h and record.h write, they read back; segments join; readers are
 * live; writers notice a full disk. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/base/options.h"
#include "common/stream/json.h"
#include "common/stream/map.h"
#include "common/stream/pack.h"
#include "common/stream/record.h"
#include "tests/stream/streams.h"
#include "tests/tap.h"

static char program[] = "test", option[] = "--seed", seed[] = "7\xff", empty[] = "";
static char *arguments[] = {program, option, seed, empty, NULL};

static struct stream_writer *create(int *fd, const json_t *header, struct err *err)
{
	*fd = memfd_create("stream", 0);
	return stream_create(*fd, "memory", header, err);
}

static const char *path_of(int fd)
{
	static char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return path;
}

/* ---- round trips ---- */

static const char text[] = "{B}\nÆsa Ó: 211-004 \n=========\nÆsa Ó: 211-004 \n{E}\n";

static void text_round_trip(void)
{
	struct err err = {0};
	struct span_kinds kinds, back;
	span_kinds_init(&kinds);
	struct span spans[] = {
		{4, 9, span_kind(&kinds, "name", 4), 0, 15.25},
		{11, 18, span_kind(&kinds, "number", 6), 0, 1e-300},
		{20, 29, span_kind(&kinds, "rule", 4), -1, 0},
		{30, 35, span_kind(&kinds, "a_very_long_word-of_31_letters_", 31), 2147483647, 1},
	};
	struct record record = {.id = UINT64_MAX, .text = text, .size = sizeof text - 1,
	                        .spans = spans, .span_count = 4};
	struct record blank = {.id = 0, .text = "", .size = 0};
	json_t *header = header_new(STREAM_TEXT, NULL, 4, arguments);
	int fd;
	struct stream_writer *writer = create(&fd, header, &err);

	ok(writer && record_write_text(writer, &record, &kinds, &err) == 0 &&
	   record_write_text(writer, &blank, &kinds, &err) == 0 && stream_end(writer, &err) == 0,
	   "records of text are written: %s", err.text);
	json_decref(header);

	const char *const wanted[] = {"tokens", "text", NULL};
	struct stream_reader *reader = stream_open(path_of(fd), wanted, &err);
	struct stream_record raw;
	struct record_buffer buffer = {0};
	span_kinds_init(&back);
	ok(reader != NULL, "the stream opens: %s", err.text);
	const json_t *link = json_array_get(json_object_get(stream_header(reader), "chain"), 0);
	is_string(header_string(link, "version"), MEMOSCOPE_VERSION, "the chain has the version");
	is_string(json_string_value(json_array_get(json_object_get(link, "args"), 1)), "7\uFFFD",
	          "an argument that is not UTF-8 is made to be");
	ok(stream_next(reader, &raw, &err) == 1 && raw.number == 0 &&
	   record_read_text(reader, &raw, &back, &buffer, &record, &err) == 0,
	   "a record is read: %s", err.text);
	ok(record.id == UINT64_MAX && record.size == sizeof text - 1 && record.length == 50 &&
	   memcmp(record.text, text, record.size) == 0 && record.tokens == NULL,
	   "its id and text are the same");
	bool same = record.span_count == 4;
	for (uint32_t i = 0; same && i < 4; i++)
		same = record.spans[i].begin == spans[i].begin && record.spans[i].end == spans[i].end &&
		       record.spans[i].entry == spans[i].entry &&
		       record.spans[i].nats == spans[i].nats &&
		       strcmp(back.word[record.spans[i].kind], kinds.word[spans[i].kind]) == 0;
	ok(same, "its spans are the same");
	ok(stream_next(reader, &raw, &err) == 1 && raw.number == 1 &&
	   record_read_text(reader, &raw, &back, &buffer, &record, &err) == 0 &&
	   record.length == 0 && record.text && record.span_count == 0,
	   "a record without text or spans is read");
	ok(stream_next(reader, &raw, &err) == 0 && stream_next(reader, &raw, &err) == 0,
	   "then comes the end, and stays");
	stream_close(reader);
	record_buffer_release(&buffer);
	close(fd);
}

/* A vocabulary of count characters. */
static struct vocab *vocab_of(int count)
{
	struct charset *set = calloc(1, sizeof *set);
	struct err err = {0};

	for (uint32_t code = 0x4E00; code < 0x4E00 + (uint32_t)count; code++)
		set->bits[code / 64] |= UINT64_C(1) << code % 64;
	char *characters = charset_text(set);
	struct vocab *vocab = vocab_new(characters, strlen(characters), &err);
	free(characters);
	free(set);
	return vocab;
}

static void token_round_trip(int size)
{
	enum { LENGTH = 5001 }; /* more than is packed at once */
	struct err err = {0};
	struct vocab *vocab = vocab_of(size), *back;
	struct span_kinds kinds;
	uint16_t tokens[LENGTH];
	int fd;

	span_kinds_init(&kinds);
	for (int i = 0; i < LENGTH; i++)
		tokens[i] = (uint16_t)(i * 7919 % size);
	struct span span = {4999, 5001, span_kind(&kinds, "answer", 6), -1, 0.5};
	struct record record = {.id = 3, .tokens = tokens, .length = LENGTH, .spans = &span,
	                        .span_count = 1};
	json_t *header = header_new(STREAM_TOKENS, NULL, 1, arguments);
	header_set_vocab(header, vocab);
	struct stream_writer *writer = create(&fd, header, &err);
	record_write_tokens(writer, &record, vocab, &kinds, &err);
	record.length = 0;
	record.span_count = 0;
	record_write_tokens(writer, &record, vocab, &kinds, &err);
	ok(stream_end(writer, &err) == 0, "tokens of %d characters are written", size);
	json_decref(header);

	struct stream_reader *reader = stream_open(path_of(fd), NULL, &err);
	struct record_buffer buffer = {0};
	struct stream_record raw;
	back = header_vocab(stream_header(reader), &err);
	ok(back && vocab_equal(vocab, back), "the vocabulary travels: %s", err.text);
	is_string(header_string(json_object_get(stream_header(reader), "bin"), "tokens"),
	          size <= 256 ? "u8" : "u16", "the header says how wide a token is");
	ok(stream_next(reader, &raw, &err) == 1 && raw.size > (size <= 256 ? 5001 : 10002) &&
	   raw.size < (size <= 256 ? 5100 : 10101), "tokens are one byte or two");
	ok(record_read_tokens(reader, &raw, back, &kinds, &buffer, &record, &err) == 0 &&
	   record.length == LENGTH && memcmp(record.tokens, tokens, sizeof tokens) == 0 &&
	   record.span_count == 1 && record.spans[0].end == 5001 && record.text == NULL,
	   "tokens of %d characters come back: %s", size, err.text);
	ok(stream_next(reader, &raw, &err) == 1 &&
	   record_read_tokens(reader, &raw, back, &kinds, &buffer, &record, &err) == 0 &&
	   record.length == 0 && record.tokens != NULL, "so does a record of none");
	ok(stream_next(reader, &raw, &err) == 0, "and then the end: %s", err.text);
	stream_close(reader);
	record_buffer_release(&buffer);
	vocab_free(vocab);
	vocab_free(back);
	close(fd);
}

static void encode(void)
{
	struct err err = {0};
	struct vocab *vocab = vocab_new("abæ", 4, &err);
	struct record_buffer buffer = {0};
	struct record record = {.text = "bæa", .size = 4, .length = 3};

	ok(record_encode(vocab, &buffer, &record, &err) == 0 && record.length == 3 &&
	   record.tokens[0] == 1 && record.tokens[1] == 2 && record.tokens[2] == 0 &&
	   record.text != NULL, "a record of text is encoded in place");
	record.text = "abc";
	record.size = 3;
	ok(record_encode(vocab, &buffer, &record, &err) < 0 && strstr(err.text, "'c'") &&
	   strstr(err.text, "character 2"), "a character that is missing is named: %s", err.text);
	record_buffer_release(&buffer);
	vocab_free(vocab);
}

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

/* ---- JSON ---- */

static void json(void)
{
	const char *document = "{\"a\": [1, -2, 2.5, true, false, null, "
	                       "\"x\\ny\", {}, [], \"\"], "
	                       "\"b\": {\"c\": 9007199254740993, \"d\": -9223372036854775808}}";
	json_t *value = json_loads(document, 0, NULL), *back;
	msgpack_sbuffer buffer;
	msgpack_packer packer;
	msgpack_unpacked unpacked;

	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	json_to_msgpack(value, &packer);
	msgpack_unpacked_init(&unpacked);
	msgpack_unpack_next(&unpacked, buffer.data, buffer.size, NULL);
	back = json_from_msgpack(&unpacked.data);
	ok(back && json_equal(value, back), "JSON comes back from msgpack as it was");
	json_decref(back);
	json_decref(value);

	buffer.size = 0;
	msgpack_pack_array(&packer, 4);
	msgpack_pack_double(&packer, NAN);
	msgpack_pack_float(&packer, -INFINITY);
	msgpack_pack_bin(&packer, 2);
	msgpack_pack_bin_body(&packer, "\x00\xff", 2);
	msgpack_pack_uint64(&packer, UINT64_MAX);
	msgpack_unpack_next(&unpacked, buffer.data, buffer.size, NULL);
	back = json_from_msgpack(&unpacked.data);
	char *dumped = back ? json_dumps(back, JSON_COMPACT | JSON_REAL_PRECISION(3)) : NULL;
	is_string(dumped, "[null,null,[0,255],1.84e19]", "what JSON has no word for");
	free(dumped);
	json_decref(back);
	msgpack_unpacked_destroy(&unpacked);
	msgpack_sbuffer_destroy(&buffer);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	text_round_trip();
	token_round_trip(1);
	token_round_trip(256);
	token_round_trip(257);
	token_round_trip(20000);
	encode();
	many_records();
	segments();
	pieces();
	live();
	abandoned();
	full_disk();
	json();
	return done();
}
