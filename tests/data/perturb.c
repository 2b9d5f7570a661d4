/* Changes to a book: what is drawn afresh, who is asked for, and how much information is where. */
#include "common/data/perturb.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/data/phone.h"
#include "common/data/phonebook.h"
#include "tests/tap.h"

enum { SPANS = 32 };

static struct span_kinds kinds;

/* A record: its text in brackets with the kind and the entry of each span, as "[n0 Ann] [u0 12]".
 * Kinds are n, u, q and a: name, number, ask and answer; entry '-' is -1. Numbers have 10 nats. */
struct written {
	char text[400];
	struct span spans[SPANS];
	struct record record;
};

static void write_record(struct written *written, uint64_t id, const char *marked)
{
	static const char letters[] = "nuqa";
	static const char *const words[] = {"name", "number", "ask", "answer"};
	uint32_t length = 0, count = 0;
	size_t size = 0;

	for (const char *at = marked; *at; at++) {
		if (*at == '[') {
			const char *word = words[strchr(letters, at[1]) - letters];
			written->spans[count] = (struct span){
				.begin = length, .kind = span_kind(&kinds, word, strlen(word)),
				.entry = at[2] == '-' ? -1 : at[2] - '0', .nats = at[1] == 'u' ? 10 : 0,
			};
			at += 3;
		} else if (*at == ']') {
			written->spans[count++].end = length;
		} else {
			written->text[size++] = *at;
			length += ((unsigned char)*at & 0xc0) != 0x80;
		}
	}
	written->record = (struct record){
		.id = id, .text = written->text, .size = size, .length = length,
		.spans = written->spans, .span_count = count, .text_length = length,
		.text_spans = written->spans, .text_span_count = count,
	};
}

/* A changed record, and what was changed; valid until the next one. */
struct changed {
	struct perturb *perturb;
	struct record record;
	struct perturb_change change;
};

static void release(struct changed *changed)
{
	perturb_free(changed->perturb);
	changed->perturb = NULL;
}

static int change(struct changed *changed, struct perturb_options options,
                  const struct record *record, struct err *err)
{
	*err = (struct err){0};
	if (options.seed == 0)
		options.seed = 1;
	release(changed);
	changed->perturb = perturb_new(&options, err);
	return perturb_record(changed->perturb, record, &kinds, &changed->record, &changed->change,
	                      err);
}

/* The text of a span of a record of ASCII; the next but one call reuses its memory. */
static const char *span_text(const struct record *record, uint32_t span)
{
	static char text[2][100];
	static int turn;
	const struct span *of = &record->spans[span];

	turn = !turn;
	snprintf(text[turn], sizeof text[turn], "%.*s", (int)(of->end - of->begin),
	         record->text + of->begin);
	return text[turn];
}

/* Is all but the spans of this kind as it was, and every span where it was? */
static bool same_but(const struct record *a, const struct record *b, const char *word)
{
	const int kind = span_kind_find(&kinds, word), answer = span_kind_find(&kinds, "answer");
	uint32_t at = 0;

	if (a->id != b->id || a->size != b->size || a->span_count != b->span_count)
		return false;
	for (uint32_t i = 0; i < a->span_count; i++) {
		const struct span *x = &a->spans[i], *y = &b->spans[i];
		if (x->begin != y->begin || x->end != y->end || x->kind != y->kind || x->entry != y->entry)
			return false;
		if (x->kind != kind && x->kind != answer)
			continue;
		if (memcmp(a->text + at, b->text + at, x->begin - at) != 0)
			return false;
		at = x->end;
	}
	return memcmp(a->text + at, b->text + at, a->size - at) == 0;
}

/* ---- redraw ---- */

