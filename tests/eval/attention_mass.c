/* Attention by span, on rows whose numbers are distinct powers of two: a sum
 * tells which keys are in it. */
#include "common/eval/attention_mass.h"

#include "tests/tap.h"

#define ROWS 22

static struct span_kinds kinds;
static struct span spans[6];
static const struct record record = {.length = ROWS, .spans = spans, .span_count = 6};

/* {B AB:123 CD:456 =CD:456 */
static void fill_record(void)
{
	static const struct { uint32_t begin, end; const char *kind; int entry; } rows[] = {
		{2, 4, "name", 0}, {5, 8, "number", 0}, {9, 11, "name", 1},
		{12, 15, "number", 1}, {16, 18, "ask", 1}, {19, 22, "answer", 1},
	};

	span_kinds_init(&kinds);
	for (int i = 0; i < 6; i++)
		spans[i] = (struct span){rows[i].begin, rows[i].end,
		                         span_kind(&kinds, rows[i].kind, strlen(rows[i].kind)),
		                         rows[i].entry, 0};
}

static void fill_matrix(float *matrix, double scale)
{
	for (int q = 0; q < ROWS; q++)
		for (int k = 0; k < ROWS; k++)
			matrix[q * ROWS + k] = k <= q ? (float)ldexp(scale, k) : NAN;
}

static struct attention_mass *must_new(int layers, int heads)
{
	struct err err = {0};
	struct attention_mass *mass = attention_mass_new(layers, heads, NULL, &err);

	if (!mass)
		printf("Bail out! %s\n", err.text);
	return mass;
}

static void add(struct attention_mass *mass, const char *kind, int layer, int head, int rows,
                double scale)
{
	struct err err = {0};
	float matrix[ROWS * ROWS];

	fill_matrix(matrix, scale);
	if (rows < ROWS)
		for (int q = 1; q < rows; q++)
			memmove(matrix + q * rows, matrix + q * ROWS, (size_t)rows * sizeof *matrix);
	attention_mass_add(mass, &record, &kinds, span_kind_find(&kinds, kind), layer, head, rows,
	                   matrix, &err);
}

/* The sum of 2^key over keys, a list that ends with -1. */
static double keys(const int *key)
{
	double sum = 0;

	for (; *key >= 0; key++)
		sum += ldexp(1, *key);
	return sum;
}
#define KEYS(...) keys((const int[]){__VA_ARGS__, -1})
#define NONE (-1) /* of a record without such keys */

static void check(const struct attention_mass *mass, int place, const double want[MASS_COUNT],
                  const char *what)
{
	for (int to = 0; to < MASS_COUNT; to++) {
		struct mean mean = attention_mass_mean(mass, 0, 0, place, (enum mass_to)to);
		bool met = want[to] >= 0;
		if (!ok((int)mean.count == met && (!met || mean.mean == want[to]), "%s: %s", what,
		        mass_words[to]))
			printf("# have %g of %d, want %g\n", mean.mean, (int)mean.count, want[to]);
	}
}

static void test_answer(void)
{
	const double place[4][MASS_COUNT] = {
		{KEYS(11), KEYS(12), KEYS(13, 14), KEYS(9, 10), KEYS(2, 3, 5, 6, 7), KEYS(4, 8, 15),
		 KEYS(0, 1), KEYS(16, 17, 18), NONE, NONE},
		{KEYS(12), KEYS(13), KEYS(14), KEYS(9, 10), KEYS(2, 3, 5, 6, 7), KEYS(4, 8, 11, 15),
		 KEYS(0, 1), KEYS(16, 17, 18, 19), NONE, NONE},
		{KEYS(13), KEYS(14), KEYS(12), KEYS(9, 10), KEYS(2, 3, 5, 6, 7), KEYS(4, 8, 11, 15),
		 KEYS(0, 1), KEYS(16, 17, 18, 19, 20), NONE, NONE},
		{KEYS(14), KEYS(15), KEYS(12, 13), KEYS(9, 10), KEYS(2, 3, 5, 6, 7), KEYS(4, 8, 11),
		 KEYS(0, 1), KEYS(16, 17, 18, 19, 20, 21), NONE, NONE},
	};
	struct attention_mass *mass = must_new(1, 1);
	double mean[MASS_COUNT];

	add(mass, "answer", 0, 0, ROWS, 1);
	is_int(attention_mass_places(mass), 4, "three characters and the one before them");
	check(mass, 0, place[0], "before the answer");
	check(mass, 1, place[1], "first digit");
	check(mass, 2, place[2], "second digit");
	check(mass, 3, place[3], "last digit");
	for (int to = 0; to < MASS_COUNT; to++)
		mean[to] = (place[1][to] + place[2][to] + place[3][to]) / 3;
	check(mass, MASS_ALL_PLACES, mean, "all digits");
	attention_mass_free(mass);
}

