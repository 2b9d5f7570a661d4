/* table.h - the reference as a table of kernels, and broken copies of it.
 *
 * Buffers are in host memory, activations in the device's dtype; every operation
 * computes in double (ref.h) and rounds what it stores. It proves the checks: the table
 * must pass them all, and each mutant must fail the one that guards the operation it
 * breaks, in the dtype where that matters.
 */
#ifndef MEMOSCOPE_TESTS_TABLE_H
#define MEMOSCOPE_TESTS_TABLE_H

#include "kernels/kernels.h"

extern const struct kernels ref_table;

/* The same whose attention rounds p and ds before it multiplies by them, tile by tile: no
 * mutant, the checks must take it. */
struct kernels ref_tensor_cores(void);

struct mutant {
	const char *what; /* "linear forgets the bias" */
	const char *row; /* the check that must fail: "linear" */
	enum dtype dtype; /* of the device */
	struct kernels table;
};

/* Mutant number i, from 0; false past the last. */
bool ref_mutant(int i, struct mutant *mutant);
bool ref_rounding_mutant(int i, struct mutant *mutant); /* those of rounding.c alone */

#endif