/* Books as phonegen makes them: numbers change, and follow its rules; nothing else does. */
static void redrawn_books(void)
{
	enum { BOOKS = 300 };
	struct err err = {0};
	struct names *names = names_parse("Ann\nBob\nEve\n", 12, "names", &err);
	const struct phonebook_options options = {.names = names, .entries_min = 1, .entries_max = 5};
	struct phonebook *book = phonebook_new(&options, &kinds, &err);
	struct changed changed = {0};
	int other = 0, same = 0, ruled = 0, told = 0, right = 0, numbers = 0;
	struct record record;

	for (uint64_t i = 0; i < BOOKS; i++) {
		phonebook_record(book, 1, i, &record);
		if (change(&changed, (struct perturb_options){.what = PERTURB_REDRAW, .digit_max = 9},
		           &record, &err) < 0)
			break;
		same += same_but(&record, &changed.record, "number");
		const uint32_t last = record.span_count - 1;
		const int asked = record.spans[last].entry;
		right += strcmp(span_text(&changed.record, last),
		                span_text(&changed.record, 2 * (uint32_t)asked + 1)) == 0 &&
		         fabs(changed.record.spans[last].nats - record.spans[last].nats) < 1e-12;
		for (uint32_t k = 1; k + 3 < record.span_count; k += 2) {
			const char *number = span_text(&changed.record, k);
			numbers++;
			other += strcmp(number, span_text(&record, k)) != 0;
			ruled += number[0] != '0' && number[4] != '9' && number[5] != '9' &&
			         memcmp(number + 4, "000", 3) != 0 &&
			         strspn(number + 8, (char[]){number[8], '\0'}) < 4;
			told += fabs(changed.record.spans[k].nats - phone_nats(number)) < 1e-12;
		}
	}
	ok(err.status == ERR_NONE, "books of phonegen are redrawn: %s", err.text);
	is_int(same, BOOKS, "names, the question and all places stay");
	is_int(other, numbers, "all numbers are others");
	is_int(ruled, numbers, "by phonegen's rules");
	is_int(told, numbers, "with their information");
	is_int(right, BOOKS, "the answer is right, and has the information that it had");
	release(&changed);
	phonebook_free(book);
	names_free(names);
}

static void redrawn_numbers(void)
{
	static struct written w;
	struct changed changed = {0};
	int seen[10] = {0}, wrong = 0, twins = 0;
	struct err err;

	for (uint64_t i = 0; i < 400; i++) {
		write_record(&w, i, "[n0 Zoë]=[u0 x7y7] [n1 B]=[u1 5] ? [q1 B]=[a1 5]");
		change(&changed, (struct perturb_options){.what = PERTURB_REDRAW, .digit_min = 4,
		                                          .digit_max = 7}, &w.record, &err);
		const char *text = changed.record.text; /* "Zoë=x7y7 B=5 ? B=5" */
		wrong += err.status != ERR_NONE || changed.record.size != w.record.size ||
		         strncmp(text, "Zoë=x", 6) != 0 || text[7] != 'y' ||
		         strncmp(text + 9, " B=", 3) != 0 || text[12] == '5' || text[18] != text[12] ||
		         (text[6] == '7' && text[8] == '7') ||
		         fabs(changed.record.spans[1].nats - 2 * log(4)) > 1e-12;
		seen[text[12] - '0']++;
		twins += text[6] == text[8];
	}
	is_int(wrong, 0, "numbers of any form: each digit is drawn from the range, and not all stay");
	ok(seen[4] > 90 && seen[6] > 90 && seen[7] > 90 && seen[4] + seen[6] + seen[7] == 400,
	   "any of the others: %d, %d and %d of 400", seen[4], seen[6], seen[7]);
	ok(twins > 40 && twins < 120, "digits of a number are drawn one by one: %d of 400 are alike",
	   twins);
	release(&changed);
}

