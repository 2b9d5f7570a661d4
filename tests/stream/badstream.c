/* Readers trust nothing: every prefix of a stream fails, every changed bit is
 * noticed, and what a record must not hold is refused, each with a line that
 * says where and why; no memory is taken for lengths that are only declared. */
#include <regex.h>
#include <sys/resource.h>

#include "common/stream/generation.h"
#include "common/stream/json.h"
#include "common/stream/msgpack_check.h"
#include "common/stream/pack.h"
#include "common/stream/record.h"
#include "tests/stream/streams.h"
#include "tests/tap.h"

/* ---- a small stream of each kind ---- */

static const char text[] = "Al: 12\n";
static struct span spans[] = {{0, 2, 1, 0, 2.5}, {4, 6, 2, -1, 0}};

static void kinds_init(struct span_kinds *kinds)
{
	span_kinds_init(kinds);
	span_kind(kinds, "name", 4);
	span_kind(kinds, "number", 6);
}

static void write_text(struct stream_writer *writer, struct span_kinds *kinds, struct err *err)
{
	struct record record = {.id = 300, .text = text, .size = sizeof text - 1,
	                        .spans = spans, .span_count = 2};

	record_write_text(writer, &record, kinds, err);
	record.id = 0;
	record.span_count = 0;
	record_write_text(writer, &record, kinds, err);
}

static void write_tokens(struct stream_writer *writer, struct span_kinds *kinds, struct err *err)
{
	struct vocab *vocab = vocab_new("\n :12Al", 7, err);
	const uint16_t tokens[] = {5, 6, 2, 1, 3, 4, 0};
	struct record record = {.id = 1, .tokens = tokens, .length = 7, .spans = spans,
	                        .span_count = 2};

	record_write_tokens(writer, &record, vocab, kinds, err);
	vocab_free(vocab);
}

static void write_generation(struct stream_writer *writer, struct span_kinds *kinds,
                             struct err *err)
{
	const struct generation_top tops[] = {{'1', 0.75}, {'2', 0.125}, {'2', 1}};
	const struct generation_step lenses[] = {
		{.position = 4, .code = '1', .top = 1, .top_count = 1, .p = 0.125, .rank = 1},
		{.position = 4, .code = '1', .top = 0, .top_count = 2, .p = 0.75},
	};
	const struct generation_step steps[] = {
		{.position = 4, .code = '1', .top = 0, .top_count = 2, .p = 0.75,
		 .entropy = 0.5, .rest = 0.125, .lens = 0, .lens_count = 2},
		{.position = 5, .code = '2', .top = 2, .top_count = 1, .p = 1},
	};
	struct generation generation = {
		.id = 4, .sample = 1, .text = text, .size = 6, .length = 6, .prompt = 4,
		.reference = text, .reference_size = 7, .reference_length = 7,
		.spans = spans, .span_count = 2, .stop = GENERATION_LENGTH,
		.steps = steps, .step_count = 2, .lenses = lenses, .tops = tops,
	};

	generation_write(writer, &generation, kinds, err);
}

static void write_metrics(struct stream_writer *writer, struct span_kinds *kinds,
                          struct err *err)
{
	json_t *record = json_loads("{\"step\": 10, \"tokens\": 70000, \"seconds\": 1.5, \"val\": "
	                            "{\"loss\": 2.5, \"kinds\": {\"answer\": {\"loss\": 1.25}}}}",
	                            0, NULL);

	(void)kinds;
	json_to_msgpack(record, stream_record(writer));
	stream_commit(writer, err);
	json_decref(record);
}

static void write_attention(struct stream_writer *writer, struct span_kinds *kinds,
                            struct err *err)
{
	const float probs[] = {1, 0, 0.5, 0.5};
	msgpack_packer *packer = stream_record(writer);

	(void)kinds;
	msgpack_pack_map(packer, 1);
	pack_key(packer, "probs");
	msgpack_pack_bin(packer, sizeof probs);
	msgpack_pack_bin_body(packer, probs, sizeof probs);
	stream_commit(writer, err);
}

