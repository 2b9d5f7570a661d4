#include "common/data/phonebook.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/stream/charset.h"

static const char top[] = "{B}\n", rule[] = "=========", bottom[] = "{E}\n";

struct entry {
	uint64_t name; /* first * N + last */
	char number[PHONE_BYTES];
};

struct phonebook {
	struct phonebook_options options;
	uint64_t full_names; /* N² */
	struct {
		int name, number, rule, ask, answer;
	} kind;
	double name_nats; /* 2 ln N */
	double *ln; /* ln[i] = ln i, for i up to entries_max + 1 */
	struct entry *entries; /* [entries_max] */
	struct span *spans; /* [2 entries_max + 3] */
	char *text;
};

/* One uniform number below the product of all radices is one phone number: the
 * digits are its places in a mixed radix, of which position 5 takes one of 72,
 * to be shared by 8 or by 9 digits alike, and position 9 one of 90, for 9 or 10. */
void phone_draw(struct rng *rng, char text[PHONE_BYTES])
{
	uint64_t x = rng_below(rng, 900ull * 81 * 72 * 1000 * 90);
	unsigned area = (unsigned)(x % 900) + 100;
	x /= 900;
	unsigned pair = (unsigned)(x % 81), third = (unsigned)(x / 81 % 72);
	x /= 81 * 72;
	unsigned line = (unsigned)(x % 1000), last = (unsigned)(x / 1000);

	text[0] = (char)('0' + area / 100);
	text[1] = (char)('0' + area / 10 % 10);
	text[2] = (char)('0' + area % 10);
	text[3] = '-';
	text[4] = (char)('0' + pair / 9);
	text[5] = (char)('0' + pair % 9);
	text[6] = (char)('0' + (pair == 0 ? 1 + third / 9 : third / 8));
	text[7] = '-';
	text[8] = (char)('0' + line / 100);
	text[9] = (char)('0' + line / 10 % 10);
	text[10] = (char)('0' + line % 10);
	if (line % 111 == 0) { /* 000, 111, … 999: one digit less for the last */
		last /= 10;
		last += last >= line / 111;
	} else {
		last /= 9;
	}
	text[11] = (char)('0' + last);
}

bool phone_form(const uint32_t *codes, size_t length)
{
	for (size_t i = 0; length == PHONE_BYTES && i < length; i++)
		if (i == 3 || i == 7 ? codes[i] != '-' : codes[i] < '0' || codes[i] > '9')
			return false;
	return length == PHONE_BYTES;
}

double phone_nats(const char text[PHONE_BYTES])
{
	const double ln8 = 2.0794415416798357, ln9 = 2.1972245773362196, ln10 = M_LN10;
	bool zeros = text[4] == '0' && text[5] == '0';
	bool triple = text[8] == text[9] && text[9] == text[10];

	/* positions 0, 3 and 4 take 9 digits; 1, 2, 6, 7 and 8 take 10 */
	return 3 * ln9 + 5 * ln10 + (zeros ? ln8 : ln9) + (triple ? ln9 : ln10);
}

static int check_options(const struct phonebook_options *options, struct err *err)
{
	uint64_t n = (uint64_t)options->names->count;

	if (options->entries_min < 1 || options->entries_max > PHONEBOOK_ENTRIES_MAX ||
	    options->entries_min > options->entries_max)
		return err_usage(err, "%d to %d entries, expected 1 to %d, the smaller number first",
		                 options->entries_min, options->entries_max, PHONEBOOK_ENTRIES_MAX);
	if (options->absent && n * n <= (uint64_t)options->entries_max)
		return err_usage(err, "%llu full names may all stand in a book of %d entries, "
		                 "so that none is absent; expected more names or fewer entries",
		                 (unsigned long long)(n * n), options->entries_max);
	return 0;
}

