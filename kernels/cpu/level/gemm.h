/* gemm.h - small matrix products with an order of summation that no other row
 * or column can change.
 *
 * c[m,n] = a b (+ c): element (i, j) is Σ_k a[i*row + k*col] * b[k*ldb + j],
 * summed in the order of k by fused multiply-add, whatever m and n are. Used
 * inside attention, where shapes are small and operands hot, and wherever a
 * row's bits must not depend on its neighbours. b is read in vectors along n.
 */
#ifndef MEMOSCOPE_LEVEL_GEMM_H
#define MEMOSCOPE_LEVEL_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "kernels/cpu/level/vector.h"

/* Rows of a tile: two vectors of each, and of b, fit the registers. */
#if VECTOR_LANES == 16
#define GEMM_ROWS 8
#elif VECTOR_LANES == 8
#define GEMM_ROWS 6
#else
#define GEMM_ROWS 4
#endif

/* A tile of rows × vectors · VECTOR_LANES; both are constants where it is
 * inlined, so the accumulators live in registers. */
static inline __attribute__((always_inline)) void
gemm_tile(int rows, int vectors, int k, const float *a, ptrdiff_t row, ptrdiff_t col,
          const float *b, ptrdiff_t ldb, float *c, ptrdiff_t ldc, bool accumulate)
{
	vector sum[GEMM_ROWS][2];

	for (int i = 0; i < rows; i++)
		for (int j = 0; j < vectors; j++) {
			if (accumulate)
				memcpy(&sum[i][j], c + i * ldc + j * VECTOR_LANES, sizeof sum[i][j]);
			else
				sum[i][j] = (vector){0};
		}
	for (int p = 0; p < k; p++) {
		vector bp[2];
		for (int j = 0; j < vectors; j++)
			memcpy(&bp[j], b + p * ldb + j * VECTOR_LANES, sizeof bp[j]);
		for (int i = 0; i < rows; i++) {
			vector ap = vector_all(a[i * row + p * col]);
			for (int j = 0; j < vectors; j++)
				sum[i][j] = vector_madd(ap, bp[j], sum[i][j]);
		}
	}
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < vectors; j++)
			memcpy(c + i * ldc + j * VECTOR_LANES, &sum[i][j], sizeof sum[i][j]);
}

static inline __attribute__((always_inline)) void
gemm_strip(int vectors, int m, int k, const float *a, ptrdiff_t row, ptrdiff_t col,
           const float *b, ptrdiff_t ldb, float *c, ptrdiff_t ldc, bool accumulate)
{
	int i = 0;

	for (; i + GEMM_ROWS <= m; i += GEMM_ROWS)
		gemm_tile(GEMM_ROWS, vectors, k, a + i * row, row, col, b, ldb, c + i * ldc, ldc,
		          accumulate);
	for (; i + 2 <= m; i += 2)
		gemm_tile(2, vectors, k, a + i * row, row, col, b, ldb, c + i * ldc, ldc,
		          accumulate);
	if (i < m)
		gemm_tile(1, vectors, k, a + i * row, row, col, b, ldb, c + i * ldc, ldc,
		          accumulate);
}

/* The last n < VECTOR_LANES columns: through copies padded to a vector.
 * panel: k * VECTOR_LANES floats of scratch. */
static inline void gemm_edge(int m, int n, int k, const float *a, ptrdiff_t row,
                             ptrdiff_t col, const float *b, ptrdiff_t ldb, float *c,
                             ptrdiff_t ldc, bool accumulate, float *panel)
{
	float tile[GEMM_ROWS * VECTOR_LANES] __attribute__((aligned(64)));

	memset(panel, 0, (size_t)k * VECTOR_LANES * sizeof *panel);
	for (int p = 0; p < k; p++)
		for (int j = 0; j < n; j++)
			panel[(ptrdiff_t)p * VECTOR_LANES + j] = b[p * ldb + j];
	for (int i = 0; i < m; i += GEMM_ROWS) {
		int rows = m - i < GEMM_ROWS ? m - i : GEMM_ROWS;
		memset(tile, 0, sizeof tile);
		for (int r = 0; accumulate && r < rows; r++)
			memcpy(tile + r * VECTOR_LANES, c + (i + r) * ldc, (size_t)n * sizeof *c);
		gemm_strip(1, rows, k, a + i * row, row, col, panel, VECTOR_LANES, tile, VECTOR_LANES,
		           true);
		for (int r = 0; r < rows; r++)
			memcpy(c + (i + r) * ldc, tile + r * VECTOR_LANES, (size_t)n * sizeof *c);
	}
}

/* panel: k * VECTOR_LANES floats of scratch, used where VECTOR_LANES does not
 * divide n; may be NULL where it does. */
static inline void gemm(int m, int n, int k, const float *a, ptrdiff_t row, ptrdiff_t col,
                        const float *b, ptrdiff_t ldb, float *c, ptrdiff_t ldc,
                        bool accumulate, float *panel)
{
	int j = 0;

	for (; j + 2 * VECTOR_LANES <= n; j += 2 * VECTOR_LANES)
		gemm_strip(2, m, k, a, row, col, b + j, ldb, c + j, ldc, accumulate);
	for (; j + VECTOR_LANES <= n; j += VECTOR_LANES)
		gemm_strip(1, m, k, a, row, col, b + j, ldb, c + j, ldc, accumulate);
	if (j < n)
		gemm_edge(m, n - j, k, a, row, col, b + j, ldb, c + j, ldc, accumulate, panel);
}

#endif
