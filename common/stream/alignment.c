#include "common/stream/alignment.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"

struct row_place row_place(const struct record *record, uint32_t row)
{
	struct row_place place = {.kind = -1, .entry = -1, .span = -1, .offset = row};
	uint32_t from = 0, to = record->span_count; /* spans before `from` begin at or before the row */

	while (from < to) {
		const uint32_t middle = from + (to - from) / 2;
		if (record->spans[middle].begin <= row)
			from = middle + 1;
		else
			to = middle;
	}
	if (from == 0)
		return place;
	const struct span *span = &record->spans[from - 1];
	place.span = (long)from - 1;
	if (row < span->end) {
		place.kind = span->kind;
		place.entry = span->entry;
		place.offset = row - span->begin;
	} else {
		place.offset = row - span->end;
	}
	return place;
}

/* ---- the spans of a record, counted by kind ---- */

/* Spans that tokens cannot show are counted too, so all is over a list of spans: those over the
 * text if they are more, else those over the tokens. */
struct census {
	const struct record *record;
	const struct span *list;
	uint32_t count; /* of the list */
	uint32_t *listed; /* [span_count] which of the list a span of the record is */
	uint32_t *number; /* [count] how many of its kind are before it in the list */
	uint32_t total[SPAN_KINDS]; /* of the list, by kind */
	bool unsure[SPAN_KINDS]; /* some span of this kind may be one or another of the list */
};

static void census_release(struct census *census)
{
	free(census->listed);
	free(census->number);
}

static bool same_span(const struct span *a, const struct span *b)
{
	return a->kind == b->kind && a->entry == b->entry && a->nats == b->nats;
}

/* Find each span of the record in the list, which has more: as early as possible, and in a second
 * pass as late as possible. If that is not the same, nobody knows which one it is. */
static void find_listed(struct census *census)
{
	const struct span *spans = census->record->spans;
	uint32_t at = 0;

	for (uint32_t i = 0; i < census->record->span_count; i++, at++) {
		while (at < census->count && !same_span(&census->list[at], &spans[i]))
			at++;
		if (at >= census->count) { /* no list that these spans were made of */
			memset(census->unsure, true, sizeof census->unsure);
			return;
		}
		census->listed[i] = at;
	}
	at = census->count;
	for (uint32_t i = census->record->span_count; i-- > 0;) {
		do
			at--;
		while (!same_span(&census->list[at], &spans[i]));
		census->unsure[spans[i].kind] |= at != census->listed[i];
	}
}

static int census_take(struct census *census, const struct record *record, struct err *err)
{
	const bool text = record->text_span_count > record->span_count;
	size_t listed_room = 0, number_room = 0;

	*census = (struct census){
		.record = record,
		.list = text ? record->text_spans : record->spans,
		.count = text ? record->text_span_count : record->span_count,
	};
	if (array_reserve(&census->listed, &listed_room, record->span_count) < 0 ||
	    array_reserve(&census->number, &number_room, census->count) < 0)
		return err_set(err, "out of memory");
	for (uint32_t i = 0; i < record->span_count; i++)
		census->listed[i] = i;
	for (uint32_t i = 0; i < census->count; i++)
		census->number[i] = census->total[census->list[i].kind]++;
	if (text)
		find_listed(census);
	return 0;
}

/* ---- the spans of the partner ---- */

#define NO_TOKEN UINT32_MAX

/* The spans of a record, found by kind and number. */
struct index {
	uint32_t *span; /* those of the list, sorted by kind: which of the record; NO_TOKEN */
	uint32_t from[SPAN_KINDS]; /* where a kind begins */
};

static int index_make(struct index *index, const struct census *census, struct err *err)
{
	size_t room = 0;
	uint32_t from = 0;

	*index = (struct index){0};
	if (array_reserve(&index->span, &room, census->count) < 0)
		return err_set(err, "out of memory");
	for (int kind = 0; kind < SPAN_KINDS; kind++) {
		index->from[kind] = from;
		from += census->total[kind];
	}
	for (uint32_t i = 0; i < census->count; i++)
		index->span[i] = NO_TOKEN;
	for (uint32_t i = 0; i < census->record->span_count; i++) {
		const uint32_t at = census->listed[i];
		index->span[index->from[census->list[at].kind] + census->number[at]] = i;
	}
	return 0;
}

/* ---- rows ---- */

/* What a search needs. */
struct search {
	const struct record *a, *b;
	const struct span_kinds *a_kinds, *b_kinds;
	struct census of_a, of_b;
	struct index index; /* of b */
	int kind[SPAN_KINDS]; /* a's kind as b's; -1: b has no such word */
};

