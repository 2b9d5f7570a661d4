/* mpcat - print streams as text: the door to jq, grep and awk. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/escape.h"
#include "common/base/file.h"
#include "common/base/options.h"
#include "common/base/text_buffer.h"
#include "common/base/utf8.h"
#include "common/stream/json.h"
#include "common/stream/map.h"
#include "common/stream/record.h"
#include "common/stream/stream.h"
#include "common/stream/text_field.h"
#include "common/stream/text_format.h"

#define OUTPUT_BYTES (64 << 10) /* what a pipe holds */

static bool want_text; /* --text: the text of each record as it is */
static bool want_json; /* --json: one JSON object per line */
static const char *want_tsv; /* --tsv: these fields, or "" for those of the first record */
static bool want_header; /* --header: the header instead of the records */

static const struct option options[] = {
	{.name = "json", .key = 'j', .type = OPTION_FLAG, .value = &want_json,
	 .text = "print each record as a JSON object on a line (default)"},
	{.name = "text", .key = 't', .type = OPTION_FLAG, .value = &want_text,
	 .text = "print the text of each record as it is"},
	{.name = "tsv", .type = OPTION_TEXT, .value = &want_tsv, .argument = "[FIELDS]",
	 .text = "print a table of FIELDS, paths like id,val.loss, with tabs between the columns "
	         "(default: the fields of the first record)"},
	{.name = "header", .type = OPTION_FLAG, .value = &want_header,
	 .text = "print the header instead of the records"},
	{0},
};

static const struct program program = {
	.operands = "[FILE...]",
	.text = "Print streams of any kind as text.",
	.options = options,
	.operands_min = 0,
	.operands_max = -1,
};

/* A table's columns: NULL until the first record has named them. */
struct table {
	char *fields; /* the names, each ended by a NUL */
	char **field; /* [count] */
	bool *met; /* [count] did any record have the field? */
	size_t count;
	bool rows; /* was there any record? */
};

/* One stream that is being printed. */
struct input {
	struct stream_reader *reader;
	const json_t *bin;
	const char *kind;
	struct vocab *vocab; /* of a token stream */
	struct record_buffer buffer;
	struct span_kinds kinds;
};

/* On a terminal, text does not get what a terminal obeys. */
static void write_out(const struct text_buffer *out)
{
	if (out->failed)
		die("out of memory");
	if (out->size == 0) /* text may be NULL */
		return;
	if (want_text && isatty(STDOUT_FILENO))
		escape_print_text(ESCAPE_TEXT, out->text, out->size, stdout);
	else if (fwrite(out->text, 1, out->size, stdout) != out->size)
		die("standard output: cannot write: %s", strerror(errno));
}

static int bad(struct input *input, const struct err *what, struct err *err)
{
	return stream_bad(input->reader, err, "%s", what->text);
}

/* ---- one record in each format ---- */

static int as_json(struct text_buffer *out, struct input *input, const struct stream_record *raw,
                   struct err *err)
{
	struct err what = {0};

	if (text_format_json(out, raw->map, NULL, input->bin, &what) < 0)
		return bad(input, &what, err);
	text_buffer_append_string(out, "\n");
	return 0;
}

/* A generation ends where the model stopped; if that is not a newline, add one. */
static int as_text(struct text_buffer *out, struct input *input, const struct stream_record *raw,
                   struct err *err)
{
	struct record record;

	if (input->vocab) {
		if (record_read_as_text(input->reader, raw, input->vocab, &input->kinds, &input->buffer,
		                        &record, err) < 0)
			return -1;
		text_buffer_append(out, record.text, record.size);
		return 0;
	}
	struct piece text = {NULL, 0};
	if (!text_field_read(map_field(raw->map, "text"), &text))
		return stream_bad(input->reader, err, text.bytes ? "\"text\" is not UTF-8" :
		                  "no \"text\", a string");
	text_buffer_append(out, text.bytes, text.size);
	if (strcmp(input->kind, STREAM_TEXT) != 0 && text.size > 0 &&
	    text.bytes[text.size - 1] != '\n')
		text_buffer_append_string(out, "\n");
	return 0;
}

