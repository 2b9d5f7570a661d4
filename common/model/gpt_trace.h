/* gpt_trace.h - activations of a whole text: some places of all layers, in host memory. */
#ifndef MEMOSCOPE_GPT_TRACE_H
#define MEMOSCOPE_GPT_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt_hook.h"

struct gpt_trace; /* own: gpt_trace_new … gpt_trace_free */

/* places: a set of GPT_PLACE_BITs, of places in blocks but not GPT_RESULT. NULL with err set if
 * memory is out. */
struct gpt_trace *gpt_trace_new(const struct gpt_config *config, int rows_max, uint32_t places,
                                struct err *err);
void gpt_trace_free(struct gpt_trace *trace); /* NULL is allowed */

/* Row r of a place that was asked for, all heads side by side. */
const float *gpt_trace_row(const struct gpt_trace *trace, enum gpt_place place, int layer, int r);

/* Numbers of such a row. */
size_t gpt_trace_width(const struct gpt_trace *trace, enum gpt_place place);

/* A hook that fills the trace, of all its places. trace must outlive the passes. */
struct gpt_hook gpt_trace_hook(struct gpt_trace *trace);

#endif
