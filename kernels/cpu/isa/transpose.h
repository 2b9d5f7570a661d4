/* transpose.h - rows to columns and back, for operations whose vectors lie along rows
 * of a matrix that holds them as columns.
 */
#ifndef MEMOSCOPE_ISA_TRANSPOSE_H
#define MEMOSCOPE_ISA_TRANSPOSE_H

#include <stddef.h>
#ifdef __SSE__
#include <immintrin.h>
#endif

static inline int least(int a, int b)
{
	return a < b ? a : b;
}

static inline int round_up(int n, int multiple)
{
	return (n + multiple - 1) / multiple * multiple;
}

/* to[j][i] = scale * from[i][j] for i and j below 4. */
static inline void transpose_block(float *to, ptrdiff_t to_stride, const float *from,
                                   ptrdiff_t from_stride, float scale)
{
#ifdef __SSE__
	__m128 row[4];

	for (int i = 0; i < 4; i++)
		row[i] = _mm_loadu_ps(from + i * from_stride);
	_MM_TRANSPOSE4_PS(row[0], row[1], row[2], row[3]);
	for (int j = 0; j < 4; j++)
		_mm_storeu_ps(to + j * to_stride, row[j] * scale);
#else
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++)
			to[j * to_stride + i] = scale * from[i * from_stride + j];
#endif
}

#ifdef __AVX__
/* The same below 8. */
static inline void transpose_eight(float *to, ptrdiff_t to_stride, const float *from,
                                   ptrdiff_t from_stride, float scale)
{
	__m256 row[8], pair[8];

	for (int i = 0; i < 4; i++) { /* halves of rows i and i + 4 side by side */
		const float *low = from + i * from_stride, *high = low + 4 * from_stride;
		row[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)),
		                              _mm_loadu_ps(high), 1);
		row[i + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low + 4)),
		                                  _mm_loadu_ps(high + 4), 1);
	}
	for (int i = 0; i < 8; i += 4) {
		pair[i] = _mm256_unpacklo_ps(row[i], row[i + 1]);
		pair[i + 1] = _mm256_unpackhi_ps(row[i], row[i + 1]);
		pair[i + 2] = _mm256_unpacklo_ps(row[i + 2], row[i + 3]);
		pair[i + 3] = _mm256_unpackhi_ps(row[i + 2], row[i + 3]);
	}
	for (int i = 0; i < 8; i += 4) {
		float *at = to + i * to_stride;
		_mm256_storeu_ps(at, scale * _mm256_shuffle_ps(pair[i], pair[i + 2], 0x44));
		_mm256_storeu_ps(at + to_stride, scale * _mm256_shuffle_ps(pair[i], pair[i + 2], 0xee));
		_mm256_storeu_ps(at + 2 * to_stride,
		                 scale * _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0x44));
		_mm256_storeu_ps(at + 3 * to_stride,
		                 scale * _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0xee));
	}
}
#endif

/* to[cols][rows] = scale * from[rows][cols]ᵀ, rows of each so far apart. */
static inline void turn(float *to, ptrdiff_t to_stride, const float *from, ptrdiff_t from_stride,
                        int rows, int cols, float scale)
{
	const int whole_rows = rows / 4 * 4, whole_cols = cols / 4 * 4;
	int done = 0; /* rows, by eights */

#ifdef __AVX__
	for (; done + 8 <= rows; done += 8) {
		int j = 0;
		for (; j + 8 <= cols; j += 8)
			transpose_eight(to + j * to_stride + done, to_stride, from + done * from_stride + j,
			                from_stride, scale);
		for (; j < whole_cols; j += 4)
			for (int i = done; i < done + 8; i += 4)
				transpose_block(to + j * to_stride + i, to_stride, from + i * from_stride + j,
				                from_stride, scale);
	}
#endif
	for (int i = done; i < whole_rows; i += 4)
		for (int j = 0; j < whole_cols; j += 4)
			transpose_block(to + j * to_stride + i, to_stride, from + i * from_stride + j,
			                from_stride, scale);
	for (int i = 0; i < rows; i++)
		for (int j = i < whole_rows ? whole_cols : 0; j < cols; j++)
			to[j * to_stride + i] = scale * from[i * from_stride + j];
}

/* to[cols][padded] = scale * from[rows][cols]ᵀ, 0 beyond rows. */
static inline void transpose_padded(float *to, int padded, const float *from, ptrdiff_t from_stride,
                                    int rows, int cols, float scale)
{
	turn(to, padded, from, from_stride, rows, cols, scale);
	for (int j = 0; j < cols; j++)
		for (int i = rows; i < padded; i++)
			to[(ptrdiff_t)j * padded + i] = 0;
}

#endif
