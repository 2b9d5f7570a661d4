/* table.h - the reference as a table of kernels, and broken copies of it.
 *
 * Buffers are float32 in host memory, every operation computes in double
 * (ref.h). It proves the checks: the table must pass them all, and each mutant
 * must fail the one that guards the operation it breaks.
 */
#ifndef MEMOSCOPE_TESTS_TABLE_H
#define MEMOSCOPE_TESTS_TABLE_H

#include "kernels/kernels.h"

extern const struct kernels ref_table;

struct mutant {
	const char *what; /* "linear forgets the bias" */
	const char *row; /* the check that must fail: "linear" */
	struct kernels table;
};

/* Mutant number i, from 0; false past the last. */
bool ref_mutant(int i, struct mutant *mutant);

#endif
