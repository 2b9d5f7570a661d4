#include "common/train/optimizer.h"

#include <math.h>
#include <stdlib.h>

/* A matrix that one worker steps with Muon. */
struct muon_matrix {
	size_t offset; /* of its first element in the parameters */
	int rows, cols, stride; /* stride: elements from one row to the next */
	int worker;
};

/* What one worker sums and steps. */
struct share {
	struct device *dev; /* the caller's */
	size_t begin, end; /* of its stretch, in the parameters */
	struct adamw_range *ranges; /* [range_count], device memory: of the stretch, from its begin */
	int range_count;
	struct tally *tally; /* of this step; device memory behind optimizer.update */
};

struct optimizer {
	struct optimizer_options options;
	const struct kernels *k;
	size_t count; /* parameters */
	int workers;
	struct share *shares; /* [workers] */
	struct muon_matrix *matrices; /* [matrix_count]; none without Muon */
	int matrix_count;
	/* device memory of the first worker, as is the tallies' */
	float *params, *moment1, *moment2; /* [count] */
	struct update *update; /* what the step is taken with, and its result */
};

/* ---- shares ---- */

/* List the matrices for Muon. Each goes to the worker that has the least to do so far,
 * by the multiplications of the product of a matrix and its transpose. */
static int list_matrices(struct optimizer *optimizer, const struct gpt_tensor *tensors,
                         int tensor_count, struct err *err)
{
	double *work = calloc((size_t)optimizer->workers, sizeof *work);
	int count = 0;

	for (int i = 0; i < tensor_count; i++)
		count += tensors[i].hidden;
	optimizer->matrices = calloc((size_t)count, sizeof *optimizer->matrices);
	if (!work || !optimizer->matrices) {
		free(work);
		return err_set(err, "out of memory");
	}
	for (int i = 0; i < tensor_count; i++) {
		const struct gpt_tensor *tensor = &tensors[i];
		for (int part = 0; part < tensor->hidden; part++) {
			const int rows = tensor->rows, cols = tensor->cols / tensor->hidden;
			int least = 0;
			for (int w = 1; w < optimizer->workers; w++)
				if (work[w] < work[least])
					least = w;
			work[least] += (double)rows * cols * (rows < cols ? rows : cols);
			optimizer->matrices[optimizer->matrix_count++] = (struct muon_matrix){
				.offset = tensor->offset + (size_t)(part * cols),
				.rows = rows, .cols = cols, .stride = tensor->cols, .worker = least,
			};
		}
	}
	free(work);
	return 0;
}

/* List what AdamW steps of a stretch. Tensors that stand side by side make one range if
 * weight decay applies to all of them, or to none. */
static int list_ranges(struct optimizer *optimizer, struct share *share,
                       const struct gpt_tensor *tensors, int tensor_count, struct err *err)
{
	const bool muon = optimizer->options.kind == OPTIMIZER_MUON;
	struct adamw_range *ranges = calloc((size_t)tensor_count, sizeof *ranges);
	struct adamw_range *last = NULL;
	int count = 0;

	if (!ranges)
		return err_set(err, "out of memory");
	for (int i = 0; i < tensor_count; i++) {
		const struct gpt_tensor *tensor = &tensors[i];
		const size_t from = tensor->offset > share->begin ? tensor->offset : share->begin;
		const size_t behind = tensor->offset + tensor->count;
		const size_t to = behind < share->end ? behind : share->end;
		if (from >= to || (muon && tensor->hidden))
			continue;
		if (last && last->end == from - share->begin && last->decay == tensor->decay) {
			last->end = to - share->begin;
			continue;
		}
		last = &ranges[count++];
		*last = (struct adamw_range){from - share->begin, to - share->begin, tensor->decay};
	}
	const size_t bytes = (size_t)count * sizeof *ranges;
	share->ranges = optimizer->k->alloc(share->dev, bytes);
	share->range_count = count;
	if (share->ranges)
		optimizer->k->upload(share->dev, share->ranges, ranges, bytes);
	free(ranges);
	return share->ranges ? 0 : err_set(err, "out of memory");
}

