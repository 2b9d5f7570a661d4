/* samples.h - a small stream of each kind, and streams that hold one record or header, to be
 * read as every filter would. */
#ifndef MEMOSCOPE_TESTS_SAMPLES_H
#define MEMOSCOPE_TESTS_SAMPLES_H

#include <regex.h>

#include "common/stream/generation.h"
#include "common/stream/json.h"
#include "common/stream/pack.h"
#include "common/stream/record.h"
#include "tests/stream/streams.h"
#include "tests/tap.h"

#define RAW(literal) literal, sizeof literal - 1

/* ---- a small stream of each kind ---- */

static const char sample_text[] = "Al: 12\n";
static struct span sample_spans[] = {{0, 2, 1, 0, 2.5}, {4, 6, 2, -1, 0}};

static void kinds_init(struct span_kinds *kinds)
{
	span_kinds_init(kinds);
	span_kind(kinds, "name", 4);
	span_kind(kinds, "number", 6);
}

static void write_text(struct stream_writer *writer, struct span_kinds *kinds, struct err *err)
{
	struct record record = {.id = 300, .text = sample_text, .size = sizeof sample_text - 1,
	                        .spans = sample_spans, .span_count = 2};

	record_write_text(writer, &record, kinds, err);
	record.id = 0;
	record.span_count = 0;
	record_write_text(writer, &record, kinds, err);
}

static void write_tokens(struct stream_writer *writer, struct span_kinds *kinds, struct err *err)
{
	struct vocab *vocab = vocab_new("\n :12Al", 7, err);
	const uint16_t tokens[] = {5, 6, 2, 1, 3, 4, 0};
	struct record record = {.id = 1, .tokens = tokens, .length = 7, .spans = sample_spans,
	                        .span_count = 2};

	record_write_tokens(writer, &record, vocab, kinds, err);
	vocab_free(vocab);
}

static void write_generation(struct stream_writer *writer, struct span_kinds *kinds,
                             struct err *err)
{
	const struct generation_top tops[] = {{{"1", 1}, 0.75}, {{"2", 1}, 0.125}, {{"2", 1}, 1}};
	const struct generation_step lenses[] = {
		{.position = 4, .piece = {"1", 1}, .top = 1, .top_count = 1, .p = 0.125, .rank = 1},
		{.position = 4, .piece = {"1", 1}, .top = 0, .top_count = 2, .p = 0.75},
	};
	const struct generation_step steps[] = {
		{.position = 4, .piece = {"1", 1}, .top = 0, .top_count = 2, .p = 0.75,
		 .entropy = 0.5, .rest = 0.125, .lens = 0, .lens_count = 2},
		{.position = 5, .piece = {"2", 1}, .top = 2, .top_count = 1, .p = 1, .attribution = 1},
	};
	const double values[] = {0.5, -0.25, 1, 2, 0.125, -1, 0, 3};
	const struct attribution attribution = {
		.against = {"1", 1}, .difference = 5.375, .shape = {1, 2, .biases = true},
	};
	struct generation generation = {
		.id = 4, .sample = 1, .text = sample_text, .size = 6, .length = 6, .prompt = 4,
		.reference = sample_text, .reference_size = 7, .reference_length = 7,
		.spans = sample_spans, .span_count = 2, .stop = GENERATION_LENGTH,
		.steps = steps, .step_count = 2, .lenses = lenses, .tops = tops,
		.attributions = &attribution, .attribution_values = values,
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

/* A record with one field of numbers. */
static void write_numbers(struct stream_writer *writer, const char *field, struct err *err)
{
	const float numbers[] = {1, 0, 0.5, 0.5};
	msgpack_packer *packer = stream_record(writer);

	msgpack_pack_map(packer, 1);
	pack_key(packer, field);
	msgpack_pack_bin(packer, sizeof numbers);
	msgpack_pack_bin_body(packer, numbers, sizeof numbers);
	stream_commit(writer, err);
}

static void write_attention(struct stream_writer *writer, struct span_kinds *kinds,
                            struct err *err)
{
	(void)kinds;
	write_numbers(writer, "probs", err);
}

static void write_activations(struct stream_writer *writer, struct span_kinds *kinds,
                              struct err *err)
{
	(void)kinds;
	write_numbers(writer, "values", err);
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
	{STREAM_ACTIVATIONS, "{\"bin\": {\"values\": \"f32\"}}", write_activations},
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

__attribute__((unused))
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
	struct err why = {0};
	json_t *json = json_from_msgpack(raw->map, &why);
	if (!json)
		return stream_bad(reader, err, "no JSON: %s", why.text);
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

/* ---- one record ---- */

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

/* A record in a stream with the right count and checksum. */
struct bad_record {
	const char *name, *kind;
	const char *record;
	size_t size; /* 0: record is JSON */
	const char *pattern; /* of the error; "": none */
};

/* Reading a stream of this record fails as it should. */
__attribute__((unused))
static void check_bad_record(const struct bad_record *bad)
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

#endif