static const struct sample {
	const char *kind;
	const char *fields; /* of the header, in JSON */
	void (*write)(struct stream_writer *writer, struct span_kinds *kinds, struct err *err);
} samples[] = {
	{STREAM_TEXT, "{\"alphabet\": \"\\n :12Al\"}", write_text},
	{STREAM_TOKENS, "{\"vocab\": \"\\n :12Al\", \"bin\": {\"tokens\": \"u8\"}}", write_tokens},
	{STREAM_GENERATIONS, "{\"vocab\": \"\\n :12Al\", \"probs\": 2}", write_generation},
	{STREAM_METRICS, "{}", write_metrics},
	{STREAM_ATTENTION, "{\"bin\": {\"probs\": \"f32\"}}", write_attention},
};
#define SAMPLES (sizeof samples / sizeof *samples)

static json_t *header_of(const char *kind, const char *fields)
{
	static char program[] = "test", argument[] = "x";
	char *arguments[] = {program, argument, NULL};
	json_t *header = header_new(kind, NULL, 2, arguments);
	json_t *more = json_loads(fields, 0, NULL);

	json_object_update(header, more);
	json_decref(more);
	return header;
}

static struct bytes make(const struct sample *sample)
{
	struct err err = {0};
	struct span_kinds kinds;
	json_t *header = header_of(sample->kind, sample->fields);
	int fd = memfd_create("stream", 0);
	struct stream_writer *writer = stream_create(fd, "memory", header, &err);

	kinds_init(&kinds);
	sample->write(writer, &kinds, &err);
	if (stream_end(writer, &err) < 0)
		exit(1);
	struct bytes bytes = held(fd);
	close(fd);
	json_decref(header);
	return bytes;
}

/* ---- reading all of a stream ---- */

/* What the readers of one kind need. */
struct reading {
	struct vocab *vocab;
	struct span_kinds kinds;
	struct record_buffer buffer;
	struct generation_buffer *generations;
};

static int read_record(struct stream_reader *reader, const struct stream_record *raw,
                       struct reading *reading, struct err *err)
{
	const char *kind = header_string(stream_header(reader), "stream");
	struct generation generation;
	struct record record;

	if (strcmp(kind, STREAM_TEXT) == 0)
		return record_read_text(reader, raw, &reading->kinds, &reading->buffer, &record, err);
	if (strcmp(kind, STREAM_TOKENS) == 0)
		return record_read_tokens(reader, raw, reading->vocab, &reading->kinds,
		                          &reading->buffer, &record, err);
	if (strcmp(kind, STREAM_GENERATIONS) == 0)
		return generation_read(reader, raw, &reading->kinds, reading->generations,
		                       &generation, err);
	json_t *json = json_from_msgpack(raw->map);
	if (!json)
		return stream_bad(reader, err, "no JSON");
	json_decref(json);
	return 0;
}

/* Read a stream to its end, its records too if asked to. -1 with err set. */
static int read_stream(const char *path, bool records, struct err *err)
{
	struct stream_reader *reader = stream_open(path, NULL, err);
	struct reading reading = {0};
	struct stream_record raw;
	int status = reader ? 0 : -1;

	if (reader && records) {
		reading.generations = generation_buffer_new(err);
		if (strcmp(header_string(stream_header(reader), "stream"), STREAM_TOKENS) == 0) {
			reading.vocab = header_vocab(stream_header(reader), err);
			status = reading.vocab ? 0 : -1;
		}
		kinds_init(&reading.kinds);
	}
	while (status == 0 && (status = stream_next(reader, &raw, err)) > 0)
		status = records ? read_record(reader, &raw, &reading, err) : 0;
	stream_close(reader);
	vocab_free(reading.vocab);
	record_buffer_release(&reading.buffer);
	generation_buffer_free(reading.generations);
	return status;
}

/* Fails as it should: with status 1 and one line. */
static bool fails(const char *path, bool records, struct err *err)
{
	*err = (struct err){0};
	return read_stream(path, records, err) < 0 && err->status == ERR_DATA &&
	       err->text[0] != '\0' && !strpbrk(err->text, "\n\r\t");
}

/* ---- cut off, changed ---- */

static void prefixes(const struct sample *sample, struct bytes bytes)
{
	struct err err = {0};
	int fd = -1, good = 0;

	ok(read_stream(hold(&fd, bytes.data, bytes.size), true, &err) == 0,
	   "%s: %zu bytes, a stream: %s", sample->kind, bytes.size, err.text);
	for (size_t size = 0; size < bytes.size; size++) {
		const char *path = hold(&fd, bytes.data, size);
		if (fails(path, false, &err) && fails(path, true, &err))
			good++;
		else
			printf("# the first %zu bytes: %s\n", size, err.text);
	}
	ok(good == (int)bytes.size, "%s: none of its prefixes is", sample->kind);
	close(fd);
}