/* Stretches of equal length but for the last ones, in whole vectors of 16 floats. */
static void divide(struct optimizer *optimizer)
{
	const size_t count = optimizer->count;
	const size_t part = (count / (size_t)optimizer->workers + 15) / 16 * 16 + 16;

	for (int w = 0; w < optimizer->workers; w++) {
		struct share *share = &optimizer->shares[w];
		share->begin = (size_t)w * part < count ? (size_t)w * part : count;
		share->end = share->begin + part < count ? share->begin + part : count;
	}
}

/* ---- making and freeing ---- */

static int make_update(struct optimizer *optimizer, struct err *err)
{
	const size_t workers = (size_t)optimizer->workers;
	struct tally *tallies;

	optimizer->update = optimizer->k->alloc(optimizer->shares[0].dev, sizeof *optimizer->update +
	                                        workers * sizeof *tallies);
	if (!optimizer->update)
		return err_set(err, "out of memory");
	tallies = (struct tally *)(optimizer->update + 1);
	for (int w = 0; w < optimizer->workers; w++)
		optimizer->shares[w].tally = &tallies[w];
	return 0;
}

static int make_arrays(struct optimizer *optimizer, const float *params, struct err *err)
{
	const size_t bytes = optimizer->count * sizeof *params;
	const struct kernels *k = optimizer->k;
	struct device *first = optimizer->shares[0].dev;

	optimizer->params = k->alloc(first, bytes);
	optimizer->moment1 = k->alloc(first, bytes);
	optimizer->moment2 = k->alloc(first, bytes);
	if (!optimizer->params || !optimizer->moment1 || !optimizer->moment2)
		return err_set(err, "out of memory for %zu parameters", optimizer->count);
	k->upload(first, optimizer->params, params, bytes);
	k->zero(first, optimizer->moment1, bytes);
	k->zero(first, optimizer->moment2, bytes);
	k->wait(first);
	return 0;
}

static int make_shares(struct optimizer *optimizer, const struct gpt_config *config,
                       struct err *err)
{
	const int tensor_count = gpt_tensor_count(config);
	struct gpt_tensor *tensors = calloc((size_t)tensor_count, sizeof *tensors);
	int result = 0;

	if (!tensors)
		return err_set(err, "out of memory");
	gpt_tensors(config, tensors);
	divide(optimizer);
	if (optimizer->options.kind == OPTIMIZER_MUON)
		result = list_matrices(optimizer, tensors, tensor_count, err);
	for (int w = 0; w < optimizer->workers && result == 0; w++)
		result = list_ranges(optimizer, &optimizer->shares[w], tensors, tensor_count, err);
	free(tensors);
	return result;
}

struct optimizer *optimizer_new(const struct gpt_config *config,
                                const struct optimizer_options *options,
                                const struct kernels *kernels, struct device *const *devices,
                                int workers, const float *params, struct err *err)
{
	struct optimizer *optimizer = calloc(1, sizeof *optimizer);
	struct share *shares = calloc((size_t)workers, sizeof *shares);

	if (!optimizer || !shares) {
		free(optimizer);
		free(shares);
		err_set(err, "out of memory");
		return NULL;
	}
	for (int w = 0; w < workers; w++)
		shares[w].dev = devices[w];
	*optimizer = (struct optimizer){
		.options = *options,
		.k = kernels,
		.count = gpt_parameter_count(config),
		.workers = workers,
		.shares = shares,
	};
	if (make_arrays(optimizer, params, err) < 0 || make_update(optimizer, err) < 0 ||
	    make_shares(optimizer, config, err) < 0) {
		optimizer_free(optimizer);
		return NULL;
	}
	return optimizer;
}

void optimizer_free(struct optimizer *optimizer)
{
	if (!optimizer)
		return;
	const struct kernels *k = optimizer->k;
	struct device *first = optimizer->shares[0].dev;

	for (int w = 0; w < optimizer->workers; w++)
		k->free(optimizer->shares[w].dev, optimizer->shares[w].ranges);
	k->free(first, optimizer->params);
	k->free(first, optimizer->moment1);
	k->free(first, optimizer->moment2);
	k->free(first, optimizer->update);
	free(optimizer->shares);
	free(optimizer->matrices);
	free(optimizer);
}

/* ---- a step ---- */

const float *optimizer_params(const struct optimizer *optimizer)
{
	return optimizer->params;
}

/* AdamW's correction of a moment that started at 0, in step n: 1 / (1 - betaⁿ). */
static float correction(double beta, int64_t n)
{
	return (float)(1.0 / (1.0 - pow((float)beta, (double)n)));
}

