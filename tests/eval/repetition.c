/* What a text repeats, against counting by hand and by comparing every pair of grams. */
#include "common/eval/repetition.h"

#include <stdlib.h>

#include "common/base/rng.h"
#include "common/eval/words.h"
#include "tests/tap.h"

enum { LONGEST = 3000 };

static struct repetition *repetition;
static struct err err;

static uint32_t take(const char *text, uint32_t *codes)
{
	uint32_t length = 0;

	for (; text[length]; length++)
		codes[length] = (unsigned char)text[length];
	words_lower(codes, length);
	return length;
}

static void by_hand(void)
{
	static const struct {
		const char *text;
		enum repetition_unit unit;
		uint32_t units, grams, repeated;
	} rows[] = {
		{"", REPETITION_CHARACTERS, 0, 0, 0},
		{"aaa", REPETITION_CHARACTERS, 3, 0, 0},
		{"aaaa", REPETITION_CHARACTERS, 4, 1, 0},
		{"aaaaaa", REPETITION_CHARACTERS, 6, 3, 2},
		{"abcdabcd", REPETITION_CHARACTERS, 8, 5, 1},
		{"abcdABCD", REPETITION_CHARACTERS, 8, 5, 1}, /* case does not count */
		{"abcd abcd", REPETITION_CHARACTERS, 9, 6, 1},
		{"a\nb\tab a b a", REPETITION_CHARACTERS, 12, 9, 2}, /* white space is a blank */
		{"one two three", REPETITION_WORDS, 3, 0, 0},
		{"one two three four", REPETITION_WORDS, 4, 1, 0},
		{"a b c d, a-b (c) D!", REPETITION_WORDS, 8, 5, 1}, /* signs do not count */
		{"1 2 3 4 1 2 3 4 1", REPETITION_WORDS, 9, 6, 2},
		{" , . ", REPETITION_WORDS, 0, 0, 0},
		{"ab c ab c a bc ab c", REPETITION_WORDS, 8, 5, 0}, /* words, not their letters */
	};
	uint32_t codes[64];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct repetition_counts counts;
		const uint32_t length = take(rows[i].text, codes);
		repetition_count(repetition, rows[i].unit, codes, length, &counts, &err);
		ok(counts.units == rows[i].units && counts.grams == rows[i].grams &&
		   (counts.grams == 0 ? 0 : counts.again[counts.grams - 1]) == rows[i].repeated,
		   "text %zu by hand: %u of %u", i + 1, rows[i].repeated, rows[i].grams);
	}
}

/* Random texts of few letters, long and short ones by turns: each gram against all before. */
static void by_pairs(void)
{
	static const uint32_t length[] = {LONGEST, 5, 700, 4, 67};
	static uint32_t codes[LONGEST];
	int wrong = 0;

	for (size_t n = 0; n < sizeof length / sizeof *length; n++) {
		struct repetition_counts counts;
		struct rng rng;
		uint32_t again = 0;
		rng_init(&rng, 3, RNG_TEST, n);
		for (uint32_t i = 0; i < length[n]; i++)
			codes[i] = 0x4e00 + (uint32_t)rng_below(&rng, 9);
		repetition_count(repetition, REPETITION_CHARACTERS, codes, length[n], &counts, &err);
		for (uint32_t i = 0; i < counts.grams; i++) {
			uint32_t j = 0;
			while (j < i && memcmp(codes + i, codes + j, 4 * sizeof *codes) != 0)
				j++;
			again += j < i;
			wrong += counts.again[i] != again;
		}
		wrong += counts.grams != length[n] - 3;
	}
	is_int(wrong, 0, "equal to a comparison of all pairs");
}

/* Texts of one letter repeat all but the first gram. */
static void people(void)
{
	struct repetition_people some = {0};
	struct repetition_counts counts;
	uint32_t codes[64];

	ok(isnan(repetition_people_share(&some, 5)), "no texts, no share");
	for (uint32_t i = 0; i < 64; i++)
		codes[i] = 'a';
	repetition_count(repetition, REPETITION_CHARACTERS, codes, 13, &counts, &err);
	repetition_people_add(&some, &counts, &err);
	is_near(repetition_people_share(&some, 1), 0, 0, "one text: the first gram");
	is_near(repetition_people_share(&some, 7), 0, 0, "too few texts to go on from there");
	for (int i = 0; i < REPETITION_PEOPLE; i++)
		repetition_people_add(&some, &counts, &err);
	is_near(repetition_people_share(&some, 7), 6 / 7.0, 1e-12, "enough texts");
	is_near(repetition_people_share(&some, 10), 0.9, 1e-12, "as long as they are");
	repetition_count(repetition, REPETITION_CHARACTERS, codes, 64, &counts, &err);
	repetition_people_add(&some, &counts, &err);
	is_near(repetition_people_share(&some, 61), 0.9, 1e-12, "in longer ones as in the longest");
	for (uint32_t i = 0; i < 64; i++)
		codes[i] = i;
	repetition_count(repetition, REPETITION_CHARACTERS, codes, 5, &counts, &err);
	for (int i = 0; i < REPETITION_PEOPLE + 2; i++)
		repetition_people_add(&some, &counts, &err);
	is_near(repetition_people_share(&some, 2), 0.25, 1e-12, "a mean over texts");
	is_near(repetition_people_share(&some, 3), 2 / 3.0, 1e-12, "of those that are as long");
	repetition_people_release(&some);
}

static void words(void)
{
	struct word_set *set = word_set_new(&err);
	uint32_t codes[64];
	struct word word = {0};
	char text[16];
	int wrong = 0;

	uint32_t length = take("The tree: \xc3\xa9t\xc3\xa9 1st", codes), count = 0;
	while (words_next(codes, length, &word))
		count++;
	is_int(count, 4, "words between signs; all beyond ASCII is of a word");
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < 3000; i++) {
			snprintf(text, sizeof text, "%x", i);
			length = take(text, codes);
			word = (struct word){0, length};
			wrong += word_set_has(set, codes, word) != (pass > 0);
			wrong += word_set_add(set, codes, word, &err) != i;
		}
	is_int(wrong, 0, "a set of 3000 words numbers them as they came");
	word_set_clear(set);
	ok(!word_set_has(set, codes, word), "a set that was cleared has none");
	is_int(word_set_add(set, codes, word, &err), 0, "and begins anew");
	length = take("7b 77 b", codes);
	count = 0;
	for (word = (struct word){0}; words_next(codes, length, &word);)
		count += word_has_letter(codes, word);
	is_int(count, 2, "a number has no letter");
	word_set_free(set);
}

int main(void)
{
	repetition = repetition_new(&err);
	by_hand();
	by_pairs();
	people();
	words();
	is_int(err.status, ERR_NONE, "no error");
	repetition_free(repetition);
	return done();
}
