/* ablation.h - parts of a network whose output is replaced by zeros or by its mean over reference
 * texts.
 *
 * What the part says about the text at hand is gone; with the mean, all that follows still gets
 * the input that it is used to (Wang et al. 2022, "Interpretability in the Wild", section 2.1,
 * mean ablation). A part is a head, whose output is its share of the attention's output before the
 * projection (GPT_Z of gpt_place.h), or a layer's feed-forward part, whose output is
 * what it adds to the residual stream. The mean is over all tokens that the whole model, with
 * nothing ablated, reads of the records of a stream; each token counts the same. So it depends
 * on model and stream alone, not on what is scored or sampled.
 *
 * With a kind of span, only tokens in such spans lose the part, and only such tokens count for the
 * mean.
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
	const char *parts; /* see part_list.h: heads and feed-forward parts */
	const char *to; /* "zero" or "mean" */
	const char *over; /* the path of the stream whose mean is taken */
	const char *rows; /* at tokens in spans of this kind only */
};

/* The rows of an option table that fill them in. */
#define ABLATION_OPTIONS(options) \
	{.name = "ablate", .type = OPTION_TEXT, .value = &(options).parts, .argument = "PART,...", \
	 .text = "take away the output of these parts: L.H is head H of layer L, L alone all its " \
	         "heads, mlp:L its feed-forward part, all from 0; numbers may be ranges"}, \
	{.name = "ablate-to", .type = OPTION_TEXT, .value = &(options).to, .argument = "zero|mean", \
	 .text = "zeros in place of their output, or its mean over the texts of --mean-over " \
	         "(default zero)"}, \
	{.name = "mean-over", .type = OPTION_TEXT, .value = &(options).over, .argument = "FILE", \
	 .text = "texts for --ablate-to mean"}, \
	{.name = "rows", .type = OPTION_TEXT, .value = &(options).rows, .argument = "KIND", \
	 .text = "take it away at tokens in spans of this kind only (default: at all tokens)"}

struct ablation;

/* Follow the options for a model. *ablation is NULL if they name no part. Means are taken here,
 * by a pass on kernels over each record of the stream. The texts of the options must outlive the
 * result. -1 with err set; status ERR_USAGE if the options are wrong. */
int ablation_new(const struct ablation_options *options, const struct model *model,
                 const struct kernels *kernels, struct ablation **ablation, struct err *err);
void ablation_free(struct ablation *ablation); /* NULL is allowed */

/* Ablate a network of that model, in the rows that gpt_ablate_rows() says; ablation NULL: do
 * nothing. -1 with err set if memory is out. */
int ablation_apply(const struct ablation *ablation, struct gpt *gpt, struct err *err);

/* What the header of a stream says about it: {"heads": ["L.H", ...], "mlp": [L, ...], "to": "zero"
 * or "mean", "rows": KIND}, without "mlp" if no feed-forward part is ablated and without "rows" if
 * all rows are; null if ablation is NULL. The caller owns the result. */
json_t *ablation_summary(const struct ablation *ablation);

#endif
