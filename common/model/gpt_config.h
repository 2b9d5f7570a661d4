/* gpt_config.h - the shape of a network: what a user sets before there is one.
 *
 * Names are GPT-2's; in brackets the name in transformers' GPT2Config.
 */
#ifndef MEMOSCOPE_GPT_CONFIG_H
#define MEMOSCOPE_GPT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

#define GPT_CONTEXT_MAX 4096
#define GPT_WIDTH_MAX 16384
#define GPT_INNER_MAX (4 * GPT_WIDTH_MAX)
#define GPT_LAYERS_MAX 512

/* What stands between the two linear layers of the feed-forward part. */
enum gpt_activation {
	GPT_GELU, /* x Φ(x) */
	GPT_GELU_TANH, /* its approximation by tanh: OpenAI's own GPT-2 */
};

/* The later fields are 0 in the networks that memoscope trains. */
struct gpt_config {
	int layers; /* blocks (n_layer) */
	int heads; /* attention heads of a block (n_head); they divide width */
	int width; /* of the residual stream (n_embd) */
	int context; /* positions: the most tokens that the network reads at once (n_positions) */
	int vocab; /* tokens of the vocabulary (vocab_size) */
	bool bias; /* linear layers and layer norms have biases */
	int inner; /* width of the feed-forward part (n_inner); 0: 4 * width, as in GPT-2 */
	enum gpt_activation activation; /* (activation_function) */
	double epsilon; /* of layer normalisation (layer_norm_epsilon); 0: 1e-5 */
	bool unscaled; /* scores of attention are not divided by √(width / heads)
	                * (scale_attn_weights false) */
	bool by_layer; /* they are divided by the number of the layer, from 1
	                * (scale_attn_by_inverse_layer_idx) */
	bool own_head; /* the output head is not the token embedding (tie_word_embeddings false) */
};

/* The network that a user gets who asks for nothing else, and the rows of an option table
 * (options.h) that change it. */
#define GPT_CONFIG_DEFAULT {.layers = 2, .heads = 4, .width = 128, .context = 256}
#define GPT_CONFIG_OPTIONS(config) \
	{.name = "layers", .type = OPTION_INT32, .value = &(config).layers, .argument = "N", \
	 .min = 1, .max = GPT_LAYERS_MAX, .text = "transformer blocks (default 2)"}, \
	{.name = "heads", .type = OPTION_INT32, .value = &(config).heads, .argument = "N", .min = 1, \
	 .max = GPT_WIDTH_MAX, .text = "attention heads, a divisor of the width (default 4)"}, \
	{.name = "width", .type = OPTION_INT32, .value = &(config).width, .argument = "N", .min = 1, \
	 .max = GPT_WIDTH_MAX, .text = "embedding width (default 128)"}, \
	{.name = "inner", .type = OPTION_INT32, .value = &(config).inner, .argument = "N", .min = 1, \
	 .max = GPT_INNER_MAX, \
	 .text = "width of the feed-forward part (default: four times --width)"}, \
	{.name = "context", .type = OPTION_INT32, .value = &(config).context, .argument = "N", \
	 .min = 2, .max = GPT_CONTEXT_MAX, .text = "longest sequence, in tokens (default 256)"}, \
	{.name = "bias", .type = OPTION_FLAG, .value = &(config).bias, \
	 .text = "biases in linear layers and layer norms"}

/* The width of the feed-forward part: inner, or 4 * width if inner is 0. */
int gpt_inner(const struct gpt_config *config);

/* The epsilon of layer normalisation: epsilon, or 1e-5 if epsilon is 0. */
double gpt_epsilon(const struct gpt_config *config);

/* What the queries of a layer, from 0, are multiplied by before attention, which divides its
 * scores by √(width / heads). */
float gpt_query_factor(const struct gpt_config *config, int layer);

#define GPT_KIND 160 /* bytes of a kind, with its terminating 0 */

/* What sets the network apart from those that memoscope trains, by the names of GPT2Config, as
 * "activation_function gelu_new, layer_norm_epsilon 1e-06"; empty if nothing does. */
void gpt_kind(const struct gpt_config *config, char kind[GPT_KIND]);

/* The inverse: set what the text of gpt_kind() names. Everything that it does not name becomes that
 * of memoscope's own networks. -1 with err set if it is no such text. */
int gpt_kind_set(struct gpt_config *config, const char *kind, struct err *err);

/* True if both networks compute the same from the same parameters; the size of the vocabulary may
 * differ. */
bool gpt_config_equal(const struct gpt_config *a, const struct gpt_config *b);

/* What messages call the numbers of a configuration, as "\"n_positions\" (context)". */
struct gpt_config_names {
	const char *layers, *heads, *width, *context, *vocab, *inner, *epsilon;
};

/* -1 with err set if a number is out of range or heads do not divide width. */
int gpt_config_check(const struct gpt_config *config, struct err *err);

/* The same of a configuration from a file, by the names that the file has for its numbers. */
int gpt_config_check_named(const struct gpt_config *config, const struct gpt_config_names *names,
                           struct err *err);

/* Fill in one of the article's networks by its name: "1.7k", "30k", "207k" or "63m". Sets
 * every field but bias and vocab. Returns false if there is no network of that name. */
bool gpt_preset(const char *name, struct gpt_config *config);

/* -1 with err set if a text of length tokens is longer than a network can score: context
 * tokens go in, and the last row predicts one more. */
int gpt_check_text(const struct gpt_config *config, uint32_t length, struct err *err);

/* -1 with err set if a prompt of length tokens does not fit into the context. */
int gpt_check_prompt(const struct gpt_config *config, uint32_t length, struct err *err);

/* Floating-point operations of the matrix products in one training pass, forward and
 * backward, over one sequence of rows tokens:
 *
 *   6 for each weight of a linear layer or of the unembedding, per row
 *     (2 forward, 4 backward; Kaplan et al. 2020, "Scaling laws for neural language
 *     models", section 2.1)
 *   12 * layers * width for each pair of a row and a key that it attends to: itself and
 *     every row before it
 *
 * Embedding, norms, GELU, softmax and the optimizer are not counted. */
double gpt_training_flops(const struct gpt_config *config, int rows);

#endif
