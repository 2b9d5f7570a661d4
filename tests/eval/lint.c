/* What lint counts of records that are made by hand. */
#include "common/eval/lint.h"
#include "tests/eval/marked.h"
#include "tests/eval/shares.h"
#include "tests/tap.h"

static struct span_kinds kinds;
static struct lint *lint;

static void begin(uint32_t context)
{
	struct err err = {0};

	lint_free(lint);
	lint = lint_new(context, &err);
	if (!lint)
		printf("Bail out! %s\n", err.text);
}

/* A record of whose answer a directory says this; NULL: nothing. */
static const struct lint_counts *add_known(const char *marks, const char *known)
{
	const struct marked it = marked(&kinds, marks);
	struct record record = marked_record(&it);
	struct err err = {0};

	record.directory = (struct piece){known, known ? strlen(known) : 0};
	if (lint_record(lint, &record, NULL, &kinds, &err) < 0)
		printf("Bail out! %s\n", err.text);
	return lint_counts(lint);
}

static const struct lint_counts *add(const char *marks)
{
	return add_known(marks, NULL);
}

static void answers(void)
{
	begin(0);
	const struct lint_counts *counts =
		add("[name:0 Ann] [number:0 12]\n[ask:0 Ann] [answer:0 12]\n");
	is_share(counts->derived, 1, 1, "derived: it stands beside the name");
	is_share(counts->in_context, 1, 1, "in context");
	is_share(counts->in_book, 1, 1, "in the book");
	is_share(counts->digits_own, 2, 2, "digits of the number beside the name");
	is_share(counts->digits_other, 0, 0, "of none beside others");
	add("[name:0 Ann] [number:0 12]\n[name:1 Bob] [number:1 13]\n[ask:1 Bob] [answer:1 12]\n");
	is_share(counts->derived, 1, 2, "derived: not if it stands beside another name");
	is_share(counts->in_context, 2, 2, "in context all the same");
	is_share(counts->digits_own, 3, 4, "one digit of two");
	is_share(counts->digits_other, 2, 2, "both of the other number");
	add("[name:0 Ann] [number:0 12]\n[ask:-1 Eve] [answer:-1 12]\n");
	is_share(counts->in_book, 2, 3, "a name that is not in the book");
	is_share(counts->derived, 1, 3, "has no answer to derive");
	add("Q? (x) [answer:-1 x]\n");
	is_share(counts->derived, 2, 4, "a quiz: the answer stands before itself");
	add("Q? [answer:-1 x] (x)\n");
	is_share(counts->derived, 2, 4, "nobody can tell if it stands behind itself");
	is_int((long long)counts->undecided, 1, "which is counted");
	add("Q? ([fact:-1 y]) [answer:-1 x]\n");
	is_share(counts->derived, 2, 5, "beside a fact it is not derived");
	add("Q? ([contextual:-1 y]) [answer:-1 x]\n");
	is_share(counts->derived, 2, 6, "nor where the fact states another");
	is_int((long long)counts->asked, 3, "names were asked for in three");
	add("[name:0 Ann] [number:0 12]\n");
	is_share(counts->derived, 2, 6, "a record without an answer is not counted");
	is_int((long long)counts->records, 8, "but is a record");
}

/* Tasks of one's own: other kinds, fields, orders; and what nobody can tell. */
static void own_tasks(void)
{
	begin(0);
	const struct lint_counts *counts =
		add("[key:0 a]=[value:0 12] [key:1 b]=[value:1 34] [ask:1 b]=[answer:1 34]");
	is_share(counts->derived, 1, 1, "a key and its value");
	is_share(counts->in_book, 1, 1, "the key is in the book");
	is_share(counts->digits_other, 0, 2, "digits of other values");
	add("[key:0 a]=[value:0 12] [key:1 b]=[value:1 34] [ask:1 b]=[answer:1 12]");
	is_share(counts->derived, 1, 2, "the value of another key");
	add("[key:0 a]=[value:0 12] [key:1 a]=[value:1 34] [ask:1 a]=[answer:1 34]");
	is_share(counts->ambiguous, 1, 3, "a key with two values");
	add("[value:0 12]:[key:0 a] [value:1 34]:[key:1 b] [ask:1 b]:[answer:1 34]");
	is_share(counts->derived, 3, 4, "values before their keys");
	add("[name:0 a] [town:0 x] [tel:0 12] [ask:0 a] [answer:0 x]");
	is_share(counts->derived, 4, 5, "one field of two");
	is_share(counts->ambiguous, 1, 5, "which is not ambiguous");
	is_int((long long)counts->undecided, 0, "all of this can be told");

	begin(0);
	counts = add("[question:-1 12+30]=[answer:-1 42]");
	is_share(counts->derived, 0, 0, "a sum cannot be looked up");
	is_int((long long)counts->undecided, 1, "nobody can tell whether it can be worked out");
	add("[ask:-1 12+30]=[answer:-1 42]");
	is_int((long long)counts->undecided, 2, "also if it is an ask without entries");
	add("a is 5. [ask:-1 a]=[answer:-1 5]");
	is_share(counts->derived, 1, 1, "what stands there can be derived");
	counts = add("[key:0 a]=[value:0 12] [ask:0 a]=[answer:0 12]");
	is_share(counts->derived, 2, 3, "if others have entries, then its book is empty");
	is_int((long long)counts->undecided, 1, "and that can be told");
}

