/* The reader of streams trusts nothing: every prefix of a stream fails, every changed bit is
 * noticed, and what is not allowed in a stream is refused, each with a line that says where
 * and why; no memory is taken for lengths that are only declared. */
#include <sys/resource.h>

#include "common/stream/msgpack_check.h"
#include "common/stream/stream_limits.h"
#include "tests/stream/samples.h"

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

/* ---- what no stream may hold ---- */

static const struct bad_record bads[] = {
	{"a key twice", STREAM_TEXT, RAW("\x83\xa2id\x01\xa4text\xa5hello\xa2id\x02"),
	 "'id' stands twice"},
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
};

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
		   strstr(err.text, "shortest msgpack encoding"), "an end with %s: %s", forms[i].name,
		   err.text);
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
	const char *pattern, *of_header; /* what is said of a record; NULL: the same of a header */
} lies[] = {
	{"a string of 4 GiB", RAW("\x81\xa1s\xdb\xff\xff\xff\xff"), "a string of 4294967295 bytes",
	 NULL},
	{"data of 4 GiB", RAW("\x81\xa1s\xc6\xff\xff\xff\xff"), "binary data of 4294967295 bytes",
	 NULL},
	{"an array of 2^32 - 1", RAW("\x81\xa1s\xdd\xff\xff\xff\xff"), "an array or map of 4294967295",
	 NULL},
	{"a map of 2^32 - 1", RAW("\xdf\xff\xff\xff\xff"), "a map of 4294967295 entries", NULL},
	{"a map of 257", RAW("\xde\x01\x01"), "a map of 257 entries", NULL},
	{"a key of 4 GiB", RAW("\x81\xdb\xff\xff\xff\xff"), "a string of 4294967295 bytes", NULL},
	{"a string of 64 MiB", RAW("\x81\xa1s\xdb\x04\x00\x00\x00"),
	 "a string of 67108864 bytes: a record has at most 67108864",
	 "a string of 67108864 bytes: a header has at most 16777216"},
	{"a string of 64 MiB less 100", RAW("\x81\xa1s\xdb\x03\xff\xff\x9c"), "cut off here",
	 "a header has at most 16777216"},
	{"data of 64 MiB less 100", RAW("\x81\xa1s\xc6\x03\xff\xff\x9c"), "cut off here",
	 "a header has at most 16777216"},
	{"a string of 16 MiB less 100", RAW("\x81\xa1s\xdb\x00\xff\xff\x9c"), "cut off here", NULL},
	{"an array of 8 million", RAW("\x81\xa1s\xdd\x00\x7a\x12\x00"), "cut off here",
	 "a header has at most 1048576 objects"},
	{"arrays of 4 million in one another",
	 RAW("\x81\xa1s\xdd\x00\x3d\x09\x00\xdd\x00\x3d\x09\x00\xdd\x00\x3d\x09\x00"),
	 "a record has at most 8388608 objects", "a header has at most 1048576 objects"},
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
		ok(good && matches(err.text, lies[i].pattern) &&
		   matches(first.text, lies[i].of_header ? lies[i].of_header : lies[i].pattern),
		   "%s: %s; %s", lies[i].name, err.text, first.text);
		msgpack_sbuffer_destroy(&header);
	}
	ok(resident() - before < 8 << 10, "no memory is taken for any of them: %ld KiB",
	   resident() - before);
	close(fd);
}

/* An array that keeps its promise, as large as is allowed, one byte an element. */
static void objects(void)
{
	const size_t most = stream_record_limits(STREAM_METRICS)->objects - 4;
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

/* A header of 15 MiB is read, one of 16 is not. */
static void large_header(void)
{
	const char *const pad = "attention";
	static char text[(1 << 20) + 16];
	struct bytes bytes = {0};
	msgpack_sbuffer header, record;
	struct err err = {0};
	int fd = -1;

	memset(text, 'x', sizeof text);
	for (int i = 0; i < 2; i++) { /* a string for each MiB; with the 16th it is too large */
		msgpack_packer packer;
		msgpack_sbuffer_init(&header);
		msgpack_sbuffer_init(&record);
		msgpack_packer_init(&packer, &header, msgpack_sbuffer_write);
		msgpack_pack_map(&packer, 4);
		pack_key(&packer, "memoscope");
		msgpack_pack_int(&packer, STREAM_FORMAT);
		pack_key(&packer, "stream");
		pack_string(&packer, pad, strlen(pad));
		pack_key(&packer, "chain");
		msgpack_pack_array(&packer, 0);
		pack_key(&packer, "text");
		msgpack_pack_array(&packer, 15 + (size_t)i);
		for (int j = 0; j < 15 + i; j++)
			pack_string(&packer, text, 1 << 20);
		bytes = segment(&header, &record, 0);
		int status = read_stream(hold(&fd, bytes.data, bytes.size), false, &err);
		ok(i == 0 ? status == 0 : status < 0 && strstr(err.text, "a header has at most 16777216"),
		   "a header of %zu bytes: %s", header.size, err.text);
		free(bytes.data);
		msgpack_sbuffer_destroy(&header);
		msgpack_sbuffer_destroy(&record);
	}
	close(fd);
}

/* Matrices of attention may be larger than other records. */
static void large_attention(void)
{
	msgpack_sbuffer header;
	struct err err = {0};
	int fd = -1;

	msgpack_sbuffer_init(&header);
	pack_header_of(STREAM_ATTENTION, &header);
	msgpack_sbuffer_write(&header, "\x81\xa1s\xc6\x3f\xff\xff\x9c", 8);
	ok(fails(hold(&fd, header.data, header.size), false, &err) && strstr(err.text, "cut off here"),
	   "data of 1 GiB less 100: %s", err.text);
	err = (struct err){0};
	header.data[header.size - 4] = 0x40;
	ok(fails(hold(&fd, header.data, header.size), false, &err) &&
	   strstr(err.text, "a record has at most 1073741824"), "and more: %s", err.text);
	msgpack_sbuffer_destroy(&header);
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
	   matches(own.text, "^/proc/self/fd/[0-9]+: byte [0-9]+, record 1: what is\\\\nwrong$"),
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
		check_bad_record(&bads[i]);
	end_forms();
	sticky();
	wrong_kind();
	objects();
	large_header();
	large_attention();
	return done();
}
