/* The network and its training against PyTorch's: testdata/golden, made by make.py there.
 *
 * golden.t --write DIR writes the model directories that make.py starts from.
 */
#include "common/model/gpt.h"

#include <stdlib.h>

#include "common/base/rng.h"
#include "common/model/gpt_inspect.h"
#include "common/model/kv_cache.h"
#include "common/model/model.h"
#include "common/model/safetensors.h"
#include "common/train/trainer.h"
#include "tests/tap.h"

#define GOLDEN "testdata/golden/"

#define OTHER .layers = 2, .heads = 2, .width = 10, .context = 17, .vocab = 11

static const struct shape {
	const char *name;
	struct gpt_config config;
} shapes[] = {
	{"plain", {.layers = 2, .heads = 3, .width = 12, .context = 17, .vocab = 11}},
	{"bias", {.layers = 2, .heads = 3, .width = 12, .context = 17, .vocab = 11, .bias = true}},
	{"narrow-heads", {.layers = 1, .heads = 16, .width = 32, .context = 17, .vocab = 11}},
	/* other kinds of networks */
	{"gelu-new", {OTHER, .activation = GPT_GELU_TANH}},
	{"epsilon", {OTHER, .epsilon = 0.01}},
	{"unscaled", {OTHER, .unscaled = true}},
	{"by-layer", {OTHER, .by_layer = true}},
	{"own-head", {OTHER, .own_head = true}},
	{"all-kinds", {OTHER, .bias = true, .inner = 13, .activation = GPT_GELU_TANH,
	               .epsilon = 0.001, .unscaled = true, .by_layer = true, .own_head = true}},
};

#define SHAPES (sizeof shapes / sizeof *shapes)

/* ---- writing ---- */

/* Larger numbers than a fresh network has, so that nothing in it is nearly
 * linear, uniform or zero. */
static void fill(const struct gpt_config *config, uint64_t seed, float *params)
{
	int count = gpt_tensor_count(config);
	struct gpt_tensor *tensors = calloc((size_t)count, sizeof *tensors);
	struct rng rng;

	gpt_tensors(config, tensors);
	rng_init(&rng, seed, RNG_TEST, 0);
	for (int i = 0; i < count; i++) {
		bool gain = strstr(tensors[i].name, "ln_") && strstr(tensors[i].name, ".weight");
		for (size_t k = 0; k < tensors[i].count; k++)
			params[tensors[i].offset + k] = (float)(gain + 0.3 * rng_normal(&rng));
	}
	free(tensors);
}

static int write_models(const char *directory)
{
	const char characters[] = "\n 0123:abé😀";
	struct err err = {0};
	char path[256];

	for (size_t i = 0; i < SHAPES; i++) {
		struct model model = {.config = shapes[i].config};
		model.vocab = vocab_new(characters, sizeof characters - 1, &err);
		model.params = calloc(gpt_parameter_count(&model.config), sizeof *model.params);
		fill(&model.config, i, model.params);
		snprintf(path, sizeof path, "%s/%s", directory, shapes[i].name);
		model_save(path, &model, &err);
		model_release(&model);
	}
	if (err.status)
		fprintf(stderr, "golden.t: %s\n", err.text);
	return err.status;
}

/* ---- what PyTorch said ---- */

struct golden {
	const char *name;
	struct model model;
	json_t *json;
	struct safetensors *file;
	int tensor_count;
	struct gpt_tensor *tensors;
};

static bool golden_open(struct golden *golden, const char *name)
{
	struct err err = {0};
	char path[256];

	*golden = (struct golden){.name = name};
	snprintf(path, sizeof path, GOLDEN "%s", name);
	model_load(path, &golden->model, &err);
	snprintf(path, sizeof path, GOLDEN "%s/expected.json", name);
	golden->json = json_load_file(path, 0, NULL);
	snprintf(path, sizeof path, GOLDEN "%s/expected.safetensors", name);
	golden->file = safetensors_open(path, &err);
	if (!ok(golden->model.params && golden->json && golden->file, "%s: files", name)) {
		printf("# %s\n", err.text);
		return false;
	}
	golden->tensor_count = gpt_tensor_count(&golden->model.config);
	golden->tensors = calloc((size_t)golden->tensor_count, sizeof *golden->tensors);
	gpt_tensors(&golden->model.config, golden->tensors);
	return true;
}

static void golden_close(struct golden *golden)
{
	model_release(&golden->model);
	json_decref(golden->json);
	safetensors_close(golden->file);
	free(golden->tensors);
}

