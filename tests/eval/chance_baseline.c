/* What chance gives: answers scored against one another's books. */
#include "common/base/utf8.h"
#include "common/eval/chance_baseline.h"
#include "tests/eval/shares.h"
#include "tests/tap.h"

/* A book of one line, the name and number that were asked for, and an answer to it. */
struct page {
	uint32_t name[8], number[8], given[8];
	struct book_line line;
	struct recall_verdict verdict;
};

static struct slice decode(const char *text, uint32_t *codes)
{
	return (struct slice){codes, (uint32_t)utf8_codes(text, strlen(text), codes)};
}

static void fill(struct page *page, const char *name, const char *number, const char *given)
{
	page->line = (struct book_line){
		.name = decode(name, page->name), .number = decode(number, page->number), .asked = true,
	};
	page->verdict = (struct recall_verdict){
		.asked = page->line.name, .want = page->line.number, .given = decode(given, page->given),
		.entry = &page->line, .entries = 1,
	};
}

static struct chance_baseline *must_new(void)
{
	struct err err = {0};
	struct chance_baseline *chance = chance_baseline_new(1, &err);

	if (!chance)
		printf("Bail out! %s\n", err.text);
	return chance;
}

static void add(struct chance_baseline *chance, uint64_t id, const struct page *page)
{
	struct err err = {0};

	if (chance_baseline_add(chance, id, &page->verdict, &err) < 0)
		printf("Bail out! %s\n", err.text);
}

/* Two pages: each is scored against the other. */
static void two(void)
{
	struct chance_baseline *chance = must_new();
	struct page page;

	fill(&page, "A B", "12", "12");
	page.verdict.chose = true;
	add(chance, 0, &page);
	fill(&page, "A C", "13", "13"); /* a copy was kept of the other */
	page.verdict.chose = true;
	add(chance, 1, &page);
	const struct chance_rates *rates = chance_baseline_end(chance);
	is_share(rates->exact, 0, 2, "right answers are wrong against another book");
	is_share(rates->digit[0], 2, 2, "the first digit is the same");
	is_share(rates->digit[1], 0, 2, "and the second is not");
	is_share(rates->first_name, 2, 2, "so is the first name");
	is_share(rates->last_name, 0, 2, "and not the last");
	is_share(rates->last_after_first, 0, 2, "nor both");
	is_share(rates->from[ORIGIN_NEAR_ASKED], 2, 2, "the answers are near the number asked for");
	is_share(rates->from[ORIGIN_ASKED], 0, 2, "and not that number");
	chance_baseline_free(chance);
}

static void odd(void)
{
	struct chance_baseline *chance = must_new();
	struct page page;

	fill(&page, "A", "12", "12");
	add(chance, 7, &page);
	add(chance, 7, &page);
	is_share(chance_baseline_end(chance)->exact, 0, 0, "samples of one record are not compared");
	chance_baseline_free(chance);

	chance = must_new();
	add(chance, 1, &page);
	is_share(chance_baseline_end(chance)->exact, 0, 0, "nor is one alone");
	chance_baseline_free(chance);

	chance = must_new();
	page.verdict.entries = 0;
	add(chance, 1, &page);
	page.verdict.want = (struct slice){0};
	add(chance, 2, &page);
	const struct chance_rates *rates = chance_baseline_end(chance);
	is_share(rates->exact, 1, 2, "against a page without a right answer, any is wrong");
	is_share(rates->from[ORIGIN_ASKED], 0, 0, "without a book nothing comes from it");
	chance_baseline_free(chance);
}

/* Answers to conflicts are scored against other conflicts only. */
static void conflicts(void)
{
	static const char *const numbers[3][2] = {{"12", "34"}, {"56", "78"}, {"34", "90"}};
	struct chance_baseline *chance = must_new();
	uint32_t directory[8];
	struct page page;

	for (int i = 0; i < 3; i++) {
		fill(&page, "A B", numbers[i][0], "34");
		page.verdict.numbers.book = page.line.number;
		page.verdict.numbers.directory = decode(numbers[i][1], directory);
		add(chance, (uint64_t)i, &page);
	}
	const struct chance_rates *rates = chance_baseline_end(chance);
	is_share(rates->conflict.side[CONFLICT_DIRECTORY], 1, 3, "34 is the directory's of another");
	is_share(rates->conflict.side[CONFLICT_BOOK], 1, 3, "and the book's of a third");
	is_share(rates->conflict.side[CONFLICT_NEITHER], 1, 3, "and neither of one");
	chance_baseline_free(chance);

	chance = must_new();
	add(chance, 0, &page);
	page.verdict.numbers = (struct conflict){0};
	add(chance, 1, &page);
	is_share(chance_baseline_end(chance)->conflict.side[CONFLICT_NEITHER], 0, 0,
	         "a record that agrees with the directory has no part in that");
	chance_baseline_free(chance);
}

/* Numbers of two digits, all different: a constant answer is right in one of them. */
static void many(void)
{
	struct chance_baseline *chance = must_new();
	struct page page;

	for (int i = 0; i < 100; i++) {
		char number[8];
		snprintf(number, sizeof number, "%02d", i);
		fill(&page, "A", number, "42");
		add(chance, (uint64_t)i, &page);
	}
	const struct chance_rates *rates = chance_baseline_end(chance);
	is_share(rates->exact, 1, 100, "a constant answer: each book was another answer's, once");
	is_share(rates->digit[0], 10, 100, "its first digit");
	chance_baseline_free(chance);
}

/* More than a block. */
static void blocks(void)
{
	struct chance_baseline *chance = must_new();
	struct page page;

	fill(&page, "A", "12", "12");
	for (int i = 0; i < CHANCE_CASES + 3; i++)
		add(chance, (uint64_t)i, &page);
	is_share(chance_baseline_end(chance)->exact, CHANCE_CASES + 3, CHANCE_CASES + 3,
	         "a block and a rest");
	chance_baseline_free(chance);
}

int main(void)
{
	two();
	odd();
	conflicts();
	many();
	blocks();
	return done();
}
