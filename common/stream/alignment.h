/* alignment.h - which row of a partner record fits a row of a record: by span and offset.
 *
 * A row is a token. The spans of a record are in order and do not overlap (span.h), so a row is in
 * one span or in none. Its place is a span and an offset:
 *
 *   in a span        the row's number in it
 *   in none          the row's number after the end of the last span before it, or in the record
 *                    if no span is before it
 *
 * The fellow of a row stands at the same place of the other record: the n-th span of a kind fits
 * the n-th span of that kind, and kinds are the same if their words are. A row in no span has a
 * fellow in no span, behind the span that fits.
 *
 * If tokens are pieces of text, the first token of a span may begin before it, and a span in which
 * no token ends has no row (token_spans.h). Such a span is counted all the same if the record has
 * it in text_spans, so that those behind it keep their numbers.
 */
#ifndef MEMOSCOPE_ALIGNMENT_H
#define MEMOSCOPE_ALIGNMENT_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/record.h"
#include "common/stream/span.h"

/* Where a row stands. */
struct row_place {
	int kind; /* of the span that it is in; -1: it is in none */
	int32_t entry; /* of that span; -1: none */
	long span; /* index of that span, or else of the last one before it; -1: none */
	uint32_t offset; /* after the begin of that span, or its end if the row is behind it */
};

/* The place of a row of the record: a search among its spans by halves. */
struct row_place row_place(const struct record *record, uint32_t row);

/* Set partner[i] to the row of b that fits row[i] of a, for count rows, in any order, each below
 * a->length. The kinds are those of the readers of a and b. Time: the spans of both records, and
 * for each row the search of row_place(). -1 with err saying why the first row without a fellow
 * has none; rows, spans of a kind and offsets are counted from 0, as in tables. */
int alignment_find(const struct record *a, const struct span_kinds *a_kinds,
                   const struct record *b, const struct span_kinds *b_kinds,
                   const int32_t *row, int count, int32_t *partner, struct err *err);

#endif
