/* excess_loss.h - loss by kind of span, and how far it is above its floor.
 *
 * The loss of a span is the sum of -ln p over its characters, each given all before it. Its
 * floor is the information that the generator put there: its nats. A span counts only if
 * every character of it has a step. Characters of no span count one by one, and their floor
 * is 0.
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

/* Add a text that was scored. The spans are the text's own. */
void excess_loss_count(struct excess_loss *excess, const struct generation *generation);

#endif
