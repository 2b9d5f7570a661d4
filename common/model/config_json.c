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

/* A field under its own name, or under one that transformers takes for the same. NULL with err set
 * if there is none, or if both are there and differ. */
static const json_t *find_number(const char *path, const json_t *json, const char *field,
                                 const char *other, struct err *err)
{
	const json_t *number = json_object_get(json, field);
	const json_t *same = other ? json_object_get(json, other) : NULL;

	if (number && same && !json_equal(number, same)) {
		err_set(err, "%s: \"%s\" and \"%s\" differ, but are two names of the same number: remove "
		        "the wrong one", path, field, other);
		return NULL;
	}
	if (!number && !same)
		err_set(err, "%s: \"%s\" is missing, expected a whole number", path, field);
	return number ? number : same;
}

/* other: another name of the field, or NULL */
static int config_int(const char *path, const json_t *json, const char *field, const char *other,
                      int *value, struct err *err)
{
	const json_t *number = find_number(path, json, field, other, err);

	if (!number)
		return -1;
	if (!json_is_integer(number))
		return err_set(err, "%s: \"%s\" is something else, expected a whole number", path, field);
	json_int_t n = json_integer_value(number);
	if (n < 1 || n > INT_MAX)
		return err_set(err, "%s: \"%s\" is %" JSON_INTEGER_FORMAT ", expected a %s number", path,
		               field, n, n < 1 ? "positive" : "smaller");
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
	if (!json_is_number(given))
		return err_set(err, "%s: \"layer_norm_epsilon\" is no number", path);
	*epsilon = json_number_value(given);
	if (!(*epsilon > 0 && *epsilon < 1))
		return err_set(err, "%s: \"layer_norm_epsilon\" is %g, expected a number above 0 and "
		               "below 1", path, *epsilon);
	return 0;
}

static bool is_empty(const json_t *value)
{
	return !value || json_is_null(value) ||
	       ((json_is_object(value) || json_is_array(value)) && json_object_size(value) == 0 &&
	        json_array_size(value) == 0);
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
	if (!is_empty(json_object_get(json, "pruned_heads")))
		return err_set(err, "%s: \"pruned_heads\" is not empty: memoscope has no network whose "
		               "layers differ in their heads", path);
	if (!is_empty(json_object_get(json, "quantization_config")))
		return err_set(err, "%s: there is a \"quantization_config\": memoscope reads no quantized "
		               "parameters, expected the model before it was quantized", path);
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

/* Classes that have the network, and no head but the one that says the next token. */
static bool is_architecture(const char *name)
{
	static const char *const known[] = {"GPT2LMHeadModel", "GPT2Model"};

	if (strncmp(name, "TF", 2) == 0) /* the same in TensorFlow and Flax */
		name += 2;
	else if (strncmp(name, "Flax", 4) == 0)
		name += 4;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return false;
}

/* Is it a GPT-2? A class of transformers' with another head, or of somebody's own, may compute
 * something else. */
static int check_type(const char *path, const json_t *json, struct err *err)
{
	const char *type = json_string_value(json_object_get(json, "model_type"));
	const json_t *names = json_object_get(json, "architectures");
	const char *name = json_string_value(json_array_get(names, 0));

	if (!type)
		return err_set(err, "%s: \"model_type\" is missing, expected gpt2: add it if this network "
		               "is a GPT-2", path);
	if (strcmp(type, "gpt2") != 0)
		return err_set(err, "%s: \"model_type\" is %.60s, expected gpt2: memoscope computes the "
		               "network of GPT-2 and no other", path, type);
	if (is_empty(names))
		return 0;
	if (!name || json_array_size(names) > 1)
		return err_set(err, "%s: \"architectures\" is not an array of one name, expected "
		               "[\"GPT2LMHeadModel\"]", path);
	if (!is_architecture(name))
		return err_set(err, "%s: \"architectures\" is %.60s, expected GPT2LMHeadModel or "
		               "GPT2Model: if the model is one of these with another head, open it in "
		               "transformers as a GPT2LMHeadModel and save it", path, name);
	return 0;
}

/* The numbers of the shape. n_inner may be null. */
static int read_shape(const char *path, const json_t *json, struct gpt_config *config,
                      struct err *err)
{
	const json_t *inner = json_object_get(json, "n_inner");

	if (config_int(path, json, "n_layer", "num_hidden_layers", &config->layers, err) < 0 ||
	    config_int(path, json, "n_head", "num_attention_heads", &config->heads, err) < 0 ||
	    config_int(path, json, "n_embd", "hidden_size", &config->width, err) < 0 ||
	    config_int(path, json, "n_positions", "max_position_embeddings", &config->context,
	               err) < 0 ||
	    config_int(path, json, "vocab_size", NULL, &config->vocab, err) < 0)
		return -1;
	return inner && !json_is_null(inner) ?
	       config_int(path, json, "n_inner", NULL, &config->inner, err) : 0;
}

int config_json_read(const char *path, const json_t *json, struct gpt_config *config,
                       struct err *err)
{
	static const struct gpt_config_names names = {
		.layers = "\"n_layer\"",
		.heads = "\"n_head\"",
		.width = "\"n_embd\"",
		.context = "\"n_positions\" (the context)",
		.vocab = "\"vocab_size\"",
		.inner = "\"n_inner\"",
		.epsilon = "\"layer_norm_epsilon\"",
	};
	struct err found = {0};

	if (check_type(path, json, err) < 0 || read_shape(path, json, config, err) < 0)
		return -1;
	if (gpt_config_check_named(config, &names, &found) < 0)
		return err_set(err, "%s: %s", path, found.text);
	return read_kind(path, json, config, err);
}
