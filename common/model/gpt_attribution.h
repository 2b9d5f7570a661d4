/* gpt_attribution.h - direct logit attribution: what each part of a network adds to the difference
 * of two logits.
 *
 * The residual stream x behind the last block is a sum: of the embeddings, the outputs of all heads
 * and feed-forward parts, and biases. The last layer norm and the output head make of it the
 * difference of the logits of tokens a and b,
 *
 *   ((x - mean(x)) * rstd * gain + bias) . (w_a - w_b)
 *
 * With rstd held fixed, that is linear in x, so a part p of x adds
 *
 *   p . d,   d = rstd * (g - mean(g)),   g = gain * (w_a - w_b)
 *
 * and the bias of the norm adds bias . (w_a - w_b). (Elhage et al. 2021, "A Mathematical Framework
 * for Transformer Circuits"; Wang et al. 2022, "Interpretability in the Wild", section 3.1.) A
 * head's part is z W_O. It is never computed: d goes back through W_O once for all heads.
 *
 * It is the direct effect: what a part does through later blocks counts as theirs.
 */
#ifndef MEMOSCOPE_GPT_ATTRIBUTION_H
#define MEMOSCOPE_GPT_ATTRIBUTION_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/stream/attribution.h"

struct gpt_attribution; /* own: gpt_attribution_new … gpt_attribution_free */

/* Sets the network's hook. rows: the most of a pass. params: the parameters in host memory. They
 * and the network, whose activations are float32, must outlive the result; the network is freed
 * without another pass. NULL with err set if memory is out. */
struct gpt_attribution *gpt_attribution_new(struct gpt *gpt, const struct gpt_config *config,
                                            const float *params, int rows, struct err *err);
void gpt_attribution_free(struct gpt_attribution *attribution); /* NULL is allowed */

/* How many parts there are, in which order. */
const struct attribution_shape *gpt_attribution_shape(const struct gpt_attribution *attribution);

/* Before a pass: keep what is needed of these rows of it, row[count], rising. -1 with err set if
 * memory is out. */
int gpt_attribution_watch(struct gpt_attribution *attribution, const int32_t *row, int count,
                          struct err *err);

/* After it: what each part adds to the logit of a[i] minus that of b[i], for count of the rows that
 * are watched, from the first-th of them on: values[count, attribution_count()], overwritten. The
 * values of a row do not depend on the other rows. */
void gpt_attribution_find(struct gpt_attribution *attribution, int first, int count,
                          const int32_t *a, const int32_t *b, double *values);

#endif
