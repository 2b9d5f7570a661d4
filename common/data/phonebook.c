#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/phonebook_private.h"
#include "common/stream/charset.h"

static int check_options(const struct phonebook_options *options, struct err *err)
{
	uint64_t n = (uint64_t)options->names->count;

	if (options->entries_min < 1 || options->entries_max > PHONEBOOK_ENTRIES_MAX ||
	    options->entries_min > options->entries_max)
		return err_usage(err, "%d to %d entries, expected 1 to %d, the smaller number first",
		                 options->entries_min, options->entries_max, PHONEBOOK_ENTRIES_MAX);
	if (options->people)
		return phonebook_people_check(options, err);
	if (options->absent && n * n <= (uint64_t)options->entries_max)
		return err_usage(err, "%llu full names may all stand in a book of %d entries, "
		                 "so that none is absent; expected more names or fewer entries",
		                 (unsigned long long)(n * n), options->entries_max);
	return 0;
}

struct phonebook *phonebook_new(const struct phonebook_options *options,
                                struct span_kinds *kinds, struct err *err)
{
	if (check_options(options, err) < 0)
		return NULL;

	struct phonebook *book = calloc(1, sizeof *book);
	size_t entries = (size_t)options->entries_max;
	if (book) {
		book->ln = malloc((entries + 2) * sizeof *book->ln);
		book->entries = malloc(entries * sizeof *book->entries);
		book->spans = malloc((2 * entries + 4) * sizeof *book->spans);
		book->inverse = malloc((entries + 2) * sizeof *book->inverse);
		book->taken = malloc((entries + 1) * sizeof *book->taken);
		book->text = malloc(page_bound(options));
	}
	if (!book || !book->ln || !book->entries || !book->spans || !book->inverse || !book->taken ||
	    !book->text) {
		phonebook_free(book);
		err_set(err, "out of memory for a book of %zu entries", entries);
		return NULL;
	}
	book->options = *options;
	book->full_names = (uint64_t)options->names->count * (uint64_t)options->names->count;
	book->name_nats = 2 * log(options->names->count);
	for (size_t i = 1; i < entries + 2; i++)
		book->ln[i] = log((double)i);
	book->kind.name = span_kind(kinds, "name", 4);
	book->kind.number = span_kind(kinds, "number", 6);
	book->kind.rule = span_kind(kinds, "rule", 4);
	book->kind.ask = span_kind(kinds, "ask", 3);
	book->kind.answer = span_kind(kinds, "answer", 6);
	if (options->people)
		phonebook_people_init(book, kinds);
	return book;
}

void phonebook_free(struct phonebook *book)
{
	if (!book)
		return;
	free(book->ln);
	free(book->entries);
	free(book->spans);
	free(book->inverse);
	free(book->taken);
	free(book->text);
	free(book);
}

/* What is asked: a full name and a number, with their information. */
struct question {
	uint64_t name;
	const char *number;
	int entry; /* the line asked for, -1: absent */
	double name_nats, number_nats;
};

static int count_name(const struct phonebook *book, int entries, uint64_t name)
{
	int count = 0;

	for (int i = 0; i < entries; i++)
		count += book->entries[i].name == name;
	return count;
}

static int count_entry(const struct phonebook *book, int entries, const struct entry *entry)
{
	int count = 0;

	for (int i = 0; i < entries; i++)
		count += book->entries[i].name == entry->name &&
		         memcmp(book->entries[i].number, entry->number, PHONE_BYTES) == 0;
	return count;
}

/* Each line is asked for with the same probability. */
static struct question ask_present(const struct phonebook *book, int entries, struct rng *rng)
{
	int asked = (int)rng_below(rng, (uint64_t)entries);
	const struct entry *entry = &book->entries[asked];
	int same_name = count_name(book, entries, entry->name);
	int same = same_name == 1 ? 1 : count_entry(book, entries, entry);

	return (struct question){
		.name = entry->name,
		.number = entry->number,
		.entry = asked,
		.name_nats = book->ln[entries] - book->ln[same_name],
		.number_nats = book->ln[same_name] - book->ln[same],
	};
}

/* Each full name that no line has is asked for with the same probability. */
static struct question ask_absent(const struct phonebook *book, int entries, struct rng *rng)
{
	struct question question = {.entry = -1};
	int distinct = 0;

	for (int i = 0; i < entries; i++)
		distinct += count_name(book, i, book->entries[i].name) == 0;
	do
		question.name = rng_below(rng, book->full_names);
	while (count_name(book, entries, question.name) > 0);
	question.name_nats = log((double)(book->full_names - (uint64_t)distinct));
	return question;
}

/* A book of count lines is one of those of min to max lines, all alike: what
 * the line after the first count ones tells by being there, ln of
 * (max - count + 1) / (max - count), stands on its name; what the rule tells
 * by ending the book, ln (max - count + 1), stands on the rule. */
static double another_nats(const struct phonebook *book, int count)
{
	int left = book->options.entries_max - count; /* lines that may come */

	return count < book->options.entries_min ? 0 : book->ln[left + 1] - book->ln[left];
}

static void write_book(struct page *page, const struct phonebook *book, int entries)
{
	for (int i = 0; i < entries; i++) {
		const struct entry *entry = &book->entries[i];
		page_line(page, book, entry->name, entry->number, book->kind.name, book->kind.number,
		          i, book->name_nats + another_nats(book, i), phone_nats(entry->number));
	}
	page_divide(page, book, book->ln[book->options.entries_max - entries + 1]);
}

void phonebook_record(struct phonebook *book, uint64_t seed, uint64_t index,
                      struct record *record)
{
	const struct phonebook_options *options = &book->options;
	char fresh[PHONE_BYTES];
	struct page page;
	struct rng rng;

	if (options->people) {
		phonebook_people_record(book, seed, index, record);
		return;
	}
	rng_init(&rng, seed, RNG_PHONEGEN, index);
	int entries = options->entries_min;
	if (options->entries_max > options->entries_min)
		entries += (int)rng_below(&rng, (uint64_t)(options->entries_max - entries + 1));
	for (int i = 0; i < entries; i++) {
		book->entries[i].name = rng_below(&rng, book->full_names);
		phone_draw(&rng, book->entries[i].number);
	}
	struct question question =
		options->absent ? ask_absent(book, entries, &rng) : ask_present(book, entries, &rng);
	if (options->absent || options->published) {
		phone_draw(&rng, fresh);
		question.number = fresh;
		question.number_nats = phone_nats(fresh);
	}

	page_begin(&page, book);
	write_book(&page, book, entries);
	page_line(&page, book, question.name, question.number, book->kind.ask, book->kind.answer,
	          question.entry, question.name_nats, question.number_nats);
	page_end(&page, book, index, record);
}

char *phonebook_alphabet(const struct names *names)
{
	struct charset *set = calloc(1, sizeof *set);
	struct err ignored = {0};
	char *text = NULL;

	if (!set)
		return NULL;
	charset_add(set, page_top, strlen(page_top), &ignored);
	charset_add(set, page_rule, strlen(page_rule), &ignored);
	charset_add(set, page_bottom, strlen(page_bottom), &ignored);
	charset_add(set, " :-0123456789", strlen(" :-0123456789"), &ignored);
	for (int i = 0; i < names->count; i++)
		charset_add(set, names->name[i].text, names->name[i].size, &ignored);
	text = charset_text(set);
	free(set);
	return text;
}
