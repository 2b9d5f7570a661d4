/* ablation.h - heads of a network whose output is taken away: set to zero, or to
 * its mean over reference texts, so that what they say of the text at hand is gone
 * while all that follows gets what it is used to (Wang et al. 2022,
 * "Interpretability in the Wild", section 2.1, mean ablation).
 *
 * A head's output is its part of the attention's output before the projection,
 * Σ_k probs[q,k] v[k]. The mean is that over all characters that the whole model,
 * nothing ablated, reads of the records of a stream; each counts the same. So it is
 * a constant of model and stream, whatever is scored or sampled, and however.
 */
#ifndef MEMOSCOPE_ABLATION_H
#define MEMOSCOPE_ABLATION_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/base/options.h"
#include "common/model/gpt.h"
#include "common/model/model.h"

/* What a command line says of it; NULL: nothing. */
struct ablation_options {
	const char *heads; /* "L.H[,L.H...]", both from 0 and either a range; "L": all its heads */
	const char *to; /* "zero" or "mean" */
	const char *over; /* the path of the stream that the mean is over */
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

struct ablation; /* own */

/* Do what the options say for a model: *ablation becomes NULL where they name no
 * head. Means are taken here, by a pass on kernels over each record of the stream. -1 with err
 * set, of status ERR_USAGE where the options are wrong. */
int ablation_new(const struct ablation_options *options, const struct model *model,
                 const struct kernels *kernels, struct ablation **ablation, struct err *err);
void ablation_free(struct ablation *ablation); /* NULL is allowed */

/* Ablate a network of that model. NULL: does nothing. -1 where memory is out. */
int ablation_apply(const struct ablation *ablation, struct gpt *gpt, struct err *err);

/* What a header says of it: {"heads": ["L.H", ...], "to": "zero" or "mean"}, null
 * for NULL. New reference. */
json_t *ablation_summary(const struct ablation *ablation);

#endif
