/* gpt.h - the network: GPT-2 as nanoGPT trains it.
 *
 * Pre-norm blocks x += attn(ln_1(x)); x += mlp(ln_2(x)), learned positions,
 * exact GELU, output head tied to the token embedding; biases only if asked
 * for. (Radford et al. 2019; Karpathy, nanoGPT.) Parameters are one contiguous
 * float32 array; gpt_tensors() says which tensor stands where, under the names
 * and in the layout of transformers' GPT2LMHeadModel (Conv1D: [in, out]).
 */
#ifndef MEMOSCOPE_GPT_H
#define MEMOSCOPE_GPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "kernels/kernels.h"

#define GPT_CONTEXT_MAX 4096
#define GPT_WIDTH_MAX 16384
#define GPT_INNER_MAX (4 * GPT_WIDTH_MAX)
#define GPT_LAYERS_MAX 512
#define GPT_TENSOR_NAME 64

struct gpt_config {
	int layers, heads, width, context, vocab;
	bool bias; /* biases in linear layers and layer norms */
	int inner; /* width of the feed-forward part; 0: four times width, as GPT-2 has it */
};

/* The width of the feed-forward part. */
int gpt_inner(const struct gpt_config *config);

/* Are they networks of the same tensors and heads, vocabularies aside? */
bool gpt_config_equal(const struct gpt_config *a, const struct gpt_config *b);

/* -1 with err set unless every number is in range and heads divide width. */
int gpt_config_check(const struct gpt_config *config, struct err *err);

/* The networks of the article that memoscope grew out of, by what it calls them:
 * "1.7k", "30k", "207k", "63m". Sets all but bias and
 * vocab. False: there is none of the name. */
bool gpt_preset(const char *name, struct gpt_config *config);

struct gpt_tensor {
	char name[GPT_TENSOR_NAME]; /* "transformer.h.0.attn.c_attn.weight" */
	int rows, cols; /* rows 0: a vector of cols elements */
	size_t offset; /* of its first element in the parameter array */
	size_t count; /* elements */
	bool decay; /* weight decay applies: it is a matrix */
	int hidden; /* matrices between hidden layers that stand side by side in its columns:
	             * 3 in c_attn (q, k, v), 1 in the other linear layers, 0: it is none */
};

/* The tensors in the order of the parameter array: wte, wpe, each block, ln_f.
 * tensors has room for gpt_tensor_count(). */
int gpt_tensor_count(const struct gpt_config *config);
void gpt_tensors(const struct gpt_config *config, struct gpt_tensor *tensors);

/* How many floats the parameter array holds: the number of parameters. */
size_t gpt_parameter_count(const struct gpt_config *config);

/* Floating-point operations of the matrix products in a training pass, forward and backward,
 * over one sequence of so many rows: 6 for each weight of a linear layer and of the
 * unembedding and each row (2 forward, twice that backward; Kaplan et al. 2020, "Scaling
 * laws for neural language models", section 2.1), and 12 layers width for each row and each
 * key that it attends to, itself and those before it. All else costs time, but is not
 * counted: embedding, norms, GELU, softmax, the optimizer. */
double gpt_training_flops(const struct gpt_config *config, int rows);

/* GPT-2's initialisation: N(0, 0.02), projections into the residual stream
 * N(0, 0.02 / √(2 layers)), gains 1, biases 0; a function of seed alone. */
void gpt_init_parameters(const struct gpt_config *config, uint64_t seed, float *params);

/* Rows for one pass; all host memory, the caller's. Targets, weights may be
 * NULL for a pass without loss. */
struct gpt_batch {
	int count; /* rows: tokens */
	struct sequences sequences;
	const int32_t *token; /* [count], below vocab */
	const int32_t *position; /* [count], below context */
	const int32_t *target; /* [count], -1: none */
	const float *weight; /* [count]; NULL: all 1 */
};

/* One worker's network: activations and gradients over parameters that the
 * workers share. gpt_new … gpt_free. */
struct gpt;

/* What is to be kept of a forward pass: memory for it is taken at once. */
enum gpt_keep {
	GPT_KEEP_NOTHING, /* logits and losses are all that is wanted */
	GPT_KEEP_ALL, /* for gpt_backward() */
	GPT_KEEP_ATTENTION, /* for gpt_attention_probs() */
	GPT_KEEP_RESIDUAL, /* for gpt_lens() */
};

/* params: device memory of gpt_parameter_count() floats, the caller's, read
 * only. rows_max: the most rows of one pass. */
struct gpt *gpt_new(const struct gpt_config *config, const struct kernels *kernels,
                    struct device *dev, const float *params, int rows_max,
                    enum gpt_keep keep, struct err *err);
