/* attention.cuh - what the kernels of attention over tiles have in common. */
#ifndef MEMOSCOPE_CUDA_ATTENTION_H
#define MEMOSCOPE_CUDA_ATTENTION_H

#include "kernels/cuda/half.cuh"
#include "kernels/cuda/mask.cuh"

#define HEAD_MAX 128 /* columns of the widest head */

/* What the kernels over tiles have in common. */
struct shape {
	const struct tile *tiles;
	int n, c, d, h; /* rows, width, head width, heads */
	float scale; /* 1 / √d */
	struct mask mask;
};

/* The mask's index of (head, query row of all, key of the sequence). */
DEVICE uint64_t mask_index(const struct shape *s, int head, int row, int key)
{
	return ((uint64_t)row * (uint64_t)s->h + (uint64_t)head) * SEQUENCE_MAX + (uint64_t)key;
}

struct forward {
	struct values out, qkv;
	float *lse;
	struct shape s;
};

struct backward {
	struct values dqkv, dout, qkv;
	const float *lse;
	const float *delta; /* [h,n] Σ_j dout_ij out_ij (Dao et al. 2022, equation 4) */
	struct shape s;
};

/* Kernels over tensor cores (attention_tensor.cu): for activations of 16 bits, heads of whole 16
 * bytes, and buffers that begin at such. False where they are not for this; nothing is
 * done then. */
#ifdef __cplusplus
extern "C" {
#endif
bool tensor_forward(struct device *dev, const struct forward *a);
bool tensor_backward(struct device *dev, const struct backward *a);
#ifdef __cplusplus
}
#endif

#endif
