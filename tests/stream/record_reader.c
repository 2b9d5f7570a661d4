/* A record reader: text, tokens and generations come as records with text and tokens. */
#include <string.h>

#include "common/base/options.h"
#include "common/stream/generation.h"
#include "common/stream/record_reader.h"
#include "tests/stream/streams.h"
#include "tests/tap.h"

static char *no_arguments[] = {NULL};
static struct span_kinds kinds; /* of what is written */
static struct vocab *model; /* the vocabulary of the model: "abcdeÆ\n" */

static struct vocab *vocab_of(const char *characters)
{
	struct err err = {0};

	return vocab_new(characters, strlen(characters), &err);
}

/* A file to write a stream to: its descriptor, and its path. */
struct file {
	int fd;
	char path[64];
	struct stream_writer *writer;
};

static void begin(struct file *file, json_t *header)
{
	struct err err = {0};

	file->fd = memfd_create("stream", 0);
	snprintf(file->path, sizeof file->path, "/proc/self/fd/%d", file->fd);
	file->writer = stream_create(file->fd, "memory", header, &err);
	json_decref(header);
	if (!file->writer)
		printf("Bail out! %s\n", err.text);
}

static void end(struct file *file)
{
	struct err err = {0};

	if (stream_end(file->writer, &err) < 0)
		printf("Bail out! %s\n", err.text);
}

/* A stream of one text, with count spans. */
static void write_text(struct file *file, const char *text, struct span *spans, uint32_t count)
{
	const struct record record = {.id = 7, .text = text, .size = strlen(text), .spans = spans,
	                              .span_count = count};
	struct err err = {0};

	begin(file, header_new(STREAM_TEXT, NULL, 0, no_arguments));
	record_write_text(file->writer, &record, &kinds, &err);
	end(file);
}

/* A stream of one record of tokens 2, 1, 0 by a vocabulary of these characters. */
static void write_tokens(struct file *file, const char *characters)
{
	struct vocab *vocab = vocab_of(characters);
	json_t *header = header_new(STREAM_TOKENS, NULL, 0, no_arguments);
	struct span span = {1, 3, span_kind(&kinds, "answer", 6), 4, 0.5};
	const struct record record = {.id = 8, .tokens = (uint16_t[]){2, 1, 0}, .length = 3,
	                              .spans = &span, .span_count = 1};
	struct err err = {0};

	header_set_vocab(header, vocab);
	begin(file, header);
	record_write_tokens(file->writer, &record, vocab, &kinds, &err);
	end(file);
	vocab_free(vocab);
}

/* A stream of generations: a text for each reference (NULL: it has none); all have spans
 * [0, 1), [1, 2), [3, 4). */
static void write_generations(struct file *file, const char *const (*texts)[2], int count)
{
	struct span spans[3] = {{0, 1, span_kind(&kinds, "name", 4), 0, 1},
	                        {1, 2, span_kind(&kinds, "ask", 3), 0, 1},
	                        {3, 4, span_kind(&kinds, "answer", 6), 0, 1}};
	struct err err = {0};

	begin(file, generation_header(NULL, model, json_object(), 0, "sampling", json_object(), 0,
	                              no_arguments));
	for (int i = 0; i < count; i++) {
		const struct generation generation = {
			.id = 9, .sample = (uint32_t)i + 1, .text = texts[i][0],
			.size = strlen(texts[i][0]), .reference = texts[i][1],
			.reference_size = texts[i][1] ? strlen(texts[i][1]) : 0,
			.spans = spans, .span_count = 3, .stop = GENERATION_LENGTH,
		};
		generation_write(file->writer, &generation, &kinds, &err);
	}
	end(file);
}

static struct record_reader *open_files(struct file *files, int count, struct err *err)
{
	static char *paths[4];

	for (int i = 0; i < count; i++)
		paths[i] = files[i].path;
	return record_reader_open(paths, count, model, err);
}

/* The next record has this text, and the model's tokens of it. */
static bool next_is(struct record_reader *reader, const char *text, struct record *record)
{
	struct err err = {0};
	size_t at = 0;
	bool same;

	if (record_reader_next(reader, record, &err) != 1) {
		printf("# %s\n", err.text);
		return false;
	}
	same = record->size == strlen(text) && memcmp(record->text, text, record->size) == 0;
	for (uint32_t i = 0; same && i < record->length; i++) {
		const struct piece piece = vocab_piece(model, record->tokens[i]);
		same = strncmp(text + at, piece.bytes, piece.size) == 0;
		at += piece.size;
	}
	return same && at == record->size;
}

