/* optimizer.c - a step that workers share is the step of each tensor by itself, with AdamW or
 * Muon, along the mean of all workers' gradients. */
#include <stdlib.h>

#include "common/train/optimizer.h"
#include "tests/train/trainer.h"

#define WORKERS 3

/* An optimizer with gradients for each of its workers, in device memory. */
struct bench {
	const struct kernels *k;
	int workers;
	struct device *devices[WORKERS];
	float *gradients[WORKERS];
	double losses[WORKERS]; /* the sums that the passes will come to */
	struct threads *threads;
	struct optimizer *optimizer;
};

static const struct optimizer_options usual = {
	.beta1 = 0.9, .beta2 = 0.99, .momentum = 0.5, .weight_decay = 8, /* so large that it matters */
};

static void bench_start(struct bench *bench, const struct optimizer_options *options, int workers)
{
	struct err err = {0};
	float *params = malloc(parameters() * sizeof *params);

	*bench = (struct bench){.k = kernels_find("cpu", &err), .workers = workers};
	for (int w = 0; w < workers; w++) {
		bench->devices[w] = bench->k->open(DTYPE_F32, &err);
		bench->gradients[w] = bench->k->alloc(bench->devices[w], parameters() * sizeof(float));
	}
	bench->threads = threads_new(workers, &err);
	gpt_init_parameters(&config, 3, params);
	bench->optimizer = optimizer_new(&config, options, bench->k, bench->devices, workers,
	                                 &comm_alone, params, &err);
	if (!bench->optimizer || !bench->threads) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	free(params);
}

static void bench_end(struct bench *bench)
{
	optimizer_free(bench->optimizer);
	threads_free(bench->threads);
	for (int w = 0; w < bench->workers; w++) {
		bench->k->free(bench->devices[w], bench->gradients[w]);
		bench->k->close(bench->devices[w]);
	}
}

/* New gradients and losses for all workers; sum[] and the result are what they add up to. */
static double new_gradients(struct bench *bench, uint64_t seed, float *sum)
{
	float *one = malloc(parameters() * sizeof *one);
	double loss = 0;

	memset(sum, 0, parameters() * sizeof *sum);
	for (int w = 0; w < bench->workers; w++) {
		struct rng rng;
		rng_init(&rng, seed, RNG_TEST, (uint64_t)w);
		for (size_t i = 0; i < parameters(); i++) {
			one[i] = (float)(rng_uniform(&rng) - 0.4);
			sum[i] += one[i];
		}
		bench->k->upload(bench->devices[w], bench->gradients[w], one, parameters() * sizeof *one);
		bench->losses[w] = 1.5 + w;
		loss += bench->losses[w];
	}
	free(one);
	return loss;
}

static void work(int worker, void *data)
{
	struct bench *bench = data;
	double *losses = optimizer_losses(bench->optimizer, worker);

	bench->k->upload(bench->devices[worker], losses, &bench->losses[worker], sizeof *losses);
	optimizer_update(bench->optimizer, worker, bench->gradients, bench->threads);
}

static struct optimizer_result step(struct bench *bench, int64_t number, double lr, double mean)
{
	optimizer_begin(bench->optimizer, number, lr, mean);
	threads_run(bench->threads, work, bench);
	return optimizer_end(bench->optimizer);
}

static struct trainer_state arrays_of(const struct bench *bench)
{
	const size_t bytes = parameters() * sizeof(float);
	struct trainer_state state = {
		.params = malloc(bytes), .moment1 = malloc(bytes), .moment2 = malloc(bytes),
	};

	optimizer_download(bench->optimizer, state.params, state.moment1, state.moment2);
	return state;
}

/* The same step, tensor by tensor: each matrix of a block by Muon, if it is asked for - q, k
 * and v apart - and all else by AdamW. Returns how many matrices Muon stepped. */
static int step_tensors(const struct bench *bench, bool by_muon, struct trainer_state *state,
                        const float *gradient, const struct update *update)
{
	const struct muon muon = {.momentum = 0.5f, .weight_decay = 8};
	const struct adamw adamw = {
		.beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-8f, .weight_decay = 8,
	};
	struct device *dev = bench->devices[0];
	struct gpt_tensor tensors[64];
	int matrices = 0;

	gpt_tensors(&config, tensors);
	for (int i = 0; i < gpt_tensor_count(&config); i++) {
		const struct gpt_tensor *t = &tensors[i];
		const bool hidden = strstr(t->name, ".h.") && strstr(t->name, ".c_") && t->rows > 0;
		const int parts = strstr(t->name, "c_attn") ? 3 : 1, cols = t->cols / parts;
		const struct adamw_range all = {0, t->count, t->rows > 0};
		for (int part = 0; by_muon && hidden && part < parts; part++, matrices++) {
			const size_t at = t->offset + (size_t)(part * cols);
			bench->k->muon(dev, state->params + at, gradient + at, state->moment1 + at, t->rows,
			               cols, t->cols, &muon, update);
		}
		if (!(by_muon && hidden))
			bench->k->adamw(dev, state->params + t->offset, gradient + t->offset,
			                state->moment1 + t->offset, state->moment2 + t->offset, t->count,
			                &all, 1, &adamw, update);
	}
	return matrices;
}

