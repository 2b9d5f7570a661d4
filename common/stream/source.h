/* source.h - records for a model, from whatever stream brings them.
 *
 * Streams of text are encoded with the model's vocabulary; token streams must
 * have been made with the same one; of generations, the text is taken, with
 * those spans up to whose ends it is the text of their reference.
 */
#ifndef MEMOSCOPE_SOURCE_H
#define MEMOSCOPE_SOURCE_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/err.h"
#include "common/stream/record.h"
#include "common/stream/vocab.h"

struct source; /* own: source_open … source_close */

/* Read paths one after the other; count 0: standard input. They and vocab must
 * live as long as the source. NULL with err set. */
struct source *source_open(char **paths, int count, const struct vocab *vocab,
                           struct err *err);

/* The first header; owned by the source. */
const json_t *source_header(const struct source *source);

/* The next record, with both text and tokens, valid until the next call: 1;
 * at the end of the last file: 0; -1 with err set. */
int source_next(struct source *source, struct record *record, struct err *err);

/* As stream_ready(): where it is false, source_next() would wait. */
bool source_ready(struct source *source);

/* The sample number of a record that was a generation; else 0. */
uint32_t source_sample(const struct source *source);

/* The kinds met so far: those of the records' spans. */
const struct span_kinds *source_kinds(const struct source *source);

/* The first span of a kind in a record: its index. -1 with err set, naming the
 * record and the kinds that it has, where there is none. */
long source_find(struct source *source, const struct record *record, const char *kind,
                 struct err *err);

/* Where the first span of a kind begins: how much of the record is a prompt.
 * -1 with err set, naming the record, where there is none or nothing before it. */
long source_prompt(struct source *source, const struct record *record, const char *kind,
                   struct err *err);

/* Report what is wrong with the record read last. Returns -1. */
int source_bad(struct source *source, struct err *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void source_close(struct source *source); /* NULL is allowed */

#endif
