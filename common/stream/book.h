/* book.h - the book in a record: its entries, the name asked for, and the answer.
 *
 *   answer   the first span of kind `answer`
 *   ask      the last `ask` before it: the question that it answers. In a record without
 *            an answer, the last `ask`
 *   item     the spans of one entry before the answer, which is not -1; what stands behind
 *            the answer cannot be read. Spans of no entry may stand between them. A span of
 *            another entry, an `ask` or a name of no entry ends the item
 *   entries  the pairs of a name and a number of one item. A number belongs to the last name
 *            before it in its item, or else to the first one behind it. So a name with two
 *            numbers makes two entries; a number without a name, or a name without a number,
 *            makes none
 *
 * Names and numbers may have kinds of any words, such as `key` and `value`. These are looked
 * for in each record:
 *
 *   names    the kind of a span that the ask repeats, character by character; else `name` if
 *            there are a `name` and a `number`, else the kind of the first span of an entry
 *   numbers  the kind of a span that the answer repeats, in an item whose name is asked for;
 *            else `number` if names are of the kind `name`, else every other kind
 *
 * If several kinds would do, `name` and `number` come first, then the one that comes first in
 * the text. Two entries may have the same name, or even the same entry in their spans.
 */
#ifndef MEMOSCOPE_BOOK_H
#define MEMOSCOPE_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/span.h"
#include "common/stream/vocab.h"

/* What spans are stretches of: code points or tokens, of `unit` bytes each. at NULL: it is not
 * known, and kinds are found without it. vocab: of tokens that are pieces of text (uint16_t each),
 * so that texts are compared, and not tokens; else NULL. */
struct book_text {
	const void *at;
	size_t unit;
	const struct vocab *vocab;
};

struct book_entry {
	const struct span *name, *number; /* of the record; both have the same entry */
};

/* {0} to begin with; may be read into again and again. Text and spans belong to the record, and
 * the book is valid as long as they are. */
struct book {
	const struct span *ask, *answer; /* NULL: none */
	struct book_entry *entry; /* [entries] in the order of their numbers; owned */
	uint32_t entries;
	size_t room;
	const struct span *begin, *end; /* the spans before the answer */
	struct book_text text;
	int ask_kind, answer_kind; /* -1: no span has it */
	int name_kind; /* -1: there is no entry */
	int number_kind; /* -1: every kind but the name's */
};

/* Read the book of a record's spans. -1 with err set if memory is out. */
int book_read(struct book *book, struct book_text text, const struct span *spans, uint32_t count,
              const struct span_kinds *kinds, struct err *err);
void book_release(struct book *book);

/* The first entry of this number, or NULL; there is none for -1. */
const struct book_entry *book_find(const struct book *book, int entry);

/* Does a span of the record have the kind of numbers, and an entry? */
bool book_is_number(const struct book *book, const struct span *span);

/* The span before the answer that a span of the same record repeats: an `answer` a number of
 * its entry, an `ask` a name. It is one of the same text or, if there is none, the first one.
 * It need not be half of a pair. NULL: it repeats none that stands before it. */
const struct span *book_source(const struct book *book, const struct span *span);

#endif
