#include "common/train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/threads.h"

#define SCALE_FIRST 0x1p16 /* of the loss, with half precision */
#define SCALE_GROWTH 2000 /* steps, after which it is doubled */

#define STEP_BITS 28 /* of the number of a step's examples: 65536 in a batch, 4096 batches */

/* Rows of one pass of one worker, host memory. */
struct token_batch {
	int room, sequence_room;
	int count; /* of examples; what the batch has behind them fills it up */
	struct gpt_batch batch;
	int32_t *token, *position, *target, *begin;
	float *weight, *loss;
	uint8_t *kind; /* of the target */
};

/* A matrix that Muon steps: it goes to one worker whole. */
struct hidden {
	size_t offset; /* of its first element in the parameters */
	int rows, cols, stride;
	int worker;
};

struct worker {
	struct device *dev;
	struct gpt *gpt;
	struct token_batch rows;
	struct adamw_range *ranges; /* [range_count] of its stretch; device memory */
	int range_count;
	int *share, share_count; /* examples of this step's batch */
	int64_t load; /* tokens of the share */
	struct tally *tally; /* of this step; in the first one's memory */
	struct evaluation evaluation;
};

struct trainer {
	struct gpt_config config;
	struct trainer_options options;
	const struct kernels *k;
	struct threads *threads;
	struct worker *workers;
	size_t count; /* parameters */
	struct gpt_tensor *tensors;
	int tensor_count;
	struct hidden *hidden; /* NULL without Muon */
	int hidden_count;
	float *params, *moment1, *moment2;
	int64_t step;
	struct loss_scaling scaling;
	int *order; /* [share_room] of the step's examples, longest first */
	int share_room;

	/* of the step or evaluation under way */
	const struct example *examples;
	const struct dataset *dataset;
	int example_count;
	double weight_sum;
	double row_scale; /* of each token's weighted loss */
	float weight[SPAN_KINDS]; /* of a token's loss, scaled */

	/* What a step is taken with and what has become of it, in the first worker's memory;
	 * behind it stand the workers' tallies. */
	struct update *update;
};

/* ---- rows ---- */

static bool token_batch_new(struct token_batch *rows, int room)
{
	rows->room = room;
	rows->sequence_room = room / 2 + 1;
	rows->token = malloc((size_t)room * sizeof *rows->token);
	rows->position = malloc((size_t)room * sizeof *rows->position);
	rows->target = malloc((size_t)room * sizeof *rows->target);
	rows->weight = malloc((size_t)room * sizeof *rows->weight);
	rows->loss = malloc((size_t)room * sizeof *rows->loss);
	rows->kind = malloc((size_t)room);
	rows->begin = malloc((size_t)(rows->sequence_room + 2) * sizeof *rows->begin);
	return rows->token && rows->position && rows->target && rows->weight && rows->loss &&
	       rows->kind && rows->begin;
}

static void token_batch_release(struct token_batch *rows)
{
	free(rows->token);
	free(rows->position);
	free(rows->target);
	free(rows->weight);
	free(rows->loss);
	free(rows->kind);
	free(rows->begin);
}

static void token_batch_clear(struct token_batch *rows)
{
	rows->begin[0] = rows->count = 0;
	rows->batch = (struct gpt_batch){
		.sequences = {.begin = rows->begin},
		.token = rows->token,
		.position = rows->position,
		.target = rows->target,
		.weight = rows->weight,
	};
}

/* One more sequence, whose rows are there. */
static void token_batch_end_sequence(struct token_batch *rows, int length)
{
	struct gpt_batch *batch = &rows->batch;

	batch->count += length;
	rows->begin[++batch->sequences.count] = batch->count;
	if (length > batch->sequences.longest)
		batch->sequences.longest = length;
}

/* An example of t tokens makes t - 1 rows: each predicts the token after it.
 * False where it does not fit any more. */
