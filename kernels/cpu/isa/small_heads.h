/* small_heads.h - attention of heads of a few columns. There the products are a few
 * multiplications for a pair of query and key, and what counts is the
 * exponential and the traffic to memory: so a pair is a lane of a vector, seen
 * once, and no part of the matrix is stored.
 */
#ifndef MEMOSCOPE_ISA_SMALL_HEADS_H
#define MEMOSCOPE_ISA_SMALL_HEADS_H

#include "kernels/cpu/isa/isa.h"

#define SMALL_HEADS_WIDTH 4 /* columns of the widest head */

/* Is it for small_heads_forward() and small_heads_backward()? */
static inline bool small_heads_fits(int d, const struct dropout *dropout)
{
	return d <= SMALL_HEADS_WIDTH && (!dropout || dropout->rate <= 0);
}

/* kernels.h's attention() and attention_backward() of all heads of one sequence,
 * without dropout: its rows of the buffers, but for lse, whose rows (of heads)
 * stand lse_stride apart. The bits of a row of out depend on its own query, and
 * the keys and values that it sees. */
void small_heads_forward(struct device *dev, float *out, float *lse, ptrdiff_t lse_stride,
                         const float *qkv, int length, int c, int h);
void small_heads_backward(struct device *dev, float *dqkv, const float *dout, const float *out,
                          const float *lse, ptrdiff_t lse_stride, const float *qkv, int length,
                          int c,
                          int h);

#endif