static void test_ask(void)
{
	const double want[MASS_COUNT] = {
		KEYS(9), KEYS(10), KEYS(12, 13, 14), 0, KEYS(2, 3, 5, 6, 7), KEYS(4, 8, 11, 15),
		KEYS(0, 1), KEYS(16), NONE, NONE};
	struct attention_mass *mass = must_new(1, 1);

	add(mass, "ask", 0, 0, ROWS, 1);
	check(mass, 1, want, "first letter asked for");
	attention_mass_free(mass);
}

/* A name repeats nothing; the two names of a record are averaged. */
static void test_name(void)
{
	struct attention_mass *mass = must_new(1, 1);

	add(mass, "name", 0, 0, ROWS, 1);
	struct mean mean = attention_mass_mean(mass, 0, 0, 1, MASS_SAME);
	is_int((long long)mean.count, 0, "a name has no same place");
	mean = attention_mass_mean(mass, 0, 0, 1, MASS_SEPARATORS);
	is_near(mean.mean, KEYS(4, 8) / 2, 0, "the mean of a record's two names");
	mean = attention_mass_mean(mass, 0, 0, 1, MASS_BEGINNING);
	is_near(mean.mean, KEYS(0, 1), 0, "both see the beginning");
	attention_mass_free(mass);
}

/* A name that is not in the book has no right entry. */
static void test_absent(void)
{
	struct attention_mass *mass = must_new(1, 1);

	spans[4].entry = spans[5].entry = -1;
	add(mass, "answer", 0, 0, ROWS, 1);
	for (int to = 0; to < MASS_COUNT; to++)
		is_int((long long)attention_mass_mean(mass, 0, 0, 1, (enum mass_to)to).count,
		       to > MASS_NAME && to < MASS_CONTEXTUAL, mass_words[to]);
	is_near(attention_mass_mean(mass, 0, 0, 1, MASS_OTHERS).mean,
	        KEYS(2, 3, 5, 6, 7, 9, 10, 12, 13, 14), 0, "all entries are others");
	spans[4].entry = spans[5].entry = 1;
	attention_mass_free(mass);
}

/* The same book in kinds of other words, and with the value before its key: the same sums. */
static void test_own_kinds(void)
{
	static const uint16_t tokens[ROWS] = {
		0, 1, 11, 12, 2, 21, 22, 23, 3, 13, 14, 4, 24, 25, 26, 5, 13, 14, 6, 24, 25, 26,
	};
	static const char *const words[2][4] = {
		{"key", "value", "key", "value"}, {"value", "key", "value", "key"},
	};
	struct attention_mass *want = must_new(1, 1);
	float matrix[ROWS * ROWS];
	struct err err = {0};

	add(want, "answer", 0, 0, ROWS, 1);
	fill_matrix(matrix, 1);
	for (int reverse = 0; reverse < 2; reverse++) {
		struct attention_mass *mass = must_new(1, 1);
		struct span own[6];
		const struct record it = {
			.length = ROWS, .tokens = tokens, .spans = own, .span_count = 6,
		};
		memcpy(own, spans, sizeof own);
		for (int i = 0; i < 4; i++)
			own[i].kind = span_kind(&kinds, words[reverse][i], strlen(words[reverse][i]));
		attention_mass_add(mass, &it, &kinds, span_kind_find(&kinds, "answer"), 0, 0, ROWS,
		                   matrix, &err);
		for (int place = 0; place < 4; place++)
			for (int to = 0; to < MASS_COUNT; to++) {
				const struct mean a = attention_mass_mean(mass, 0, 0, place, (enum mass_to)to);
				const struct mean b = attention_mass_mean(want, 0, 0, place, (enum mass_to)to);
				ok(a.count == b.count && (a.count == 0 || a.mean == b.mean),
				   "own kinds, %s, place %d: %s", words[reverse][0], place, mass_words[to]);
			}
		attention_mass_free(mass);
	}
	attention_mass_free(want);
}

/* Of a quiz, {BQ? (xy is xy, z): xy: the answer stands in the fact twice, or another one. */
static void test_quiz(bool wrong)
{
	static const uint16_t tokens[ROWS] = {
		0, 1, 2, 3, 4, 5, 10, 11, 6, 7, 6, 10, 11, 8, 6, 12, 9, 13, 6, 10, 11,
	};
	static const uint16_t others[ROWS] = {
		0, 1, 2, 3, 4, 5, 20, 11, 6, 7, 6, 20, 11, 8, 6, 12, 9, 13, 6, 10, 11,
	};
	static const struct { uint32_t begin, end; const char *kind; } rows[] = {
		{2, 4, "question"}, {6, 8, "contextual"}, {8, 11, "fact"}, {11, 13, "contextual"},
		{13, 16, "fact"}, {19, 21, "answer"},
	};
	const double place[2][MASS_COUNT] = {
		{wrong ? NONE : KEYS(6), wrong ? NONE : KEYS(7), NONE, NONE, 0, KEYS(4, 5, 16, 17, 18),
		 KEYS(0, 1), KEYS(2, 3, 19), wrong ? KEYS(6, 7, 11, 12) : KEYS(11, 12),
		 KEYS(8, 9, 10, 13, 14, 15)},
		{wrong ? NONE : KEYS(7), wrong ? NONE : KEYS(8), NONE, NONE, 0, KEYS(4, 5, 16, 17, 18),
		 KEYS(0, 1), KEYS(2, 3, 19, 20), wrong ? KEYS(6, 7, 11, 12) : KEYS(6, 11, 12),
		 wrong ? KEYS(8, 9, 10, 13, 14, 15) : KEYS(9, 10, 13, 14, 15)},
	};
	struct span quiz[6];
	const struct record question = {
		.length = 21, .tokens = wrong ? others : tokens, .spans = quiz, .span_count = 6,
	};
	struct attention_mass *mass = must_new(1, 1);
	float matrix[ROWS * ROWS];
	struct err err = {0};

	for (int i = 0; i < 6; i++)
		quiz[i] = (struct span){rows[i].begin, rows[i].end,
		                        span_kind(&kinds, rows[i].kind, strlen(rows[i].kind)), -1, 0};
	fill_matrix(matrix, 1);
	attention_mass_add(mass, &question, &kinds, span_kind_find(&kinds, "answer"), 0, 0, ROWS,
	                   matrix, &err);
	check(mass, 1, place[0], wrong ? "wrong fact, first letter" : "fact, first letter");
	check(mass, 2, place[1], wrong ? "wrong fact, last letter" : "fact, last letter");
	attention_mass_free(mass);
}

