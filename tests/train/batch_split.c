/* batch_split.c - every example goes to one worker, and all workers get as many tokens. */
#include <stdlib.h>

#include "common/base/rng.h"
#include "common/train/batch_split.h"
#include "tests/tap.h"

#define MOST 200

static void make_examples(struct example *examples, int count, uint64_t seed)
{
	struct rng rng;

	rng_init(&rng, seed, RNG_TEST, 0);
	for (int e = 0; e < count; e++)
		examples[e] = (struct example){.length = 2 + (int)rng_below(&rng, 99)};
}

/* Each example once, the longest first, and the tokens are counted. */
static bool whole(const struct batch_split *split, const struct example *examples, int count)
{
	bool met[MOST] = {false}, good = true;
	int all = 0;

	for (int w = 0; w < split->workers; w++) {
		const struct worker_examples *own = &split->worker[w];
		int64_t tokens = 0;
		for (int i = 0; i < own->count; i++, all++) {
			const int e = own->index[i];
			good &= e >= 0 && e < count && !met[e];
			good &= i == 0 || examples[own->index[i - 1]].length >= examples[e].length;
			met[e] = true;
			tokens += examples[e].length;
		}
		good &= tokens == own->tokens;
	}
	return good && all == count;
}

/* With the longest first, the last example that the fullest worker got is no longer than any
 * before it: so it has at most that much more than the emptiest one. */
static bool balanced(const struct batch_split *split, const struct example *examples)
{
	bool good = true;

	for (int w = 0; w < split->workers; w++)
		for (int other = 0; other < split->workers; other++) {
			const struct worker_examples *own = &split->worker[w];
			if (own->count > 0)
				good &= own->tokens - split->worker[other].tokens <=
				        examples[own->index[own->count - 1]].length;
		}
	return good;
}

static void test_split(int workers)
{
	static const int counts[] = {1, 2, 60, MOST, 7, 60};
	struct batch_split split, again;
	struct err err = {0};
	bool complete = true, even = true, same = true;

	is_int(batch_split_init(&split, workers, &err), 0, "a split for workers");
	batch_split_init(&again, workers, &err);
	for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
		struct example examples[MOST];
		make_examples(examples, counts[c], c);
		if (batch_split_make(&split, examples, counts[c], &err) < 0 ||
		    batch_split_make(&again, examples, counts[c], &err) < 0)
			printf("# %s\n", err.text);
		complete &= whole(&split, examples, counts[c]);
		even &= balanced(&split, examples);
		for (int w = 0; w < workers; w++)
			same &= split.worker[w].count == again.worker[w].count &&
			        memcmp(split.worker[w].index, again.worker[w].index,
			               (size_t)split.worker[w].count * sizeof(int)) == 0;
	}
	ok(complete, "  %d: each example once, larger and smaller batches after one another", workers);
	ok(even, "  as many tokens each, but for one short example");
	ok(same, "  the same split again");
	batch_split_release(&split);
	batch_split_release(&again);
}

static void test_order(void)
{
	struct example examples[] = {{.length = 3}, {.length = 9}, {.length = 3}, {.length = 9},
	                             {.length = 4}};
	struct batch_split split;
	struct err err = {0};

	batch_split_init(&split, 2, &err);
	batch_split_make(&split, examples, 5, &err);
	const struct worker_examples *a = &split.worker[0], *b = &split.worker[1];
	ok(a->count == 2 && a->index[0] == 1 && a->index[1] == 4 && a->tokens == 13,
	   "lengths 3 9 3 9 4: the first worker has one of 9 and that of 4");
	ok(b->count == 3 && b->index[0] == 3 && b->index[1] == 0 && b->index[2] == 2 && b->tokens == 15,
	   "  the second all others, those of one length in the order of the batch");
	batch_split_release(&split);
}

int main(void)
{
	static const int workers[] = {1, 2, 3, 8};

	test_order();
	for (size_t i = 0; i < sizeof workers / sizeof *workers; i++)
		test_split(workers[i]);
	return done();
}