static bool token_batch_add(struct token_batch *rows, const struct example *example,
                            const float *weight)
{
	struct gpt_batch *batch = &rows->batch;
	const int length = example->length - 1, at = batch->count;
	const uint16_t *from = example->token;
	const uint8_t *kind = example->kind + 1;
	int32_t *restrict token = rows->token + at, *restrict target = rows->target + at;
	int32_t *restrict position = rows->position + at;
	float *restrict row_weight = rows->weight + at;

	if (at + length > rows->room || batch->sequences.count == rows->sequence_room)
		return false;
	for (int i = 0; i < length; i++) {
		token[i] = from[i];
		target[i] = from[i + 1];
		position[i] = i;
	}
	for (int i = 0; i < length; i++)
		row_weight[i] = weight[kind[i]];
	memcpy(rows->kind + at, kind, (size_t)length);
	token_batch_end_sequence(rows, length);
	rows->count += length;
	return true;
}

static int round_up(int rows, int step)
{
	return (rows + step - 1) / step * step;
}

/* Fill the batch up to a multiple of step: a sequence behind the others, without targets, so
 * that neither losses nor gradients know of it. */
static void token_batch_fill(struct token_batch *rows, int step, int context)
{
	const int at = rows->count, length = round_up(at, step) - at;

	for (int i = 0; i < length; i++) {
		rows->token[at + i] = 0;
		rows->position[at + i] = i % context;
		rows->target[at + i] = -1;
		rows->weight[at + i] = 0;
	}
	if (length > 0)
		token_batch_end_sequence(rows, length);
}

/* ---- making and freeing ---- */

static int update_new(struct trainer *trainer, struct err *err)
{
	const int workers = trainer->options.workers;
	struct tally *tallies;

	trainer->update = trainer->k->alloc(trainer->workers[0].dev, sizeof *trainer->update +
	                                    (size_t)workers * sizeof *tallies);
	if (trainer->update == NULL)
		return err_set(err, "out of memory");
	tallies = (struct tally *)(trainer->update + 1);
	for (int i = 0; i < workers; i++)
		trainer->workers[i].tally = &tallies[i];
	return 0;
}

/* With as many rows a pass as are wanted, or half of that, and so on, where memory
 * has no room for them: a sequence is the least. (Other passes are other masks of dropout.) */
static int worker_new(struct trainer *trainer, struct worker *worker, struct err *err)
{
	const int context = trainer->config.context, wanted = trainer->options.pass_rows;
	struct err why;

	for (int rows = wanted ? wanted : trainer->k->pass_rows;; rows /= 2) {
		const int room = round_up(rows > context ? rows : context, trainer->k->row_step);
		why = (struct err){0};
		worker->gpt = gpt_new(&trainer->config, trainer->k, worker->dev, trainer->params,
		                      room, GPT_KEEP_ALL, &why);
		if (worker->gpt)
			return token_batch_new(&worker->rows, room) ? 0 : err_set(err, "out of memory");
		if (rows <= context)
			return err_set(err, "%s", why.text);
	}
}

/* List what Muon steps; each matrix goes to the worker with the least to do so
 * far, by the multiplications of y x. */
static int hidden_new(struct trainer *trainer, struct err *err)
{
	const int workers = trainer->options.workers;
	double *load = calloc((size_t)workers, sizeof *load);
	int count = 0;

	for (int i = 0; i < trainer->tensor_count; i++)
		count += trainer->tensors[i].hidden;
	trainer->hidden = calloc((size_t)count, sizeof *trainer->hidden);
	if (load == NULL || trainer->hidden == NULL) {
		free(load);
		return err_set(err, "out of memory");
	}
	for (int i = 0; i < trainer->tensor_count; i++) {
		const struct gpt_tensor *tensor = &trainer->tensors[i];
		for (int part = 0; part < tensor->hidden; part++) {
			const int rows = tensor->rows, cols = tensor->cols / tensor->hidden;
			int least = 0;
			for (int w = 1; w < workers; w++)
				if (load[w] < load[least])
					least = w;
			load[least] += (double)rows * cols * (rows < cols ? rows : cols);
			trainer->hidden[trainer->hidden_count++] = (struct hidden){
				.offset = tensor->offset + (size_t)(part * cols),
				.rows = rows, .cols = cols, .stride = tensor->cols, .worker = least,
			};
		}
	}
	free(load);
	return 0;
}

