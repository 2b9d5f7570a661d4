#include <stdlib.h>

#include "common/base/array.h"
#include "common/base/utf8.h"
#include "common/data/perturb_private.h"

const char *const perturb_words[PERTURB_COUNT] = {
	"digit", "drop", "name", "numbers", "lines", "redraw", "ask",
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

/* Any line with another name than this one has, or -1. */
static int draw_other_name(const struct perturb *perturb, int line, struct rng *rng)
{
	int count = 0, drawn;

	for (int i = 0; i < (int)perturb->line_count; i++)
		count += !perturb_same_name(perturb, i, line);
	if (count == 0)
		return -1;
	drawn = (int)rng_below(rng, (uint64_t)count);
	for (int i = 0; i < (int)perturb->line_count; i++)
		if (!perturb_same_name(perturb, i, line) && drawn-- == 0)
			return i;
	return -1;
}

/* Choose the line to be changed and, if the change takes two, the other one. -1: all are. */
static int choose(const struct perturb *perturb, struct rng *rng, int *line, int *with,
                  struct err *err)
{
	const struct perturb_options *options = &perturb->options;
	const int asked = perturb->asked;

	*with = *line = -1;
	if (options->what == PERTURB_REDRAW)
		return 0;
	const bool other = options->other && options->what != PERTURB_ASK;
	*line = other ? draw_line(perturb, asked, -1, rng) : asked;
	if (*line < 0)
		return err_set(err, other ? "no entry but the one asked for" :
		               "no entry is asked for: there is no 'answer' whose entry has "
		               "two spans before it, a name and a number");
	if (options->what == PERTURB_DIGIT || options->what == PERTURB_DROP)
		return 0;
	if (options->what == PERTURB_ASK) {
		*with = draw_other_name(perturb, *line, rng);
		return *with >= 0 ? 0 : err_set(err, "no entry to ask for that has another name");
	}
	*with = draw_line(perturb, *line, asked, rng);
	return *with >= 0 ? 0 : err_set(err, "no other entry to go with the one to be changed");
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
	if (perturb->options.what == PERTURB_DROP) {
		const struct stretch all = perturb->lines[line].all;
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
		.entry = line < 0 ? -1 : perturb->spans[perturb->lines[line].name].entry,
		.with = with < 0 ? -1 : perturb->spans[perturb->lines[with].name].entry,
	};
	if (perturb_change(perturb, line, with, &rng, change, err) < 0)
		return -1;
	if (make_text_room(perturb, record, err) < 0)
		return -1;
	*out = (struct record){.id = record->id, .text = perturb->text, .spans = perturb->out_spans};
	if (perturb->options.what != PERTURB_ASK) /* the same person is asked for */
		out->directory = record->directory;
	put_record(perturb, record->length, line, with, out);
	return 0;
}
