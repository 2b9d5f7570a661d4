/* The network's shape: parameter counts, the order of its tensors, its start. */
#include "common/model/gpt_parameters.h"

#include <math.h>
#include <stdlib.h>

#include "tests/model/shape.h"
#include "tests/tap.h"

static size_t count(int layers, int heads, int width, int context, int vocab, bool bias)
{
	struct gpt_config config = SHAPE(layers, heads, width, context, vocab, bias, 0);
	return gpt_parameter_count(&config);
}

static void refused(struct gpt_config config, const char *text)
{
	struct err err = {0};
	int rc = gpt_config_check(&config, &err);
	ok(rc < 0 && strstr(err.text, text) != NULL, "refused: %s", text);
	if (rc == 0 || strstr(err.text, text) == NULL)
		printf("# have: %s\n", err.text);
}

/* Tensors stand side by side, without a gap, and fill the array. */
static void test_layout(struct gpt_config config)
{
	const bool bias = config.bias;
	int tensors = gpt_tensor_count(&config);
	struct gpt_tensor *list = calloc((size_t)tensors, sizeof *list);
	size_t offset = 0;
	bool side_by_side = true, decay = true, bias_names = false;

	gpt_tensors(&config, list);
	for (int i = 0; i < tensors; i++) {
		size_t product = (size_t)(list[i].rows ? list[i].rows : 1) * (size_t)list[i].cols;
		side_by_side &= list[i].offset == offset && list[i].count == product;
		decay &= list[i].decay == (list[i].rows > 0);
		bias_names |= strstr(list[i].name, ".bias") != NULL;
		offset += product;
	}
	ok(side_by_side && offset == gpt_parameter_count(&config),
	   "tensors fill the array, bias %d, inner %d", bias, config.inner);
	ok(decay, "decay is for matrices, bias %d", bias);
	ok(bias_names == bias, "bias tensors only with bias %d", bias);
	is_string(list[0].name, "transformer.wte.weight", "first tensor");
	is_string(list[1].name, "transformer.wpe.weight", "second tensor");
	is_string(list[2].name, "transformer.h.0.ln_1.weight", "third tensor");
	if (config.own_head)
		is_string(list[--tensors].name, "lm_head.weight", "behind all a head of its own");
	is_string(list[tensors - 1].name,
	          bias ? "transformer.ln_f.bias" : "transformer.ln_f.weight", "last tensor");
	free(list);
}

/* The feed-forward part is as wide as is asked for, and nothing else changes. */
static void test_inner(void)
{
	const struct gpt_config four = SHAPE(2, 2, 6, 9, 11, true, 0);
	const struct gpt_config same = SHAPE(2, 2, 6, 9, 11, true, 24);
	const struct gpt_config five = SHAPE(2, 2, 6, 9, 11, true, 5);
	struct gpt_tensor list[64];
	int found = 0;

	is_int(gpt_inner(&four), 24, "by default four times the width");
	is_int(gpt_inner(&five), 5, "or what is asked for");
	ok(gpt_config_equal(&four, &same), "four times the width is the default");
	ok(!gpt_config_equal(&four, &five), "another one is another network");
	/* 19 columns less: a column and a row of weights, and a bias, in each of two blocks */
	is_int((long long)(gpt_parameter_count(&four) - gpt_parameter_count(&five)),
	       2 * 19 * (6 + 6 + 1), "parameters that a narrower one saves");
	gpt_tensors(&five, list);
	for (int i = 0; i < gpt_tensor_count(&five); i++) {
		if (strstr(list[i].name, "mlp.c_fc.weight"))
			found += list[i].rows == 6 && list[i].cols == 5 && list[i].hidden == 1;
		if (strstr(list[i].name, "mlp.c_fc.bias"))
			found += list[i].rows == 0 && list[i].cols == 5;
		if (strstr(list[i].name, "mlp.c_proj.weight"))
			found += list[i].rows == 5 && list[i].cols == 6 && list[i].hidden == 1;
		if (strstr(list[i].name, "mlp.c_proj.bias"))
			found += list[i].rows == 0 && list[i].cols == 6;
	}
	is_int(found, 2 * 4, "its tensors have that many columns or rows");
}

