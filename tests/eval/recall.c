/* Verdicts on answers that are made by hand: right and wrong ones, in odd records too. */
#include "common/eval/recall.h"
#include "tests/eval/marked.h"
#include "tests/tap.h"

#define BOOK "[name:0 Ann Fox]: [number:0 12]\n[name:1 Bob Elk]: [number:1 34]\n=\n"

static struct span_kinds kinds;
static struct recall *recall;
static struct recall_verdict verdict;
static struct marked reference;
static char text[512];

/* Judge what was written from a kind of span on. "1" right, "0" wrong, "-" undefined, of exact,
 * name, number and book; or the error. */
static void judges(const char *marks, const char *from, const char *wrote, const char *want,
                   const char *what)
{
	struct err err = {0};
	char have[5] = "";

	reference = marked(&kinds, marks);
	const struct generation generation = marked_generation(&reference, &kinds, from, wrote, text);
	if (recall_judge(recall, &generation, &kinds, &verdict, &err) < 0) {
		ok(strstr(err.text, want) != NULL, "%s: %s", what, err.text);
		return;
	}
	const enum recall_truth truths[] = {
		verdict.exact, verdict.name, verdict.number, verdict.book,
	};
	for (int i = 0; i < 4; i++)
		have[i] = truths[i] == RECALL_UNDEFINED ? '-' : truths[i] == RECALL_RIGHT ? '1' : '0';
	is_string(have, want, what);
}

static void is_slice(struct slice have, const char *want, const char *what)
{
	char copy[256] = "(none)";

	for (uint32_t i = 0; have.codes && i <= have.length; i++)
		copy[i] = i < have.length ? (char)have.codes[i] : '\0';
	is_string(copy, want, what);
}

static void names_given(void)
{
	static const char book[] = BOOK "[ask:1 Bob Elk]: [answer:1 34]{E}\n";

	judges(book, "answer", "34{E}\n", "1-11", "the right number");
	is_int(verdict.line, 1, "of the second line");
	judges(book, "answer", "34", "1-11", "and nothing after it");
	judges(book, "answer", "34{E}\n99", "1-11", "and another line after it");
	judges(book, "answer", "12{E}\n", "0-00", "the other line's number");
	is_int(verdict.distance, 2, "two edits away");
	ok(verdict.digits == 2 && !verdict.digit[0] && !verdict.digit[1], "no digit is right");
	judges(book, "answer", "3", "0-00", "the first digit alone");
	ok(verdict.digit[0] && !verdict.digit[1], "which is right");
	is_slice(verdict.given, "3", "it is what was given");
	is_slice(verdict.want, "34", "and this was wanted");
	judges(BOOK "[ask:-1 Eve]: [answer:-1 56]{E}\n", "answer", "56{E}", "1-1-",
	       "a name that is not in the book");
	is_int(verdict.line, -1, "has no line");
}

static void names_chosen(void)
{
	static const char book[] = BOOK "[ask:1 Bob Elk]: [answer:1 34]{E}\n";

	judges(book, "ask", "Ann Fox: 12{E}\n", "1111", "any line will do");
	is_int(verdict.line, 0, "the first one");
	judges(book, "ask", "Ann Fox: 34{E}\n", "0100", "a name with another's number");
	judges(book, "ask", "Eve Fox: 12{E}\n", "00--", "a name that is not there");
	ok(verdict.first_name == RECALL_WRONG && verdict.last_name == RECALL_RIGHT &&
	   verdict.last_after_first == RECALL_UNDEFINED, "but its last name is");
	judges(book, "ask", "Ann Elk: 12{E}\n", "00--", "two names mixed");
	ok(verdict.first_name == RECALL_RIGHT && verdict.last_name == RECALL_RIGHT &&
	   verdict.last_after_first == RECALL_WRONG, "both are there, not together");
	judges(book, "ask", "Ann Fox 12", "00--", "nothing between name and number");
	is_slice(verdict.given, "", "leaves no number");
}