/* A tensor of PyTorch's, "KIND.NAME" of our tensor's shape. */
static const float *golden_tensor(const struct golden *golden, const char *kind,
                                  const struct gpt_tensor *tensor)
{
	size_t matrix[] = {(size_t)tensor->rows, (size_t)tensor->cols};
	struct err err = {0};
	char name[128];

	snprintf(name, sizeof name, "%s.%s", kind, tensor->name);
	const float *data = safetensors_find(golden->file, name, tensor->rows ? 2 : 1,
	                                     tensor->rows ? matrix : matrix + 1, &err);
	if (data == NULL)
		printf("# %s\n", err.text);
	return data;
}

static double int_at(const json_t *array, size_t i)
{
	return json_number_value(json_array_get(array, i));
}

/* Largest difference of two arrays, over the largest element of want (at least floor). */
static double distance(const float *have, const float *want, size_t count, double floor)
{
	double largest = floor, difference = 0;

	for (size_t i = 0; i < count; i++) {
		if (!isfinite(have[i]))
			return INFINITY;
		largest = fmax(largest, fabs(want[i]));
		difference = fmax(difference, fabs((double)have[i] - want[i]));
	}
	return difference / largest;
}

static void close_to(double distance, double tolerance, const char *name, const char *what)
{
	if (!ok(distance <= tolerance, "%s: %s", name, what))
		printf("# off by %g, tolerance %g\n", distance, tolerance);
}

/* ---- a network on the CPU ---- */

struct network {
	const struct kernels *kernels;
	struct device *dev;
	float *params;
	struct gpt *gpt;
};

static bool network_open(struct network *network, const struct model *model)
{
	struct err err = {0};
	size_t bytes = gpt_parameter_count(&model->config) * sizeof(float);

	*network = (struct network){.kernels = kernels_find("cpu", &err)};
	network->dev = network->kernels->open(DTYPE_F32, &err);
	network->params = network->kernels->alloc(network->dev, bytes);
	network->kernels->upload(network->dev, network->params, model->params, bytes);
	network->gpt = gpt_new(&model->config, network->kernels, network->dev, network->params, 64,
	                       GPT_KEEP_ALL, &err);
	if (network->gpt == NULL)
		printf("# %s\n", err.text);
	return network->gpt != NULL;
}

static void network_close(struct network *network)
{
	gpt_free(network->gpt);
	network->kernels->free(network->dev, network->params);
	network->kernels->close(network->dev);
}

/* Rows of several sequences, packed. */
struct rows {
	int32_t token[64], position[64], target[64], begin[16];
	float weight[64];
	struct gpt_batch batch;
};

static void rows_fill(struct rows *rows, const json_t *sequences)
{
	size_t index;
	json_t *row;
	int n = 0;

	*rows = (struct rows){0};
	json_array_foreach(sequences, index, row) {
		const json_t *tokens = json_object_get(row, "tokens");
		const json_t *targets = json_object_get(row, "targets");
		const json_t *weights = json_object_get(row, "weights");
		int length = (int)json_array_size(tokens);
		for (int i = 0; i < length; i++, n++) {
			rows->token[n] = (int32_t)int_at(tokens, (size_t)i);
			rows->position[n] = i;
			rows->target[n] = (int32_t)int_at(targets, (size_t)i);
			rows->weight[n] = (float)int_at(weights, (size_t)i);
		}
		rows->begin[index + 1] = n;
		if (length > rows->batch.sequences.longest)
			rows->batch.sequences.longest = length;
	}
	rows->batch.count = n;
	rows->batch.sequences.count = (int)json_array_size(sequences);
	rows->batch.sequences.begin = rows->begin;
	rows->batch.token = rows->token;
	rows->batch.position = rows->position;
}

/* ---- the tests ---- */

static void test_forward(const struct golden *golden, struct network *network,
                         struct rows *rows)
{
	size_t n = (size_t)rows->batch.count, v = (size_t)golden->model.config.vocab;
	size_t shape[] = {n, v};
	struct err err = {0};
	float *logits = calloc(n * v, sizeof *logits);
	const float *want = safetensors_find(golden->file, "logits", 2, shape, &err);

	gpt_forward(network->gpt, &rows->batch, NULL);
	gpt_logits(network->gpt, 0, rows->batch.count, logits);
	close_to(want ? distance(logits, want, n * v, 1) : INFINITY, 1e-5, golden->name, "logits");
	free(logits);
}

static void test_gradients(const struct golden *golden, struct network *network,
                           struct rows *rows)
{
	size_t parameters = gpt_parameter_count(&golden->model.config);
	size_t n = (size_t)rows->batch.count;
	struct err err = {0};
	float losses[64];
	float *have = calloc(parameters, sizeof *have);
	const float *want = safetensors_find(golden->file, "losses", 1, &n, &err);
	double worst = 0;

