/* vector.h - floats side by side, as many as the level's registers hold, and
 * what compilers do not make of plain C by themselves. Operators work lane by
 * lane (a language extension of gcc and clang).
 */
#ifndef MEMOSCOPE_ISA_VECTOR_H
#define MEMOSCOPE_ISA_VECTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
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

#define VECTOR_EXP 4 /* how many vector_exp() takes */

typedef float vector __attribute__((vector_size(4 * VECTOR_LANES)));
typedef uint32_t vector_bits __attribute__((vector_size(4 * VECTOR_LANES)));

#if defined(__AVX2__) && !defined(__AVX512F__)
static inline __m256i vector_mask_first(int count)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#endif

static inline vector vector_load(const float *from)
{
	vector v;

	memcpy(&v, from, sizeof v);
	return v;
}

static inline void vector_store(float *to, vector v)
{
	memcpy(to, &v, sizeof v);
}

/* The first count lanes, 1 to VECTOR_LANES: nothing beyond them is read or written; lanes
 * beyond them are 0. */
static inline vector vector_load_first(const float *from, int count)
{
#if defined(__AVX512F__)
	return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#elif defined(__AVX2__)
	return _mm256_maskload_ps(from, vector_mask_first(count));
#else
	vector v = {0};

	memcpy(&v, from, (size_t)count * sizeof *from);
	return v;
#endif
}

static inline void vector_store_first(float *to, vector v, int count)
{
#if defined(__AVX512F__)
	_mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), v);
#elif defined(__AVX2__)
	_mm256_maskstore_ps(to, vector_mask_first(count), v);
#else
	memcpy(to, &v, (size_t)count * sizeof *to);
#endif
}

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

/* a where the mask's bits are set, b where they are not. */
static inline vector vector_select(vector_bits mask, vector a, vector b)
{
	return (vector)((mask & (vector_bits)a) | (~mask & (vector_bits)b));
}

/* The larger one; b where either is a NaN. */
static inline vector vector_max(vector a, vector b)
{
#if defined(__AVX512F__)
	return _mm512_max_ps(a, b);
#elif defined(__AVX__)
	return _mm256_max_ps(a, b);
#elif defined(__SSE__)
	return _mm_max_ps(a, b);
#else
	return vector_select((vector_bits)(a > b), a, b);
#endif
}

/* Is any lane of a larger than b's? */
static inline bool vector_any_above(vector a, vector b)
{
#if defined(__AVX512F__)
	return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ) != 0;
#elif defined(__AVX__)
	return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)) != 0;
#else
	bool any = false;

	for (int l = 0; l < VECTOR_LANES; l++)
		any |= a[l] > b[l];
	return any;
#endif
}

/* The sum of VECTOR_LANES floats: halves are added, down to four. */
static inline float vector_sum(const float *x)
{
	typedef float four __attribute__((vector_size(16)));
	four part[VECTOR_LANES / 4];

	memcpy(part, x, sizeof part);
	for (int half = VECTOR_LANES / 8; half > 0; half /= 2)
		for (int i = 0; i < half; i++)
			part[i] += part[i + half];
	return (part[0][0] + part[0][1]) + (part[0][2] + part[0][3]);
}

/* All bits of the lanes from first on, 0 to VECTOR_LANES. */
static inline vector_bits vector_from(int first)
{
	static const uint32_t window[2 * VECTOR_LANES] = {
		[VECTOR_LANES ... 2 * VECTOR_LANES - 1] = ~0u,
	};
	vector_bits mask;

	memcpy(&mask, window + VECTOR_LANES - first, sizeof mask);
	return mask;
}

/* x = 2^x, or with natural e^x, for count vectors side by side (their instructions wait for one
 * another less than those of one would), for x up to 127, or 88: within 2e-7 + 1e-7 |x| of it,
 * relatively; 0, or at most 1.7e-38, from -126, or -87, on down. A NaN stays one.
 * 2^(n + r) with n whole, the power of r by a polynomial of least largest
 * relative error (8e-8) over |r| <= 1/2. */
static inline __attribute__((always_inline)) void vector_powers(int count, vector *x, bool natural)
{
	vector power[VECTOR_EXP], r[VECTOR_EXP], p[VECTOR_EXP];

	for (int i = 0; i < count; i++) {
#ifdef __AVX512F__
		vector scaled = natural ? x[i] * 0x1.715476p+0f : x[i];
		r[i] = _mm512_reduce_ps(scaled, _MM_FROUND_TO_NEAREST_INT);
		power[i] = scaled - r[i];
#else
		const vector magic = vector_all(0x1.8p23f + 127); /* rounds to a whole number */
		const vector above = vector_max(vector_all(natural ? -87.0f : -126.0f), x[i]);
		if (natural) {
			power[i] = vector_madd(above, vector_all(0x1.715476p+0f), magic);
			r[i] = vector_madd(above, vector_all(0x1.715476p+0f), magic - power[i]);
		} else {
			power[i] = above + magic;
			r[i] = above - (power[i] - magic);
		}
#endif
	}
	for (int i = 0; i < count; i++) { /* by pairs of terms, which wait less for one another */
		const vector r2 = r[i] * r[i];
		const vector high = vector_madd(r[i], vector_all(0.0013276472f), vector_all(0.0096755410f)),
		             middle = vector_madd(r[i], vector_all(0.055507131f), vector_all(0.24022120f)),
		             low = vector_madd(r[i], vector_all(0.69314694f), vector_all(1));
		p[i] = vector_madd(vector_madd(high, r2, middle), r2, low);
	}
	for (int i = 0; i < count; i++)
#ifdef __AVX512F__
		x[i] = _mm512_scalef_ps(p[i], power[i]);
#else
		x[i] = p[i] * (vector)((vector_bits)power[i] << 23); /* 127 + n: 2^n's exponent */
#endif
}

static inline __attribute__((always_inline)) void vector_exp(int count, vector *x)
{
	vector_powers(count, x, true);
}

static inline __attribute__((always_inline)) void vector_exp2(int count, vector *x)
{
	vector_powers(count, x, false);
}

#endif
