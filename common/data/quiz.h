/* quiz.h - one item, a question with its fact and answer or an instruction, and its record.
 *
 *   {"question": …, "fact": …, "answer": …}         {B}question (fact): answer{E}\n
 *   {"instruction": …, "input": …, "output": …}     {B}instruction (input): output{E}\n
 *
 * Instructions have the fields of Open-Platypus. If the fact or input is missing, null or empty,
 * its brackets are left out. Both forms have the spans "question", "fact" and "answer". The places
 * of a fact that state an answer are "contextual", and what stands around them is "fact". The
 * texts were not drawn at random, so nats are 0.
 */
#ifndef MEMOSCOPE_QUIZ_H
#define MEMOSCOPE_QUIZ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/record.h"

/* The strings belong to the JSON value that the item was read from. */
struct quiz_item {
	const char *question, *answer; /* "": missing; the item makes no record */
	const char *fact; /* "": none */
	const char *topic; /* "topic" or "data_source"; NULL: none */
	bool instruction;
};

/* Read an item from an object. -1 with err set. */
int quiz_item_read(const json_t *json, struct quiz_item *item, struct err *err);

/* The first place in text, at or after from, where the phrase stands word for word, not within
 * a longer word or number. NULL: there is none, or the phrase is empty. */
const char *quiz_find(const char *text, const char *from, const char *phrase);

/* Is [begin, end) of the text such a place for what stands there? It is not empty. */
bool quiz_whole(const char *text, const char *begin, const char *end);

/* The text with all such places of the phrase replaced; the caller's to free(). NULL: out of
 * memory. */
char *quiz_replace(const char *text, const char *phrase, const char *by);

/* Memory for one record at a time. {0} to begin with. */
struct quiz_buffer {
	char *text;
	size_t text_room;
	struct span *spans;
	size_t span_room;
};
void quiz_buffer_release(struct quiz_buffer *buffer);

/* The record of an item. states is the answer that its fact states; its places become contextual
 * spans (NULL: none). The record's text and spans are buffer's; its id is 0. The kinds of its
 * spans are added to kinds. -1: out of memory. */
int quiz_render(const struct quiz_item *item, const char *states, struct quiz_buffer *buffer,
                struct span_kinds *kinds, struct record *record, struct err *err);

/* How many code points quiz_render() adds to those of question, fact and answer. */
#define QUIZ_MARKS 9 /* {B}: {E}\n */
#define QUIZ_FACT_MARKS 3 /* " (" and ")" */

#endif
