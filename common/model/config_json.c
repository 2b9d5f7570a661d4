#include "common/model/config_json.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define EPSILON 1e-5 /* of the layer norms: kernels.h */

json_t *config_json_new(const struct gpt_config *config)
{
	json_t *json = json_pack(
		"{s:[s], s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f,"
		" s:f, s:b, s:b, s:b, s:b, s:s, s:n, s:n, s:n}",
		"architectures", "GPT2LMHeadModel",
		"model_type", "gpt2",
		"activation_function", "gelu",
		"n_embd", config->width,
		"n_head", config->heads,
		"n_layer", config->layers,
		"n_positions", config->context,
		"n_ctx", config->context,
		"vocab_size", config->vocab,
		"layer_norm_epsilon", EPSILON,
		"initializer_range", 0.02,
		"attn_pdrop", 0.0,
		"embd_pdrop", 0.0,
		"resid_pdrop", 0.0,
		"scale_attn_weights", 1,
		"scale_attn_by_inverse_layer_idx", 0,
		"tie_word_embeddings", 1,
		"use_cache", 1,
		"torch_dtype", "float32",
		"bos_token_id",
		"eos_token_id",
		"pad_token_id");

	json_object_set_new(json, "n_inner", gpt_inner(config) == 4 * config->width ? json_null()
	                    : json_integer(gpt_inner(config)));
	return json;
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

/* A field that must have this value, if it is there. */
static int config_is(const char *path, const json_t *json, const char *field, bool want,
                     struct err *err)
{
	const json_t *value = json_object_get(json, field);

	if (value && json_is_true(value) != want)
		return err_set(err, "%s: \"%s\" is not %s: this network is not ours to run", path,
		               field, want ? "true" : "false");
	return 0;
}

/* The network must compute what gpt.h computes. */
static int check_kind(const char *path, const json_t *json, struct err *err)
{
	const char *type = json_string_value(json_object_get(json, "model_type"));
	const char *activation = json_string_value(json_object_get(json, "activation_function"));
	const json_t *epsilon = json_object_get(json, "layer_norm_epsilon");

	if (!type || strcmp(type, "gpt2") != 0)
		return err_set(err, "%s: \"model_type\" is %s, expected gpt2", path,
		               type ? type : "missing");
	/* GPT2Config's own default is the approximation by tanh */
	if (!activation || strcmp(activation, "gelu") != 0)
		return err_set(err, "%s: \"activation_function\" is %s, expected gelu (the exact "
		               "one)", path, activation ? activation : "gelu_new by default");
	if (epsilon && fabs(json_number_value(epsilon) - EPSILON) > 1e-9)
		return err_set(err, "%s: \"layer_norm_epsilon\" is %g, expected %g", path,
		               json_number_value(epsilon), EPSILON);
	if (config_is(path, json, "scale_attn_weights", true, err) < 0 ||
	    config_is(path, json, "scale_attn_by_inverse_layer_idx", false, err) < 0 ||
	    config_is(path, json, "add_cross_attention", false, err) < 0)
		return -1;
	return config_is(path, json, "tie_word_embeddings", true, err);
}

int config_json_read(const char *path, const json_t *json, struct gpt_config *config,
                       struct err *err)
{
	const json_t *inner = json_object_get(json, "n_inner");
	struct err found = {0};

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
	return check_kind(path, json, err);
}
