/* config_json.c - what transformers' GPT2Config says becomes a configuration, and back. */
#include "common/model/config_json.h"

#include "tests/model/shape.h"
#include "tests/tap.h"

/* The configuration of a network of memoscope's own kind with one field set, or taken out. */
static struct gpt_config with(const char *field, json_t *value)
{
	const struct gpt_config own = SHAPE(2, 2, 6, 9, 11, false, 0);
	struct gpt_config config = {0};
	struct err err = {0};
	json_t *json = config_json_new(&own);

	if (value)
		json_object_set_new(json, field, value);
	else
		json_object_del(json, field);
	if (config_json_read("config.json", json, &config, &err) < 0)
		printf("# %s\n", err.text);
	json_decref(json);
	return config;
}

static void test_activations(void)
{
	static const struct {
		const char *name;
		enum gpt_activation activation;
	} names[] = {
		{"gelu", GPT_GELU}, {"gelu_python", GPT_GELU}, {"gelu_new", GPT_GELU_TANH},
		{"gelu_pytorch_tanh", GPT_GELU_TANH}, {"gelu_python_tanh", GPT_GELU_TANH},
		{"gelu_fast", GPT_GELU_TANH}, {"gelu_accurate", GPT_GELU_TANH},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct gpt_config config = with("activation_function", json_string(names[i].name));
		ok(config.layers == 2 && config.activation == names[i].activation, "%s", names[i].name);
	}
	ok(with("activation_function", NULL).activation == GPT_GELU_TANH,
	   "without a name it is gelu_new, as in transformers");
}

/* What changes nothing, or is another name. */
static void test_harmless(void)
{
	static const struct {
		const char *field, *value;
	} fields[] = {
		{"architectures", "null"}, {"architectures", "[]"}, {"architectures", "[\"GPT2Model\"]"},
		{"architectures", "[\"TFGPT2LMHeadModel\"]"},
		{"architectures", "[\"FlaxGPT2LMHeadModel\"]"},
		{"hidden_size", "6"}, {"num_attention_heads", "2"}, {"pruned_heads", "{}"},
		{"quantization_config", "null"}, {"reorder_and_upcast_attn", "true"}, {"n_ctx", "7"},
		{"n_inner", "null"}, {"torch_dtype", "\"float16\""}, {"dtype", "\"bfloat16\""},
		{"attn_pdrop", "0.1"}, {"summary_type", "\"cls_index\""}, {"summary_first_dropout", "0.1"},
	};
	const struct gpt_config own = SHAPE(2, 2, 6, 9, 11, false, 0);

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		const struct gpt_config config =
			with(fields[i].field, json_loads(fields[i].value, JSON_DECODE_ANY, NULL));
		ok(gpt_config_equal(&config, &own), "%s %s changes nothing", fields[i].field,
		   fields[i].value);
	}
}

/* As GPT2Config's attribute_map has it. */
static void test_other_names(void)
{
	static const char *const names[][2] = {
		{"n_layer", "num_hidden_layers"}, {"n_head", "num_attention_heads"},
		{"n_embd", "hidden_size"}, {"n_positions", "max_position_embeddings"},
	};
	const struct gpt_config own = SHAPE(2, 2, 6, 9, 11, false, 0);

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct gpt_config config = {0};
		struct err err = {0};
		json_t *json = config_json_new(&own);
		json_object_set(json, names[i][1], json_object_get(json, names[i][0]));
		json_object_del(json, names[i][0]);
		ok(config_json_read("config.json", json, &config, &err) == 0 &&
		   gpt_config_equal(&config, &own), "%s under the name of %s", names[i][0], names[i][1]);
		json_decref(json);
	}
}

static void test_absent(void)
{
	static const char *const fields[] = {
		"layer_norm_epsilon", "scale_attn_weights", "scale_attn_by_inverse_layer_idx",
		"tie_word_embeddings", "n_inner", "architectures",
	};
	const struct gpt_config own = SHAPE(2, 2, 6, 9, 11, false, 0);

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		const struct gpt_config config = with(fields[i], NULL);
		ok(gpt_config_equal(&config, &own), "without %s: as usual", fields[i]);
	}
}

/* What is written is read again. */
static void test_round(const struct gpt_config *config, const char *what)
{
	struct gpt_config back = {.bias = config->bias};
	struct err err = {0};
	json_t *json = config_json_new(config);

	ok(config_json_read("config.json", json, &back, &err) == 0 &&
	   gpt_config_equal(config, &back) && back.vocab == config->vocab, "%s, and back", what);
	json_decref(json);
}

int main(void)
{
	const struct gpt_config own = SHAPE(2, 2, 6, 9, 11, true, 0), other = OTHER_KIND;

	test_activations();
	test_absent();
	test_harmless();
	test_other_names();
	test_round(&own, "memoscope's own kind");
	test_round(&other, "another kind");
	return done();
}