	rows->batch.target = rows->target;
	rows->batch.weight = rows->weight;
	/* what stands in the gradients stays: the second pass must double them */
	gpt_zero_gradients(network->gpt);
	for (int pass = 0; pass < 2; pass++) {
		gpt_forward(network->gpt, &rows->batch, losses);
		gpt_backward(network->gpt);
	}
	close_to(want ? distance(losses, want, n, 1) : INFINITY, 1e-5, golden->name,
	         "loss of each row");
	network->kernels->download(network->dev, have, gpt_gradients(network->gpt),
	                           parameters * sizeof *have);
	for (size_t i = 0; i < parameters; i++)
		have[i] /= 2;
	for (int i = 0; i < golden->tensor_count; i++) {
		const struct gpt_tensor *tensor = &golden->tensors[i];
		want = golden_tensor(golden, "gradient", tensor);
		double off = want ? distance(have + tensor->offset, want, tensor->count, 1e-3)
		                  : INFINITY;
		if (off > 1e-5)
			printf("# %s: off by %g\n", tensor->name, off);
		worst = fmax(worst, off);
	}
	close_to(worst, 2e-5, golden->name, "gradients of all tensors");
	free(have);
}

/* The continuation by generate(), from the key-value cache. */
static void test_greedy(const struct golden *golden, struct network *network)
{
	const json_t *greedy = json_object_get(golden->json, "greedy");
	const json_t *prompt = json_object_get(greedy, "prompt");
	const json_t *continuation = json_object_get(greedy, "continuation");
	int length = (int)json_array_size(prompt), vocab = golden->model.config.vocab;
	struct err err = {0};
	struct kv_cache *cache = kv_cache_new(network->gpt, 1, &err);
	float *logits = calloc((size_t)vocab, sizeof *logits);
	int32_t token[64], slot[64] = {0}, place[64], want = length - 1;
	size_t same = 0;

	for (int i = 0; i < length; i++) {
		token[i] = (int32_t)int_at(prompt, (size_t)i);
		place[i] = i;
	}
	kv_cache_decode(cache, length, token, slot, place, 1, &want, logits);
	for (size_t i = 0; i < json_array_size(continuation); i++) {
		int32_t best = 0;
		for (int32_t k = 1; k < vocab; k++)
			best = logits[k] > logits[best] ? k : best;
		same += best == (int32_t)int_at(continuation, i);
		place[0] = length + (int)i;
		if (place[0] == golden->model.config.context)
			break;
		want = 0;
		kv_cache_decode(cache, 1, &best, slot, place, 1, &want, logits);
	}
	is_int((long long)same, golden->model.config.context - length, "greedy continuation");
	kv_cache_free(cache);
	free(logits);
}

/* A bias on the keys moves all scores of a row alike, so its gradient is
 * nothing but rounding, which Adam scales up to full steps. */
static void forget_key_bias(const struct golden *golden, const struct gpt_tensor *tensor,
                            float *have, const float *want)
{
	int c = golden->model.config.width;

	if (strstr(tensor->name, "c_attn.bias"))
		memcpy(have + c, want + c, (size_t)c * sizeof *have);
}

static int examples_of(const json_t *step, struct example *examples, uint16_t *token,
                       uint8_t *kind)
{
	const json_t *list = json_object_get(step, "examples");
	int count = (int)json_array_size(list);

	for (int e = 0; e < count; e++) {
		const json_t *example = json_array_get(list, (size_t)e);
		const json_t *tokens = json_object_get(example, "tokens");
		int length = (int)json_array_size(tokens);
		for (int i = 0; i < length; i++) {
			token[i] = (uint16_t)int_at(tokens, (size_t)i);
			kind[i] = (uint8_t)int_at(json_object_get(example, "kinds"), (size_t)i);
		}
		examples[e] = (struct example){.token = token, .kind = kind, .length = length};
		token += length;
		kind += length;
	}
	return count;
}

