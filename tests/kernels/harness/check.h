/* check.h - every operation of a kernel table against the reference.
 *
 * One row per operation: odd sizes, both ways of every flag, the aliases that
 * kernels.h allows, extreme values. The same rows serve every backend.
 */
#ifndef MEMOSCOPE_TESTS_CHECK_H
#define MEMOSCOPE_TESTS_CHECK_H

#include <stdbool.h>

#include "kernels/kernels.h"

struct ops_result {
	int cases, failed;
	char first[480]; /* the first failure: sizes, buffer, index, have, want */
};

/* How many rows there are, and what each guards: the operation's name. */
int ops_rows(void);
const char *ops_row_name(int row);

/* One row on one device that works in dtype. */
void ops_check_row(const struct kernels *kernels, enum dtype dtype, int row,
                   struct ops_result *result);

/* Does the row fail? It runs in a process of its own, which is over at the first
 * failure. Where it does not, what survived() says becomes *left. */
bool ops_row_fails(const struct kernels *kernels, enum dtype dtype, int row,
                   bool (*survived)(void), bool *left);

/* The same, where only what a check finds counts: not a crash. */
bool ops_row_catches(const struct kernels *kernels, enum dtype dtype, int row);

/* How such a process ended, as waitpid() says, where something else may have ended it. */
int ops_row_status(const struct kernels *kernels, enum dtype dtype, int row);

/* All rows; ok (of tap.h) is told about each. How many failed. */
int ops_check(const struct kernels *kernels, enum dtype dtype, const char *label,
              bool (*ok)(bool good, const char *format, ...));

#endif
