/* accuracy_table.h - accuracy by slot, by number of entries, and by digit. */
#ifndef MEMOSCOPE_ACCURACY_TABLE_H
#define MEMOSCOPE_ACCURACY_TABLE_H

#include <stddef.h>

#include "common/eval/recall_tally.h"

/* What the table distinguishes: any of these together. */
enum {
	ACCURACY_BY_SLOT = 1, /* which line was asked for */
	ACCURACY_BY_ENTRIES = 2, /* how many lines the book has */
	ACCURACY_BY_DIGIT = 4, /* which digit of the answer */
};

struct accuracy_cell {
	int line; /* the line asked for, from 0; -1: none, or not distinguished */
	uint32_t entries; /* 0 if not distinguished */
	struct share exact, digit[SLICE_DIGITS];
};

/* {0} but for by. There is a cell for each combination that occurs, in the order of entries,
 * then line. */
struct accuracy_table {
	unsigned by;
	struct accuracy_cell *cell; /* [count], owned */
	size_t count, room;
};

/* Add a verdict to its cell. -1 with err set if memory is out. */
int accuracy_table_add(struct accuracy_table *table, const struct recall_verdict *verdict,
                       struct err *err);
void accuracy_table_release(struct accuracy_table *table);

#endif
