/* half.cuh - numbers of 16 bits, and activations, which may stand in them.
 *
 * Conversions are CUDA's own where there is CUDA; else they are spelled out, to the same
 * bits (tests/kernels/cuda.c holds the latter against all numbers there are, and what runs on a
 * GPU is held against them by tests/kernels/gpu/check.c). So they are for GPUs without bfloat16,
 * for which not every CUDA 12 has them.
 */
#ifndef MEMOSCOPE_CUDA_HALF_H
#define MEMOSCOPE_CUDA_HALF_H

#include "kernels/cuda/launch.cuh"

#include <string.h>

/* The upper half of a float32. */
DEVICE uint16_t upper_half(uint32_t bits)
{
	if ((bits & 0x7fffffff) > 0x7f800000) /* not a number */
		return 0x7fff;
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>

DEVICE float value_of_bfloat16(uint16_t bits)
{
	return __uint_as_float((uint32_t)bits << 16);
}

DEVICE float value_of_half(uint16_t bits)
{
	return __half2float(__ushort_as_half(bits));
}

DEVICE uint16_t bfloat16_of(float x)
{
#if __CUDA_ARCH__ >= 800
	return __bfloat16_as_ushort(__float2bfloat16_rn(x));
#else
	return upper_half(__float_as_uint(x));
#endif
}

DEVICE uint16_t half_of(float x)
{
	return __half_as_ushort(__float2half_rn(x));
}
#else
#include <math.h>

DEVICE float value_of_bfloat16(uint16_t bits)
{
	const uint32_t wide = (uint32_t)bits << 16;
	float x;

	memcpy(&x, &wide, sizeof x);
	return x;
}

/* A sign, five bits of exponent (bias 15), ten of mantissa. */
DEVICE float value_of_half(uint16_t bits)
{
	const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
	const float size = exponent == 31   ? (mantissa ? NAN : INFINITY)
	                   : exponent == 0 ? ldexpf((float)mantissa, -24)
	                                   : ldexpf((float)(mantissa + 1024), exponent - 25);

	return bits & 0x8000 ? -size : size;
}

DEVICE uint16_t bfloat16_of(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof bits);
	return upper_half(bits);
}

DEVICE uint16_t half_of(float x)
{
	const float one_half = 0.5f, shifted = fabsf(x) + one_half;
	uint32_t bits, sum, least;

	memcpy(&bits, &x, sizeof bits);
	const uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
	if (x != x)
		return 0x7e00;
	if (size >= 0x477ff000) /* 65520, from which on 2^16 is nearer than 65504 */
		return (uint16_t)(sign | 0x7c00);
	if (size >= 0x38800000) /* 2^-14 */
		return (uint16_t)(sign | (size - (112u << 23) + 0xfff + (size >> 13 & 1)) >> 13);
	/* a multiple of 2^-24, as what is added to 1/2 is rounded to */
	memcpy(&sum, &shifted, sizeof sum);
	memcpy(&least, &one_half, sizeof least);
	return (uint16_t)(sign | (sum - least));
}
#endif

/* Two numbers in a word, the first in its lower half. */
DEVICE uint32_t pair_of(float low, float high, bool half)
{
	return half ? half_of(low) | (uint32_t)half_of(high) << 16
	            : bfloat16_of(low) | (uint32_t)bfloat16_of(high) << 16;
}

/* ---- activations ---- */

/* What a kernel is given of a buffer whose dtype it learns when it runs. */
struct values {
	void *at;
	enum dtype dtype;
};

static inline struct values values_of(const void *at, enum dtype dtype)
{
	const struct values values = {(void *)at, dtype};

	return values;
}

DEVICE float value_at(struct values x, size_t i)
{
	if (x.dtype == DTYPE_F32)
		return ((const float *)x.at)[i];
	const uint16_t bits = ((const uint16_t *)x.at)[i];
	return x.dtype == DTYPE_BF16 ? value_of_bfloat16(bits) : value_of_half(bits);
}

/* Value i as it stands in memory, and what number that is: as take_raw() and read_four(). */
DEVICE uint32_t word_at(struct values x, size_t i)
{
	uint32_t word;

	if (x.dtype != DTYPE_F32)
		return ((const uint16_t *)x.at)[i];
	memcpy(&word, (const float *)x.at + i, sizeof word);
	return word;
}

DEVICE float value_of_word(uint32_t word, enum dtype dtype)
{
	float x;

	memcpy(&x, &word, sizeof x);
	return dtype == DTYPE_F32    ? x
	       : dtype == DTYPE_BF16 ? value_of_bfloat16((uint16_t)word)
	                             : value_of_half((uint16_t)word);
}

