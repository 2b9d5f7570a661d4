#include "common/model/config_json.h"

#include <limits.h>
#include <string.h>

/* Names of transformers' ACT2FN. The first one of each kind is written. Those of the second kind
 * differ in the order of their operations alone. */
static const struct {
	const char *name;
	enum gpt_activation activation;
} activations[] = {
	{"gelu", GPT_GELU},
	{"gelu_python", GPT_GELU},
	{"gelu_new", GPT_GELU_TANH},
	{"gelu_pytorch_tanh", GPT_GELU_TANH},
	{"gelu_python_tanh", GPT_GELU_TANH},
	{"gelu_fast", GPT_GELU_TANH},
	{"gelu_accurate", GPT_GELU_TANH},
};

#define ACTIVATIONS (sizeof activations / sizeof *activations)

static const char *activation_name(enum gpt_activation activation)
{
	size_t i = 0;

	while (activations[i].activation != activation)
		i++;
	return activations[i].name;
}

json_t *config_json_new(const struct gpt_config *config)
{
	json_t *json = json_pack(
		"{s:[s], s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f,"
		" s:f, s:b, s:b, s:b, s:b, s:s, s:n, s:n, s:n}",
		"architectures", "GPT2LMHeadModel",
		"model_type", "gpt2",
		"activation_function", activation_name(config->activation),
		"n_embd", config->width,
		"n_head", config->heads,
		"n_layer", config->layers,
		"n_positions", config->context,
		"n_ctx", config->context,
		"vocab_size", config->vocab,
		"layer_norm_epsilon", gpt_epsilon(config),
		"initializer_range", 0.02,
		"attn_pdrop", 0.0,
		"embd_pdrop", 0.0,
		"resid_pdrop", 0.0,
		"scale_attn_weights", !config->unscaled,
		"scale_attn_by_inverse_layer_idx", config->by_layer,
		"tie_word_embeddings", !config->own_head,
		"use_cache", 1,
		"torch_dtype", "float32",
		"bos_token_id",
		"eos_token_id",
		"pad_token_id");

	json_object_set_new(json, "n_inner", gpt_inner(config) == 4 * config->width ? json_null()
	                    : json_integer(gpt_inner(config)));
	return json;
}

int config_json_end(const json_t *json, int vocab)
{
	const json_t *end = json_object_get(json, "eos_token_id");
	const json_int_t token = json_is_integer(end) ? json_integer_value(end) : -1;

	return token >= 0 && token < vocab ? (int)token : -1;
}

static int config_int(const char *path, const json_t *json, const char *field, int *value,
                      struct err *err)
{
	const json_t *number = json_object_get(json, field);

	if (!json_is_integer(number))
		return err_set(err, "%s: \"%s\" is %s, expected a whole number", path, field,
		               number ? "something else" : "missing");
	json_int_t n = json_integer_value(number);
	if (n < 1 || n > INT_MAX)
		return err_set(err, "%s: \"%s\" is %" JSON_INTEGER_FORMAT
		               ", expected a positive number", path, field, n);
	*value = (int)n;
	return 0;
}

/* true or false; usual if the field is not there. */
static int config_bool(const char *path, const json_t *json, const char *field, bool usual,
                       bool *value, struct err *err)
{
	const json_t *given = json_object_get(json, field);

	if (given && !json_is_boolean(given))
		return err_set(err, "%s: \"%s\" is neither true nor false", path, field);
	*value = given ? json_is_true(given) : usual;
	return 0;
}

static int read_activation(const char *path, const json_t *json, enum gpt_activation *activation,
                           struct err *err)
{
	const json_t *given = json_object_get(json, "activation_function");
	const char *name = given ? json_string_value(given) : "gelu_new"; /* GPT2Config's default */
	size_t i = 0;

	while (name && i < ACTIVATIONS && strcmp(activations[i].name, name) != 0)
		i++;
	if (!name || i == ACTIVATIONS)
		return err_set(err, "%s: \"activation_function\" is %s, expected gelu, gelu_new or another "
		               "name of these two functions: model(5)", path, name ? name : "no text");
	*activation = activations[i].activation;
	return 0;
}

static int read_epsilon(const char *path, const json_t *json, double *epsilon, struct err *err)
{
	const json_t *given = json_object_get(json, "layer_norm_epsilon");

	if (!given)
		return 0;
	*epsilon = json_number_value(given);
	if (!(*epsilon > 0 && *epsilon < 1))
		return err_set(err, "%s: \"layer_norm_epsilon\" is %g, expected a number above 0 and "
		               "below 1", path, *epsilon);
	return 0;
}

/* What memoscope does not compute. */
static int check_others(const char *path, const json_t *json, struct err *err)
{
	bool cross = false;

	if (config_bool(path, json, "add_cross_attention", false, &cross, err) < 0)
		return -1;
	if (cross)
		return err_set(err, "%s: \"add_cross_attention\" is true: memoscope has no network with "
		               "cross-attention", path);
	if (json_object_size(json_object_get(json, "pruned_heads")) > 0)
		return err_set(err, "%s: \"pruned_heads\" is not empty: memoscope has no network whose "
		               "layers differ in their heads", path);
	if (json_object_size(json_object_get(json, "quantization_config")) > 0)
		return err_set(err, "%s: there is a \"quantization_config\": memoscope reads no quantized "
		               "parameters", path);
	return 0;
}

/* What the network computes, beside its shape. */
static int read_kind(const char *path, const json_t *json, struct gpt_config *config,
                     struct err *err)
{
	bool scaled = true, tied = true;

	if (read_activation(path, json, &config->activation, err) < 0 ||
	    read_epsilon(path, json, &config->epsilon, err) < 0 ||
	    config_bool(path, json, "scale_attn_weights", true, &scaled, err) < 0 ||
	    config_bool(path, json, "scale_attn_by_inverse_layer_idx", false, &config->by_layer,
	                err) < 0 ||
	    config_bool(path, json, "tie_word_embeddings", true, &tied, err) < 0)
		return -1;
	config->unscaled = !scaled;
	config->own_head = !tied;
	return check_others(path, json, err);
}

int config_json_read(const char *path, const json_t *json, struct gpt_config *config,
                       struct err *err)
{
	const json_t *inner = json_object_get(json, "n_inner");
	const char *type = json_string_value(json_object_get(json, "model_type"));
	struct err found = {0};

	if (!type || strcmp(type, "gpt2") != 0)
		return err_set(err, "%s: \"model_type\" is %s, expected gpt2", path,
		               type ? type : "missing");
	if (config_int(path, json, "n_layer", &config->layers, err) < 0 ||
	    config_int(path, json, "n_head", &config->heads, err) < 0 ||
	    config_int(path, json, "n_embd", &config->width, err) < 0 ||
	    config_int(path, json, "n_positions", &config->context, err) < 0 ||
	    config_int(path, json, "vocab_size", &config->vocab, err) < 0)
		return -1;
	if (inner && !json_is_null(inner) &&
	    config_int(path, json, "n_inner", &config->inner, err) < 0)
		return -1;
	if (gpt_config_check(config, &found) < 0)
		return err_set(err, "%s: %s", path, found.text);
	return read_kind(path, json, config, err);
}
