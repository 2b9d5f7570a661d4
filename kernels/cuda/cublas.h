/* cublas.h - a device's handle for cuBLASLt and what it has learned of products. */
#ifndef MEMOSCOPE_CUDA_CUBLAS_H
#define MEMOSCOPE_CUDA_CUBLAS_H

#include "common/base/err.h"

/* For a device whose stream (a cudaStream_t) is this. NULL with err set. */
void *blas_new(void *stream, struct err *err);
void blas_free(void *blas); /* NULL is allowed */

#endif