static void odd_records(void)
{
	static const char twice[] = "[name:0 Ann]: [number:0 12]\n[name:1 Ann]: [number:1 34]\n"
	                            "[ask:1 Ann]: [answer:1 34]\n";

	judges(twice, "answer", "34\n", "1-11", "a name that stands twice: the number asked for");
	judges(twice, "answer", "12\n", "0-01", "its other number is wrong, and in the book");
	judges("[name:0 Ann]: [number:0 12], [number:0 13]\n[ask:0 Ann]: [answer:0 12]\n", "answer",
	       "13\n", "0-01", "a name with two numbers");
	judges(BOOK "[ask:0 Ann Fox]: [answer:0 12]\n[ask:1 Bob Elk]: [answer:1 34]\n", "answer",
	       "12\n",
	       "1-11", "two questions: the first answer is judged");
	judges("[ask:0 Ann]: [answer:0 12]\n[name:0 Ann]: [number:0 12]\n", "answer", "12\n", "1-1-",
	       "a book behind the answer is none");
	judges(BOOK "[ask:0 Ann Fox] [ask:1 Bob Elk]: [answer:1 34]\n", "answer", "34\n", "1-11",
	       "two asks: the last one");
	is_slice(verdict.asked, "Bob Elk", "is what was asked");
	judges("[key:0 ann]=[value:0 12] [key:1 bob]=[value:1 34] [ask:1 bob]=[answer:1 34]\n",
	       "answer", "34\n", "1-11", "kinds of other words");
	ok(verdict.entries == 2 && verdict.entry[1].asked && !verdict.entry[0].asked,
	   "whose key is asked for");
	judges("[value:0 x]:[key:0 ann] [value:1 y]:[key:1 bob] [ask:1 bob]:[answer:1 y]\n", "answer",
	       "x\n", "0-00", "values before their keys");
	ok(verdict.entries == 2 && verdict.entry[1].asked && !verdict.entry[0].asked,
	   "which are asked for all the same");
	judges(BOOK "[ask:0 Ann Fox]: 12\n", "ask", "Ann Fox: 12\n", "no span of kind 'answer'",
	       "no answer");
	judges(BOOK "[ask:0 Ann Fox]: [answer:0 12]\n", "name", "Ann", "ends before the name",
	       "a prompt that ends too early");
	judges(BOOK "[ask:0 Ann Fox]: [answer:0 12] [end:-1 .]\n", "end", ".", "reaches past",
	       "a prompt with the answer in it");
}

/* The same if the span begins `early` characters within a token: the prompt ends before it. */
static void judges_within(const char *marks, const char *from, uint32_t early, const char *wrote,
                          const char *given, const char *what)
{
	const int kind = span_kind_find(&kinds, from);
	struct err err = {0};

	reference = marked(&kinds, marks);
	struct generation generation = marked_generation(&reference, &kinds, from, wrote, text);
	for (uint32_t i = 0; !generation.from; i++)
		if (generation.spans[i].kind == kind)
			generation.from = &generation.spans[i];
	generation.prompt -= early;
	strcpy(text + generation.prompt, wrote);
	generation.size = generation.length = (uint32_t)strlen(text);
	if (recall_judge(recall, &generation, &kinds, &verdict, &err) < 0) {
		ok(false, "%s: %s", what, err.text);
		return;
	}
	is_slice(verdict.given, given, what);
	is_int(memcmp(text + verdict.begin, given, verdict.given.length), 0, "it begins there");
}

static void tokens_before_spans(void)
{
	static const char book[] = BOOK "[ask:1 Bob Elk]: [answer:1 34]{E}\n";

	judges_within(book, "answer", 1, " 34{E}\n", "34", "an answer that begins behind a space");
	ok(verdict.exact == RECALL_RIGHT && !verdict.chose, "is right");
	is_slice(verdict.asked, "Bob Elk", "and the name was given");
	judges_within(book, "answer", 2, ": 34{E}\n", "34", "or behind more");
	ok(verdict.exact == RECALL_RIGHT && !verdict.chose, "even all that stands before it");
	judges_within(book, "answer", 1, "34{E}\n", "34", "if the model leaves the space out");
	ok(verdict.exact == RECALL_RIGHT, "the answer is right, too");
	judges_within(book, "answer", 1, " 12{E}\n", "12", "a wrong one");
	ok(verdict.exact == RECALL_WRONG && verdict.book == RECALL_WRONG, "is wrong");
	judges_within(book, "answer", 1, "", "", "a text that ends there");
	judges_within(book, "ask", 1, "\nAnn Fox: 12{E}\n", "12", "a name that begins within a token");
	ok(verdict.exact == RECALL_RIGHT && verdict.chose, "is the model's choice");
	is_slice(verdict.asked, "Ann Fox", "without what stands before it");
	judges_within("Q? ([contextual:-1 z] it is): [answer:-1 x]\n", "answer", 1, " z\n", "z",
	              "an answer without an ask");
	ok(verdict.follows == RECALL_FOLLOWS_CONTEXT, "follows the context");
}

