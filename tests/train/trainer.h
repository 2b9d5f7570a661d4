/* trainer.h - a small network, examples for it and runs of a trainer, for tests of that. */
#ifndef MEMOSCOPE_TESTS_TRAINER_H
#define MEMOSCOPE_TESTS_TRAINER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rng.h"
#include "common/train/trainer.h"
#include "common/train/training_state.h"
#include "tests/tap.h"

#define EXAMPLES 96 /* of up to CONTEXT tokens: more rows than one pass takes */
#define CONTEXT 16
#define KINDS 3

static const struct gpt_config config = {
	.layers = 2, .heads = 2, .width = 8, .context = CONTEXT, .vocab = 11, .bias = true,
};

/* A batch, and the same records as a dataset. */
struct data {
	uint16_t token[EXAMPLES * CONTEXT];
	uint8_t kind[EXAMPLES * CONTEXT];
	uint64_t id[EXAMPLES], begin[EXAMPLES + 1];
	struct example example[EXAMPLES];
	struct dataset dataset;
};

/* Records count up from a random token, modulo the vocabulary: a thing to learn. */
__attribute__((unused))
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
	data->dataset = (struct dataset){
		.count = EXAMPLES, .token_count = at, .id = data->id, .begin = data->begin,
		.token = data->token, .kind = data->kind,
	};
}

__attribute__((unused))
static struct trainer_options options_of(int workers)
{
	struct trainer_options options = {
		.kernels = kernels_find("cpu", NULL), .workers = workers,
		.dtype = DTYPE_F32, .seed = 1,
		.lr = {.peak = 1e-2, .min = 1e-3, .warmup = 3, .steps = 100},
		.optimizer = {.beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.1},
	};

	for (int i = 0; i < SPAN_KINDS; i++)
		options.weight[i] = 1;
	return options;
}

__attribute__((unused))
static size_t parameters(void)
{
	return gpt_parameter_count(&config);
}

__attribute__((unused))
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

__attribute__((unused))
static struct trainer *make_trainer(const struct trainer_options *options)
{
	return make_trainer_of(&config, options);
}

/* The trainer's state, to trainer_state_release(). */
__attribute__((unused))
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

/* Some steps; the losses, and the parameters after the last. */
struct course {
	double loss[12];
	float *params;
};

__attribute__((unused))
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

__attribute__((unused))
static bool same_course(const struct course *a, const struct course *b)
{
	return memcmp(a->loss, b->loss, sizeof a->loss) == 0 &&
	       memcmp(a->params, b->params, parameters() * sizeof(float)) == 0;
}

/* The same step, parameters and moments, to the bit. */
__attribute__((unused))
static bool same_state(const struct trainer_state *a, const struct trainer_state *b)
{
	const size_t bytes = parameters() * sizeof(float);

	return a->step == b->step && memcmp(a->params, b->params, bytes) == 0 &&
	       memcmp(a->moment1, b->moment1, bytes) == 0 &&
	       memcmp(a->moment2, b->moment2, bytes) == 0;
}

/* A state into a folder, with the model that it belongs to. */
__attribute__((unused))
static int save_state(const char *folder, const struct trainer_state *state,
                      const struct training_progress *progress, const json_t *settings,
                      struct err *err)
{
	struct model model = {
		.config = config,
		.vocab = vocab_new("abcdefghijk", 11, err),
		.params = state->params,
	};
	struct directory directory;
	int result = directory_open(&directory, folder, err);

	if (result == 0)
		result = training_state_save(&directory, &model, state, progress, settings, err);
	directory_close(&directory);
	vocab_free(model.vocab);
	return result;
}

__attribute__((unused))
static bool same_result(const struct step_result *a, const struct step_result *b)
{
	return a->loss == b->loss && a->grad_norm == b->grad_norm && a->lr == b->lr &&
	       a->tokens == b->tokens && a->loss_scale == b->loss_scale &&
	       a->skipped == b->skipped && a->taken == b->taken;
}

/* The largest difference, as a share of the largest number wanted. */
__attribute__((unused))
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

__attribute__((unused))
static bool below(double have, double limit, const char *what)
{
	bool good = ok(have < limit, "%s", what);

	if (!good)
		printf("# %g, expected less than %g\n", have, limit);
	return good;
}

/* The largest difference of the losses. */
__attribute__((unused))
static double course_off(const struct course *a, const struct course *b)
{
	double worst = 0;

	for (int i = 0; i < 12; i++)
		worst = fmax(worst, fabs(a->loss[i] - b->loss[i]));
	return worst;
}

#endif
