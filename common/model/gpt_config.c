#include "common/model/gpt_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/options.h"
#include "common/stream/vocab.h"

static int check_range(const char *what, int value, int max, struct err *err)
{
	if (value < 1 || value > max)
		return err_set(err, "%s is %d, expected 1 to %d", what, value, max);
	return 0;
}

int gpt_inner(const struct gpt_config *config)
{
	return config->inner ? config->inner : 4 * config->width;
}

double gpt_epsilon(const struct gpt_config *config)
{
	return config->epsilon > 0 ? config->epsilon : 1e-5;
}

float gpt_query_factor(const struct gpt_config *config, int layer)
{
	const double d = (double)config->width / config->heads;

	return (float)((config->unscaled ? sqrt(d) : 1) / (config->by_layer ? layer + 1 : 1));
}

void gpt_kind(const struct gpt_config *config, char kind[GPT_KIND])
{
	char epsilon[64] = "";

	if (gpt_epsilon(config) != 1e-5)
		snprintf(epsilon, sizeof epsilon, ", layer_norm_epsilon %.15g", gpt_epsilon(config));
	const char *const parts[] = {
		config->activation == GPT_GELU_TANH ? ", activation_function gelu_new" : "",
		epsilon,
		config->unscaled ? ", scale_attn_weights false" : "",
		config->by_layer ? ", scale_attn_by_inverse_layer_idx true" : "",
		config->own_head ? ", tie_word_embeddings false" : "",
	};
	char all[GPT_KIND + 2];
	snprintf(all, sizeof all, "%s%s%s%s%s", parts[0], parts[1], parts[2], parts[3], parts[4]);
	snprintf(kind, GPT_KIND, "%s", *all ? all + 2 : "");
}

/* One item of a kind, "NAME VALUE". False if there is no such one. */
static bool set_item(struct gpt_config *config, const char *item)
{
	struct err none = {0};

	if (strcmp(item, "activation_function gelu_new") == 0)
		config->activation = GPT_GELU_TANH;
	else if (strcmp(item, "scale_attn_weights false") == 0)
		config->unscaled = true;
	else if (strcmp(item, "scale_attn_by_inverse_layer_idx true") == 0)
		config->by_layer = true;
	else if (strcmp(item, "tie_word_embeddings false") == 0)
		config->own_head = true;
	else if (strncmp(item, "layer_norm_epsilon ", 19) == 0)
		return option_real("epsilon", item + 19, 0, 1, &config->epsilon, &none) == 0 &&
		       config->epsilon > 0 && config->epsilon < 1;
	else
		return false;
	return true;
}

int gpt_kind_set(struct gpt_config *config, const char *kind, struct err *err)
{
	char items[GPT_KIND], *rest = items, *item;

	config->activation = GPT_GELU;
	config->epsilon = 0;
	config->unscaled = config->by_layer = config->own_head = false;
	snprintf(items, sizeof items, "%s", kind);
	while ((item = rest) && *kind) {
		if ((rest = strstr(item, ", "))) {
			*rest = '\0';
			rest += 2;
		}
		if (!set_item(config, item))
			return err_set(err, "a network of kind '%s', expected settings of config.json", kind);
	}
	return 0;
}

bool gpt_config_equal(const struct gpt_config *a, const struct gpt_config *b)
{
	return a->layers == b->layers && a->heads == b->heads && a->width == b->width &&
	       a->context == b->context && a->bias == b->bias && gpt_inner(a) == gpt_inner(b) &&
	       a->activation == b->activation && gpt_epsilon(a) == gpt_epsilon(b) &&
	       a->unscaled == b->unscaled && a->by_layer == b->by_layer &&
	       a->own_head == b->own_head;
}

int gpt_config_check_named(const struct gpt_config *config, const struct gpt_config_names *names,
                           struct err *err)
{
	if (check_range(names->layers, config->layers, GPT_LAYERS_MAX, err) < 0 ||
	    check_range(names->width, config->width, GPT_WIDTH_MAX, err) < 0 ||
	    check_range(names->heads, config->heads, config->width, err) < 0 ||
	    check_range(names->inner, gpt_inner(config), GPT_INNER_MAX, err) < 0 ||
	    check_range(names->context, config->context, GPT_CONTEXT_MAX, err) < 0 ||
	    check_range(names->vocab, config->vocab, VOCAB_MAX, err) < 0)
		return -1;
	if (config->width % config->heads != 0)
		return err_set(err, "%s is %d, expected a divisor of %s, which is %d", names->heads,
		               config->heads, names->width, config->width);
	if (!(config->epsilon >= 0 && config->epsilon < 1))
		return err_set(err, "%s is %g, expected a number above 0 and below 1", names->epsilon,
		               config->epsilon);
	return 0;
}

int gpt_config_check(const struct gpt_config *config, struct err *err)
{
	static const struct gpt_config_names words = {
		.layers = "number of layers",
		.heads = "number of heads",
		.width = "width",
		.context = "context",
		.vocab = "vocabulary",
		.inner = "width of the feed-forward part",
		.epsilon = "epsilon of layer normalisation",
	};

	return gpt_config_check_named(config, &words, err);
}

bool gpt_preset(const char *name, struct gpt_config *config)
{
	static const struct {
		const char *name;
		int layers, heads, width;
	} presets[] = {{"1.7k", 2, 2, 4}, {"30k", 8, 8, 16}, {"207k", 16, 16, 32}, {"63m", 20, 8, 512}};

	for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
		if (strcmp(name, presets[i].name) == 0) {
			config->layers = presets[i].layers;
			config->heads = presets[i].heads;
			config->width = presets[i].width;
			config->context = 256;
			config->inner = 0;
			return true;
		}
	return false;
}

/* ---- lengths ---- */

static int check_length(const char *what, uint32_t length, uint32_t most,
                        const struct gpt_config *config, struct err *err)
{
	if (length > most)
		return err_set(err, "a %s of %u tokens, expected at most %u: the model's context "
		               "is %d", what, length, most, config->context);
	return 0;
}

int gpt_check_text(const struct gpt_config *config, uint32_t length, struct err *err)
{
	return check_length("text", length, (uint32_t)config->context + 1, config, err);
}

int gpt_check_prompt(const struct gpt_config *config, uint32_t length, struct err *err)
{
	return check_length("prompt", length, (uint32_t)config->context, config, err);
}

/* ---- cost ---- */

double gpt_training_flops(const struct gpt_config *config, int rows)
{
	const double n = rows, c = config->width, layers = config->layers;
	const double of_block = 4 * c * c + 2 * c * gpt_inner(config);
	const double weights = layers * of_block + c * config->vocab;
	const double pairs = n * (n + 1) / 2; /* of a row and a key that it attends to */

	return 6 * weights * n + 12 * layers * c * pairs;
}
