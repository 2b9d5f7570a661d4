/* Edit distances. */
#include <stdlib.h>

#include "common/base/rng.h"
#include "common/eval/recall.h"
#include "tests/tap.h"

enum { LONG = 5000 };

/* By the table, a row at a time (Wagner & Fischer 1974). */
static uint32_t by_table(struct recall_slice a, struct recall_slice b, uint32_t *row)
{
	for (uint32_t j = 0; j <= b.length; j++)
		row[j] = j;
	for (uint32_t i = 1; i <= a.length; i++) {
		uint32_t diagonal = row[0];
		row[0] = i;
		for (uint32_t j = 1; j <= b.length; j++) {
			uint32_t least = diagonal + (a.codes[i - 1] != b.codes[j - 1]);
			if (row[j] + 1 < least)
				least = row[j] + 1;
			if (row[j - 1] + 1 < least)
				least = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = least;
		}
	}
	return row[b.length];
}

/* Some of a few characters, every other of them beyond ASCII; like the other here and there. */
static struct recall_slice draw(struct rng *rng, uint32_t *codes, uint32_t length, unsigned kinds,
                                struct recall_slice like)
{
	for (uint32_t i = 0; i < length; i++) {
		uint32_t kind = (uint32_t)rng_below(rng, kinds);
		codes[i] = i < like.length && rng_below(rng, 4) > 0 ? like.codes[i] :
		           kind % 2 ? 0x4e00 + kind : 'a' + kind;
	}
	return (struct recall_slice){codes, length};
}

static void distances(void)
{
	static const uint32_t lengths[] = {0, 1, 2, 12, 63, 64, 65, 127, 128, 129, 200};
	enum { LENGTHS = sizeof lengths / sizeof *lengths };
	static uint32_t first[LONG], second[LONG], row[LONG + 1];
	struct recall_slice none = {0};
	struct rng rng;
	int bad = 0;

	rng_init(&rng, 1, RNG_TEST, 0);
	for (int i = 0; i < LENGTHS * LENGTHS * 20; i++) {
		unsigned kinds = 2 + (unsigned)rng_below(&rng, 60);
		struct recall_slice a = draw(&rng, first, lengths[i % LENGTHS], kinds, none);
		struct recall_slice b = draw(&rng, second, lengths[i / LENGTHS % LENGTHS], kinds,
		                             i % 3 ? a : none);
		bad += recall_distance(a, b, row) != by_table(a, b, row);
	}
	is_int(bad, 0, "edit distances are those of the table");

	for (int i = 0; i < LONG; i++) {
		first[i] = 'a' + (uint32_t)i % 2;
		second[i] = 'a' + (uint32_t)(i + 1) % 2;
	}
	is_int(recall_distance((struct recall_slice){first, LONG},
	                       (struct recall_slice){second, LONG}, row), 2,
	       "one of long texts");
}

int main(void)
{
	distances();
	return done();
}
