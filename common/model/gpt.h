/* gpt.h - the network: GPT-2, as nanoGPT and transformers run it.
 *
 * Pre-norm blocks: x += attn(ln_1(x)), then x += mlp(ln_2(x)). Learned positions, GELU, the output
 * head tied to the token embedding. The configuration says if there are biases, and in what else
 * a network differs. (Radford et al. 2019; Karpathy, nanoGPT.)
 *
 * gpt_config.h      its shape
 * gpt_parameters.h  its parameters: tensors, count, initialisation
 * gpt_inspect.h     its attention, its logits layer by layer; replaced parts
 * kv_cache.h        decoding token by token
 *
 * Shapes here and there: n rows (tokens) of a pass, c = width, v = vocab.
 */
#ifndef MEMOSCOPE_GPT_H
#define MEMOSCOPE_GPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt_config.h"
#include "common/model/gpt_parameters.h"
#include "kernels/kernels.h"

/* The rows of one pass: sequences side by side, one row a token. All is the caller's, in host
 * memory. Without target the pass has no loss. */
struct gpt_batch {
	int count; /* n rows, at least 1 */
	struct sequences sequences;
	const int32_t *token; /* [n], below vocab */
	const int32_t *position; /* [n], below context */
	const int32_t *target; /* [n] the next token, -1: none; or NULL */
	const float *weight; /* [n] of each row's loss in the gradients; NULL: all 1 */
};

/* One worker's network: its activations and gradients. Parameters are shared by workers. */
struct gpt;

/* What a network keeps of a forward pass. It decides how much memory gpt_new() takes. */
enum gpt_keep {
	GPT_KEEP_NOTHING, /* logits and losses only */
	GPT_KEEP_ALL, /* for gpt_backward() */
	GPT_KEEP_ATTENTION, /* for the attention of gpt_inspect.h */
	GPT_KEEP_RESIDUAL, /* for gpt_logit_lens() of gpt_inspect.h */
};

/* params: device memory of gpt_parameter_count() floats, the caller's, read only; see
 * gpt_upload_parameters(). rows_max: the most rows of one pass. params and dev must outlive the
 * network. NULL with err set if the configuration is wrong or memory is out. */
struct gpt *gpt_new(const struct gpt_config *config, const struct kernels *kernels,
                    struct device *dev, const float *params, int rows_max,
                    enum gpt_keep keep, struct err *err);
void gpt_free(struct gpt *gpt); /* NULL is allowed */

/* Bytes of device memory that the network takes, without the parameters. */
size_t gpt_memory(const struct gpt *gpt);

/* Set dropout for the passes to come; a new network has rate 0. Each pass of a training run
 * needs a number of its own, pass: seed and pass decide which elements are dropped. Decoding
 * over a cache drops nothing. */
void gpt_dropout(struct gpt *gpt, float rate, uint64_t seed, uint64_t pass);

/* hold true: a promise that the parameters do not change until the call with hold false. The
 * device may keep converted copies of them meanwhile. */
void gpt_hold_parameters(struct gpt *gpt, bool hold);

/* Run forward over batch, which must live until gpt_backward() and as long as gpt_inspect.h
 * looks at this pass. losses[n] (host memory, overwritten, may be NULL): each row's
 * -log p(target) in nats, 0 without a target; untouched if the batch has no targets. */
void gpt_forward(struct gpt *gpt, const struct gpt_batch *batch, float *losses);

/* Add the gradients of sum(weight * loss) over the rows of the last pass, which had targets.
 * Only with GPT_KEEP_ALL. */
void gpt_backward(struct gpt *gpt);

/* From now on each backward pass calls told(data, count) each time when it is done with more of the
 * gradients: with the first `count` sections (gpt_parameters.h). told NULL: no more. A device whose
 * memory is not the host's has been asked by then for all that these sections need, and may still
 * be at it; and it replays no calls (kernels.h) of such a pass. */
typedef void gpt_listener(void *data, int count);
void gpt_on_gradients(struct gpt *gpt, gpt_listener *told, void *data);

/* gpt_forward() and gpt_backward() in one, for a batch with targets. *sum, device memory: the
 * losses of all rows are added to it. The call does not wait for the device, and batch may go
 * afterwards. */
void gpt_forward_backward(struct gpt *gpt, const struct gpt_batch *batch, double *sum);

/* The gradients: device memory, gpt_parameter_count() floats laid out as the parameters, owned
 * by the network. NULL without GPT_KEEP_ALL. */
float *gpt_gradients(struct gpt *gpt);
void gpt_zero_gradients(struct gpt *gpt);

/* The logits of count rows of the last pass, from row first on: logits[count,v], host memory,
 * overwritten. They are computed here. With GPT_KEEP_ALL not between gpt_forward() and
 * gpt_backward(). */
void gpt_logits(struct gpt *gpt, int first, int count, float *logits);

/* How many rows gpt_logits() computes at a time: more of them take more calls of the device, and
 * less memory than all rows of a pass. */
int gpt_logit_rows(const struct gpt *gpt);

#endif
