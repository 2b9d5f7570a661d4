/* mma.cuh - the tensor cores' instructions, as the PTX manual has them ("Matrix multiply
 * and accumulate", m16n8k16; "ldmatrix"), and what feeds them ("cp.async"). Of the first
 * two, all lanes of a warp call them together; lane l is in group g = l / 4 and its
 * t = l % 4. Operands are pairs of 16-bit numbers in words:
 *
 *   a[16,16]  a0: row g, columns 2t and 2t+1; a1: row g+8; a2, a3: the same rows, columns +8
 *   b[16,8]   b0: rows 2t and 2t+1, column g; b1: rows +8
 *   d[16,8]   d0, d1: row g, columns 2t and 2t+1; d2, d3: row g+8
 *
 * tests/kernels/shim has the same for a CPU.
 */
#ifndef MEMOSCOPE_CUDA_MMA_H
#define MEMOSCOPE_CUDA_MMA_H

#include "kernels/cuda/launch.cuh"

#ifdef __CUDACC__
/* d += a b, sums in float32; half: of half, else of bfloat16, which the T4 has not. */
DEVICE void mma(float d[4], const uint32_t a[4], const uint32_t b[2], const bool half)
{
#if __CUDA_ARCH__ >= 800
	if (half)
		asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
		             "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
		             : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
		             : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
	else
		asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
		             "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
		             : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
		             : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#elif __CUDA_ARCH__ >= 750
	if (!half)
		__trap(); /* cuda_supports() does not let it come to this */
	for (int i = 0; i < 2; i++)
		asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 "
		             "{%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
		             : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
		             : "r"(a[2 * i]), "r"(a[2 * i + 1]), "r"(b[i]));
#else
	__trap();
#endif
}

/* Four matrices of 8 rows of 8 numbers in shared memory: lane l names row l % 8 of matrix
 * l / 8, 16-byte aligned. to[i]: row g of matrix i, columns 2t and 2t+1. */
DEVICE void load_matrices(uint32_t to[4], const uint16_t *row)
{
	const unsigned at = (unsigned)__cvta_generic_to_shared(row);

	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
	             : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
	             : "r"(at)
	             : "memory");
}

/* The same of the transposed: to[i]: rows 2t and 2t+1 of matrix i, column g. */
DEVICE void load_transposed(uint32_t to[4], const uint16_t *row)
{
	const unsigned at = (unsigned)__cvta_generic_to_shared(row);

	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
	             : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
	             : "r"(at)
	             : "memory");
}

/* 16 bytes of device memory into shared memory, both aligned to that; zeros unless
 * `there`, when nothing is read. They are there after copies_end() and, for other
 * threads, a barrier; the T4 has them at once. */
DEVICE void copy_16(void *to, const void *from, bool there)
{
#if __CUDA_ARCH__ >= 800
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
	             :
	             : "r"((unsigned)__cvta_generic_to_shared(to)),
	               "l"(__cvta_generic_to_global(from)), "r"(there ? 16 : 0)
	             : "memory");
#else
	const uint4 nothing = {0, 0, 0, 0};
	*(uint4 *)to = there ? *(const uint4 *)from : nothing;
#endif
}

/* The same of 4 bytes. */
DEVICE void copy_4(void *to, const void *from, bool there)
{
#if __CUDA_ARCH__ >= 800
	asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;"
	             :
	             : "r"((unsigned)__cvta_generic_to_shared(to)),
	               "l"(__cvta_generic_to_global(from)), "r"(there ? 4 : 0)
	             : "memory");
#else
	*(uint32_t *)to = there ? *(const uint32_t *)from : 0;
#endif
}

/* Wait for this thread's copies. */
DEVICE void copies_end(void)
{
#if __CUDA_ARCH__ >= 800
	asm volatile("cp.async.wait_all;" : : : "memory");
#endif
}
#endif

#endif
