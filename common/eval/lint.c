#include "common/eval/lint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/array.h"
#include "common/base/utf8.h"
#include "common/eval/book_line.h"
#include "common/stream/token_spans.h"

struct lint {
	uint32_t context;
	bool people; /* count names and facts */
	struct lint_counts counts;
	uint64_t *held; /* sorted when the first record comes */
	size_t held_room;
	bool sorted;
	struct share derived; /* counts.derived of those records that tell by themselves */
	uint64_t bare; /* answers to an ask without entries that do not stand before themselves */
	uint64_t undecided;
	struct share known; /* counts.known of those records that tell by themselves */
	uint64_t bare_known; /* of the bare answers: those that the directory has */
	uint64_t directories; /* names asked for that the directory has */
	uint32_t *codes; /* of the record under way */
	size_t code_room;
	struct book book;
	struct book_line *entry; /* its text */
	size_t entry_room;
	uint64_t *hash; /* of its names */
	size_t hash_room;
};

struct lint *lint_new(uint32_t context, struct err *err)
{
	struct lint *lint = calloc(1, sizeof *lint);

	if (lint)
		lint->context = context;
	else
		err_set(err, "out of memory");
	return lint;
}

void lint_free(struct lint *lint)
{
	if (!lint)
		return;
	free(lint->held);
	free(lint->codes);
	book_release(&lint->book);
	free(lint->entry);
	free(lint->hash);
	occurrences_release(&lint->counts.asked_names);
	occurrences_release(&lint->counts.book_names);
	occurrences_release(&lint->counts.facts);
	free(lint);
}

void lint_people(struct lint *lint)
{
	lint->people = true;
}

/* An ask without entries: its book is empty if other records have books, or if there is a
 * directory. */
const struct lint_counts *lint_counts(struct lint *lint)
{
	const bool books = lint->counts.duplicate.of > 0 || lint->directories > 0;

	lint->counts.derived = lint->derived;
	lint->counts.derived.of += books ? lint->bare : 0;
	lint->counts.undecided = lint->undecided + (books ? 0 : lint->bare);
	lint->counts.fresh = (struct share){0};
	if (lint->directories > 0)
		lint->counts.fresh = (struct share){
			lint->counts.asked - lint->directories, lint->counts.asked,
		};
	lint->counts.known = lint->known;
	lint->counts.known.right += books ? lint->bare_known : 0;
	lint->counts.known.of += books ? lint->bare : 0;
	return &lint->counts;
}

/* ---- both sides of a split ---- */

