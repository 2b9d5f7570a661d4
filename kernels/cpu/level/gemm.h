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
#ifdef __AVX__
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define GEMM_LANES 16
#define GEMM_ROWS 8
#elif defined(__AVX__)
#define GEMM_LANES 8
#define GEMM_ROWS 6
#else
#define GEMM_LANES 4
#define GEMM_ROWS 4
#endif

typedef float gemm_vector __attribute__((vector_size(4 * GEMM_LANES)));

/* a * b + c. Said outright where there is a fused instruction: gcc 13 and later
 * take it or leave it loop by loop, and bits would differ between tiles. */
static inline gemm_vector gemm_madd(float a, gemm_vector b, gemm_vector c)
{
#if defined(__AVX512F__)
	return _mm512_fmadd_ps(_mm512_set1_ps(a), b, c);
#elif defined(__AVX__) && defined(__FMA__)
	return _mm256_fmadd_ps(_mm256_set1_ps(a), b, c);
#else
	return a * b + c;
#endif
}

/* A tile of rows × vectors · GEMM_LANES; both are constants where it is
 * inlined, so the accumulators live in registers. */
static inline __attribute__((always_inline)) void
gemm_tile(int rows, int vectors, int k, const float *a, ptrdiff_t row, ptrdiff_t col,
          const float *b, ptrdiff_t ldb, float *c, ptrdiff_t ldc, bool accumulate)
{
	gemm_vector sum[GEMM_ROWS][2];

	for (int i = 0; i < rows; i++)
		for (int j = 0; j < vectors; j++) {
			if (accumulate)
				memcpy(&sum[i][j], c + i * ldc + j * GEMM_LANES, sizeof sum[i][j]);
			else
				sum[i][j] = (gemm_vector){0};
		}
	for (int p = 0; p < k; p++) {
		gemm_vector bp[2];
		for (int j = 0; j < vectors; j++)
			memcpy(&bp[j], b + p * ldb + j * GEMM_LANES, sizeof bp[j]);
		for (int i = 0; i < rows; i++) {
			float ap = a[i * row + p * col];
			for (int j = 0; j < vectors; j++)
				sum[i][j] = gemm_madd(ap, bp[j], sum[i][j]);
		}
	}
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < vectors; j++)
			memcpy(c + i * ldc + j * GEMM_LANES, &sum[i][j], sizeof sum[i][j]);
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

/* The last n < GEMM_LANES columns: through copies padded to a vector.
 * panel: k * GEMM_LANES floats of scratch. */
static inline void gemm_edge(int m, int n, int k, const float *a, ptrdiff_t row,
                             ptrdiff_t col, const float *b, ptrdiff_t ldb, float *c,
                             ptrdiff_t ldc, bool accumulate, float *panel)
{
	float tile[GEMM_ROWS * GEMM_LANES] __attribute__((aligned(64)));

	memset(panel, 0, (size_t)k * GEMM_LANES * sizeof *panel);
	for (int p = 0; p < k; p++)
		for (int j = 0; j < n; j++)
			panel[(ptrdiff_t)p * GEMM_LANES + j] = b[p * ldb + j];
	for (int i = 0; i < m; i += GEMM_ROWS) {
		int rows = m - i < GEMM_ROWS ? m - i : GEMM_ROWS;
		memset(tile, 0, sizeof tile);
		for (int r = 0; accumulate && r < rows; r++)
			memcpy(tile + r * GEMM_LANES, c + (i + r) * ldc, (size_t)n * sizeof *c);
		gemm_strip(1, rows, k, a + i * row, row, col, panel, GEMM_LANES, tile, GEMM_LANES,
		           true);
		for (int r = 0; r < rows; r++)
			memcpy(c + (i + r) * ldc, tile + r * GEMM_LANES, (size_t)n * sizeof *c);
	}
}

/* panel: k * GEMM_LANES floats of scratch, used where GEMM_LANES does not
 * divide n; may be NULL where it does. */
static inline void gemm(int m, int n, int k, const float *a, ptrdiff_t row, ptrdiff_t col,
                        const float *b, ptrdiff_t ldb, float *c, ptrdiff_t ldc,
                        bool accumulate, float *panel)
{
	int j = 0;

	for (; j + 2 * GEMM_LANES <= n; j += 2 * GEMM_LANES)
		gemm_strip(2, m, k, a, row, col, b + j, ldb, c + j, ldc, accumulate);
	for (; j + GEMM_LANES <= n; j += GEMM_LANES)
		gemm_strip(1, m, k, a, row, col, b + j, ldb, c + j, ldc, accumulate);
	if (j < n)
		gemm_edge(m, n - j, k, a, row, col, b + j, ldb, c + j, ldc, accumulate, panel);
}

#endif
