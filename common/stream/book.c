#include "common/stream/book.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/stream/token_spans.h"

/* The ask and the answer; what stands before the answer is the book's. */
static void find_question(struct book *book, const struct span *spans, uint32_t count)
{
	book->ask = book->answer = NULL;
	book->begin = book->end = spans;
	for (uint32_t i = 0; i < count && !book->answer; i++) {
		if (spans[i].kind == book->ask_kind)
			book->ask = &spans[i];
		if (spans[i].kind == book->answer_kind)
			book->answer = &spans[i];
		else
			book->end = &spans[i] + 1;
	}
}

/* ---- the kinds of names and numbers ---- */

/* May this span be a name or a number? */
static bool is_stretch(const struct book *book, const struct span *span)
{
	return span->entry >= 0 && span->kind != book->ask_kind && span->kind != book->answer_kind;
}

static bool is_number(const struct book *book, const struct span *span)
{
	return is_stretch(book, span) && span->kind != book->name_kind &&
	       (book->number_kind < 0 || span->kind == book->number_kind);
}

static bool same_text(const struct book *book, const struct span *a, const struct span *b)
{
	const size_t unit = book->text.unit, length = a->end - a->begin;
	const char *text = book->text.at;

	if (text && book->text.vocab)
		return spans_same_text(book->text.vocab, book->text.at, a, b);
	return text && length == b->end - b->begin &&
	       memcmp(text + a->begin * unit, text + b->begin * unit, length * unit) == 0;
}

/* The words `name` and `number` if the book has both. Else the first stretch is a name, and
 * stretches of all other kinds are numbers. */
static void kinds_by_words(struct book *book, const struct span_kinds *kinds)
{
	const int name = span_kind_find(kinds, "name"), number = span_kind_find(kinds, "number");
	bool has_name = false, has_number = false;

	book->name_kind = book->number_kind = -1;
	for (const struct span *s = book->begin; s < book->end; s++) {
		if (!is_stretch(book, s))
			continue;
		if (book->name_kind < 0)
			book->name_kind = s->kind;
		has_name |= s->kind == name;
		has_number |= s->kind == number;
	}
	if (has_name && has_number) {
		book->name_kind = name;
		book->number_kind = number;
	}
}

/* The names are of the kind of a stretch that the ask repeats. */
static void name_kind_by_text(struct book *book)
{
	const struct span *found = NULL;

	for (const struct span *s = book->begin; book->ask && s < book->end; s++)
		if (is_stretch(book, s) && (!found || s->kind == book->name_kind) &&
		    same_text(book, s, book->ask)) {
			found = s;
			if (s->kind == book->name_kind)
				return;
		}
	if (!found)
		return;
	book->name_kind = found->kind;
	book->number_kind = -1;
}

/* The end of the item that begins here: a span of another entry, an ask, or a name of no
 * entry. */
static const struct span *item_end(const struct book *book, const struct span *item)
{
	const struct span *s = item + 1;

	while (s < book->end && s->kind != book->ask_kind &&
	       (s->entry < 0 ? s->kind != book->name_kind : s->entry == item->entry))
		s++;
	return s;
}

/* The numbers are of the kind of a stretch that the answer repeats, beside a name that the ask
 * repeats. Without an ask, beside any. */
static void number_kind_by_text(struct book *book)
{
	int found = -1;

	for (const struct span *item = book->begin, *next; book->answer && item < book->end;
	     item = next) {
		bool asked = !book->ask;
		int repeated = -1;
		next = is_stretch(book, item) ? item_end(book, item) : item + 1;
		for (const struct span *s = item; s < next; s++) {
			asked |= book->ask && is_stretch(book, s) && s->kind == book->name_kind &&
			         same_text(book, s, book->ask);
			if (is_stretch(book, s) && s->kind != book->name_kind &&
			    (repeated < 0 || s->kind == book->number_kind) &&
			    same_text(book, s, book->answer))
				repeated = s->kind;
		}
		if (asked && repeated >= 0 && (found < 0 || repeated == book->number_kind))
			found = repeated;
	}
	if (found >= 0)
		book->number_kind = found;
}

/* ---- entries ---- */

static void add_entry(struct book *book, const struct span *name, const struct span *number)
{
	book->entry[book->entries++] = (struct book_entry){name, number};
}

/* The pairs of an item: numbers belong to the last name before them, or else to the first
 * name behind them. */
static void read_item(struct book *book, const struct span *item, const struct span *end)
{
	const struct span *name = NULL;

	for (const struct span *s = item; s < end; s++) {
		if (s->kind == book->name_kind && s->entry >= 0) {
			for (const struct span *before = item; !name && before < s; before++)
				if (is_number(book, before))
					add_entry(book, s, before);
			name = s;
		} else if (name && is_number(book, s)) {
			add_entry(book, name, s);
		}
	}
}

int book_read(struct book *book, struct book_text text, const struct span *spans, uint32_t count,
              const struct span_kinds *kinds, struct err *err)
{
	const struct span *next;

	book->text = text;
	book->ask_kind = span_kind_find(kinds, "ask");
	book->answer_kind = span_kind_find(kinds, "answer");
	book->entries = 0;
	if (array_reserve(&book->entry, &book->room, count) < 0)
		return err_set(err, "out of memory for a book");
	find_question(book, spans, count);
	kinds_by_words(book, kinds);
	name_kind_by_text(book);
	number_kind_by_text(book);
	for (const struct span *item = book->begin; item < book->end; item = next) {
		next = item + 1;
		if (!is_stretch(book, item))
			continue;
		next = item_end(book, item);
		read_item(book, item, next);
	}
	return 0;
}

void book_release(struct book *book)
{
	free(book->entry);
	*book = (struct book){0};
}

const struct book_entry *book_find(const struct book *book, int entry)
{
	for (uint32_t i = 0; i < book->entries && entry >= 0; i++)
		if (book->entry[i].name->entry == entry)
			return &book->entry[i];
	return NULL;
}

bool book_is_number(const struct book *book, const struct span *span)
{
	return is_number(book, span);
}

const struct span *book_source(const struct book *book, const struct span *span)
{
	const bool answer = span->kind == book->answer_kind;
	const struct span *first = NULL;

	if ((!answer && span->kind != book->ask_kind) || span->entry < 0)
		return NULL;
	for (const struct span *s = book->begin; s < book->end && s < span; s++) {
		if (s->entry != span->entry ||
		    !(answer ? is_number(book, s) : s->kind == book->name_kind))
			continue;
		if (same_text(book, s, span))
			return s;
		if (!first)
			first = s;
	}
	return first;
}
