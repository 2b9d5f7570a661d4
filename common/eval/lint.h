/* lint.h - can what is asked be answered? What a data set holds, record by record.
 *
 * Everything goes by the spans: `answer` is what is to be retrieved, `ask` the name it
 * is asked for under, `name` and `number` of one entry stand beside each other in the
 * book. Where a record has no `ask`, an answer can be derived if its text stands
 * somewhere before it.
 */
#ifndef MEMOSCOPE_LINT_H
#define MEMOSCOPE_LINT_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/stats.h"
#include "common/stream/record.h"
#include "common/stream/span.h"

/* Information by kind: spans, and their nats together. */
struct lint_floor {
	uint64_t spans;
	double nats;
};

/* Everything that was counted; a share is right ones of so many. */
struct lint_counts {
	uint64_t records, characters, longest; /* longest: characters of the longest record */
	uint64_t asked; /* records with both ask and answer */
	struct share derived; /* answers that stand beside the name asked for; where
	                              * nothing is asked for, anywhere before themselves */
	struct share in_context; /* answers whose text stands anywhere before them */
	struct share in_book; /* names asked for that are in the book */
	/* Digits of answers that are, at their place, those of the number beside the name
	 * asked for; and of the numbers beside other names, which is what chance gives. */
	struct share digits_own, digits_other;
	struct share duplicate; /* records in which a name stands twice */
	struct share ambiguous; /* the name asked for stands beside two numbers */
	struct share too_long; /* records of more tokens than the context */
	struct share window_lost; /* see lint_new() */
	struct share both_sides; /* records that were held out */
	uint64_t held; /* different texts that were held out */
	struct lint_floor floor[SPAN_KINDS]; /* SPAN_OTHER: unused */
};

struct lint; /* own: lint_new … lint_free */

/* context 0: unknown, and too_long and window_lost are not counted. Windows of running
 * text are context + 1 tokens from any place on, each as likely. An answer begins in
 * context of them, behind their first token; it has lost its entry in those that begin
 * behind the beginning of the name in the book. window_lost is summed over answers:
 * such windows of all windows that the answer begins in. NULL with err set. */
struct lint *lint_new(uint32_t context, struct err *err);
void lint_free(struct lint *lint); /* NULL is allowed */

/* A record (with its text) that is held out. Eight bytes are kept of each: its XXH3.
 * All of them come before the first lint_record(). */
int lint_hold(struct lint *lint, const struct record *record, struct err *err);

/* Count a record, with its text. */
int lint_record(struct lint *lint, const struct record *record,
                const struct span_kinds *kinds, struct err *err);

const struct lint_counts *lint_counts(const struct lint *lint);

/* May the answers be independent of the book? None that is asked for under a name of
 * the book stands beside it, and its digits are those of the number there about as often
 * as those of other numbers: the two shares differ by no more than the widths of their
 * 95% intervals together, which chance exceeds once in millions of data sets. */
bool lint_independent(const struct lint_counts *counts);

#endif
