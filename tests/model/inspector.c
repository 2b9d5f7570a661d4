/* Attention matrices, recomputed from what the fast path keeps: against what the
 * fast path gave out, and against transformers' eager attention (testdata/golden,
 * made by attention.py there). */
#include "common/model/inspector.h"

#include <stdlib.h>

#include "common/model/gpt_inspect.h"
#include "common/model/safetensors.h"
#include "tests/tap.h"

#define GOLDEN "testdata/golden/"
#define ROWS 64

static const char *const names[] = {
	"plain", "bias", "narrow-heads", "gelu-new", "epsilon", "unscaled", "by-layer", "own-head",
	"all-kinds",
};

/* A model, a network over it that keeps attention, and a packed batch. */
struct trial {
	const char *name;
	struct model model;
	const struct kernels *kernels;
	struct device *dev;
	float *params;
	struct gpt *gpt;
	json_t *expected;
	struct safetensors *golden;
	int32_t token[ROWS], position[ROWS], begin[16];
	struct gpt_batch batch;
	float *z; /* [layers,n,c] the heads' outputs, while test_matrices() runs */
};

static void fill_batch(struct trial *trial, const json_t *sequences)
{
	struct sequences *packed = &trial->batch.sequences;
	size_t s, i;
	json_t *row, *token;

	json_array_foreach(sequences, s, row) {
		int first = trial->batch.count;
		json_array_foreach(json_object_get(row, "tokens"), i, token) {
			trial->token[trial->batch.count] = (int32_t)json_integer_value(token);
			trial->position[trial->batch.count++] = (int32_t)i;
		}
		trial->begin[++packed->count] = trial->batch.count;
		if (trial->batch.count - first > packed->longest)
			packed->longest = trial->batch.count - first;
	}
	packed->begin = trial->begin;
	trial->batch.token = trial->token;
	trial->batch.position = trial->position;
}

static bool trial_open(struct trial *trial, const char *name)
{
	struct err err = {0};
	char path[256];

	*trial = (struct trial){.name = name, .kernels = kernels_find("cpu", &err)};
	snprintf(path, sizeof path, GOLDEN "%s", name);
	if (!ok(model_load(path, &trial->model, &err) == 0, "%s: a model", name))
		return false;
	snprintf(path, sizeof path, GOLDEN "%s/expected.json", name);
	trial->expected = json_load_file(path, 0, NULL);
	snprintf(path, sizeof path, GOLDEN "%s/attention.safetensors", name);
	trial->golden = safetensors_open(path, &err);
	size_t bytes = gpt_parameter_count(&trial->model.config) * sizeof(float);
	trial->dev = trial->kernels->open(DTYPE_F32, &err);
	trial->params = trial->kernels->alloc(trial->dev, bytes);
	trial->kernels->upload(trial->dev, trial->params, trial->model.params, bytes);
	trial->gpt = gpt_new(&trial->model.config, trial->kernels, trial->dev, trial->params, ROWS,
	                     GPT_KEEP_ATTENTION, &err);
	fill_batch(trial, json_object_get(trial->expected, "batch"));
	return ok(trial->gpt && trial->golden && trial->batch.count > 0, "%s: files, a network %s",
	          name, err.text);
}

static void trial_close(struct trial *trial)
{
	gpt_free(trial->gpt);
	trial->kernels->free(trial->dev, trial->params);
	trial->kernels->close(trial->dev);
	safetensors_close(trial->golden);
	json_decref(trial->expected);
	model_release(&trial->model);
}

/* How far the matrices of a model are from what they must be, at worst. */
struct worst {
	double sum; /* of a row, from 1 */
	double above; /* the diagonal, from 0 */
	double output; /* times v, from the fast path's output, over its largest */
	double golden; /* from transformers */
};

static void raise(double *worst, double value)
{
	if (!(value <= *worst)) /* NaN too */
		*worst = value;
}

static void check_rows(const float *probs, int length, struct worst *worst)
{
	for (int q = 0; q < length; q++) {
		double sum = 0;
		for (int k = 0; k <= q; k++)
			sum += (double)probs[q * length + k];
		raise(&worst->sum, fabs(sum - 1));
		for (int k = q + 1; k < length; k++)
			raise(&worst->above, fabs((double)probs[q * length + k]));
	}
}

/* probs v against out, whose largest element is scale. */
static void check_output(const struct trial *trial, int sequence, int head, const float *probs,
                         const float *qkv, const float *out, double scale, struct worst *worst)
{
	const int c = trial->model.config.width, d = c / trial->model.config.heads;
	const int first = trial->begin[sequence], length = trial->begin[sequence + 1] - first;

	for (int q = 0; q < length; q++)
		for (int j = 0; j < d; j++) {
			double sum = 0;
			for (int k = 0; k <= q; k++)
				sum += (double)probs[q * length + k] *
				       (double)qkv[(first + k) * 3 * c + 2 * c + head * d + j];
			raise(&worst->output,
			      fabs(sum - (double)out[(first + q) * c + head * d + j]) / scale);
		}
}

static const float *golden_matrices(const struct trial *trial, int sequence, int length)
{
	const struct gpt_config *config = &trial->model.config;
	const size_t shape[] = {(size_t)config->layers, (size_t)config->heads, (size_t)length,
	                        (size_t)length};
	struct err err = {0};
	char name[32];

	snprintf(name, sizeof name, "attention.%d", sequence);
	const float *golden = safetensors_find(trial->golden, name, 4, shape, &err);
	if (!golden)
		printf("# %s\n", err.text);
	return golden;
}

