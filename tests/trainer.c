/* trainer.c - training steps against the network itself: whoever divides the
 * work, and however, the gradient is that of the weighted mean. */
#include <stdlib.h>
#include <unistd.h>

#include "common/metrics.h"
#include "common/rng.h"
#include "common/trainer.h"
#include "common/training_state.h"
#include "tests/tap.h"

#define EXAMPLES 96 /* of up to CONTEXT tokens: more rows than one pass takes */
#define CONTEXT 16
#define KINDS 3

static const struct gpt_config config = {
	.layers = 2, .heads = 2, .width = 8, .context = CONTEXT, .vocab = 11, .bias = true,
};

/* A batch, and the same records as a corpus. */
struct data {
	uint16_t token[EXAMPLES * CONTEXT];
	uint8_t kind[EXAMPLES * CONTEXT];
	uint64_t id[EXAMPLES], begin[EXAMPLES + 1];
	struct example example[EXAMPLES];
	struct corpus corpus;
};

/* Records count up from a random token, modulo the vocabulary: a thing to learn. */
static void make_data(struct data *data, uint64_t seed)
{
	struct rng rng;
	uint64_t at = 0;

	rng_init(&rng, seed, RNG_TEST, 0);
	for (int e = 0; e < EXAMPLES; e++) {
		int length = 2 + (int)rng_below(&rng, CONTEXT - 1);
		int token = (int)rng_below(&rng, (uint64_t)config.vocab);
		data->id[e] = (uint64_t)e;
		data->begin[e] = at;
		data->example[e] = (struct example){
			.id = (uint64_t)e, .token = data->token + at, .kind = data->kind + at,
			.length = length,
		};
		for (int i = 0; i < length; i++, at++) {
			data->token[at] = (uint16_t)((token + i) % config.vocab);
			data->kind[at] = (uint8_t)rng_below(&rng, KINDS);
		}
	}
	data->begin[EXAMPLES] = at;
	data->corpus = (struct corpus){
		.count = EXAMPLES, .token_count = at, .id = data->id, .begin = data->begin,
		.token = data->token, .kind = data->kind,
	};
}

static struct trainer_options options_of(int workers)
{
	struct trainer_options options = {
		.kernels = kernels_find("cpu", NULL), .workers = workers,
		.dtype = DTYPE_F32, .lr = 1e-2, .min_lr = 1e-3, .warmup = 3,
		.steps = 100, .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.1, .seed = 1,
	};

	for (int i = 0; i < SPAN_KINDS; i++)
		options.weight[i] = 1;
	return options;
}

static size_t parameters(void)
{
	return gpt_parameter_count(&config);
}

static struct trainer *make_trainer_of(const struct gpt_config *shape,
                                       const struct trainer_options *options)
{
	struct err err = {0};
	float *params = malloc(gpt_parameter_count(shape) * sizeof *params);

	gpt_init_parameters(shape, 3, params);
	struct trainer *trainer = trainer_new(shape, options, params, &err);
	free(params);
	if (trainer == NULL) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return trainer;
}

static struct trainer *make_trainer(const struct trainer_options *options)
{
	return make_trainer_of(&config, options);
}

/* The trainer's state, to trainer_state_release(). */
static struct trainer_state state_of(const struct trainer *trainer)
{
	struct trainer_state state;
	struct err err = {0};

