/* phonebook_private.h - what the files of phonebook.h share: the book, and the page that a record
 * is written on. */
#ifndef MEMOSCOPE_PHONEBOOK_PRIVATE_H
#define MEMOSCOPE_PHONEBOOK_PRIVATE_H

#include "common/data/phone.h"
#include "common/data/phonebook.h"

struct entry {
	uint64_t name; /* first * N + last */
	char number[PHONE_BYTES];
	/* of records about people */
	uint64_t person;
	double nats; /* who else it is but those of the lines before */
};

struct phonebook {
	struct phonebook_options options;
	uint64_t full_names; /* N² */
	struct {
		int name, number, rule, ask, answer, sort[PHONEBOOK_SORTS];
	} kind;
	double name_nats; /* 2 ln N */
	double *ln; /* ln[i] = ln i, for i up to entries_max + 1 */
	struct entry *entries; /* [entries_max] */
	struct span *spans; /* [2 entries_max + 4] */
	char *text;
	/* of records about people */
	double share[PHONEBOOK_SORTS]; /* the sum is 1 */
	double empty; /* the share of records without a book */
	double *inverse; /* inverse[i] = 1/i + 1/(i+1) + … + 1/entries_max */
	uint64_t *taken; /* [entries_max + 1] people of the record, sorted */
	char directory[PHONE_BYTES]; /* the number of the person asked for */
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

/* The span of what page_begin() wrote, but its newline: the sort of the record. */
void page_sort(struct page *page, const struct phonebook *book, enum phonebook_sort sort);

/* One line: "First Last: number \n", its spans of these kinds. */
void page_line(struct page *page, const struct phonebook *book, uint64_t full_name,
               const char *number, int name_kind, int number_kind, int entry, double name_nats,
               double number_nats);

/* The rule. */
void page_divide(struct page *page, const struct phonebook *book, double nats);

/* What stands behind the answer's line. The page is then the record number index. */
void page_end(struct page *page, const struct phonebook *book, uint64_t index,
              struct record *record);

/* Of a book with people: its options, its tables, and its records. See phonebook.h. */
int phonebook_people_check(const struct phonebook_options *options, struct err *err);
void phonebook_people_init(struct phonebook *book, struct span_kinds *kinds);
void phonebook_people_record(struct phonebook *book, uint64_t seed, uint64_t index,
                             struct record *record);

#endif
