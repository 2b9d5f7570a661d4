/* rows.h - what check.c, check_products.c and check_attention.c share: rows of the table of
 * checks. */
#ifndef MEMOSCOPE_TESTS_ROWS_H
#define MEMOSCOPE_TESTS_ROWS_H

#include "tests/kernels/harness/trial.h"

/* Sums of up to some thousand terms, in float32: check.c says how bounds are meant. */
#define SUM ((struct bound){1e-5, 0})

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* The number of a pass in device memory, to free. */
uint64_t *new_pass(struct trial *t, uint64_t number);

/* The mask's factors over count elements: dropout of ones. To free(). */
double *mask_of(struct trial *t, const struct dropout *dropout, size_t count);

/* Normal values [n,c] of type on the device, and these bits at one place of one row. */
void *spoiled(struct trial *t, enum dtype type, int n, int c, int row, int column,
              uint32_t pattern);

/* Row `row` of out[n,c] holds a NaN, rows below `clean` hold none. */
void expect_spoiled(struct trial *t, const char *what, enum dtype type, const void *at, int n,
                    int c, int row, int clean);

void check_linear(struct trial *t);
void check_linear_residual(struct trial *t);
void check_linear_backward(struct trial *t);
void check_linear_residual_backward(struct trial *t);
void check_unembed(struct trial *t);
void check_unembed_backward(struct trial *t);
void check_row_invariant(struct trial *t);
void check_weights(struct trial *t);

void check_attention(struct trial *t);
void check_attention_backward(struct trial *t);
void check_attention_probs(struct trial *t);
void check_attention_cached(struct trial *t);
void check_cache_store(struct trial *t);

/* A NaN among the queries, keys or values of a row spoils its output, and no
 * sequence before. */
void nan_attention(struct trial *t, int d, int h, int column, uint32_t bits);

#endif
