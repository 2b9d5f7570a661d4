/* backend.h - which of the backends of kernels.h a program computes on. */
#ifndef MEMOSCOPE_BACKEND_H
#define MEMOSCOPE_BACKEND_H

#include <stdbool.h>

#include "common/base/options.h"
#include "common/model/gpt_config.h"
#include "kernels/kernels.h"

enum backend {
	BACKEND_AUTO, /* the GPU where there is one and the network is worth it */
	BACKEND_CPU,
	BACKEND_CUDA,
};

/* The row of an option table that fills one in. */
#define BACKEND_OPTION(backend) \
	{.name = "device", .type = OPTION_WORD, .value = &(backend), .argument = "auto|cpu|cuda", \
	 .text = "what to compute on (default auto: a GPU, if there is one and the network is large)"}

/* For filters only: the kernels for a network. Where auto had a GPU to think of, the
 * choice is said on stderr, unless quiet; where there is none of what was asked for,
 * the program ends with status 1, or 2 if it was asked for by MEMOSCOPE_ISA. */
const struct kernels *backend_choose(enum backend backend, const struct gpt_config *config,
                                     bool quiet);

/* What --dtype auto means: the best of what they support. */
enum dtype backend_dtype(const struct kernels *kernels);

#endif
