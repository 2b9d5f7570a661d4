/* read.h - read a stream as every filter would, for fuzzing. Whatever it holds:
 * an error is one line, what was read can be printed, and what can be written
 * reads back the same. */
#ifndef MEMOSCOPE_TESTS_FUZZ_READ_H
#define MEMOSCOPE_TESTS_FUZZ_READ_H

#include "common/stream/attention.h"
#include "common/stream/generation.h"
#include "common/stream/json.h"
#include "common/stream/record.h"
#include "common/stream/text_format.h"
#include "tests/stream/streams.h"

#define EXPECT(condition) ((condition) ? (void)0 : __builtin_trap())

struct reading {
	const char *kind;
	const json_t *bin;
	struct vocab *vocab; /* NULL: none */
	struct span_kinds kinds;
	struct record_buffer buffer;
	struct generation_buffer *generations;
	struct text_buffer out;
};

static void check_error(const struct err *err)
{
	EXPECT(err->status == ERR_DATA && err->text[0] != '\0' && !strpbrk(err->text, "\n\r"));
}

/* A record that was read, written to another stream, is the same there. */
static void check_copy(const struct record *record, const struct reading *reading)
{
	struct err err = {0};
	char *arguments[] = {NULL};
	bool tokens = record->tokens != NULL;
	json_t *header = header_new(tokens ? STREAM_TOKENS : STREAM_TEXT, NULL, 0, arguments);
	int fd = memfd_create("copy", 0);
	char path[64];
	struct stream_writer *writer = stream_create(fd, "copy", header, &err);

	if (tokens)
		record_write_tokens(writer, record, reading->vocab, &reading->kinds, &err);
	else
		record_write_text(writer, record, &reading->kinds, &err);
	EXPECT(stream_end(writer, &err) == 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);

	struct span_kinds kinds = reading->kinds;
	struct record_buffer buffer = {0};
	struct stream_reader *reader = stream_open(path, NULL, &err);
	struct stream_record raw;
	struct record back;
	EXPECT(reader && stream_next(reader, &raw, &err) == 1);
	EXPECT((tokens ? record_read_tokens(reader, &raw, reading->vocab, &kinds, &buffer, &back,
	                                    &err)
	               : record_read_text(reader, &raw, &kinds, &buffer, &back, &err)) == 0);
	EXPECT(back.id == record->id && back.length == record->length &&
	       back.span_count == record->span_count);
	EXPECT(tokens ? memcmp(back.tokens, record->tokens, 2 * back.length) == 0
	              : back.size == record->size && memcmp(back.text, record->text, back.size) == 0);
	for (uint32_t i = 0; i < back.span_count; i++)
		EXPECT(back.spans[i].begin == record->spans[i].begin &&
		       back.spans[i].end == record->spans[i].end &&
		       back.spans[i].kind == record->spans[i].kind &&
		       back.spans[i].entry == record->spans[i].entry &&
		       back.spans[i].nats == record->spans[i].nats);
	EXPECT(stream_next(reader, &raw, &err) == 0);
	stream_close(reader);
	record_buffer_release(&buffer);
	json_decref(header);
	close(fd);
}

/* As mpcat prints it. JSON that we print is JSON. */
static void print(const struct stream_record *raw, struct reading *reading)
{
	static const char *const paths[] = {"spans.0.2", "text", "tokens.1", "p.0", "q.0.1"};
	struct err err = {0};

	text_buffer_clear(&reading->out);
	if (text_format_json(&reading->out, raw->map, NULL, reading->bin, &err) == 0)
		json_decref(json_loadb(reading->out.text, reading->out.size, JSON_ALLOW_NUL, NULL));
	text_buffer_clear(&reading->out);
	text_format_paths(&reading->out, raw->map);
	err = (struct err){0};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		text_format_path(&reading->out, raw->map, paths[i], reading->bin, &err);
	text_format_field(&reading->out, raw->map, NULL, reading->bin, &err);
	json_decref(json_from_msgpack(raw->map, &err));
}

