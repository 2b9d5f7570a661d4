#include "common/eval/attention_mass.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/stream/book.h"
#include "common/stream/token_spans.h"

const char *const mass_words[MASS_COUNT] = {
	[MASS_SAME] = "same",
	[MASS_NEXT] = "next",
	[MASS_NUMBER] = "number",
	[MASS_NAME] = "name",
	[MASS_OTHERS] = "others",
	[MASS_SEPARATORS] = "separators",
	[MASS_BEGINNING] = "beginning",
	[MASS_QUESTION] = "question",
	[MASS_CONTEXTUAL] = "contextual",
	[MASS_FACT] = "fact",
};

/* Of one record, head and place. count: of spans, because a record may have several. */
struct sums {
	double sum[MASS_COUNT];
	unsigned count[MASS_COUNT];
};

struct attention_mass {
	int layers, heads, places;
	const struct vocab *vocab; /* of tokens that are pieces; NULL: they are characters */
	struct moments *at; /* [places, layers, heads, MASS_COUNT] */
	struct moments *all; /* [layers, heads, MASS_COUNT] */
	struct sums *sums; /* [places] */
	struct book book; /* of the record under way */
	size_t at_room, sums_room;
};

struct attention_mass *attention_mass_new(int layers, int heads, const struct vocab *vocab,
                                          struct err *err)
{
	struct attention_mass *mass = calloc(1, sizeof *mass);
	const size_t count = (size_t)layers * (size_t)heads * MASS_COUNT;

	if (mass && (mass->all = calloc(count, sizeof *mass->all))) {
		mass->layers = layers;
		mass->heads = heads;
		mass->vocab = vocab && !vocab_is_characters(vocab) ? vocab : NULL;
		return mass;
	}
	free(mass);
	err_set(err, "out of memory");
	return NULL;
}

void attention_mass_free(struct attention_mass *mass)
{
	if (!mass)
		return;
	free(mass->at);
	free(mass->all);
	free(mass->sums);
	book_release(&mass->book);
	free(mass);
}

int attention_mass_places(const struct attention_mass *mass)
{
	return mass->places;
}

static struct moments *moments_at(const struct attention_mass *mass, int layer, int head,
                                  int place)
{
	const size_t heads = (size_t)mass->layers * (size_t)mass->heads;
	const size_t number = (size_t)layer * (size_t)mass->heads + (size_t)head;

	return place == MASS_ALL_PLACES ? mass->all + number * MASS_COUNT
	                                : mass->at + ((size_t)place * heads + number) * MASS_COUNT;
}

/* Make room for so many places; the new ones are empty. */
static int make_places(struct attention_mass *mass, int places, struct err *err)
{
	const size_t each = (size_t)mass->layers * (size_t)mass->heads * MASS_COUNT;

	if (places <= mass->places)
		return 0;
	if (array_reserve(&mass->at, &mass->at_room, (size_t)places * each) < 0 ||
	    array_reserve(&mass->sums, &mass->sums_room, (size_t)places) < 0)
		return err_set(err, "out of memory");
	memset(mass->at + (size_t)mass->places * each, 0,
	       (size_t)(places - mass->places) * each * sizeof *mass->at);
	mass->places = places;
	return 0;
}

/* ---- one row ---- */

/* A span whose rows are counted, and what it is about. */
struct asking {
	const struct record *record;
	const struct span *span;
	const struct book *book;
	int asked, contextual, fact; /* kinds; -1 where unknown */
	const struct span *source; /* what it repeats; NULL: nothing known */
	bool entry; /* does its entry stand before it? */
	bool states, facts; /* is there a contextual span before it; a fact? */
	uint32_t question; /* where the `ask` begins, or the record ends */
};

static bool same_text(const struct record *record, const struct vocab *vocab,
                      const struct span *a, const struct span *b)
{
	if (vocab)
		return spans_same_text(vocab, record->tokens, a, b);
	return record->tokens && a->end - a->begin == b->end - b->begin &&
	       memcmp(record->tokens + a->begin, record->tokens + b->begin,
	              (a->end - a->begin) * sizeof *record->tokens) == 0;
}

static struct asking look(const struct record *record, const struct book *book,
                          const struct span *span, const struct span_kinds *kinds)
{
	struct asking asking = {
		.record = record,
		.span = span,
		.book = book,
		.asked = span_kind_find(kinds, "question"),
		.contextual = span_kind_find(kinds, "contextual"),
		.fact = span_kind_find(kinds, "fact"),
		.source = book_source(book, span),
		.question = book->ask ? book->ask->begin : record->length,
	};

	for (const struct span *s = record->spans; s < span; s++) {
		asking.facts |= s->kind == asking.fact;
		asking.states |= s->kind == asking.contextual;
		if (s->kind == asking.contextual && span->kind == book->answer_kind && span->entry < 0 &&
		    !asking.source && same_text(record, book->text.vocab, s, span))
			asking.source = s;
		asking.entry |= s->entry >= 0 && s->entry == span->entry && s->begin < asking.question;
	}
	return asking;
}

