/* head_range.h - which layers and heads of a model the command line chooses, as two ranges.
 *
 * part_list.h has single heads of single layers, and other parts.
 */
#ifndef MEMOSCOPE_HEAD_RANGE_H
#define MEMOSCOPE_HEAD_RANGE_H

#include "common/base/err.h"
#include "common/base/options.h"
#include "common/model/gpt_config.h"

struct head_range {
	struct option_range layers, heads; /* from 0; max -1: all */
};

#define HEAD_RANGE_ALL {.layers = {0, -1}, .heads = {0, -1}}

/* The rows of an option table that fill it in. */
#define HEAD_RANGE_OPTIONS(range) \
	{.name = "layer", .type = OPTION_RANGE, .value = &(range).layers, .argument = "N[-M]", \
	 .min = 0, .max = GPT_LAYERS_MAX - 1, \
	 .text = "these layers only, from 0 (default: all)"}, \
	{.name = "head", .type = OPTION_RANGE, .value = &(range).heads, .argument = "N[-M]", \
	 .min = 0, .max = GPT_WIDTH_MAX - 1, \
	 .text = "these heads only, from 0 (default: all)"}

/* Fill in the ends of "all". -1 with err set, of status ERR_USAGE, if the model has no such layer
 * or head. */
int head_range_check(struct head_range *range, const struct gpt_config *config, struct err *err);

#endif
