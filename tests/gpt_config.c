/* The network's shape: parameter counts, the order of its tensors, its start. */
#include "common/gpt.h"

#include <stdlib.h>

#include "tests/tap.h"

static size_t count(int layers, int heads, int width, int context, int vocab, bool bias)
{
	struct gpt_config config = {layers, heads, width, context, vocab, bias};
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
static void test_layout(bool bias)
{
	struct gpt_config config = {3, 2, 6, 9, 11, bias};
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
	   "tensors fill the array, bias %d", bias);
	ok(decay, "decay is for matrices, bias %d", bias);
	ok(bias_names == bias, "bias tensors only with bias %d", bias);
	is_string(list[0].name, "transformer.wte.weight", "first tensor");
	is_string(list[1].name, "transformer.wpe.weight", "second tensor");
	is_string(list[2].name, "transformer.h.0.ln_1.weight", "third tensor");
	is_string(list[tensors - 1].name,
	          bias ? "transformer.ln_f.bias" : "transformer.ln_f.weight", "last tensor");
	free(list);
}

/* Mean and deviation of one tensor of a fresh network. */
static void test_start(void)
{
	struct gpt_config config = {4, 4, 64, 64, 70, true};
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

int main(void)
{
	struct err err = {0};
	struct gpt_config good = {2, 2, 4, 256, 70, false};

	is_int((long long)count(2, 2, 4, 256, 70, false), 1708, "parameters of 1.7k");
	is_int((long long)count(8, 8, 16, 256, 70, false), 30064, "parameters of 30k");
	is_int((long long)count(16, 16, 32, 256, 70, false), 208096, "parameters of 207k");
	/* GPT-2 small, as OpenAI counts it: 124M */
	is_int((long long)count(12, 12, 768, 1024, 50257, true), 124439808, "parameters of GPT-2");

	ok(gpt_config_check(&good, &err) == 0, "a good shape");
	refused((struct gpt_config){0, 2, 4, 256, 70, false}, "number of layers is 0");
	refused((struct gpt_config){513, 2, 4, 256, 70, false}, "number of layers is 513");
	refused((struct gpt_config){2, 3, 4, 256, 70, false}, "width 4 is not a multiple");
	refused((struct gpt_config){2, 8, 4, 256, 70, false}, "number of heads is 8");
	refused((struct gpt_config){2, -1, 4, 256, 70, false}, "number of heads is -1");
	refused((struct gpt_config){2, 2, 0, 256, 70, false}, "width is 0");
	refused((struct gpt_config){2, 2, 16386, 256, 70, false}, "width is 16386");
	refused((struct gpt_config){2, 2, 4, 4097, 70, false}, "context is 4097");
	refused((struct gpt_config){2, 2, 4, 256, 65536, false}, "vocabulary is 65536");

	test_layout(false);
	test_layout(true);
	test_start();
	return done();
}