int lint_hold(struct lint *lint, const struct record *record, struct err *err)
{
	if (array_reserve(&lint->held, &lint->held_room, lint->counts.held + 1) < 0)
		return err_set(err, "out of memory for the records held out");
	lint->held[lint->counts.held++] = XXH3_64bits(record->text, record->size);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* Sort what is held out, each text once. */
static void sort_held(struct lint *lint)
{
	size_t count = 0;

	if (lint->counts.held > 0)
		qsort(lint->held, lint->counts.held, sizeof *lint->held, compare);
	for (size_t i = 0; i < lint->counts.held; i++)
		if (i == 0 || lint->held[i] != lint->held[count - 1])
			lint->held[count++] = lint->held[i];
	lint->counts.held = count;
	lint->sorted = true;
}

static bool is_held(const struct lint *lint, const struct record *record)
{
	uint64_t hash = XXH3_64bits(record->text, record->size);

	return bsearch(&hash, lint->held, lint->counts.held, sizeof hash, compare) != NULL;
}

/* ---- one record ---- */

/* A record and what its spans say. */
struct page {
	const struct record *record;
	const struct vocab *vocab; /* of its tokens; NULL: each is a character */
	const uint32_t *codes;
	const struct span *ask, *answer; /* NULL: none */
	struct slice asked, wanted; /* their texts */
	struct slice directory; /* what the directory has; codes NULL: it is not known */
	const struct book_line *entry;
	uint32_t entries;
	bool facts; /* is there a `fact` or a place that states an answer before the answer? */
};

static int read_page(struct lint *lint, struct page *page, const struct span_kinds *kinds,
                     struct err *err)
{
	const int fact = span_kind_find(kinds, "fact");
	const int contextual = span_kind_find(kinds, "contextual");
	const struct record *record = page->record;
	struct book *book = &lint->book;

	const struct piece *known = &record->directory;
	const uint32_t length = record->text_length;

	if (array_reserve(&lint->codes, &lint->code_room, length + known->size) < 0)
		return err_set(err, "out of memory for a record");
	text_codes(record->text, record->size, lint->codes);
	if (known->bytes) {
		text_codes(known->bytes, known->size, lint->codes + length);
		page->directory = slice_of(lint->codes + length, 0,
		                           (uint32_t)text_length(known->bytes, known->size));
	}
	if (book_read(book, (struct book_text){lint->codes, sizeof *lint->codes, NULL},
	              record->text_spans, record->text_span_count, kinds, err) < 0)
		return -1;
	if (array_reserve(&lint->entry, &lint->entry_room, book->entries) < 0)
		return err_set(err, "out of memory for a record");
	page->codes = lint->codes;
	page->ask = book->ask;
	page->answer = book->answer;
	if (page->answer)
		page->wanted = slice_of_span(page->codes, page->answer);
	if (page->ask)
		page->asked = slice_of_span(page->codes, page->ask);
	book_lines(book, lint->codes, page->asked, lint->entry);
	page->entry = lint->entry;
	page->entries = book->entries;
	for (const struct span *span = book->begin; span < book->end; span++)
		page->facts |= span->kind == fact || span->kind == contextual;
	return 0;
}

/* Does the answer's text stand anywhere before it? */
static bool stands_before(const struct page *page)
{
	const struct slice *wanted = &page->wanted;

	for (uint32_t at = 0; at + wanted->length <= page->answer->begin; at++)
		if (slice_equal(*wanted, (struct slice){page->codes + at, wanted->length}))
			return true;
	return false;
}

/* The entry that the answer can be read from: one of the name asked for. One with the right
 * number is preferred, then the last one. NULL: none. */
static const struct book_line *source_of(const struct page *page)
{
	const struct book_line *found = NULL;
	bool right = false;

	for (uint32_t i = 0; i < page->entries; i++) {
		const struct book_line *entry = &page->entry[i];
		bool same = slice_equal(entry->number, page->wanted);
		if (!entry->asked || (right && !same))
			continue;
		found = entry;
		right = same;
	}
	return found;
}

/* Are the numbers of two entries of one kind? */
static bool same_kind(const struct lint *lint, const struct page *page, const struct book_line *a,
                      const struct book_line *b)
{
	const struct book_entry *entry = lint->book.entry;

	return entry[a - page->entry].number->kind == entry[b - page->entry].number->kind;
}

static void count_digits(struct lint_counts *counts, const struct page *page)
{
	bool digit[SLICE_DIGITS];

	for (uint32_t i = 0; i < page->entries; i++) {
		int digits = slice_digits(page->entry[i].number, page->wanted, digit);
		for (int j = 0; j < digits; j++)
			share_add(page->entry[i].asked ? &counts->digits_own : &counts->digits_other, digit[j]);
	}
}

/* Count the windows of running text in which the answer begins, and those among them that
 * begin too late. */
static void count_windows(struct lint *lint, const struct page *page,
                          const struct book_line *source)
{
	const struct record *record = page->record;
	const struct tokenized of = {page->vocab, record->text, record->size, record->tokens,
	                             record->length};
	uint32_t place[2] = {(uint32_t)(source->name.codes - page->codes), page->answer->begin};

	if (page->vocab)
		places_in_tokens(&of, place, 2, place);
	uint64_t lost = place[1] - place[0] - 1;

	lint->counts.window_lost.right += lost < lint->context ? lost : lint->context;
	lint->counts.window_lost.of += lint->context;
}

/* Does the directory contradict each line of the name asked for? */
static void count_conflict(struct lint_counts *counts, const struct page *page)
{
	bool in_book = false, agrees = false;

	for (uint32_t i = 0; page->directory.codes && i < page->entries; i++) {
		if (!page->entry[i].asked)
			continue;
		in_book = true;
		agrees |= slice_equal(page->entry[i].number, page->directory);
	}
	if (in_book)
		share_add(&counts->conflict, !agrees);
}

/* Count whether an answer is derived. If it is not, it may be known. */
static void count_derived(struct lint *lint, bool derived, bool known)
{
	share_add(&lint->derived, derived);
	if (!derived)
		share_add(&lint->known, known);
}

static void count_answer(struct lint *lint, const struct page *page)
{
	const struct book_line *source = source_of(page);
	struct lint_counts *counts = &lint->counts;
	bool before = stands_before(page);
	bool known = page->directory.codes && slice_equal(page->directory, page->wanted);
	bool ambiguous = false;

	share_add(&counts->in_context, before);
	counts->asked += page->ask != NULL;
	if (!page->ask || page->entries == 0) {
		if (before || page->facts || page->entries > 0) {
			count_derived(lint, before, known);
		} else {
			*(page->ask ? &lint->bare : &lint->undecided) += 1;
			lint->bare_known += page->ask && known;
		}
		return;
	}
	count_conflict(counts, page);
	count_derived(lint, source && slice_equal(source->number, page->wanted), known);
	share_add(&counts->in_book, source != NULL);
	for (uint32_t i = 0; i < page->entries; i++)
		ambiguous |= page->entry[i].asked && same_kind(lint, page, &page->entry[i], source) &&
		             !slice_equal(page->entry[i].number, source->number);
	share_add(&counts->ambiguous, ambiguous);
	if (!source)
		return;
	count_digits(counts, page);
	if (lint->context > 0)
		count_windows(lint, page, source);
}

/* Do two entries have the same name? -1 with err set if memory is out. */
static int has_duplicate(struct lint *lint, const struct page *page, struct err *err)
{
	size_t names = 0;

	if (array_reserve(&lint->hash, &lint->hash_room, page->entries) < 0)
		return err_set(err, "out of memory for a record");
	for (uint32_t i = 0; i < page->entries; i++) {
		struct slice name = page->entry[i].name;
		if (i == 0 || name.codes != page->entry[i - 1].name.codes) /* else one with two numbers */
			lint->hash[names++] = XXH3_64bits(name.codes, name.length * sizeof *name.codes);
	}
	qsort(lint->hash, names, sizeof *lint->hash, compare);
	for (size_t i = 1; i < names; i++)
		if (lint->hash[i] == lint->hash[i - 1])
			return 1;
	return 0;
}

/* A name with several numbers is several facts, but one person. */
static int count_people(struct lint_counts *counts, const struct page *page, struct err *err)
{
	const struct slice none = {0};

	for (uint32_t i = 0; i < page->entries; i++) {
		const struct book_line *entry = &page->entry[i];
		const bool more = i > 0 && entry->name.codes == page->entry[i - 1].name.codes;
		if ((!more && occurrences_add(&counts->book_names, entry->name, none, err) < 0) ||
		    occurrences_add(&counts->facts, entry->name, entry->number, err) < 0)
			return -1;
	}
	if (!page->ask || !page->answer)
		return 0;
	return occurrences_add(&counts->asked_names, page->asked, none, err) < 0 ||
	       occurrences_add(&counts->facts, page->asked, page->wanted, err) < 0 ? -1 : 0;
}

int lint_record(struct lint *lint, const struct record *record, const struct vocab *vocab,
                const struct span_kinds *kinds, struct err *err)
{
	struct lint_counts *counts = &lint->counts;
	struct page page = {
		.record = record, .vocab = vocab && !vocab_is_characters(vocab) ? vocab : NULL,
	};

	if (!lint->sorted)
		sort_held(lint);
	if (read_page(lint, &page, kinds, err) < 0)
		return -1;
	counts->records++;
	counts->characters += record->text_length;
	if (record->text_length > counts->longest)
		counts->longest = record->text_length;
	for (uint32_t i = 0; i < record->text_span_count; i++) {
		counts->floor[record->text_spans[i].kind].spans++;
		counts->floor[record->text_spans[i].kind].nats += record->text_spans[i].nats;
	}
	if (page.entries > 0) {
		int duplicate = has_duplicate(lint, &page, err);
		if (duplicate < 0)
			return -1;
		share_add(&counts->duplicate, duplicate);
	}
	lint->directories += page.ask && page.answer && page.directory.codes;
	if (page.answer)
		count_answer(lint, &page);
	if (lint->people && count_people(counts, &page, err) < 0)
		return -1;
	if (lint->context > 0)
		share_add(&counts->too_long, record->length > lint->context);
	if (counts->held > 0)
		share_add(&counts->both_sides, is_held(lint, record));
	return 0;
}

/* The width of a share's 95% interval. */
static double width(const struct share *share)
{
	const struct mean mean = share_mean(share);

	return mean.high - mean.low;
}

bool lint_independent(const struct lint_counts *counts)
{
	const struct share *own = &counts->digits_own, *other = &counts->digits_other;

	if (counts->asked == 0 || counts->derived.right > 0 || counts->known.right > 0 ||
	    counts->in_book.right == 0 || own->of == 0)
		return false;
	const double mean = share_mean(own).mean;
	if (other->of == 0) /* books of one line: a digit is any of about ten */
		return fabs(mean - 0.1) <= width(own) + 0.02;
	return fabs(mean - share_mean(other).mean) <= width(own) + width(other);
}