static void check_layer(struct trial *trial, int layer, struct worst *worst)
{
	const int c = trial->model.config.width, heads = trial->model.config.heads;
	const int n = trial->batch.count;
	float *qkv = calloc((size_t)n * 3 * c, sizeof *qkv);
	float *probs = calloc((size_t)n * n, sizeof *probs);
	const float *out = trial->z + layer * n * c;
	double scale = 0;

	gpt_attention_qkv(trial->gpt, layer, qkv);
	for (int i = 0; i < n * c; i++)
		scale = fmax(scale, fabs((double)out[i]));
	for (int s = 0; s < trial->batch.sequences.count; s++) {
		const int length = trial->begin[s + 1] - trial->begin[s], square = length * length;
		const float *golden = golden_matrices(trial, s, length);
		for (int head = 0; head < heads; head++) {
			gpt_attention_probs(trial->gpt, layer, s, head, probs);
			check_rows(probs, length, worst);
			check_output(trial, s, head, probs, qkv, out, scale, worst);
			for (int i = 0; i < square; i++)
				raise(&worst->golden,
				      golden ? fabs((double)probs[i] -
				                    (double)golden[(layer * heads + head) * square + i])
				             : INFINITY);
		}
	}
	free(qkv);
	free(probs);
}

static void small(double value, double limit, const char *name, const char *what)
{
	if (!ok(value <= limit, "%s: %s", name, what))
		printf("# off by %g, limit %g\n", value, limit);
}

static void keep_outputs(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	const struct trial *trial = context;

	gpt_hook_read(gpt, place, layer,
	              trial->z + layer * trial->batch.count * trial->model.config.width);
}

static void test_matrices(struct trial *trial)
{
	const int layers = trial->model.config.layers;
	struct worst worst = {0};

	trial->z = calloc((size_t)(layers * trial->batch.count * trial->model.config.width),
	                  sizeof *trial->z);
	gpt_set_hook(trial->gpt, &(struct gpt_hook){
		.places = GPT_PLACE_BIT(GPT_Z), .call = keep_outputs, .context = trial});
	gpt_forward(trial->gpt, &trial->batch, NULL);
	gpt_set_hook(trial->gpt, NULL);
	for (int layer = 0; layer < layers; layer++)
		check_layer(trial, layer, &worst);
	free(trial->z);
	small(worst.sum, 1e-5, trial->name, "rows sum to 1");
	small(worst.above, 0, trial->name, "nothing above the diagonal");
	small(worst.output, 1e-5, trial->name, "times v they are the fast path's output");
	small(worst.golden, 1e-5, trial->name, "equal to transformers' eager attention");
}

/* inspector_run() and inspector_attention() over a record alone: what the network
 * says of the same sequence between others. */
static void test_records(struct trial *trial)
{
	const struct gpt_config *config = &trial->model.config;
	const int context = config->context;
	struct err err = {0};
	struct inspector *inspector = inspector_new(&trial->model, kernels_find("cpu", &err), &err);
	uint16_t token[ROWS] = {0};
	float *probs = calloc((size_t)context * context, sizeof *probs);
	double apart = 0;

	for (int s = 0; s < trial->batch.sequences.count; s++) {
		const int first = trial->begin[s], length = trial->begin[s + 1] - first;
		struct record record = {.tokens = token, .length = (uint32_t)length};
		for (int i = 0; i < length; i++)
			token[i] = (uint16_t)trial->token[first + i];
		raise(&apart, fabs((double)inspector_run(inspector, &record, &err) - length));
		for (int i = 0; i < config->layers * config->heads; i++) {
			int layer = i / config->heads, head = i % config->heads;
			const float *have = inspector_attention(inspector, layer, head, &err);
			gpt_attention_probs(trial->gpt, layer, s, head, probs);
			for (int j = 0; j < length * length; j++)
				raise(&apart, fabs((double)have[j] - (double)probs[j]));
		}
	}
	small(apart, 1e-6, trial->name, "a record alone has the same matrices");
	struct record longer = {.tokens = token, .length = (uint32_t)context + 1};
	is_int(inspector_run(inspector, &longer, &err), context,
	       "one character past the context has no row");
	longer.length++;
	ok(inspector_run(inspector, &longer, &err) < 0 && strstr(err.text, "context"),
	   "two are an error: %s", err.text);
	inspector_free(inspector);
	free(probs);
}

static void test_not_finite(struct trial *trial)
{
	struct err err = {0};
	uint16_t token[4] = {0, 1, 2, 3};
	struct record record = {.tokens = token, .length = 4};
	float kept = trial->model.params[2 * trial->model.config.width];

	trial->model.params[2 * trial->model.config.width] = NAN; /* of token 2's embedding */
	struct inspector *inspector = inspector_new(&trial->model, kernels_find("cpu", &err), &err);
	is_int(inspector_run(inspector, &record, &err), 4, "a record that is run");
	ok(inspector_attention(inspector, 0, 0, &err) == NULL && strstr(err.text, "not finite"),
	   "a matrix that is not finite is an error: %s", err.text);
	inspector_free(inspector);
	trial->model.params[2 * trial->model.config.width] = kept;
}

int main(void)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct trial trial;
		if (!trial_open(&trial, names[i]))
			continue;
		test_matrices(&trial);
		test_records(&trial);
		if (i == 0)
			test_not_finite(&trial);
		trial_close(&trial);
	}
	return done();
}