/* Each field makes another kind of network, and says so. */
static void test_kinds(void)
{
	const struct gpt_config own = SHAPE(2, 2, 6, 9, 11, true, 0);
	struct gpt_config same = own, kinds[5] = {own, own, own, own, own}, all = OTHER_KIND;
	const char *const want[] = {
		"activation_function gelu_new", "layer_norm_epsilon 1e-06", "scale_attn_weights false",
		"scale_attn_by_inverse_layer_idx true", "tie_word_embeddings false",
	};
	const char *const wrong[] = {
		"gelu_new", "layer_norm_epsilon 2", "layer_norm_epsilon 1e-6x", "layer_norm_epsilon ",
		"tie_word_embeddings false, ", "scale_attn_weights false,tie_word_embeddings false",
	};
	char kind[GPT_KIND];
	struct err err = {0};

	same.epsilon = 1e-5;
	gpt_kind(&same, kind);
	is_string(kind, "", "memoscope's own kind");
	ok(gpt_config_equal(&own, &same), "1e-5 is the default");
	kinds[0].activation = GPT_GELU_TANH;
	kinds[1].epsilon = 1e-6;
	kinds[2].unscaled = true;
	kinds[3].by_layer = true;
	kinds[4].own_head = true;
	for (int i = 0; i < 5; i++) {
		gpt_kind(&kinds[i], kind);
		is_string(kind, want[i], "another kind");
		ok(!gpt_config_equal(&own, &kinds[i]), "  which is another network");
		same = all;
		ok(gpt_kind_set(&same, kind, &err) == 0 && gpt_config_equal(&same, &kinds[i]),
		   "  and its text makes it again");
	}
	gpt_kind(&all, kind);
	same = own;
	ok(gpt_kind_set(&same, kind, &err) == 0 && gpt_config_equal(&same, &all),
	   "the text of all kinds");
	ok(gpt_kind_set(&same, "", &err) == 0 && gpt_config_equal(&same, &own), "and of none");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		err = (struct err){0};
		ok(gpt_kind_set(&same, wrong[i], &err) < 0, "no kind: %s", wrong[i]);
	}
	is_string(kind, "activation_function gelu_new, layer_norm_epsilon 0.1, scale_attn_weights "
	          "false, scale_attn_by_inverse_layer_idx true, tie_word_embeddings false",
	          "all of them");
	is_int((long long)(gpt_parameter_count(&kinds[4]) - gpt_parameter_count(&own)), 6 * 11,
	       "a head of its own has parameters");
	is_near((double)gpt_query_factor(&own, 1), 1, 0, "queries as they are");
	is_near((double)gpt_query_factor(&kinds[2], 1), sqrt(3), 1e-7, "unscaled: heads of 3 columns");
	is_near((double)gpt_query_factor(&kinds[3], 1), 0.5, 0, "the second layer, by its number");
	is_near((double)gpt_query_factor(&all, 1), sqrt(3) / 2, 1e-7, "both");
}

/* Operations counted one by one: of each matrix that is multiplied by, and of each pair of a
 * row and a key, in q k and in p v, forward once and backward twice. */
static void test_flops(const struct gpt_config *config, int rows)
{
	struct gpt_tensor *list = calloc((size_t)gpt_tensor_count(config), sizeof *list);
	double forward = 0;

	gpt_tensors(config, list);
	for (int i = 0; i < gpt_tensor_count(config); i++)
		if (list[i].rows > 0 && !strstr(list[i].name, "wpe") &&
		    !(config->own_head && strstr(list[i].name, "wte")))
			forward += 2.0 * rows * list[i].rows * list[i].cols;
	for (int layer = 0; layer < config->layers; layer++)
		for (int query = 0; query < rows; query++)
			for (int key = 0; key <= query; key++)
				forward += 2 * 2 * config->width;
	is_near(gpt_training_flops(config, rows), 3 * forward, 1e-6,
	        "operations of a training pass, counted one by one");
	free(list);
}

/* Mean and deviation of one tensor of a fresh network. */
static void test_start(void)
{
	struct gpt_config config = SHAPE(4, 4, 64, 64, 70, true, 0);
	int tensors = gpt_tensor_count(&config);
	struct gpt_tensor *list = calloc((size_t)tensors, sizeof *list);
	size_t n = gpt_parameter_count(&config);
	float *a = calloc(n, sizeof *a), *b = calloc(n, sizeof *b);
	bool good = true;

	gpt_tensors(&config, list);
	gpt_init_parameters(&config, 5, a);
	gpt_init_parameters(&config, 5, b);
	ok(memcmp(a, b, n * sizeof *a) == 0, "the same seed, the same parameters");
	gpt_init_parameters(&config, 6, b);
	ok(memcmp(a, b, n * sizeof *a) != 0, "another seed, others");
	for (int i = 0; i < tensors; i++) {
		double sum = 0, squares = 0, want_mean = 0, want = 0.02;
		for (size_t k = 0; k < list[i].count; k++) {
			double x = a[list[i].offset + k];
			sum += x;
			squares += x * x;
		}
		double mean = sum / (double)list[i].count;
		double deviation = sqrt(fmax(0, squares / (double)list[i].count - mean * mean));
		if (list[i].rows == 0) {
			want = 0;
			want_mean = strstr(list[i].name, "ln_") && strstr(list[i].name, "weight");
		} else if (strstr(list[i].name, "c_proj")) {
			want = 0.02 / sqrt(8);
		}
		/* five standard errors of a mean, of a deviation */
		double root = sqrt((double)list[i].count);
		bool fits = fabs(mean - want_mean) <= 5 * want / root &&
		            fabs(deviation - want) <= 5 * want / (root * sqrt(2));
		if (!fits)
			printf("# %s: mean %g, deviation %g, want %g, %g\n", list[i].name, mean,
			       deviation, want_mean, want);
		good &= fits;
	}
	ok(good, "each tensor starts with its mean and deviation");
	free(list);
	free(a);
	free(b);
}

