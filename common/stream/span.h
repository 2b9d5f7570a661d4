/* span.h - what a stretch of a record is, and how much information it holds.
 *
 * In a stream a span is the array [begin, end, kind, entry, nats]:
 *
 *   begin, end  code points of the record's text, or tokens; end is exclusive
 *   kind        a word: what the stretch is
 *   entry       the number of the item in a list, such as a line of a phone book, that the
 *               stretch belongs to; -1: none
 *   nats        the information that the generator put into the stretch, given all before it
 *
 * The spans of a record are in order, are not empty and do not overlap.
 */
#ifndef MEMOSCOPE_SPAN_H
#define MEMOSCOPE_SPAN_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define SPAN_KINDS 64 /* kinds that one program can tell apart, SPAN_OTHER included */
#define SPAN_KIND_BYTES 32 /* of a kind's word, with its NUL */
#define SPAN_OTHER 0 /* the kind of characters that no span covers */

struct span {
	uint32_t begin, end;
	int kind; /* an index into a struct span_kinds */
	int entry; /* -1: none */
	double nats;
};

/* The words of the kinds. Index 0 is SPAN_OTHER, "other". The caller's memory. */
struct span_kinds {
	int count;
	char word[SPAN_KINDS][SPAN_KIND_BYTES];
	uint8_t size[SPAN_KINDS]; /* of the word, without its NUL */
};

void span_kinds_init(struct span_kinds *kinds);

/* The index of a word of size bytes, which is added if it is new. -1 if the word is empty,
 * too long, or holds anything but letters, digits, '_' and '-', or if kinds is full. */
int span_kind(struct span_kinds *kinds, const char *word, size_t size);

/* Why span_kind() refused a word: what follows "kind '...' " in a message. */
const char *span_kind_refusal(const char *word, size_t size);

/* The index of a NUL-terminated word, or -1 if it is not known. */
int span_kind_find(const struct span_kinds *kinds, const char *word);

/* Check a span whose begin, end, entry and nats are set, and set its kind to that of the word.
 * The record has `length` code points; the span before this one ends at `from` (0: none).
 * number is this span's index, for messages. -1 with err set. */
int span_check(struct span *span, long number, uint32_t from, uint32_t length,
               struct span_kinds *kinds, const char *word, size_t size, struct err *err);

/* Read weights of kinds from a list such as "ask=2,answer=5" into weight[SPAN_KINDS]; a kind
 * that is not named has weight 1. Words that are new are added to kinds. -1 with err set, of
 * status ERR_USAGE if a word is not one of a kind or a number is not from 0 to max. */
int span_weights_parse(const char *list, double max, struct span_kinds *kinds, float *weight,
                       struct err *err);

/* The reverse: a list of all kinds whose weight is not 1, sorted by word; "" if there is none.
 * It is cut off at size bytes. */
void span_weights_format(const struct span_kinds *kinds, const float *weight, char *text,
                         size_t size);

#endif
