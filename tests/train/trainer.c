/* trainer.c - training steps and evaluations against the network itself: however the workers
 * divide the work, the gradient is that of the weighted mean loss. */
#include <stdlib.h>

#include "common/train/trainer.h"
#include "tests/train/trainer.h"

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

/* What each of them computes: optimizer.c. */
static void test_muon(const struct data *data)
{
	struct trainer_options options = options_of(3);

	options.optimizer.kind = OPTIMIZER_MUON;
	options.optimizer.momentum = 0.95;
	struct course a = run_course(data, &options), b = run_course(data, &options);
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

/* ---- a batch without weights ---- */

/* It is passed over: the step after it is the one that would have been taken in its place. */
static void test_unweighted(const struct data *data)
{
	struct trainer_options options = options_of(2);
	struct example examples[EXAMPLES];
	uint8_t others[CONTEXT + 1] = {0};
	struct step_result result, a, b;
	struct err err = {0};

	options.weight[0] = 0;
	options.loss_scale = 1024;
	options.dropout = 0.1;
	struct trainer *with = make_trainer(&options), *without = make_trainer(&options);
	memcpy(examples, data->example, sizeof examples);
	for (int i = 0; i < EXAMPLES; i++)
		examples[i].kind = others;
	for (int step = 0; step < 3; step++) {
		trainer_step(without, data->example + step, 60, &a, &err);
		is_int(trainer_step(with, examples, EXAMPLES, &result, &err), 0, "a batch without weights");
		ok(!result.taken && result.unweighted && result.tokens == 0 && result.flops == 0,
		   "  is passed over, and nothing is computed");
		trainer_step(with, data->example + step, 60, &b, &err);
		ok(b.taken && !b.unweighted && same_result(&a, &b), "  the next one makes the step");
	}
	struct trainer_state s = state_of(with), t = state_of(without);
	ok(same_state(&s, &t), "  with the same bits");
	ok(s.loss_scale.scale == 1024 && s.loss_scale.steps == 3 && s.loss_scale.skipped == 0,
	   "  and the loss scale is not halved");
	trainer_state_release(&s);
	trainer_state_release(&t);
	trainer_free(with);
	trainer_free(without);
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

int main(void)
{
	static struct data data;
	struct err err = {0};

	make_data(&data, 1);
	test_gradients(&data);
	test_accumulation(&data);
	test_workers(&data);
	test_muon(&data);
	test_dropout(&data);
	test_evaluation(&data);
	test_not_finite(&data, INFINITY);
	test_not_finite(&data, NAN);
	test_not_finite(&data, 3e38f);
	test_unweighted(&data);
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
