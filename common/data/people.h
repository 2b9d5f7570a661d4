/* people.h - a directory: people, each with a name and a number for life.
 *
 * Person 0, 1, … of a directory is a pure function of (names, seed, person), whatever their count:
 * a directory of 100 people is the beginning of one of 1000. All full names of the list of names
 * are in one order; the first ones are the directory's, and the others belong to nobody in it. The
 * numbers are drawn by the rules of phone.h.
 *
 * Person i is drawn with a probability in proportion to (i + 1) to the power of -skew (G. K. Zipf
 * 1949); skew 0: all alike.
 */
#ifndef MEMOSCOPE_PEOPLE_H
#define MEMOSCOPE_PEOPLE_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/rng.h"
#include "common/data/names.h"
#include "common/data/phone.h"

#define PEOPLE_SKEW_MAX 10

struct people_options {
	const struct names *names; /* must outlive the people */
	uint64_t count; /* people in the directory, at least 1 */
	double skew; /* 0 … PEOPLE_SKEW_MAX */
	uint64_t seed;
};

struct people; /* own: people_new … people_free */

/* NULL with err set if there are fewer full names than people. */
struct people *people_new(const struct people_options *options, struct err *err);
void people_free(struct people *people); /* NULL is allowed */

uint64_t people_count(const struct people *people);

/* The full names that nobody in the directory has. */
uint64_t people_strangers(const struct people *people);

/* The full name of a person: first * N + last, for N given names. Those from people_count() on are
 * the strangers' names. */
uint64_t people_name(const struct people *people, uint64_t person);

/* The number of a person of the directory. */
void people_number(const struct people *people, uint64_t person, char number[PHONE_BYTES]);

/* Draw a person who is not among the taken ones, sorted [count], which are fewer than all. *nats is
 * the information of who it is. */
uint64_t people_draw(const struct people *people, const uint64_t *taken, int count,
                     struct rng *rng, double *nats);

/* The same of the strangers, who all come alike. */
uint64_t people_draw_stranger(const struct people *people, const uint64_t *taken, int count,
                              struct rng *rng, double *nats);

#endif