/* Bytes of the longest text a record can have. */
static size_t text_bound(const struct phonebook_options *options)
{
	size_t longest = 0;

	for (int i = 0; i < options->names->count; i++)
		if (options->names->name[i].size > longest)
			longest = options->names->name[i].size;
	size_t line = 2 * longest + strlen(" ") + strlen(": ") + PHONE_BYTES + strlen(" \n");
	return sizeof top + sizeof rule + sizeof bottom + 1 +
	       line * ((size_t)options->entries_max + 1);
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
		book->spans = malloc((2 * entries + 3) * sizeof *book->spans);
		book->text = malloc(text_bound(options));
	}
	if (!book || !book->ln || !book->entries || !book->spans || !book->text) {
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
	return book;
}

void phonebook_free(struct phonebook *book)
{
	if (!book)
		return;
	free(book->ln);
	free(book->entries);
	free(book->spans);
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

/* A text with its spans as it grows. */
struct page {
	char *at;
	uint32_t length; /* code points so far */
	struct span *span; /* the next one */
};

static void put(struct page *page, const char *text, size_t size)
{
	memcpy(page->at, text, size);
	page->at += size;
	page->length += (uint32_t)size;
}

static void put_name(struct page *page, const struct name *name)
{
	memcpy(page->at, name->text, name->size);
	page->at += name->size;
	page->length += name->length;
}

/* The span of what was put since begin. */
static void put_span(struct page *page, uint32_t begin, int kind, int entry, double nats)
{
	*page->span++ = (struct span){begin, page->length, kind, entry, nats};
}

/* One line: "First Last: number \n", its spans of these kinds. */
static void put_line(struct page *page, const struct phonebook *book, uint64_t full_name,
                     const char *number, int name_kind, int number_kind, int entry,
                     double name_nats, double number_nats)
{
	const struct names *names = book->options.names;
	uint32_t begin = page->length;

	put_name(page, &names->name[full_name / (uint64_t)names->count]);
	put(page, " ", 1);
	put_name(page, &names->name[full_name % (uint64_t)names->count]);
	put_span(page, begin, name_kind, entry, name_nats);
	put(page, ": ", 2);
	begin = page->length;
	put(page, number, PHONE_BYTES);
	put_span(page, begin, number_kind, entry, number_nats);
	put(page, " \n", 2);
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
	put(page, top, sizeof top - 1);
	for (int i = 0; i < entries; i++) {
		const struct entry *entry = &book->entries[i];
		put_line(page, book, entry->name, entry->number, book->kind.name, book->kind.number,
		         i, book->name_nats + another_nats(book, i), phone_nats(entry->number));
	}
	uint32_t begin = page->length;
	put(page, rule, sizeof rule - 1);
	put_span(page, begin, book->kind.rule, -1, book->ln[book->options.entries_max - entries + 1]);
	put(page, "\n", 1);
}

void phonebook_record(struct phonebook *book, uint64_t seed, uint64_t index,
                      struct record *record)
{
	const struct phonebook_options *options = &book->options;
	struct page page = {.at = book->text, .span = book->spans};
	char fresh[PHONE_BYTES];
	struct rng rng;

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

	write_book(&page, book, entries);
	put_line(&page, book, question.name, question.number, book->kind.ask, book->kind.answer,
	         question.entry, question.name_nats, question.number_nats);
	put(&page, bottom, sizeof bottom - 1);
	*record = (struct record){
		.id = index,
		.text = book->text,
		.size = (size_t)(page.at - book->text),
		.length = page.length,
		.spans = book->spans,
		.span_count = (uint32_t)(page.span - book->spans),
	};
}

char *phonebook_alphabet(const struct names *names)
{
	struct charset *set = calloc(1, sizeof *set);
	struct err ignored = {0};
	char *text = NULL;

	if (!set)
		return NULL;
	charset_add(set, top, sizeof top - 1, &ignored);
	charset_add(set, rule, sizeof rule - 1, &ignored);
	charset_add(set, bottom, sizeof bottom - 1, &ignored);
	charset_add(set, " :-0123456789", strlen(" :-0123456789"), &ignored);
	for (int i = 0; i < names->count; i++)
		charset_add(set, names->name[i].text, names->name[i].size, &ignored);
	text = charset_text(set);
	free(set);
	return text;
}
