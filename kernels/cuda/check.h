/* check.h - calls of CUDA's runtime from C: what fails ends the program. */
#ifndef MEMOSCOPE_CUDA_CHECK_H
#define MEMOSCOPE_CUDA_CHECK_H

#include <cuda_runtime_api.h>

#include "kernels/cuda/cuda.h"

#define CHECK(call) check(#call, call)

static inline void check(const char *what, cudaError_t status)
{
	if (status != cudaSuccess)
		cuda_fail(what, cudaGetErrorString(status));
}

#endif
