/* quiz.h - questions with facts and answers, and instructions, from JSON Lines.
 *
 *   {"question": …, "fact": …, "answer": …}         {B}question (fact): answer{E}\n
 *   {"instruction": …, "input": …, "output": …}     {B}instruction (input): output{E}\n
 *
 * The second are Open-Platypus's fields. A fact or input that is missing, null
 * or empty goes without its brackets. Spans are "question", "fact" and "answer"
 * in either form; nobody drew the texts, so their nats are 0.
 */
#ifndef MEMOSCOPE_QUIZ_H
#define MEMOSCOPE_QUIZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/record.h"

/* One item as the record it becomes. */
struct quiz_item {
	char *text; /* owned */
	size_t size; /* bytes */
	uint32_t length; /* code points */
	uint32_t span_count;
	struct span spans[3];
};

/* The items of one file. {0} to begin with; the caller's. */
struct quiz {
	struct quiz_item *items;
	size_t count, room;
	double weight; /* its share of a mixture, in whatever unit; above 0 */
};

/* Make an item of one line of JSON. with_fact false: a question's fact is left
 * out (an instruction's input is part of the task, and stays). -1 with err
 * saying what is wrong with the line, and *item untouched. */
int quiz_item_parse(const char *line, size_t size, bool with_fact, struct span_kinds *kinds,
                    struct quiz_item *item, struct err *err);

/* Add the items of a file, blank lines passed over. -1 with err naming file and
 * line. Whatever comes back, quiz_release(). */
int quiz_load(struct quiz *quiz, const char *path, bool with_fact, struct span_kinds *kinds,
              struct err *err);
void quiz_release(struct quiz *quiz);

/* Record index of seed: a quiz drawn by weight, then one of its items, all alike;
 * the record's id is index. It lives as long as the quizzes do. */
void quiz_draw(const struct quiz *quizzes, int count, uint64_t seed, uint64_t index,
               struct record *record);

#endif