static bool span_is(const struct record_reader *reader, const struct record *record, uint32_t i,
                    uint32_t from, uint32_t to, const char *kind)
{
	const struct span *span = &record->spans[i];

	return i < record->span_count && span->begin == from && span->end == to &&
	       strcmp(record_reader_kinds(reader)->word[span->kind], kind) == 0;
}

/* ---- each kind of stream, and all of them in turn ---- */

static void mixed(void)
{
	static const char *const texts[][2] = {{"Æbad", "Æbad"}};
	struct span span = {1, 2, span_kind(&kinds, "ask", 3), -1, 2};
	struct file files[4];
	struct err err = {0};
	struct record record;

	write_text(&files[0], "aÆ\n", &span, 1);
	write_tokens(&files[1], "abcdeÆ\n");
	write_generations(&files[2], texts, 1);
	write_text(&files[3], "", NULL, 0);
	struct record_reader *reader = open_files(files, 4, &err);
	ok(reader && strcmp(header_string(record_reader_header(reader), "stream"), "text") == 0,
	   "four files open, the header is the first one's: %s", err.text);
	ok(next_is(reader, "aÆ\n", &record) && record.id == 7 && record.length == 3 &&
	   record.span_count == 1 && span_is(reader, &record, 0, 1, 2, "ask") &&
	   record_reader_sample(reader) == 0, "text gets tokens");
	ok(record_reader_ready(reader), "the next file is ready");
	ok(next_is(reader, "cba", &record) && record.id == 8 && record.length == 3 &&
	   record.span_count == 1 && span_is(reader, &record, 0, 1, 3, "answer") &&
	   record.spans[0].entry == 4 && record_reader_sample(reader) == 0, "tokens get text");
	ok(next_is(reader, "Æbad", &record) && record.id == 9 && record.length == 4 &&
	   record.span_count == 3 && record_reader_sample(reader) == 1,
	   "a generation gets tokens, and has a sample number");
	ok(next_is(reader, "", &record) && record.length == 0 && record.tokens && record.text &&
	   record_reader_sample(reader) == 0, "an empty text");
	ok(record_reader_next(reader, &record, &err) == 0 &&
	   record_reader_next(reader, &record, &err) == 0, "the end, and again");
	ok(strcmp(header_string(record_reader_header(reader), "stream"), "text") == 0,
	   "the header is still the first one's");
	record_reader_close(reader);
	for (int i = 0; i < 4; i++)
		close(files[i].fd);
}

/* Spans are the reference's: they hold as far as the text is the same. */
static void spans_past_the_reference(void)
{
	static const struct {
		const char *texts[2];
		uint32_t spans;
		const char *what;
	} rows[] = {
		{{"abcd", "abcd"}, 3, "the text is the reference: all spans"},
		{{"abcde", "abcd"}, 3, "a text that goes on after it: all spans"},
		{{"abce", "abcd"}, 2, "another last character: not the span over it"},
		{{"abc", "abcd"}, 2, "a text that ends before it: not the span behind its end"},
		{{"b", "abcd"}, 0, "another first character: none"},
		{{"", "abcd"}, 0, "no text: none"},
		{{"aÆcd", "a\u00c5cd"}, 1, "a character of which one byte is the same is another one"},
		{{"\u00c6bcd", "\u00c6bcde"}, 3, "code points are counted, not bytes"},
		{{"edcba", NULL}, 3, "no reference: the spans are the text's"},
	};
	enum { ROWS = sizeof rows / sizeof *rows };
	const char *texts[ROWS][2];
	struct file file;
	struct err err = {0};
	struct record record;

	for (int i = 0; i < ROWS; i++)
		memcpy(texts[i], rows[i].texts, sizeof texts[i]);
	write_generations(&file, (const char *const (*)[2])texts, ROWS);
	struct record_reader *reader = open_files(&file, 1, &err);
	for (int i = 0; i < ROWS; i++) {
		ok(next_is(reader, rows[i].texts[0], &record) &&
		   record_reader_sample(reader) == (uint32_t)i + 1, "generation %d", i);
		is_int(record.span_count, rows[i].spans, rows[i].what);
	}
	record_reader_close(reader);
	close(file.fd);
}

