/* The changes of perturb.h. */
#include <math.h>
#include <string.h>

#include "common/data/perturb_private.h"

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
	default:
		exchange_entries(perturb, line, with);
	}
	return 0;
}
