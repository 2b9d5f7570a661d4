#include "common/data/perturb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/rng.h"
#include "common/base/utf8.h"
#include "common/stream/book.h"

const char *const perturb_words[PERTURB_COUNT] = {"digit", "drop", "name", "numbers", "lines"};

/* Code points begin … end-1 of the record that is changed. */
struct stretch {
	uint32_t begin, end;
};

/* A line of the book: which spans are its name and its (first) number, and all of it, from the
 * first span of their entry up to the next span of another one. */
struct line {
	uint32_t name, number;
	struct stretch all;
};

struct perturb {
	struct perturb_options options;
	uint32_t *codes; /* of the record; change_digit() changes them */
	size_t code_room;
	struct span *spans; /* of the record; then of the new one, but for begin and end */
	size_t span_room;
	struct stretch *content; /* [span] what the new record has in this span */
	size_t content_room;
	struct book book;
	struct line *lines;
	size_t line_room;
	struct span *out_spans;
	size_t out_room;
	uint32_t span_count, line_count;
	long ask, answer; /* spans; -1: none */
	int asked; /* the line that is asked for: the answer's entry; -1: none */
	char *text; /* of the new record */
	size_t text_room;
};

struct perturb *perturb_new(const struct perturb_options *options, struct err *err)
{
	struct perturb *perturb = calloc(1, sizeof *perturb);

	if (perturb)
		perturb->options = *options;
	else
		err_set(err, "out of memory");
	return perturb;
}

void perturb_free(struct perturb *perturb)
{
	if (!perturb)
		return;
	free(perturb->codes);
	free(perturb->spans);
	free(perturb->content);
	book_release(&perturb->book);
	free(perturb->lines);
	free(perturb->out_spans);
	free(perturb->text);
	free(perturb);
}

/* ---- the record ---- */

static int make_room(struct perturb *perturb, const struct record *record, struct err *err)
{
	const size_t spans = record->span_count;

	if (array_reserve(&perturb->codes, &perturb->code_room, record->length) < 0 ||
	    array_reserve(&perturb->spans, &perturb->span_room, spans) < 0 ||
	    array_reserve(&perturb->content, &perturb->content_room, spans) < 0 ||
	    array_reserve(&perturb->lines, &perturb->line_room, spans) < 0 ||
	    array_reserve(&perturb->out_spans, &perturb->out_room, spans) < 0)
		return err_set(err, "out of memory");
	return 0;
}

/* Is a span of this entry, and neither a name nor a number nor asked for? */
static bool is_beside(const struct book *book, const struct span *span, int entry)
{
	return span->entry == entry && span->kind != book->name_kind && span->kind != book->ask_kind &&
	       !book_is_number(book, span);
}

/* Widen from … to by the spans beside them that have their entry, from `least` on. */
static void widen(const struct book *book, uint32_t least, uint32_t *from, uint32_t *to)
{
	const struct span *spans = book->begin;
	const uint32_t end = (uint32_t)(book->end - spans);
	const int entry = spans[*from].entry;

	while (*from > least && is_beside(book, &spans[*from - 1], entry))
		--*from;
	while (*to + 1 < end && is_beside(book, &spans[*to + 1], entry))
		++*to;
}

/* Make a line of each name that has a number. */
static void find_lines(struct perturb *perturb, const struct record *record)
{
	const struct book *book = &perturb->book;
	const struct book_entry *asked = book->answer ? book_find(book, book->answer->entry) : NULL;
	const struct span *spans = record->spans, *name = NULL;
	uint32_t behind = 0; /* the line before */

	perturb->line_count = 0;
	perturb->asked = -1;
	for (uint32_t i = 0; i < book->entries; i++) {
		const struct book_entry *entry = &book->entry[i];
		const uint32_t at = (uint32_t)(entry->name - spans);
		const uint32_t number = (uint32_t)(entry->number - spans);
		const bool more = entry->name == name; /* another number of the same line */
		uint32_t from = at < number ? at : number, to = at < number ? number : at;
		widen(book, more ? from : behind, &from, &to);
		behind = to + 1;
		const uint32_t end = behind < record->span_count ? spans[behind].begin : record->length;
		if (more) {
			perturb->lines[perturb->line_count - 1].all.end = end;
			continue;
		}
		name = entry->name;
		if (entry == asked)
			perturb->asked = (int)perturb->line_count;
		perturb->lines[perturb->line_count++] = (struct line){
			.name = (uint32_t)(name - spans),
			.number = number,
			.all = {spans[from].begin, end},
		};
	}
}