/* {Ottawa: Ottawa, where the first is two pieces and the second, with its space, one. */
static void test_pieces(void)
{
	static const struct piece pieces[] = {
		{"{", 1}, {"Ott", 3}, {"awa", 3}, {":", 1}, {" Ottawa", 7},
	};
	static const uint16_t tokens[] = {0, 1, 2, 3, 4};
	const double place[2][MASS_COUNT] = {
		{KEYS(0), KEYS(1), NONE, NONE, 0, KEYS(3), 0, 0, KEYS(2), NONE},
		{KEYS(2), KEYS(3), NONE, NONE, 0, 0, 1, KEYS(4), KEYS(1), NONE},
	};
	struct err err = {0};
	struct vocab *vocab = vocab_of_pieces(pieces, 5, &err);
	struct attention_mass *mass = attention_mass_new(1, 1, vocab, &err);
	const struct span answer[] = {
		{1, 3, span_kind(&kinds, "contextual", 10), -1, 0},
		{4, 5, span_kind(&kinds, "answer", 6), -1, 0},
	};
	const struct record it = {.length = 5, .tokens = tokens, .spans = answer, .span_count = 2};
	float matrix[ROWS * ROWS];

	fill_matrix(matrix, 1);
	for (int q = 0; q < 5; q++)
		memmove(matrix + 5 * q, matrix + ROWS * q, 5 * sizeof *matrix);
	attention_mass_add(mass, &it, &kinds, answer[1].kind, 0, 0, 5, matrix, &err);
	check(mass, 0, place[0], "pieces, before the answer");
	check(mass, 1, place[1], "the whole answer in one");
	attention_mass_free(mass);
	vocab_free(vocab);
}

/* Rows that a full context has no room for are not counted. */
static void test_cut(void)
{
	struct attention_mass *mass = must_new(1, 1);

	add(mass, "answer", 0, 0, ROWS - 1, 1);
	is_int((long long)attention_mass_mean(mass, 0, 0, 2, MASS_NEXT).count, 1, "a row");
	is_near(attention_mass_mean(mass, 0, 0, 2, MASS_NEXT).mean, KEYS(14), 0, "its number");
	is_int((long long)attention_mass_mean(mass, 0, 0, 3, MASS_NEXT).count, 0, "no row");
	attention_mass_free(mass);
}

/* Intervals: t has 1, 2, 3, 9 and 99 degrees of freedom (tables of its quantiles). */
static void test_interval(void)
{
	static const struct { int records; double t; } rows[] = {
		{2, 12.7062}, {3, 4.30265}, {4, 3.18245}, {10, 2.26216}, {100, 1.98422},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct attention_mass *mass = must_new(2, 3);
		const int n = rows[i].records;
		for (int r = 0; r < n; r++)
			add(mass, "answer", 1, 2, ROWS, r);
		struct mean mean = attention_mass_mean(mass, 1, 2, 1, MASS_SAME);
		double deviation = ldexp(sqrt(n * (n + 1) / 12.0), 12); /* of 0 … n-1 */
		is_near(mean.mean, ldexp((n - 1) / 2.0, 12), 1e-12, "mean over records");
		is_near((mean.high - mean.mean) / deviation * sqrt(n), rows[i].t, 2e-3, "its interval");
		is_near(mean.high - mean.mean, mean.mean - mean.low, 1e-9, "both sides");
		is_int((long long)attention_mass_mean(mass, 1, 1, 1, MASS_SAME).count, 0,
		       "another head");
		attention_mass_free(mass);
	}
}

int main(void)
{
	fill_record();
	test_answer();
	test_ask();
	test_name();
	test_absent();
	test_own_kinds();
	test_quiz(false);
	test_quiz(true);
	test_pieces();
	test_cut();
	test_interval();
	return done();
}
