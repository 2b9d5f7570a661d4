/* trainer.c - training steps against the network itself: whoever divides the
 * work, and however, the gradient is that of the weighted mean. */
#include <stdlib.h>
#include <unistd.h>

#include "common/base/rng.h"
#include "common/train/metrics.h"
#include "common/train/trainer.h"
#include "tests/kernels/harness/table.h"
#include "tests/train/trainer.h"

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
	struct learning_rate rate = {.peak = 3e-3, .min = 1e-4, .warmup = 4, .steps = 24};
	double worst = 0;

	for (int step = 0; step < 4; step++)
		worst = fmax(worst, fabs(learning_rate_at(&rate, step) - 3e-3 * (step + 1) / 5));
	below(worst, 1e-15, "warm-up rises in equal parts");
	is_near(learning_rate_at(&rate, 4), 3e-3, 1e-15, "then comes the peak");
	is_near(learning_rate_at(&rate, 9), 1e-4 + 2.9e-3 * (2 + sqrt(2)) / 4, 1e-15, "a quarter down");
	is_near(learning_rate_at(&rate, 14), 1e-4 + 2.9e-3 / 2, 1e-15, "half-way");
	is_near(learning_rate_at(&rate, 19), 1e-4 + 2.9e-3 * (2 - sqrt(2)) / 4, 1e-15,
	        "three quarters");
	is_near(learning_rate_at(&rate, 24), 1e-4, 1e-15, "the end of the schedule");
	is_near(learning_rate_at(&rate, 1000), 1e-4, 1e-15, "and past it");
	for (int step = 5; step < 24; step++)
		if (learning_rate_at(&rate, step) >= learning_rate_at(&rate, step - 1))
			worst = 1;
	below(worst, 1e-15, "falls at every step");
	rate.schedule = SCHEDULE_LINEAR;
	is_near(learning_rate_at(&rate, 3), 3e-3 * 4 / 5, 1e-15, "linear: the same warm-up");
	is_near(learning_rate_at(&rate, 4), 3e-3, 1e-15, "  the same peak");
	is_near(learning_rate_at(&rate, 9), 1e-4 + 2.9e-3 * 3 / 4, 1e-15, "  a quarter down");
	is_near(learning_rate_at(&rate, 19), 1e-4 + 2.9e-3 / 4, 1e-15, "  three quarters");
	is_near(learning_rate_at(&rate, 24), 1e-4, 1e-15, "  the end of the schedule");
	is_near(learning_rate_at(&rate, 1000), 1e-4, 1e-15, "  and past it");
	rate.schedule = SCHEDULE_COSINE;
	rate.warmup = 0;
	is_near(learning_rate_at(&rate, 0), 3e-3, 1e-15, "without a warm-up the peak comes first");
	rate.warmup = 24;
	is_near(learning_rate_at(&rate, 23), 3e-3 * 24 / 25, 1e-15, "all warm-up");
	is_near(learning_rate_at(&rate, 24), 1e-4, 1e-15, "all warm-up, and past it");
	rate.min = rate.peak;
	rate.warmup = 0;
	is_near(learning_rate_at(&rate, 17), 3e-3, 1e-15, "a minimum at the peak: constant");
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
		gradient[i] = (float)((double)state.moment1[i] / (1 - options->optimizer.beta1));
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
	options.optimizer.clip = clip;
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
static void test_optimizer_step(const struct data *data, enum optimizer_kind optimizer, int workers)
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

	options.optimizer.kind = optimizer;
	options.optimizer.momentum = 0.5;
	options.optimizer.weight_decay = 8; /* that matters */
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
		const struct muon muon = {.momentum = 0.5f, .weight_decay = 8};
		const struct adamw adamw = {
			.beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-8f, .weight_decay = 8,
		};
		const struct update update = { /* the first step, of betas of 0.9 and 0.99 */
			.lr = (float)result.lr, .correct1 = 10, .correct2 = 100, .grad_scale = 1,
			.finite = true,
		};
		for (int part = 0; matrix && part < parts; part++, hidden++) {
			const size_t at = t->offset + (size_t)(part * cols);
			k->muon(dev, want + at, direct.gradient + at, m + at, t->rows, cols, t->cols, &muon,
			        &update);
		}
		const struct adamw_range all = {0, t->count, t->rows > 0};
		if (!matrix)
			k->adamw(dev, want + t->offset, direct.gradient + t->offset, m + t->offset,
			         v + t->offset, t->count, &all, 1, &adamw, &update);
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
	options.optimizer.kind = OPTIMIZER_MUON;
	options.optimizer.momentum = 0.95;
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
	options.lr.peak = options.lr.min = 0;
	struct trainer *trainer = make_trainer(&options);
	struct evaluation with, without;
	struct step_result one, two;
	struct err err = {0};
	trainer_evaluate(trainer, &data->dataset, EXAMPLES, &with);
	trainer_step(trainer, data->example, EXAMPLES, &one, &err);
	trainer_step(trainer, data->example, EXAMPLES, &two, &err);
	ok(one.loss != two.loss, "dropout: another mask at every step");
	trainer_evaluate(trainer, &data->dataset, EXAMPLES, &without);
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
	options.lr.peak = options.lr.min = 0;
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
			trainer_evaluate(trainer, &data->dataset, (size_t)count, &evaluation);
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
		trainer_evaluate(trainer, &data->dataset, EXAMPLES, &all);
		trainer_evaluate(trainer, &data->dataset, 10 * EXAMPLES, &more);
		ok(memcmp(&all, &more, sizeof all) == 0, "  of no more records than there are");
		trainer_state_release(&state);
		trainer_free(trainer);
	}
}