static int read_record(struct perturb *perturb, const struct record *record,
                       const struct span_kinds *kinds, struct err *err)
{
	const struct book *book = &perturb->book;

	if (make_room(perturb, record, err) < 0)
		return -1;
	text_codes(record->text, record->size, perturb->codes);
	if (book_read(&perturb->book, (struct book_text){perturb->codes, sizeof *perturb->codes, NULL},
	              record->spans, record->span_count, kinds, err) < 0)
		return -1;
	perturb->span_count = record->span_count;
	perturb->ask = book->ask ? book->ask - record->spans : -1;
	perturb->answer = book->answer ? book->answer - record->spans : -1;
	for (uint32_t i = 0; i < record->span_count; i++) {
		perturb->spans[i] = record->spans[i];
		perturb->content[i] = (struct stretch){record->spans[i].begin, record->spans[i].end};
	}
	find_lines(perturb, record);
	return 0;
}

/* ---- which entry ---- */

/* Any line but these two (-1: none), or -1. */
static int draw_line(const struct perturb *perturb, int a, int b, struct rng *rng)
{
	int count = (int)perturb->line_count - (a >= 0) - (b >= 0 && b != a), drawn;

	if (count <= 0)
		return -1;
	drawn = (int)rng_below(rng, (uint64_t)count);
	for (int i = 0; i < (int)perturb->line_count; i++)
		if (i != a && i != b && drawn-- == 0)
			return i;
	return -1;
}

/* Choose the line to be changed and, if the change takes two, the other one. */
static int choose(const struct perturb *perturb, struct rng *rng, int *line, int *with,
                  struct err *err)
{
	const struct perturb_options *options = &perturb->options;
	const int asked = perturb->asked;

	*with = -1;
	*line = options->other ? draw_line(perturb, asked, -1, rng) : asked;
	if (*line < 0)
		return err_set(err, options->other ? "no entry but the one asked for" :
		               "no entry is asked for: there is no 'answer' whose entry has "
		               "two spans before it, a name and a number");
	if (options->what == PERTURB_DIGIT || options->what == PERTURB_DROP)
		return 0;
	*with = draw_line(perturb, *line, asked, rng);
	return *with >= 0 ? 0 : err_set(err, "no other entry to go with the one to be changed");
}

/* ---- the changes ---- */

static bool same_text(const struct perturb *perturb, struct stretch a, struct stretch b)
{
	return a.end - a.begin == b.end - b.begin &&
	       memcmp(perturb->codes + a.begin, perturb->codes + b.begin,
	              (a.end - a.begin) * sizeof *perturb->codes) == 0;
}

/* Does the answer repeat this line's number? */
static bool is_answer(const struct perturb *perturb, int line)
{
	return line == perturb->asked &&
	       same_text(perturb, perturb->content[perturb->answer],
	                 perturb->content[perturb->lines[line].number]);
}

/* This line's number is no longer what the answer repeats. The answer becomes the new number
 * or, if it is kept, cannot be known: it then holds the nats of a number. */
static void answer_changed(struct perturb *perturb, int line)
{
	const struct span *number = &perturb->spans[perturb->lines[line].number];

	if (perturb->options.keep)
		perturb->spans[perturb->answer].nats = number->nats;
	else
		perturb->content[perturb->answer] = perturb->content[perturb->lines[line].number];
}