/* What cannot be derived may be known. */
static void directories(void)
{
#define BOOK "[name:0 Ann] [number:0 12]\n[name:1 Bob] [number:1 34]\n"
	begin(0);
	const struct lint_counts *counts = add_known("[ask:-1 Eve] [answer:-1 56]\n", "56");
	is_share(counts->derived, 0, 1, "a closed record: not derived, though there is no book at all");
	is_share(counts->known, 1, 1, "but known");
	is_int((long long)counts->undecided, 0, "that can be told");
	add("[ask:-1 Eve] [answer:-1 56]\n");
	is_share(counts->derived, 0, 2, "a fresh one: not derived");
	is_share(counts->known, 1, 2, "nor known");
	add_known(BOOK "[ask:-1 Eve] [answer:-1 56]\n", "56");
	is_share(counts->known, 2, 3, "known, beside a book of others");
	is_share(counts->conflict, 0, 0, "which does not contradict");
	add_known(BOOK "[ask:1 Bob] [answer:1 34]\n", "34");
	is_share(counts->derived, 1, 4, "an open one: derived");
	is_share(counts->known, 2, 3, "so it need not be known");
	is_share(counts->conflict, 0, 1, "no conflict");
	add_known(BOOK "[ask:1 Bob] [answer:1 34]\n", "56");
	is_share(counts->derived, 2, 5, "a conflict: derived if the answer is the book's");
	is_share(counts->conflict, 1, 2, "and a conflict");
	add_known(BOOK "[ask:1 Bob] [answer:1 56]\n", "56");
	is_share(counts->derived, 2, 6, "not if it is the directory's");
	is_share(counts->known, 3, 4, "then it is known");
	add_known(BOOK "[ask:1 Bob] [answer:1 78]\n", "56");
	is_share(counts->known, 3, 5, "an answer that is neither's is not");
	add_known("Q? ([fact:-1 y]) [answer:-1 x]\n", "x");
	is_share(counts->known, 4, 6, "a quiz's may be, too");

	begin(0);
	for (int i = 0; i < 100; i++) {
		char marks[200], known[12];
		snprintf(known, sizeof known, "%02d", (i * 37 + 11) % 100);
		snprintf(marks, sizeof marks, "[name:0 A] [number:0 %02d]\n[name:1 B] [number:1 %02d]\n"
		         "[ask:0 A] [answer:0 %s]\n", i, (i + 50) % 100, known);
		counts = add_known(marks, known);
	}
	ok(!lint_independent(counts), "conflicts that are not answered from the book can be learned");
#undef BOOK
}

static void people(void)
{
	struct err err = {0};
	struct occurrences names = {0};
	const struct lint_counts *counts;
	uint32_t codes[2];
	bool good = true;

	begin(0);
	add("[name:0 Ann] [number:0 12]\n[ask:0 Ann] [answer:0 12]\n");
	is_int((long long)lint_counts(lint)->facts.all, 0, "nobody is counted without being asked to");
	begin(0);
	lint_people(lint);
	add_known("[name:0 Ann] [number:0 12]\n[name:1 Bob] [number:1 34]\n"
	          "[ask:0 Ann] [answer:0 12]\n", "12");
	add_known("[name:0 Ann] [number:0 13]\n[ask:0 Ann] [answer:0 12]\n", "12");
	add("[ask:-1 Eve] [answer:-1 12]\n");
	counts = add("[name:0 Zoe] [number:0 1] [number:0 2]\n");
	is_int((long long)counts->asked_names.different, 2, "two people are asked for");
	is_int((long long)counts->asked_names.most, 2, "one of them twice");
	is_int((long long)occurrences_least(&counts->asked_names), 1, "the other once");
	is_share(occurrences_once(&counts->asked_names), 1, 2, "which is one of two");
	ok(counts->asked_names.length == 3 && counts->asked_names.text[0] == 'A', "it is Ann");
	is_int((long long)counts->book_names.different, 3, "three people stand in books");
	is_int((long long)counts->book_names.all, 4, "in four lines; a line of two numbers is one");
	is_int((long long)counts->facts.different, 6, "six facts: Ann has two numbers, Zoe too");
	is_int((long long)counts->facts.most, 3, "of which Ann's 12 occurs most");
	is_int((long long)counts->facts.all, 8, "each line and each answer");
	ok(counts->facts.length == 7 && counts->facts.text[3] == ':' && counts->facts.text[6] == '2',
	   "it is shown as a line");
	is_share(counts->fresh, 1, 3, "Eve is not in the directory");

	for (int round = 0; round < 3; round++) /* more than the first table holds */
		for (uint32_t i = 0; i < 5000; i++) {
			codes[0] = i;
			codes[1] = 5000 - i;
			good = good && occurrences_add(&names, (struct slice){codes, 1},
			                               (struct slice){codes + 1, 1}, &err) == 0;
		}
	codes[0] = 7;
	good = good && occurrences_add(&names, (struct slice){codes, 1}, (struct slice){0}, &err) == 0;
	ok(good, "many texts");
	is_int((long long)names.different, 5001, "each is found again, one part is not two");
	is_int((long long)names.all, 15001, "and counted");
	is_int((long long)names.most, 3, "thrice");
	is_share(occurrences_once(&names), 1, 5001, "and the last one once");
	occurrences_release(&names);
}