/* ---- passes filled up ---- */

enum { STEP = 16 };
static int passes, odd_passes; /* all so far; those whose rows are no multiple of STEP */

static void count_pass(int n)
{
	passes++;
	odd_passes += n % STEP != 0;
}

static void counting_embed(struct device *dev, float *out, const int32_t *token,
                           const int32_t *position, const float *wte, const float *wpe, int n,
                           int c)
{
	count_pass(n);
	kernels_find("cpu", NULL)->embed(dev, out, token, position, wte, wpe, n, c);
}

static void counting_ref_embed(struct device *dev, float *out, const int32_t *token,
                               const int32_t *position, const float *wte, const float *wpe,
                               int n, int c)
{
	count_pass(n);
	ref_table.embed(dev, out, token, position, wte, wpe, n, c);
}

struct filled_run {
	struct course course;
	struct step_result result;
	struct evaluation evaluation;
};

static struct filled_run run_filled(const struct data *data, struct kernels *table, int step,
                                    double rate)
{
	struct trainer_options options = options_of(1);
	struct filled_run run;
	struct err err = {0};

	table->pass_rows = 4 * STEP;
	table->row_step = step;
	options.kernels = table;
	options.dropout = rate;
	options.weight[1] = 3;
	passes = odd_passes = 0;
	run.course = run_course(data, &options);
	struct trainer *trainer = make_trainer(&options);
	trainer_step(trainer, data->example, EXAMPLES - 5, &run.result, &err);
	trainer_evaluate(trainer, &data->dataset, EXAMPLES - 1, &run.evaluation);
	trainer_free(trainer);
	return run;
}

/* What fills a pass up changes nothing but how its rows are rounded where a device sums them
 * by another plan; the reference has one plan, and so the same bits. */