static void flips(const struct sample *sample, struct bytes bytes)
{
	struct err err = {0};
	int fd = -1;
	size_t good = 0;

	for (size_t bit = 0; bit < 8 * bytes.size; bit++) {
		bytes.data[bit / 8] ^= (char)(1 << bit % 8);
		const char *path = hold(&fd, bytes.data, bytes.size);
		if (fails(path, false, &err) && fails(path, true, &err))
			good++;
		else
			printf("# bit %zu of byte %zu: %s\n", bit % 8, bit / 8, err.text);
		bytes.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	ok(good == 8 * bytes.size, "%s: each of %zu bits that changes is noticed", sample->kind,
	   8 * bytes.size);
	close(fd);
}

/* A byte too many, anywhere between two segments. */
static void garbage(const struct sample *sample, struct bytes bytes)
{
	struct err err = {0};
	int fd = -1, good = 0;
	char *more = malloc(2 * bytes.size + 1);

	memcpy(more, bytes.data, bytes.size);
	memcpy(more + bytes.size + 1, bytes.data, bytes.size);
	for (int byte = 0; byte < 256; byte++) {
		more[bytes.size] = (char)byte;
		good += fails(hold(&fd, more, bytes.size + 1), false, &err) &&
		        fails(hold(&fd, more, 2 * bytes.size + 1), false, &err);
	}
	is_int(good, 256, "whatever byte stands after a segment or between two");
	free(more);
	close(fd);
	(void)sample;
}

/* ---- what is refused ---- */

#define RAW(literal) literal, sizeof literal - 1
#define ID "\x82\xa2id\x01" /* {"id": 1, … one more */
#define TEXT "\x83\xa2id\x01\xa4text\xa5hello" /* {"id": 1, "text": "hello", … */

/* Records that stand in a stream with the right count and checksum. */
static const struct bad {
	const char *name, *kind;
	const char *record;
	size_t size; /* 0: record is JSON */
	const char *pattern; /* of the error; "": none */
} bads[] = {
	{"no error in a good one", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 2, \"a\", -1, 0], [2, 5, \"b\", 7, 1.5]], \"more\": {\"of\": [[]]}}", 0, ""},
	{"no error without spans", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\"}", 0, ""},
	{"no id", STREAM_TEXT, "{\"text\": \"hello\"}", 0, "record 0: no \"id\""},
	{"an id below 0", STREAM_TEXT, "{\"id\": -1, \"text\": \"hello\"}", 0, "no \"id\""},
	{"no text", STREAM_TEXT, "{\"id\": 1, \"tokens\": \"hello\"}", 0, "no \"text\", a string"},
	{"a number for text", STREAM_TEXT, "{\"id\": 1, \"text\": 7}", 0, "no \"text\", a string"},
	{"text that is not UTF-8", STREAM_TEXT, RAW(ID "\xa4text\xa3h\xc3("), "not UTF-8"},
	{"an overlong form", STREAM_TEXT, RAW(ID "\xa4text\xa2\xc0\x80"), "not UTF-8"},
	{"a surrogate", STREAM_TEXT, RAW(ID "\xa4text\xa3\xed\xa0\x80"), "not UTF-8"},
	{"text cut in a character", STREAM_TEXT, RAW(ID "\xa4text\xa9" "12345678\xc3"), "not UTF-8"},
	{"spans that are no array", STREAM_TEXT, "{\"id\": 1, \"text\": \"x\", \"spans\": {}}", 0,
	 "\"spans\" is not an array"},
	{"a span of four", STREAM_TEXT, "{\"id\": 1, \"text\": \"x\", \"spans\": [[0, 1, \"a\", 0]]}",
	 0, "span 0: expected an array"},
	{"a span that is a number", STREAM_TEXT, "{\"id\": 1, \"text\": \"x\", \"spans\": [5]}", 0,
	 "span 0: expected an array"},
	{"a span past the end", STREAM_TEXT, "{\"id\": 1, \"text\": \"æ\", \"spans\": "
	 "[[0, 2, \"a\", 0, 0]]}", 0, "span 0: end 2 is past the record's 1 characters"},
	{"an empty span", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a\", 0, 0], [1, 1, \"a\", 0, 0]]}", 0, "span 1: begin 1 is not before end 1"},
	{"spans that overlap", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 2, \"a\", 0, 0], [1, 3, \"a\", 0, 0]]}", 0, "span 1: begin 1 is before"},
	{"spans out of order", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[3, 4, \"a\", 0, 0], [1, 2, \"a\", 0, 0]]}", 0, "span 1: begin 1 is before"},
	{"a begin below 0", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[-1, 4, \"a\", 0, 0]]}", 0, "span 0: begin and end are not integers"},
	{"an end of 2^32 + 1", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 4294967297, \"a\", 0, 0]]}", 0, "span 0: begin and end are not integers"},
	{"an end of 1.0", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1.0, \"a\", 0, 0]]}", 0, "span 0: begin and end are not integers"},
	{"a kind without a letter", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"\", 0, 0]]}", 0, "span 0: kind is not a word"},
	{"a kind of two words", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a b\", 0, 0]]}", 0, "span 0: kind is not a word"},
	{"a kind of 32 letters", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"aaaaaaaabbbbbbbbccccccccdddddddd\", 0, 0]]}", 0, "span 0: kind is not a word"},
	{"a number for a kind", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, 7, 0, 0]]}", 0, "span 0: kind is not a string"},
	{"an entry of -2", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a\", -2, 0]]}", 0, "span 0: entry is not an integer"},
	{"an entry of 2^31", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a\", 2147483648, 0]]}", 0, "span 0: entry is not an integer"},
	{"negative nats", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a\", 0, -0.5]]}", 0, "span 0: nats is not a finite number"},
	{"nats of -1", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a\", 0, -1]]}", 0, "span 0: nats is not a finite number"},
	{"nats that are NaN", STREAM_TEXT, RAW(TEXT "\xa5spans\x91\x95\x00\x01\xa1" "a\x00"
	 "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"), "span 0: nats is not a finite number"},
	{"infinite nats", STREAM_TEXT, RAW(TEXT "\xa5spans\x91\x95\x00\x01\xa1" "a\x00"
	 "\xca\x7f\x80\x00\x00"), "span 0: nats is not a finite number"},
	{"nats that are a word", STREAM_TEXT, "{\"id\": 1, \"text\": \"hello\", \"spans\": "
	 "[[0, 1, \"a\", 0, \"0\"]]}", 0, "span 0: nats is not a finite number"},
	{"a key twice", STREAM_TEXT, RAW(TEXT "\xa2id\x02"), "'id' stands twice"},
	{"a key twice further in", STREAM_METRICS,
	 RAW("\x82\xa1s\x01\xa3val\x91\x82\xa1x\x01\xa1x\x01"),
	 "'x' stands twice"},
	{"a key that is a number", STREAM_METRICS, RAW("\x81\x07\x01"), "map key that is no string"},
	{"a key that is a number further in", STREAM_METRICS, RAW("\x81\xa1s\x92\x00\x81\xc0\x01"),
	 "map key that is no string"},
	{"a record that is a number", STREAM_METRICS, RAW("\x07"), "record 0: expected a map"},
	{"a record that is an array", STREAM_METRICS, RAW("\x91\x80"), "record 0: expected a map"},
	{"byte c1", STREAM_METRICS, RAW("\x81\xa1s\xc1"), "byte 0xc1 is not msgpack"},
	{"an extension", STREAM_METRICS, RAW("\x81\xa1s\xd4\x01\x00"), "0xd4 is an extension type"},
	{"a large extension", STREAM_METRICS, RAW("\x81\xa1s\xc9\xff\xff\xff\xff\x01"),
	 "0xc9 is an extension type"},
	{"nesting 16 deep is none", STREAM_METRICS,
	 RAW("\x81\xa1s\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x00"), ""},
	{"nesting 17 deep", STREAM_METRICS,
	 RAW("\x81\xa1s\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x00"),
	 "nest more than 16 deep"},
	{"nesting 16 deep with nothing in it is none", STREAM_METRICS,
	 RAW("\x81\xa1s\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x90"), ""},
	{"nesting 17 deep with nothing in it", STREAM_METRICS,
	 RAW("\x81\xa1s\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x90"),
	 "nest more than 16 deep"},
	{"an empty map 17 deep", STREAM_METRICS,
	 RAW("\x81\xa1s\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x80"),
	 "nest more than 16 deep"},
	{"a header as a record", STREAM_METRICS, RAW("\x81\xa9memoscope\x01"),
	 "header: no end map before it"},
	{"an end with one key", STREAM_METRICS, RAW("\x81\xa3" "end\x00"), "end map: expected \"end\""},
	{"an end that counts wrongly", STREAM_METRICS, RAW("\x82\xa3" "end\x01\xa4xxh3\x00"),
	 "it counts 1 records, but 0 came"},
	{"an end with a wrong checksum", STREAM_METRICS, RAW("\x82\xa3" "end\x00\xa4xxh3\x00"),
	 "checksum does not match"},
	{"an end with words", STREAM_METRICS, RAW("\x82\xa3" "end\xa1" "0\xa4xxh3\x00"),
	 "end map: expected \"end\""},
	{"tokens past the vocabulary", STREAM_TOKENS, RAW(ID "\xa6tokens\xc4\x02\x00\x07"),
	 "token 7 is not below the vocabulary's size, 7"},
	{"no error in tokens", STREAM_TOKENS, RAW(ID "\xa6tokens\xc4\x02\x00\x06"), ""},
	{"tokens in a string", STREAM_TOKENS, "{\"id\": 1, \"tokens\": \"01\"}", 0,
	 "no \"tokens\", binary data"},
	{"no tokens", STREAM_TOKENS, "{\"id\": 1, \"text\": \"01\"}", 0, "no \"tokens\""},
	{"a span past the tokens", STREAM_TOKENS, RAW("\x83\xa2id\x01\xa6tokens\xc4\x02\x00\x06\xa5"
	 "spans\x91\x95\x00\x03\xa1" "a\x00\x00"), "end 3 is past the record's 2"},
	{"a generation without steps", STREAM_GENERATIONS, "{\"id\": 1, \"text\": \"A\"}", 0,
	 "record 0: "},
};

static bool matches(const char *line, const char *pattern)
{
	regex_t regex;
	bool match;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	match = regexec(&regex, line, 0, NULL, 0) == 0;
	regfree(&regex);
	return match;
}

/* The header of a sample's kind, packed. */
static void pack_header_of(const char *kind, msgpack_sbuffer *out)
{
	msgpack_packer packer;
	json_t *header = NULL;

	for (size_t i = 0; i < SAMPLES; i++)
		if (strcmp(samples[i].kind, kind) == 0)
			header = header_of(kind, samples[i].fields);
	msgpack_packer_init(&packer, out, msgpack_sbuffer_write);
	json_to_msgpack(header, &packer);
	json_decref(header);
}

static void bad_record(const struct bad *bad)
{
	msgpack_sbuffer header, record;
	msgpack_packer packer;
	struct err err = {0};
	int fd = -1;
	bool good;

	msgpack_sbuffer_init(&header);
	msgpack_sbuffer_init(&record);
	pack_header_of(bad->kind, &header);
	msgpack_packer_init(&packer, &record, msgpack_sbuffer_write);
	if (bad->size > 0) {
		msgpack_sbuffer_write(&record, bad->record, bad->size);
	} else {
		json_t *json = json_loads(bad->record, 0, NULL);
		json_to_msgpack(json, &packer);
		json_decref(json);
	}
	struct bytes bytes = segment(&header, &record, 1);
	const char *path = hold(&fd, bytes.data, bytes.size);
	if (bad->pattern[0] != '\0')
		good = fails(path, true, &err) && matches(err.text, bad->pattern);
	else
		good = read_stream(path, true, &err) == 0;
	ok(good, "%s: %s", bad->name, err.text);
	free(bytes.data);
	msgpack_sbuffer_destroy(&header);
	msgpack_sbuffer_destroy(&record);
	close(fd);
}

/* Headers: JSON, and what is said of them. */
static const struct {
	const char *name, *header, *pattern;
} bad_headers[] = {
	{"no error in a good one", "{\"memoscope\": 1, \"stream\": \"text\", \"chain\": []}", ""},
	{"another format", "{\"memoscope\": 2, \"stream\": \"text\", \"chain\": []}",
	 "byte 0, header: \"memoscope\" is not 1"},
	{"a format that is a word", "{\"memoscope\": \"1\", \"stream\": \"text\", \"chain\": []}",
	 "header: \"memoscope\" is not 1"},
	{"no kind", "{\"memoscope\": 1, \"chain\": []}", "header: no \"stream\""},
	{"no chain", "{\"memoscope\": 1, \"stream\": \"text\"}", "header: no \"chain\""},
	{"a link without a program", "{\"memoscope\": 1, \"stream\": \"text\", \"chain\": "
	 "[{\"version\": \"1\", \"args\": []}]}", "link 0 of the chain has no program"},
	{"a link that is a word", "{\"memoscope\": 1, \"stream\": \"text\", \"chain\": [\"x\"]}",
	 "link 0 of the chain has no program"},
	{"a record first", "{\"id\": 1}", "header: expected a header"},
	{"an empty map", "{}", "header: expected a header"},
	{"a word", "[]", "not a memoscope stream"},
};

static void headers(void)
{
	for (size_t i = 0; i < sizeof bad_headers / sizeof *bad_headers; i++) {
		json_t *json = json_loads(bad_headers[i].header, 0, NULL);
		msgpack_sbuffer header, none;
		msgpack_packer packer;
		struct err err = {0};
		int fd = -1;
		msgpack_sbuffer_init(&header);
		msgpack_sbuffer_init(&none);
		msgpack_packer_init(&packer, &header, msgpack_sbuffer_write);
		json_to_msgpack(json, &packer);
		struct bytes bytes = segment(&header, &none, 0);
		const char *path = hold(&fd, bytes.data, bytes.size);
		bool good = bad_headers[i].pattern[0]
			? fails(path, false, &err) && matches(err.text, bad_headers[i].pattern)
			: read_stream(path, false, &err) == 0;
		ok(good, "a header with %s: %s", bad_headers[i].name, err.text);
		free(bytes.data);
		json_decref(json);
		msgpack_sbuffer_destroy(&header);
		close(fd);
	}
}

/* The end map has one form only. */
static void end_forms(void)
{
	static const struct {
		const char *name, *end;
		size_t size;
	} forms[] = {
		{"the count in two bytes", RAW("\x82\xa3" "end\xcc\x00\xa4xxh3\xcf")},
		{"a map with a long head", RAW("\xde\x00\x02\xa3" "end\x00\xa4xxh3\xcf")},
		{"a key with a long head", RAW("\x82\xd9\x03" "end\x00\xa4xxh3\xcf")},
	};
	struct err err = {0};
	msgpack_sbuffer header, none;
	int fd = -1;

	msgpack_sbuffer_init(&header);
	msgpack_sbuffer_init(&none);
	pack_header_of(STREAM_METRICS, &header);
	uint64_t sum = XXH3_64bits(header.data, header.size);
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct bytes bytes = segment(&header, &none, 0);
		char *longer = malloc(bytes.size + 16), *at = longer + header.size;
		memcpy(longer, header.data, header.size);
		memcpy(at, forms[i].end, forms[i].size);
		at += forms[i].size;
		for (int shift = 56; shift >= 0; shift -= 8)
			*at++ = (char)(sum >> shift);
		ok(fails(hold(&fd, longer, (size_t)(at - longer)), false, &err) &&
		   strstr(err.text, "shortest form"), "an end with %s: %s", forms[i].name, err.text);
		free(longer);
		free(bytes.data);
	}
	msgpack_sbuffer_destroy(&header);
	close(fd);
}

