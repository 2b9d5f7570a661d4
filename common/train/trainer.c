#include "common/train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/threads.h"
#include "common/train/batch_split.h"
#include "common/train/token_batch.h"

#define STEP_BITS 28 /* of the number of a step's examples: 65536 in a batch, 4096 batches */

struct worker {
	struct trainer *trainer;
	int index; /* among those of this process */
	struct gpt *gpt; /* on the worker's device */
	struct token_batch batch; /* the pass that is being filled */
};

struct trainer {
	struct gpt_config config;
	struct trainer_options options;
	const struct kernels *k;
	const struct comm *comm;
	int all, first; /* workers of all ranks; the number of this rank's first one among them */
	struct threads *threads;
	struct device **devices; /* [options.workers] */
	struct worker *workers; /* [options.workers] */
	float **gradients; /* [options.workers]: the networks' */
	struct optimizer *optimizer;
	size_t count; /* parameters */
	int64_t step; /* steps taken */
	struct loss_scale loss_scale;
	struct batch_split split; /* over the workers of all ranks */
	struct evaluation *evaluations; /* [all]: of each worker's examples */

	/* of the step or evaluation under way */
	const struct example *examples;
	const struct dataset *dataset;
	int example_count;
	float weight[SPAN_KINDS]; /* of a token's loss, times the loss scale's factor */
};

/* ---- making and freeing ---- */

/* A network for passes of as many rows as are wanted; if memory is short, of half as many, and
 * so on, down to one sequence. (Passes of other rows have other dropout masks.) */
static int worker_fill(struct trainer *trainer, int index, struct err *err)
{
	struct worker *worker = &trainer->workers[index];
	const int context = trainer->config.context, multiple = trainer->k->row_step;
	const int wanted = trainer->options.pass_rows;
	struct err why;

	worker->trainer = trainer;
	worker->index = index;
	for (int rows = wanted ? wanted : trainer->k->pass_rows;; rows /= 2) {
		const int least = rows > context ? rows : context;
		const int rows_max = (least + multiple - 1) / multiple * multiple;
		why = (struct err){0};
		worker->gpt = gpt_new(&trainer->config, trainer->k, trainer->devices[index],
		                      optimizer_params(trainer->optimizer), rows_max, GPT_KEEP_ALL, &why);
		if (worker->gpt)
			return token_batch_init(&worker->batch, rows_max, err);
		if (rows <= context)
			return err_set(err, "%s", why.text);
	}
}

static int trainer_fill(struct trainer *trainer, const float *params, struct err *err)
{
	const int workers = trainer->options.workers;

	trainer->threads = threads_new(workers, err);
	trainer->workers = calloc((size_t)workers, sizeof *trainer->workers);
	trainer->devices = calloc((size_t)workers, sizeof *trainer->devices);
	trainer->gradients = calloc((size_t)workers, sizeof *trainer->gradients);
	trainer->evaluations = calloc((size_t)trainer->all, sizeof *trainer->evaluations);
	if (!trainer->threads || batch_split_init(&trainer->split, trainer->all, err) < 0)
		return -1;
	if (!trainer->workers || !trainer->devices || !trainer->gradients || !trainer->evaluations)
		return err_set(err, "out of memory");
	for (int i = 0; i < workers; i++)
		if ((trainer->devices[i] = trainer->k->open(trainer->options.dtype, err)) == NULL)
			return -1;
	trainer->optimizer = optimizer_new(&trainer->config, &trainer->options.optimizer, trainer->k,
	                                   trainer->devices, workers, trainer->comm, params, err);
	if (!trainer->optimizer)
		return -1;
	for (int i = 0; i < workers; i++) {
		if (worker_fill(trainer, i, err) < 0)
			return -1;
		trainer->gradients[i] = gpt_gradients(trainer->workers[i].gpt);
	}
	return 0;
}

static struct loss_scale first_loss_scale(const struct trainer_options *options)
{
	struct loss_scale first = loss_scale_first(options->dtype);

	if (options->loss_scale > 0)
		first.scale = options->loss_scale;
	return first;
}

struct trainer *trainer_new(const struct gpt_config *config,
                            const struct trainer_options *options, const float *params,
                            struct err *err)
{
	struct trainer *trainer = calloc(1, sizeof *trainer);

	if (!trainer) {
		err_set(err, "out of memory");
		return NULL;
	}
	trainer->config = *config;
	trainer->options = *options;
	trainer->k = options->kernels;
	trainer->comm = options->comm ? options->comm : &comm_alone;
	trainer->all = options->workers * trainer->comm->size;
	trainer->first = options->workers * trainer->comm->rank;
	trainer->count = gpt_parameter_count(config);
	trainer->loss_scale = first_loss_scale(options);
	if (trainer_fill(trainer, params, err) < 0) {
		trainer_free(trainer);
		return NULL;
	}
	return trainer;
}

