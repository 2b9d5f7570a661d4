#include "common/data/mixture.h"

#include <math.h>

#include "common/base/permutation.h"

void mixture_sum(struct mixture *mixture)
{
	mixture->pass = 0;
	for (int i = 0; i < mixture->files; i++)
		mixture->pass += mixture->file[i].share;
}

/* What of a file's quota its share lacks. */
static double remainder_of(const struct mixture *mixture, const double *weight, int i,
                           double items, double sum)
{
	return items * (weight[i] / sum) - (double)mixture->file[i].share;
}

void mixture_weigh(struct mixture *mixture, const double *weight)
{
	double sum = 0, items = 0;

	for (int i = 0; i < mixture->files; i++) {
		sum += weight[i];
		items += (double)mixture->file[i].items;
	}
	for (int i = 0; i < mixture->files; i++)
		mixture->file[i].share = (uint64_t)floor(items * (weight[i] / sum));
	mixture_sum(mixture);
	while ((double)mixture->pass < items) {
		int most = 0;
		for (int i = 1; i < mixture->files; i++)
			if (remainder_of(mixture, weight, i, items, sum) >
			    remainder_of(mixture, weight, most, items, sum))
				most = i;
		mixture->file[most].share++;
		mixture->pass++;
	}
}

void mixture_at(const struct mixture *mixture, uint64_t index, struct mixture_place *at)
{
	const uint64_t pass = index / mixture->pass;
	struct permutation order;
	int i = 0;

	permutation_init(&order, mixture->pass, mixture->seed, RNG_QAMIX, pass);
	uint64_t place = permutation_at(&order, index % mixture->pass);
	while (place >= mixture->file[i].share)
		place -= mixture->file[i++].share;
	const struct mixture_file *of = &mixture->file[i];
	place += pass * of->share; /* how many of this file there were before */
	permutation_init(&order, of->items, mixture->seed, RNG_ITEMS,
	                 place / of->items << 16 | (uint64_t)i);
	at->file = i;
	at->item = permutation_at(&order, place % of->items);
	at->round = place / of->items;
}