/* The stretch of the parameters that a worker sums and steps. */
static void stretch(const struct trainer *trainer, int index, size_t *begin, size_t *end)
{
	const size_t workers = (size_t)trainer->options.workers;
	const size_t part = (trainer->count / workers + 15) / 16 * 16 + 16;

	*begin = (size_t)index * part < trainer->count ? (size_t)index * part : trainer->count;
	*end = *begin + part < trainer->count ? *begin + part : trainer->count;
}

/* What AdamW steps of a worker's stretch, counted from its beginning: tensors that stand
 * side by side make one range where all of them decay, or none. */
static int ranges_new(struct trainer *trainer, int index, struct err *err)
{
	struct worker *worker = &trainer->workers[index];
	struct adamw_range *ranges = calloc((size_t)trainer->tensor_count, sizeof *ranges);
	struct adamw_range *last = NULL;
	size_t begin, end;
	int count = 0;

	if (ranges == NULL)
		return err_set(err, "out of memory");
	stretch(trainer, index, &begin, &end);
	for (int i = 0; i < trainer->tensor_count; i++) {
		const struct gpt_tensor *tensor = &trainer->tensors[i];
		const size_t from = tensor->offset > begin ? tensor->offset : begin;
		const size_t behind = tensor->offset + tensor->count;
		const size_t to = behind < end ? behind : end;
		if (from >= to || (trainer->hidden && tensor->hidden))
			continue;
		if (last && last->end == from - begin && last->decay == tensor->decay) {
			last->end = to - begin;
			continue;
		}
		last = &ranges[count++];
		*last = (struct adamw_range){from - begin, to - begin, tensor->decay};
	}
	const size_t bytes = (size_t)count * sizeof *ranges;
	worker->ranges = trainer->k->alloc(worker->dev, bytes);
	worker->range_count = count;
	if (worker->ranges)
		trainer->k->upload(worker->dev, worker->ranges, ranges, bytes);
	free(ranges);
	return worker->ranges ? 0 : err_set(err, "out of memory");
}

static int trainer_fill(struct trainer *trainer, const float *params, struct err *err)
{
	const size_t bytes = trainer->count * sizeof *params;
	const int workers = trainer->options.workers;

	trainer->k = trainer->options.kernels;
	trainer->threads = threads_new(workers, err);
	trainer->workers = calloc((size_t)workers, sizeof *trainer->workers);
	trainer->tensor_count = gpt_tensor_count(&trainer->config);
	trainer->tensors = calloc((size_t)trainer->tensor_count, sizeof *trainer->tensors);
	if (trainer->threads == NULL)
		return -1;
	if (!trainer->workers || !trainer->tensors)
		return err_set(err, "out of memory");
	gpt_tensors(&trainer->config, trainer->tensors);
	if (trainer->options.optimizer == OPTIMIZER_MUON && hidden_new(trainer, err) < 0)
		return -1;
	for (int i = 0; i < workers; i++)
		if ((trainer->workers[i].dev = trainer->k->open(trainer->options.dtype, err)) == NULL)
			return -1;
	struct device *first = trainer->workers[0].dev;
	trainer->params = trainer->k->alloc(first, bytes);
	trainer->moment1 = trainer->k->alloc(first, bytes);
	trainer->moment2 = trainer->k->alloc(first, bytes);
	if (!trainer->params || !trainer->moment1 || !trainer->moment2)
		return err_set(err, "out of memory for %zu parameters", trainer->count);
	trainer->k->upload(first, trainer->params, params, bytes);
	trainer->k->zero(first, trainer->moment1, bytes);
	trainer->k->zero(first, trainer->moment2, bytes);
	trainer->k->wait(first);
	if (update_new(trainer, err) < 0)
		return -1;
	for (int i = 0; i < workers; i++)
		if (ranges_new(trainer, i, err) < 0 || worker_new(trainer, &trainer->workers[i], err) < 0)
			return -1;
	return 0;
}