/* ---- looking for spans ---- */

static void finding(void)
{
	struct span spans[] = {{0, 1, span_kind(&kinds, "name", 4), 0, 0},
	                       {2, 3, span_kind(&kinds, "answer", 6), 1, 0},
	                       {3, 4, span_kind(&kinds, "answer", 6), 2, 0}};
	struct file files[2];
	struct err err = {0};
	struct record record;

	write_text(&files[0], "abcd", spans, 3);
	write_text(&files[1], "abcd", NULL, 0);
	struct record_reader *reader = open_files(files, 2, &err);
	ok(next_is(reader, "abcd", &record), "a record with spans");
	is_int(record_reader_find_span(reader, &record, "answer", &err), 1, "the first of a kind");
	is_int(record_reader_prompt_length(reader, &record, "answer", &err), 2,
	       "what stands before it is a prompt");
	ok(record_reader_prompt_length(reader, &record, "name", &err) < 0 &&
	   strstr(err.text, "record 0: nothing stands before the first 'name' span"),
	   "a prompt is not empty: %s", err.text);
	record_reader_close(reader);

	err = (struct err){0};
	reader = open_files(files, 2, &err);
	next_is(reader, "abcd", &record);
	ok(record_reader_find_span(reader, &record, "rule", &err) < 0 &&
	   strstr(err.text, "no span of kind 'rule'; the record has: name, answer"),
	   "a kind that is not there: %s", err.text);
	record_reader_close(reader);

	err = (struct err){0};
	reader = open_files(files + 1, 1, &err);
	next_is(reader, "abcd", &record);
	ok(record_reader_prompt_length(reader, &record, "answer", &err) < 0 &&
	   strstr(err.text, files[1].path) && strstr(err.text, "the record has: none"),
	   "a record without spans: %s", err.text);
	record_reader_close(reader);
	close(files[0].fd);
	close(files[1].fd);
}

/* ---- what does not fit the model ---- */

/* Reading the two files fails, in the second one, with this in the error. */
static void fails(struct file *files, const char *want, const char *what)
{
	struct err err = {0};
	struct record record;
	struct record_reader *reader = open_files(files, 2, &err);

	ok(reader && next_is(reader, "a", &record), "the first file, and then:");
	ok(record_reader_next(reader, &record, &err) < 0 && strstr(err.text, files[1].path) &&
	   strstr(err.text, want), "%s: %s", what, err.text);
	record_reader_close(reader);
	close(files[1].fd);
}

static void unfit(void)
{
	static const char *const foreign[][2] = {{"abxd", "abcd"}};
	struct file files[2];
	struct err err = {0};

	write_text(&files[0], "a", NULL, 0);
	write_text(&files[1], "abxd", NULL, 0);
	fails(files, "'x'", "text with a character that the vocabulary lacks");
	write_generations(&files[1], foreign, 1);
	fails(files, "'x'", "the same of a generation");
	write_tokens(&files[1], "abedcÆ\n");
	fails(files, "its token 2 is U+0065 'e', but U+0063 'c' in the model",
	      "tokens in another order");
	write_tokens(&files[1], "abcdeÆ");
	fails(files, "it lacks U+000A, which is in the model",
	      "a vocabulary that ends before");
	write_tokens(&files[1], "abcdeÆ\nx");
	fails(files, "it has U+0078 'x', which is not in the model",
	      "one that goes on");
	begin(&files[1], header_new(STREAM_METRICS, NULL, 0, no_arguments));
	end(&files[1]);
	fails(files, "a stream of kind 'metrics', expected 'text' or 'tokens' or 'generations'",
	      "another kind of stream");
	strcpy(files[1].path, "/nonexistent");
	files[1].fd = -1;
	fails(files, "cannot open", "a file that is not there");
	ok(open_files(files + 1, 1, &err) == NULL && strstr(err.text, "/nonexistent"),
	   "the first file is opened at once: %s", err.text);
	record_reader_close(NULL);
	close(files[0].fd);
}

int main(void)
{
	span_kinds_init(&kinds);
	model = vocab_of("abcdeÆ\n");
	mixed();
	spans_past_the_reference();
	finding();
	unfit();
	vocab_free(model);
	return done();
}