static void redraw_options(void)
{
	static const char marked[] = "[n0 A]=[u0 12][n1 B]=[u1 34][n2 C]=[u2 56]? [q1 B]=[a1 34]";
	static const char two[] = "[n0 A]=[u0 12][n1 B]=[u1 34]? [q1 B]=[a1 34]; [q0 A]=[a0 12]; "
	                          "[q0 A]=[a0 99]";
	const struct perturb_options all = {.what = PERTURB_REDRAW, .digit_max = 9};
	struct perturb_options options = all;
	static struct written w;
	struct changed changed = {0}, again = {0};
	struct err err;

	write_record(&w, 3, marked);
	options.keep = true;
	change(&changed, options, &w.record, &err);
	ok(strcmp(span_text(&changed.record, 7), "34") == 0 && changed.record.spans[7].nats == 10,
	   "an answer that is kept cannot be known");
	options = all;
	options.other = true;
	change(&changed, options, &w.record, &err);
	ok(same_but(&w.record, &changed.record, "number") &&
	   strcmp(span_text(&changed.record, 3), "34") == 0 &&
	   strcmp(span_text(&changed.record, 7), "34") == 0 && changed.record.spans[7].nats == 0 &&
	   changed.record.spans[3].nats == 10, "of other entries: the one asked for stays");
	ok(strcmp(span_text(&changed.record, 1), "12") != 0 &&
	   strcmp(span_text(&changed.record, 5), "56") != 0, "and all others change");
	is_int(changed.change.entry, -1, "no entry is named, because it is not one");

	write_record(&w, 3, two);
	change(&changed, all, &w.record, &err);
	ok(strcmp(span_text(&changed.record, 5), span_text(&changed.record, 3)) == 0 &&
	   strcmp(span_text(&changed.record, 7), span_text(&changed.record, 1)) == 0,
	   "later answers follow, too");
	is_string(span_text(&changed.record, 9), "99", "but not one that is no number of its entry");

	change(&again, all, &w.record, &err);
	ok(changed.record.size == again.record.size &&
	   memcmp(changed.record.text, again.record.text, again.record.size) == 0,
	   "a seed and an id give one record");
	options = all;
	options.seed = 2;
	change(&again, options, &w.record, &err);
	ok(memcmp(changed.record.text, again.record.text, again.record.size) != 0, "another seed: "
	   "another one");
	w.record.id = 4;
	change(&again, all, &w.record, &err);
	ok(memcmp(changed.record.text, again.record.text, again.record.size) != 0, "another id, too");
	release(&changed);
	release(&again);
}

/* A name that stands twice: with one number, nobody asks which; with two numbers, it matters. */
static void twins(void)
{
	const struct perturb_options redraw = {.what = PERTURB_REDRAW, .digit_max = 9};
	const struct perturb_options ask = {.what = PERTURB_ASK};
	static struct written w;
	struct changed changed = {0};
	struct err err;

	write_record(&w, 1, "[n0 A]=[u0 1234][n1 A]=[u1 1234][n2 C]=[u2 5678]? [q0 A]=[a0 1234]");
	change(&changed, redraw, &w.record, &err);
	is_near(changed.record.spans[7].nats, M_LN2, 1e-12,
	        "two lines were alike and no longer are: the answer holds ln 2");
	w.spans[6].nats = log(1.5);
	change(&changed, ask, &w.record, &err);
	ok(strcmp(span_text(&changed.record, 6), "C") == 0 &&
	   strcmp(span_text(&changed.record, 7), "5678") == 0 && changed.record.spans[7].nats == 0,
	   "another name is asked for, not the twin");
	is_near(changed.record.spans[6].nats, log(3), 1e-12, "of one line in three");
	write_record(&w, 1, "[n0 A]=[u0 1234][n1 C]=[u1 56][n2 C]=[u2 78]? [q0 A]=[a0 1234]");
	w.spans[6].nats = log(3);
	change(&changed, ask, &w.record, &err);
	is_near(changed.record.spans[6].nats, log(1.5), 1e-12, "a name of two lines in three");
	is_near(changed.record.spans[7].nats, M_LN2, 1e-12, "whose answer holds which one is meant");
	release(&changed);
}

/* ---- ask ---- */

