#include "common/model/gpt_parameters.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/rng.h"

#define INIT_DEVIATION 0.02 /* Radford et al. 2019, as nanoGPT has it */

/* How a tensor is initialised. */
enum start {
	START_NORMAL, /* N(0, 0.02) */
	START_RESIDUAL, /* N(0, 0.02 / sqrt(2 layers)): it writes into the residual stream */
	START_ONE,
	START_ZERO,
};

#define INNER (-1) /* rows or cols of a tensor: the width of the feed-forward part */

/* One tensor of a block; rows and cols in units of width, or INNER; rows 0: a vector. */
struct block_tensor {
	const char *name;
	int rows, cols;
	enum start start;
	bool bias; /* it exists only if the network has biases */
	int hidden; /* see struct gpt_tensor */
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

/* walk_tensors() calls visit() for each tensor, in the order of the array. */
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

/* Rows or cols of a block's tensor, in elements. */
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
	if (config->own_head)
		walk_one(&walk, config->vocab, c, START_NORMAL, 0, "lm_head.weight");
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
	return 2 + config->layers * weights + (config->bias ? 2 : 1) + config->own_head;
}

void gpt_tensors(const struct gpt_config *config, struct gpt_tensor *tensors)
{
	walk_tensors(config, visit_list, &tensors);
}

size_t gpt_parameter_count(const struct gpt_config *config)
{
	return walk_tensors(config, visit_nothing, NULL);
}

/* ---- sections ---- */

int gpt_section_count(const struct gpt_config *config)
{
	return 2 * config->layers + 2;
}

/* Each layer norm's gain begins a section. */
static void visit_section(void *data, const struct gpt_tensor *tensor, enum start start)
{
	size_t **next = data;

	if (start == START_ONE)
		*--*next = tensor->offset;
}

void gpt_sections(const struct gpt_config *config, size_t *begin)
{
	size_t *next = begin + gpt_section_count(config);

	*--next = 0;
	walk_tensors(config, visit_section, &next);
}

/* ---- initialisation ---- */

struct init {
	uint64_t seed;
	uint64_t index; /* of the tensor: each has random numbers of its own */
	double residual; /* the standard deviation of START_RESIDUAL */
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

/* ---- another context ---- */

void gpt_shorten_context(const struct gpt_config *config, float *params, int context)
{
	const size_t c = (size_t)config->width, wte = (size_t)config->vocab * c;
	const size_t kept = wte + (size_t)context * c, old = wte + (size_t)config->context * c;

	memmove(params + kept, params + old, (gpt_parameter_count(config) - old) * sizeof *params);
}

/* ---- memory ---- */

#define HUGE_PAGE ((size_t)2 << 20)

float *gpt_alloc_parameters(const struct gpt_config *config, struct err *err)
{
	const size_t count = gpt_parameter_count(config), bytes = count * sizeof(float);
	void *memory;

	/* A pass goes through the array once: with small pages it waits for their addresses. */
	if (posix_memalign(&memory, bytes >= HUGE_PAGE ? HUGE_PAGE : 64, bytes) != 0) {
		err_set(err, "out of memory for %zu parameters", count);
		return NULL;
	}
#ifdef MADV_HUGEPAGE
	if (bytes >= HUGE_PAGE)
		(void)madvise(memory, bytes, MADV_HUGEPAGE); /* without them it is slower, no more */
#endif
	return memory;
}

const float *gpt_upload_parameters(const struct gpt_config *config, const struct kernels *kernels,
                                   struct device *dev, const float *params, struct err *err)
{
	const size_t bytes = gpt_parameter_count(config) * sizeof *params;

	if (kernels->host_memory)
		return params;
	float *copy = kernels->alloc(dev, bytes);

	if (!copy) {
		err_set(err, "out of memory for %zu bytes of parameters", bytes);
		return NULL;
	}
	kernels->upload(dev, copy, params, bytes);
	return copy;
}

void gpt_free_uploaded(const struct kernels *kernels, struct device *dev, const float *uploaded,
                       const float *params)
{
	/* The cast drops const: a copy is ours. */
	if (uploaded && uploaded != params)
		kernels->free(dev, (float *)uploaded);
}
