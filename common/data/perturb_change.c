/* The changes of perturb.h. */
#include <math.h>
#include <string.h>

#include "common/data/perturb_private.h"
#include "common/data/phone.h"

static bool same_text(const struct perturb *perturb, struct stretch a, struct stretch b)
{
	return a.end - a.begin == b.end - b.begin &&
	       memcmp(perturb->codes + a.begin, perturb->codes + b.begin,
	              (a.end - a.begin) * sizeof *perturb->codes) == 0;
}

bool perturb_same_name(const struct perturb *perturb, int a, int b)
{
	return same_text(perturb, perturb->content[perturb->lines[a].name],
	                 perturb->content[perturb->lines[b].name]);
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

static void add_nats(struct span *span, double nats)
{
	span->nats = fmax(span->nats + nats, 0);
}

static void copy_name(struct perturb *perturb, int line, int with)
{
	perturb->content[perturb->lines[with].name] = perturb->content[perturb->lines[line].name];
	if (line != perturb->asked)
		return;
	perturb->spans[perturb->answer].nats += M_LN2; /* which of the two is meant */
	if (perturb->ask >= 0)
		add_nats(&perturb->spans[perturb->ask], -M_LN2);
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

/* ---- all numbers ---- */

/* The information of a number whose digits are drawn from a range each. */
static double digits_nats(const struct perturb *perturb, struct stretch number)
{
	const struct perturb_options *options = &perturb->options;
	int digits = 0;

	for (uint32_t i = number.begin; i < number.end; i++)
		digits += is_digit(perturb->codes[i]);
	return digits * log(options->digit_max - options->digit_min + 1);
}

static void draw_phone(uint32_t *codes, struct rng *rng, double *nats)
{
	char text[PHONE_BYTES];
	bool same = true;

	while (same) {
		phone_draw(rng, text);
		for (int i = 0; i < PHONE_BYTES; i++)
			same = same && codes[i] == (uint32_t)text[i];
	}
	for (int i = 0; i < PHONE_BYTES; i++)
		codes[i] = (uint32_t)text[i];
	*nats = phone_nats(text);
}

/* Draw each digit. The number is not what it was: that is drawn again. */
static int draw_digits(struct perturb *perturb, struct stretch number, struct rng *rng,
                       struct err *err)
{
	const uint32_t least = (uint32_t)('0' + perturb->options.digit_min);
	const uint32_t most = (uint32_t)('0' + perturb->options.digit_max);
	bool same = true, can_change = false;
	int digits = 0;

	for (uint32_t i = number.begin; i < number.end; i++) {
		const uint32_t code = perturb->codes[i];
		digits += is_digit(code);
		can_change = can_change || (is_digit(code) && (least < most || code != least));
	}
	if (digits == 0)
		return err_set(err, "a number has no digit to draw");
	if (!can_change)
		return err_set(err, "a number has the digit %d alone, and there is no other to draw",
		               perturb->options.digit_min);
	while (same)
		for (uint32_t i = number.begin; i < number.end; i++) {
			if (!is_digit(perturb->codes[i]))
				continue;
			const uint32_t drawn = least + (uint32_t)rng_below(rng, most - least + 1);
			same = same && drawn == perturb->codes[i];
			perturb->codes[i] = drawn;
		}
	return 0;
}

static int draw_number(struct perturb *perturb, uint32_t span, struct rng *rng, struct err *err)
{
	const struct stretch number = {perturb->spans[span].begin, perturb->spans[span].end};
	const bool any_digit = perturb->options.digit_min == 0 && perturb->options.digit_max == 9;

	if (any_digit && phone_form(perturb->codes + number.begin, number.end - number.begin)) {
		draw_phone(perturb->codes + number.begin, rng, &perturb->spans[span].nats);
		return 0;
	}
	perturb->spans[span].nats = digits_nats(perturb, number);
	return draw_digits(perturb, number, rng, err);
}

/* May this span be drawn afresh? */
static bool to_redraw(const struct perturb *perturb, const struct span *span)
{
	const bool stays = perturb->options.other && perturb->asked >= 0;

	return book_is_number(&perturb->book, span) &&
	       !(stays && span->entry == perturb->book.answer->entry);
}

/* Every answer that is the number of its entry becomes the new number, or is kept. This comes
 * before numbers change: an answer then has the text of its number's place. */
static void follow_numbers(struct perturb *perturb)
{
	const struct book *book = &perturb->book;

	for (uint32_t i = 0; i < perturb->span_count; i++) {
		const struct span *span = &book->begin[i];
		if (span->kind != book->answer_kind)
			continue;
		const struct span *number = book_source(book, span);
		if (!number || !to_redraw(perturb, number))
			continue;
		const uint32_t at = (uint32_t)(number - book->begin);
		if (!same_text(perturb, perturb->content[i], perturb->content[at]))
			continue;
		if (perturb->options.keep)
			perturb->spans[i].nats = number->nats;
		else
			perturb->content[i] = perturb->content[at];
	}
}

/* How many lines have this line's name, and how many of them its number, too. */
static void count_same(const struct perturb *perturb, int line, int *names, int *both)
{
	*names = *both = 0;
	for (int i = 0; i < (int)perturb->line_count; i++) {
		if (!perturb_same_name(perturb, i, line))
			continue;
		++*names;
		*both += same_text(perturb, perturb->content[perturb->lines[i].number],
		                   perturb->content[perturb->lines[line].number]);
	}
}

/* The right answer: how much information is in which of the lines with its name is meant. */
static double answer_nats(const struct perturb *perturb, int line)
{
	int names, both;

	count_same(perturb, line, &names, &both);
	return log(names) - log(both);
}

static int redraw(struct perturb *perturb, struct rng *rng, struct err *err)
{
	const struct book *book = &perturb->book;
	const int asked = perturb->asked;
	const bool answers = asked >= 0 && is_answer(perturb, asked);
	const double nats = answers ? answer_nats(perturb, asked) : 0;
	int redrawn = 0;

	follow_numbers(perturb);
	for (const struct span *span = book->begin; span < book->end; span++) {
		if (!to_redraw(perturb, span))
			continue;
		if (draw_number(perturb, (uint32_t)(span - book->begin), rng, err) < 0)
			return -1;
		redrawn++;
	}
	if (redrawn == 0)
		return err_set(err, perturb->options.other ? "no number but the one asked for" :
		               "no number in the book");
	if (answers && is_answer(perturb, asked))
		add_nats(&perturb->spans[perturb->answer], answer_nats(perturb, asked) - nats);
	return 0;
}

/* ---- another question ---- */

static int ask_for(struct perturb *perturb, int line, int with, struct err *err)
{
	const int entry = perturb->spans[perturb->lines[with].name].entry;
	int before, names, both;

	if (perturb->ask < 0)
		return err_set(err, "no 'ask' before the answer, so that no other name can be asked for");
	struct span *ask = &perturb->spans[perturb->ask], *answer = &perturb->spans[perturb->answer];
	count_same(perturb, line, &before, &both);
	count_same(perturb, with, &names, &both);
	add_nats(ask, log(before) - log(names)); /* more lines ask for a name that more have */
	perturb->content[perturb->ask] = perturb->content[perturb->lines[with].name];
	if (is_answer(perturb, line) && perturb->options.keep) {
		answer_changed(perturb, line);
	} else if (is_answer(perturb, line)) {
		add_nats(answer, answer_nats(perturb, with) - answer_nats(perturb, line));
		perturb->content[perturb->answer] = perturb->content[perturb->lines[with].number];
	}
	ask->entry = answer->entry = entry;
	return 0;
}

int perturb_change(struct perturb *perturb, int line, int with, struct rng *rng,
                   struct perturb_change *change, struct err *err)
{
	switch (perturb->options.what) {
	case PERTURB_DIGIT:
		return change_digit(perturb, line, rng, change, err);
	case PERTURB_DROP:
		drop(perturb, line);
		break;
	case PERTURB_NAME:
		copy_name(perturb, line, with);
		break;
	case PERTURB_NUMBERS:
		exchange_numbers(perturb, line, with);
		break;
	case PERTURB_LINES:
		exchange_entries(perturb, line, with);
		break;
	case PERTURB_REDRAW:
		return redraw(perturb, rng, err);
	default:
		return ask_for(perturb, line, with, err);
	}
	return 0;
}
