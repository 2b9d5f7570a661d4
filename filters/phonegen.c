/* phonegen - phone-book records, as in the article. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/options.h"
#include "common/data/phonebook.h"

static int64_t count = 1000;
static int64_t first = 0;
static int64_t seed = 1;
static const char *names_path; /* NULL: the built-in list */
static struct option_range entries = {5, 5};
static enum { PRESENT, ABSENT } query = PRESENT;
static bool published;

static const struct option options[] = {
	{"count", 'n', OPTION_INT, &count, "N", "records to write (default 1000)", 0, 1e18, NULL},
	{"first", 0, OPTION_INT, &first, "I", "index of the first record (default 0)", 0, 1e18, NULL},
	{"seed", 's', OPTION_INT, &seed, "S", "seed of everything drawn (default 1)", 0, 0x1p63, NULL},
	{"names", 0, OPTION_TEXT, &names_path, "FILE",
	 "given names, one per line (default: the built-in list)", 0, 0, NULL},
	{"entries", 'e', OPTION_RANGE, &entries, "N|MIN-MAX", "lines of a book (default 5)", 1,
	 PHONEBOOK_ENTRIES_MAX, NULL},
	{"query", 'q', OPTION_WORD, &query, "present|absent",
	 "ask for a name that is in the book, or for one that is not (default present)", 0, 0, NULL},
	{"published", 0, OPTION_FLAG, &published, NULL,
	 "draw a new number for the answer, as the article's program did", 0, 0, NULL},
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
