/* record_reader.h - the records of several streams, each with text and a model's tokens.
 *
 * Streams of text, tokens and generations may be mixed, a file of each. Text is encoded with
 * the model's vocabulary. The vocabulary of a token stream must be the model's. Of a
 * generation, the text is the record, with the spans of its reference that end before text
 * and reference differ. If its tokens are pieces of the same vocabulary, they are the record's:
 * a model may write other tokens than its text becomes.
 */
#ifndef MEMOSCOPE_RECORD_READER_H
#define MEMOSCOPE_RECORD_READER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/record.h"
#include "common/stream/vocab.h"

struct record_reader; /* own: record_reader_open … record_reader_close */

/* Read count files one after the other; count 0: standard input. paths and vocab must live as
 * long as the reader. NULL with err set. */
struct record_reader *record_reader_open(char **paths, int count, const struct vocab *vocab,
                                         struct err *err);

/* The header of the first file; owned by the reader. */
const json_t *record_reader_header(const struct record_reader *reader);

/* The next record, valid until the next call: 1; at the end of the last file: 0; -1 with err
 * set. */
int record_reader_next(struct record_reader *reader, struct record *record, struct err *err);

/* Would record_reader_next() return at once? The record that was read last is no longer
 * valid. */
bool record_reader_ready(struct record_reader *reader);

/* The sample number of the record read last if it was a generation; else 0. */
uint32_t record_reader_sample(const struct record_reader *reader);

/* The span kinds of all records so far. */
const struct span_kinds *record_reader_kinds(const struct record_reader *reader);

/* The index of a record's first span of a kind. If it has none, -1 with err naming the record
 * and the kinds that it has. */
long record_reader_find_span(struct record_reader *reader, const struct record *record,
                             const char *kind, struct err *err);

/* The tokens of a record that are in spans of a kind (NULL: all), of the first rows tokens: their
 * numbers into token[rows], rising. Returns their count; -1 as record_reader_find_span(). */
int record_reader_select(struct record_reader *reader, const struct record *record,
                         const char *kind, int rows, int32_t *token, struct err *err);

/* How many tokens of a record are a prompt that ends before the first span of a kind: at
 * least 1. If there is no such span, or nothing before it, -1 with err naming the record. */
long record_reader_prompt_length(struct record_reader *reader, const struct record *record,
                                 const char *kind, struct err *err);

/* How many prompts so far end before the span that they were to end at, because the span begins
 * within a token. */
uint64_t record_reader_split(const struct record_reader *reader);

/* Report what is wrong with the record read last; err names file, byte and record.
 * Returns -1. */
int record_reader_bad(struct record_reader *reader, struct err *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void record_reader_close(struct record_reader *reader); /* NULL is allowed */

#endif