static void asking(void)
{
	static const char marked[] = "[n0 Zoë]=[u0 12][n1 Bo]=[u1 345][n2 C]=[u2 56]? "
	                             "[q1 Bo]=[a1 345].";
	static struct written w;
	struct changed changed = {0};
	int to[3] = {0}, wrong = 0;
	struct err err;

	for (uint64_t i = 0; i < 200; i++) {
		write_record(&w, i, marked);
		w.spans[6].nats = log(3);
		change(&changed, (struct perturb_options){.what = PERTURB_ASK}, &w.record, &err);
		const int with = changed.change.with;
		const struct record *out = &changed.record;
		const char *want = with == 0 ? "Zoë=12Bo=345C=56? Zoë=12." : "Zoë=12Bo=345C=56? C=56.";
		wrong += err.status != ERR_NONE || changed.change.entry != 1 || with == 1 ||
		         out->size != strlen(want) || memcmp(out->text, want, out->size) != 0 ||
		         out->spans[6].entry != with || out->spans[7].entry != with ||
		         out->spans[6].end - out->spans[6].begin != (with == 0 ? 3 : 1) ||
		         out->spans[7].end != out->length - 1 || out->spans[6].nats != log(3) ||
		         out->spans[7].nats != 0;
		to[with]++;
	}
	is_int(wrong, 0, "another entry is asked for, the answer is its number, spans fit");
	ok(to[0] > 70 && to[2] > 70, "any other: %d and %d of 200", to[0], to[2]);

	write_record(&w, 1, marked);
	change(&changed, (struct perturb_options){.what = PERTURB_ASK, .keep = true}, &w.record, &err);
	ok(memcmp(changed.record.text + changed.record.size - 5, "=345.", 5) == 0 &&
	   changed.record.spans[7].nats == 10 && changed.record.spans[7].entry == changed.change.with,
	   "an answer that is kept cannot be known");
	write_record(&w, 1, "[n0 A]=[u0 12][n1 B]=[u1 345]? [q1 B]=[a1 99]");
	change(&changed, (struct perturb_options){.what = PERTURB_ASK}, &w.record, &err);
	ok(changed.record.size == w.record.size &&
	   memcmp(changed.record.text, "A=12B=345? A=99", 15) == 0,
	   "an answer that was not the entry's number stays");
	release(&changed);
}

/* ---- what cannot be changed ---- */

static void says(struct perturb_options options, const char *marked, const char *want)
{
	static struct written w;
	struct changed changed = {0};
	struct err err;

	write_record(&w, 1, marked);
	ok(change(&changed, options, &w.record, &err) < 0 && strstr(err.text, want), "%s: %s", marked,
	   err.text);
	release(&changed);
}

static void refusals(void)
{
	const struct perturb_options redraw = {.what = PERTURB_REDRAW, .digit_max = 9};
	const struct perturb_options sevens = {.what = PERTURB_REDRAW, .digit_min = 7, .digit_max = 7};
	const struct perturb_options others = {.what = PERTURB_REDRAW, .digit_max = 9, .other = true};
	const struct perturb_options ask = {.what = PERTURB_ASK};
	const struct perturb_options ask_other = {.what = PERTURB_ASK, .other = true};

	says(redraw, "no spans", "no number in the book");
	says(redraw, "[n0 A]=[u0 red]? [q0 A]=[a0 red]", "a number has no digit to draw");
	says(sevens, "[n0 A]=[u0 7-7]? [q0 A]=[a0 7-7]", "a number has the digit 7 alone");
	says(others, "[n0 A]=[u0 1]? [q0 A]=[a0 1]", "no number but the one asked for");
	says(ask, "[n0 A]=[u0 1]? [q0 A]=[a0 1]", "no entry to ask for that has another name");
	says(ask, "[n0 A]=[u0 1][n1 A]=[u1 2]? [q0 A]=[a0 1]", "no entry to ask for that has another");
	says(ask, "[n0 A]=[u0 1][n1 B]=[u1 2]? [a0 1]", "no 'ask' before the answer");
	says(ask, "[n0 A]=[u0 1][n1 B]=[u1 2]? [q- C]=[a- 3]", "no entry is asked for");
	says(ask_other, "[n0 A]=[u0 1][n1 B]=[u1 2]", "no entry is asked for");
}

int main(void)
{
	span_kinds_init(&kinds);
	redrawn_books();
	redrawn_numbers();
	redraw_options();
	twins();
	asking();
	refusals();
	return done();
}