/* ---- lengths that lie ---- */

static const struct {
	const char *name, *bytes;
	size_t size;
	const char *pattern;
} lies[] = {
	{"a string of 4 GiB", RAW("\x81\xa1s\xdb\xff\xff\xff\xff"), "a string of 4294967295 bytes"},
	{"data of 4 GiB", RAW("\x81\xa1s\xc6\xff\xff\xff\xff"), "binary data of 4294967295 bytes"},
	{"an array of 2^32 - 1", RAW("\x81\xa1s\xdd\xff\xff\xff\xff"), "an array or map of 4294967295"},
	{"a map of 2^32 - 1", RAW("\xdf\xff\xff\xff\xff"), "a map of 4294967295 entries"},
	{"a map of 257", RAW("\xde\x01\x01"), "a map of 257 entries"},
	{"a key of 4 GiB", RAW("\x81\xdb\xff\xff\xff\xff"), "a string of 4294967295 bytes"},
	{"a string of 1 GiB less 100", RAW("\x81\xa1s\xdb\x3f\xff\xff\x9c"), "cut off here"},
	{"data of 1 GiB less 100", RAW("\x81\xa1s\xc6\x3f\xff\xff\x9c"), "cut off here"},
	{"an array of 8 million", RAW("\x81\xa1s\xdd\x00\x7a\x12\x00"), "cut off here"},
	{"arrays of 4 million in one another",
	 RAW("\x81\xa1s\xdd\x00\x3d\x09\x00\xdd\x00\x3d\x09\x00\xdd\x00\x3d\x09\x00"),
	 "at most 8388608 objects"},
};

