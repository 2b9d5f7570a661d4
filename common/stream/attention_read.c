/* Reading a stream of attention. attention.h has the contract. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/stream/attention.h"
#include "common/stream/header.h"
#include "common/stream/map.h"

#define SHAPE_MAX 65536 /* layers, and heads of a layer, that a header may say */

struct attention_reader {
	struct stream_reader *stream;
	struct vocab *vocab;
	int layers, heads;
	struct span_kinds kinds;
	struct record_buffer buffer;
	struct record record;
	/* Rows of the record read last. */
	int32_t *query;
	const float **row;
	float *values; /* of all rows, one after the other */
	size_t query_room, row_room, value_room;
};

/* A number of "model" in the header, from 1 to SHAPE_MAX; 0 if there is none. */
static int shape(const json_t *header, const char *key)
{
	const json_t *number = json_object_get(json_object_get(header, "model"), key);
	const json_int_t value = json_is_integer(number) ? json_integer_value(number) : 0;

	return value >= 1 && value <= SHAPE_MAX ? (int)value : 0;
}

/* All but memory. */
static int open_stream(struct attention_reader *reader, const char *path, struct err *err)
{
	static const char *const kinds[] = {STREAM_ATTENTION, NULL};

	reader->stream = stream_open(path, kinds, err);
	if (!reader->stream)
		return -1;
	reader->vocab = stream_vocab(reader->stream, err);
	if (!reader->vocab)
		return -1;
	reader->layers = shape(stream_header(reader->stream), "layers");
	reader->heads = shape(stream_header(reader->stream), "heads");
	if (reader->layers == 0 || reader->heads == 0)
		return err_set(err, "%s: the header's \"model\": expected \"layers\" and \"heads\", whole "
		               "numbers from 1 to %d", err_path(path), SHAPE_MAX);
	return 0;
}

struct attention_reader *attention_open(const char *path, struct err *err)
{
	struct attention_reader *reader = calloc(1, sizeof *reader);

	if (!reader) {
		err_set(err, "out of memory");
		return NULL;
	}
	span_kinds_init(&reader->kinds);
	if (open_stream(reader, path, err) < 0) {
		attention_close(reader);
		return NULL;
	}
	return reader;
}

void attention_close(struct attention_reader *reader)
{
	if (!reader)
		return;
	stream_close(reader->stream);
	vocab_free(reader->vocab);
	record_buffer_release(&reader->buffer);
	free(reader->query);
	free(reader->row);
	free(reader->values);
	free(reader);
}

const json_t *attention_reader_header(const struct attention_reader *reader)
{
	return stream_header(reader->stream);
}

int attention_layers(const struct attention_reader *reader)
{
	return reader->layers;
}

int attention_heads(const struct attention_reader *reader)
{
	return reader->heads;
}

const struct span_kinds *attention_kinds(const struct attention_reader *reader)
{
	return &reader->kinds;
}

int attention_bad(struct attention_reader *reader, struct err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	stream_vbad(reader->stream, err, format, args);
	va_end(args);
	return -1;
}

/* A whole number of the record, from 0 to max. */
static int read_number(struct attention_reader *reader, const msgpack_object *map, const char *key,
                       uint64_t max, uint64_t *value, struct err *err)
{
	const msgpack_object *object = map_field(map, key);

	if (!object || object->type != MSGPACK_OBJECT_POSITIVE_INTEGER || object->via.u64 > max)
		return stream_bad(reader->stream, err, "\"%s\": expected a whole number from 0 to %llu",
		                  key, (unsigned long long)max);
	*value = object->via.u64;
	return 0;
}