/* The key with what has to be written after a place of the span, in the span that it repeats; 0:
 * none. */
static uint32_t next_key(const struct asking *asking, uint32_t place)
{
	const struct vocab *vocab = asking->book->text.vocab;
	const uint16_t *tokens = asking->record->tokens;
	const struct span *source = asking->source;

	if (!source)
		return 0;
	if (!vocab)
		return place <= source->end - source->begin ? source->begin + place : 0;
	const size_t written = span_text_size(vocab, tokens, asking->span, place);
	const size_t size = span_text_size(vocab, tokens, source, source->end - source->begin);
	return written <= size ? span_token_behind(vocab, tokens, source, written) : 0;
}

/* What the keys in span s (NULL: in no span) are for the rows of asking. */
static enum mass_to kind_of_keys(const struct asking *asking, const struct span *s)
{
	if (!s)
		return MASS_SEPARATORS;
	if (s->kind == asking->asked || (s == asking->span && s->entry < 0))
		return MASS_QUESTION;
	if (s->kind == asking->contextual)
		return MASS_CONTEXTUAL;
	if (s->kind == asking->fact)
		return MASS_FACT;
	if (s->entry < 0)
		return MASS_SEPARATORS;
	if (s->entry != asking->span->entry)
		return MASS_OTHERS;
	return book_is_number(asking->book, s) ? MASS_NUMBER : MASS_NAME;
}

/* Add one row, attention[0 … query], to the sums of its place. */
static void add_row(const struct asking *asking, uint32_t place, const float *attention,
                    uint32_t query, struct sums *sums)
{
	const struct record *record = asking->record;
	const struct span *s = record->spans, *end = s + record->span_count;
	const uint32_t first = record->spans[0].begin, next = next_key(asking, place);

	for (uint32_t key = 0; key <= query; key++) {
		while (s < end && s->end <= key)
			s++;
		enum mass_to to = key < first ? MASS_BEGINNING :
		                  key >= asking->question ? MASS_QUESTION :
		                  kind_of_keys(asking, s < end && s->begin <= key ? s : NULL);
		if (next > 0 && (key == next || key + 1 == next))
			to = key == next ? MASS_NEXT : MASS_SAME;
		sums->sum[to] += (double)attention[key];
	}
	for (int to = 0; to < MASS_COUNT; to++)
		sums->count[to] += to <= MASS_NEXT ? next > 0 :
		                   to <= MASS_NAME ? asking->entry :
		                   to == MASS_CONTEXTUAL ? asking->states :
		                   to == MASS_FACT ? asking->facts : 1;
}

/* ---- one record ---- */

/* Add the means of this record to the means over records. */
static void count_sums(struct attention_mass *mass, int layer, int head)
{
	for (int to = 0; to < MASS_COUNT; to++) {
		double total = 0;
		int met = 0;
		for (int place = 0; place < mass->places; place++) {
			const struct sums *sums = &mass->sums[place];
			if (sums->count[to] == 0)
				continue;
			double mean = sums->sum[to] / sums->count[to];
			moments_add(&moments_at(mass, layer, head, place)[to], mean);
			total += place > 0 ? mean : 0;
			met += place > 0;
		}
		if (met > 0)
			moments_add(&moments_at(mass, layer, head, MASS_ALL_PLACES)[to], total / met);
	}
}

int attention_mass_add(struct attention_mass *mass, const struct record *record,
                       const struct span_kinds *kinds, int kind, int layer, int head,
                       int rows, const float *matrix, struct err *err)
{
	const struct span *end = record->spans + record->span_count;
	const struct book_text text = {record->tokens, sizeof *record->tokens, mass->vocab};

	for (const struct span *span = record->spans; span < end; span++)
		if (span->kind == kind &&
		    make_places(mass, (int)(span->end - span->begin) + 1, err) < 0)
			return -1;
	if (mass->places == 0)
		return 0;
	if (book_read(&mass->book, text, record->spans, record->span_count, kinds, err) < 0)
		return -1;
	memset(mass->sums, 0, (size_t)mass->places * sizeof *mass->sums);
	for (const struct span *span = record->spans; span < end; span++) {
		if (span->kind != kind)
			continue;
		const struct asking asking = look(record, &mass->book, span, kinds);
		for (uint32_t place = span->begin == 0; place <= span->end - span->begin; place++) {
			const uint32_t query = span->begin + place - 1;
			if (query < (uint32_t)rows)
				add_row(&asking, place, matrix + (size_t)query * (size_t)rows, query,
				        &mass->sums[place]);
		}
	}
	count_sums(mass, layer, head);
	return 0;
}

struct mean attention_mass_mean(const struct attention_mass *mass, int layer, int head, int place,
                                enum mass_to to)
{
	return moments_mean(&moments_at(mass, layer, head, place)[to]);
}
