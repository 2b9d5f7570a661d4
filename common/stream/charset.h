/* charset.h - the characters of texts, to make a vocabulary of. */
#ifndef MEMOSCOPE_CHARSET_H
#define MEMOSCOPE_CHARSET_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

/* The set of characters seen so far. {0} to begin with. */
struct charset {
	uint64_t bits[0x110000 / 64];
};

/* Add the characters of a text. -1 with err set where it is not UTF-8. */
int charset_add(struct charset *set, const char *text, size_t size, struct err *err);

/* The characters in code point order as a NUL-terminated string, to free(). */
char *charset_text(const struct charset *set);

#endif
