/* lint.h - can the questions of a data set be answered? Counts over its records.
 *
 * The book, the name asked for and the answer come from the spans (stream/book.h). In a
 * record that asks for no name, or has no entries, the answer can be derived if its text stands
 * somewhere before it. If it does not, nobody can tell, unless the record marks what the answer
 * should be in: entries, or a `fact`.
 *
 * A record may have the answer that a directory has. Data with such records have books, so if a
 * record has none, its answer is not derived; but a model may know it.
 */
#ifndef MEMOSCOPE_LINT_H
#define MEMOSCOPE_LINT_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/stats.h"
#include "common/eval/occurrences.h"
#include "common/stream/record.h"
#include "common/stream/span.h"
#include "common/stream/vocab.h"

/* The spans of a kind, and the sum of their nats. */
struct lint_floor {
	uint64_t spans;
	double nats;
};

struct lint_counts {
	uint64_t records, characters, longest; /* longest: characters of the longest record */
	uint64_t asked; /* records with both ask and answer */
	/* Answers that stand beside the name asked for. In records that ask for no name, or without
	 * entries: answers whose text stands anywhere before them. If others have entries, an
	 * answer to an ask without entries is not derived. */
	struct share derived;
	uint64_t undecided; /* answers of which nobody can tell */
	struct share known; /* answers that are not derived, but are the directory's */
	/* Names in the book of which the directory has another number than each of their lines. */
	struct share conflict;
	struct share fresh; /* names asked for that the directory lacks; of 0: there is no directory */
	/* After lint_people(): names asked for, names in books, and facts. A fact is a name and its
	 * number: in a line of a book, or asked for and answered. */
	struct occurrences asked_names, book_names, facts;
	struct share in_context; /* answers whose text stands anywhere before them */
	struct share in_book; /* names asked for that are in the book */
	/* Digits of the number beside the name asked for that the answer has in the same places,
	 * and digits of the numbers beside other names, which is what chance gives. */
	struct share digits_own, digits_other;
	struct share duplicate; /* books in which two entries have the same name */
	struct share ambiguous; /* names asked for that stand beside two different numbers */
	struct share too_long; /* records of more tokens than the context */
	struct share window_lost; /* see lint_new() */
	struct share both_sides; /* records that were held out, too */
	uint64_t held; /* different texts that were held out */
	struct lint_floor floor[SPAN_KINDS]; /* SPAN_OTHER: unused */
};

struct lint; /* own: lint_new … lint_free */

/* context 0: it is not known, and too_long and window_lost are not counted.
 *
 * A window of running text has context + 1 tokens and begins anywhere, with equal
 * probability. An answer begins in `context` of these windows, behind their first token. Its
 * entry is lost in those windows that begin behind the beginning of the name in the book.
 * window_lost is the sum over answers: the windows that lost the entry, of all windows in
 * which the answer begins. NULL with err set. */
struct lint *lint_new(uint32_t context, struct err *err);
void lint_free(struct lint *lint); /* NULL is allowed */

/* Count how often each person and each fact occurs, too. Before the first lint_record(). */
void lint_people(struct lint *lint);

/* Note a record (with its text) that is held out. Of each, eight bytes are kept: its XXH3.
 * All of them come before the first lint_record(). */
int lint_hold(struct lint *lint, const struct record *record, struct err *err);

/* Count a record, with its text. vocab: of its tokens, which the context counts; NULL: each
 * character is a token. */
int lint_record(struct lint *lint, const struct record *record, const struct vocab *vocab,
                const struct span_kinds *kinds, struct err *err);

/* The counts so far, which belong to lint. */
const struct lint_counts *lint_counts(struct lint *lint);

/* Are the answers independent of the book, as far as the counts tell? Names asked for are in
 * the book, no answer stands beside its name there, and an answer's digits agree with the
 * number beside its name about as often as with other numbers: the two shares differ by no
 * more than the widths of their 95% intervals together, which chance exceeds once in
 * millions of data sets. */
bool lint_independent(const struct lint_counts *counts);

#endif
