/* recall_tally.h - verdicts on many generations, added up. */
#ifndef MEMOSCOPE_RECALL_TALLY_H
#define MEMOSCOPE_RECALL_TALLY_H

#include <stdint.h>

#include "common/base/stats.h"
#include "common/eval/recall.h"

/* How often each digit occurs in some numbers. */
struct digit_frequency {
	uint64_t digit[10], digits; /* digits: all of them */
	uint64_t repeated, pairs; /* digits that equal the one before, of those that have one */
};

/* {0} to begin with. */
struct recall_tally {
	uint64_t records;
	/* Shares of verdicts; an undefined one does not count. digit[n]: is digit n right? */
	struct share exact, name, number, book, digit[SLICE_DIGITS];
	struct share first_name, last_name, last_after_first;
	/* What answers follow. both: of prompts that state the truth; contextual, parametric and
	 * neither: of conflicts, in which the prompt states something else; memorization: the
	 * parametric ones of the parametric and the contextual ones. */
	struct share both, contextual, parametric, neither, memorization;
	struct conflict_tally conflict; /* of book and directory */
	/* The digits of wrong answers, of each as many as the right one has, and the digits of the
	 * reference's answers to the same questions. */
	struct digit_frequency wrong, reference;
};

void recall_tally_add(struct recall_tally *tally, const struct recall_verdict *verdict);

/* Add a truth to a share, unless it is undefined. */
void recall_add(struct share *share, enum recall_truth truth);

#endif
