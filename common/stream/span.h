/* span.h - what a stretch of a record is, and how much information it holds.
 *
 * In a stream a span is the array [begin, end, kind, entry, nats]: begin and
 * end count code points of a text record (tokens of a token record), end
 * exclusive; kind is a word; entry says which line of a phone book (which item
 * of a list) the stretch belongs to, -1 where that has no meaning; nats is the
 * information the generator put there, given all that stands before it.
 * Spans of a record are in order, not empty, and do not overlap.
 */
#ifndef MEMOSCOPE_SPAN_H
#define MEMOSCOPE_SPAN_H

#include <stddef.h>
#include <stdint.h>

#define SPAN_KINDS 64 /* kinds that one program can tell apart, SPAN_OTHER among them */
#define SPAN_KIND_BYTES 32 /* of a kind's word, with its NUL */
#define SPAN_OTHER 0 /* the kind of what no span covers */

struct span {
	uint32_t begin, end;
	int kind; /* an index into a struct span_kinds */
	int entry; /* -1: none */
	double nats;
};

/* The words for kinds; index 0 is SPAN_OTHER, "other". The caller's memory. */
struct span_kinds {
	int count;
	char word[SPAN_KINDS][SPAN_KIND_BYTES];
	uint8_t size[SPAN_KINDS]; /* of the word, without its NUL */
};

void span_kinds_init(struct span_kinds *kinds);

/* The index of a word, added if it is new. -1 where the word is empty, too
 * long, holds anything but letters, digits, '_' and '-', or there is no room. */
int span_kind(struct span_kinds *kinds, const char *word, size_t size);

/* The index of a NUL-terminated word, or -1 where it is not known. */
int span_kind_find(const struct span_kinds *kinds, const char *word);

/* Is this span one, in a record of length, behind those that end at from? begin, end, entry
 * and nats are set; kind becomes that of the word. number is for messages. -1 with err set. */
struct err;
int span_check(struct span *span, long number, uint32_t from, uint32_t length,
               struct span_kinds *kinds, const char *word, size_t size, struct err *err);

/* Numbers for kinds, as "ask=2,answer=5": weight[SPAN_KINDS] gets 1 where none is
 * named. Words that are new are added. -1 with err set, of status ERR_USAGE, where
 * a word is none or a number is not from 0 to max. */
int span_weights(const char *list, double max, struct span_kinds *kinds, float *weight,
                 struct err *err);

/* The other way: what of weight[SPAN_KINDS] is not 1, in the order of the words;
 * "" where all are. Cut off where size bytes do not hold it. */
void span_weights_text(const struct span_kinds *kinds, const float *weight, char *text,
                       size_t size);

#endif