/* A text may be one token longer than the context, a prompt not. */
static void test_lengths(void)
{
	const struct gpt_config config = SHAPE(2, 2, 4, 256, 70, false, 0);
	struct err err = {0};

	ok(gpt_check_text(&config, 257, &err) == 0 && gpt_check_prompt(&config, 256, &err) == 0,
	   "a text and a prompt that fit");
	gpt_check_text(&config, 258, &err);
	is_string(err.text,
	          "a text of 258 tokens, expected at most 257: the model's context is 256",
	          "a text that is too long");
	err = (struct err){0};
	gpt_check_prompt(&config, 257, &err);
	is_string(err.text,
	          "a prompt of 257 tokens, expected at most 256: the model's context is 256",
	          "a prompt that is too long");
}

int main(void)
{
	struct err err = {0};
	struct gpt_config good = SHAPE(2, 2, 4, 256, 70, false, 0);

	is_int((long long)count(2, 2, 4, 256, 70, false), 1708, "parameters of 1.7k");
	is_int((long long)count(8, 8, 16, 256, 70, false), 30064, "parameters of 30k");
	is_int((long long)count(16, 16, 32, 256, 70, false), 208096, "parameters of 207k");
	/* GPT-2 small, as OpenAI counts it: 124M */
	is_int((long long)count(12, 12, 768, 1024, 50257, true), 124439808, "parameters of GPT-2");

	is_int((long long)count(48, 25, 1600, 1024, 50257, true), 1557611200, "and of GPT-2 XL");

	ok(gpt_config_check(&good, &err) == 0, "a good shape");
	ok(gpt_config_check(&(struct gpt_config)SHAPE(48, 25, 1600, 1024, 50257, true, 0), &err) == 0,
	   "GPT-2 XL's shape");
	good.epsilon = -1;
	refused(good, "epsilon of layer normalisation is -1");
	good.epsilon = NAN;
	refused(good, "epsilon of layer normalisation is nan");
	refused((struct gpt_config)SHAPE(0, 2, 4, 256, 70, false, 0), "number of layers is 0");
	refused((struct gpt_config)SHAPE(513, 2, 4, 256, 70, false, 0), "number of layers is 513");
	refused((struct gpt_config)SHAPE(2, 3, 4, 256, 70, false, 0),
	        "number of heads is 3, expected a divisor of width, which is 4");
	refused((struct gpt_config)SHAPE(2, 8, 4, 256, 70, false, 0), "number of heads is 8");
	refused((struct gpt_config)SHAPE(2, -1, 4, 256, 70, false, 0), "number of heads is -1");
	refused((struct gpt_config)SHAPE(2, 2, 0, 256, 70, false, 0), "width is 0");
	refused((struct gpt_config)SHAPE(2, 2, 16386, 256, 70, false, 0), "width is 16386");
	refused((struct gpt_config)SHAPE(2, 2, 4, 256, 70, false, -1),
	        "width of the feed-forward part is -1");
	refused((struct gpt_config)SHAPE(2, 2, 4, 256, 70, false, GPT_INNER_MAX + 1),
	        "width of the feed-forward part is 65537");
	refused((struct gpt_config)SHAPE(2, 2, 4, 4097, 70, false, 0), "context is 4097");
	refused((struct gpt_config)SHAPE(2, 2, 4, 256, 65536, false, 0), "vocabulary is 65536");

	test_layout((struct gpt_config)SHAPE(3, 2, 6, 9, 11, false, 0));
	test_layout((struct gpt_config)SHAPE(3, 2, 6, 9, 11, true, 0));
	test_layout((struct gpt_config)SHAPE(3, 2, 6, 9, 11, true, 5));
	test_layout((struct gpt_config)OTHER_KIND);
	test_kinds();
	test_inner();
	test_flops(&(struct gpt_config)SHAPE(3, 4, 128, 256, 69, false, 0), 131);
	test_flops(&(struct gpt_config)SHAPE(2, 2, 6, 9, 11, true, 5), 1);
	test_flops(&(struct gpt_config)OTHER_KIND, 9);
	test_lengths();
	test_start();
	return done();
}
