/* launch.cuh - what a file of kernels needs to be written in C and launched.
 *
 *	struct twice { float *x; size_t count; };
 *	KERNEL(twice) { ... a.x[i] ... }
 *	...
 *	const struct twice a = {.x = x, .count = count};
 *	LAUNCH(dev, twice, blocks, 1, THREADS, 0, a);
 *
 * A kernel takes one struct of arguments, a, by which whoever launches it needs not
 * know their types. Blocks have one dimension, of whole warps; grids have two. Shared
 * memory is one array of floats, SHARED, of the bytes that the launch asks for. A kernel of more
 * than 256 threads a block is a KERNEL_OF(name, threads): else it might be compiled to need more
 * registers than there are for so many.
 *
 * nvcc gets CUDA's own here. Who compiles for a CPU has defined the same names before
 * (tests/kernels/shim/shim.h).
 */
#ifndef MEMOSCOPE_CUDA_LAUNCH_H
#define MEMOSCOPE_CUDA_LAUNCH_H

#include "kernels/cuda/cuda.h"

#include <math.h>

#ifdef __CUDACC__
#define DEVICE static __device__ __forceinline__
#define PHILOX_INLINE DEVICE
#define NORMAL_INLINE DEVICE
#define UNROLL _Pragma("unroll")
#define ALIGNED(bytes) __align__(bytes)
#define KERNEL(name) static __global__ void name##_kernel(const struct name a)
#define KERNEL_OF(name, threads) \
	static __global__ void __launch_bounds__(threads) name##_kernel(const struct name a)
#define SHARED(name) extern __shared__ ALIGNED(16) float name[]
#define LAUNCH(dev, name, blocks_x, blocks_y, threads, bytes, args)                            \
	do {                                                                                   \
		const dim3 grid((unsigned)(blocks_x), (unsigned)(blocks_y));                   \
		if ((bytes) > 48 * 1024)                                                       \
			cuda_launched(#name, cudaFuncSetAttribute(name##_kernel,               \
			              cudaFuncAttributeMaxDynamicSharedMemorySize,             \
			              (int)(bytes)));                                          \
		name##_kernel<<<grid, (threads), (bytes), (cudaStream_t)(dev)->stream>>>(args); \
		cuda_launched(#name, cudaGetLastError());                                      \
	} while (0)

static inline void cuda_launched(const char *name, cudaError_t status)
{
	if (status != cudaSuccess)
		cuda_fail(name, cudaGetErrorString(status));
}
#endif

/* What stands at an address, as many bytes aligned as a type has: of up to 16 bytes one access. */
#ifndef LOAD
#define LOAD(type, from) (*(const type *)(from))
#define STORE(type, to, what) (*(type *)(to) = (what))
#endif

#define WARP 32
#define THREADS 256 /* of a block, where there is no reason for another number */

/* This thread's number among all of the grid's first dimension, and how many they are. */
DEVICE size_t grid_thread(void)
{
	return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}

DEVICE size_t grid_threads(void)
{
	return (size_t)gridDim.x * blockDim.x;
}

/* a b + c, rounded once on a GPU, and to float32 once everywhere: the same bits wherever it
 * stands. (A CPU may have no such instruction, and the C library's is slow.) */
DEVICE float multiply_add(float a, float b, float c)
{
#ifdef __CUDACC__
	return fmaf(a, b, c);
#else
	return (float)((double)a * b + c);
#endif
}

/* Reductions over the width lanes of a warp that differ in their low bits: all of them
 * get the result. */
DEVICE float lanes_sum(float x, int width)
{
	UNROLL
	for (int other = width / 2; other > 0; other /= 2)
		x += __shfl_xor_sync(0xffffffffu, x, other);
	return x;
}

DEVICE float lanes_max(float x, int width)
{
	UNROLL
	for (int other = width / 2; other > 0; other /= 2)
		x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, other));
	return x;
}

DEVICE double lanes_sum_double(double x, int width)
{
	UNROLL
	for (int other = width / 2; other > 0; other /= 2)
		x += __shfl_xor_sync(0xffffffffu, x, other);
	return x;
}

/* Blocks for count elements, each thread at several where they are many. */
static inline unsigned blocks_for(size_t count)
{
	const size_t blocks = (count + THREADS - 1) / THREADS;

	return (unsigned)(blocks < 4096 ? blocks : 4096);
}

static inline int divide_up(int a, int b)
{
	return (a + b - 1) / b;
}

#endif
