/* Pairs of records: each record of one stream with its partner from another one. */
#include "common/stream/record_pairs.h"

#include <string.h>

#include "common/base/options.h"
#include "common/stream/generation.h"
#include "tests/stream/streams.h"
#include "tests/tap.h"

static char *no_arguments[] = {NULL};
static struct vocab *model; /* of "abc" */

struct file {
	int fd;
	char path[200];
};

/* A record to be written; its text has a span of kind "n" over its first `named` characters. */
struct line {
	uint64_t id;
	const char *text;
	uint32_t named;
	uint32_t sample; /* of generations */
};

static void close_files(struct file *files, int count)
{
	for (int i = 0; i < count; i++)
		close(files[i].fd);
}

static void write_line(struct stream_writer *writer, const struct line *line,
                       const struct span_kinds *kinds, bool generated)
{
	const struct span span = {0, line->named, 1, 0, 0};
	const struct record record = {.id = line->id, .text = line->text, .size = strlen(line->text),
	                              .spans = &span, .span_count = line->named > 0};
	const struct generation generation = {
		.id = line->id, .sample = line->sample, .text = line->text, .size = strlen(line->text),
		.spans = &span, .span_count = line->named > 0, .stop = GENERATION_LENGTH,
	};
	struct err err = {0};
	const int status = generated ? generation_write(writer, &generation, kinds, &err) :
	                               record_write_text(writer, &record, kinds, &err);

	if (status < 0)
		printf("Bail out! %s\n", err.text);
}

/* Write a stream of the lines up to the first one without a text. */
static void write_stream(struct file *file, const struct line *lines, bool generated)
{
	json_t *header = generated ? generation_header(NULL, model, json_object(), 0, "sampling",
	                                               json_object(), 0, no_arguments) :
	                             header_new(STREAM_TEXT, NULL, 0, no_arguments);
	struct span_kinds kinds;
	struct err err = {0};

	span_kinds_init(&kinds);
	span_kind(&kinds, "n", 1);
	file->fd = memfd_create("stream", 0);
	snprintf(file->path, sizeof file->path, "/proc/self/fd/%d", file->fd);
	struct stream_writer *writer = stream_create(file->fd, "memory", header, &err);
	json_decref(header);
	for (; writer && lines->text; lines++)
		write_line(writer, lines, &kinds, generated);
	if (!writer || stream_end(writer, &err) < 0)
		printf("Bail out! %s\n", err.text);
}

static struct record_pairs *open_pairs(struct file *from, struct file *partner, struct err *err)
{
	static char *path;

	*err = (struct err){0};
	path = from->path;
	return record_pairs_open(&path, 1, partner->path, model, err);
}

/* The next pair has these texts. */
static bool next_is(struct record_pairs *pairs, const char *of_a, const char *of_b)
{
	struct record a, b;
	struct err err = {0};

	if (record_pairs_next(pairs, &a, &b, &err) != 1) {
		printf("# %s\n", err.text);
		return false;
	}
	return a.id == b.id && a.size == strlen(of_a) && memcmp(a.text, of_a, a.size) == 0 &&
	       b.size == strlen(of_b) && memcmp(b.text, of_b, b.size) == 0 && a.tokens &&
	       b.tokens && a.length == a.size && b.length == b.size;
}

/* The next call fails, with both files in the error, and this. */
static void fails(struct record_pairs *pairs, struct file files[2], const char *want,
                  const char *what)
{
	struct err err = {0};
	struct record a, b;

	ok(record_pairs_next(pairs, &a, &b, &err) < 0 && err.status == ERR_DATA &&
	   strstr(err.text, files[0].path) && strstr(err.text, files[1].path) &&
	   strstr(err.text, want), "%s: %s", what, err.text);
}

/* ---- partners ---- */

static void in_step(void)
{
	static const struct line from[] = {{3, "ab", 0, 0}, {5, "a", 0, 0}, {4, "", 0, 0}, {0}};
	static const struct line partner[] = {{1, "c", 0, 0}, {3, "ba", 0, 0}, {9, "cc", 0, 0},
	                                      {5, "b", 0, 0}, {4, "abc", 0, 0}, {3, "c", 0, 0}, {0}};
	struct file files[2];
	struct record a = {.id = 3}, b; /* as if read before */
	struct err err;

	write_stream(&files[0], from, false);
	write_stream(&files[1], partner, false);
	struct record_pairs *pairs = open_pairs(&files[0], &files[1], &err);
	ok(pairs != NULL, "two streams open: %s", err.text);
	ok(next_is(pairs, "ab", "ba"), "partners before the first one are skipped");
	ok(next_is(pairs, "a", "b"), "and between two");
	ok(next_is(pairs, "", "abc"), "ids need not rise");
	ok(record_pairs_next(pairs, &a, &b, &err) == 0 && record_pairs_next(pairs, &a, &b, &err) == 0,
	   "the end, although the partners go on; and again");
	ok(strcmp(header_string(record_reader_header(record_pairs_reader(pairs)), "stream"), "text") ==
	   0 && record_reader_header(record_pairs_partner_reader(pairs)) != NULL, "both headers");
	record_pairs_close(pairs);
	close_files(files, 2);
}

