#include "tests/kernels/harness/network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rng.h"
#include "common/model/gpt.h"
#include "common/model/gpt_inspect.h"
#include "common/model/kv_cache.h"
#include "common/train/trainer.h"

/* Sizes that are no multiple of anything, heads of 10 columns. */
static const struct gpt_config config = {
	.layers = 2, .heads = 2, .width = 20, .context = 83, .vocab = 29, .bias = true,
};

enum { ROWS = 112, SEQUENCES = 4, EXAMPLES = 8 };
static const int32_t ends[SEQUENCES + 1] = {0, 1, 18, 29, ROWS}; /* the last: 83 rows */

struct check {
	const char *label;
	enum dtype dtype;
	bool (*ok)(bool good, const char *format, ...);
	float *params;
	size_t count;
	int32_t token[ROWS], position[ROWS], target[ROWS];
	float weight[ROWS];
	struct gpt_batch batch;
};

/* What one table makes of it all. */
struct result {
	float loss[ROWS], *logits, *gradient, *probs, *decoded;
};

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static void must_not(const struct err *err)
{
	if (err->status == ERR_NONE)
		return;
	printf("Bail out! %s\n", err->text);
	exit(1);
}

/* The largest difference, as a share of the largest number wanted. */
static double off(const float *have, const float *want, size_t count)
{
	double worst = 0, largest = 0;

	for (size_t i = 0; i < count; i++) {
		worst = fmax(worst, fabs((double)have[i] - (double)want[i]));
		largest = fmax(largest, fabs((double)want[i]));
		if (!isfinite(have[i]))
			return INFINITY;
	}
	return largest > 0 ? worst / largest : worst;
}

static void near(const struct check *check, double have, double f32, double bf16, const char *what)
{
	const double limit = check->dtype == DTYPE_F32    ? f32
	                     : check->dtype == DTYPE_F16 ? fmax(bf16 / 4, f32)
	                                                 : bf16;

	if (!check->ok(have < limit, "%s: %s", check->label, what))
		printf("# off by %g, expected less than %g\n", have, limit);
}

static void begin(struct check *check)
{
	struct rng rng;

	check->count = gpt_parameter_count(&config);
	check->params = must(malloc(check->count * sizeof *check->params));
	gpt_init_parameters(&config, 3, check->params);
	rng_init(&rng, 1, RNG_TEST, 1);
	for (size_t i = 0; i < check->count; i++) /* as a network that has learned something */
		check->params[i] += (float)(0.1 * rng_normal(&rng));
	check->batch = (struct gpt_batch){
		.count = ROWS, .sequences = {SEQUENCES, ends, 83}, .token = check->token,
		.position = check->position, .target = check->target, .weight = check->weight,
	};
	for (int s = 0; s < SEQUENCES; s++)
		for (int i = ends[s]; i < ends[s + 1]; i++) {
			check->token[i] = (int32_t)rng_below(&rng, (uint64_t)config.vocab);
			check->position[i] = i - ends[s];
			check->target[i] = i % 7 == 3 ? -1 : (int32_t)rng_below(&rng, (uint64_t)config.vocab);
			check->weight[i] = (float)rng_uniform(&rng);
		}
}

/* ---- passes ---- */

static struct gpt *network(const struct check *check, const struct kernels *k,
                           struct device *dev, float **at, enum gpt_keep keep)
{
	struct err err = {0};

	*at = must(k->alloc(dev, check->count * sizeof **at));
	k->upload(dev, *at, check->params, check->count * sizeof **at);
	struct gpt *gpt = gpt_new(&config, k, dev, *at, ROWS, keep, &err);
	must_not(&err);
	return gpt;
}

static void train_pass(const struct check *check, const struct kernels *k, struct device *dev,
                       struct result *result)
{
	float *at;
	struct gpt *gpt = network(check, k, dev, &at, GPT_KEEP_ALL);

	gpt_dropout(gpt, 0.1f, 5, 6);
	gpt_forward(gpt, &check->batch, result->loss);
	gpt_backward(gpt);
	k->download(dev, result->gradient, gpt_gradients(gpt), check->count * sizeof(float));
	gpt_free(gpt);
	k->free(dev, at);
}

static void look(const struct check *check, const struct kernels *k, struct device *dev,
                 struct result *result)
{
	struct gpt_batch batch = check->batch;
	float *at, *probs = result->probs;
	struct gpt *gpt = network(check, k, dev, &at, GPT_KEEP_ATTENTION);