static void make_columns(struct table *table, const char *fields, size_t size)
{
	table->count = 1;
	for (size_t i = 0; i < size; i++)
		table->count += fields[i] == ',';
	table->fields = strndup(fields, size);
	table->field = calloc(table->count, sizeof *table->field);
	table->met = calloc(table->count, sizeof *table->met);
	if (!table->fields || !table->field || !table->met)
		die("out of memory");
	char *rest = table->fields;
	for (size_t i = 0; i < table->count; i++)
		table->field[i] = strsep(&rest, ",");
}

static void head_of_table(struct text_buffer *out, const struct table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const msgpack_object name = {
			.type = MSGPACK_OBJECT_STR,
			.via.str = {(uint32_t)strlen(table->field[i]), table->field[i]}};
		struct err ignored = {0}; /* no field has a name that is not UTF-8 */
		if (i > 0)
			text_buffer_append_string(out, "\t");
		text_format_field(out, &name, NULL, NULL, &ignored);
	}
	text_buffer_append_string(out, "\n");
}

static int as_row(struct text_buffer *out, struct input *input, struct table *table,
                  const struct stream_record *raw, struct err *err)
{
	struct err what = {0};

	for (size_t i = 0; i < table->count; i++) {
		if (i > 0)
			text_buffer_append_string(out, "\t");
		int there = text_format_path(out, raw->map, table->field[i], input->bin, &what);
		if (there < 0)
			return bad(input, &what, err);
		table->met[i] |= there > 0;
	}
	table->rows = true;
	text_buffer_append_string(out, "\n");
	return 0;
}

static int as_table(struct text_buffer *out, struct input *input, struct table *table,
                    const struct stream_record *raw, struct err *err)
{
	if (!table->field) {
		struct text_buffer paths = {0};
		text_format_paths(&paths, raw->map);
		if (paths.failed)
			die("out of memory");
		make_columns(table, paths.size ? paths.text : "", paths.size);
		text_buffer_release(&paths);
		head_of_table(out, table);
	}
	return as_row(out, input, table, raw, err);
}

/* Report columns that stayed empty: their names may be misspelt. */
static void tell_missing(const struct table *table)
{
	struct text_buffer names = {0};

	for (size_t i = 0; table->rows && i < table->count; i++) {
		if (table->met[i])
			continue;
		text_buffer_append_string(&names, names.size > 0 ? ", '" : "'");
		text_buffer_append_string(&names, table->field[i]);
		text_buffer_append_string(&names, "'");
	}
	if (names.size > 0)
		err_say("no record has a field %.*s", (int)names.size, names.text);
	text_buffer_release(&names);
}

/* ---- one stream ---- */

/* Make strings of the integers that jq would round, as in records. */
static json_t *exact(json_t *value)
{
	const json_int_t number = json_integer_value(value);
	json_t *part;
	const char *key;
	size_t i;

	json_array_foreach (value, i, part)
		json_array_set_new(value, i, exact(json_incref(part)));
	json_object_foreach (value, key, part)
		json_object_set_new(value, key, exact(json_incref(part)));
	if (number >= -JSON_INTEGER_MAX && number <= JSON_INTEGER_MAX)
		return value;
	json_decref(value);
	return json_sprintf("%" JSON_INTEGER_FORMAT, number);
}

/* What a terminal obeys can only stand in strings, as characters past ASCII, or DEL. */
static void print_json(const json_t *value)
{
	char *text = json_dumps(value, JSON_INDENT(2));
	const size_t size = text ? strlen(text) : 0;
	size_t step;

	if (!text)
		die("out of memory");
	for (size_t at = 0; at < size; at += step) {
		uint32_t code;
		step = utf8_decode(text + at, size - at, &code);
		if (code != '\n' && escape_control(code))
			printf("\\u%04x", (unsigned)code);
		else
			fwrite(text + at, 1, step, stdout);
	}
	free(text);
	if (putchar('\n') == EOF || ferror(stdout))
		die("standard output: cannot write: %s", strerror(errno));
}

