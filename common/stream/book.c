#include "common/stream/book.h"

#include <stdlib.h>

#include "common/base/array.h"

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

int book_read(struct book *book, const struct span *spans, uint32_t count,
              const struct span_kinds *kinds, struct err *err)
{
	const struct span *name = NULL;

	book->ask_kind = span_kind_find(kinds, "ask");
	book->answer_kind = span_kind_find(kinds, "answer");
	book->name_kind = span_kind_find(kinds, "name");
	book->number_kind = span_kind_find(kinds, "number");
	book->entries = 0;
	if (array_reserve(&book->entry, &book->room, count) < 0)
		return err_set(err, "out of memory for a book");
	find_question(book, spans, count);
	for (const struct span *span = book->begin; span < book->end; span++) {
		if (span->kind == book->name_kind)
			name = span->entry >= 0 ? span : NULL;
		else if (span->kind == book->ask_kind || (name && span->entry >= 0 &&
		                                          span->entry != name->entry))
			name = NULL;
		else if (name && span->kind == book->number_kind && span->entry >= 0)
			book->entry[book->entries++] = (struct book_entry){name, span};
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

const struct span *book_source(const struct book *book, const struct span *span)
{
	const int kind = span->kind == book->answer_kind ? book->number_kind :
	                 span->kind == book->ask_kind ? book->name_kind : -1;

	for (const struct span *s = book->begin; s < book->end && s < span; s++)
		if (kind >= 0 && s->kind == kind && s->entry >= 0 && s->entry == span->entry)
			return s;
	return NULL;
}
