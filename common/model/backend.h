/* backend.h - what a program computes on: which of the tables of kernels.h. */
#ifndef MEMOSCOPE_BACKEND_H
#define MEMOSCOPE_BACKEND_H

#include <stdbool.h>

#include "common/base/options.h"
#include "common/model/gpt_config.h"
#include "kernels/kernels.h"

enum backend {
	BACKEND_AUTO, /* the GPU, if there is one and the network is large enough */
	BACKEND_CPU,
	BACKEND_CUDA,
};

/* The row of an option table that sets it. */
#define BACKEND_OPTION(backend) \
	{.name = "device", .type = OPTION_WORD, .value = &(backend), .argument = "auto|cpu|cuda", \
	 .text = "what to compute on (default auto: a GPU, if there is one and the network is large)"}

/* For filters only: the kernels for a network. If there is a GPU and backend is auto, the choice
 * is printed on stderr, unless quiet. If the machine lacks what the user asked for, the program
 * ends with status 1, or 2 if it was asked for by MEMOSCOPE_ISA. */
const struct kernels *backend_choose(enum backend backend, const struct gpt_config *config,
                                     bool quiet);

/* The same for one of several processes, which must not end by itself: NULL with err set. */
const struct kernels *backend_find(enum backend backend, const struct gpt_config *config,
                                   bool quiet, struct err *err);

/* Processes of one host take its GPUs in turn: this is number `number` of so many. identity becomes
 * what tells the GPU from the others of the host, "" if there is none or one process. -1 with err
 * set if its GPU cannot be used. */
#define BACKEND_IDENTITY 64
int backend_share(const struct kernels *kernels, int number, int processes,
                  char identity[BACKEND_IDENTITY], struct err *err);

/* For filters only: how many threads share the work: one if the kernels take the whole device, else
 * `asked`, or if that is 0, one for each processor, but no more than `most`. If the user asks for
 * more than there are processors, a line on stderr says so, unless quiet. */
int backend_threads(const struct kernels *kernels, int asked, int most, bool quiet);

/* The type of matrix products' operands that the user asks for: an enum dtype, or this one. */
#define DTYPE_AUTO (DTYPE_BF16 + 1)

/* The row of an option table that sets it, in an int. */
#define DTYPE_OPTION(dtype) \
	{.name = "dtype", .type = OPTION_WORD, .value = &(dtype), .argument = "f32|f16|bf16|auto", \
	 .text = "operands of matrix products (default auto: bf16, else f16, if the device has it, " \
	         "else f32)"}

/* For filters only: the type to use; for DTYPE_AUTO the last of enum dtype that the kernels
 * support. If they lack the type, the program ends with status 2. */
enum dtype backend_dtype(const struct kernels *kernels, int dtype);

/* The same, with -1 and err set, or *found and 0. */
int backend_dtype_find(const struct kernels *kernels, int dtype, enum dtype *found,
                       struct err *err);

#endif
