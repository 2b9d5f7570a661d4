/* book.h - the book in a record: its entries, the name asked for, and the answer.
 *
 * Everything comes from the spans; no text is parsed.
 *
 *   answer   the first span of kind `answer`
 *   ask      the last `ask` before it: the question that it answers. In a record without
 *            an answer, the last `ask`
 *   entries  the pairs of a `name` and a `number` before the answer; what stands behind
 *            it cannot be read. A number belongs to the last name before it if both have
 *            the same entry, which is not -1. Spans of that entry, or of none, may stand
 *            between the two; a span of another entry or an `ask` separates them. So a
 *            name with two numbers makes two entries; a number without a name, or a name
 *            without a number, makes none
 *
 * Spans of other kinds, `contextual` among them, are not part of the book. Two entries may
 * have the same name, or even the same entry in their spans.
 */
#ifndef MEMOSCOPE_BOOK_H
#define MEMOSCOPE_BOOK_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/span.h"

struct book_entry {
	const struct span *name, *number; /* of the record; both have the same entry */
};

/* {0} to begin with; may be read into again and again. The spans belong to the record, and
 * the book is valid as long as they are. */
struct book {
	const struct span *ask, *answer; /* NULL: none */
	struct book_entry *entry; /* [entries] in the order of their numbers; owned */
	uint32_t entries;
	size_t room;
	const struct span *begin, *end; /* the spans before the answer */
	int ask_kind, answer_kind, name_kind, number_kind; /* -1: no span has it */
};

/* Read the book of a record's spans. -1 with err set if memory is out. */
int book_read(struct book *book, const struct span *spans, uint32_t count,
              const struct span_kinds *kinds, struct err *err);
void book_release(struct book *book);

/* The first entry of this number, or NULL; there is none for -1. */
const struct book_entry *book_find(const struct book *book, int entry);

/* The span before the answer that a span of the same record repeats: an `answer` the first
 * `number` of its entry, an `ask` the first `name`. It need not be half of a pair. NULL: it
 * repeats none that stands before it. */
const struct span *book_source(const struct book *book, const struct span *span);

#endif
