/* phonegen - phone-book records, as in the article, or about the people of a directory. */
#include <stdio.h>
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
static int64_t people_wanted; /* 0: there is no directory */
static int64_t directory_seed = 1;
static double skew, fresh;
static double weight[PHONEBOOK_SORTS] = {1, 0, 0};
static enum { NONE, WITHOUT } closed_book = NONE;
static enum { BOOK, DIRECTORY } conflict_answer = BOOK;

/* A list such as "open=2,closed": a sort without a number has weight 1, one that is not named 0. */
static const char *parse_mix(const char *argument, void *value)
{
	static const char expected[] = "expected a list such as open=2,closed=1,conflict=1, weights "
		"from 0 to 1000000";
	double *weights = value;
	struct err err = {0};
	char number[32];

	memset(weights, 0, PHONEBOOK_SORTS * sizeof *weights);
	for (const char *word = argument, *end; word; word = *end ? end + 1 : NULL) {
		const size_t size = strcspn(word, "=,");
		int sort = 0;
		end = word + strcspn(word, ",");
		while (sort < PHONEBOOK_SORTS && (strlen(phonebook_sort_words[sort]) != size ||
		                                  strncmp(word, phonebook_sort_words[sort], size) != 0))
			sort++;
		if (sort == PHONEBOOK_SORTS || (size_t)(end - word) - size >= sizeof number)
			return expected;
		weights[sort] = 1;
		if (word[size] != '=')
			continue;
		snprintf(number, sizeof number, "%.*s", (int)(end - word - size) - 1, word + size + 1);
		if (option_real("--mix", number, 0, 1e6, &weights[sort], &err) < 0)
			return expected;
	}
	return NULL;
}

static const struct option options[] = {
	{.type = OPTION_GROUP, .text = "Records:"},
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
	{.type = OPTION_GROUP, .text = "A directory, so that names and numbers come again:"},
	{.name = "people", .key = 'p', .type = OPTION_INT, .value = &people_wanted, .argument = "N",
	 .min = 1, .max = 1e9, .text = "take names and numbers from a directory of N people"},
	{.name = "directory-seed", .type = OPTION_INT, .value = &directory_seed, .argument = "S",
	 .min = 0, .max = 0x1p63, .text = "seed of the directory (default 1)"},
	{.name = "skew", .type = OPTION_REAL, .value = &skew, .argument = "A", .min = 0,
	 .max = PEOPLE_SKEW_MAX,
	 .text = "exponent of Zipf's law for how often each person comes (default 0: all alike)"},
	{.name = "mix", .key = 'm', .type = OPTION_CALL, .value = weight, .argument = "SORT=W,...",
	 .call = parse_mix,
	 .text = "weights of open records (the book has the number), closed ones (it does not) and "
	         "conflicts (it has another number than the directory) (default open=1)"},
	{.name = "fresh", .type = OPTION_REAL, .value = &fresh, .argument = "F", .min = 0, .max = 1,
	 .text = "share of open and closed records about people who are not in the directory "
	         "(default 0)"},
	{.name = "closed-book", .type = OPTION_WORD, .value = &closed_book,
	 .argument = "none|absent",
	 .text = "closed records have no lines, or lines of others (default none)"},
	{.name = "conflict-answer", .type = OPTION_WORD, .value = &conflict_answer,
	 .argument = "book|directory", .text = "which number answers a conflict (default book)"},
	{0},
};

static bool given[sizeof options / sizeof *options];

static const struct program program = {
	.operands = "",
	.text = "Write phone-book records as a stream of text.",
	.options = options,
	.given = given,
};

/* Options that mean nothing beside the others. */
static void check_options(void)
{
	static const char *const of_directory[] = {
		"directory-seed", "skew", "mix", "fresh", "closed-book", "conflict-answer",
	};

	if (total >= 0 && count > total)
		die_usage("--total: %jd is less than the %jd records of this job", (intmax_t)total,
		          (intmax_t)count);
	for (size_t i = 0; i < sizeof of_directory / sizeof *of_directory; i++)
		if (people_wanted == 0 && option_given(&program, of_directory[i]))
			die_usage("--%s: only with --people", of_directory[i]);
	if (people_wanted > 0 && option_given(&program, "query"))
		die_usage("--query: not with --people; --mix closed --closed-book absent asks for people "
		          "who are not in the book");
	if (people_wanted > 0 && published)
		die_usage("--published: not with --people, whose numbers are the directory's");
}

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
	check_options();
	struct names *names = names_path ? names_load(names_path, &err) : names_bundled(&err);
	if (!names)
		err_exit(&err);
	struct people *people = NULL;
	if (people_wanted > 0 && !(people = people_new(&(struct people_options){
		.names = names,
		.count = (uint64_t)people_wanted,
		.skew = skew,
		.seed = (uint64_t)directory_seed,
	}, &err)))
		err_exit(&err);
	span_kinds_init(&kinds);
	struct phonebook *book = phonebook_new(&(struct phonebook_options){
		.names = names,
		.entries_min = (int)entries.min,
		.entries_max = (int)entries.max,
		.absent = query == ABSENT,
		.published = published,
		.people = people,
		.weight = {weight[PHONEBOOK_OPEN], weight[PHONEBOOK_CLOSED], weight[PHONEBOOK_CONFLICT]},
		.fresh = fresh,
		.closed_absent = closed_book == WITHOUT,
		.answer_directory = conflict_answer == DIRECTORY,
	}, &kinds, &err);
	if (!book)
		err_exit(&err);
	json_t *header = make_header(names, argc, argv);
	struct stream_writer *writer = stream_create(STDOUT_FILENO, "standard output", header, &err);
	json_decref(header);
	if (!writer || generate(book, writer, &kinds, &err) < 0 || stream_end(writer, &err) < 0)
		err_exit(&err);
	phonebook_free(book);
	people_free(people);
	names_free(names);
	return 0;
}
