/* normal.h - the tail of the standard normal distribution.
 *
 * Φ(-|x|) = t P(t) e^(-x²/2) / 2 with t = 1 / (1 + 0.47 |x| / √2): the form of Abramowitz &
 * Stegun 7.1.26, its P fitted anew (degree 8, least largest relative error, 4.1e-8, over |x|
 * up to 13). The relative error is below 4e-7 with t and bell as float32 has them.
 */
#ifndef MEMOSCOPE_CUDA_NORMAL_H
#define MEMOSCOPE_CUDA_NORMAL_H

#ifndef NORMAL_INLINE
#define NORMAL_INLINE static inline
#endif

#define NORMAL_SLOPE 0.33234019f /* t is 1 / (1 + NORMAL_SLOPE |x|) */
#define NORMAL_PEAK 0.39894228f /* the density at 0, 1 / √(2π) */

/* bell: e^(-x²/2). */
NORMAL_INLINE float normal_tail(float t, float bell)
{
	float p = -0.04557962715625763f;

	p = p * t + 0.26113754510879517f;
	p = p * t - 0.5518828630447388f;
	p = p * t + 0.45427069067955017f;
	p = p * t - 0.1172173023223877f;
	p = p * t + 0.2444806843996048f;
	p = p * t + 0.22317540645599365f;
	p = p * t + 0.26650622487068176f;
	p = p * t + 0.26510927081108093f;
	return 0.5f * t * p * bell;
}

#endif
