/* Edit distances, against the table that defines them. */
#include <stdlib.h>

#include "common/base/edit_distance.h"
#include "common/base/rng.h"
#include "common/base/utf8.h"
#include "tests/tap.h"

enum { LONG = 5000 };

struct text {
	const uint32_t *codes;
	uint32_t length;
};

static uint32_t distance(struct text a, struct text b, uint32_t *row)
{
	return edit_distance(a.codes, a.length, b.codes, b.length, row);
}

/* By the table, a row at a time (Wagner & Fischer 1974). */
static uint32_t by_table(struct text a, struct text b, uint32_t *row)
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
static struct text draw(struct rng *rng, uint32_t *codes, uint32_t length, unsigned kinds,
                        struct text like)
{
	for (uint32_t i = 0; i < length; i++) {
		uint32_t kind = (uint32_t)rng_below(rng, kinds);
		codes[i] = i < like.length && rng_below(rng, 4) > 0 ? like.codes[i] :
		           kind % 2 ? 0x4e00 + kind : 'a' + kind;
	}
	return (struct text){codes, length};
}

static void words(void)
{
	static const struct {
		const char *a, *b;
		uint32_t distance;
	} rows[] = {
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3},
		{"saturday", "sunday", 3}, {"556-1234", "556-1243", 2}, {"same", "same", 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint32_t a[16], b[16], row[16];
		struct text first = {a, (uint32_t)utf8_codes(rows[i].a, strlen(rows[i].a), a)};
		struct text second = {b, (uint32_t)utf8_codes(rows[i].b, strlen(rows[i].b), b)};
		char what[64];
		snprintf(what, sizeof what, "from '%s' to '%s'", rows[i].a, rows[i].b);
		is_int(distance(first, second, row), rows[i].distance, what);
	}
}

static void drawn(void)
{
	static const uint32_t lengths[] = {0, 1, 2, 12, 63, 64, 65, 127, 128, 129, 200};
	enum { LENGTHS = sizeof lengths / sizeof *lengths };
	static uint32_t first[LONG], second[LONG], row[LONG + 1];
	struct text none = {0};
	struct rng rng;
	int bad = 0;

	rng_init(&rng, 1, RNG_TEST, 0);
	for (int i = 0; i < LENGTHS * LENGTHS * 20; i++) {
		unsigned kinds = 2 + (unsigned)rng_below(&rng, 60);
		struct text a = draw(&rng, first, lengths[i % LENGTHS], kinds, none);
		struct text b = draw(&rng, second, lengths[i / LENGTHS % LENGTHS], kinds,
		                     i % 3 ? a : none);
		bad += distance(a, b, row) != by_table(a, b, row);
	}
	is_int(bad, 0, "distances of texts that are drawn are those of the table");

	for (int i = 0; i < LONG; i++) {
		first[i] = 'a' + (uint32_t)i % 2;
		second[i] = 'a' + (uint32_t)(i + 1) % 2;
	}
	is_int(distance((struct text){first, LONG}, (struct text){second, LONG}, row), 2,
	       "a distance of long texts");
}

int main(void)
{
	words();
	drawn();
	return done();
}
