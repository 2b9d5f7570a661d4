/* gemm.h - single-precision matrix products of our own.
 *
 * c[m,n] = start + bias + a b, where element (i, p) of a is a[i * a_row + p * a_col] and element
 * (p, j) of b is b[p * b_row + j * b_col]. Each element of c is summed in the order of p, by
 * fused multiply-add where the level has it, from start + bias on: its bits depend on its own
 * row of a and column of b alone, whatever m and n are and whichever function computes it.
 *
 * The method is that of Goto & van de Geijn 2008 ("Anatomy of high-performance matrix
 * multiplication"): a tile of c stays in registers while a panel of b, copied side by side,
 * stays in the first cache and a block of a in the second.
 */
#ifndef MEMOSCOPE_ISA_GEMM_H
#define MEMOSCOPE_ISA_GEMM_H

#include <stddef.h>

#include "kernels/cpu/isa/isa.h"
#include "kernels/cpu/isa/vector.h"

/* Rows of a tile. A tile of so many rows and two vectors of columns, two vectors of b and one
 * number of a fill the registers: there are 32 at v4, else 16. */
#if VECTOR_LANES == 16
#define GEMM_ROWS 8
#elif VECTOR_LANES == 8
#define GEMM_ROWS 6
#else
#define GEMM_ROWS 4
#endif

struct gemm {
	int m, n, k; /* each at least 1 */
	const float *a;
	ptrdiff_t a_row, a_col; /* one of them is 1 */
	const float *b;
	ptrdiff_t b_row, b_col; /* one of them is 1 */
	float *c;
	ptrdiff_t c_row;
	const float *start; /* [m,n], rows start_row apart; may be c; NULL: 0 */
	ptrdiff_t start_row;
	const float *bias; /* [n]; NULL: 0 */
};

/* For large operands: panels are copied into memory of the device's. */
void gemm_panels(struct device *dev, const struct gemm *gemm);

/* For small operands that are in cache already. b_col is 1, and each row of b can be read to the
 * next multiple of the vector's length; what stands there does not matter. */
void gemm_cached(const struct gemm *gemm);

/* c[m,n] = op(a) op(b) (+ c), all dense and row-major; op transposes where it is asked for. In
 * the dtype of the device's products, or in float32. */
void product(struct device *dev, bool transpose_a, bool transpose_b, int m, int n, int k,
             const float *a, const float *b, bool accumulate, float *c);
void product_f32(struct device *dev, bool transpose_a, bool transpose_b, int m, int n, int k,
                 const float *a, const float *b, bool accumulate, float *c);

#endif
