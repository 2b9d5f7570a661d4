/* excess_loss.h - loss by kind of span, and how far above its floor it is.
 *
 * The loss of a span is -ln of the probability of its characters, each given all
 * before it; its floor is the information that the generator put there: its nats.
 * Only spans count whose every character has a step. What no span covers counts by
 * the character, and has the floor 0.
 */
#ifndef MEMOSCOPE_EXCESS_LOSS_H
#define MEMOSCOPE_EXCESS_LOSS_H

#include "common/base/stats.h"
#include "common/stream/generation.h"

/* Sums over records. */
struct excess_loss_sums {
	uint64_t spans; /* or characters */
	double loss, floor; /* nats */
	/* Loss less floor over spans, with a record as the group: its spans need not be
	 * independent of each other. ratio_mean() is the mean excess of a span. */
	struct ratio excess;
};

struct excess_loss {
	struct excess_loss_sums record; /* all that counts in a record, as one */
	struct excess_loss_sums kind[SPAN_KINDS]; /* SPAN_OTHER: characters */
};

/* Add a text that was scored. Its spans are those of the text. */
void excess_loss_count(struct excess_loss *excess, const struct generation *generation);

#endif