void trainer_free(struct trainer *trainer)
{
	if (!trainer)
		return;
	for (int i = 0; trainer->workers && i < trainer->options.workers; i++) {
		gpt_free(trainer->workers[i].gpt);
		token_batch_release(&trainer->workers[i].batch);
	}
	optimizer_free(trainer->optimizer);
	for (int i = 0; trainer->devices && i < trainer->options.workers; i++)
		trainer->k->close(trainer->devices[i]);
	batch_split_release(&trainer->split);
	threads_free(trainer->threads);
	free(trainer->evaluations);
	free(trainer->gradients);
	free(trainer->devices);
	free(trainer->workers);
	free(trainer);
}

size_t trainer_memory(const struct trainer *trainer)
{
	size_t bytes = optimizer_memory(trainer->optimizer);

	for (int i = 0; i < trainer->options.workers; i++)
		bytes += gpt_memory(trainer->workers[i].gpt);
	return bytes;
}

int trainer_workers(const struct trainer *trainer)
{
	return trainer->all;
}

/* ---- a step ---- */

/* Train on the rows collected so far. first: the pass's first example; no other pass of the
 * step has it, so it tells dropout's masks apart. */
static void train_pass(struct trainer *trainer, struct worker *worker, double *losses, int first)
{
	struct token_batch *batch = &worker->batch;
	const uint64_t pass = ((uint64_t)trainer->step << STEP_BITS) + (uint64_t)first;

	token_batch_pad(batch, trainer->k->row_step, trainer->config.context);
	gpt_dropout(worker->gpt, (float)trainer->options.dropout, trainer->options.seed, pass);
	gpt_forward_backward(worker->gpt, &batch->pass, losses);
	token_batch_clear(batch);
}

/* In a worker's last pass of a step. */
static void tell_final(void *data, int sections)
{
	const struct worker *worker = data;
	const struct trainer *trainer = worker->trainer;

	optimizer_final(trainer->optimizer, worker->index, trainer->gradients, sections);
}

/* A worker's part of a step. */
static void step_work(int index, void *data)
{
	struct trainer *trainer = data;
	struct worker *worker = &trainer->workers[index];
	const struct worker_examples *own = &trainer->split.worker[trainer->first + index];
	double *losses;
	int first = 0; /* of the pass, in own */

	gpt_zero_gradients(worker->gpt);
	losses = optimizer_losses(trainer->optimizer, index);
	gpt_hold_parameters(worker->gpt, true);
	token_batch_clear(&worker->batch);
	for (int i = 0; i < own->count; i++) {
		const struct example *example = &trainer->examples[own->index[i]];
		if (!token_batch_add(&worker->batch, example, trainer->weight)) {
			train_pass(trainer, worker, losses, own->index[first]);
			token_batch_add(&worker->batch, example, trainer->weight);
			first = i;
		}
	}
	if (worker->batch.count > 0) {
		if (trainer->comm->size > 1) /* a device does not remember such a pass */
			gpt_on_gradients(worker->gpt, tell_final, worker);
		train_pass(trainer, worker, losses, own->index[first]);
		gpt_on_gradients(worker->gpt, NULL, NULL);
	} else {
		tell_final(worker, gpt_section_count(&trainer->config));
	}
	gpt_hold_parameters(worker->gpt, false);
	optimizer_update(trainer->optimizer, index, trainer->gradients, trainer->threads);
}

static int not_finite(const struct trainer *trainer, const struct step_result *result,
                      struct err *err)
{
	char scale[48] = "";

	if (result->loss_scale > 0)
		snprintf(scale, sizeof scale, " at a loss scale of %g", result->loss_scale);
	return err_set(err, "step %lld: loss %g and gradient norm %g%s, expected finite numbers",
	               (long long)trainer->step + 1, result->loss, result->grad_norm, scale);
}

/* Of the tokens that are predicted. Four sums, none of which waits for another. */
static double sum_of_weights(const struct example *example, const float *weight)
{
	double sum[4] = {0};

	for (int i = 1; i < example->length; i++)
		sum[i % 4] += (double)weight[example->kind[i]];
	return sum[0] + sum[1] + (sum[2] + sum[3]);
}

int trainer_step(struct trainer *trainer, const struct example *examples, int count,
                 struct step_result *result, struct err *err)
{
	const struct trainer_options *options = &trainer->options;
	double weight_sum = 0;

	*result = (struct step_result){
		.lr = learning_rate_at(&options->lr, trainer->step),
		.loss_scale = trainer->loss_scale.scale,
		.skipped = trainer->loss_scale.skipped,
	};
	for (int e = 0; e < count; e++)
		weight_sum += sum_of_weights(&examples[e], options->weight);
	result->unweighted = weight_sum <= 0;
	if (result->unweighted)
		return 0;
	for (int e = 0; e < count; e++) {
		result->tokens += examples[e].length - 1;
		result->flops += gpt_training_flops(&trainer->config, examples[e].length - 1);
	}
	if (batch_split_make(&trainer->split, examples, count, err) < 0)
		return -1;
	const double factor = loss_scale_factor(&trainer->loss_scale, weight_sum);
	for (int kind = 0; kind < SPAN_KINDS; kind++)
		trainer->weight[kind] = (float)((double)options->weight[kind] * factor);
	trainer->examples = examples;
	optimizer_begin(trainer->optimizer, trainer->step + 1, result->lr, 1.0 / weight_sum / factor);
	threads_run(trainer->threads, step_work, trainer);
	const struct optimizer_result done = optimizer_end(trainer->optimizer);
	result->loss = done.loss / (double)result->tokens;
	result->grad_norm = done.norm;
	result->taken = done.taken;
	/* a loss that is not finite is not so because of the scale */
	if (!result->taken && !(isfinite(result->loss) && loss_scale_halve(&trainer->loss_scale)))
		return not_finite(trainer, result, err);
	if (result->taken) {
		trainer->step++;
		loss_scale_count(&trainer->loss_scale);
	}
	result->skipped = trainer->loss_scale.skipped;
	return 0;
}

