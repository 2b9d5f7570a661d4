/* breakdown.h - accuracy by where the right answer stood and how many there were. */
#ifndef MEMOSCOPE_BREAKDOWN_H
#define MEMOSCOPE_BREAKDOWN_H

#include <stddef.h>

#include "common/eval/recall.h"

/* What is told apart: any of these together. */
enum {
	BREAKDOWN_SLOT = 1, /* which line was asked for */
	BREAKDOWN_ENTRIES = 2, /* how many lines the book has */
	BREAKDOWN_DIGIT = 4, /* which digit of the answer */
};

struct breakdown_cell {
	int line; /* the line asked for, from 0; -1: none, or not told apart */
	uint32_t entries; /* 0 where not told apart */
	struct share exact, digit[SLICE_DIGITS];
};

/* Cells in order of entries, then line. {0} but for by; one cell a combination met. */
struct breakdown {
	unsigned by;
	struct breakdown_cell *cell; /* owned */
	size_t count, room;
};

int breakdown_count(struct breakdown *breakdown, const struct recall_verdict *verdict,
                    struct err *err);
void breakdown_release(struct breakdown *breakdown);

#endif