static void test_filled(const struct data *data, const struct kernels *kernels, bool exact,
                        double rate)
{
	struct kernels table = *kernels;
	double worst = 0;
	bool counted = true;

	table.embed = exact ? counting_ref_embed : counting_embed;
	struct filled_run plain = run_filled(data, &table, 1, rate);
	const int before = passes;
	ok(odd_passes > before / 2, "%s: %d passes, of any number of rows", table.name, before);
	struct filled_run filled = run_filled(data, &table, STEP, rate);
	ok(passes == before && odd_passes == 0, "  filled up, as many, of a multiple of %d", STEP);
	for (int i = 0; i < KINDS; i++) {
		worst = fmax(worst, fabs(filled.evaluation.loss[i] / plain.evaluation.loss[i] - 1));
		counted &= filled.evaluation.tokens[i] == plain.evaluation.tokens[i];
	}
	ok(counted && filled.result.tokens == plain.result.tokens, "  as many tokens");
	if (exact) {
		ok(same_course(&plain.course, &filled.course) &&
		   same_result(&plain.result, &filled.result) && worst == 0, "  the same bits");
	} else {
		below(course_off(&plain.course, &filled.course), 1e-5, "  losses of the same steps");
		below(off(filled.course.params, plain.course.params, parameters()), 1e-4,
		      "  parameters after them");
		below(fabs(filled.result.grad_norm / plain.result.grad_norm - 1), 1e-5,
		      "  the gradient's norm");
		below(worst, 1e-6, "  sums of an evaluation");
	}
	free(plain.course.params);
	free(filled.course.params);
}

/* ---- memory ---- */

/* A device that has so many bytes and no more; a buffer's size stands before it. */
static size_t bytes_had, bytes_used;

static void *limited_alloc(struct device *dev, size_t bytes)
{
	if (bytes_used + bytes > bytes_had)
		return NULL;
	size_t *memory = kernels_find("cpu", NULL)->alloc(dev, bytes + 64);
	*memory = bytes;
	bytes_used += bytes;
	return (char *)memory + 64;
}

static void limited_free(struct device *dev, void *at)
{
	size_t *memory = at ? (size_t *)((char *)at - 64) : NULL;

	if (memory)
		bytes_used -= *memory;
	kernels_find("cpu", NULL)->free(dev, memory);
}

/* What a trainer takes. */
static size_t bytes_taken(const struct trainer_options *options)
{
	struct trainer *trainer = make_trainer(options);
	const size_t taken = bytes_used;

	trainer_free(trainer);
	return taken;
}

/* Passes of fewer rows take less memory. */
static void test_memory(const struct data *data)
{
	struct kernels limited = *kernels_find("cpu", NULL);
	struct trainer_options options = options_of(1);
	float *params = calloc(parameters(), sizeof *params);
	struct err err = {0};

	limited.alloc = limited_alloc;
	limited.free = limited_free;
	options.kernels = &limited;
	bytes_had = SIZE_MAX / 2;
	struct course plain = run_course(data, &options);
	const size_t all = bytes_taken(&options);
	for (size_t part = 1; part <= 8; part *= 2) {
		bytes_had = all / part - 1;
		const size_t taken = bytes_taken(&options);
		ok(taken <= bytes_had && taken > bytes_had / 3,
		   "where there are %zu bytes, a trainer takes %zu", bytes_had, taken);
		struct course course = run_course(data, &options);
		below(course_off(&plain, &course), 1e-5, "  and trains as well");
		free(course.params);
	}
	bytes_had = 3 * parameters() * sizeof *params + 4096;
	ok(trainer_new(&config, &options, params, &err) == NULL &&
	   strstr(err.text, "out of memory: a network of") && strstr(err.text, " 16 rows a pass"),
	   "no room for one sequence: %s", err.text);
	ok(bytes_used == 0, "  and nothing is kept");
	free(plain.params);
	free(params);
}

/* ---- what is not finite ---- */

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