static int read_one(struct stream_reader *reader, const struct stream_record *raw,
                    struct reading *reading, struct err *err)
{
	struct generation generation;
	struct record record;
	int status;

	if (strcmp(reading->kind, STREAM_GENERATIONS) == 0)
		return generation_read(reader, raw, &reading->kinds, reading->generations,
		                       &generation, err);
	if (strcmp(reading->kind, STREAM_TOKENS) == 0 && reading->vocab)
		status = record_read_tokens(reader, raw, reading->vocab, &reading->kinds,
		                            &reading->buffer, &record, err);
	else if (strcmp(reading->kind, STREAM_TEXT) == 0)
		status = record_read_text(reader, raw, &reading->kinds, &reading->buffer, &record,
		                          err);
	else
		return 0;
	if (status == 0)
		check_copy(&record, reading);
	return status;
}

/* Segment by segment there are as many records as one by one, or the same error. */
static void check_segments(const char *path, uint64_t records, const struct err *failure)
{
	struct err err = {0};
	struct stream_reader *reader = stream_open(path, NULL, &err);
	struct stream_segment segment;
	uint64_t count = 0;
	int status;

	while ((status = stream_skip_segment(reader, &segment, &err)) > 0) {
		EXPECT(json_is_array(segment.chain));
		count += segment.records;
	}
	EXPECT(strcmp(err.text, failure->text) == 0 && (status < 0 || count == records));
	stream_close(reader);
}

/* As attention: the rows are what they must be. */
static void read_attention(const char *path)
{
	struct err err = {0};
	struct attention_reader *reader = attention_open(path, &err);
	struct attention_record head;

	while (reader && attention_next(reader, &head, &err) > 0) {
		EXPECT(head.layer < attention_layers(reader) && head.head < attention_heads(reader));
		for (int i = 0; i < head.count; i++) {
			double sum = 0;
			EXPECT(head.query[i] >= 0 && (uint32_t)head.query[i] < head.record->length &&
			       (i == 0 || head.query[i] > head.query[i - 1]));
			for (int32_t k = 0; k <= head.query[i]; k++)
				sum += (double)head.row[i][k];
			EXPECT(sum > 0.998 && sum < 1.002);
		}
	}
	if (err.status != ERR_NONE)
		check_error(&err);
	attention_close(reader);
}

__attribute__((unused))
static void read_all(const char *path)
{
	struct err err = {0}, ignored = {0};
	struct stream_reader *reader = stream_open(path, NULL, &err);
	struct reading reading = {0};
	struct stream_record raw;
	uint64_t records = 0;
	bool broken = false; /* a record, in a stream that is not */
	int status = 0;

	if (!reader) {
		check_error(&err);
		return;
	}
	reading.kind = header_string(stream_header(reader), "stream");
	reading.vocab = header_vocab(stream_header(reader), &ignored);
	reading.generations = generation_buffer_new(&err);
	reading.bin = json_object_get(stream_header(reader), "bin");
	ignored = (struct err){0};
	if (text_format_check_bin(reading.bin, &ignored) < 0)
		reading.bin = NULL;
	span_kinds_init(&reading.kinds);
	/* of a file, all has come; every other record is looked for before it is read */
	while (!broken) {
		EXPECT(records % 2 == 0 || stream_ready(reader));
		if ((status = stream_next(reader, &raw, &err)) <= 0)
			break;
		records++;
		print(&raw, &reading);
		broken = read_one(reader, &raw, &reading, &err) < 0;
	}
	if (broken || status < 0)
		check_error(&err);
	if (strcmp(reading.kind, STREAM_ATTENTION) == 0)
		read_attention(path);
	if (!broken)
		check_segments(path, records, &err);
	stream_close(reader);
	vocab_free(reading.vocab);
	record_buffer_release(&reading.buffer);
	generation_buffer_free(reading.generations);
	text_buffer_release(&reading.out);
}

#endif
