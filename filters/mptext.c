/* mptext - a stream of text from lines of JSON, as mpcat writes them, or from plain text. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/array.h"
#include "common/base/lines.h"
#include "common/base/options.h"
#include "common/base/text_buffer.h"
#include "common/base/utf8.h"
#include "common/stream/json.h"
#include "common/stream/msgpack_check.h"
#include "common/stream/pack.h"
#include "common/stream/record.h"

#define INPUT "standard input"

static bool plain;

static const struct option options[] = {
	{.name = "lines", .key = 'l', .type = OPTION_FLAG, .value = &plain,
	 .text = "read plain text: a line is a record, with its newline and the empty lines after it"},
	{0},
};

static const struct program program = {
	.operands = "",
	.text = "Make a stream of text from JSON objects, one per line, as mpcat writes them.",
	.options = options,
};

/* ---- JSON ---- */

static int read_span(const json_t *array, long number, uint32_t from, uint32_t length,
                     struct span_kinds *kinds, struct span *span, struct err *err)
{
	const json_t *begin = json_array_get(array, 0), *end = json_array_get(array, 1);
	const json_t *kind = json_array_get(array, 2), *entry = json_array_get(array, 3);
	const json_t *nats = json_array_get(array, 4);
	const json_int_t first = json_integer_value(begin), behind = json_integer_value(end);

	if (json_array_size(array) != 5 || !json_is_integer(begin) || !json_is_integer(end) ||
	    !json_is_string(kind) || !json_is_integer(entry) || !json_is_number(nats))
		return err_set(err, "span %ld: expected an array [begin, end, kind, entry, nats]", number);
	if (first < 0 || first > UINT32_MAX || behind < 0 || behind > UINT32_MAX)
		return err_set(err, "span %ld: begin and end are not integers from 0 to %u", number,
		               UINT32_MAX);
	*span = (struct span){
		.begin = (uint32_t)first, .end = (uint32_t)behind, .entry = -2,
		.nats = json_number_value(nats),
	};
	if (json_integer_value(entry) >= -1 && json_integer_value(entry) <= INT32_MAX)
		span->entry = (int)json_integer_value(entry);
	return span_check(span, number, from, length, kinds, json_string_value(kind),
	                  json_string_length(kind), err);
}

/* Read the spans of an object into the buffer, which grows. */
static int read_spans(const json_t *array, struct record *record, struct span_kinds *kinds,
                      struct record_buffer *buffer, struct err *err)
{
	const size_t count = json_array_size(array);
	uint32_t from = 0;

	if (array && !json_is_array(array))
		return err_set(err, "\"spans\" is not an array");
	if (count > record->length)
		return err_set(err, "%zu spans in %u characters", count, record->length);
	if (array_reserve(&buffer->spans, &buffer->span_room, count) < 0)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < count; i++) {
		struct span *span = &buffer->spans[i];
		if (read_span(json_array_get(array, i), (long)i, from, record->length, kinds, span,
		              err) < 0)
			return -1;
		from = span->end;
	}
	record->spans = buffer->spans;
	record->span_count = (uint32_t)count;
	return 0;
}

static bool is_of_record(const char *key)
{
	return strcmp(key, "id") == 0 || strcmp(key, "text") == 0 || strcmp(key, "spans") == 0;
}

/* The number of fields besides id, text and spans. */
static size_t others(json_t *object)
{
	size_t count = 0;
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value)
		count += !is_of_record(key);
	return count;
}

/* Check that a stream may hold this value, at this depth. */
static int check_value(json_t *value, int depth, struct err *err)
{
	const json_int_t number = json_integer_value(value);
	const char *key;
	json_t *part;
	size_t i;

	if (number > JSON_INTEGER_MAX || number < -JSON_INTEGER_MAX)
		return err_set(err, "%" JSON_INTEGER_FORMAT ": an integer beyond 2^53 - 1, which jq may "
		               "have rounded; a string holds it exactly", number);
	if ((json_is_array(value) || json_is_object(value)) && depth > MSGPACK_DEPTH_MAX)
		return err_set(err, "maps and arrays of more than %d levels", MSGPACK_DEPTH_MAX);
	if (json_object_size(value) > MSGPACK_ENTRIES_MAX)
		return err_set(err, "an object of more than %d fields", MSGPACK_ENTRIES_MAX);
	json_array_foreach (value, i, part)
		if (check_value(part, depth + 1, err) < 0)
			return -1;
	json_object_foreach (value, key, part)
		if (check_value(part, depth + 1, err) < 0)
			return -1;
	return 0;
}

/* An id: a number, or a string of all its digits. */
static int read_id(const json_t *id, uint64_t *value, struct err *err)
{
	const char *digits = json_string_value(id);
	bool good = json_is_integer(id) && json_integer_value(id) >= 0;

	*value = good ? (uint64_t)json_integer_value(id) : 0;
	if (digits) {
		good = *digits && strlen(digits) == json_string_length(id);
		for (; good && *digits; digits++)
			good = *digits >= '0' && *digits <= '9' &&
			       !__builtin_mul_overflow(*value, 10, value) &&
			       !__builtin_add_overflow(*value, (uint64_t)(*digits - '0'), value);
	}
	return good ? 0 : err_set(err, "\"id\" is not an integer from 0 to 2^53 - 1, nor a string of "
	                          "the digits of one below 2^64");
}

/* The bytes of a text: of a string, or an array of them, as mpcat writes what is not UTF-8. -1: it
 * is neither. */
