/* Alignment: rows of a record and of its partner that have the same place, by span and offset. */
#include "common/stream/alignment.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rng.h"
#include "common/stream/vocab.h"
#include "tests/tap.h"

enum { ROWS = 200 };

/* A record, drawn: a character is a row. A capital letter begins a span of the kind of its name,
 * small ones go on with it, and a dot is a row in no span. */
struct drawn {
	struct span spans[ROWS];
	struct span_kinds kinds;
	struct record record;
};

static void draw(struct drawn *drawn, const char *rows)
{
	uint32_t count = 0;

	for (uint32_t i = 0; rows[i]; i++) {
		const char word = (char)tolower((unsigned char)rows[i]);
		if (isupper((unsigned char)rows[i])) {
			drawn->spans[count] = (struct span){i, i + 1, span_kind(&drawn->kinds, &word, 1),
			                                    (int)count, 0};
			count++;
		} else if (rows[i] != '.') {
			drawn->spans[count - 1].end = i + 1;
		}
	}
	drawn->record = (struct record){
		.length = (uint32_t)strlen(rows), .spans = drawn->spans, .span_count = count,
		.text_length = (uint32_t)strlen(rows), .text_spans = drawn->spans,
		.text_span_count = count,
	};
}

/* Records of these rows; of b, the kinds have other indices than of a. */
static void draw_both(struct drawn *a, const char *of_a, struct drawn *b, const char *of_b)
{
	span_kinds_init(&a->kinds);
	span_kinds_init(&b->kinds);
	span_kind(&b->kinds, "z", 1);
	span_kind(&b->kinds, "u", 1);
	draw(a, of_a);
	draw(b, of_b);
}

/* The row of b that fits a row of a; -1 with err set. */
static int32_t fellow(const struct drawn *a, const struct drawn *b, int32_t row, struct err *err)
{
	int32_t partner = -2;

	*err = (struct err){0};
	const int status = alignment_find(&a->record, &a->kinds, &b->record, &b->kinds, &row, 1,
	                                  &partner, err);
	return (status == 0) == (err->status == ERR_NONE) && (status == 0) == (partner >= 0) ?
	       partner : -3;
}

/* ---- records that fit, in all rows or in some ---- */

