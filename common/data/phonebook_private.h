/* phonebook_private.h - what the files of phonebook.h share: the book, and the page that a record
 * is written on. */
#ifndef MEMOSCOPE_PHONEBOOK_PRIVATE_H
#define MEMOSCOPE_PHONEBOOK_PRIVATE_H

#include "common/data/phone.h"
#include "common/data/phonebook.h"

struct entry {
	uint64_t name; /* first * N + last */
	char number[PHONE_BYTES];
};

struct phonebook {
	struct phonebook_options options;
	uint64_t full_names; /* N² */
	struct {
		int name, number, rule, ask, answer;
	} kind;
	double name_nats; /* 2 ln N */
	double *ln; /* ln[i] = ln i, for i up to entries_max + 1 */
	struct entry *entries; /* [entries_max] */
	struct span *spans; /* [2 entries_max + 3] */
	char *text;
};

/* A text with its spans as it grows. */
struct page {
	char *at;
	uint32_t length; /* code points so far */
	struct span *span; /* the next one */
};

extern const char page_top[], page_rule[], page_bottom[];

/* Bytes of the longest text a record can have. */
size_t page_bound(const struct phonebook_options *options);

/* What stands before the first line. */
void page_begin(struct page *page, const struct phonebook *book);

/* One line: "First Last: number \n", its spans of these kinds. */
void page_line(struct page *page, const struct phonebook *book, uint64_t full_name,
               const char *number, int name_kind, int number_kind, int entry, double name_nats,
               double number_nats);

/* The rule. */
void page_divide(struct page *page, const struct phonebook *book, double nats);

/* What stands behind the answer's line. The page is then the record number index. */
void page_end(struct page *page, const struct phonebook *book, uint64_t index,
              struct record *record);

#endif