static long resident(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* As the first thing of a record, and as the first of a stream. */
static void lengths(void)
{
	long before = resident();
	int fd = -1;

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct err err = {0}, first = {0};
		msgpack_sbuffer header;
		msgpack_sbuffer_init(&header);
		pack_header_of(STREAM_METRICS, &header);
		msgpack_sbuffer_write(&header, lies[i].bytes, lies[i].size);
		bool good = fails(hold(&fd, header.data, header.size), false, &err) &&
		            fails(hold(&fd, lies[i].bytes, lies[i].size), false, &first);
		ok(good && matches(err.text, lies[i].pattern) && matches(first.text, lies[i].pattern),
		   "%s: %s", lies[i].name, err.text);
		msgpack_sbuffer_destroy(&header);
	}
	ok(resident() - before < 8 << 10, "no memory is taken for any of them: %ld KiB",
	   resident() - before);
	close(fd);
}

/* An array that keeps its promise, as large as is allowed, one byte an element. */
static void objects(void)
{
	const size_t most = MSGPACK_OBJECTS_MAX - 4;
	msgpack_sbuffer header, record;
	struct err err = {0};
	int fd = -1;

	msgpack_sbuffer_init(&header);
	msgpack_sbuffer_init(&record);
	pack_header_of(STREAM_METRICS, &header);
	msgpack_packer packer;
	msgpack_packer_init(&packer, &record, msgpack_sbuffer_write);
	msgpack_pack_map(&packer, 1);
	pack_key(&packer, "s");
	msgpack_pack_array(&packer, most);
	for (size_t i = 0; i < most; i++)
		msgpack_pack_nil(&packer);
	struct bytes bytes = segment(&header, &record, 1);
	ok(read_stream(hold(&fd, bytes.data, bytes.size), false, &err) == 0,
	   "a record of as many objects as are allowed: %s", err.text);
	free(bytes.data);
	msgpack_sbuffer_destroy(&header);
	msgpack_sbuffer_destroy(&record);
	close(fd);
}