/* One row from count float32, low byte first. Returns their sum; -1 if one is not 0 to 1. */
static double read_floats(const unsigned char *bytes, size_t count, float *values)
{
	double sum = 0;
	bool good = true;

	for (size_t i = 0; i < count; i++, bytes += 4) {
		const uint32_t bits = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
		                      (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
		memcpy(&values[i], &bits, sizeof bits);
		good &= values[i] >= 0 && values[i] <= 1 + (float)ATTENTION_SUM_ERROR; /* not NaN */
		sum += (double)values[i];
	}
	return good ? sum : -1;
}

/* The rows' numbers. Returns how many numbers the rows have in all; -1 with err set. */
static long long read_query(struct attention_reader *reader, const msgpack_object *rows,
                            struct err *err)
{
	long long values = 0;

	if (!rows || rows->type != MSGPACK_OBJECT_ARRAY)
		return stream_bad(reader->stream, err, "\"rows\": expected an array");
	if (array_reserve(&reader->query, &reader->query_room, rows->via.array.size) < 0 ||
	    array_reserve(&reader->row, &reader->row_room, rows->via.array.size) < 0)
		return stream_bad(reader->stream, err, "out of memory");
	for (uint32_t i = 0; i < rows->via.array.size; i++) {
		const msgpack_object *number = &rows->via.array.ptr[i];
		if (number->type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
		    number->via.u64 >= reader->record.length || number->via.u64 >= INT32_MAX ||
		    (i > 0 && (int32_t)number->via.u64 <= reader->query[i - 1]))
			return stream_bad(reader->stream, err, "row %u of \"rows\": expected a whole number "
			                  "that is above the one before it, and below %u", i,
			                  reader->record.length);
		reader->query[i] = (int32_t)number->via.u64;
		values += reader->query[i] + 1;
	}
	return values;
}

static int read_rows(struct attention_reader *reader, const msgpack_object *map,
                     struct attention_record *attention, struct err *err)
{
	const msgpack_object *rows = map_field(map, "rows"), *probs = map_field(map, "probs");
	const long long values = read_query(reader, rows, err);
	float *to;

	if (values < 0)
		return -1;
	if (!probs || probs->type != MSGPACK_OBJECT_ARRAY ||
	    probs->via.array.size != rows->via.array.size)
		return stream_bad(reader->stream, err, "\"probs\": expected an array of %u rows, as "
		                  "\"rows\" has", rows->via.array.size);
	/* Before memory is taken: the values must have come. */
	for (uint32_t i = 0; i < probs->via.array.size; i++) {
		const msgpack_object *row = &probs->via.array.ptr[i];
		if (row->type != MSGPACK_OBJECT_BIN ||
		    row->via.bin.size != 4 * ((size_t)reader->query[i] + 1))
			return stream_bad(reader->stream, err, "row %d of \"probs\": expected %lld bytes of "
			                  "binary data, 4 a number", reader->query[i],
			                  4 * ((long long)reader->query[i] + 1));
	}
	if (array_reserve(&reader->values, &reader->value_room, (size_t)values) < 0)
		return stream_bad(reader->stream, err, "out of memory");
	to = reader->values;
	for (uint32_t i = 0; i < probs->via.array.size; i++) {
		const size_t count = (size_t)reader->query[i] + 1;
		const double sum = read_floats(
			(const unsigned char *)probs->via.array.ptr[i].via.bin.ptr, count, to);
		if (sum < 1 - ATTENTION_SUM_ERROR || sum > 1 + ATTENTION_SUM_ERROR)
			return stream_bad(reader->stream, err,
			                  "row %d of \"probs\": expected numbers from 0 to 1 that sum to 1",
			                  reader->query[i]);
		reader->row[i] = to;
		to += count;
	}
	attention->query = reader->query;
	attention->row = reader->row;
	attention->count = (int)rows->via.array.size;
	return 0;
}

/* The text, its tokens and spans. */
static int read_text(struct attention_reader *reader, const struct stream_record *raw,
                     struct err *err)
{
	struct err why = {0};

	if (vocab_is_characters(reader->vocab))
		return record_read_text(reader->stream, raw, &reader->kinds, &reader->buffer,
		                        &reader->record, err);
	if (record_read_tokens(reader->stream, raw, reader->vocab, &reader->kinds, &reader->buffer,
	                       &reader->record, err) < 0)
		return -1;
	if (record_decode(reader->vocab, &reader->buffer, &reader->record, &why) < 0)
		return stream_bad(reader->stream, err, "%s", why.text);
	return 0;
}

int attention_next(struct attention_reader *reader, struct attention_record *attention,
                   struct err *err)
{
	struct stream_record raw;
	uint64_t sample = 0, layer = 0, head = 0;
	int more = stream_next(reader->stream, &raw, err);

	if (more <= 0)
		return more;
	if (read_text(reader, &raw, err) < 0 ||
	    read_number(reader, raw.map, "sample", UINT32_MAX, &sample, err) < 0 ||
	    read_number(reader, raw.map, "layer", (uint64_t)reader->layers - 1, &layer, err) < 0 ||
	    read_number(reader, raw.map, "head", (uint64_t)reader->heads - 1, &head, err) < 0)
		return -1;
	*attention = (struct attention_record){
		.record = &reader->record,
		.vocab = vocab_is_characters(reader->vocab) ? NULL : reader->vocab,
		.sample = (uint32_t)sample,
		.layer = (int)layer,
		.head = (int)head,
	};
	return read_rows(reader, raw.map, attention, err) < 0 ? -1 : 1;
}
