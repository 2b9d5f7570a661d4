/* nonce.c - invented answers: common/data/nonce.h. */
#include "common/data/nonce.h"

#include <stdlib.h>
#include <string.h>

#include "common/data/quiz.h"
#include "tests/data/chi_square.h"
#include "tests/tap.h"

enum { TRIES = 400, DRAWS = 100000 };

/* Invented answer number `number`, in one of four buffers that take turns. */
static const char *made(const struct nonce *nonce, uint64_t number)
{
	static char out[4][1024];
	static int turn;
	char *text = nonce_make(nonce, number), *to = out[turn++ % 4];

	snprintf(to, sizeof out[0], "%s", text ? text : "out of memory");
	free(text);
	return to;
}

static struct nonce nonce_of(const char *fact, const char *answer, uint64_t seed, uint64_t index)
{
	struct nonce nonce;
	struct err err = {0};

	if (nonce_init(&nonce, fact, answer, seed, index, &err) < 0)
		ok(false, "%s", err.text);
	return nonce;
}

/* Does a text have a form? 9: a digit, 8: one but 0, c and C: a consonant, v and V: a vowel; any
 * other character is itself. */
static bool has_form(const char *text, const char *form)
{
	static const char *const sets[][2] = {
		{"9", "0123456789"}, {"8", "123456789"}, {"c", "bcdfghjklmnprstvwz"},
		{"C", "BCDFGHJKLMNPRSTVWZ"}, {"v", "aeiou"}, {"V", "AEIOU"},
	};

	for (; *form; form++, text++) {
		const char *set = NULL;
		for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
			if (*form == *sets[i][0])
				set = sets[i][1];
		if (!*text || (set ? !strchr(set, *text) : *text != *form))
			return false;
	}
	return *text == '\0';
}

static void check_forms(void)
{
	static const struct {
		const char *answer, *form;
		unsigned long long count; /* of invented answers */
	} rows[] = {
		{"8", "8", 8},
		{"0", "9", 9},
		{"90", "89", 89},
		{"007", "999", 999},
		{"1,345", "8,899", 8 * 899},
		{"3.05", "8.99", 8 * 99},
		{"-40 %", "-89 %", 89},
		{"$5", "$8", 8},
		{"a", "v", 4},
		{"no", "cv", 18 * 5 - 1},
		{"eight", "vcvcv", 5 * 18 * 5 * 18 * 5},
		{"Ottawa", "Vcvcvc", 0},
		{"the Clyde", "cvc Cvcvc", 18ull * 5 * 18 * 18 * 5 * 18 * 5 * 18},
		{"H2O", "C8V", 17 * 8 * 4},
		{"DNA", "CVC", 18 * 5 * 18},
		{"McAdam's", "CvCvcv'c", 0},
		{"20th", "89cv", 89 * 18 * 5},
		{"O'Neill-yes", "V'Cvcvc-cvc", 0},
		{"xoq", "cvc", 18 * 5 * 18},
		{"\u00c9ire", "Vcvc", 5 * 18 * 5 * 18}, /* É */
		{"\u010dap\u016fv\u0139\u013a\u0178\u017d\u017f", "vcvcvCvCVc", 0}, /* čapůvĹĺŸŽſ */
		{"6\u20137 \u00d7 \u6771", "8\u20138 \u00d7 \u6771", 64}, /* 6–7 × 東 */
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *answer = rows[i].answer, *form = rows[i].form;
		struct nonce nonce = nonce_of(answer, answer, 1, 7);
		bool good = nonce.count > 0, other = true;
		for (uint64_t n = 0; n < nonce.count && n < TRIES; n++) {
			const char *text = made(&nonce, n);
			good = good && has_form(text, form);
			other = other && strcmp(text, answer) != 0;
		}
		ok(good && other, "%s: all are %s, and none is it", answer, form);
		if (rows[i].count)
			is_int((long long)nonce.count, (long long)rows[i].count, "as many as there can be");
		nonce_release(&nonce);
	}
}

/* No part of an answer stays as it is. */
static void check_runs(void)
{
	struct nonce nonce = nonce_of("3 or 5 a", "3 or 5 a", 1, 0);
	bool differ = true;

	for (uint64_t n = 0; n < nonce.count; n++) {
		const char *text = made(&nonce, n);
		differ = differ && text[0] != '3' && memcmp(text + 2, "or", 2) != 0 && text[5] != '5' &&
		         text[7] != 'a';
	}
	ok(differ, "each run and each word is another than it was, in all %llu",
	   (unsigned long long)nonce.count);
	nonce_release(&nonce);
}

/* All invented answers for the digit 8. */
static void check_all(const char *fact, const char *want)
{
	struct nonce nonce = nonce_of(fact, "8", 3, 0);
	char have[16] = "";

	for (char digit = '0'; digit <= '9'; digit++)
		for (uint64_t n = 0; n < nonce.count; n++) {
			const char text[2] = {digit, '\0'};
			if (strcmp(made(&nonce, n), text) == 0)
				strcat(have, text);
		}
	is_string(have, want, fact);
	nonce_release(&nonce);
}

static void check_none(void)
{
	static const char *const answers[] = {"", "\u6771\u4eac", "?", "\u221e", " ,"};

	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct nonce nonce = nonce_of(answers[i], answers[i], 1, 1);
		is_int((long long)nonce.count, 0, "an answer without letters and digits");
		nonce_release(&nonce);
	}
}