void gpt_free(struct gpt *gpt); /* NULL is allowed */

/* Dropout for the passes to come: rate 0 to begin with. pass is a number that every pass
 * of a seed must have for itself. Decoding (gpt_extend) drops nothing. */
void gpt_dropout(struct gpt *gpt, float rate, uint64_t seed, uint64_t pass);

/* Ablation: in passes and decoding to come, value[width / heads] stands in place of
 * a head's output in every row - its columns of what goes into the projection,
 * att[n,width]. Host memory, copied; NULL: zeros. Not for a network that trains. -1
 * with err set where memory is out. */
int gpt_ablate(struct gpt *gpt, int layer, int head, const float *value, struct err *err);

/* From here on the parameters stay as they are, until they may change again (hold false): the
 * device may keep copies of them as it reads them. */
void gpt_hold(struct gpt *gpt, bool hold);

/* Run forward. Where targets stand, losses[count] (host, may be NULL) gets each
 * row's -log p(target) in nats. batch must live until gpt_backward(). */
void gpt_forward(struct gpt *gpt, const struct gpt_batch *batch, float *losses);

/* Gradients of Σ weight · loss of the last pass, accumulated. */
void gpt_backward(struct gpt *gpt);

/* Both in one, for a batch with targets: *sum, device memory, accumulates the losses of all
 * rows. Nobody waits for that; batch need not live any longer. */
void gpt_pass(struct gpt *gpt, const struct gpt_batch *batch, double *sum);

/* Device memory: gpt_parameter_count() floats. */
float *gpt_gradients(struct gpt *gpt);
void gpt_zero_gradients(struct gpt *gpt);

/* Logits of the last pass into host memory [count, vocab] - of a pass without
 * targets, whose logits the loss has not overwritten. */
void gpt_logits(struct gpt *gpt, float *logits);

/* ---- looking inside: GPT_KEEP_ATTENTION, after gpt_forward() ----
 * The batch of that pass must still live. */

/* A head's attention matrix over one sequence, of T rows, of the last pass:
 * probs[T,T], host memory; row: query, column: key, 0 above the diagonal. It is
 * recomputed from q, k and the log-sum-exp that the pass left. */
void gpt_attention_probs(struct gpt *gpt, int layer, int sequence, int head, float *probs);

/* What a layer's attention went in with and came out with, all rows of the last
 * pass: qkv[count, 3 width] and out[count, width] as in kernels.h, ablated heads as
 * they are then. Host memory; either may be NULL. */
void gpt_attention_values(struct gpt *gpt, int layer, float *qkv, float *out);

/* What a head would add to the logits, were a row of the last pass all that it
 * attends to: for each row k, o_k = v_k W_O by the head's part of the projection,
 * without its bias, through the final layer norm's gain, also without bias, and the
 * unembedding - the full OV circuit (Elhage et al. 2021, "A Mathematical Framework
 * for Transformer Circuits"). logits[count, vocab], host memory, each row up to a
 * positive factor, since the layer norm scales o_k alone. Takes the place of what
 * gpt_logits() gives. */
void gpt_head_logits(struct gpt *gpt, int layer, int head, float *logits);

/* ---- looking between the layers: GPT_KEEP_RESIDUAL, after gpt_forward() ---- */

/* The logit lens (nostalgebraist 2020, "interpreting GPT: the logit lens"): the
 * logits of the last pass, had the network only the first blocks of its blocks - 0:
 * none but the embedding; all layers: to the bit those of gpt_logits(), whose place
 * they take. logits[count, vocab], host memory. */
void gpt_lens(struct gpt *gpt, int blocks, float *logits);

/* ---- decoding over a key-value cache ---- */

struct gpt_cache; /* slots sequences of up to context tokens each */
struct gpt_cache *gpt_cache_new(struct gpt *gpt, int slots, struct err *err);
void gpt_cache_free(struct gpt_cache *cache); /* NULL is allowed */

/* Append rows to slots: row r is token[r] of slot[r] at position place[r], rows
 * of one slot in order and following what it holds (a place at or before that
 * takes the slot back to there). want[i], i below wanted, are the rows whose
 * logits are asked for: logits[wanted, vocab], host memory. count is at most
 * rows_max of the network. A row's bits do not depend on the other slots: products
 * are row-invariant meanwhile, and not afterwards. */
void gpt_extend(struct gpt_cache *cache, int count, const int32_t *token,
                const int32_t *slot, const int32_t *place, int wanted,
                const int32_t *want, float *logits);

#endif
