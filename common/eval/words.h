/* words.h - the words of a text, and sets of words.
 *
 * Texts are code points. A word is a run of letters and digits; everything beyond ASCII
 * counts as a letter. Case does not count: words_lower() comes first.
 */
#ifndef MEMOSCOPE_WORDS_H
#define MEMOSCOPE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

/* A word of a text: codes[begin … end-1]. */
struct word {
	uint32_t begin, end;
};

/* In place: ASCII letters become lower case; newlines and tabs become blanks. */
void words_lower(uint32_t *codes, uint32_t length);

/* The first word at word->end or behind. False if there is none. {0} to begin with. */
bool words_next(const uint32_t *codes, uint32_t length, struct word *word);

/* Is one of its characters a letter? */
bool word_has_letter(const uint32_t *codes, struct word word);

struct word_set; /* own */

struct word_set *word_set_new(struct err *err); /* NULL with err set */
void word_set_free(struct word_set *set); /* NULL is allowed */
void word_set_clear(struct word_set *set);

/* The number of a word in the set, which gets a copy of it if it is new. The first word is 0,
 * the next new one 1. -1 with err set if memory runs out. */
int64_t word_set_add(struct word_set *set, const uint32_t *codes, struct word word,
                     struct err *err);

bool word_set_has(const struct word_set *set, const uint32_t *codes, struct word word);

#endif