/* Reads to the end, so that the writer is not stopped and a broken stream is noticed. */
static int print_header(struct stream_reader *reader, struct err *err)
{
	json_t *header = json_deep_copy(stream_header(reader)), *segments = json_array();
	struct stream_segment segment;
	int status;

	while ((status = stream_skip_segment(reader, &segment, err)) > 0)
		json_array_append_new(segments, json_pack("{s:I, s:O}", "records",
		                                          (json_int_t)segment.records, "chain",
		                                          segment.chain));
	if (json_array_size(segments) > 1)
		json_object_set(header, "segments", segments);
	header = exact(header);
	print_json(header);
	json_decref(segments);
	json_decref(header);
	return status;
}

/* Take from the header what printing records needs. */
static int prepare(struct input *input, const char *path, struct err *err)
{
	const json_t *header = stream_header(input->reader);
	struct err what = {0};

	span_kinds_init(&input->kinds);
	input->kind = header_string(header, "stream");
	input->bin = json_object_get(header, "bin");
	if (text_format_check_bin(input->bin, &what) < 0)
		return err_set(err, "%s: header: %s", path, what.text);
	if (strcmp(input->kind, STREAM_TOKENS) == 0 &&
	    (want_text || json_object_get(header, "vocab"))) {
		input->vocab = stream_vocab(input->reader, err);
		if (!input->vocab)
			return -1;
	}
	if (!want_text || input->vocab)
		return 0;
	if (strcmp(input->kind, STREAM_TEXT) != 0 &&
	    strcmp(input->kind, STREAM_GENERATIONS) != 0)
		return err_set(err, "%s: a stream of kind '%.40s' has no text; try --json", path,
		               input->kind);
	return 0;
}

static int print_records(struct input *input, struct table *table, struct text_buffer *out,
                         struct err *err)
{
	/* Metrics are flushed line by line, so that one can watch a training run. */
	bool live = strcmp(input->kind, STREAM_METRICS) == 0;
	struct stream_record raw;
	int status;

	while ((status = stream_next(input->reader, &raw, err)) > 0) {
		text_buffer_clear(out);
		if (want_text)
			status = as_text(out, input, &raw, err);
		else if (want_tsv)
			status = as_table(out, input, table, &raw, err);
		else
			status = as_json(out, input, &raw, err);
		if (status < 0)
			break;
		write_out(out);
		if (live)
			fflush(stdout);
	}
	return status;
}

static int print_stream(const char *path, struct table *table, struct text_buffer *out,
                        struct err *err)
{
	struct input input = {.reader = stream_open(path, NULL, err)};
	int status = 0;

	if (!input.reader)
		return -1;
	if (want_header)
		status = print_header(input.reader, err);
	else if ((status = prepare(&input, err_path(path), err)) == 0)
		status = print_records(&input, table, out, err);
	vocab_free(input.vocab);
	record_buffer_release(&input.buffer);
	stream_close(input.reader);
	return status;
}

int main(int argc, char **argv)
{
	int first = options_parse(&program, argc, argv);
	struct table table = {0};
	struct text_buffer out = {0};
	struct err err = {0};

	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, NULL, _IOFBF, OUTPUT_BYTES);
	if (want_text + want_json + want_header + (want_tsv != NULL) > 1)
		die_usage("--text, --json, --tsv and --header exclude one another");
	if (want_tsv && want_tsv[0] != '\0') {
		make_columns(&table, want_tsv, strlen(want_tsv));
		head_of_table(&out, &table);
		write_out(&out);
	}
	if (first == argc && print_stream("-", &table, &out, &err) < 0)
		err_exit(&err);
	for (int i = first; i < argc; i++)
		if (print_stream(argv[i], &table, &out, &err) < 0)
			err_exit(&err);
	text_buffer_release(&out);
	if (file_end_stdout(&err) < 0)
		err_exit(&err);
	tell_missing(&table);
	free(table.fields);
	free(table.field);
	free(table.met);
	return 0;
}
