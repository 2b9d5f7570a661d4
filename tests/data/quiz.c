/* Questions: phrases word for word, and the records that items become. */
#include <stdlib.h>

#include "common/data/quiz.h"
#include "tests/tap.h"

static void phrases(void)
{
	static const struct {
		const char *text, *phrase, *replaced; /* by "X" */
	} rows[] = {
		{"The capital is Ottawa", "Ottawa", "The capital is X"},
		{"Ottawa", "Ottawa", "X"},
		{"Ottawa, Ottawa; Ottawan and Ottawa", "Ottawa", "X, X; Ottawan and X"},
		{"an art, a part, artful", "art", "an X, a part, artful"},
		{"8 of 18, 81, 8.5, 1.8, 1,800 and 8.", "8", "X of 18, 81, 8.5, 1.8, 1,800 and X."},
		{"3.14 is not 3.1", "3.1", "3.14 is not X"},
		{"(8) -8 8%", "8", "(X) -X X%"},
		{"é né néa", "é", "X né néa"},
		{"\u201cOttawa\u201d\u2014Ottawa", "Ottawa", "\u201cX\u201d\u2014X"},
		{"東京、東京都", "東京", "X、東京都"},
		{"$5 and US$5", "$5", "X and USX"},
		{"aa", "a", "aa"},
		{"a a a", "a a", "X a"},
		{"anything", "", "anything"},
		{"", "a", ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *have = quiz_replace(rows[i].text, rows[i].phrase, "X");
		is_string(have, rows[i].replaced, rows[i].text);
		free(have);
	}
	char *longer = quiz_replace("8 and 8", "8", "eighty-eight");
	is_string(longer, "eighty-eight and eighty-eight", "what is put in may be longer");
	free(longer);
}

/* The record and its spans, as text. */
static const char *render(const struct quiz_item *item, const char *states)
{
	static struct quiz_buffer buffer;
	static char out[600];
	struct span_kinds kinds;
	struct record record;
	struct err err = {0};
	size_t at;

	span_kinds_init(&kinds);
	if (quiz_render(item, states, &buffer, &kinds, &record, &err) < 0)
		return "out of memory";
	at = (size_t)snprintf(out, sizeof out, "%.*s%u", (int)record.size, record.text,
	                      record.length);
	for (uint32_t i = 0; i < record.span_count; i++)
		at += (size_t)snprintf(out + at, sizeof out - at, " %s %u-%u",
		                       kinds.word[record.spans[i].kind], record.spans[i].begin,
		                       record.spans[i].end);
	quiz_buffer_release(&buffer);
	return out;
}

static void records(void)
{
	struct quiz_item item = {.question = "Q?", .answer = "yes", .fact = ""};

	is_string(render(&item, NULL),
	          "{B}Q?: yes{E}\n14 question 3-5 answer 7-10", "no fact");
	item.fact = "a fact";
	is_string(render(&item, NULL),
	          "{B}Q? (a fact): yes{E}\n23 question 3-5 fact 7-13 answer 16-19",
	          "a fact");
	is_string(render(&item, "yes"),
	          "{B}Q? (a fact): yes{E}\n23 question 3-5 fact 7-13 answer 16-19",
	          "that does not state it");
	item.fact = "yes, né: yes";
	is_string(render(&item, "yes"),
	          "{B}Q? (yes, né: yes): yes{E}\n29 question 3-5 contextual 7-10 "
	          "fact 10-16 contextual 16-19 answer 22-25", "or twice, at its beginning and end");
	item.fact = "yes";
	is_string(render(&item, "yes"),
	          "{B}Q? (yes): yes{E}\n20 question 3-5 contextual 7-10 answer 13-16",
	          "or is nothing else");
	item.fact = "no or yes";
	is_string(render(&item, "no"),
	          "{B}Q? (no or yes): yes{E}\n26 question 3-5 contextual 7-9 fact 9-16 "
	          "answer 19-22", "or states another one");
	item.question = "n\u00e9?";
	item.fact = "\u00e9 \U0001D53E";
	is_string(render(&item, "\u00e9"),
	          "{B}n\u00e9? (\u00e9 \U0001D53E): yes{E}\n21 question 3-6 contextual 8-9 "
	          "fact 9-11 answer 14-17", "spans count code points");
}

int main(void)
{
	phrases();
	records();
	return done();
}
