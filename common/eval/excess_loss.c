#include "common/eval/excess_loss.h"

#include <math.h>
#include <string.h>

/* What one record gives to one kind. */
struct part {
	double loss, floor;
	uint32_t spans;
};

static void add(struct excess_loss_sums *sums, const struct part *part)
{
	if (part->spans == 0)
		return;
	sums->spans += part->spans;
	sums->loss += part->loss;
	sums->floor += part->floor;
	ratio_add(&sums->excess, part->loss - part->floor, part->spans);
}

/* The loss of a span: of the tokens that end in it. *at is the first step that is not counted yet;
 * it moves to the first one behind the span. Steps before the span are in no span and go to other.
 * NaN: a character of the span has no step. */
static double span_loss(const struct generation *generation, const struct span *span,
                        uint32_t *at, struct part *other)
{
	uint32_t next = span->begin;
	double loss = 0;

	for (; *at < generation->step_count; ++*at) {
		const struct generation_step *step = &generation->steps[*at];
		if (step->last >= span->end)
			break;
		if (step->last < span->begin) {
			other->loss -= log(step->p);
			other->spans++;
			continue;
		}
		if (step->position <= next)
			next = step->last + 1;
		loss -= log(step->p);
	}
	/* what is left may belong to a token that ends behind the span */
	if (*at < generation->step_count && generation->steps[*at].position <= next &&
	    next > span->begin)
		next = span->end;
	return next == span->end ? loss : NAN;
}

void excess_loss_count(struct excess_loss *excess, const struct generation *generation)
{
	const struct span behind = {.begin = generation->length, .end = UINT32_MAX};
	struct part part[SPAN_KINDS], all = {0};
	uint32_t at = 0;

	memset(part, 0, sizeof part);
	for (uint32_t i = 0; i < generation->span_count; i++) {
		const struct span *span = &generation->spans[i];
		double loss = span_loss(generation, span, &at, &part[SPAN_OTHER]);
		if (isnan(loss))
			continue;
		part[span->kind].loss += loss;
		part[span->kind].floor += span->nats;
		part[span->kind].spans++;
	}
	span_loss(generation, &behind, &at, &part[SPAN_OTHER]);
	for (int kind = 0; kind < SPAN_KINDS; kind++) {
		add(&excess->kind[kind], &part[kind]);
		all.loss += part[kind].loss;
		all.floor += part[kind].floor;
		all.spans |= part[kind].spans > 0;
	}
	add(&excess->record, &all);
}
