#include "common/eval/excess_loss.h"

#include <math.h>
#include <string.h>

/* What one record gives to one kind. */
struct share {
	double loss, floor;
	uint32_t spans;
};

static void add(struct excess_loss_sums *sums, const struct share *share)
{
	double x = share->loss - share->floor, n = share->spans;

	if (share->spans == 0)
		return;
	sums->records++;
	sums->spans += share->spans;
	sums->loss += share->loss;
	sums->floor += share->floor;
	sums->xx += x * x;
	sums->xn += x * n;
	sums->nn += n * n;
}

/* The loss of a span; *at is the first step that may lie in it, then the first
 * behind it. Steps before it are no span's, and go to other. NaN: one is missing. */
static double span_loss(const struct generation *generation, const struct span *span,
                        uint32_t *at, struct share *other)
{
	uint32_t next = span->begin;
	double loss = 0;

	for (; *at < generation->step_count; ++*at) {
		const struct generation_step *step = &generation->steps[*at];
		if (step->position >= span->end)
			break;
		if (step->position < span->begin) {
			other->loss -= log(step->p);
			other->spans++;
			continue;
		}
		if (step->position == next)
			next++;
		loss -= log(step->p);
	}
	return next == span->end ? loss : NAN;
}

void excess_loss_count(struct excess_loss *excess, const struct generation *generation)
{
	const struct span behind = {.begin = generation->length, .end = UINT32_MAX};
	struct share share[SPAN_KINDS], all = {0};
	uint32_t at = 0;

	memset(share, 0, sizeof share);
	for (uint32_t i = 0; i < generation->span_count; i++) {
		const struct span *span = &generation->spans[i];
		double loss = span_loss(generation, span, &at, &share[SPAN_OTHER]);
		if (isnan(loss))
			continue;
		share[span->kind].loss += loss;
		share[span->kind].floor += span->nats;
		share[span->kind].spans++;
	}
	span_loss(generation, &behind, &at, &share[SPAN_OTHER]);
	for (int kind = 0; kind < SPAN_KINDS; kind++) {
		add(&excess->kind[kind], &share[kind]);
		all.loss += share[kind].loss;
		all.floor += share[kind].floor;
		all.spans |= share[kind].spans > 0;
	}
	add(&excess->record, &all);
}

double excess_loss_mean(const struct excess_loss_sums *sums, double *half)
{
	const double z = 1.959963984540054; /* the normal distribution's 0.975 quantile */
	double n = (double)sums->spans, records = (double)sums->records;
	double mean = (sums->loss - sums->floor) / n;
	double squares = sums->xx - 2 * mean * sums->xn + mean * mean * sums->nn;

	*half = records < 2 ? NAN : z * sqrt(fmax(squares, 0) * records / (records - 1)) / n;
	return mean;
}
