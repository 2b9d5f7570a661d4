/* math.h - exponential, logarithm and GELU without branches, for loops
 * that the compiler vectorises. */
#ifndef MEMOSCOPE_ISA_MATH_H
#define MEMOSCOPE_ISA_MATH_H

#include <stdint.h>
#include <string.h>

/* e^x, relative error below 2e-7; x is clamped to [-87, 88], so there is
 * neither an infinity nor a denormal, and e^-infinity is 1.6e-38. What comes of
 * a NaN depends on its bits: for arguments that are numbers.
 * Range reduction and minimax polynomial as in Cephes' expf (Moshier). */
static inline float exp_of_number(float x)
{
	x = x < -87.0f ? -87.0f : x;
	x = x > 88.0f ? 88.0f : x;

	const float magic = 0x1.8p23f; /* adding it rounds to an integer */
	float shifted = x * 0x1.715476p+0f + magic;
	float n = shifted - magic;
	float r = x - n * 0.693359375f + n * 2.12194440e-4f;
	float p = 1.9875691500e-4f;
	p = p * r + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	p = p * r * r + r + 1.0f;

	uint32_t bits, power; /* unsigned: what overflows is meant to */
	memcpy(&power, &shifted, 4); /* the integer stands in the low bits */
	power <<= 23;
	memcpy(&bits, &p, 4);
	bits += power;
	memcpy(&p, &bits, 4);
	return p;
}

/* The same; a NaN stays one. */
static inline float exp_clamped(float x)
{
	float p = exp_of_number(x);

	return x == x ? p : x;
}

/* ln x within 2e-7 + 1e-7 |ln x| of it, for normal numbers above 0; a NaN stays
 * one. x = 2^n (1 + f) with 1 + f from √½ to √2, and
 * ln(1 + f) = f + f² P(f), P of least largest relative error (3e-8). */
static inline float log_positive(float x)
{
	uint32_t bits, mantissa;

	memcpy(&bits, &x, 4);
	int32_t n = (int32_t)(bits - 0x3f3504f3) >> 23; /* 0x3f3504f3: √½ */
	mantissa = bits - ((uint32_t)n << 23);
	float f;
	memcpy(&f, &mantissa, 4);
	f -= 1.0f;
	float p = 0.08734844624996185f;
	p = p * f - 0.14307522773742676f;
	p = p * f + 0.14917972683906555f;
	p = p * f - 0.16570508480072021f;
	p = p * f + 0.19962072372436523f;
	p = p * f - 0.25001755356788635f;
	p = p * f + 0.33333951234817505f;
	p = p * f - 0.49999991059303284f;
	float log = (float)n * 0.693147181f + (f + f * f * p);
	return x == x ? log : x;
}

/* GELU, x Φ(x), and its derivative, Φ(x) + x φ(x), within 2e-7 (1 + |x|) of them. Both are 1/2
 * plus an odd function, whose quotient by x is a fraction of polynomials of x² of least largest
 * error, up to where float32 knows nothing but 0 or 1 beside it. */
#define GELU_END 5.5f
#define GELU_SLOPE_END 5.7f

static inline float gelu_of(float x)
{
	const float end2 = GELU_END * GELU_END, u = x * x < end2 ? x * x : end2;
	float p = 2.442229765e-8f, q = 1.246110166e-6f;

	p = p * u + 6.338050311e-6f;
	p = p * u + 1.53843715e-4f;
	p = p * u + 4.583265154e-3f;
	p = p * u + 3.227985335e-2f;
	p = p * u + 0.3989422167f;
	q = q * u + 6.938388742e-5f;
	q = q * u + 1.797041266e-3f;
	q = q * u + 2.775285825e-2f;
	q = q * u + 0.2475796087f;
	q = q * u + 1.0f;
	const float cdf = 0.5f + x * (p / q);
	return x < -GELU_END ? 0.0f : x > GELU_END ? x : x * cdf;
}

static inline float gelu_slope(float x)
{
	const float end2 = GELU_SLOPE_END * GELU_SLOPE_END, u = x * x < end2 ? x * x : end2;
	float p = -3.710056953e-9f, q = -1.756542339e-7f;

	p = p * u - 5.32863671e-7f;
	p = p * u + 3.485214505e-5f;
	p = p * u - 2.649810161e-4f;
	p = p * u + 1.481504037e-2f;
	p = p * u - 4.70962717e-2f;
	p = p * u + 0.7978848488f;
	q = q * u + 4.778600061e-6f;
	q = q * u + 1.204689603e-4f;
	q = q * u + 2.679856219e-3f;
	q = q * u + 3.499086437e-2f;
	q = q * u + 0.2743121224f;
	q = q * u + 1.0f;
	const float slope = 0.5f + x * (p / q);
	return x < -GELU_SLOPE_END ? 0.0f : x > GELU_SLOPE_END ? 1.0f : slope;
}

/* Its approximation x σ(2u) and the derivative, σ + 2u' x σ (1 - σ), within 1e-6 (1 + |x|) of them;
 * u = √(2/π) (x + 0.044715 x³). */
#define GELU_TANH 1.5957691f /* 2 √(2/π) */
#define GELU_TANH_END 12.0f /* from where on float32 knows nothing but 0 or 1 */

static inline float gelu_tanh_of(float x)
{
	return x / (1.0f + exp_of_number(-GELU_TANH * x * (1.0f + 0.044715f * x * x)));
}

static inline float gelu_tanh_slope(float x)
{
	x = x < -GELU_TANH_END ? -GELU_TANH_END : x;
	x = x > GELU_TANH_END ? GELU_TANH_END : x;

	const float square = x * x;
	const float e = exp_of_number(-GELU_TANH * x * (1.0f + 0.044715f * square));
	const float s = 1.0f / (1.0f + e);
	return s + GELU_TANH * (1.0f + 3 * 0.044715f * square) * x * (e * s) * s;
}

#endif