static void without_partner(void)
{
	static const struct line from[] = {{3, "ab", 0, 0}, {5, "a", 0, 0}, {0}};
	static const struct line lacks[] = {{3, "ba", 0, 0}, {6, "b", 0, 0}, {0}};
	static const struct line disordered[] = {{5, "b", 0, 0}, {3, "ba", 0, 0}, {0}};
	static const struct line none[] = {{0}};
	struct file files[2];
	struct err err;

	write_stream(&files[0], from, false);
	write_stream(&files[1], lacks, false);
	struct record_pairs *pairs = open_pairs(&files[0], &files[1], &err);
	ok(next_is(pairs, "ab", "ba"), "the first record has a partner, the second one:");
	fails(pairs, files, "record 1: id 5: its partner is missing: ", "none");
	record_pairs_close(pairs);
	close(files[1].fd);

	write_stream(&files[1], disordered, false);
	pairs = open_pairs(&files[0], &files[1], &err);
	ok(next_is(pairs, "ab", "ba"), "partners in another order");
	fails(pairs, files, "has no record of that id behind the partner of id 3; make both of the "
	      "same records, in the same order", "one before that of the record before");
	record_pairs_close(pairs);
	close(files[1].fd);

	write_stream(&files[1], none, false);
	pairs = open_pairs(&files[0], &files[1], &err);
	fails(pairs, files, "record 0: id 3: its partner is missing: ", "a stream without records");
	record_pairs_close(pairs);
	close_files(files, 2);
}

static void samples(void)
{
	static const struct line from[] = {{3, "a", 0, 0}, {3, "b", 0, 2}, {4, "c", 0, 1}, {0}};
	static const struct line partner[] = {{3, "aa", 0, 0}, {3, "ab", 0, 1}, {3, "ac", 0, 2},
	                                      {4, "ba", 0, 0}, {4, "bb", 0, 1}, {0}};
	static const struct line text[] = {{3, "bc", 0, 0}, {3, "bb", 0, 0}, {0}};
	struct file files[3];
	struct err err;

	write_stream(&files[0], from, true);
	write_stream(&files[1], partner, true);
	write_stream(&files[2], text, false);
	struct record_pairs *pairs = open_pairs(&files[0], &files[1], &err);
	ok(next_is(pairs, "a", "aa"), "of generations, partners have the same id and sample");
	ok(next_is(pairs, "b", "ac"), "of the same id, another sample");
	ok(next_is(pairs, "c", "bb"), "and of the next id");
	record_pairs_close(pairs);
	pairs = open_pairs(&files[0], &files[2], &err);
	ok(next_is(pairs, "a", "bc"), "a text is the partner of sample 0");
	fails(pairs, (struct file[]){files[0], files[2]}, "id 3, sample 2: its partner is missing",
	      "and of no other one");
	record_pairs_close(pairs);
	close_files(files, 3);
}

/* ---- what is wrong with a stream ---- */

/* The partner stream is cut off: in a record that is skipped, or behind the last partner. */
static void cut_off(void)
{
	static const struct line from[] = {{3, "ab", 0, 0}, {0}};
	static const struct line partner[] = {{3, "ba", 0, 0}, {9, "cc", 0, 0}, {0}};
	struct file files[2];
	struct record a, b;
	struct err err;
	int failed = 0, whole = 0;

	write_stream(&files[0], from, false);
	write_stream(&files[1], partner, false);
	struct bytes all = held(files[1].fd);
	for (size_t size = 0; size <= all.size; size++) {
		int status = -1;
		if (ftruncate(files[1].fd, (off_t)size) < 0)
			printf("Bail out! cannot cut\n");
		struct record_pairs *pairs = open_pairs(&files[0], &files[1], &err);
		while (pairs && (status = record_pairs_next(pairs, &a, &b, &err)) > 0)
			continue;
		failed += status < 0 && strstr(err.text, files[1].path) != NULL;
		whole += status == 0;
		record_pairs_close(pairs);
		if (size < all.size && pwrite(files[1].fd, all.data, all.size, 0) < 0)
			printf("Bail out! cannot write\n");
	}
	is_int(failed, (long long)all.size, "every beginning of the partner stream is an error");
	is_int(whole, 1, "the whole is none");
	free(all.data);
	close_files(files, 2);
}

