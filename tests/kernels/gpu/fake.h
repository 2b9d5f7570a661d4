/* fake.h - what the fakes of CUDA's libraries (fake.c) can be told, and tell. */
#ifndef MEMOSCOPE_TESTS_FAKE_H
#define MEMOSCOPE_TESTS_FAKE_H

#include "kernels/kernels.h"

/* The GPU's compute capability, as cudaDeviceGetAttribute() has it: its first number. */
extern int fake_major;

/* How many GPUs there are, and which of them is used. */
extern int fake_devices, fake_device;

/* What the host has asked a stream for so far: launches, copies, fills, products, graphs. */
extern int fake_calls;

/* How often it has waited for one. */
extern int fake_waits;

/* Graphs that have been launched so far; that there are. */
extern int fake_graph_launches, fake_graphs;

/* What fails, once, of the making of a graph. */
extern enum fake_failure {
	FAKE_SOUND, FAKE_BEGIN, FAKE_END, FAKE_INSTANTIATE,
} fake_failure;

/* Products that cuBLASLt has made so far, by the type of their operands. */
extern int fake_products[DTYPES];

#endif