static bool is_digit(uint32_t code)
{
	return code >= '0' && code <= '9';
}

static int change_digit(struct perturb *perturb, int line, struct rng *rng,
                        struct perturb_change *change, struct err *err)
{
	const struct perturb_options *options = &perturb->options;
	const struct stretch number = perturb->content[perturb->lines[line].number];
	const bool follows = is_answer(perturb, line) && !options->keep;
	int digits = 0, place = options->place, have, choices;
	uint32_t at = number.begin;

	for (uint32_t i = number.begin; i < number.end; i++)
		digits += is_digit(perturb->codes[i]);
	if (digits == 0 || place > digits)
		return err_set(err, "no digit %d in a number of %d digits", place > 0 ? place : 1, digits);
	if (place == 0)
		place = 1 + (int)rng_below(rng, (uint64_t)digits);
	for (int left = place; !is_digit(perturb->codes[at]) || --left > 0; at++)
		continue;
	have = (int)(perturb->codes[at] - '0');
	choices = options->digit_max - options->digit_min + 1 -
	          (have >= options->digit_min && have <= options->digit_max);
	if (choices == 0)
		return err_set(err, "digit %d is %d, and there is no other to put there", place, have);
	change->place = place;
	change->from = perturb->codes[at];
	change->to = (uint32_t)('0' + options->digit_min + (int)rng_below(rng, (uint64_t)choices));
	change->to += change->to >= change->from && have >= options->digit_min;
	if (is_answer(perturb, line) && options->keep)
		answer_changed(perturb, line);
	perturb->codes[at] = change->to;
	if (follows)
		perturb->codes[perturb->content[perturb->answer].begin + (at - number.begin)] = change->to;
	return 0;
}

/* Take a line out. Entries are numbered by lines, so those behind it move up by one. */
static void drop(struct perturb *perturb, int line)
{
	const struct line *gone = &perturb->lines[line];
	const int entry = perturb->spans[gone->name].entry;

	if (line == perturb->asked) { /* name and number now stand in the question alone */
		perturb->spans[perturb->answer].nats = perturb->spans[gone->number].nats;
		if (perturb->ask >= 0)
			perturb->spans[perturb->ask].nats = perturb->spans[gone->name].nats;
	}
	for (uint32_t i = 0; i < perturb->span_count; i++) {
		struct span *span = &perturb->spans[i];
		span->entry = span->entry == entry ? -1 : span->entry - (span->entry > entry);
	}
}

static void copy_name(struct perturb *perturb, int line, int with)
{
	perturb->content[perturb->lines[with].name] = perturb->content[perturb->lines[line].name];
	if (line != perturb->asked)
		return;
	perturb->spans[perturb->answer].nats += M_LN2; /* which of the two is meant */
	if (perturb->ask >= 0)
		perturb->spans[perturb->ask].nats = fmax(perturb->spans[perturb->ask].nats - M_LN2, 0);
}

static void exchange_numbers(struct perturb *perturb, int line, int with)
{
	const uint32_t a = perturb->lines[line].number, b = perturb->lines[with].number;
	const bool answers = is_answer(perturb, line);
	const struct stretch text = perturb->content[a];
	const double nats = perturb->spans[a].nats;

	if (answers && perturb->options.keep)
		answer_changed(perturb, line);
	perturb->content[a] = perturb->content[b];
	perturb->content[b] = text;
	perturb->spans[a].nats = perturb->spans[b].nats;
	perturb->spans[b].nats = nats;
	if (answers && !perturb->options.keep)
		answer_changed(perturb, line);
}

static void exchange_entries(struct perturb *perturb, int line, int with)
{
	const int a = perturb->spans[perturb->lines[line].name].entry;
	const int b = perturb->spans[perturb->lines[with].name].entry;

	for (uint32_t i = 0; i < perturb->span_count; i++) {
		struct span *span = &perturb->spans[i];
		span->entry = span->entry == a ? b : span->entry == b ? a : span->entry;
	}
}