static void unfit(void)
{
	static const struct line good[] = {{3, "ab", 0, 0}, {0}};
	static const struct line bad[] = {{3, "ax", 0, 0}, {0}};
	char *paths[] = {NULL, (char[]){"-"}};
	struct file files[2];
	struct record a, b;
	struct err err;

	write_stream(&files[0], good, false);
	write_stream(&files[1], bad, false);
	struct record_pairs *pairs = open_pairs(&files[0], &files[1], &err);
	ok(record_pairs_next(pairs, &a, &b, &err) < 0 && strstr(err.text, files[1].path) &&
	   strstr(err.text, "'x'"), "a partner's character that the model lacks: %s", err.text);
	record_pairs_close(pairs);
	strcpy(files[1].path, "/nonexistent");
	ok(open_pairs(&files[0], &files[1], &err) == NULL && strstr(err.text, "/nonexistent"),
	   "a partner file that is not there: %s", err.text);
	ok(open_pairs(&files[1], &files[0], &err) == NULL && strstr(err.text, "/nonexistent"),
	   "a file of records: %s", err.text);

	err = (struct err){0};
	ok(record_pairs_open(NULL, 0, "-", model, &err) == NULL && err.status == ERR_USAGE &&
	   strstr(err.text, "standard input"), "both from standard input: %s", err.text);
	err = (struct err){0};
	paths[0] = files[0].path;
	ok(record_pairs_open(paths, 2, "-", model, &err) == NULL && err.status == ERR_USAGE,
	   "also if it is one file among others");
	record_pairs_close(NULL);
	close_files(files, 2);
}

/* ---- rows ---- */

static void rows(void)
{
	static const struct line from[] = {{3, "aab", 2, 0}, {5, "aab", 2, 0}, {0}};
	static const struct line partner[] = {{3, "bbac", 2, 0}, {4, "a", 0, 0}, {5, "ab", 1, 0}, {0}};
	const int32_t row[] = {2, 0};
	int32_t fellow[2];
	struct file files[2];
	struct record a, b;
	struct err err;

	write_stream(&files[0], from, false);
	write_stream(&files[1], partner, false);
	struct record_pairs *pairs = open_pairs(&files[0], &files[1], &err);
	ok(record_pairs_next(pairs, &a, &b, &err) == 1 &&
	   record_pairs_align(pairs, &a, &b, row, 2, fellow, &err) == 0 && fellow[0] == 2 &&
	   fellow[1] == 0, "rows that fit: %s", err.text);
	ok(record_pairs_next(pairs, &a, &b, &err) == 1 &&
	   record_pairs_align(pairs, &a, &b, (int32_t[]){1}, 1, fellow, &err) < 0,
	   "a row that does not: %s", err.text);
	char want[300];
	const char *at_a = strstr(err.text, ": byte ");
	const char *at_b = at_a ? strstr(at_a + 1, ": byte ") : NULL;
	snprintf(want, sizeof want, ", record 1: id 5, with its partner of %s: byte ", files[1].path);
	ok(strncmp(err.text, files[0].path, strlen(files[0].path)) == 0 && at_b &&
	   strstr(err.text, want), "names file, byte, record and id of the record");
	ok(at_b && strstr(at_b, ", record 2: id 5: row 1 is at offset 1 in span 0 of kind 'n', and the "
	                        "partner's has only 1 row"), "and of its partner, and says why");
	record_pairs_close(pairs);
	close_files(files, 2);
}

/* A message keeps its end, which says what is wrong, if the paths are long. */
static void long_paths(void)
{
	static const struct line line[] = {{3, "a", 0, 0}, {0}};
	static const char end[] = "and this is the end";
	struct file files[2];
	struct record a, b;
	struct err err;

	for (int i = 0; i < 2; i++) {
		write_stream(&files[i], line, false);
		snprintf(files[i].path, sizeof files[i].path,
		         "/proc/self/fd/../fd/../fd/../fd/../fd/../fd/../fd/../fd/../fd/../fd/../fd/../"
		         "fd/../fd/../fd/../fd/../fd/../fd/../fd/%d", files[i].fd);
	}
	struct record_pairs *pairs = open_pairs(&files[0], &files[1], &err);
	ok(record_pairs_next(pairs, &a, &b, &err) == 1 &&
	   record_pairs_bad(pairs, &err, "%0150d%s", 0, end) == -1, "a long message");
	const size_t size = strlen(err.text), wanted = strlen(end);
	is_string(size > wanted ? err.text + size - wanted : err.text, end, "ends as it should");
	record_pairs_close(pairs);
	close_files(files, 2);
}

int main(void)
{
	struct err err = {0};

	model = vocab_new("abc", 3, &err);
	in_step();
	without_partner();
	samples();
	cut_off();
	unfit();
	rows();
	long_paths();
	vocab_free(model);
	return done();
}
