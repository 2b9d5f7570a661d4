/* Where answers came from: made by hand, and random ones against what the theory says. */
#include "common/eval/answer_origin.h"

#include <stdlib.h>

#include "common/base/rng.h"
#include "common/base/stats.h"
#include "tests/tap.h"

enum { ENTRIES = 5, DIGITS = 10 };

struct text {
	uint32_t codes[16];
	uint32_t length;
};

static struct slice slice(struct text *text, const char *from)
{
	text->length = 0;
	for (; from[text->length]; text->length++)
		text->codes[text->length] = (uint32_t)from[text->length];
	return (struct slice){text->codes, text->length};
}

static void by_hand(void)
{
	static const char *const book[3] = {"123-456-7890", "214-365-8709", "555-013-2468"};
	static const struct {
		const char *given, *origin;
		int line, second, place, edits;
	} rows[] = { /* the second line is asked for */
		{"214-365-8709", "asked", 1, -1, 0, 0},
		{"555-013-2468", "other", 2, -1, 0, 0},
		{"214-365-2468", "stitched", 1, 2, 6, -1},
		{"214-013-2468", "stitched", 1, 2, 3, -1},
		{"123-456-7468", "stitched", 0, 2, 7, -1},
		{"123-365-8709", "stitched", 0, 1, 3, -1},
		{"123456-7468", "stitched", 0, 2, 7, -1}, /* a dash more or less is nothing */
		{"123-3658709", "stitched", 0, 1, 3, -1},
		{"123-456-7868", "near_other", 0, -1, 8, 2}, /* pieces of two are none */
		{"214-365-8708", "near", 1, -1, 9, 1},
		{"314-365-8708", "near", 1, -1, 0, 2},
		{"24-365-8709", "near", 1, -1, 1, 1}, /* a digit left out */
		{"214-365-87099", "near", 1, -1, 10, 1},
		{"24-365-87009", "near", 1, -1, 1, 2},
		{"555-013-1468", "near_other", 2, -1, 6, 1},
		{"214-300-0000", "part", 1, -1, 0, -1},
		{"999-999-8709", "part", 1, -1, 6, -1},
		{"999-8709", "part", 1, -1, 3, -1}, /* counted from the end */
		{"999-013-2999", "part", 2, -1, 3, -1},
		{"214-000-0000", "weights", -1, -1, 0, -1}, /* three digits are no part */
		{"666-666-6666", "weights", -1, -1, 0, -1},
		{"", "weights", -1, -1, 0, -1},
	};
	struct book_line entry[3] = {{.line = 0}, {.line = 1, .asked = true}, {.line = 2}};
	struct text number[3], given;
	char what[64];

	for (int i = 0; i < 3; i++)
		entry[i].number = slice(&number[i], book[i]);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer_origin have = answer_origin_find(slice(&given, rows[i].given), entry, 3);
		snprintf(what, sizeof what, "'%s': %s", rows[i].given, rows[i].origin);
		is_string(answer_origin_word(have.kind), rows[i].origin, what);
		ok(have.line == rows[i].line && have.second == rows[i].second &&
		   have.place == rows[i].place && have.edits == rows[i].edits,
		   "'%s': of which entries, and where: %d %d %d %d", rows[i].given, have.line,
		   have.second, have.place, have.edits);
	}
}

/* Levenshtein by the whole table (Wagner & Fischer 1974). */
static int distance(const struct text *a, const struct text *b)
{
	int table[17][17];

	for (uint32_t i = 0; i <= a->length; i++)
		for (uint32_t j = 0; j <= b->length; j++) {
			int least = i == 0 ? (int)j : table[i - 1][j] + 1;
			if (j > 0 && (i == 0 || table[i][j - 1] + 1 < least))
				least = i == 0 ? (int)j : table[i][j - 1] + 1;
			if (i > 0 && j > 0 &&
			    table[i - 1][j - 1] + (a->codes[i - 1] != b->codes[j - 1]) < least)
				least = table[i - 1][j - 1] + (a->codes[i - 1] != b->codes[j - 1]);
			table[i][j] = least;
		}
	return table[a->length][b->length];
}

static void draw(struct rng *rng, struct text *text, uint32_t length, uint64_t letters)
{
	text->length = length;
	for (uint32_t i = 0; i < length; i++)
		text->codes[i] = '0' + (uint32_t)rng_below(rng, letters);
}

/* Short texts of two letters: near is what the whole table says. */
static void near_ones(void)
{
	int agree = 0, near = 0, tries = 20000;
	struct rng rng;

	rng_init(&rng, 1, RNG_TEST, 1);
	for (int i = 0; i < tries; i++) {
		struct text a, b;
		draw(&rng, &a, (uint32_t)rng_below(&rng, 8), 2);
		draw(&rng, &b, (uint32_t)rng_below(&rng, 8), 2);
		struct book_line entry = {.number = {b.codes, b.length}, .asked = true};
		struct slice given = {a.codes, a.length};
		struct answer_origin have = answer_origin_find(given, &entry, 1);
		int edits = distance(&a, &b);
		bool is_near = edits > 0 && edits <= ORIGIN_NEAR;
		agree += is_near ? have.kind == ORIGIN_NEAR_ASKED && have.edits == edits :
		         have.kind != ORIGIN_NEAR_ASKED;
		near += is_near;
	}
	is_int(agree, tries, "near: as by the whole table of edit distances");
	ok(near > tries / 10 && near < tries, "of which some are near and some are not");
}

/* The probability of a run of ORIGIN_RUN equal digits in DIGITS random ones. */
static double run_probability(void)
{
	double state[ORIGIN_RUN + 1] = {1}, next[ORIGIN_RUN + 1];

	for (int i = 0; i < DIGITS; i++) {
		for (int k = 0; k <= ORIGIN_RUN; k++)
			next[k] = 0;
		for (int k = 0; k < ORIGIN_RUN; k++) {
			next[0] += 0.9 * state[k];
			next[k + 1] += 0.1 * state[k];
		}
		next[ORIGIN_RUN] += state[ORIGIN_RUN];
		memcpy(state, next, sizeof state);
	}
	return state[ORIGIN_RUN];
}

/* Random digits against random books. */
static void by_chance(void)
{
	struct share part = {0, 200000}, rest = {0, 200000};
	const double want = 1 - pow(1 - run_probability(), ENTRIES);
	struct book_line entry[ENTRIES];
	struct text number[ENTRIES], given;
	struct rng rng;

	rng_init(&rng, 1, RNG_TEST, 2);
	for (uint64_t i = 0; i < part.of; i++) {
		for (int j = 0; j < ENTRIES; j++) {
			draw(&rng, &number[j], DIGITS, 10);
			entry[j] = (struct book_line){
				.number = {number[j].codes, DIGITS}, .line = j, .asked = j == 2};
		}
		draw(&rng, &given, DIGITS, 10);
		struct slice answer = {given.codes, DIGITS};
		enum answer_origin_kind kind = answer_origin_find(answer, entry, ENTRIES).kind;
		part.right += kind == ORIGIN_PART;
		rest.right += kind != ORIGIN_PART && kind != ORIGIN_WEIGHTS;
	}
	const struct mean mean = share_mean(&part);
	ok(mean.low < want && want < mean.high, "random digits are a part as often as the theory "
	   "says: %.5f in %.5f to %.5f", want, mean.low, mean.high);
	ok(want > 1.0 / 400 && want < 1.0 / 250, "one in 300");
	ok(rest.right <= 3, "and hardly ever stitched or near: %d of 200000", (int)rest.right);
}

int main(void)
{
	by_hand();
	near_ones();
	by_chance();
	return done();
}