static struct trainer_options recipe_of(const json_t *recipe, int workers)
{
	struct trainer_options options = {
		.kernels = kernels_find("cpu", NULL), .workers = workers,
		.dtype = DTYPE_F32,
		.lr.peak = json_number_value(json_object_get(recipe, "lr")),
		.lr.min = json_number_value(json_object_get(recipe, "min_lr")),
		.lr.warmup = json_integer_value(json_object_get(recipe, "warmup")),
		.lr.steps = json_integer_value(json_object_get(recipe, "steps")),
		.optimizer.beta1 = json_number_value(json_object_get(recipe, "beta1")),
		.optimizer.beta2 = json_number_value(json_object_get(recipe, "beta2")),
		.optimizer.weight_decay = json_number_value(json_object_get(recipe, "weight_decay")),
		.optimizer.clip = json_number_value(json_object_get(recipe, "clip")),
	};
	for (size_t kind = 0; kind < 2; kind++)
		options.weight[kind] = (float)int_at(json_object_get(recipe, "kind_weight"), kind);
	return options;
}

/* Losses, norms and rates of every step, and the parameters after the last. */
static void test_training(const struct golden *golden, int workers)
{
	const json_t *recipe = json_object_get(golden->json, "training");
	struct trainer_options options = recipe_of(recipe, workers);
	struct err err = {0};
	struct trainer *trainer = trainer_new(&golden->model.config, &options,
	                                      golden->model.params, &err);
	double loss = 0, norm = 0, rate = 0, worst = 0;
	uint16_t token[256];
	uint8_t kind[256];
	struct example examples[8];
	size_t index;
	json_t *step;

	json_array_foreach(json_object_get(recipe, "step"), index, step) {
		struct step_result result;
		int count = examples_of(step, examples, token, kind);
		if (trainer_step(trainer, examples, count, &result, &err) < 0)
			printf("# %s\n", err.text);
		double want = json_number_value(json_object_get(step, "norm"));
		double mean = json_number_value(json_object_get(step, "loss"));
		loss = fmax(loss, fabs(result.loss - mean));
		norm = fmax(norm, fabs(result.grad_norm - want) / want);
		rate = fmax(rate, fabs(result.lr - json_number_value(json_object_get(step, "lr"))));
	}
	is_int((long long)index, 10, "ten steps");
	close_to(loss, 1e-5, golden->name, "losses of ten steps");
	close_to(norm, 1e-5, golden->name, "gradient norms of ten steps");
	close_to(rate, 1e-12, golden->name, "learning rates of ten steps");
	float *params = malloc(gpt_parameter_count(&golden->model.config) * sizeof *params);
	trainer_params(trainer, params);
	for (int i = 0; i < golden->tensor_count; i++) {
		const struct gpt_tensor *tensor = &golden->tensors[i];
		const float *want = golden_tensor(golden, "final", tensor);
		float *have = params + tensor->offset;
		if (want)
			forget_key_bias(golden, tensor, have, want);
		double off = want ? distance(have, want, tensor->count, 1) : INFINITY;
		if (off > 1e-5)
			printf("# %s: off by %g\n", tensor->name, off);
		worst = fmax(worst, off);
	}
	close_to(worst, 1e-4, golden->name, "parameters after ten steps");
	free(params);
	trainer_free(trainer);
}

/* A model that transformers wrote. */
static void test_saved(const char *name)
{
	struct golden golden;
	struct network network;
	struct rows rows = {0};
	size_t shape[] = {6, 4};
	float logits[24];
	struct err err = {0};

	if (!golden_open(&golden, name))
		return;
	ok(golden.model.config.bias, "%s by transformers: has biases", name);
	is_string(vocab_text(golden.model.vocab), "b\naé", "  vocabulary");
	json_t *sequences = json_pack("[O]", golden.json);
	rows_fill(&rows, sequences);
	const float *want = safetensors_find(golden.file, "logits", 2, shape, &err);
	if (network_open(&network, &golden.model)) {
		gpt_forward(network.gpt, &rows.batch, NULL);
		gpt_logits(network.gpt, 0, rows.batch.count, logits);
		close_to(want ? distance(logits, want, 24, 1) : INFINITY, 1e-5, name, "logits");
	}
	network_close(&network);
	json_decref(sequences);
	golden_close(&golden);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--write") == 0)
		return write_models(argv[2]);
	for (size_t i = 0; i < SHAPES; i++) {
		struct golden golden;
		struct network network;
		struct rows rows;
		if (!golden_open(&golden, shapes[i].name))
			continue;
		rows_fill(&rows, json_object_get(golden.json, "batch"));
		if (ok(network_open(&network, &golden.model), "%s: network", golden.name)) {
			test_forward(&golden, &network, &rows);
			test_gradients(&golden, &network, &rows);
			test_greedy(&golden, &network);
		}
		network_close(&network);
		test_training(&golden, 1);
		test_training(&golden, 2);
		golden_close(&golden);
	}
	test_saved("saved");
	test_saved("saved-tanh");
	test_saved("saved-all-kinds");
	return done();
}