static void test_steps(enum optimizer_kind kind, int workers, double clip)
{
	struct optimizer_options options = usual;
	struct bench bench;
	float *sum = malloc(parameters() * sizeof *sum);
	const double mean = 0.125;
	int matrices = 0;

	options.kind = kind;
	options.clip = clip;
	bench_start(&bench, &options, workers);
	struct trainer_state want = arrays_of(&bench);
	for (int number = 1; number <= 2; number++) {
		const double loss = new_gradients(&bench, (uint64_t)number, sum);
		double norm = 0;
		for (size_t i = 0; i < parameters(); i++)
			norm += mean * mean * (double)sum[i] * (double)sum[i];
		norm = sqrt(norm);
		const struct optimizer_result result = step(&bench, number, 0.01 * number, mean);
		is_near(result.loss, loss, 1e-12, "the losses of all workers");
		ok(fabs(result.norm / norm - 1) < 1e-5 && result.taken,
		   "  and the norm of the mean gradient, before clipping");
		const double share = clip > 0 && norm > clip ? clip / norm : 1;
		const struct update update = {
			.lr = 0.01f * (float)number,
			.correct1 = (float)(1 / (1 - pow(0.9, number))),
			.correct2 = (float)(1 / (1 - pow(0.99, number))),
			.grad_scale = (float)(mean * share), .finite = true,
		};
		matrices += step_tensors(&bench, kind == OPTIMIZER_MUON, &want, sum, &update);
	}
	ok(matrices == (kind == OPTIMIZER_MUON ? 2 * 6 * config.layers : 0),
	   "%s, %d workers, clip %g: Muon has %d matrices a step",
	   kind == OPTIMIZER_MUON ? "Muon" : "AdamW", workers, clip, matrices / 2);
	struct trainer_state have = arrays_of(&bench);
	below(off(have.params, want.params, parameters()), 1e-5, "  parameters of two steps");
	below(off(have.moment1, want.moment1, parameters()), 1e-5, "  the first moment, or Muon's");
	below(off(have.moment2, want.moment2, parameters()), 1e-5, "  the second moment");
	trainer_state_release(&have);
	trainer_state_release(&want);
	free(sum);
	bench_end(&bench);
}

/* Nothing is stepped by a number that is not finite, and the next step is as if none was. */
static void test_not_finite(enum optimizer_kind kind)
{
	struct optimizer_options options = usual;
	struct bench bench;
	float *sum = malloc(parameters() * sizeof *sum);
	const float bad = NAN;

	options.kind = kind;
	bench_start(&bench, &options, 2);
	new_gradients(&bench, 1, sum);
	step(&bench, 1, 0.01, 1);
	struct trainer_state before = arrays_of(&bench);
	new_gradients(&bench, 2, sum);
	bench.k->upload(bench.devices[1], bench.gradients[1] + parameters() / 2, &bad, sizeof bad);
	ok(!step(&bench, 2, 0.01, 1).taken, "a gradient that is not finite: the step is not taken");
	struct trainer_state after = arrays_of(&bench);
	ok(same_state(&before, &after), "  parameters and moments stay");
	trainer_state_release(&after);
	new_gradients(&bench, 3, sum);
	bench.losses[1] = INFINITY;
	ok(!step(&bench, 2, 0.01, 1).taken, "a loss that is not finite: the same");
	after = arrays_of(&bench);
	ok(same_state(&before, &after), "  parameters and moments stay");
	trainer_state_release(&after);
	new_gradients(&bench, 4, sum);
	ok(step(&bench, 2, 0.01, 1).taken, "  the next step is taken");
	trainer_state_release(&before);
	free(sum);
	bench_end(&bench);
}

/* Copies there and back, and each array by itself. */
static void test_copies(void)
{
	struct bench from, to;
	float *sum = malloc(parameters() * sizeof *sum);

	bench_start(&from, &usual, 2);
	bench_start(&to, &usual, 1);
	new_gradients(&from, 1, sum);
	step(&from, 1, 0.01, 1);
	struct trainer_state a = arrays_of(&from);
	optimizer_upload(to.optimizer, a.params, a.moment1, a.moment2);
	struct trainer_state b = arrays_of(&to);
	ok(same_state(&a, &b), "another optimizer takes over parameters and moments");
	memset(b.moment1, 0, parameters() * sizeof(float));
	optimizer_download(from.optimizer, NULL, b.moment1, NULL);
	ok(same_state(&a, &b), "an array alone is copied");
	trainer_state_release(&a);
	trainer_state_release(&b);
	free(sum);
	bench_end(&from);
	bench_end(&to);
}

int main(void)
{
	for (int workers = 1; workers <= WORKERS; workers++)
		for (int kind = OPTIMIZER_ADAMW; kind <= OPTIMIZER_MUON; kind++) {
			test_steps((enum optimizer_kind)kind, workers, 0);
			test_steps((enum optimizer_kind)kind, workers, 0.5);
		}
	test_not_finite(OPTIMIZER_ADAMW);
	test_not_finite(OPTIMIZER_MUON);
	test_copies();
	return done();
}
