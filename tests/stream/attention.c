/* Attention: what is written comes back; what is no attention gets a line. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/stream/attention.h"
#include "common/stream/header.h"
#include "tests/stream/streams.h"
#include "tests/tap.h"

/* "aé\nb": four tokens, each a character. */
static const struct span span = {1, 3, 1, 0, 2.5};
static const struct record record = {.id = 7, .text = "aé\nb", .size = 5, .length = 4,
                                     .spans = &span, .span_count = 1};
static const float first[] = {1}, third[] = {0.25f, 0.5f, 0.25f}, fourth[] = {0, 0, 0, 1};

static json_t *header_of(const char *model)
{
	json_t *header = header_new(STREAM_ATTENTION, NULL, 0, (char *[]){NULL});

	json_object_set_new(header, "vocab", json_string("\nabé"));
	json_object_set_new(header, "bin", json_pack("{s:s}", "probs", "f32"));
	json_object_set_new(header, "model", json_loads(model, 0, NULL));
	return header;
}

/* Write records of attention, and open them again. The error, or the reader. */
static struct attention_reader *back(const struct attention_record *attention, int count,
                                     const char *model, int *fd, struct err *err)
{
	json_t *header = header_of(model);
	struct stream_writer *writer = create(fd, header, err);
	struct span_kinds kinds;

	span_kinds_init(&kinds);
	span_kind(&kinds, "name", 4);
	for (int i = 0; i < count; i++)
		attention_write(writer, &attention[i], &kinds, err);
	if (stream_end(writer, err) < 0)
		printf("Bail out! %s\n", err->text);
	json_decref(header);
	return attention_open(path_of(*fd), err);
}

#define MODEL "{\"layers\":2,\"heads\":3}"

static void check_good(void)
{
	const int32_t query[] = {0, 2, 3};
	const float *const row[] = {first, third, fourth};
	const struct attention_record written[] = {
		{&record, NULL, 5, 1, 2, query, row, 3},
		{&record, NULL, 5, 0, 0, query, row, 0},
	};
	struct attention_record read;
	struct err err = {0};
	int fd = -1;
	struct attention_reader *reader = back(written, 2, MODEL, &fd, &err);

	if (!ok(reader && attention_next(reader, &read, &err) == 1, "a record is read")) {
		printf("# %s\n", err.text);
		exit(done());
	}
	is_int(attention_layers(reader) * 10 + attention_heads(reader), 23, "the model's shape");
	ok(read.record->id == 7 && read.sample == 5 && read.layer == 1 && read.head == 2,
	   "its id, sample, layer and head");
	ok(read.record->size == 5 && memcmp(read.record->text, record.text, 5) == 0 &&
	   read.record->length == 4, "its text, of four characters");
	ok(read.record->span_count == 1 && read.record->spans[0].end == 3 &&
	   strcmp(attention_kinds(reader)->word[read.record->spans[0].kind], "name") == 0,
	   "its span");
	ok(read.count == 3 && memcmp(read.query, query, sizeof query) == 0, "the numbers of its rows");
	ok(memcmp(read.row[0], first, sizeof first) == 0 &&
	   memcmp(read.row[1], third, sizeof third) == 0 &&
	   memcmp(read.row[2], fourth, sizeof fourth) == 0, "its rows");
	is_int(attention_next(reader, &read, &err), 1, "a record without rows is read");
	is_int(read.count, 0, "it has none");
	is_int(attention_next(reader, &read, &err), 0, "then comes the end");
	attention_close(reader);
	close(fd);
}

static void check_bad(void)
{
	static const float below[] = {1.25f, -0.25f, 0}, half[] = {0.25f, 0.25f, 0},
		above[] = {2, 0, 0}, none[] = {NAN, 0.5f, 0.5f}, infinite[] = {INFINITY, 0, 0};
	static const struct {
		const char *name, *error;
		int layer, head;
		int32_t query[2];
		const float *row;
	} rows[] = {
		{"a negative number", "row 2 of \"probs\": expected numbers from 0 to 1 that sum to 1",
		 0, 0, {0, 2}, below},
		{"a sum of a half", "that sum to 1", 0, 0, {0, 2}, half},
		{"a number above 1", "that sum to 1", 0, 0, {0, 2}, above},
		{"no number", "that sum to 1", 0, 0, {0, 2}, none},
		{"infinity", "that sum to 1", 0, 0, {0, 2}, infinite},
		{"rows that fall", "row 1 of \"rows\": expected a whole number that is above", 0, 0,
		 {2, 2}, third},
		{"a row beyond the text", "and below 4", 0, 0, {0, 4}, third},
		{"a layer that the model has not", "\"layer\": expected a whole number from 0 to 1", 2, 0,
		 {0, 2}, third},
		{"a head that the model has not", "\"head\": expected a whole number from 0 to 2", 0, 3,
		 {0, 2}, third},
	};
	float all[8];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct attention_record read;
		struct err err = {0};
		int fd = -1;
		memset(all, 0, sizeof all);
		memcpy(all, rows[i].row, 3 * sizeof *all);
		const float *const row[] = {rows[i].query[0] == 0 ? first : third, all};
		const struct attention_record written = {&record, NULL, 0, rows[i].layer, rows[i].head,
		                                         rows[i].query, row, 2};
		struct attention_reader *reader = back(&written, 1, MODEL, &fd, &err);
		bool refused = reader && attention_next(reader, &read, &err) < 0;
		if (!ok(refused && strstr(err.text, rows[i].error) && strstr(err.text, "record 0"), "%s",
		        rows[i].name))
			printf("# %s\n", err.text);
		attention_close(reader);
		close(fd);
	}
}

static void check_header(void)
{
	static const char *const models[] = {"{}", "{\"layers\":2}", "{\"layers\":0,\"heads\":1}",
	                                     "{\"layers\":2,\"heads\":\"3\"}",
	                                     "{\"layers\":2,\"heads\":65537}", "[]"};

	for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
		struct err err = {0};
		int fd = -1;
		ok(!back(NULL, 0, models[i], &fd, &err) &&
		   strstr(err.text, "the header's \"model\": expected \"layers\" and \"heads\""),
		   "a header with the model %s", models[i]);
		close(fd);
	}
}

int main(void)
{
	check_good();
	check_bad();
	check_header();
	return done();
}
