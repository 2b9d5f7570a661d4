/* fake.h - what the fakes of CUDA's libraries (fake.c) can be told, and tell. */
#ifndef MEMOSCOPE_TESTS_FAKE_H
#define MEMOSCOPE_TESTS_FAKE_H

#include "kernels/kernels.h"

/* The GPU's compute capability, as cudaDeviceGetAttribute() has it: its first number. */
extern int fake_major;

/* Products that cuBLASLt has made so far, by the type of their operands. */
extern int fake_products[DTYPES];

#endif
