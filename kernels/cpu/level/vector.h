/* vector.h - floats side by side, as many as the level's registers hold, and
 * what compilers do not make of plain C by themselves. Operators work lane by
 * lane (a language extension of gcc and clang).
 */
#ifndef MEMOSCOPE_LEVEL_VECTOR_H
#define MEMOSCOPE_LEVEL_VECTOR_H

#ifdef __SSE__
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define VECTOR_LANES 16
#elif defined(__AVX__)
#define VECTOR_LANES 8
#else
#define VECTOR_LANES 4
#endif

typedef float vector __attribute__((vector_size(4 * VECTOR_LANES)));

static inline vector vector_all(float x)
{
	return x - (vector){0}; /* the sign of a zero stays */
}

/* a * b + c. Said outright where there is a fused instruction: gcc 13 and later
 * take it or leave it loop by loop, and bits would differ between tiles. */
static inline vector vector_madd(vector a, vector b, vector c)
{
#if defined(__AVX512F__)
	return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX__) && defined(__FMA__)
	return _mm256_fmadd_ps(a, b, c);
#else
	return a * b + c;
#endif
}

#endif