/* ---- the new record ---- */

static int make_text_room(struct perturb *perturb, const struct record *record, struct err *err)
{
	size_t room = record->length;

	for (uint32_t i = 0; i < perturb->span_count; i++)
		room += perturb->content[i].end - perturb->content[i].begin;
	if (array_reserve(&perturb->text, &perturb->text_room, room * UTF8_MAX) < 0)
		return err_set(err, "out of memory");
	return 0;
}

static void put(struct perturb *perturb, uint32_t begin, uint32_t end, struct record *out)
{
	for (uint32_t i = begin; i < end; i++)
		out->size += utf8_encode(perturb->codes[i], perturb->text + out->size);
	out->length += end - begin;
}

/* Append a stretch of the old record, with the new contents of its spans. */
static void put_stretch(struct perturb *perturb, struct stretch stretch, struct record *out)
{
	uint32_t at = stretch.begin;

	for (uint32_t i = 0; i < perturb->span_count; i++) {
		const struct span *span = &perturb->spans[i];
		if (span->begin < stretch.begin || span->end > stretch.end)
			continue;
		put(perturb, at, span->begin, out);
		struct span *put_here = &perturb->out_spans[out->span_count++];
		*put_here = *span;
		put_here->begin = out->length;
		put(perturb, perturb->content[i].begin, perturb->content[i].end, out);
		put_here->end = out->length;
		at = span->end;
	}
	put(perturb, at, stretch.end, out);
}

static void put_record(struct perturb *perturb, uint32_t length, int line, int with,
                       struct record *out)
{
	const struct stretch all = perturb->lines[line].all;

	if (perturb->options.what == PERTURB_DROP) {
		put_stretch(perturb, (struct stretch){0, all.begin}, out);
		put_stretch(perturb, (struct stretch){all.end, length}, out);
	} else if (perturb->options.what == PERTURB_LINES) {
		const struct stretch first = perturb->lines[line < with ? line : with].all;
		const struct stretch second = perturb->lines[line < with ? with : line].all;
		put_stretch(perturb, (struct stretch){0, first.begin}, out);
		put_stretch(perturb, second, out);
		put_stretch(perturb, (struct stretch){first.end, second.begin}, out);
		put_stretch(perturb, first, out);
		put_stretch(perturb, (struct stretch){second.end, length}, out);
	} else {
		put_stretch(perturb, (struct stretch){0, length}, out);
	}
}

int perturb_record(struct perturb *perturb, const struct record *record,
                   const struct span_kinds *kinds, struct record *out,
                   struct perturb_change *change, struct err *err)
{
	struct rng rng;
	int line, with;

	rng_init(&rng, perturb->options.seed, RNG_PERTURB, record->id);
	if (read_record(perturb, record, kinds, err) < 0 ||
	    choose(perturb, &rng, &line, &with, err) < 0)
		return -1;
	*change = (struct perturb_change){
		.entry = perturb->spans[perturb->lines[line].name].entry,
		.with = with < 0 ? -1 : perturb->spans[perturb->lines[with].name].entry,
	};
	switch (perturb->options.what) {
	case PERTURB_DIGIT:
		if (change_digit(perturb, line, &rng, change, err) < 0)
			return -1;
		break;
	case PERTURB_DROP:
		drop(perturb, line);
		break;
	case PERTURB_NAME:
		copy_name(perturb, line, with);
		break;
	case PERTURB_NUMBERS:
		exchange_numbers(perturb, line, with);
		break;
	default:
		exchange_entries(perturb, line, with);
	}
	if (make_text_room(perturb, record, err) < 0)
		return -1;
	*out = (struct record){.id = record->id, .text = perturb->text, .spans = perturb->out_spans};
	put_record(perturb, record->length, line, with, out);
	return 0;
}