void optimizer_begin(struct optimizer *optimizer, int64_t number, double lr, double mean)
{
	const struct optimizer_options *options = &optimizer->options;
	const struct update update = {
		.lr = (float)lr,
		.correct1 = correction(options->beta1, number),
		.correct2 = correction(options->beta2, number),
		.norm_max = options->clip,
		.mean = mean,
	};

	optimizer->k->upload(optimizer->shares[0].dev, optimizer->update, &update, sizeof update);
}

double *optimizer_losses(struct optimizer *optimizer, int worker)
{
	const struct share *share = &optimizer->shares[worker];

	optimizer->k->zero(share->dev, share->tally, sizeof *share->tally);
	return &share->tally->loss;
}

/* Sum the stretch's gradients of all workers into those of worker 0. */
static void sum_gradients(const struct optimizer *optimizer, const struct share *share,
                          float *const *gradients)
{
	const size_t begin = share->begin, count = share->end - share->begin;
	float *sum = gradients[0] + begin;

	for (int w = 1; w < optimizer->workers; w++)
		optimizer->k->add(share->dev, sum, gradients[w] + begin, count);
	optimizer->k->norm2(share->dev, &share->tally->norm2, sum, count);
}

static void step_share(const struct optimizer *optimizer, int worker, const float *gradient)
{
	const struct optimizer_options *options = &optimizer->options;
	const struct share *share = &optimizer->shares[worker];
	const size_t begin = share->begin;
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

	for (int i = 0; i < optimizer->matrix_count; i++) {
		const struct muon_matrix *matrix = &optimizer->matrices[i];
		const size_t at = matrix->offset;
		if (matrix->worker == worker)
			optimizer->k->muon(share->dev, optimizer->params + at, gradient + at,
			                   optimizer->moment1 + at, matrix->rows, matrix->cols,
			                   matrix->stride, &muon, optimizer->update);
	}
	optimizer->k->adamw(share->dev, optimizer->params + begin, gradient + begin,
	                    optimizer->moment1 + begin, optimizer->moment2 + begin,
	                    share->end - begin, share->ranges, share->range_count, &adamw,
	                    optimizer->update);
}

void optimizer_update(struct optimizer *optimizer, int worker, float *const *gradients,
                      struct threads *threads)
{
	const struct kernels *k = optimizer->k;
	const struct share *share = &optimizer->shares[worker];
	const bool replayed = k->replay && optimizer->workers == 1;

	threads_barrier(threads);
	do {
		if (replayed && k->replay(share->dev, NULL, (uintptr_t)optimizer->update))
			return;
		sum_gradients(optimizer, share, gradients);
		threads_barrier(threads);
		if (worker == 0)
			k->clip(share->dev, optimizer->update, share->tally, optimizer->workers);
		threads_barrier(threads);
		step_share(optimizer, worker, gradients[0]);
	} while (replayed && !k->recorded(share->dev));
}

struct optimizer_result optimizer_end(struct optimizer *optimizer)
{
	struct update update;

	optimizer->k->download(optimizer->shares[0].dev, &update, optimizer->update, sizeof update);
	return (struct optimizer_result){
		.loss = update.loss,
		.norm = update.norm,
		.taken = update.finite,
	};
}

/* ---- state ---- */

void optimizer_download(const struct optimizer *optimizer, float *params, float *moment1,
                        float *moment2)
{
	const size_t bytes = optimizer->count * sizeof *params;
	struct device *first = optimizer->shares[0].dev;

	if (params)
		optimizer->k->download(first, params, optimizer->params, bytes);
	if (moment1)
		optimizer->k->download(first, moment1, optimizer->moment1, bytes);
	if (moment2)
		optimizer->k->download(first, moment2, optimizer->moment2, bytes);
}

void optimizer_upload(struct optimizer *optimizer, const float *params, const float *moment1,
                      const float *moment2)
{
	const size_t bytes = optimizer->count * sizeof *params;
	struct device *first = optimizer->shares[0].dev;

	optimizer->k->upload(first, optimizer->params, params, bytes);
	optimizer->k->upload(first, optimizer->moment1, moment1, bytes);
	optimizer->k->upload(first, optimizer->moment2, moment2, bytes);
}
