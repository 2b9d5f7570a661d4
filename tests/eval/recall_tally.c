/* Verdicts added up: shares, what answers follow, digits; and accuracy by slot and entries. */
#include "common/eval/accuracy_table.h"
#include "common/eval/recall_tally.h"
#include "tests/eval/shares.h"
#include "tests/tap.h"

static const uint32_t digits[] = {'1', '1', '-', '2', '2', '2'};

/* A verdict that is right or wrong, on an answer of two digits of which the first is right. */
static struct recall_verdict verdict(enum recall_truth exact, int line, uint32_t entries)
{
	return (struct recall_verdict){
		.exact = exact, .name = RECALL_UNDEFINED, .number = exact, .book = RECALL_UNDEFINED,
		.first_name = RECALL_UNDEFINED, .last_name = RECALL_UNDEFINED,
		.last_after_first = RECALL_UNDEFINED, .follows = RECALL_FOLLOWS_UNDEFINED,
		.digits = 2, .digit = {true, exact == RECALL_RIGHT}, .line = line, .entries = entries,
		.given = {digits, 6}, .truth = {digits, 3},
	};
}

static void shares(void)
{
	struct recall_tally tally = {0};
	struct recall_verdict right = verdict(RECALL_RIGHT, 0, 1), wrong = verdict(RECALL_WRONG, 0, 1);

	recall_tally_add(&tally, &right);
	recall_tally_add(&tally, &wrong);
	recall_tally_add(&tally, &wrong);
	is_int((long long)tally.records, 3, "three verdicts");
	is_share(tally.exact, 1, 3, "exact");
	is_share(tally.name, 0, 0, "an undefined truth does not count");
	is_share(tally.digit[0], 3, 3, "first digit");
	is_share(tally.digit[1], 1, 3, "second digit");
	is_share(tally.digit[2], 0, 0, "there is no third");
	ok(tally.reference.digits == 4 && tally.reference.digit[1] == 4 &&
	   tally.reference.repeated == 2 && tally.reference.pairs == 2, "digits of the reference");
	ok(tally.wrong.digits == 4 && tally.wrong.digit[1] == 4 && tally.wrong.digit[2] == 0,
	   "as many digits of wrong answers, and none of right ones");
}

static void follows(void)
{
	static const struct {
		enum recall_follows follows;
		bool conflict;
		int times;
	} rows[] = {
		{RECALL_FOLLOWS_CONTEXT, true, 5}, {RECALL_FOLLOWS_WEIGHTS, true, 3},
		{RECALL_FOLLOWS_NEITHER, true, 2}, {RECALL_FOLLOWS_BOTH, false, 4},
		{RECALL_FOLLOWS_NEITHER, false, 1}, {RECALL_FOLLOWS_UNDEFINED, false, 7},
	};
	struct recall_tally tally = {0};
	struct recall_verdict one = verdict(RECALL_RIGHT, 0, 1);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int n = 0; n < rows[i].times; n++) {
			one.follows = rows[i].follows;
			one.conflict = rows[i].conflict;
			recall_tally_add(&tally, &one);
		}
	is_share(tally.contextual, 5, 10, "contextual, of conflicts");
	is_share(tally.parametric, 3, 10, "parametric");
	is_share(tally.neither, 2, 10, "neither");
	is_share(tally.memorization, 3, 8, "the memorization ratio");
	is_share(tally.both, 4, 5, "both, where the truth is stated");
}

/* "entries/line: right of of" of every cell, in order. */
static void is_table(unsigned by, const char *want, const char *what)
{
	static const struct {
		int line;
		uint32_t entries;
		bool right;
	} rows[] = {
		{2, 3, true}, {0, 3, false}, {2, 3, false}, {-1, 2, true}, {0, 2, true}, {0, 3, true},
	};
	struct accuracy_table table = {.by = by};
	struct err err = {0};
	char have[256] = "";
	size_t at = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct recall_verdict one = verdict(rows[i].right ? RECALL_RIGHT : RECALL_WRONG,
		                                    rows[i].line, rows[i].entries);
		if (accuracy_table_add(&table, &one, &err) < 0)
			printf("# %s\n", err.text);
	}
	for (size_t i = 0; i < table.count; i++)
		at += (size_t)snprintf(have + at, sizeof have - at, "%s%u/%d: %d of %d", i ? ", " : "",
		                       table.cell[i].entries, table.cell[i].line,
		                       (int)table.cell[i].exact.right, (int)table.cell[i].exact.of);
	is_string(have, want, what);
	is_share(table.cell[0].digit[0], table.cell[0].exact.of, table.cell[0].exact.of,
	         "first digits of the first cell");
	accuracy_table_release(&table);
	ok(table.count == 0 && !table.cell, "released");
}

int main(void)
{
	shares();
	follows();
	is_table(ACCURACY_BY_SLOT | ACCURACY_BY_ENTRIES,
	         "2/-1: 1 of 1, 2/0: 1 of 1, 3/0: 1 of 2, 3/2: 1 of 2", "by entries, then slot");
	is_table(ACCURACY_BY_SLOT, "0/-1: 1 of 1, 0/0: 2 of 3, 0/2: 1 of 2", "by slot");
	is_table(ACCURACY_BY_ENTRIES, "2/-1: 2 of 2, 3/-1: 2 of 4", "by entries");
	is_table(ACCURACY_BY_DIGIT, "0/-1: 4 of 6", "by digit: one cell");
	return done();
}
