/* bf16.h - matrix products with operands rounded to bfloat16, by oneDNN. */
#ifndef MEMOSCOPE_BF16_H
#define MEMOSCOPE_BF16_H

#include <stdbool.h>

#include "common/base/err.h"

struct bf16_products; /* primitives by shape, and room for rounded operands */

/* Has this processor bfloat16 products in hardware, as oneDNN sees it? */
bool bf16_worthwhile(void);

struct bf16_products *bf16_new(struct err *err);
void bf16_free(struct bf16_products *products); /* NULL is allowed */

/* c[m,n] = op(a) op(b) + beta c, row-major, dense, beta 0 or 1. False where
 * oneDNN has no such product: nothing was done. */
bool bf16_product(struct bf16_products *products, bool transpose_a, bool transpose_b, int m,
                  int n, int k, const float *a, const float *b, float beta, float *c);

#endif
