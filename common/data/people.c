#include "common/data/people.h"

#include <math.h>
#include <stdlib.h>

#include "common/base/permutation.h"

struct people {
	struct people_options options;
	uint64_t full_names;
	struct permutation order; /* of all full names */
	/* tail[i]: the sum of the weights of the people from i on, added from the smallest one, so that
	 * rare people keep their share. NULL: all weights are 1. */
	double *tail;
};

static double weight(const struct people *people, uint64_t person)
{
	return pow((double)(person + 1), -people->options.skew);
}

static int add_weights(struct people *people)
{
	const uint64_t count = people->options.count;

	people->tail = malloc((count + 1) * sizeof *people->tail);
	if (!people->tail)
		return -1;
	people->tail[count] = 0;
	for (uint64_t i = count; i-- > 0;)
		people->tail[i] = people->tail[i + 1] + weight(people, i);
	return 0;
}

struct people *people_new(const struct people_options *options, struct err *err)
{
	const uint64_t full_names = (uint64_t)options->names->count * (uint64_t)options->names->count;

	if (options->count < 1 || options->count > full_names) {
		err_usage(err, "a directory of %ju people, but %d given names make only %ju full names",
		          (uintmax_t)options->count, options->names->count, (uintmax_t)full_names);
		return NULL;
	}
	struct people *people = calloc(1, sizeof *people);
	if (!people || (people->options = *options, options->skew > 0 && add_weights(people) < 0)) {
		people_free(people);
		err_set(err, "out of memory for a directory of %ju people", (uintmax_t)options->count);
		return NULL;
	}
	people->full_names = full_names;
	permutation_init(&people->order, full_names, options->seed, RNG_DIRECTORY, 0);
	return people;
}

void people_free(struct people *people)
{
	if (!people)
		return;
	free(people->tail);
	free(people);
}

uint64_t people_count(const struct people *people)
{
	return people->options.count;
}

uint64_t people_strangers(const struct people *people)
{
	return people->full_names - people->options.count;
}

uint64_t people_name(const struct people *people, uint64_t person)
{
	return permutation_at(&people->order, person);
}

void people_number(const struct people *people, uint64_t person, char number[PHONE_BYTES])
{
	struct rng rng;

	rng_init(&rng, people->options.seed, RNG_PHONE, person);
	phone_draw(&rng, number);
}

/* The sum of the weights of the people from i on. */
static double tail(const struct people *people, uint64_t i)
{
	return people->tail ? people->tail[i] : (double)(people->options.count - i);
}

/* The person of begin … end-1 whose share of their weights the place u is in. */
static uint64_t find(const struct people *people, uint64_t begin, uint64_t end, double u)
{
	const double from = tail(people, begin);
	uint64_t low = begin, high = end - 1;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;
		if (from - tail(people, middle + 1) > u)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* People who are not taken stand in gaps between those who are. The sum over the gaps loses nothing
 * of a small rest, as the difference from the sum of all weights would. */
uint64_t people_draw(const struct people *people, const uint64_t *taken, int count,
                     struct rng *rng, double *nats)
{
	uint64_t begin = 0, person = 0;
	double sum = 0;

	for (int i = 0; i <= count; i++) {
		const uint64_t end = i < count ? taken[i] : people->options.count;
		sum += tail(people, begin) - tail(people, end);
		begin = end + 1;
	}
	double u = rng_uniform(rng) * sum;
	begin = 0;
	for (int i = 0; i <= count; i++) {
		const uint64_t end = i < count ? taken[i] : people->options.count;
		const double gap = tail(people, begin) - tail(people, end);
		if (end > begin) {
			person = find(people, begin, end, u); /* after rounding, the last one */
			if (u < gap)
				break;
		}
		u -= gap;
		begin = end + 1;
	}
	*nats = log(sum) - log(weight(people, person));
	return person;
}

uint64_t people_draw_stranger(const struct people *people, const uint64_t *taken, int count,
                              struct rng *rng, double *nats)
{
	const uint64_t left = people_strangers(people) - (uint64_t)count;
	uint64_t person = people->options.count + rng_below(rng, left);

	for (int i = 0; i < count && taken[i] <= person; i++)
		person++; /* the taken ones are passed over */
	*nats = log((double)left);
	return person;
}