	if (trainer_state(trainer, &state, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return state;
}

/* The largest difference, as a share of the largest number wanted. */
static double off(const float *have, const float *want, size_t count)
{
	double worst = 0, largest = 0;

	for (size_t i = 0; i < count; i++) {
		worst = fmax(worst, fabs((double)have[i] - (double)want[i]));
		largest = fmax(largest, fabs((double)want[i]));
		if (isnan(have[i]) || isnan(want[i]))
			return INFINITY;
	}
	return largest > 0 ? worst / largest : worst;
}

static bool below(double have, double limit, const char *what)
{
	bool good = ok(have < limit, "%s", what);

	if (!good)
		printf("# %g, expected less than %g\n", have, limit);
	return good;
}

/* ---- learning rate ---- */

/* min + (max - min) (1 + cos(pi t)) / 2 (Loshchilov & Hutter 2017, equation 5)
 * behind a linear rise; as nanoGPT has it. */
static void test_rate(void)
{
	struct trainer_options options = {.lr = 3e-3, .min_lr = 1e-4, .warmup = 4, .steps = 24};
	double worst = 0;

	for (int step = 0; step < 4; step++)
		worst = fmax(worst, fabs(trainer_lr(&options, step) - 3e-3 * (step + 1) / 5));
	below(worst, 1e-15, "warm-up rises in equal parts");
	is_near(trainer_lr(&options, 4), 3e-3, 1e-15, "then comes the peak");
	is_near(trainer_lr(&options, 9), 1e-4 + 2.9e-3 * (2 + sqrt(2)) / 4, 1e-15, "a quarter down");
	is_near(trainer_lr(&options, 14), 1e-4 + 2.9e-3 / 2, 1e-15, "half-way");
	is_near(trainer_lr(&options, 19), 1e-4 + 2.9e-3 * (2 - sqrt(2)) / 4, 1e-15, "three quarters");
	is_near(trainer_lr(&options, 24), 1e-4, 1e-15, "the end of the schedule");
	is_near(trainer_lr(&options, 1000), 1e-4, 1e-15, "and past it");
	for (int step = 5; step < 24; step++)
		if (trainer_lr(&options, step) >= trainer_lr(&options, step - 1))
			worst = 1;
	below(worst, 1e-15, "falls at every step");
	options.warmup = 0;
	is_near(trainer_lr(&options, 0), 3e-3, 1e-15, "without a warm-up the peak comes first");
	options.warmup = 24;
	is_near(trainer_lr(&options, 23), 3e-3 * 24 / 25, 1e-15, "all warm-up");
	is_near(trainer_lr(&options, 24), 1e-4, 1e-15, "all warm-up, and past it");
	options.min_lr = options.lr;
	options.warmup = 0;
	is_near(trainer_lr(&options, 17), 3e-3, 1e-15, "a minimum at the peak: constant");
}

/* ---- gradients ---- */

/* What the network itself says of some examples: losses by kind, and Σ w ∇l / Σ w. */
struct direct {
	double loss[KINDS];
	int64_t tokens[KINDS];
	float *gradient;
};

static void ask_network(struct direct *direct, const struct example *examples, int count,
                        const float *params, const float *weight)
{
	struct err err = {0};
	const struct kernels *k = kernels_find("cpu", &err);
	struct device *dev = k->open(DTYPE_F32, &err);
	struct gpt *gpt = gpt_new(&config, k, dev, params, CONTEXT, GPT_KEEP_ALL, &err);
	double sum = 0;

	*direct = (struct direct){.gradient = malloc(parameters() * sizeof(float))};
	gpt_zero_gradients(gpt);
	for (int e = 0; e < count; e++) {
		const struct example *example = &examples[e];
		int32_t token[CONTEXT], position[CONTEXT], target[CONTEXT], begin[2] = {0};
		float weights[CONTEXT], loss[CONTEXT];
		const int n = example->length - 1;
		for (int i = 0; i < n; i++) {
			token[i] = example->token[i];
			position[i] = i;
			target[i] = example->token[i + 1];
			weights[i] = weight[example->kind[i + 1]];
			sum += (double)weights[i];
		}
		begin[1] = n;
		const struct gpt_batch batch = {
			.count = n, .sequences = {.count = 1, .begin = begin, .longest = n},
			.token = token, .position = position, .target = target, .weight = weights,
		};
		gpt_forward(gpt, &batch, loss);
		gpt_backward(gpt);
		for (int i = 0; i < n; i++) {
			direct->loss[example->kind[i + 1]] += (double)loss[i];
			direct->tokens[example->kind[i + 1]]++;
		}
	}
	k->download(dev, direct->gradient, gpt_gradients(gpt), parameters() * sizeof(float));
	for (size_t i = 0; i < parameters(); i++)
		direct->gradient[i] = (float)((double)direct->gradient[i] / sum);
	gpt_free(gpt);
	k->close(dev);
}

static double norm(const float *x)
{
	double sum = 0;

	for (size_t i = 0; i < parameters(); i++)
		sum += (double)x[i] * (double)x[i];
	return sqrt(sum);
}

static double mean_loss(const struct direct *direct)
{
	double loss = 0;
	int64_t tokens = 0;

	for (int i = 0; i < KINDS; i++) {
		loss += direct->loss[i];
		tokens += direct->tokens[i];
	}
	return loss / (double)tokens;
}

/* After the first step the first moment is (1 - beta1) times the gradient that
 * was stepped along. */
static float *first_gradient(const struct trainer *trainer, const struct trainer_options *options)
{
	struct trainer_state state = state_of(trainer);
	float *gradient = malloc(parameters() * sizeof *gradient);

	for (size_t i = 0; i < parameters(); i++)
		gradient[i] = (float)((double)state.moment1[i] / (1 - options->beta1));
	trainer_state_release(&state);
	return gradient;
}

static void test_gradient(const struct data *data, int workers, int count, const float *weight,
                          double clip, const char *what)
{
	struct trainer_options options = options_of(workers);
	struct step_result result;
	struct direct direct;
	struct err err = {0};

	memcpy(options.weight, weight, KINDS * sizeof *weight);
	options.clip = clip;
	struct trainer *trainer = make_trainer(&options);
	struct trainer_state state = state_of(trainer);
	ask_network(&direct, data->example, count, state.params, weight);
	trainer_state_release(&state);
	if (trainer_step(trainer, data->example, count, &result, &err) < 0)
		printf("# %s\n", err.text);
	is_near(result.loss, mean_loss(&direct), 1e-6, what);
	below(fabs(result.grad_norm / norm(direct.gradient) - 1), 1e-5, "  norm of the mean gradient");
	if (clip > 0 && norm(direct.gradient) > clip) {
		const double scale = clip / norm(direct.gradient);
		for (size_t i = 0; i < parameters(); i++)
			direct.gradient[i] = (float)((double)direct.gradient[i] * scale);
	}
	float *gradient = first_gradient(trainer, &options);
	below(off(gradient, direct.gradient, parameters()), 1e-5, "  the gradient itself");
	free(gradient);
	free(direct.gradient);
	trainer_free(trainer);
}

static void test_gradients(const struct data *data)
{
	static const float plain[KINDS] = {1, 1, 1}, heavy[KINDS] = {1, 5, 0.25};
	static const float one[KINDS] = {0, 3, 0};
	static const float scaled[KINDS] = {100, 500, 25};

	test_gradient(data, 1, EXAMPLES, plain, 0, "one worker, weights of 1");
	test_gradient(data, 2, EXAMPLES, plain, 0, "two workers");
	test_gradient(data, 3, EXAMPLES, plain, 0, "three workers");
	test_gradient(data, 3, 2, plain, 0, "more workers than examples");
	test_gradient(data, 1, 1, plain, 0, "one example");
	test_gradient(data, 2, EXAMPLES, heavy, 0, "weights by kind");
	test_gradient(data, 2, EXAMPLES, scaled, 0, "weights of another scale are divided out");
	test_gradient(data, 2, EXAMPLES, one, 0, "one kind alone");
	test_gradient(data, 2, EXAMPLES, plain, 0.01, "clipped");
	test_gradient(data, 2, EXAMPLES, plain, 1e6, "below the clip");
}

/* One step on all is one on the sum of the gradients of two halves: what
 * accumulation over batches comes to. */
static void test_accumulation(const struct data *data)
{
	struct trainer_options options = options_of(2);
	struct step_result result;
	struct err err = {0};
	float *part[3];
	double weight[3];

	options.weight[1] = 4;
	for (int i = 0; i < 3; i++) {
		const int from = i == 1 ? EXAMPLES / 2 : 0, count = i == 2 ? EXAMPLES : EXAMPLES / 2;
		struct trainer *trainer = make_trainer(&options);
		trainer_step(trainer, data->example + from, count, &result, &err);
		part[i] = first_gradient(trainer, &options);
		weight[i] = 0;
		for (int e = from; e < from + count; e++)
			for (int t = 1; t < data->example[e].length; t++)
				weight[i] += (double)options.weight[data->example[e].kind[t]];
		trainer_free(trainer);
	}
	for (size_t i = 0; i < parameters(); i++)
		part[0][i] = (float)((weight[0] * (double)part[0][i] + weight[1] * (double)part[1][i]) /
		                     weight[2]);
	below(off(part[0], part[2], parameters()), 1e-5, "two batches summed are one larger batch");
	for (int i = 0; i < 3; i++)
		free(part[i]);
}

/* ---- bits ---- */

/* Some steps; the losses, and the parameters after the last. */
struct course {
	double loss[12];
	float *params;
};

static struct course run_course(const struct data *data, const struct trainer_options *options)
{
	struct trainer *trainer = make_trainer(options);
	struct course course = {.params = malloc(parameters() * sizeof(float))};
	struct step_result result;
	struct err err = {0};

	for (int i = 0; i < 12; i++) {
		if (trainer_step(trainer, data->example + 8 * (i % 3), EXAMPLES - 24, &result, &err) < 0)
			printf("# %s\n", err.text);
		course.loss[i] = result.loss;
	}
	trainer_params(trainer, course.params);
	trainer_free(trainer);
	return course;
}

static bool same_course(const struct course *a, const struct course *b)
{
	return memcmp(a->loss, b->loss, sizeof a->loss) == 0 &&
	       memcmp(a->params, b->params, parameters() * sizeof(float)) == 0;
}

static double course_off(const struct course *a, const struct course *b)
{
	double worst = 0;

	for (int i = 0; i < 12; i++)
		worst = fmax(worst, fabs(a->loss[i] - b->loss[i]));
	return worst;
}

static void test_workers(const struct data *data)
{
	struct course first[4];

	for (int workers = 1; workers <= 3; workers++) {
		struct trainer_options options = options_of(workers);
		struct course again;
		first[workers] = run_course(data, &options);
		again = run_course(data, &options);
		ok(same_course(&first[workers], &again), "the same bits again with %d workers", workers);
		free(again.params);
	}
	below(course_off(&first[1], &first[2]), 1e-5, "two workers lose as much as one");
	below(course_off(&first[1], &first[3]), 1e-5, "and three");
	ok(first[1].loss[11] < first[1].loss[0] - 0.1, "the loss falls");
	for (int workers = 1; workers <= 3; workers++)
		free(first[workers].params);
}

/* ---- optimizers ---- */

/* Tensor by tensor: with Muon each matrix of a block takes its step by itself - q, k and v
 * apart - and all else AdamW's, whoever of the workers does it; matrices alone decay. */
static void test_optimizer_step(const struct data *data, enum optimizer optimizer, int workers)
{
	struct trainer_options options = options_of(workers);
	struct gpt_tensor tensors[64];
	struct step_result result;
	struct direct direct;
	struct err err = {0};
	const struct kernels *k = kernels_find("cpu", &err);
	struct device *dev = k->open(DTYPE_F32, &err);
	float *want = malloc(parameters() * sizeof *want);
	float *m = calloc(parameters(), sizeof *m), *v = calloc(parameters(), sizeof *v);
	int hidden = 0;

	options.optimizer = optimizer;
	options.momentum = 0.5;
	options.weight_decay = 8; /* that matters */
	struct trainer *trainer = make_trainer(&options);
	trainer_params(trainer, want);
	ask_network(&direct, data->example, EXAMPLES, want, options.weight);
	trainer_step(trainer, data->example, EXAMPLES, &result, &err);
	gpt_tensors(&config, tensors);
	for (int i = 0; i < gpt_tensor_count(&config); i++) {
		const struct gpt_tensor *t = &tensors[i];
		const bool matrix = optimizer == OPTIMIZER_MUON && strstr(t->name, ".h.") &&
		                    strstr(t->name, ".c_") && t->rows > 0;
		const int parts = strstr(t->name, "c_attn") ? 3 : 1, cols = t->cols / parts;
		const struct muon muon = {
			.lr = (float)result.lr, .momentum = 0.5f, .weight_decay = 8, .grad_scale = 1,
		};
		const struct adamw adamw = {
			.lr = (float)result.lr, .beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-8f,
			.weight_decay = 8, .grad_scale = 1, .step = 1,
		};
		for (int part = 0; matrix && part < parts; part++, hidden++) {
			const size_t at = t->offset + (size_t)(part * cols);
			k->muon(dev, want + at, direct.gradient + at, m + at, t->rows, cols, t->cols, &muon);
		}
		const struct adamw_range all = {0, t->count, t->rows > 0};
		if (!matrix)
			k->adamw(dev, want + t->offset, direct.gradient + t->offset, m + t->offset,
			         v + t->offset, t->count, &all, 1, &adamw);
	}
	is_int(hidden, optimizer == OPTIMIZER_MUON ? 6 * config.layers : 0,
	       optimizer == OPTIMIZER_MUON ? "Muon has six matrices a block" : "AdamW has all tensors");
	struct trainer_state state = state_of(trainer);
	below(off(state.params, want, parameters()), 1e-4, "  parameters are stepped tensor by tensor");
	below(off(state.moment1, m, parameters()), 1e-5, "  the momentum too");
	below(off(state.moment2, v, parameters()), 1e-5, "  and the second moment");
	trainer_state_release(&state);
	free(want);
	free(m);
	free(v);
	free(direct.gradient);
	trainer_free(trainer);
	k->close(dev);
}

static void test_optimizers(const struct data *data)
{
	struct trainer_options options = options_of(3);
	struct course a, b;

	for (int workers = 1; workers <= 3; workers++) {
		test_optimizer_step(data, OPTIMIZER_ADAMW, workers);
		test_optimizer_step(data, OPTIMIZER_MUON, workers);
	}
	options.optimizer = OPTIMIZER_MUON;
	options.momentum = 0.95;
	a = run_course(data, &options);
	b = run_course(data, &options);
	ok(same_course(&a, &b), "Muon: the same bits again");
	ok(a.loss[11] < a.loss[0] - 0.1, "Muon: the loss falls");
	free(a.params);
	free(b.params);
}

static void test_dropout(const struct data *data)
{
	struct trainer_options options = options_of(2);
	struct course plain = run_course(data, &options), a, b, other, alone;

	options.dropout = 0.2;
	a = run_course(data, &options);
	b = run_course(data, &options);
	ok(same_course(&a, &b), "dropout: the same bits again");
	ok(course_off(&plain, &a) > 1e-3, "dropout: another course than without");
	ok(a.loss[11] < a.loss[0] - 0.05, "dropout: the loss falls");
	options.seed = 2;
	other = run_course(data, &options);
	ok(course_off(&a, &other) > 1e-4, "dropout: the seed counts");
	options = options_of(1);
	options.dropout = 0.2;
	alone = run_course(data, &options);
	ok(fabs(alone.loss[11] - a.loss[11]) < 0.1, "dropout: one worker trains as well");

	/* Nothing moves at a rate of 0, so only the masks tell steps apart. */
	options.lr = options.min_lr = 0;
	struct trainer *trainer = make_trainer(&options);
	struct evaluation with, without;
	struct step_result one, two;
	struct err err = {0};
	trainer_evaluate(trainer, &data->corpus, EXAMPLES, &with);
	trainer_step(trainer, data->example, EXAMPLES, &one, &err);
	trainer_step(trainer, data->example, EXAMPLES, &two, &err);
	ok(one.loss != two.loss, "dropout: another mask at every step");
	trainer_evaluate(trainer, &data->corpus, EXAMPLES, &without);
	ok(memcmp(&with, &without, sizeof with) == 0, "dropout: none in an evaluation");
	trainer_free(trainer);
	free(plain.params);
	free(a.params);
	free(b.params);
	free(other.params);
	free(alone.params);
}

/* ---- evaluation ---- */

/* A step of very many passes, whose last is of one example alone, and a second step
 * of that example alone: nothing moves, so only its mask can tell the two apart. */
static void test_many_passes(const struct data *data)
{
	const int before = 4096 * 257; /* of two tokens each: 257 make a pass */
	const struct gpt_config tiny = {
		.layers = 1, .heads = 1, .width = 2, .context = 2, .vocab = config.vocab,
	};
	struct example *examples = malloc((size_t)(before + 1) * sizeof *examples);
	struct trainer_options options = options_of(1);
	struct step_result all, but_one, one;
	struct err err = {0};

	options.dropout = 0.5;
	options.lr = options.min_lr = 0;
	for (int i = 0; i <= before; i++) {
		examples[i] = data->example[0];
		examples[i].length = 2;
	}
	struct trainer *first = make_trainer_of(&tiny, &options);
	struct trainer *second = make_trainer_of(&tiny, &options);
	trainer_step(first, examples, before + 1, &all, &err);
	trainer_step(second, examples, before, &but_one, &err);
	trainer_step(second, examples, 1, &one, &err);
	const double last = all.loss * (before + 1) - but_one.loss * before;
	ok(fabs(last - one.loss) > 1e-6, "dropout: no mask of 4097 passes is one of the next step");
	printf("# %g, %g\n", last, one.loss);
	trainer_free(first);
	trainer_free(second);
	free(examples);
}

static void test_evaluation(const struct data *data)
{
	static const float weight[KINDS] = {1, 1, 1};

	for (int workers = 1; workers <= 3; workers++) {
		struct trainer_options options = options_of(workers);
		struct trainer *trainer = make_trainer(&options);
		struct trainer_state state = state_of(trainer);
		struct direct direct;
		double worst = 0;
		bool counted = true;
		for (int count = 1; count <= EXAMPLES; count += EXAMPLES - 1) {
			struct evaluation evaluation;
			options.weight[1] = 7; /* must not count */
			trainer_evaluate(trainer, &data->corpus, (size_t)count, &evaluation);
			ask_network(&direct, data->example, count, state.params, weight);
			for (int i = 0; i < KINDS; i++) {
				worst = fmax(worst, fabs(evaluation.loss[i] - direct.loss[i]) /
				                        fmax(1, direct.loss[i]));
				counted &= evaluation.tokens[i] == direct.tokens[i];
			}
			free(direct.gradient);
		}
		below(worst, 1e-6, "loss by kind is the network's");
		ok(counted, "  over as many tokens, with %d workers", workers);
		struct evaluation all, more;
		trainer_evaluate(trainer, &data->corpus, EXAMPLES, &all);
		trainer_evaluate(trainer, &data->corpus, 10 * EXAMPLES, &more);
		ok(memcmp(&all, &more, sizeof all) == 0, "  of no more records than there are");
		trainer_state_release(&state);
		trainer_free(trainer);
	}
}

/* ---- what is not finite ---- */

/* The same step, parameters and moments, to the bit. */
static bool same_state(const struct trainer_state *a, const struct trainer_state *b)
{
	const size_t bytes = parameters() * sizeof(float);

	return a->step == b->step && memcmp(a->params, b->params, bytes) == 0 &&
	       memcmp(a->moment1, b->moment1, bytes) == 0 &&
	       memcmp(a->moment2, b->moment2, bytes) == 0;
}

static void test_not_finite(const struct data *data, float value)
{
	struct trainer_options options = options_of(2);
	struct trainer *trainer = make_trainer(&options);
	struct step_result result;
	struct err err = {0};

	trainer_step(trainer, data->example, 8, &result, &err);
	struct trainer_state before = state_of(trainer);
	const float good = before.params[2];
	before.params[2] = value;
	trainer_restore(trainer, &before);
	is_int(trainer_step(trainer, data->example, EXAMPLES, &result, &err), -1, "not finite: fails");
	ok(strstr(err.text, "expected finite numbers") && strstr(err.text, "step 2:"),
	   "  naming the step");
	printf("# with %g: %s\n", (double)value, err.text);
	struct trainer_state after = state_of(trainer);
	ok(same_state(&before, &after), "  parameters, moments and steps are as they were");
	before.params[2] = good;
	trainer_restore(trainer, &before);
	err = (struct err){0};
	is_int(trainer_step(trainer, data->example, EXAMPLES, &result, &err), 0,
	       "  and training can go on");
	trainer_state_release(&before);
	trainer_state_release(&after);
	trainer_free(trainer);
}

static void test_weightless(const struct data *data)
{
	struct trainer_options options = options_of(1);
	struct step_result result;
	struct err err = {0};

	memset(options.weight, 0, sizeof options.weight);
	struct trainer *trainer = make_trainer(&options);
	is_int(trainer_step(trainer, data->example, 4, &result, &err), -1, "all weights 0: fails");
	is_string(err.text, "no token of the batch has a weight above 0", "  and says so");
	trainer_free(trainer);
}

/* ---- states ---- */

static void remove_state(const char *folder)
{
	char path[128];

	snprintf(path, sizeof path, "%s/training.safetensors", folder);
	unlink(path);
	rmdir(folder);
}

static bool same_result(const struct step_result *a, const struct step_result *b)
{
	return a->loss == b->loss && a->grad_norm == b->grad_norm && a->lr == b->lr &&
	       a->tokens == b->tokens && a->loss_scale == b->loss_scale &&
	       a->skipped == b->skipped && a->taken == b->taken;
}

/* A trainer that takes over another's state, by way of a file, goes on to the bit. */
static void test_resume(const struct data *data, enum optimizer optimizer, double dropout)
{
	struct trainer_options options = options_of(2);
	const char *tmp = getenv("TMPDIR");
	char folder[96];
	struct err err = {0};
	struct step_result a, b;
	struct training_progress got, progress = {
		.step = 5, .examples = 1234567890123, .tokens = 99, .seconds = 0.1, .best = INFINITY,
	};
	json_t *settings = json_pack("{s:s, s:s}", "seed", "9000000000000000000", "weight", "a=2");
	json_t *back = json_pack("{s:s, s:s, s:s}", "weight", "", "unknown", "1", "seed", "0");
	bool same = true;

	options.dropout = dropout;
	options.optimizer = optimizer;
	options.momentum = 0.9;
	struct trainer *first = make_trainer(&options), *second = make_trainer(&options);
	snprintf(folder, sizeof folder, "%s/trainer.XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		printf("# no folder\n");
	for (int i = 0; i < 5; i++)
		trainer_step(first, data->example + i, 60, &a, &err);
	struct trainer_state state = state_of(first);
	is_int(training_state_save(folder, &config, &state, &progress, settings, &err), 0,
	       "a state is saved");
	trainer_state_release(&state);
	state = state_of(second);
	is_int(training_state_load(folder, &config, &state, &got, back, &err), 0, "  and loaded");
	ok(memcmp(&got, &progress, sizeof got) == 0, "  with all that was known of the progress");
	ok(json_equal(back, settings), "  and the settings that were saved and asked for");
	trainer_restore(second, &state);
	trainer_state_release(&state);
	for (int i = 5; i < 10; i++) {
		trainer_step(first, data->example + i, 60, &a, &err);
		trainer_step(second, data->example + i, 60, &b, &err);
		same &= same_result(&a, &b);
	}
	ok(same, "  losses, norms and rates go on to the bit");
	struct trainer_state s = state_of(first), t = state_of(second);
	ok(s.step == 10 && same_state(&s, &t), "  parameters and moments too");
	if (err.status != ERR_NONE)
		printf("# %s\n", err.text);

	struct gpt_config other = config;
	other.vocab++;
	is_int(training_state_load(folder, &other, &t, &got, back, &err), -1, "  of no other network");
	is_int(err.status, ERR_DATA, "  which is bad data");
	trainer_state_release(&s);
	trainer_state_release(&t);
	remove_state(folder);
	json_decref(settings);
	json_decref(back);
	trainer_free(first);
	trainer_free(second);
}

/* ---- scaling of the loss ---- */

/* The CPU's kernels with what half precision has in the way of gradients: those of
 * logits beyond its range become infinite - or one of each call does, where spoil is
 * set. It is all that happens to them, so that bits can be compared. */
static struct {
	struct kernels table;
	const struct kernels *cpu;
	bool spoil;
	double largest; /* of the gradients seen */
} half;

static struct device *half_open(enum dtype dtype, struct err *err)
{
	(void)dtype;
	return half.cpu->open(DTYPE_F32, err);
}

static void half_unembed_backward(struct device *dev, float *dx, float *dwte,
                                  const float *dlogits, const float *x, const float *wte, int n,
                                  int c, int v)
{
	const size_t count = (size_t)n * (size_t)v;
	float *rounded = malloc(count * sizeof *rounded);

	for (size_t i = 0; i < count; i++) {
		const bool past = fabsf(dlogits[i]) >= 65520 || (half.spoil && i == 0);
		rounded[i] = past ? INFINITY : dlogits[i];
		half.largest = fmax(half.largest, fabs((double)dlogits[i]));
	}
	half.cpu->unembed_backward(dev, dx, dwte, rounded, x, wte, n, c, v);
	free(rounded);
}

/* One worker, since the table above is shared; a scale of 0 is what half begins with. */
static struct trainer_options half_options(double scale)
{
	struct trainer_options options = options_of(1);

	half.cpu = options.kernels;
	half.table = *half.cpu;
	half.table.open = half_open;
	half.table.unembed_backward = half_unembed_backward;
	half.spoil = false;
	half.largest = 0;
	options.kernels = &half.table;
	options.dtype = DTYPE_F16;
	options.loss_scale = scale;
	return options;
}

/* Scales are powers of two: no bit of a result depends on them. */
static void test_any_scale(const struct data *data, enum optimizer optimizer, int workers)
{
	static const double scales[] = {1, 0x1p16, 0x1p40};
	struct trainer_options options = options_of(workers);
	bool same = true;

	options.optimizer = optimizer;
	options.momentum = 0.9;
	options.clip = 0.5;
	options.dropout = 0.1;
	options.weight[1] = 5.5f;
	options.weight[2] = 0.3f;
	struct course plain = run_course(data, &options);
	for (int i = 0; i < 3; i++) {
		options.loss_scale = scales[i];
		struct course scaled = run_course(data, &options);
		same &= same_course(&plain, &scaled);
		free(scaled.params);
	}
	ok(same, "losses scaled by 1, 2^16 and 2^40, %d worker%s: the bits of those that are not",
	   workers, workers == 1 ? "" : "s");
	free(plain.params);
}

/* Some batches until one step is taken: how many were given up. */
static int until_taken(struct trainer *trainer, const struct data *data, int count,
                       struct step_result *result)
{
	struct err err = {0};

	for (int skipped = 0;; skipped++) {
		if (trainer_step(trainer, data->example, count, result, &err) < 0)
			return -1;
		if (result->taken)
			return skipped;
	}
}

static void test_overflow(const struct data *data)
{
	struct trainer_options options = half_options(0x1p40), other = options_of(1);
	struct trainer *trainer = make_trainer(&options), *plain = make_trainer(&other);
	struct trainer_state before = state_of(trainer);
	struct step_result result, want;
	struct err err = {0};

	is_int(trainer_step(trainer, data->example, 60, &result, &err), 0,
	       "a gradient that overflows is no failure");
	trainer_step(plain, data->example, 60, &want, &err);
	ok(!result.taken && result.skipped == 1 && result.loss_scale == 0x1p40,
	   "  but the step is not taken, which is counted");
	ok(result.loss == want.loss && !isfinite(result.grad_norm), "  the loss is what it is");
	struct trainer_state after = state_of(trainer);
	ok(same_state(&before, &after), "  parameters, moments and steps are as they were");
	is_near(after.scaling.scale, 0x1p39, 0, "  and the scale is halved");
	const int more = until_taken(trainer, data, 60, &result);
	ok(more > 5 && result.loss_scale == ldexp(1, 39 - more) && result.skipped == 1 + more,
	   "  and again, until nothing overflows");
	ok(half.largest >= 65520, "  (what did was beyond the range of half)");
	ok(result.loss == want.loss && result.grad_norm == want.grad_norm && result.lr == want.lr,
	   "  loss, norm and rate of the step taken are those without a scale");
	trainer_state_release(&before);
	trainer_state_release(&after);
	before = state_of(plain);
	after = state_of(trainer);
	ok(same_state(&before, &after), "  parameters and moments too");
	trainer_state_release(&before);
	trainer_state_release(&after);
	trainer_free(plain);
	trainer_free(trainer);
}

/* The scale is that of the mean loss: neither a large batch nor large weights have a
 * gradient overflow that would not have done so in a small one. */
static void test_largest(const struct data *data)
{
	static const float weights[] = {1e-6f, 1, 1e6f};
	struct trainer_options options = half_options(0);
	struct step_result result;
	bool fits = true;

	for (int i = 0; i < 3; i++)
		for (int count = 1; count <= EXAMPLES; count += EXAMPLES - 1) {
			options.weight[1] = weights[i];
			struct trainer *trainer = make_trainer(&options);
			half.largest = 0;
			fits &= until_taken(trainer, data, count, &result) == 0;
			fits &= half.largest > 0 && half.largest <= result.loss_scale;
			trainer_free(trainer);
		}
	ok(fits, "no gradient of a logit is larger than the scale, whatever weights and batch");
}

static void test_first_scale(const struct data *data)
{
	struct trainer_options options = half_options(0), plain = options_of(1);
	struct trainer *a = make_trainer(&options), *b = make_trainer(&plain);
	const struct training_clock clock = {0};
	struct step_result result;
	struct err err = {0};

	trainer_step(a, data->example, 60, &result, &err);
	ok(result.taken && result.loss_scale == 0x1p16, "half precision begins at a scale of 2^16");
	json_t *record = metrics_step(&clock, &result);
	is_near(json_real_value(json_object_get(record, "loss_scale")), 65536, 0,
	        "  as the metrics tell");
	is_int(json_integer_value(json_object_get(record, "skipped")), 0, "  with the steps given up");
	json_decref(record);
	trainer_step(b, data->example, 60, &result, &err);
	ok(result.taken && result.loss_scale == 0, "float32 has no scale");
	record = metrics_step(&clock, &result);
	is_int((long long)json_object_size(record), 6, "  and the metrics say nothing of any");
	json_decref(record);

	struct trainer_state from_a = state_of(a), from_b = state_of(b);
	from_a.scaling = (struct loss_scaling){.scale = 512, .good = 3, .skipped = 7};
	trainer_restore(a, &from_a);
	is_int(trainer_scaling(a).skipped, 7, "a state's scale is taken over");
	trainer_restore(a, &from_b);
	ok(trainer_scaling(a).scale == 0x1p16 && trainer_scaling(a).skipped == 0,
	   "where it has none, half precision begins anew");
	trainer_restore(b, &from_a);
	ok(trainer_scaling(b).scale == 0, "float32 has no use for one");
	trainer_state_release(&from_a);
	trainer_state_release(&from_b);
	trainer_free(a);
	trainer_free(b);
}

static void test_scale_ends(const struct data *data)
{
	struct trainer_options options = half_options(4);
	struct trainer *trainer = make_trainer(&options);
	struct step_result result;
	struct err err = {0};

	half.spoil = true;
	for (int i = 0; i < 2; i++)
		trainer_step(trainer, data->example, 8, &result, &err);
	ok(!result.taken && result.loss_scale == 2 && err.status == ERR_NONE, "down to a scale of 1");
	struct trainer_state before = state_of(trainer);
	is_int(trainer_step(trainer, data->example, 8, &result, &err), -1, "below 1: fails");
	ok(strstr(err.text, "step 1: loss ") &&
	   strstr(err.text, " at a loss scale of 1, expected finite numbers"),
	   "  and says so: %s", err.text);
	struct trainer_state after = state_of(trainer);
	ok(same_state(&before, &after) && after.scaling.scale == 1, "  all is as it was");
	trainer_state_release(&after);

	half.spoil = false;
	before.params[2] = NAN;
	before.scaling.scale = 1024;
	trainer_restore(trainer, &before);
	err = (struct err){0};
	is_int(trainer_step(trainer, data->example, EXAMPLES, &result, &err), -1,
	       "a loss that is not finite fails at any scale");
	ok(strstr(err.text, "loss scale of 1024") && trainer_scaling(trainer).scale == 1024,
	   "  at once: %s", err.text);
	trainer_state_release(&before);
	trainer_free(trainer);
}

static struct trainer_state through_file(const struct trainer *from, const struct trainer *to)
{
	const struct training_progress progress = {.step = trainer_steps(from), .best = INFINITY};
	struct trainer_state state = state_of(from), loaded = state_of(to);
	struct training_progress got;
	json_t *settings = json_object();
	const char *tmp = getenv("TMPDIR");
	char folder[96];
	struct err err = {0};

	snprintf(folder, sizeof folder, "%s/trainer.XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		printf("# no folder\n");
	training_state_save(folder, &config, &state, &progress, settings, &err);
	if (training_state_load(folder, &config, &loaded, &got, settings, &err) < 0)
		printf("# %s\n", err.text);
	trainer_state_release(&state);
	remove_state(folder);
	json_decref(settings);
	return loaded;
}

static void few_steps(struct trainer *trainer, const struct data *data, int count,
                      struct step_result *result)
{
	struct err err = {0};

	for (int i = 0; i < count; i++)
		if (trainer_step(trainer, data->example + i % EXAMPLES, 1, result, &err) < 0)
			printf("# %s\n", err.text);
}

/* Doubled after 2000 steps in a row, counted across a resume. */
static void test_growth(const struct data *data)
{
	struct trainer_options options = half_options(4);
	struct trainer *first = make_trainer(&options);
	struct step_result a, b;

	few_steps(first, data, 1500, &a);
	half.spoil = true;
	few_steps(first, data, 1, &a);
	half.spoil = false;
	ok(!a.taken && trainer_steps(first) == 1500, "a step given up after 1500 is none");
	few_steps(first, data, 1000, &a);
	options.loss_scale = 0;
	struct trainer *second = make_trainer(&options);
	struct trainer_state state = through_file(first, second);
	ok(state.scaling.scale == 2 && state.scaling.good == 1000 && state.scaling.skipped == 1,
	   "  scale, steps since and steps given up are saved");
	trainer_restore(second, &state);
	trainer_state_release(&state);
	few_steps(first, data, 1000, &a);
	few_steps(second, data, 1000, &b);
	ok(a.loss_scale == 2 && same_result(&a, &b),
	   "  the 2000th step behind it has half the scale");
	few_steps(first, data, 1, &a);
	few_steps(second, data, 1, &b);
	ok(a.loss_scale == 4 && same_result(&a, &b), "  the next one at twice that");
	ok(trainer_steps(first) == 3501 && trainer_steps(second) == 3501, "  with all steps counted");
	struct trainer_state s = state_of(first), t = state_of(second);
	ok(same_state(&s, &t) && s.scaling.skipped == 1 && t.scaling.skipped == 1,
	   "  gone on from the file in the middle, to the bit");
	few_steps(first, data, 1999, &a);
	few_steps(second, data, 2000, &b);
	ok(a.loss_scale == 4 && b.loss_scale == 8, "  and after 2000 more it is doubled again");
	trainer_state_release(&s);
	trainer_state_release(&t);
	trainer_free(first);
	trainer_free(second);
}

/* What a file says of the scale is looked at. */
static void test_spoilt_scale(void)
{
	static const char *const scales[] = {"3", "0.5", "0", "x"};
	struct trainer_options options = options_of(1);
	struct trainer *trainer = make_trainer(&options);
	struct trainer_state state = state_of(trainer);
	const char *tmp = getenv("TMPDIR");
	char folder[96];

	snprintf(folder, sizeof folder, "%s/trainer.XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		printf("# no folder\n");
	for (int i = 0; i < 4; i++) {
		json_t *settings = json_pack("{s:s, s:s, s:s}", "loss-scale", scales[i],
		                             "loss-scale-steps", "0", "skipped", "0");
		struct training_progress progress = {.best = INFINITY};
		struct err err = {0};
		state.scaling = (struct loss_scaling){0};
		training_state_save(folder, &config, &state, &progress, settings, &err);
		ok(training_state_load(folder, &config, &state, &progress, settings, &err) < 0 &&
		   strstr(err.text, "training.safetensors: metadata: loss-scale: "),
		   "a scale of %s: %s", scales[i], err.text);
		json_decref(settings);
	}
	remove_state(folder);
	trainer_state_release(&state);
	trainer_free(trainer);
}

static void test_scaling(const struct data *data)
{
	for (int workers = 1; workers <= 2; workers++) {
		test_any_scale(data, OPTIMIZER_ADAMW, workers);
		test_any_scale(data, OPTIMIZER_MUON, workers);
	}
	test_first_scale(data);
	test_overflow(data);
	test_largest(data);
	test_scale_ends(data);
	test_growth(data);
	test_spoilt_scale();
}

int main(void)
{
	static struct data data;
	struct err err = {0};

	make_data(&data, 1);
	test_rate();
	test_gradients(&data);
	test_accumulation(&data);
	test_workers(&data);
	test_optimizers(&data);
	test_dropout(&data);
	test_many_passes(&data);
	test_evaluation(&data);
	test_not_finite(&data, INFINITY);
	test_not_finite(&data, NAN);
	test_not_finite(&data, 3e38f);
	test_weightless(&data);
	test_resume(&data, OPTIMIZER_ADAMW, 0);
	test_resume(&data, OPTIMIZER_ADAMW, 0.1);
	test_resume(&data, OPTIMIZER_MUON, 0);
	test_scaling(&data);
	if (kernels_find("cpu", &err)->supports(DTYPE_BF16)) {
		struct trainer_options options = options_of(2);
		options.dtype = DTYPE_BF16;
		struct course a = run_course(&data, &options), b = run_course(&data, &options);
		ok(same_course(&a, &b), "bf16: the same bits again");
		ok(a.loss[11] < a.loss[0] - 0.1, "bf16: the loss falls");
		free(a.params);
		free(b.params);
	}
	return done();
}
