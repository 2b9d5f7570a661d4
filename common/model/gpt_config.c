/* gpt_config.c - the network's shape: its tensors, their places, their start. */
#include "common/model/gpt.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/rng.h"
#include "common/stream/vocab.h"

#define INIT_DEVIATION 0.02 /* Radford et al. 2019, as nanoGPT has it */

/* What a tensor starts as. */
enum start {
	START_NORMAL, /* N(0, 0.02) */
	START_RESIDUAL, /* N(0, 0.02 / sqrt(2 layers)): it writes into the residual stream */
	START_ONE,
	START_ZERO,
};

#define INNER (-1) /* rows or cols of a tensor: the width of the feed-forward part */

/* One tensor of a block; rows and cols in widths or INNER, rows 0: a vector. */
struct block_tensor {
	const char *name;
	int rows, cols;
	enum start start;
	bool bias; /* there only where the network has biases */
	int hidden; /* see gpt.h */
};

static const struct block_tensor block[] = {
	{"ln_1.weight", 0, 1, START_ONE, false, 0},
	{"ln_1.bias", 0, 1, START_ZERO, true, 0},
	{"attn.c_attn.weight", 1, 3, START_NORMAL, false, 3},
	{"attn.c_attn.bias", 0, 3, START_ZERO, true, 0},
	{"attn.c_proj.weight", 1, 1, START_RESIDUAL, false, 1},
	{"attn.c_proj.bias", 0, 1, START_ZERO, true, 0},
	{"ln_2.weight", 0, 1, START_ONE, false, 0},
	{"ln_2.bias", 0, 1, START_ZERO, true, 0},
	{"mlp.c_fc.weight", 1, INNER, START_NORMAL, false, 1},
	{"mlp.c_fc.bias", 0, INNER, START_ZERO, true, 0},
	{"mlp.c_proj.weight", INNER, 1, START_RESIDUAL, false, 1},
	{"mlp.c_proj.bias", 0, 1, START_ZERO, true, 0},
};

#define BLOCK_TENSORS ((int)(sizeof block / sizeof *block))

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

bool gpt_config_equal(const struct gpt_config *a, const struct gpt_config *b)
{
	return a->layers == b->layers && a->heads == b->heads && a->width == b->width &&
	       a->context == b->context && a->bias == b->bias && gpt_inner(a) == gpt_inner(b);
}

int gpt_config_check(const struct gpt_config *config, struct err *err)
{
	if (check_range("number of layers", config->layers, GPT_LAYERS_MAX, err) < 0 ||
	    check_range("width", config->width, GPT_WIDTH_MAX, err) < 0 ||
	    check_range("number of heads", config->heads, config->width, err) < 0 ||
	    check_range("width of the feed-forward part", gpt_inner(config), GPT_INNER_MAX,
	                err) < 0 ||
	    check_range("context", config->context, GPT_CONTEXT_MAX, err) < 0 ||
	    check_range("vocabulary", config->vocab, VOCAB_MAX, err) < 0)
		return -1;
	if (config->width % config->heads != 0)
		return err_set(err, "width %d is not a multiple of the number of heads, %d",
		               config->width, config->heads);
	return 0;
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

/* The tensors in their order, handed to visit() one by one. */
typedef void visitor(void *data, const struct gpt_tensor *tensor, enum start start);

struct walk {
	visitor *visit;
	void *data;
	size_t offset; /* where the next tensor begins */
};

__attribute__((format(printf, 6, 7)))
static void walk_one(struct walk *walk, int rows, int cols, enum start start, int hidden,
                     const char *format, ...)
{
	struct gpt_tensor tensor = {
		.rows = rows, .cols = cols, .decay = rows > 0, .hidden = hidden,
	};
	va_list args;

	va_start(args, format);
	vsnprintf(tensor.name, sizeof tensor.name, format, args);
	va_end(args);
	tensor.offset = walk->offset;
	tensor.count = (rows > 0 ? (size_t)rows : 1) * (size_t)cols;
	walk->offset += tensor.count;
	walk->visit(walk->data, &tensor, start);
}

/* Elements of so many rows or cols of a block's tensor. */
static int extent(const struct gpt_config *config, int number)
{
	return number == INNER ? gpt_inner(config) : number * config->width;
}

static size_t walk_tensors(const struct gpt_config *config, visitor *visit, void *data)
{
	struct walk walk = {.visit = visit, .data = data};
	int c = config->width;

	walk_one(&walk, config->vocab, c, START_NORMAL, 0, "transformer.wte.weight");
	walk_one(&walk, config->context, c, START_NORMAL, 0, "transformer.wpe.weight");
	for (int layer = 0; layer < config->layers; layer++) {
		for (int i = 0; i < BLOCK_TENSORS; i++) {
			const struct block_tensor *t = &block[i];
			if (!t->bias || config->bias)
				walk_one(&walk, extent(config, t->rows), extent(config, t->cols),
				         t->start, t->hidden, "transformer.h.%d.%s", layer, t->name);
		}
	}
	walk_one(&walk, 0, c, START_ONE, 0, "transformer.ln_f.weight");
	if (config->bias)
		walk_one(&walk, 0, c, START_ZERO, 0, "transformer.ln_f.bias");
	return walk.offset;
}

static void visit_nothing(void *data, const struct gpt_tensor *tensor, enum start start)
{
	(void)data;
	(void)tensor;
	(void)start;
}

static void visit_list(void *data, const struct gpt_tensor *tensor, enum start start)
{
	struct gpt_tensor **next = data;

	(void)start;
	*(*next)++ = *tensor;
}

int gpt_tensor_count(const struct gpt_config *config)
{
	int weights = 0;

	for (int i = 0; i < BLOCK_TENSORS; i++)
		weights += !block[i].bias || config->bias;
	return 2 + config->layers * weights + (config->bias ? 2 : 1);
}

void gpt_tensors(const struct gpt_config *config, struct gpt_tensor *tensors)
{
	walk_tensors(config, visit_list, &tensors);
}

size_t gpt_parameter_count(const struct gpt_config *config)
{
	return walk_tensors(config, visit_nothing, NULL);
}

double gpt_training_flops(const struct gpt_config *config, int rows)
{
	const double n = rows, c = config->width, layers = config->layers;
	const double of_block = 4 * c * c + 2 * c * gpt_inner(config);
	const double weights = layers * of_block + c * config->vocab;
	const double pairs = n * (n + 1) / 2; /* of a row and a key that it attends to */

	return 6 * weights * n + 12 * layers * c * pairs;
}

struct init {
	uint64_t seed;
	uint64_t index; /* of the tensor: the sequence its numbers come from */
	double residual;
	float *params;
};

static void visit_init(void *data, const struct gpt_tensor *tensor, enum start start)
{
	struct init *init = data;
	float *to = init->params + tensor->offset;
	double deviation = start == START_RESIDUAL ? init->residual : INIT_DEVIATION;
	struct rng rng;

	rng_init(&rng, init->seed, RNG_INIT, init->index++);
	for (size_t i = 0; i < tensor->count; i++) {
		if (start == START_ONE)
			to[i] = 1;
		else if (start == START_ZERO)
			to[i] = 0;
		else
			to[i] = (float)(deviation * rng_normal(&rng));
	}
}

void gpt_init_parameters(const struct gpt_config *config, uint64_t seed, float *params)
{
	struct init init = {
		.seed = seed,
		.residual = INIT_DEVIATION / sqrt(2.0 * config->layers),
		.params = params,
	};
	walk_tensors(config, visit_init, &init);
}
