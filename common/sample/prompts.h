/* prompts.h - what a model is asked to write on after: records of a stream, or their
 * beginnings; lines; or one text.
 */
#ifndef MEMOSCOPE_PROMPTS_H
#define MEMOSCOPE_PROMPTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/record.h"
#include "common/stream/vocab.h"

struct prompts; /* own: prompts_of_… … prompts_free */

struct prompt {
	struct record record; /* with tokens; its memory is that of the prompts, till the next */
	uint32_t length; /* so many of its tokens are the prompt; at least one */
	uint32_t sample; /* from 0: each prompt comes as often as samples says */
	bool refer; /* the record goes on behind the prompt, as a reference */
};

/* Of records, what stands before the first span of kind from (NULL: all of them); paths
 * and count as in record_reader.h. All that is given must outlive the prompts. NULL with err
 * set. */
struct prompts *prompts_of_records(char **paths, int count, const char *from,
                                   const struct vocab *vocab, int64_t samples,
                                   struct err *err);

/* Of the lines of standard input that are not empty, with escapes undone (escape.h): a
 * record without spans each, whose id is the line's number from 0. NULL with err set. */
struct prompts *prompts_of_lines(const struct vocab *vocab, int64_t samples, struct err *err);

/* Of a text, the argument of --prompt: a record of id 0 without spans. NULL with err set. */
struct prompts *prompts_of_text(const char *text, const struct vocab *vocab, int64_t samples,
                                struct err *err);

/* The next prompt: 1; no more of them: 0; -1 with err set, naming the record or line. */
int prompts_next(struct prompts *prompts, struct prompt *prompt, struct err *err);

/* Where it is false, prompts_next() would wait for the input. */
bool prompts_ready(const struct prompts *prompts);

/* Report what is wrong with the prompt that came last, naming it. Returns -1. */
int prompts_bad(struct prompts *prompts, struct err *err, const char *what);

/* Of a stream of records, its first header; else NULL. Owned by the prompts. */
const json_t *prompts_header(const struct prompts *prompts);

/* How many prompts so far end before the span that they were to end at, because the span begins
 * within a token. */
uint64_t prompts_split(const struct prompts *prompts);

/* The kinds of the spans of all records so far. */
const struct span_kinds *prompts_kinds(const struct prompts *prompts);

void prompts_free(struct prompts *prompts); /* NULL is allowed */

#endif