/* A reader that failed stays so, with the same words. */
static void sticky(void)
{
	struct bytes bytes = make(&samples[0]);
	struct err err = {0}, again = {0}, own = {0};
	struct stream_record raw;
	int fd = -1;
	struct stream_reader *reader = stream_open(hold(&fd, bytes.data, bytes.size), NULL, &err);

	stream_next(reader, &raw, &err);
	ok(stream_next(reader, &raw, &err) == 1 &&
	   stream_bad(reader, &own, "what %s\nwrong", "is") < 0 &&
	   matches(own.text, "^/proc/self/fd/[0-9]+: byte [0-9]+, record 1: what is\\?wrong$"),
	   "stream_bad() names stream, byte and record: %s", own.text);
	ok(stream_next(reader, &raw, &err) < 0 && stream_next(reader, &raw, &again) < 0 &&
	   strcmp(err.text, own.text) == 0 && strcmp(again.text, own.text) == 0,
	   "a reader that failed stays so");
	stream_close(reader);
	free(bytes.data);
	close(fd);
}

static void wrong_kind(void)
{
	static const char *const wanted[] = {STREAM_TOKENS, STREAM_GENERATIONS, NULL};
	struct bytes bytes = make(&samples[0]);
	struct err err = {0};
	int fd = -1;

	ok(!stream_open(hold(&fd, bytes.data, bytes.size), wanted, &err) &&
	   strstr(err.text, "of kind 'text', expected 'tokens' or 'generations'") &&
	   !strstr(err.text, "tokenize"),
	   "a wrong kind of stream is named, and what was expected: %s", err.text);
	free(bytes.data);
	close(fd);
}

int main(void)
{
	/* First: what is measured here must not have been taken before. */
	lengths();
	for (size_t i = 0; i < SAMPLES; i++) {
		struct bytes bytes = make(&samples[i]);
		prefixes(&samples[i], bytes);
		flips(&samples[i], bytes);
		if (i == 0)
			garbage(&samples[i], bytes);
		free(bytes.data);
	}
	for (size_t i = 0; i < sizeof bads / sizeof *bads; i++)
		bad_record(&bads[i]);
	headers();
	end_forms();
	sticky();
	wrong_kind();
	objects();
	return done();
}
