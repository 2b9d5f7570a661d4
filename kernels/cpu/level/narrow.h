/* narrow.h - attention of heads of a few columns. There the products are a few
 * multiplications for a pair of query and key, and what counts is the
 * exponential and the traffic to memory: so a pair is a lane of a vector, seen
 * once, and no part of the matrix is stored.
 */
#ifndef MEMOSCOPE_LEVEL_NARROW_H
#define MEMOSCOPE_LEVEL_NARROW_H

#include "kernels/cpu/level/level.h"

#define NARROW_WIDTH 4 /* columns of the widest head */

/* Is it for narrow_forward() and narrow_backward()? */
static inline bool narrow_fits(int d, const struct dropout *dropout)
{
	return d <= NARROW_WIDTH && (dropout == NULL || dropout->rate <= 0);
}

/* kernels.h's attention() and attention_backward() of all heads of one sequence,
 * without dropout: its rows of the buffers, but for lse, whose rows (of heads)
 * stand lse_stride apart. The bits of a row of out depend on its own query, and
 * the keys and values that it sees. */
void narrow_forward(struct device *dev, float *out, float *lse, ptrdiff_t lse_stride,
                    const float *qkv, int length, int c, int h);
void narrow_backward(struct device *dev, float *dqkv, const float *dout, const float *out,
                     const float *lse, ptrdiff_t lse_stride, const float *qkv, int length, int c,
                     int h);

#endif
