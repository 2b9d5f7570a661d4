/* quiz.h - one question with its fact and answer, or one instruction, and the record
 * that it becomes.
 *
 *   {"question": …, "fact": …, "answer": …}         {B}question (fact): answer{E}\n
 *   {"instruction": …, "input": …, "output": …}     {B}instruction (input): output{E}\n
 *
 * The second are Open-Platypus's fields. A fact or input that is missing, null or empty
 * goes without its brackets. Spans are "question", "fact" and "answer" in either form;
 * the places of a question's fact that state an answer are "contextual", and "fact" is
 * what stands around them. Nobody drew the texts, so nats are 0.
 */
#ifndef MEMOSCOPE_QUIZ_H
#define MEMOSCOPE_QUIZ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/record.h"

/* Strings of the JSON value that it was read from, for as long as that lives. */
struct quiz_item {
	const char *question, *answer; /* "": none, which makes no record */
	const char *fact; /* "": none */
	const char *topic; /* "topic" or "data_source"; NULL: none */
	bool instruction;
};

/* Take an item from an object. -1 with err saying what is wrong with it. */
int quiz_item_read(const json_t *json, struct quiz_item *item, struct err *err);

/* The first place of a text, from a byte on, where a phrase stands word for word: not
 * within a longer word or number. NULL: none, or the phrase is empty. */
const char *quiz_find(const char *text, const char *from, const char *phrase);

/* A text with all such places of a phrase replaced, to free(). NULL: out of memory. */
char *quiz_replace(const char *text, const char *phrase, const char *by);

/* Memory for one record at a time. {0} to begin with. */
struct quiz_buffer {
	char *text;
	size_t text_room;
	struct span *spans;
	size_t span_room;
};
void quiz_buffer_release(struct quiz_buffer *buffer);

/* The record of an item; states: the answer that its fact states, for the contextual
 * spans (NULL: none). The record's text and spans are buffer's; its id is 0. kinds gets
 * the kinds that are new. -1: out of memory. */
int quiz_render(const struct quiz_item *item, const char *states, struct quiz_buffer *buffer,
                struct span_kinds *kinds, struct record *record, struct err *err);

/* How many code points quiz_render() adds to those of question, fact and answer. */
#define QUIZ_MARKS 9 /* {B}: {E}\n */
#define QUIZ_FACT_MARKS 3 /* " (" and ")" */

#endif
