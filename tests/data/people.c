/* people.c - the directory of common/data/people.h: names and numbers for life, and how often each
 * person is drawn. */
#include "common/data/people.h"

#include <stdlib.h>

#include "tests/data/chi_square.h"
#include "tests/tap.h"

enum { DRAWS = 200000 };

static struct people *directory(const struct names *names, uint64_t count, double skew,
                                uint64_t seed)
{
	struct err err = {0};
	struct people *people = people_new(&(struct people_options){
		.names = names, .count = count, .skew = skew, .seed = seed,
	}, &err);

	if (!people)
		ok(false, "%s", err.text);
	return people;
}

static void check_for_life(const struct names *names)
{
	struct people *few = directory(names, 100, 0, 1), *many = directory(names, 5000, 1, 1);
	struct people *others = directory(names, 5000, 0, 2);
	const uint64_t full = (uint64_t)names->count * (uint64_t)names->count;
	unsigned char *seen = calloc(full, 1);
	bool same = true, distinct = true;
	int alike = 0, alike_numbers = 0;

	for (uint64_t i = 0; i < 5000; i++) {
		char a[PHONE_BYTES], b[PHONE_BYTES];
		people_number(many, i, a);
		people_number(few, i, b);
		same = same && people_name(few, i) == people_name(many, i) &&
		       memcmp(a, b, PHONE_BYTES) == 0;
		distinct = distinct && !seen[people_name(many, i)]++;
		people_number(others, i, b);
		alike += people_name(many, i) == people_name(others, i);
		alike_numbers += memcmp(a, b, PHONE_BYTES) == 0;
	}
	ok(same, "a small directory is the beginning of a large one");
	ok(distinct, "no two people have one name");
	ok(alike < 3 && alike_numbers == 0, "another seed has other people: %d, %d", alike,
	   alike_numbers);
	is_int((long long)people_count(few), 100, "the directory's people");
	is_int((long long)people_strangers(few), (long long)full - 100, "and all other names");
	free(seen);
	people_free(few);
	people_free(many);
	people_free(others);
}

/* Of a list of three names all nine full names are somebody's or a stranger's, each once. */
static void check_all_names(void)
{
	struct err err = {0};
	struct names *names = names_parse("A\nB\nC\n", 6, "list", &err);
	struct people *people = directory(names, 4, 0, 3);
	bool seen[9] = {0}, all = true;

	for (uint64_t i = 0; i < 9; i++)
		seen[people_name(people, i)] = true;
	for (int i = 0; i < 9; i++)
		all = all && seen[i];
	ok(all, "people and strangers have all full names");
	people_free(people);
	err = (struct err){0};
	people = people_new(&(struct people_options){.names = names, .count = 10}, &err);
	ok(!people && err.status == ERR_USAGE && strstr(err.text, "only 9 full names"),
	   "more people than names: %s", err.text);
	names_free(names);
}

/* Draws of those who are not taken, and the nats of each, are in proportion to the weights. */
static void check_draws(const struct names *names, int count, double skew, const uint64_t *taken,
                        int taken_count, const char *what)
{
	struct people *people = directory(names, (uint64_t)count, skew, 1);
	long counts[64] = {0}, kept[64];
	double expected[64], claimed[64] = {0}, sum = 0, all = 0;
	bool steady = true, others = true;
	struct rng rng;
	int cells = 0;

	rng_init(&rng, 4, RNG_TEST, 0);
	for (int i = 0; i < DRAWS; i++) {
		double nats;
		uint64_t person = people_draw(people, taken, taken_count, &rng, &nats);
		steady = steady && (counts[person] == 0 || fabs(claimed[person] - nats) < 1e-12);
		claimed[person] = nats;
		counts[person]++;
	}
	for (int i = 0; i < count; i++) {
		bool is_taken = false;
		for (int k = 0; k < taken_count; k++)
			is_taken |= taken[k] == (uint64_t)i;
		others = others && !(is_taken && counts[i] > 0);
		if (is_taken)
			continue;
		kept[cells] = counts[i];
		expected[cells] = pow(i + 1, -skew);
		sum += expected[cells++];
		all += counts[i] ? exp(-claimed[i]) : 0;
	}
	for (int i = 0; i < cells; i++)
		expected[i] *= DRAWS / sum;
	ok(others, "%s: nobody who is taken", what);
	ok(fits(kept, expected, cells), "%s: in proportion to the weights", what);
	ok(steady, "%s: with the same nats each time", what);
	is_near(all, 1, 1e-9, "whose probabilities add up to 1");
	people_free(people);
}

/* After the most frequent people, a rest of 1e-9 of the weight is still drawn by its weights. */
static void check_rest(const struct names *names)
{
	const uint64_t taken[] = {0, 1, 2, 3, 4, 5, 6, 7, 9};
	struct people *people = directory(names, 12, 10, 1);
	long counts[3] = {0};
	double expected[3], sum = pow(9, -10) + pow(11, -10) + pow(12, -10), nats;
	const int who[3] = {8, 10, 11};
	struct rng rng;

	rng_init(&rng, 5, RNG_TEST, 0);
	for (int i = 0; i < DRAWS; i++) {
		uint64_t person = people_draw(people, taken, 9, &rng, &nats);
		for (int k = 0; k < 3; k++)
			counts[k] += person == (uint64_t)who[k];
	}
	for (int k = 0; k < 3; k++)
		expected[k] = DRAWS * pow(who[k] + 1, -10) / sum;
	is_int(counts[0] + counts[1] + counts[2], DRAWS, "a rest: nobody else");
	ok(fits(counts, expected, 3), "a rest: in proportion");
	people_free(people);
}

static void check_strangers(void)
{
	struct err err = {0};
	struct names *names = names_parse("A\nB\nC\n", 6, "list", &err);
	struct people *people = directory(names, 4, 1, 1);
	const uint64_t taken[] = {5, 6};
	long counts[9] = {0}, kept[3];
	double expected[3] = {DRAWS / 3.0, DRAWS / 3.0, DRAWS / 3.0}, nats;
	struct rng rng;

	rng_init(&rng, 6, RNG_TEST, 0);
	for (int i = 0; i < DRAWS; i++)
		counts[people_draw_stranger(people, taken, 2, &rng, &nats)]++;
	kept[0] = counts[4];
	kept[1] = counts[7];
	kept[2] = counts[8];
	is_int(kept[0] + kept[1] + kept[2], DRAWS, "strangers who are not taken");
	ok(fits(kept, expected, 3), "all alike");
	is_near(nats, log(3), 1e-15, "and their nats");
	people_free(people);
	names_free(names);
}

int main(void)
{
	const uint64_t taken[] = {0, 3, 4, 19};
	struct err err = {0};
	struct names *names = names_bundled(&err);

	check_for_life(names);
	check_all_names();
	check_draws(names, 50, 0, NULL, 0, "uniform");
	check_draws(names, 50, 1.2, NULL, 0, "Zipf's law");
	check_draws(names, 20, 0, taken, 4, "uniform, some taken");
	check_draws(names, 20, 1, taken, 4, "Zipf's law, some taken");
	check_rest(names);
	check_strangers();
	names_free(names);
	return done();
}
