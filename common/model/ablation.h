/* ablation.h - heads whose output is replaced by zeros or by its mean over reference texts.
 *
 * What the head says about the text at hand is gone; with the mean, all that follows still gets
 * the input that it is used to (Wang et al. 2022, "Interpretability in the Wild", section 2.1,
 * mean ablation). A head's output is its part of the attention's output before the projection
 * (gpt_head_outputs() in gpt_inspect.h). The mean is over all tokens that the whole model, with
 * nothing ablated, reads of the records of a stream; each token counts the same. So it depends
 * on model and stream alone, not on what is scored or sampled.
 */
#ifndef MEMOSCOPE_ABLATION_H
#define MEMOSCOPE_ABLATION_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/base/options.h"
#include "common/model/gpt.h"
#include "common/model/model.h"

/* The command line's options; NULL: not given. */
struct ablation_options {
	const char *heads; /* see part_list.h */
	const char *to; /* "zero" or "mean" */
	const char *over; /* the path of the stream whose mean is taken */
};

/* The rows of an option table that fill them in. */
#define ABLATION_OPTIONS(options) \
	{.name = "ablate", .type = OPTION_TEXT, .value = &(options).heads, .argument = "L[.H],...", \
	 .text = "take away the output of these heads: layer.head, from 0, or ranges of them; a " \
	         "layer alone is all its heads"}, \
	{.name = "ablate-to", .type = OPTION_TEXT, .value = &(options).to, .argument = "zero|mean", \
	 .text = "zeros in place of their output, or its mean over the texts of --mean-over " \
	         "(default zero)"}, \
	{.name = "mean-over", .type = OPTION_TEXT, .value = &(options).over, .argument = "FILE", \
	 .text = "texts for --ablate-to mean"}

struct ablation;

/* Follow the options for a model. *ablation is NULL if they name no head. Means are taken here,
 * by a pass on kernels over each record of the stream. -1 with err set; status ERR_USAGE if the
 * options are wrong. */
int ablation_new(const struct ablation_options *options, const struct model *model,
                 const struct kernels *kernels, struct ablation **ablation, struct err *err);
void ablation_free(struct ablation *ablation); /* NULL is allowed */

/* Ablate a network of that model; ablation NULL: do nothing. -1 with err set if memory is
 * out. */
int ablation_apply(const struct ablation *ablation, struct gpt *gpt, struct err *err);

/* What the header of a stream says about it: {"heads": ["L.H", ...], "to": "zero" or "mean"};
 * null if ablation is NULL. The caller owns the result. */
json_t *ablation_summary(const struct ablation *ablation);

#endif