	batch.target = NULL;
	gpt_forward(gpt, &batch, NULL);
	gpt_logits(gpt, 0, batch.count, result->logits);
	for (int l = 0; l < config.layers; l++)
		for (int h = 0; h < config.heads; h++, probs += 83 * 83)
			gpt_attention_probs(gpt, l, SEQUENCES - 1, h, probs);
	gpt_free(gpt);
	k->free(dev, at);
}

/* The last sequence goes into the cache in pieces; logits of the last row of each. */
static void decode(const struct check *check, const struct kernels *k, struct device *dev,
                   struct result *result)
{
	static const int pieces[] = {0, 40, 41, 42, 83};
	const int32_t *token = check->token + ends[SEQUENCES - 1];
	int32_t slot[ROWS];
	float *at;
	struct err err = {0};
	struct gpt *gpt = network(check, k, dev, &at, GPT_KEEP_NOTHING);
	struct kv_cache *cache = kv_cache_new(gpt, 2, &err);

	must_not(&err);
	for (int i = 0; i < ROWS; i++)
		slot[i] = 1;
	for (int i = 0; i < 4; i++) {
		const int rows = pieces[i + 1] - pieces[i];
		const int32_t want = rows - 1;
		kv_cache_decode(cache, rows, token + pieces[i], slot,
		                check->position + ends[SEQUENCES - 1] + pieces[i], 1, &want,
		                result->decoded + i * config.vocab);
	}
	kv_cache_free(cache);
	gpt_free(gpt);
	k->free(dev, at);
}

static struct result run(const struct check *check, const struct kernels *k)
{
	struct err err = {0};
	/* Not every CPU has bfloat16: the other side is float32 always. */
	struct device *dev = k->open(check->dtype, &err);
	const size_t matrices = (size_t)config.layers * config.heads * 83 * 83;
	struct result result = {
		.logits = must(malloc(ROWS * (size_t)config.vocab * sizeof(float))),
		.gradient = must(malloc(check->count * sizeof(float))),
		.probs = must(malloc(matrices * sizeof(float))),
		.decoded = must(malloc(4 * (size_t)config.vocab * sizeof(float))),
	};

	must_not(&err);
	train_pass(check, k, dev, &result);
	look(check, k, dev, &result);
	decode(check, k, dev, &result);
	k->close(dev);
	return result;
}

static void release(struct result *result)
{
	free(result->logits);
	free(result->gradient);
	free(result->probs);
	free(result->decoded);
}

static void check_passes(struct check *check, const struct kernels *have,
                         const struct kernels *want)
{
	const size_t matrices = (size_t)config.layers * config.heads * 83 * 83;
	const size_t vocab = (size_t)config.vocab;
	struct check other = *check;
	struct result mine = run(check, have), again = run(check, have);
	other.dtype = DTYPE_F32;
	struct result theirs = run(&other, want);

	near(check, off(mine.loss, theirs.loss, ROWS), 1e-5, 3e-2, "losses, with dropout");
	near(check, off(mine.gradient, theirs.gradient, check->count), 1e-4, 1e-1, "gradients");
	near(check, off(mine.logits, theirs.logits, ROWS * vocab), 1e-5, 3e-2, "logits");
	near(check, off(mine.probs, theirs.probs, matrices), 1e-5, 5e-2, "attention matrices");
	near(check, off(mine.decoded, theirs.decoded, 4 * vocab), 1e-5, 3e-2, "decoding");
	near(check, off(mine.decoded + 3 * vocab, mine.logits + (ROWS - 1) * vocab, vocab), 1e-5,
	     3e-2, "decoding ends where a pass over the whole text does");
	check->ok(memcmp(mine.loss, again.loss, sizeof mine.loss) == 0 &&
	          memcmp(mine.gradient, again.gradient, check->count * sizeof(float)) == 0,
	          "%s: the same bits again", check->label);
	release(&mine);
	release(&again);
	release(&theirs);
}

/* ---- training ---- */

/* Records count up from some token, modulo the vocabulary: a thing to learn. */
static void take_examples(int step, struct example *examples, uint16_t *token, uint8_t *kind)
{
	struct rng rng;

	rng_init(&rng, 2, RNG_TEST, (uint64_t)step);
	for (int e = 0; e < EXAMPLES; e++, token += 84, kind += 84) {
		const int first = (int)rng_below(&rng, (uint64_t)config.vocab);
		examples[e] = (struct example){
			.token = token, .kind = kind, .length = 2 + (int)rng_below(&rng, 83),
		};
		for (int i = 0; i < 84; i++) {
			token[i] = (uint16_t)((first + i) % config.vocab);
			kind[i] = (uint8_t)(i % 2);
		}
	}
}