/* Which span of its kind a span of a is. */
static uint32_t number_of(const struct search *search, long span)
{
	return search->of_a.number[search->of_a.listed[span]];
}

/* The span of b that fits this span of a, or -1 with err saying why row has no fellow. */
static long find_span(const struct search *search, long row, long span, struct err *err)
{
	const int kind = search->a->spans[span].kind, fellow = search->kind[kind];
	const char *word = search->a_kinds->word[kind];
	const uint32_t total = fellow < 0 ? 0 : search->of_b.total[fellow];

	if (search->of_a.unsure[kind] || (fellow >= 0 && search->of_b.unsure[fellow]))
		return err_set(err, "row %ld: spans of kind '%s' cannot be counted: one has no token of "
		               "its own, because it stands within a token that ends behind it, and "
		               "nothing tells which one", row, word);
	const uint32_t number = number_of(search, span);
	if (total == 0)
		return err_set(err, "row %ld is of span %u of kind '%s', and the partner has no span of "
		               "that kind", row, number, word);
	if (number >= total)
		return err_set(err, "row %ld is of span %u of kind '%s', and the partner's last one is "
		               "%u", row, number, word, total - 1);
	const uint32_t found = search->index.span[search->index.from[fellow] + number];
	if (found == NO_TOKEN)
		return err_set(err, "row %ld is of span %u of kind '%s', which has no token of its own in "
		               "the partner: it stands within a token that ends behind it", row, number,
		               word);
	return found;
}

/* The row of b in this span, at this offset. */
static long within(const struct search *search, long row, struct row_place place, long fellow,
                   struct err *err)
{
	const struct span *span = &search->b->spans[fellow];
	const uint32_t rows = span->end - span->begin;

	if (place.offset < rows)
		return (long)span->begin + place.offset;
	return err_set(err, "row %ld is at offset %u in span %u of kind '%s', and the partner's has "
	               "only %u %s", row, place.offset, number_of(search, place.span),
	               search->a_kinds->word[place.kind], rows, rows == 1 ? "row" : "rows");
}

/* The row of b behind this span (-1: from the beginning), at this offset, and before the next. */
static long behind(const struct search *search, long row, struct row_place place, long fellow,
                   struct err *err)
{
	const struct record *b = search->b;
	const uint32_t begin = fellow < 0 ? 0 : b->spans[fellow].end;
	const bool last = fellow + 1 == (long)b->span_count;
	const uint32_t rows = (last ? b->length : b->spans[fellow + 1].begin) - begin;
	char where[80] = "at the beginning, before any span";

	if (place.offset < rows)
		return (long)begin + place.offset;
	if (place.span >= 0)
		snprintf(where, sizeof where, "behind span %u of kind '%s'",
		         number_of(search, place.span),
		         search->a_kinds->word[search->a->spans[place.span].kind]);
	return err_set(err, "row %ld is at offset %u %s, and the partner has only %u %s there", row,
	               place.offset, where, rows, rows == 1 ? "row" : "rows");
}

static long find_row(const struct search *search, long row, struct err *err)
{
	const struct row_place place = row_place(search->a, (uint32_t)row);
	long fellow = -1;

	if (place.span >= 0 && (fellow = find_span(search, row, place.span, err)) < 0)
		return -1;
	return place.kind >= 0 ? within(search, row, place, fellow, err) :
	                         behind(search, row, place, fellow, err);
}

int alignment_find(const struct record *a, const struct span_kinds *a_kinds,
                   const struct record *b, const struct span_kinds *b_kinds,
                   const int32_t *row, int count, int32_t *partner, struct err *err)
{
	struct search search = {.a = a, .b = b, .a_kinds = a_kinds, .b_kinds = b_kinds};
	int result = 0;

	for (int kind = 0; kind < a_kinds->count; kind++)
		search.kind[kind] = span_kind_find(b_kinds, a_kinds->word[kind]);
	if (census_take(&search.of_a, a, err) < 0 || census_take(&search.of_b, b, err) < 0 ||
	    index_make(&search.index, &search.of_b, err) < 0)
		result = -1;
	for (int i = 0; result == 0 && i < count; i++) {
		const long found = find_row(&search, row[i], err);
		partner[i] = (int32_t)found;
		result = found < 0 ? -1 : 0;
	}
	census_release(&search.of_a);
	census_release(&search.of_b);
	free(search.index.span);
	return result;
}
