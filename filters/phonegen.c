/* phonegen - phone-book records, as in the article. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/options.h"
#include "common/data/phonebook.h"

static int64_t count = 1000;
static int64_t first = 0;
static int64_t seed = 1;
static int64_t total = -1; /* of all jobs together; -1: not said */
static const char *names_path; /* NULL: the built-in list */
static struct option_range entries = {5, 5};
static enum { PRESENT, ABSENT } query = PRESENT;
static bool published;

static const struct option options[] = {
	{.name = "count", .key = 'n', .type = OPTION_INT, .value = &count, .argument = "N", .min = 0,
	 .max = 1e18, .text = "records to write (default 1000)"},
	{.name = "first", .type = OPTION_INT, .value = &first, .argument = "I", .min = 0, .max = 1e18,
	 .text = "index of the first record (default 0)"},
	{.name = "seed", .key = 's', .type = OPTION_INT, .value = &seed, .argument = "S", .min = 0,
	 .max = 0x1p63, .text = "seed of everything drawn (default 1)"},
	{.name = "total", .type = OPTION_INT, .value = &total, .argument = "N", .min = 0, .max = 1e18,
	 .text = "records that all jobs write together: a reader fails if some are missing"},
	{.name = "names", .type = OPTION_TEXT, .value = &names_path, .argument = "FILE",
	 .text = "given names, one per line (default: the built-in list)"},
	{.name = "entries", .key = 'e', .type = OPTION_RANGE, .value = &entries,
	 .argument = "N|MIN-MAX", .min = 1, .max = PHONEBOOK_ENTRIES_MAX,
	 .text = "lines of a book (default 5)"},
	{.name = "query", .key = 'q', .type = OPTION_WORD, .value = &query,
	 .argument = "present|absent",
	 .text = "ask for a name that is in the book, or for one that is not (default present)"},
	{.name = "published", .type = OPTION_FLAG, .value = &published,
	 .text = "draw a new number for the answer, as the article's program did"},
	{0},
};

static const struct program program = {
	.operands = "",
	.text = "Write phone-book records as a stream of text.",
	.options = options,
};

static json_t *make_header(const struct names *names, int argc, char **argv)
{
	char *alphabet = phonebook_alphabet(names);
	json_t *header = header_new(STREAM_TEXT, NULL, argc, argv);

	if (!alphabet || !header ||
	    json_object_set_new(header, "alphabet", json_string(alphabet)) < 0)
		die("out of memory");
	free(alphabet);
	if (total >= 0)
		header_set_total(header, total);
	return header;
}

static int generate(struct phonebook *book, struct stream_writer *writer,
                    const struct span_kinds *kinds, struct err *err)
{
	struct record record;

	for (int64_t i = 0; i < count; i++) {
		phonebook_record(book, (uint64_t)seed, (uint64_t)(first + i), &record);
		if (record_write_text(writer, &record, kinds, err) < 0)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct span_kinds kinds;

	options_parse(&program, argc, argv);
	if (total >= 0 && count > total)
		die_usage("--total: %jd is less than the %jd records of this job", (intmax_t)total,
		          (intmax_t)count);
	struct names *names = names_path ? names_load(names_path, &err) : names_bundled(&err);
	if (!names)
		err_exit(&err);
	span_kinds_init(&kinds);
	struct phonebook *book = phonebook_new(&(struct phonebook_options){
		.names = names,
		.entries_min = (int)entries.min,
		.entries_max = (int)entries.max,
		.absent = query == ABSENT,
		.published = published,
	}, &kinds, &err);
	if (!book)
		err_exit(&err);
	json_t *header = make_header(names, argc, argv);
	struct stream_writer *writer = stream_create(STDOUT_FILENO, "standard output", header, &err);
	json_decref(header);
	if (!writer || generate(book, writer, &kinds, &err) < 0 || stream_end(writer, &err) < 0)
		err_exit(&err);
	phonebook_free(book);
	names_free(names);
	return 0;
}
