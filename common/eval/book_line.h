/* book_line.h - the entries of a book as text. */
#ifndef MEMOSCOPE_BOOK_LINE_H
#define MEMOSCOPE_BOOK_LINE_H

#include "common/eval/slice.h"
#include "common/stream/book.h"

/* A name and the number beside it. */
struct book_line {
	struct slice name, number;
	int line; /* the entry of their spans */
	bool asked; /* is the name the one asked for, or the one that the model wrote? */
};

/* The entries of a book, in their order: codes are the record's, and asked is the name asked
 * for (codes NULL: none). lines has room for book->entries. */
void book_lines(const struct book *book, const uint32_t *codes, struct slice asked,
                struct book_line *lines);

#endif