static struct trainer *trainer_on(const struct check *check, const struct kernels *kernels,
                                  enum dtype dtype, int steps)
{
	struct trainer_options options = {
		.kernels = kernels, .workers = 1, .dtype = dtype, .seed = 1,
		.lr = {.peak = 3e-3, .min = 3e-4, .warmup = 2, .steps = steps},
		.optimizer = {
			.kind = OPTIMIZER_MUON, .momentum = 0.9, .beta1 = 0.9, .beta2 = 0.99,
			.weight_decay = 0.1, .clip = 1,
		},
	};
	struct err err = {0};

	for (int i = 0; i < SPAN_KINDS; i++)
		options.weight[i] = i == 1 ? 2 : 1;
	struct trainer *trainer = trainer_new(&config, &options, check->params, &err);
	must_not(&err);
	return trainer;
}

/* Steps first … end-1; losses into loss. */
static void train(struct trainer *trainer, int first, int end, double *loss)
{
	struct example examples[EXAMPLES];
	uint16_t token[EXAMPLES * 84];
	uint8_t kind[EXAMPLES * 84];
	struct err err = {0};

	for (int step = first; step < end; step++) {
		struct step_result result;
		take_examples(step, examples, token, kind);
		trainer_step(trainer, examples, EXAMPLES, &result, &err);
		must_not(&err);
		loss[step] = result.loss;
	}
}

static void hand_over(const struct trainer *from, struct trainer *to)
{
	struct trainer_state state;
	struct err err = {0};

	trainer_state(from, &state, &err);
	must_not(&err);
	trainer_restore(to, &state);
	trainer_state_release(&state);
}

static double curve_off(const double *have, const double *want, int steps)
{
	double worst = 0;

	for (int i = 0; i < steps; i++)
		worst = fmax(worst, fabs(have[i] - want[i]));
	return isnan(worst) ? INFINITY : worst;
}

static void check_training(struct check *check, const struct kernels *have,
                           const struct kernels *want, int steps)
{
	const int half = steps / 2;
	double *whole = must(calloc(4 * (size_t)steps, sizeof *whole));
	double *other = whole + steps, *resumed = other + steps, *across = resumed + steps;
	struct trainer *a = trainer_on(check, have, check->dtype, steps);
	struct trainer *b = trainer_on(check, want, DTYPE_F32, steps);
	struct trainer *c = trainer_on(check, have, check->dtype, steps);
	struct trainer *d = trainer_on(check, want, DTYPE_F32, steps);
	struct trainer *e = trainer_on(check, have, check->dtype, steps);

	train(a, 0, half, whole);
	hand_over(a, c);
	train(a, half, steps, whole);
	train(c, half, steps, resumed);
	train(b, 0, half, other);
	hand_over(b, e);
	train(b, half, steps, other);
	train(e, half, steps, across);
	hand_over(e, d);
	printf("# %s: loss %g, then %g; beside it %g, %g\n", check->label, whole[0],
	       whole[steps - 1], other[0], other[steps - 1]);
	check->ok(whole[steps - 1] < whole[0], "%s: the loss falls in %d steps", check->label, steps);
	near(check, curve_off(whole, other, steps), 2e-2, 1e-1, "and so it does on the other device");
	check->ok(memcmp(whole + half, resumed + half, (size_t)(steps - half) * sizeof *whole) == 0,
	          "%s: a resumed run goes on to the bit", check->label);
	near(check, curve_off(across + half, other + half, steps - half), 2e-2, 1e-1,
	     "what the other device saved goes on here");
	check->ok(trainer_steps(d) == steps, "%s: and back", check->label);
	trainer_free(a);
	trainer_free(b);
	trainer_free(c);
	trainer_free(d);
	trainer_free(e);
	free(whole);
}

void network_check(const struct kernels *have, const struct kernels *want, enum dtype dtype,
                   int steps, const char *label, bool (*ok)(bool good, const char *format, ...))
{
	struct check check = {.label = label, .dtype = dtype, .ok = ok};

	begin(&check);
	check_passes(&check, have, want);
	check_training(&check, have, want, steps);
	free(check.params);
}