static void contexts(void)
{
	static const struct {
		const char *marks, *wrote, *follows;
		bool conflict;
		const char *what;
	} rows[] = {
		{"Q? ([contextual:-1 x] it is): [answer:-1 x]\n", "x\n", "both", false,
		 "the truth is stated"},
		{"Q? ([contextual:-1 x] it is): [answer:-1 x]\n", "y\n", "neither", false, "and not given"},
		{"Q? ([contextual:-1 z] it is): [answer:-1 x]\n", "z\n", "context", true,
		 "another is stated, and given"},
		{"Q? ([contextual:-1 z] it is): [answer:-1 x]\n", "x\n", "weights", true,
		 "another is stated, the truth is given"},
		{"Q? ([contextual:-1 z] or [contextual:-1 x]): [answer:-1 x]\n", "x\n", "both", false,
		 "both are stated"},
		{"Q? (it is): [answer:-1 x]\n", "x\n", "-", false, "none is stated"},
		{"Q? (it is): [answer:-1 x] ([contextual:-1 z])\n", "z ()\n", "-", false,
		 "one is stated behind the answer"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = {0};
		reference = marked(&kinds, rows[i].marks);
		const struct generation generation =
			marked_generation(&reference, &kinds, "answer", rows[i].wrote, text);
		if (recall_judge(recall, &generation, &kinds, &verdict, &err) < 0)
			printf("# %s\n", err.text);
		is_string(recall_follows_word(verdict.follows), rows[i].follows, rows[i].what);
		is_int(verdict.conflict, rows[i].conflict, "is it a conflict?");
	}
}

/* The verdict on an answer, if a directory has this number for the name asked for. */
static void knows(const char *marks, const char *from, const char *wrote, const char *known,
                  const char *book, const char *directory, const char *what)
{
	struct err err = {0};

	reference = marked(&kinds, marks);
	struct generation generation = marked_generation(&reference, &kinds, from, wrote, text);
	generation.directory = (struct piece){known, known ? strlen(known) : 0};
	if (recall_judge(recall, &generation, &kinds, &verdict, &err) < 0)
		ok(false, "%s: %s", what, err.text);
	is_slice(verdict.directory, directory, what);
	is_slice(verdict.numbers.book, book, "and the book's number that it contradicts");
	ok(!verdict.numbers.book.codes || slice_equal(verdict.numbers.directory, verdict.directory),
	   "or none");
}

static void directories(void)
{
	static const char book[] = BOOK "[ask:1 Bob Elk]: [answer:1 34]{E}\n";
	static const char absent[] = BOOK "[ask:-1 Eve]: [answer:-1 56]{E}\n";
	static const char twice[] = "[name:0 Al]: [number:0 12]\n[name:1 Al]: [number:1 34]\n=\n"
		"[ask:1 Al]: [answer:1 34]{E}\n";

	knows(book, "answer", "34{E}\n", "56", "34", "56", "another number");
	knows(book, "answer", "56{E}\n", "34", "(none)", "34", "the same number");
	knows(book, "answer", "34{E}\n", NULL, "(none)", "(none)", "no number");
	knows(book, "answer", "34{E}\n", "5\xc3\xa6", "34", "5\xe6", "a number that is not ASCII");
	knows(absent, "answer", "56{E}\n", "56", "(none)", "56", "a name that is not in the book");
	knows("[ask:-1 Eve]: [answer:-1 56]{E}\n", "answer", "56", "56", "(none)", "56", "no book");
	knows(book, "ask", "Bob Elk: 34{E}\n", "56", "(none)", "(none)", "a name that the model chose");
	knows(twice, "answer", "12{E}", "12", "(none)", "12", "one of two lines agrees");
	knows(twice, "answer", "34{E}", "56", "34", "56", "none does");
}

int main(void)
{
	struct err err = {0};

	span_kinds_init(&kinds);
	recall = recall_new(&err);
	if (!recall)
		printf("Bail out! %s\n", err.text);
	names_given();
	names_chosen();
	odd_records();
	tokens_before_spans();
	contexts();
	directories();
	recall_free(recall);
	return done();
}
