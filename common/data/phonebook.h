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
 *
 * With people, the names and numbers are theirs (people.h), nobody is twice in a record, and there
 * are three sorts of records:
 *
 *   open      as above: the book and the directory have the same number
 *   closed    there is no line but the one asked for, which has the directory's number; or the book
 *             lacks the person asked for
 *   conflict  the person asked for has another number in the book than in the directory
 *
 * Lines are drawn one after the other, as people_draw() says, and each is asked for alike. Who is
 * asked for in a closed record is drawn like one line more. In a share of the open and closed
 * records everyone is fresh: nobody is in the directory, and numbers are drawn for this record
 * alone. The first span, over "{B}", is of the kind "open", "closed" or "conflict".
 * record->directory is the directory's number of the person asked for, and nats are those of a
 * reader who knows the directory and the options.
 */
#ifndef MEMOSCOPE_PHONEBOOK_H
#define MEMOSCOPE_PHONEBOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/data/names.h"
#include "common/data/people.h"
#include "common/stream/record.h"

#define PHONEBOOK_ENTRIES_MAX 1000

enum phonebook_sort { PHONEBOOK_OPEN, PHONEBOOK_CLOSED, PHONEBOOK_CONFLICT, PHONEBOOK_SORTS };

extern const char *const phonebook_sort_words[PHONEBOOK_SORTS];

struct phonebook_options {
	const struct names *names; /* must outlive the phonebook */
	int entries_min, entries_max; /* lines of a book: uniform, both included */
	bool absent; /* the name asked for is not in the book, its number is fresh */
	bool published; /* the answer's number is drawn afresh, as the article's code does */
	/* Records about these people, which must outlive the phonebook; NULL: there is no directory.
	 * With it, absent and published are not looked at; without it, the rest is not. */
	const struct people *people;
	double weight[PHONEBOOK_SORTS]; /* how often each sort comes, in proportion */
	double fresh; /* 0 … 1: the share of open and closed records about fresh people */
	bool closed_absent; /* closed records have a book without the person; false: no line */
	bool answer_directory; /* the answer of a conflict is the directory's; false: the book's */
};

struct phonebook; /* own: phonebook_new … phonebook_free */

/* The kinds of its spans are added to kinds. NULL with err set if a number is out of range, if
 * absent is set and a book can hold all names, or if there are too few people for a record. */
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
