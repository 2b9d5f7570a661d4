/* excess_loss.h - loss by kind of span, and how far above its floor it is.
 *
 * The loss of a span is -ln of the probability of its characters, each given all
 * before it; its floor is the information that the generator put there: its nats.
 * Only spans count whose every character has a step. What no span covers counts by
 * the character, and has the floor 0.
 */
#ifndef MEMOSCOPE_EXCESS_LOSS_H
#define MEMOSCOPE_EXCESS_LOSS_H

#include "common/stream/generation.h"

/* Sums over records; of each the nats of loss, of floor, and the spans (or
 * characters), and the sums of products that the variance needs. */
struct excess_loss_sums {
	uint64_t records, spans;
	double loss, floor; /* nats */
	double xx, xn, nn; /* x: a record's loss less its floor; n: its spans */
};

struct excess_loss {
	struct excess_loss_sums record; /* all that counts in a record, as one */
	struct excess_loss_sums kind[SPAN_KINDS]; /* SPAN_OTHER: characters */
};

/* Add a text that was scored. Its spans are those of the text. */
void excess_loss_count(struct excess_loss *excess, const struct generation *generation);

/* The mean excess of a span, and the half of its 95% interval by the variance
 * between records, whose spans need not be independent of each other (the ratio
 * estimator: W. G. Cochran, Sampling Techniques, 1977, section 2.11). NaN where
 * there are fewer than two records. */
double excess_loss_mean(const struct excess_loss_sums *sums, double *half);

#endif
