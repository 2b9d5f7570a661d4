/* turn.h - rows to columns and back, for operations whose vectors lie along rows
 * of a matrix that holds them as columns.
 */
#ifndef MEMOSCOPE_LEVEL_TURN_H
#define MEMOSCOPE_LEVEL_TURN_H

#include <stddef.h>
#ifdef __SSE__
#include <immintrin.h>
#endif

static inline int round_up(int n, int multiple)
{
	return (n + multiple - 1) / multiple * multiple;
}

/* to[j][i] = scale * from[i][j] for i and j below 4. */
static inline void turn_block(float *to, ptrdiff_t to_stride, const float *from,
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

/* to[cols][rows] = scale * from[rows][cols]ᵀ, rows of each so far apart. */
static inline void turn(float *to, ptrdiff_t to_stride, const float *from, ptrdiff_t from_stride,
                        int rows, int cols, float scale)
{
	const int whole_rows = rows / 4 * 4, whole_cols = cols / 4 * 4;

	for (int i = 0; i < whole_rows; i += 4)
		for (int j = 0; j < whole_cols; j += 4)
			turn_block(to + j * to_stride + i, to_stride, from + i * from_stride + j,
			           from_stride, scale);
	for (int i = 0; i < rows; i++)
		for (int j = i < whole_rows ? whole_cols : 0; j < cols; j++)
			to[j * to_stride + i] = scale * from[i * from_stride + j];
}

/* to[cols][padded] = scale * from[rows][cols]ᵀ, 0 beyond rows. */
static inline void turn_padded(float *to, int padded, const float *from, ptrdiff_t from_stride,
                               int rows, int cols, float scale)
{
	turn(to, padded, from, from_stride, rows, cols, scale);
	for (int j = 0; j < cols; j++)
		for (int i = rows; i < padded; i++)
			to[(ptrdiff_t)j * padded + i] = 0;
}

#endif