static int read_text(const json_t *text, struct text_buffer *bytes)
{
	json_t *byte;
	size_t i;

	text_buffer_clear(bytes);
	text_buffer_append(bytes, json_string_value(text), json_string_length(text));
	json_array_foreach (text, i, byte) {
		const json_int_t value = json_is_integer(byte) ? json_integer_value(byte) : -1;
		if (value < 0 || value > 255)
			return -1;
		text_buffer_append(bytes, (char[]){(char)value}, 1);
	}
	return json_is_string(text) || json_is_array(text) ? 0 : -1;
}

/* number: the id of a record that has none of its own. */
static int read_object(json_t *object, uint64_t number, struct record *record,
                       struct span_kinds *kinds, struct record_buffer *buffer, struct err *err)
{
	const json_t *text = json_object_get(object, "text"), *id = json_object_get(object, "id");

	if (read_text(text, &buffer->text) < 0)
		return err_set(err, "expected an object with \"text\", a string or an array of bytes");
	if (buffer->text.failed)
		return err_set(err, "out of memory");
	if (check_value(object, 1, err) < 0)
		return -1;
	if (others(object) > MSGPACK_ENTRIES_MAX - 3)
		return err_set(err, "a record of more than %d fields with id, text and spans",
		               MSGPACK_ENTRIES_MAX);
	if (id && read_id(id, &number, err) < 0)
		return -1;
	*record = (struct record){
		.id = number,
		.text = buffer->text.text,
		.size = buffer->text.size,
		.length = (uint32_t)text_length(buffer->text.text, buffer->text.size),
	};
	return read_spans(json_object_get(object, "spans"), record, kinds, buffer, err);
}

/* Write a record, with the other fields of its object unchanged. */
static int write_object(struct stream_writer *writer, const struct record *record,
                        const struct span_kinds *kinds, json_t *object, struct err *err)
{
	msgpack_packer *packer = stream_record(writer);
	const char *key;
	json_t *value;

	record_pack_text(packer, record, kinds, others(object));
	json_object_foreach (object, key, value) {
		if (is_of_record(key))
			continue;
		pack_key(packer, key);
		json_to_msgpack(value, packer);
	}
	return stream_commit(writer, err);
}

static int write_json(struct lines *lines, struct stream_writer *writer, struct err *err)
{
	struct record_buffer buffer = {0};
	struct span_kinds kinds;
	struct record record;
	struct line line;
	uint64_t number = 0;
	int status;

	span_kinds_init(&kinds);
	while ((status = lines_next(lines, &line, err)) > 0) {
		struct err why = {0};
		json_error_t error;
		json_t *object = json_loadb(line.text, line.size,
		                            JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
		if (!object)
			err_set(&why, "column %d: %s%s", error.column, error.text,
			        *line.text == '{' ? "" : "; --lines takes plain text");
		else if (read_object(object, number++, &record, &kinds, &buffer, &why) == 0)
			status = write_object(writer, &record, &kinds, object, err);
		json_decref(object);
		if (why.status)
			status = err_set(err, INPUT ": line %llu: %s", (unsigned long long)line.number,
			                 why.text);
		if (status < 0)
			break;
	}
	record_buffer_release(&buffer);
	return status;
}

/* ---- plain text ---- */

/* Write the text as record `number` and clear it. */
static int write_paragraph(struct stream_writer *writer, struct text_buffer *paragraph,
                           uint64_t number, struct err *err)
{
	static const struct span_kinds none;
	const struct record record = {
		.id = number, .text = paragraph->text, .size = paragraph->size,
	};

	if (paragraph->failed)
		return err_set(err, "out of memory");
	text_buffer_clear(paragraph);
	return record_write_text(writer, &record, &none, err);
}

/* A line must be UTF-8 without U+0000: a file that has it is binary or UTF-16. */
static int check_line(const struct line *line, struct err *err)
{
	if (utf8_length(line->text, line->size) < 0)
		return err_set(err, INPUT ": line %llu: not UTF-8", (unsigned long long)line->number);
	if (memchr(line->text, 0, line->size))
		return err_set(err, INPUT ": line %llu: U+0000, which is not plain text; "
		               "a line of JSON may have it",
		               (unsigned long long)line->number);
	return 0;
}

/* Empty lines belong to the record before them; those at the beginning, to the first one. */
static int write_lines(struct lines *lines, struct stream_writer *writer, struct err *err)
{
	struct text_buffer paragraph = {0};
	uint64_t number = 0, last = 0; /* of the next record; of the last line with text */
	struct line line;
	int status;

	while ((status = lines_next(lines, &line, err)) > 0) {
		if (check_line(&line, err) < 0) {
			status = -1;
			break;
		}
		for (uint64_t i = last + 1; i < line.number; i++)
			text_buffer_append_string(&paragraph, "\n");
		if (last > 0 && (status = write_paragraph(writer, &paragraph, number++, err)) < 0)
			break;
		text_buffer_append(&paragraph, line.text, line.size);
		text_buffer_append_string(&paragraph, "\n");
		last = line.number;
	}
	if (status == 0 && last > 0)
		status = write_paragraph(writer, &paragraph, number, err);
	text_buffer_release(&paragraph);
	return status;
}

int main(int argc, char **argv)
{
	struct err err = {0};

	options_parse(&program, argc, argv);
	if (isatty(STDIN_FILENO))
		die(INPUT " is a terminal: expected %s, piped or from a file",
		    plain ? "text" : "JSON, one object per line");
	json_t *header = header_new(STREAM_TEXT, NULL, argc, argv);
	struct lines *lines = lines_new(STDIN_FILENO, INPUT, &err);
	struct stream_writer *writer =
		lines ? stream_create(STDOUT_FILENO, "standard output", header, &err) : NULL;
	json_decref(header);
	if (!writer || (plain ? write_lines : write_json)(lines, writer, &err) < 0 ||
	    stream_end(writer, &err) < 0)
		err_exit(&err);
	lines_free(lines);
	return 0;
}