/* ---- evaluation ---- */

static void evaluate_pass(struct trainer *trainer, struct worker *worker,
                          struct evaluation *evaluation)
{
	struct token_batch *batch = &worker->batch;

	token_batch_pad(batch, trainer->k->row_step, trainer->config.context);
	gpt_dropout(worker->gpt, 0, 0, 0);
	gpt_forward(worker->gpt, &batch->pass, batch->loss);
	for (int i = 0; i < batch->count; i++) {
		evaluation->loss[batch->kind[i]] += batch->loss[i];
		evaluation->tokens[batch->kind[i]]++;
	}
	token_batch_clear(batch);
}

static void evaluate_work(int index, void *data)
{
	struct trainer *trainer = data;
	struct worker *worker = &trainer->workers[index];
	const int number = trainer->first + index;
	struct evaluation *evaluation = &trainer->evaluations[number];

	*evaluation = (struct evaluation){0};
	gpt_hold_parameters(worker->gpt, true);
	token_batch_clear(&worker->batch);
	for (int i = number; i < trainer->example_count; i += trainer->all) {
		struct example example = dataset_example(trainer->dataset, (size_t)i);
		if (!token_batch_add(&worker->batch, &example, trainer->options.weight)) {
			evaluate_pass(trainer, worker, evaluation);
			token_batch_add(&worker->batch, &example, trainer->options.weight);
		}
	}
	if (worker->batch.count > 0)
		evaluate_pass(trainer, worker, evaluation);
	gpt_hold_parameters(worker->gpt, false);
}

void trainer_evaluate(struct trainer *trainer, const struct dataset *dataset, size_t count,
                      struct evaluation *evaluation)
{
	trainer->dataset = dataset;
	trainer->example_count = (int)(count < dataset->count ? count : dataset->count);
	threads_run(trainer->threads, evaluate_work, trainer);
	trainer->comm->gather(trainer->comm, &trainer->evaluations[trainer->first],
	                      trainer->evaluations,
	                      (size_t)trainer->options.workers * sizeof *trainer->evaluations);
	*evaluation = (struct evaluation){0};
	for (int i = 0; i < trainer->all; i++)
		for (int kind = 0; kind < SPAN_KINDS; kind++) {
			evaluation->loss[kind] += trainer->evaluations[i].loss[kind];
			evaluation->tokens[kind] += trainer->evaluations[i].tokens[kind];
		}
}

/* ---- state ---- */

int64_t trainer_steps(const struct trainer *trainer)
{
	return trainer->step;
}

struct loss_scale trainer_loss_scale(const struct trainer *trainer)
{
	return trainer->loss_scale;
}

int trainer_state_new(const struct trainer *trainer, struct trainer_state *state, struct err *err)
{
	const size_t bytes = trainer->count * sizeof *state->params;

	*state = (struct trainer_state){
		.params = malloc(bytes),
		.moment1 = malloc(bytes),
		.moment2 = malloc(bytes),
	};
	if (!state->params || !state->moment1 || !state->moment2) {
		trainer_state_release(state);
		return err_set(err, "out of memory for the state of %zu parameters", trainer->count);
	}
	return 0;
}

int trainer_state(const struct trainer *trainer, struct trainer_state *state, struct err *err)
{
	trainer_state_new(trainer, state, err);
	if (comm_settle(trainer->comm, err) < 0) {
		trainer_state_release(state);
		return -1;
	}
	state->step = trainer->step;
	state->loss_scale = trainer->loss_scale;
	optimizer_download(trainer->optimizer, state->params, state->moment1, state->moment2);
	return 0;
}

void trainer_state_release(struct trainer_state *state)
{
	free(state->params);
	free(state->moment1);
	free(state->moment2);
	*state = (struct trainer_state){0};
}

void trainer_restore(struct trainer *trainer, const struct trainer_state *state)
{
	optimizer_upload(trainer->optimizer, state->params, state->moment1, state->moment2);
	trainer->step = state->step;
	trainer->loss_scale = first_loss_scale(&trainer->options);
	if (trainer->loss_scale.scale > 0 && state->loss_scale.scale > 0)
		trainer->loss_scale = state->loss_scale;
}

void trainer_level(struct trainer *trainer)
{
	optimizer_level(trainer->optimizer);
}

void trainer_params(const struct trainer *trainer, float *params)
{
	optimizer_download(trainer->optimizer, params, NULL, NULL);
}
