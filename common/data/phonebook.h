/* phonebook.h - the article's phone books: a few lines of names and numbers,
 * then one of the names again, with the number to be retrieved.
 *
 *   {B}\n
 *   First Last: ddd-ddd-dddd \n        (entries times)
 *   =========\n
 *   First Last: ddd-ddd-dddd \n        (the line asked for)
 *   {E}\n
 *
 * A record is a pure function of (options, seed, index). Its spans are "name"
 * and "number" of each line, "rule", "ask" and "answer"; their nats are exact,
 * each the information of its text given all that stands before it.
 */
#ifndef MEMOSCOPE_PHONEBOOK_H
#define MEMOSCOPE_PHONEBOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/data/names.h"
#include "common/stream/record.h"

#define PHONEBOOK_ENTRIES_MAX 1000

struct phonebook_options {
	const struct names *names; /* must outlive the phonebook */
	int entries_min, entries_max; /* lines of a book: uniform, both included */
	bool absent; /* the name asked for is not in the book, its number is fresh */
	bool published; /* the answer's number is drawn afresh, as the article's code does */
};

struct phonebook; /* own: phonebook_new … phonebook_free */

/* The kinds of its spans are added to kinds. NULL with err set if a number is out of range, or
 * if absent is set and a book can hold all names. */
struct phonebook *phonebook_new(const struct phonebook_options *options,
                                struct span_kinds *kinds, struct err *err);
void phonebook_free(struct phonebook *book); /* NULL is allowed */

/* Record index of seed; its id is index. Owned by book, valid until the next call. For one
 * seed and index the book is the same in all modes (absent, published). */
void phonebook_record(struct phonebook *book, uint64_t seed, uint64_t index,
                      struct record *record);

/* The distinct characters that records can hold, in code point order: a NUL-terminated string,
 * the caller's to free(). NULL if out of memory. */
char *phonebook_alphabet(const struct names *names);

#endif