static void names(void)
{
	begin(0);
	const struct lint_counts *counts =
		add("[name:0 Ann] [number:0 12]\n[name:1 Ann] [number:1 34]\n[ask:1 Ann] [answer:1 34]\n");
	is_share(counts->duplicate, 1, 1, "a name that stands twice");
	is_share(counts->ambiguous, 1, 1, "beside two numbers");
	is_share(counts->derived, 1, 1, "the right one among them");
	add("[name:0 Ann] [number:0 12]\n[name:1 Ann] [number:1 12]\n[ask:1 Ann] [answer:1 12]\n");
	is_share(counts->duplicate, 2, 2, "twice beside one number");
	is_share(counts->ambiguous, 1, 2, "is not ambiguous");
	add("[name:0 Ann] [number:0 12] [number:0 34]\n[ask:0 Ann] [answer:0 34]\n");
	is_share(counts->duplicate, 2, 3, "a name with two numbers stands once");
	is_share(counts->ambiguous, 2, 3, "and is ambiguous");
	is_share(counts->derived, 3, 3, "the second number is derived, too");
}

static void lengths(void)
{
	begin(10);
	/* The name stands at 1, the answer at 7: windows that begin at 2 … 6 have lost the name. */
	const struct lint_counts *counts = add(".[name:0 A] [number:0 1] [ask:0 A]:[answer:0 1]");
	is_int((long long)counts->longest, 8, "eight characters");
	is_share(counts->too_long, 0, 1, "fit into a context of ten");
	is_share(counts->window_lost, 5, 10, "windows that begin behind the entry");
	add("[name:0 A] [number:0 1]..............[ask:0 A]:[answer:0 1]");
	is_share(counts->too_long, 1, 2, "and twenty do not");
	is_share(counts->window_lost, 15, 20, "all its windows begin behind the entry");
}

static void sides(void)
{
	const struct marked held = marked(&kinds, "[name:0=2 A] [number:0=3 1]\n");
	const struct record record = marked_record(&held);
	struct err err = {0};

	begin(0);
	is_int(lint_hold(lint, &record, &err), 0, "a record is held out");
	lint_hold(lint, &record, &err);
	const struct lint_counts *counts = add("[name:0=2 A] [number:0=3 1]\n");
	add("[name:0=4 A] [number:0=3 2]\n");
	is_share(counts->both_sides, 1, 2, "one stands on both sides");
	is_int((long long)counts->held, 1, "a text that is held out twice counts once");
	const int name = span_kind_find(&kinds, "name");
	ok(counts->floor[name].spans == 2 && counts->floor[name].nats == 6, "six nats in two names");
}

static void independent(void)
{
	begin(0);
	const struct lint_counts *counts = lint_counts(lint);
	ok(!lint_independent(counts), "no answers are not independent of anything");
	for (int own = 0; own < 10; own++) /* every digit against every other */
		for (int i = 1; i < 10; i++) {
			char marks[128];
			snprintf(marks, sizeof marks, "[name:0 A] [number:0 %d]\n[name:1 B] [number:1 %d]\n"
			         "[ask:0 A] [answer:0 %d]", own, (own + 3) % 10, (own + i) % 10);
			counts = add(marks);
		}
	ok(lint_independent(counts),
	   "answers that agree with other numbers by chance, and never with theirs");
	counts = add("[name:0 A] [number:0 1]\n[ask:0 A] [answer:0 1]\n");
	ok(!lint_independent(counts), "one that is derived is enough");
}

int main(void)
{
	span_kinds_init(&kinds);
	answers();
	own_tasks();
	directories();
	people();
	names();
	lengths();
	sides();
	independent();
	lint_free(lint);
	return done();
}