static void check_fact(void)
{
	check_all("It is 8", "12345679");
	check_all("It is 8, not 3", "1245679");
	check_all("8 of 18, 81, 2.5, 0.3, 4,000 and 8", "12345679");
	check_all("9 7 5 3 3 3 1 8", "246");
	check_all("1 2 3 4 5 6 7 8 9", "");
	struct nonce nonce = nonce_of("no, na, ne, Ni, nope, bo", "no", 1, 1);
	bool good = nonce.count == 18 * 5 - 4;
	for (uint64_t n = 0; n < nonce.count; n++)
		good = good && !quiz_find("no na ne bo", "no na ne bo", made(&nonce, n));
	ok(good, "nor a word that the fact has");
	nonce_release(&nonce);
	nonce = nonce_of("3 or 4, 5 um 4, 5 um 6, 5 um 3", "3 or 4", 1, 1);
	good = nonce.count == 8 * 89 * 8 - 2; /* "5 um 4" is none anyway: the 4 stays */
	for (uint64_t n = 0; n < nonce.count; n++)
		good = good && strcmp(made(&nonce, n), "5 um 6") != 0 &&
		       strcmp(made(&nonce, n), "5 um 3") != 0;
	ok(good, "nor several words: %llu", (unsigned long long)nonce.count);
	nonce_release(&nonce);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Of answers with more forms than can be numbered, and of any: no two are equal, and others under
 * another seed or for another question. */
static void check_distinct(const char *answer)
{
	struct nonce nonce = nonce_of(answer, answer, 1, 1), seed = nonce_of(answer, answer, 2, 1);
	struct nonce index = nonce_of(answer, answer, 1, 2);
	const size_t size = strlen(answer) + 1;
	char *texts = malloc(TRIES * size);
	int same = 0, alike = 0;

	for (size_t n = 0; n < TRIES; n++) {
		memcpy(texts + n * size, made(&nonce, n), size);
		alike += strcmp(made(&seed, n), made(&nonce, n)) == 0;
		alike += strcmp(made(&index, n), made(&nonce, n)) == 0;
	}
	qsort(texts, TRIES, size, by_text);
	for (size_t n = 1; n < TRIES; n++)
		same += strcmp(texts + (n - 1) * size, texts + n * size) == 0;
	ok(nonce.count <= NONCE_MAX && same == 0 && alike < TRIES / 20,
	   "%.40s: %llu are numbered, none comes twice; %d of %d are those of another seed or question",
	   answer, (unsigned long long)nonce.count, alike, 2 * TRIES);
	free(texts);
	nonce_release(&nonce);
	nonce_release(&seed);
	nonce_release(&index);
}

static void check_long(void)
{
	char answer[1001], fact[2020];

	memset(answer, '7', 1000);
	answer[1000] = '\0';
	check_distinct(answer);
	for (size_t i = 0; i < 1000; i++)
		answer[i] = i % 9 == 8 ? ' ' : "Abcdefgh"[i % 9];
	answer[999] = 'z';
	check_distinct(answer);
	snprintf(fact, sizeof fact, "%s, %s", answer, answer);
	struct nonce nonce = nonce_of(fact, answer, 1, 1);
	const char *one = made(&nonce, 0), *two = made(&nonce, 1);
	int alike = 0;
	for (size_t i = 0; i < 1000; i++)
		alike += one[i] == two[i];
	/* of 111 words 4 vowels and 4 consonants, and 110 blanks: 110 + 89 + 25 */
	ok(alike < 300, "long ones differ to their ends: %d of 1000 characters are alike", alike);
	ok(strlen(one) == 1000 && one[8] == ' ', "and have the same form");
	nonce_release(&nonce);
}

/* Over seeds and over numbers, all that there can be come alike. */
static void check_alike(void)
{
	static long by_seed[9 * 100], by_number[9 * 100], words[5 * 18];
	static double expected[9 * 100];
	int cells = 0;

	for (uint64_t i = 0; i < DRAWS; i++) {
		struct nonce nonce = nonce_of("It is 100", "100", i, 5);
		by_seed[atoi(made(&nonce, 0)) - 100]++;
		by_number[atoi(made(&nonce, i % nonce.count)) - 100]++;
		nonce_release(&nonce);
		nonce = nonce_of("et", "et", i, 5);
		const char *text = made(&nonce, 0);
		words[(strchr("aeiou", text[0]) - "aeiou") * 18 +
		      (strchr("bcdfghjklmnprstvwz", text[1]) - "bcdfghjklmnprstvwz")]++;
		nonce_release(&nonce);
	}
	is_int(by_seed[0] + by_number[0], 0, "100 is the true one");
	for (int i = 1; i < 900; i++)
		expected[i] = DRAWS / 899.0;
	ok(fits(by_seed + 1, expected + 1, 899), "the first one, over seeds: all others come alike");
	ok(fits(by_number + 1, expected + 1, 899), "any, over seeds: all others come alike");
	for (int i = 0; i < 90; i++)
		if (words[i] > 0) {
			words[cells] = words[i];
			expected[cells++] = DRAWS / 89.0;
		}
	is_int(cells, 89, "a word of two letters has 89 others");
	ok(fits(words, expected, cells), "which come alike");
}

static void check_characters(void)
{
	static struct charset set;
	struct err err = {0};

	ok(nonce_characters("\u00c9a 07-8", &set, &err) == 0, "characters are added");
	char *text = charset_text(&set);
	is_string(text, "0123456789AEIOUbcdfghjklmnprstvwz", "which an invented answer may have");
	free(text);
}

int main(void)
{
	check_forms();
	check_runs();
	check_none();
	check_fact();
	check_distinct("100");
	check_distinct("Ottawa");
	check_distinct("Edmund Hillary and Tenzing Norgay");
	check_long();
	check_alike();
	check_characters();
	return done();
}
