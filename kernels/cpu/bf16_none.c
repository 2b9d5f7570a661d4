/* No bfloat16: for processors that kernels/cpu/bf16.c is not for. */
#include "kernels/cpu/bf16.h"

#include <stddef.h>

bool bf16_worthwhile(void)
{
	return false;
}

struct bf16_products *bf16_new(struct err *err)
{
	err_set(err, "there are no products in bfloat16 for this kind of processor");
	return NULL;
}

void bf16_free(struct bf16_products *products)
{
	(void)products;
}

bool bf16_product(struct bf16_products *products, bool transpose_a, bool transpose_b, int m,
                  int n, int k, const float *a, const float *b, float beta, float *c)
{
	(void)products, (void)transpose_a, (void)transpose_b, (void)m, (void)n, (void)k;
	(void)a, (void)b, (void)beta, (void)c;
	return false;
}