DEVICE void set_value(struct values x, size_t i, float value)
{
	if (x.dtype == DTYPE_F32)
		((float *)x.at)[i] = value;
	else
		((uint16_t *)x.at)[i] = x.dtype == DTYPE_BF16 ? bfloat16_of(value) : half_of(value);
}

DEVICE float rounded_to(enum dtype dtype, float x)
{
	return dtype == DTYPE_F32    ? x
	       : dtype == DTYPE_BF16 ? value_of_bfloat16(bfloat16_of(x))
	                             : value_of_half(half_of(x));
}

/* Kernels that memory is all they wait for take four values at a time: one access where
 * all rows begin at one's place, else (`whole` false) value by value, and no more of
 * them than there are. */
struct ALIGNED(16) four_floats {
	float at[4];
};
struct ALIGNED(8) four_halves {
	uint16_t at[4];
};

/* May four values of a row of c be one access, wherever in it their number is a multiple
 * of four? */
static inline bool in_fours(const void *at, enum dtype dtype, size_t c)
{
	return c % 4 == 0 && (uintptr_t)at % (4 * dtype_size(dtype)) == 0;
}

/* The same of floats: to = x[i … i+3]; 0 in place of what is not below left. */
DEVICE void take_floats(float to[4], const float *x, size_t i, size_t left, bool whole)
{
	if (whole) {
		const struct four_floats four = LOAD(struct four_floats, x + i);
		UNROLL
		for (int j = 0; j < 4; j++)
			to[j] = four.at[j];
	} else {
		UNROLL
		for (size_t j = 0; j < 4; j++)
			to[j] = j < left ? x[i + j] : 0.0f;
	}
}

/* Values i … i+3 of x as they stand in memory, in as many words as they need; 0 in place of
 * what is not below left. read_four() makes numbers of them, and is where a thread waits for
 * them: one that needs several asks for all of them first. */
struct raw {
	uint32_t word[4];
};

DEVICE struct raw raw_floats(const float *x, size_t i, size_t left, bool whole)
{
	struct raw raw;
	float four[4];

	take_floats(four, x, i, left, whole);
	memcpy(raw.word, four, sizeof four);
	return raw;
}

DEVICE struct raw raw_halves(const uint16_t *x, size_t i, size_t left, bool whole)
{
	struct raw raw = {{0, 0, 0, 0}};

	if (whole) {
		const struct four_halves four = LOAD(struct four_halves, x + i);
		memcpy(raw.word, &four, sizeof four);
		return raw;
	}
	UNROLL
	for (size_t j = 0; j < 4; j++)
		if (j < left)
			raw.word[j / 2] |= (uint32_t)x[i + j] << 16 * (j % 2);
	return raw;
}

DEVICE struct raw take_raw(struct values x, size_t i, size_t left, bool whole)
{
	return x.dtype == DTYPE_F32 ? raw_floats((const float *)x.at, i, left, whole)
	                            : raw_halves((const uint16_t *)x.at, i, left, whole);
}

DEVICE void read_four(float to[4], const struct raw *raw, enum dtype dtype)
{
	if (dtype == DTYPE_F32) {
		memcpy(to, raw->word, sizeof raw->word);
		return;
	}
	UNROLL
	for (int j = 0; j < 4; j++) {
		const uint16_t bits = (uint16_t)(raw->word[j / 2] >> 16 * (j % 2));
		to[j] = dtype == DTYPE_BF16 ? value_of_bfloat16(bits) : value_of_half(bits);
	}
}

/* to = values i … i+3 of x; 0 in place of what is not below left. */
DEVICE void take_four(float to[4], struct values x, size_t i, size_t left, bool whole)
{
	const struct raw raw = take_raw(x, i, left, whole);

	read_four(to, &raw, x.dtype);
}

/* x[i … i+3] = from, by one access. */
DEVICE void put_floats(float *x, size_t i, const float from[4])
{
	struct four_floats four;

	UNROLL
	for (int j = 0; j < 4; j++)
		four.at[j] = from[j];
	STORE(struct four_floats, x + i, four);
}

DEVICE void put_four(struct values x, size_t i, size_t left, bool whole, const float from[4])
{
	if (!whole) {
		UNROLL
		for (size_t j = 0; j < 4; j++)
			if (j < left)
				set_value(x, i + j, from[j]);
	} else if (x.dtype == DTYPE_F32) {
		put_floats((float *)x.at, i, from);
	} else {
		struct four_halves four;
		UNROLL
		for (int j = 0; j < 4; j++)
			four.at[j] = x.dtype == DTYPE_BF16 ? bfloat16_of(from[j]) : half_of(from[j]);
		STORE(struct four_halves, (uint16_t *)x.at + i, four);
	}
}

#endif