/* A trainer that takes over another's state, by way of a file, goes on to the bit. */
static void test_resume(const struct data *data, enum optimizer_kind optimizer, double dropout)
{
	struct trainer_options options = options_of(2);
	const char *tmp = getenv("TMPDIR");
	char folder[96];
	struct err err = {0};
	struct step_result a, b;
	struct training_progress got, progress = {
		.step = 5, .examples = 1234567890123, .tokens = 99, .seconds = 0.1,
		.flops = 0x1.23456789abcdep60, .best = INFINITY,
	};
	json_t *settings = json_pack("{s:s, s:s}", "seed", "9000000000000000000", "weight", "a=2");
	json_t *back = json_pack("{s:s, s:s, s:s}", "weight", "", "unknown", "1", "seed", "0");
	bool same = true;

	options.dropout = dropout;
	options.optimizer.kind = optimizer;
	options.optimizer.momentum = 0.9;
	struct trainer *first = make_trainer(&options), *second = make_trainer(&options);
	snprintf(folder, sizeof folder, "%s/trainer.XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		printf("# no folder\n");
	for (int i = 0; i < 5; i++)
		trainer_step(first, data->example + i, 60, &a, &err);
	struct trainer_state state = state_of(first);
	is_int(save_state(folder, &state, &progress, settings, &err), 0,
	       "a state is saved");
	trainer_state_release(&state);
	state = state_of(second);
	is_int(training_state_load(folder, &config, &state, &got, &err), 0, "  and loaded");
	ok(memcmp(&got, &progress, sizeof got) == 0, "  with all that was known of the progress");
	ok(training_state_settings(folder, back, &err) == 0 && json_equal(back, settings),
	   "  and the settings that were saved and asked for");
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
	is_int(training_state_load(folder, &other, &t, &got, &err), -1, "  of no other network");
	is_int(err.status, ERR_DATA, "  which is bad data");
	trainer_state_release(&s);
	trainer_state_release(&t);
	remove_state(folder);
	json_decref(settings);
	json_decref(back);
	trainer_free(first);
	trainer_free(second);
}

/* What no run can have come to is not gone on from. */
static void test_spoilt_state(void)
{
	static const struct training_progress all[] = {
		{.step = 1000000001, .best = INFINITY},
		{.examples = INT64_MAX, .best = INFINITY},
		{.tokens = INT64_MAX, .best = INFINITY},
	};
	static const char *const names[] = {"step", "examples", "tokens"};
	static const char *const arrays[] = {"params", "moment1", "moment2"};
	const struct trainer_options options = options_of(1);
	struct trainer *trainer = make_trainer(&options);
	struct trainer_state state = state_of(trainer);
	float *const numbers[] = {state.params, state.moment1, state.moment2};
	struct training_progress got;
	json_t *settings = json_object();
	const char *tmp = getenv("TMPDIR");
	char folder[96], want[80];

	snprintf(folder, sizeof folder, "%s/trainer.XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		printf("# no folder\n");
	for (int i = 0; i < 3; i++) {
		struct err err = {0};
		save_state(folder, &state, &all[i], settings, &err);
		snprintf(want, sizeof want, "training.safetensors: metadata: %s: ", names[i]);
		ok(training_state_load(folder, &config, &state, &got, &err) < 0 &&
		   strstr(err.text, want), "too many of \"%s\": %s", names[i], err.text);
	}
	for (int i = 0; i < 3; i++) {
		struct err err = {0};
		const struct training_progress progress = {.best = INFINITY};
		const float good = numbers[i][7];
		numbers[i][7] = i == 1 ? -INFINITY : NAN;
		save_state(folder, &state, &progress, settings, &err);
		numbers[i][7] = good;
		snprintf(want, sizeof want, "tensor \"%s\": element 7 is ", arrays[i]);
		ok(training_state_load(folder, &config, &state, &got, &err) < 0 &&
		   strstr(err.text, want), "not finite: %s", err.text);
	}
	json_decref(settings);
	remove_state(folder);
	trainer_state_release(&state);
	trainer_free(trainer);
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
	test_filled(&data, kernels_find("cpu", &err), false, 0);
	test_filled(&data, kernels_find("cpu", &err), false, 0.2);
	test_filled(&data, &ref_table, true, 0.2);
	test_memory(&data);
	test_not_finite(&data, INFINITY);
	test_not_finite(&data, NAN);
	test_not_finite(&data, 3e38f);
	test_weightless(&data);
	test_spoilt_state();
	test_resume(&data, OPTIMIZER_ADAMW, 0);
	test_resume(&data, OPTIMIZER_ADAMW, 0.1);
	test_resume(&data, OPTIMIZER_MUON, 0);
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