/* want: for each row of a the character of its fellow in `numbers`, or '-'. */
static void fits(const char *of_a, const char *of_b, const char *want, const char *what)
{
	static const char numbers[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	static struct drawn a, b;
	char have[ROWS] = "";
	struct err err;

	draw_both(&a, of_a, &b, of_b);
	for (int32_t i = 0; i < (int32_t)a.record.length; i++) {
		const int32_t at = fellow(&a, &b, i, &err);
		have[i] = at >= 0 ? numbers[at] : at == -1 ? '-' : '!';
	}
	is_string(have, want, what);
}

static void shapes(void)
{
	fits("..Nn.Uuu.Nn", "..Nn.Uuu.Nn", "0123456789a", "the same spans: the same rows");
	fits("NnUu", "NnnUuu", "0134", "longer spans: the same offset");
	fits("NnnUuu", "NnUu", "01-23-", "shorter ones: their last rows have no fellow");
	fits("Nn..Uu", "Nnn...Uu", "013467", "rows between spans begin behind the span before");
	fits("Nn..U", "Nn.U", "012-3", "fewer of them: the last one has none, even if a span is there");
	fits("..Nn", ".Nn", "0-12", "before all spans");
	fits("Nn..", "Nn.", "012-", "behind all of them");
	fits("....", "..", "01--", "no spans: the same number, as far as there is one");
	fits("NUNU", "NNUU", "0213", "another order: the n-th of its kind");
	fits("N.U.", "U.N.", "2301", "and what stands behind it");
	fits("NNN", "NN", "01-", "fewer spans");
	fits("N.A.", "N.", "01--", "a kind that the partner lacks");
	fits("N.", "", "--", "a partner without rows");
	fits("", "N.", "", "a record without rows");
	fits("N..", "NU.", "0--", "a span in the place of rows of none");
	fits("NU.", "N..", "0--", "and the other way round");
}

/* ---- messages ---- */

static void says(const char *of_a, const char *of_b, int32_t row, const char *want)
{
	static struct drawn a, b;
	struct err err;

	draw_both(&a, of_a, &b, of_b);
	fellow(&a, &b, row, &err);
	is_string(err.text, want, "why a row has no fellow");
}

static void messages(void)
{
	says("NnUuu", "NnUu", 4, "row 4 is at offset 2 in span 0 of kind 'u', and the partner's has "
	     "only 2 rows");
	says("NNUuu", "NNU", 3, "row 3 is at offset 1 in span 0 of kind 'u', and the partner's has "
	     "only 1 row");
	says("N.N.N.", "N.N.", 4, "row 4 is of span 2 of kind 'n', and the partner's last one is 1");
	says("N.U.", "N.", 3, "row 3 is of span 0 of kind 'u', and the partner has no span of "
	     "that kind");
	says("N.A.", "N.", 2, "row 2 is of span 0 of kind 'a', and the partner has no span of "
	     "that kind");
	says("N.N..", "N.N.", 4, "row 4 is at offset 1 behind span 1 of kind 'n', and the partner has "
	     "only 1 row there");
	says("...N", "N", 2, "row 2 is at offset 2 at the beginning, before any span, and the partner "
	     "has only 0 rows there");
}

/* Only the rows asked for need a fellow, in any order; the first one without gives the error. */
static void several(void)
{
	static struct drawn a, b;
	const int32_t good[] = {5, 0, 3, 3, 1}, bad[] = {5, 4, 2};
	int32_t partner[5] = {-9, -9, -9, -9, -9};
	struct err err = {0};

	draw_both(&a, "NnnUuN", &b, "NnUN");
	ok(alignment_find(&a.record, &a.kinds, &b.record, &b.kinds, good, 5, partner, &err) == 0 &&
	   partner[0] == 3 && partner[1] == 0 && partner[2] == 2 && partner[3] == 2 &&
	   partner[4] == 1, "rows in any order, one of them twice: %s", err.text);
	ok(alignment_find(&a.record, &a.kinds, &b.record, &b.kinds, bad, 3, partner, &err) < 0 &&
	   strncmp(err.text, "row 4 ", 6) == 0, "the first one that has none: %s", err.text);
	err = (struct err){0};
	is_int(alignment_find(&a.record, &a.kinds, &b.record, &b.kinds, bad, 0, partner, &err), 0,
	       "no rows");
}

/* ---- places ---- */

static void place_is(const struct record *record, uint32_t row, struct row_place want,
                     const char *what)
{
	const struct row_place have = row_place(record, row);

	if (!ok(have.kind == want.kind && have.entry == want.entry && have.span == want.span &&
	        have.offset == want.offset, "%s", what))
		printf("# have kind %d, entry %d, span %ld, offset %u\n", have.kind, have.entry, have.span,
		       have.offset);
}

static void places(void)
{
	static struct drawn a;

	span_kinds_init(&a.kinds);
	draw(&a, ".NnU..");
	const int n = span_kind_find(&a.kinds, "n"), u = span_kind_find(&a.kinds, "u");
	a.spans[0].entry = 7;
	a.spans[1].entry = -1;
	place_is(&a.record, 0, (struct row_place){-1, -1, -1, 0}, "before all spans");
	place_is(&a.record, 1, (struct row_place){n, 7, 0, 0}, "the first row of a span");
	place_is(&a.record, 2, (struct row_place){n, 7, 0, 1}, "its last row");
	place_is(&a.record, 3, (struct row_place){u, -1, 1, 0}, "the next span, of no entry");
	place_is(&a.record, 4, (struct row_place){-1, -1, 1, 0}, "behind it");
	place_is(&a.record, 5, (struct row_place){-1, -1, 1, 1}, "and one more");
}

/* ---- against a plain version ---- */

/* The n of the span, the n-th of its kind. */
static int number_of(const struct drawn *drawn, uint32_t span)
{
	int number = 0;

	for (uint32_t i = 0; i < span; i++)
		number += drawn->spans[i].kind == drawn->spans[span].kind;
	return number;
}

/* Do two spans fit: the n-th of kinds with the same word? */
static bool same_place(const struct drawn *a, uint32_t of_a, const struct drawn *b, uint32_t of_b)
{
	return strcmp(a->kinds.word[a->spans[of_a].kind], b->kinds.word[b->spans[of_b].kind]) == 0 &&
	       number_of(a, of_a) == number_of(b, of_b);
}

/* What a row is said to be: its span, or the last one before it, is span; -1: none. */
static void plain_place(const struct drawn *drawn, uint32_t row, int *span, bool *inside,
                        uint32_t *offset)
{
	*span = -1;
	*inside = false;
	*offset = row;
	for (uint32_t i = 0; i < drawn->record.span_count; i++)
		if (drawn->spans[i].begin <= row) {
			*span = (int)i;
			*inside = row < drawn->spans[i].end;
			*offset = row - (*inside ? drawn->spans[i].begin : drawn->spans[i].end);
		}
}

/* Every row of b is tried. */
static int32_t plain_fellow(const struct drawn *a, const struct drawn *b, uint32_t row)
{
	int of_a, of_b;
	bool in_a, in_b;
	uint32_t at_a, at_b;

	plain_place(a, row, &of_a, &in_a, &at_a);
	for (uint32_t i = 0; i < b->record.length; i++) {
		plain_place(b, i, &of_b, &in_b, &at_b);
		if (in_a == in_b && at_a == at_b && (of_a < 0) == (of_b < 0) &&
		    (of_a < 0 || same_place(a, (uint32_t)of_a, b, (uint32_t)of_b)))
			return (int32_t)i;
	}
	return -1;
}

static void random_rows(struct rng *rng, char *rows)
{
	static const char kinds[] = "nua";
	const uint64_t length = rng_below(rng, 40);
	char open = 0; /* the span under way */

	for (uint64_t i = 0; i < length; i++) {
		const uint64_t what = rng_below(rng, 4);
		rows[i] = '.';
		if (what < 2 && open)
			rows[i] = open;
		else if (what == 2)
			rows[i] = (char)toupper((unsigned char)(open = kinds[rng_below(rng, 3)]));
		else
			open = 0;
	}
	rows[length] = '\0';
}

static void at_random(void)
{
	static struct drawn a, b;
	char of_a[ROWS], of_b[ROWS];
	int wrong = 0, found = 0, none = 0;
	struct err err;
	struct rng rng;

	for (uint64_t i = 0; i < 2000; i++) {
		rng_init(&rng, 1, 1, i);
		random_rows(&rng, of_a);
		random_rows(&rng, of_b);
		draw_both(&a, of_a, &b, of_b);
		for (uint32_t row = 0; row < a.record.length; row++) {
			const int32_t want = plain_fellow(&a, &b, row);
			wrong += fellow(&a, &b, (int32_t)row, &err) != want;
			found += want >= 0;
			none += want < 0;
		}
	}
	is_int(wrong, 0, "random records: as a search of every row finds it");
	ok(found > 5000 && none > 5000, "%d rows with a fellow, %d without", found, none);
}

/* ---- tokens that are pieces of text ---- */

static const struct piece pieces[] = {
	{"Al", 2}, {":", 1}, {" 1", 2}, {"2", 1}, {",", 1}, {" 3", 2}, {"4", 1}, {" 56", 3}, {"7,", 2},
	{" ", 1}, {"8", 1}, {"9", 1},
};

struct pieced {
	struct record_buffer buffer;
	struct record record;
	struct span_kinds kinds;
};

static void piece_record(struct pieced *pieced, const struct vocab *vocab, const char *text,
                         const uint16_t *tokens, uint32_t length, const struct span *spans,
                         uint32_t count)
{
	struct err err = {0};

	span_kinds_init(&pieced->kinds);
	span_kind(&pieced->kinds, "number", 6);
	pieced->record = (struct record){
		.text = text, .size = strlen(text), .tokens = tokens, .length = length,
		.text_length = (uint32_t)strlen(text), .text_spans = spans, .text_span_count = count,
	};
	if (record_place_spans(vocab, &pieced->buffer, &pieced->record, &err) < 0)
		printf("Bail out! %s\n", err.text);
}

static int32_t piece_fellow(const struct pieced *a, const struct pieced *b, int32_t row,
                            struct err *err)
{
	int32_t partner = -1;

	*err = (struct err){0};
	alignment_find(&a->record, &a->kinds, &b->record, &b->kinds, &row, 1, &partner, err);
	return partner;
}

static void in_pieces(void)
{
	/* Numbers of one digit or two. Of the second text, " 56" is one token, which begins a
	 * character before the span. Of the third, the first number stands within the token "7,". */
	static const struct span two[] = {{4, 6, 1, 0, 1}, {8, 10, 1, 1, 1}};
	static const struct span one[] = {{4, 5, 1, 0, 1}, {7, 9, 1, 1, 1}};
	static const struct span same[] = {{4, 5, 1, 0, 1}, {7, 9, 1, 0, 1}};
	static const uint16_t of_a[] = {0, 1, 2, 3, 4, 5, 6}; /* Al : _1 2 , _3 4 */
	static const uint16_t of_b[] = {0, 1, 7, 4, 2, 3}; /* Al : _56 , _1 2 */
	static const uint16_t of_c[] = {0, 1, 9, 8, 5, 6}; /* Al : _ 7, _3 4 */
	struct pieced a = {0}, b = {0}, c = {0}, d = {0};
	struct err err = {0};
	struct vocab *vocab = vocab_of_pieces(pieces, sizeof pieces / sizeof *pieces, &err);

	piece_record(&a, vocab, "Al: 12, 34", of_a, 7, two, 2);
	piece_record(&b, vocab, "Al: 56, 12", of_b, 6, two, 2);
	piece_record(&c, vocab, "Al: 7, 34", of_c, 6, one, 2);
	piece_record(&d, vocab, "Al: 7, 34", of_c, 6, same, 2);
	is_int(a.record.span_count, 2, "both numbers have tokens");
	is_int(c.record.span_count, 1, "the first number of the third text has none");
	is_int(piece_fellow(&a, &b, 2, &err), 2, "a token that begins before its span");
	is_int(piece_fellow(&a, &b, 3, &err), -1, "the other number has one token less");
	is_int(piece_fellow(&a, &b, 6, &err), 5, "the second numbers have as many");
	is_int(piece_fellow(&a, &b, 4, &err), 3, "what stands between them");
	is_int(piece_fellow(&a, &c, 5, &err), 4, "a number without a token is counted in the partner");
	is_int(piece_fellow(&c, &a, 5, &err), 6, "and in the record");
	is_int(piece_fellow(&a, &c, 2, &err), -1, "but no row fits it:");
	ok(strstr(err.text, "row 2 is of span 0 of kind 'number', which has no token of its own in the "
	          "partner") != NULL, "%s", err.text);
	is_int(piece_fellow(&a, &d, 5, &err), -1, "two spans that are alike, one without a token:");
	ok(strstr(err.text, "row 5: spans of kind 'number' cannot be counted") != NULL, "%s", err.text);
	is_int(piece_fellow(&d, &a, 4, &err), -1, "and if the record has them:");
	ok(strstr(err.text, "row 4: spans of kind 'number' cannot be counted") != NULL, "%s", err.text);
	is_int(piece_fellow(&d, &a, 1, &err), 1, "rows before them have fellows");
	for (struct pieced *one_of[] = {&a, &b, &c, &d}, **at = one_of; at < one_of + 4; at++)
		record_buffer_release(&(*at)->buffer);
	vocab_free(vocab);
}

/* ---- long records ---- */

/* A record of a million rows and half as many spans, all of whose rows are asked for: rows times
 * spans would be hours. */
static void long_record(void)
{
	enum { SPANS = 500000, LENGTH = 2 * SPANS };
	struct span *spans = calloc(SPANS, sizeof *spans);
	int32_t *row = calloc(LENGTH, sizeof *row), *partner = calloc(LENGTH, sizeof *partner);
	struct span_kinds kinds;
	struct err err = {0};
	int wrong = 0;

	span_kinds_init(&kinds);
	span_kind(&kinds, "n", 1);
	for (uint32_t i = 0; i < SPANS; i++)
		spans[i] = (struct span){2 * i + 1, 2 * i + 2, 1, (int)i, 0};
	for (int32_t i = 0; i < LENGTH; i++)
		row[i] = i;
	const struct record record = {.length = LENGTH, .spans = spans, .span_count = SPANS};
	is_int(alignment_find(&record, &kinds, &record, &kinds, row, LENGTH, partner, &err), 0,
	       "a million rows");
	for (int32_t i = 0; i < LENGTH; i++)
		wrong += partner[i] != i;
	is_int(wrong, 0, "each is its own fellow");
	free(spans);
	free(row);
	free(partner);
}

int main(void)
{
	shapes();
	messages();
	several();
	places();
	at_random();
	in_pieces();
	long_record();
	return done();
}
