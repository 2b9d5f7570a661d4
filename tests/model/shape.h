/* shape.h - configurations of networks, in one line each. */
#ifndef MEMOSCOPE_TESTS_SHAPE_H
#define MEMOSCOPE_TESTS_SHAPE_H

#include "common/model/gpt_config.h"

/* A network of memoscope's own kind. */
#define SHAPE(layers_, heads_, width_, context_, vocab_, bias_, inner_)                          \
	{.layers = (layers_), .heads = (heads_), .width = (width_), .context = (context_),       \
	 .vocab = (vocab_), .bias = (bias_), .inner = (inner_)}

/* One that differs from those in everything that a configuration can say. */
#define OTHER_KIND                                                                               \
	{.layers = 2, .heads = 2, .width = 6, .context = 9, .vocab = 11, .bias = true,           \
	 .activation = GPT_GELU_TANH, .epsilon = 0.1, .unscaled = true, .by_layer = true,        \
	 .own_head = true}

#endif