static double first_scale(const struct trainer_options *options)
{
	if (options->loss_scale > 0)
		return options->loss_scale;
	return options->dtype == DTYPE_F16 ? SCALE_FIRST : 0;
}

struct trainer *trainer_new(const struct gpt_config *config,
                            const struct trainer_options *options, const float *params,
                            struct err *err)
{
	struct trainer *trainer = calloc(1, sizeof *trainer);

	if (trainer == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	trainer->config = *config;
	trainer->options = *options;
	trainer->count = gpt_parameter_count(config);
	trainer->scaling.scale = first_scale(options);
	if (trainer_fill(trainer, params, err) < 0) {
		trainer_free(trainer);
		return NULL;
	}
	return trainer;
}

void trainer_free(struct trainer *trainer)
{
	if (trainer == NULL)
		return;
	for (int i = 0; trainer->workers && i < trainer->options.workers; i++) {
		struct worker *worker = &trainer->workers[i];
		gpt_free(worker->gpt);
		token_batch_release(&worker->rows);
		if (worker->dev)
			trainer->k->free(worker->dev, worker->ranges);
		free(worker->share);
	}
	free(trainer->order);
	if (trainer->workers && trainer->workers[0].dev) {
		struct device *first = trainer->workers[0].dev;
		trainer->k->free(first, trainer->params);
		trainer->k->free(first, trainer->moment1);
		trainer->k->free(first, trainer->moment2);
		trainer->k->free(first, trainer->update);
	}
	for (int i = 0; trainer->workers && i < trainer->options.workers; i++)
		trainer->k->close(trainer->workers[i].dev);
	threads_free(trainer->threads);
	free(trainer->workers);
	free(trainer->tensors);
	free(trainer->hidden);
	free(trainer);
}

/* ---- a step ---- */

double trainer_lr(const struct trainer_options *options, int64_t step)
{
	if (step < options->warmup)
		return options->lr * (double)(step + 1) / (double)(options->warmup + 1);
	if (step >= options->steps)
		return options->min_lr;
	const double part = (double)(step - options->warmup) /
	                    (double)(options->steps - options->warmup);
	const double left = options->schedule == SCHEDULE_LINEAR ? 1 - part
	                                                         : 0.5 * (1 + cos(M_PI * part));
	return options->min_lr + left * (options->lr - options->min_lr);
}

/* Longest first; those of one length in their order. */
static int compare_lengths(const void *a, const void *b, void *trainer)
{
	const struct example *examples = ((const struct trainer *)trainer)->examples;
	const int i = *(const int *)a, j = *(const int *)b;
	const int more = (examples[i].length < examples[j].length) -
	                 (examples[i].length > examples[j].length);

	return more ? more : (i > j) - (i < j);
}

/* Give each example to the worker with the fewest tokens so far, long ones first: then all have
 * nearly as many (Graham 1969, "Bounds on multiprocessing timing anomalies"). */
static int share_out(struct trainer *trainer, struct err *err)
{
	const int workers = trainer->options.workers, count = trainer->example_count;

	if (count > trainer->share_room) {
		for (int i = -1; i < workers; i++) {
			int **share = i < 0 ? &trainer->order : &trainer->workers[i].share;
			int *more = realloc(*share, (size_t)count * sizeof *more);
			if (more == NULL)
				return err_set(err, "out of memory");
			*share = more;
		}
		trainer->share_room = count;
	}
	for (int i = 0; i < workers; i++) {
		trainer->workers[i].share_count = 0;
		trainer->workers[i].load = 0;
	}
	for (int e = 0; e < count; e++)
		trainer->order[e] = e;
	qsort_r(trainer->order, (size_t)count, sizeof *trainer->order, compare_lengths, trainer);
	for (int i = 0; i < count; i++) {
		const int e = trainer->order[i];
		int least = 0;
		for (int w = 1; w < workers; w++)
			if (trainer->workers[w].load < trainer->workers[least].load)
				least = w;
		struct worker *worker = &trainer->workers[least];
		worker->share[worker->share_count++] = e;
		worker->load += trainer->examples[e].length;
	}
	return 0;
}

/* first: of the pass's examples. No other pass of the step has it, so it is what
 * dropout's masks go by. */
static void train_pass(struct trainer *trainer, struct worker *worker, int first)
{
	struct token_batch *rows = &worker->rows;
	const uint64_t pass = ((uint64_t)trainer->step << STEP_BITS) + (uint64_t)first;

	token_batch_fill(rows, trainer->k->row_step, trainer->config.context);
	gpt_dropout(worker->gpt, (float)trainer->options.dropout, trainer->options.seed, pass);
	gpt_pass(worker->gpt, &rows->batch, &worker->tally->loss);
	token_batch_clear(rows);
}

static void sum_gradients(struct trainer *trainer, int index)
{
	struct worker *worker = &trainer->workers[index];
	float *sum = gpt_gradients(trainer->workers[0].gpt);
	size_t begin, end;

	stretch(trainer, index, &begin, &end);
	for (int i = 1; i < trainer->options.workers; i++)
		trainer->k->add(worker->dev, sum + begin,
		                gpt_gradients(trainer->workers[i].gpt) + begin, end - begin);
	trainer->k->norm2(worker->dev, &worker->tally->norm2, sum + begin, end - begin);
}

static void step_parameters(struct trainer *trainer, int index)
{
	const struct trainer_options *options = &trainer->options;
	const struct worker *worker = &trainer->workers[index];
	const float *grad = gpt_gradients(trainer->workers[0].gpt);
	const struct muon muon = {
		.momentum = (float)options->momentum,
		.weight_decay = (float)options->weight_decay,
	};
	const struct adamw adamw = {
		.beta1 = (float)options->beta1,
		.beta2 = (float)options->beta2,
		.epsilon = 1e-8f,
		.weight_decay = (float)options->weight_decay,
	};
	size_t begin, end;

	for (int i = 0; i < trainer->hidden_count; i++) {
		const struct hidden *matrix = &trainer->hidden[i];
		if (matrix->worker == index)
			trainer->k->muon(worker->dev, trainer->params + matrix->offset,
			                 grad + matrix->offset, trainer->moment1 + matrix->offset,
			                 matrix->rows, matrix->cols, matrix->stride, &muon,
			                 trainer->update);
	}
	stretch(trainer, index, &begin, &end);
	trainer->k->adamw(worker->dev, trainer->params + begin, grad + begin,
	                  trainer->moment1 + begin, trainer->moment2 + begin, end - begin,
	                  worker->ranges, worker->range_count, &adamw, trainer->update);
}

/* From all workers' gradients to new parameters: nobody waits for the device to find out
 * about clipping, or that there is nothing to step by. */
static void update_parameters(struct trainer *trainer, int index)
{
	const int workers = trainer->options.workers;
	struct worker *first = &trainer->workers[0];

	sum_gradients(trainer, index);
	threads_barrier(trainer->threads);
	if (index == 0)
		trainer->k->clip(first->dev, trainer->update, first->tally, workers);
	threads_barrier(trainer->threads);
	step_parameters(trainer, index);
}

static void step_work(int index, void *data)
{
	struct trainer *trainer = data;
	struct worker *worker = &trainer->workers[index];
	const struct kernels *k = trainer->k;
	const bool remembered = k->replay && trainer->options.workers == 1;
	int first = 0; /* of the pass, in the share */

	gpt_zero_gradients(worker->gpt);
	k->zero(worker->dev, worker->tally, sizeof *worker->tally);
	gpt_hold(worker->gpt, true);
	token_batch_clear(&worker->rows);
	for (int i = 0; i < worker->share_count; i++) {
		const struct example *example = &trainer->examples[worker->share[i]];
		if (!token_batch_add(&worker->rows, example, trainer->weight)) {
			train_pass(trainer, worker, worker->share[first]);
			token_batch_add(&worker->rows, example, trainer->weight);
			first = i;
		}
	}
	if (worker->rows.count > 0)
		train_pass(trainer, worker, worker->share[first]);
	gpt_hold(worker->gpt, false);
	threads_barrier(trainer->threads);
	do {
		if (remembered && k->replay(worker->dev, NULL, (uintptr_t)trainer->update))
			return;
		update_parameters(trainer, index);
	} while (remembered && !k->recorded(worker->dev));
}

/* Weights of the step's tokens, scaled. The scale is meant for the mean loss, and the
 * network's is a sum: so they are divided by the power of two above the sum of weights
 * - by that sum itself they would be rounded - and no gradient of a logit is larger
 * than the scale, however large the batch and the weights. */
static void scale_weights(struct trainer *trainer)
{
	int exponent;

	trainer->row_scale = 1;
	if (trainer->scaling.scale > 0) {
		frexp(trainer->weight_sum, &exponent);
		trainer->row_scale = ldexp(trainer->scaling.scale, -exponent);
	}
	for (int kind = 0; kind < SPAN_KINDS; kind++)
		trainer->weight[kind] =
			(float)((double)trainer->options.weight[kind] * trainer->row_scale);
}

/* 1 / (1 - betaⁿ) */
static float correction(double beta, int64_t n)
{
	return (float)(1.0 / (1.0 - pow((float)beta, (double)n)));
}

/* What the step is taken with goes to the first worker. */
static void begin_step(struct trainer *trainer)
{
	const struct trainer_options *options = &trainer->options;
	const struct update update = {
		.lr = (float)trainer_lr(options, trainer->step),
		.correct1 = correction(options->beta1, trainer->step + 1),
		.correct2 = correction(options->beta2, trainer->step + 1),
		.norm_max = options->clip,
		.mean = 1.0 / trainer->weight_sum / trainer->row_scale,
	};

	trainer->k->upload(trainer->workers[0].dev, trainer->update, &update, sizeof update);
}

/* And what has become of it comes back. */
static void end_step(struct trainer *trainer, struct step_result *result)
{
	struct update update;

	trainer->k->download(trainer->workers[0].dev, &update, trainer->update, sizeof update);
	result->loss = update.loss / (double)result->tokens;
	result->grad_norm = update.norm;
	result->taken = update.finite;
}

/* The step is done. */
static void count_step(struct trainer *trainer)
{
	struct loss_scaling *scaling = &trainer->scaling;

	trainer->step++;
	if (scaling->scale > 0 && ++scaling->good >= SCALE_GROWTH) {
		scaling->scale *= 2;
		scaling->good = 0;
	}
}

/* A gradient is not finite: can it be at half the scale? */
static bool skip_step(struct trainer *trainer)
{
	struct loss_scaling *scaling = &trainer->scaling;

	if (scaling->scale < 2)
		return false;
	scaling->scale /= 2;
	scaling->good = 0;
	scaling->skipped++;
	return true;
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
	*result = (struct step_result){
		.lr = trainer_lr(&trainer->options, trainer->step),
		.loss_scale = trainer->scaling.scale,
	};
	trainer->examples = examples;
	trainer->example_count = count;
	trainer->weight_sum = 0;
	for (int e = 0; e < count; e++) {
		trainer->weight_sum += sum_of_weights(&examples[e], trainer->options.weight);
		result->tokens += examples[e].length - 1;
		result->flops += gpt_training_flops(&trainer->config, examples[e].length - 1);
	}
	if (trainer->weight_sum <= 0)
		return err_set(err, "no token of the batch has a weight above 0");
	if (share_out(trainer, err) < 0)
		return -1;
	scale_weights(trainer);
	begin_step(trainer);
	threads_run(trainer->threads, step_work, trainer);
	end_step(trainer, result);
	/* no scale can mend the loss itself */
	if (!result->taken && !(isfinite(result->loss) && skip_step(trainer)))
		return not_finite(trainer, result, err);
	if (result->taken)
		count_step(trainer);
	result->skipped = trainer->scaling.skipped;
	return 0;
}

/* ---- evaluation ---- */

static void evaluate_pass(struct trainer *trainer, struct worker *worker)
{
	struct token_batch *rows = &worker->rows;

	token_batch_fill(rows, trainer->k->row_step, trainer->config.context);
	gpt_dropout(worker->gpt, 0, 0, 0);
	gpt_forward(worker->gpt, &rows->batch, rows->loss);
	for (int i = 0; i < rows->count; i++) {
		worker->evaluation.loss[rows->kind[i]] += rows->loss[i];
		worker->evaluation.tokens[rows->kind[i]]++;
	}
	token_batch_clear(rows);
}

static void evaluate_work(int index, void *data)
{
	struct trainer *trainer = data;
	struct worker *worker = &trainer->workers[index];

	worker->evaluation = (struct evaluation){0};
	gpt_hold(worker->gpt, true);
	token_batch_clear(&worker->rows);
	for (int i = index; i < trainer->example_count; i += trainer->options.workers) {
		struct example example = dataset_example(trainer->dataset, (size_t)i);
		if (!token_batch_add(&worker->rows, &example, trainer->options.weight)) {
			evaluate_pass(trainer, worker);
			token_batch_add(&worker->rows, &example, trainer->options.weight);
		}
	}
	if (worker->rows.count > 0)
		evaluate_pass(trainer, worker);
	gpt_hold(worker->gpt, false);
}

void trainer_evaluate(struct trainer *trainer, const struct dataset *dataset, size_t count,
                      struct evaluation *evaluation)
{
	trainer->dataset = dataset;
	trainer->example_count = (int)(count < dataset->count ? count : dataset->count);
	threads_run(trainer->threads, evaluate_work, trainer);
	*evaluation = (struct evaluation){0};
	for (int i = 0; i < trainer->options.workers; i++)
		for (int kind = 0; kind < SPAN_KINDS; kind++) {
			evaluation->loss[kind] += trainer->workers[i].evaluation.loss[kind];
			evaluation->tokens[kind] += trainer->workers[i].evaluation.tokens[kind];
		}
}

/* ---- state ---- */

int64_t trainer_steps(const struct trainer *trainer)
{
	return trainer->step;
}

struct loss_scaling trainer_scaling(const struct trainer *trainer)
{
	return trainer->scaling;
}

int trainer_state(const struct trainer *trainer, struct trainer_state *state, struct err *err)
{
	const size_t bytes = trainer->count * sizeof *state->params;
	struct device *first = trainer->workers[0].dev;

	*state = (struct trainer_state){
		.params = malloc(bytes),
		.moment1 = malloc(bytes),
		.moment2 = malloc(bytes),
		.step = trainer->step,
		.scaling = trainer->scaling,
	};
	if (!state->params || !state->moment1 || !state->moment2) {
		trainer_state_release(state);
		return err_set(err, "out of memory for the state of %zu parameters", trainer->count);
	}
	trainer->k->download(first, state->params, trainer->params, bytes);
	trainer->k->download(first, state->moment1, trainer->moment1, bytes);
	trainer->k->download(first, state->moment2, trainer->moment2, bytes);
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
	const size_t bytes = trainer->count * sizeof *state->params;
	struct device *first = trainer->workers[0].dev;

	trainer->k->upload(first, trainer->params, state->params, bytes);
	trainer->k->upload(first, trainer->moment1, state->moment1, bytes);
	trainer->k->upload(first, trainer->moment2, state->moment2, bytes);
	trainer->step = state->step;
	trainer->scaling = (struct loss_scaling){.scale = first_scale(&trainer->options)};
	if (trainer->scaling.scale > 0 && state->scaling.scale > 0)
		trainer->scaling = state->scaling;
}

void trainer_params(const struct trainer *trainer, float *params)
{
	trainer->k->download(trainer->workers[0].dev, params, trainer->params,
	                     trainer->count * sizeof *params);
}
